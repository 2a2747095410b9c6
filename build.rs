//! Links the engine so that it starts quickly.

#![expect(clippy::disallowed_methods, reason = "a program of its own, which asks this machine")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // At a fixed address, nothing has to be relocated: a quarter of the start. What that gives up, a random address
    // of the code, would make little difference to a program that runs what its documents say.
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
