//! Links the engine so that it starts quickly.

#![expect(clippy::disallowed_methods, reason = "a program of its own, which asks this machine")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The loader otherwise reads 600 kB of relocations at each start, which takes a tenth of it. The C library
    // knows them packed since 2.36; a linker that does not know the option says so and goes on.
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let native = variable("HOST") == variable("TARGET") && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    if native && glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's C library: `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
