//! Links the engine so that it starts quickly.

#![expect(clippy::disallowed_methods, reason = "a program of its own, which asks this machine")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // At a fixed address, nothing has to be relocated: a quarter of the start. What that gives up, a random address
    // of the code, would make little difference to a program that runs what its documents say.
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
        // What unwinds the stack comes along, where the compiler has it to give: one library less to load.
        if let Some(directory) = unwinder().filter(|_| variable("HOST") == variable("TARGET")) {
            println!("cargo::rustc-link-search=native={}", directory.display());
            println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
        }
    }
}

/// Where the linker's own compiler keeps it.
fn unwinder() -> Option<PathBuf> {
    let output = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // A compiler that has none gives the bare name back.
    path.is_file().then(|| path.parent().map(Path::to_owned))?
}
