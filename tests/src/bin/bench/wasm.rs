//! The same recording played by native code and by WebAssembly, which is run by Node.

use super::placement::OPENB;
use super::{RUNS, fastest, millis};
use kubarium_core::Span;
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::recording::Recording;
use kubarium_core::sim::{BEGINNING, Scenario, World};
use kubarium_foresight::Replica;
use kubarium_tests::workload;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Plays as the page's second thread does: what it is sent is read, played again, and a request is answered.
const SCRIPT: &str = include_str!("wasm.mjs");

/// The text of a recording of the load of `bench openb`, from the first manifest until all that can run runs.
fn recorded() -> String {
    let manifests = workload::nodes(OPENB.0, 1).into_iter().chain(workload::pods(OPENB.1, 1));
    let manifests = manifests.map(|manifest| (&manifest).into()).collect();
    let mut world = World::new(&Scenario { manifests, ..Scenario::default() });
    while !world.settle(BEGINNING + Span::from_secs(86_400), u32::MAX).reached {}
    world.recording().to_value().to_string()
}

fn play(text: &str) -> Result<(), String> {
    let value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let recording = Recording::from_value(&value).map_err(|e| e.message)?;
    let mut replica = Replica::default();
    replica.follow(&recording, |_| ());
    replica.ask(Request::new(Method::Get, "/version"));
    Ok(())
}

/// Measures the bundle in that directory.
pub(crate) fn measure(bundle: &str) -> Result<(), String> {
    let bundle = Path::new(bundle).canonicalize().map_err(|e| format!("{bundle}: {e}; `cargo xtask web` builds it"))?;
    let text = recorded();
    play(&text)?;
    let native = fastest(RUNS, || drop(play(&text)));
    let file = std::env::temp_dir().join(format!("kubarium-recording-{}.json", std::process::id()));
    std::fs::write(&file, &text).map_err(|e| format!("{}: {e}", file.display()))?;
    let request = serde_json::to_string(&Request::new(Method::Get, "/version")).map_err(|e| e.to_string())?;
    let node = Command::new("node")
        .args(["--input-type=module", "--eval", SCRIPT, "--"])
        .arg(&bundle)
        .arg(&file)
        .args([&request, &RUNS.to_string()])
        .output();
    // It is of no use to anybody else.
    let _ = std::fs::remove_file(&file);
    let node = node.map_err(|e| format!("node: {e}"))?;
    let said = String::from_utf8_lossy(&node.stdout);
    let wasm: f64 =
        said.trim().parse().map_err(|_| format!("node: {said}{}", String::from_utf8_lossy(&node.stderr)))?;
    let wasm = Duration::from_secs_f64(wasm / 1e3);
    println!("{} pods on {} nodes, from the first manifest until all run:", OPENB.1, OPENB.0);
    println!("native {:.0} ms, WebAssembly under Node {:.0} ms", millis(native), millis(wasm));
    println!("WebAssembly runs at {:.2} of the native rate (aim 0.5)", native.as_secs_f64() / wasm.as_secs_f64());
    Ok(())
}
