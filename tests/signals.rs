//! Stopped in the middle: nothing is left running, and the record says what happened.

use crate::harness::{Running, Test, exit_code};
use nix::sys::signal::Signal;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Stops on request only; its `always` step shows that what always runs did.
const LONG: &str = "# Long\n\n1. Change:\n   ```bash\n   echo begun; (sleep 60; true) & sleep 60\n   ```\n2. Next:\n   ```bash\n   touch next\n   ```\n\
    <!-- runbook: always=yes effect=changes -->\n```bash\ntouch always\n```\n";

fn types(test: &Test) -> Vec<String> {
    test.journal().iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_signal_stops_the_step_runs_what_always_runs_and_finishes_the_record() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let test = Test::on(LONG, &["exec", "Long"]);
        let mut run = test.spawn();
        run.wait_for("    begun");
        run.signal(signal);
        let (status, stdout, stderr) = run.finish(LIMIT);
        let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert_eq!(exit_code(status), 128 + signal as i32, "{said}");
        assert_eq!(test.leftovers(), Vec::<String>::new(), "{said}");
        assert!(test.path("always").exists() && !test.path("next").exists(), "{said}");
        let types = types(&test);
        assert!(types.contains(&"cancel".to_owned()), "{types:?}");
        assert_eq!(types.last().map(String::as_str), Some("run_finished"));
        let last = test.journal().pop().expect("has an end");
        assert_eq!(last["exit"], 128 + signal as i32);
    }
}

#[test]
fn a_dropped_connection_lets_the_step_end_and_starts_no_other() {
    let text = "# Hup\n\n1. Change:\n   ```bash\n   echo begun; until test -e go; do sleep 0.05; done; touch ended\n   ```\n2. Next:\n   ```bash\n   touch next\n   ```\n";
    let test = Test::on(text, &["exec", "Hup"]);
    let mut run = test.spawn_heeding_hangups();
    run.wait_for("    begun");
    run.signal(Signal::SIGHUP);
    std::fs::write(test.path("go"), "").expect("is ours");
    let (status, ..) = run.finish(LIMIT);
    assert_eq!(exit_code(status), 129);
    assert!(test.path("ended").exists() && !test.path("next").exists());
    assert_eq!(types(&test).last().map(String::as_str), Some("run_finished"));
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn a_closed_output_lets_the_step_end_and_starts_no_other() {
    let text = "# Pipe\n\n1. Change:\n   ```bash\n   echo begun; touch ended\n   ```\n2. Next:\n   ```bash\n   touch next\n   ```\n";
    let test = Test::on(text, &["exec", "Pipe"]);
    let status = Running::start_with_closed_stdout(test.command()).wait();
    assert_eq!(exit_code(status), 141);
    assert!(!test.path("next").exists());
    assert_eq!(types(&test).last().map(String::as_str), Some("run_finished"));
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn a_killed_engine_leaves_nothing_running_and_an_unknown_step() {
    let test = Test::on(LONG, &["exec", "Long"]);
    let mut run = test.spawn();
    run.wait_for("    begun");
    run.signal(Signal::SIGKILL);
    assert_eq!(exit_code(run.wait()), 137);
    assert_eq!(test.leftovers(), Vec::<String>::new());
    let types = types(&test);
    assert!(
        types.contains(&"step_started".to_owned()) && !types.contains(&"run_finished".to_owned()),
        "{types:?}"
    );
    let finished = test.again(&["runs"]).run().exit(0).says("unknown");
    let finished = finished.test.again(&["report", "last"]).run().exit(0).says("no end");
    let finished = finished.test.again(&["verify", "last"]).run().exit(1).says("not finished");
    let report = finished.test.again(&["report", "last", "--format", "json"]).run().exit(0).json();
    assert_eq!(report["steps"][0]["status"], "unknown", "{report}");
}

#[test]
fn a_run_that_ends_after_a_destroying_step_says_first_what_is_down() {
    let text = "# Down\n\n1. Stop it:\n   ```bash\n   rm -f service; echo begun; sleep 60\n   ```\n2. Start it:\n   ```bash\n   touch service\n   ```\n";
    let test = Test::on(text, &["exec", "Down", "--yes"]);
    let mut run = test.spawn();
    run.wait_for("    begun");
    run.signal(Signal::SIGINT);
    let (_, stdout, _) = run.finish(LIMIT);
    let said = String::from_utf8_lossy(&stdout);
    assert!(said.contains("may be down or lost, by step 1 `Stop it`"), "{said}");
    assert!(said.contains("did not run: step 2 `Start it`"), "{said}");
}
