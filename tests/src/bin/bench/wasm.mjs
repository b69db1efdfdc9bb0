// Prints the milliseconds that the fastest of several runs takes, each in a module of its own.
import { readFileSync } from "node:fs";

const [bundle, file, request, runs] = process.argv.slice(-4);
const recording = readFileSync(file, "utf8");
const code = readFileSync(`${bundle}/kubarium-foresight_bg.wasm`);
// What the module finds in a thread of a page.
globalThis.DedicatedWorkerGlobalScope = class {
  static [Symbol.hasInstance]() {
    return true;
  }
};
let answer;
globalThis.postMessage = (said) => {
  answer = said;
};
// A bundle names its scripts as a page does, not as Node does.
const script = readFileSync(`${bundle}/kubarium-foresight.js`, "utf8");

let best = Infinity;
for (let run = 0; run < Number(runs); run += 1) {
  const { initSync } = await import(`data:text/javascript,${encodeURIComponent(`${script}\n// ${run}`)}`);
  initSync({ module: new WebAssembly.Module(code) });
  const start = performance.now();
  globalThis.onmessage({ data: [recording, request] });
  best = Math.min(best, performance.now() - start);
  if (typeof answer !== "string") throw new Error(`no answer: ${answer}`);
}
console.log(best);
