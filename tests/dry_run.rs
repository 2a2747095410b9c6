//! `--dry-run` shows everything and touches nothing.

use crate::harness::{RUNBOOK, Test};

/// Everything in here would leave a trace if any of it ran.
const TRAPS: &str = r#"# Traps

1. Look at $(touch trap-label):
   ```bash
   cat $(touch trap-substitution; echo x) `touch trap-backticks`
   curl http://127.0.0.1:9/$(touch trap-url)
   ```
2. Change `touch trap-code`:
   ```bash
   touch trap-act; echo "{name}" > trap-file
   no-such-program-at-all
   ```
3. If this fails, do that:
   ```bash
   rm -rf trap-fallback; : > trap-redirect
   ```
4. Verify:
   <!-- runbook: retry=3 -->
   ```bash
   test -e trap-verify || touch trap-verify
   ```
"#;

const ARGS: &[&str] = &["exec", "Traps", "--name", "$(touch trap-value)", "--dry-run"];

#[test]
fn both_branches_and_missing_programs_are_shown_with_the_values_in_place() {
    let finished = Test::on(TRAPS, ARGS).run().exit(0);
    let finished = finished
        .says("fallback: if step 2 fails")
        .says("missing: `no-such-program-at-all`")
        .says("touch trap-value")
        .leaves_nothing();
    let left: Vec<_> = std::fs::read_dir(finished.test.path(""))
        .expect("is ours")
        .map(|entry| entry.expect("is readable").file_name())
        .collect();
    assert_eq!(left, ["doc.md"]);
    assert!(!finished.test.state().exists(), "a dry run leaves no record");
}

#[test]
fn under_strace_it_starts_nothing_connects_nowhere_and_writes_only_to_its_outputs() {
    let test = Test::on(TRAPS, &[]);
    let mut command = test.other("strace");
    let trace = test.path("trace");
    command
        .args(["-f", "-qq", "-e", "trace=execve,execveat,connect,write,pwrite64,writev,openat,open,creat,unlink,unlinkat,rename,mkdir,mkdirat,clone,clone3,fork,vfork", "-o"])
        .arg(&trace)
        .arg(RUNBOOK)
        .args(ARGS)
        .args(["--file", "doc.md"]);
    let output = command.output().expect("strace is installed by tests/run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = std::fs::read_to_string(trace).expect("strace wrote it");
    let mut lines = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim_start());
    assert!(lines.next().is_some_and(|first| first.starts_with("execve(")), "{trace}");
    for call in lines {
        let writes_elsewhere = call.contains("write")
            && !["write(1,", "write(2,", "writev(1,", "writev(2,"].iter().any(|it| call.starts_with(it));
        let opens_for_writing = call.starts_with("open")
            && ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| call.contains(flag));
        let starts = ["execve", "connect", "creat", "unlink", "rename", "mkdir", "clone", "fork", "vfork"]
            .iter()
            .any(|it| call.starts_with(it));
        assert!(!writes_elsewhere && !opens_for_writing && !starts, "{call}");
    }
}

#[test]
fn an_open_parameter_stops_a_dry_run_and_shows_in_a_plan() {
    Test::on(TRAPS, &["exec", "Traps", "--dry-run"]).run().exit(2).says("add --name VALUE");
    Test::on(TRAPS, &["plan", "Traps"]).run().exit(0).says("name is open: give --name VALUE");
}
