// The thread that answers what would be if. Loaded when somebody first asks, not with the page.
import init from "./kubarium-foresight.js";

init({ module_or_path: new URL("kubarium-foresight_bg.wasm", import.meta.url) }).catch(() => postMessage(false));
