//! The README's commands, run as they stand there.

use crate::harness::{RUNBOOK, Test, exit_code, root};
use std::process::Command;

/// The lines of the README's `sh` blocks.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).expect("is there");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_readme_works() {
    let commands = commands();
    assert!(commands.iter().any(|line| line.contains("rehearse")), "{commands:?}");
    for line in commands {
        // The suite is what runs this test.
        if line == "tests/run" {
            assert!(root().join(&line).exists());
            continue;
        }
        let test = Test::new();
        // What was built for the test stands for what `cargo run --release` would build.
        let script = line.replace("cargo run --release -- ", "\"$0\" ");
        assert!(script != line, "what is this command: {line}");
        let mut command: Command = test.other("bash");
        command.args(["-c", &script, RUNBOOK]).current_dir(root());
        command.env("HOME", std::env::var_os("HOME").unwrap_or_default());
        for name in ["CARGO_HOME", "RUSTUP_HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let output = command.output().expect("bash is there");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(exit_code(output.status), 0, "{line}\n{said}");
        assert!(
            line.ends_with(" runs")
                || said.contains("Engine Restart Failed")
                || said.contains("MTTR Exceeded"),
            "{line}\n{said}"
        );
        // What a step printed, or what it runs, is shown as it is; all else fits a terminal.
        let own = said.lines().filter(|line| !line.starts_with("    "));
        assert!(
            own.clone().all(|line| line.chars().count() <= 80),
            "{line}
{said}"
        );
        assert_eq!(test.leftovers(), Vec::<String>::new(), "{line}");
    }
}
