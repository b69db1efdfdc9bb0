// The simulation's own thread: the same module as the page, started where there is no window.
import init from "./kubarium-web.js";

init({ module_or_path: new URL("kubarium-web_bg.wasm", import.meta.url) });
