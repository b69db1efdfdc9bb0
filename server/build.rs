//! Lets cargo embed the dashboard anew when its bundle changes: its file names change with its content.

fn main() {
    println!("cargo::rerun-if-changed=../dist");
}
