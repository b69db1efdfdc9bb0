// The console's own thread. Loaded when somebody opens it, not with the page.
import init from "./kubarium-kubectl.js";

init({ module_or_path: new URL("kubarium-kubectl_bg.wasm", import.meta.url) });
