//! A chaos suite that a procedure runs on a stage, as root and as an ordinary user: one level deep, in
//! sandboxes of its own, and nothing of it left.

use crate::harness::rehearsal::our_stage_elsewhere;
use crate::harness::site::{self as place, WITH_SCENARIOS};
use crate::harness::{Finished, Test, exit_code};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Events of the runs below a directory.
fn journals(runs: &Path) -> Vec<Vec<Value>> {
    let read = |directory: PathBuf| {
        let text = std::fs::read_to_string(directory.join("journal.jsonl")).expect("every run has a journal");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    };
    let entries = std::fs::read_dir(runs).expect("there are runs");
    entries.map(|entry| read(entry.expect("is readable").path())).collect()
}

/// The records of the suite within the only run of `test`.
fn within(test: &Test) -> Vec<Vec<Value>> {
    let runs = test.state().join("runs");
    let only = std::fs::read_dir(&runs).expect("a run was recorded").next().expect("there is one");
    journals(&only.expect("is readable").path().join("chaos/runs"))
}

/// The seed's own case: LeviBot, its script and its suite.
fn levibot() -> Test {
    our_stage_elsewhere(&["mttr-engine-stopped", "mttr-api-down", "chaos-cure-broken", "ws-feed-slow"])
        .args(&["rehearse", "Chaos Test Failed", "--no-prepare"])
}

/// The cure that the fault has broken was found, by two rehearsals in sandboxes within the sandbox.
fn found_the_broken_cure(finished: Finished) {
    let finished = finished
        .exit(0)
        .says(r#""trial":1,"status":"fail","error":false,"reason":"the scenario expects the main branch; step 3"#)
        .says("    FAIL  mttr-engine-stopped                fallback ")
        .says("    pass  mttr-api-down                      fallback ")
        .says("    skipped chaos-cure-broken: its procedure is the one that runs this suite\n")
        .says("    skipped ws-feed-slow: on a stage only 2 scenarios are rehearsed\n")
        .says("    1 of 2 trials passed (50 %); target `≥ 90% pass rate`")
        .says("rehearsal passed with fault `cure-broken` (exit 0)");
    let within = within(&finished.test);
    // The fault runs the suite once to have a failure, the procedure once more.
    assert_eq!(within.len(), 4);
    for journal in &within {
        assert_eq!(journal[0]["title"], "MTTR Exceeded");
        assert_eq!(journal.last().expect("has events")["rehearsal"]["passed"], true);
    }
    finished.leaves_nothing();
}

#[test]
fn a_suite_on_a_stage_finds_what_the_fault_has_broken() {
    found_the_broken_cure(levibot().run());
}

#[test]
fn a_suite_on_an_ordinary_users_stage_finds_it_too() {
    let finished = levibot().by_ordinary_user().run();
    found_the_broken_cure(finished.never_says("share its process table"));
}

/// The fault of the procedure that runs the suite.
const SUSPECTED: &str = "  suspected:
    procedures: [Suite Failed]
    inject: touch suspected
    symptom: test -e suspected
    revert: rm -f suspected
    shows: the suite is over
";

const RUNBOOK: &str = "# Site

## Alert: Site Down

1. Repair it:
   ```bash
   REPAIR
   rm broken
   ```

## Alert: Suite Failed

1. Run the suite:
   ```bash
   runbook chaos --seed 1
   ```
2. Look at what is left:
   ```bash
   echo \"the suite is over; sleeping: $(grep -lsa '^sleep.600' /proc/[0-9]*/cmdline | wc -l)\"
   ls /tmp
   ```
";

/// A suite on a stage of which each trial runs `repair`.
fn site(repair: &str) -> Test {
    place::site(&RUNBOOK.replace("REPAIR", repair), SUSPECTED, &[WITH_SCENARIOS])
        .file("scenarios/a.yaml", "name: a\nprocedure: Site Down\nfault: broken\nbranch: main\n")
        .file("scenarios/self.yaml", "name: self\nprocedure: Suite Failed\nfault: suspected\nbranch: main\n")
        .args(&["rehearse", "Suite Failed"])
}

/// What is left on the stage when the suite is over is the stage's own service.
fn leaves_the_stage_alone(test: Test) {
    let finished = test.run().exit(0);
    finished
        .says("    1 of 1 trial passed (100 %)")
        .says("the suite is over; sleeping: 1\n")
        .never_says("    chaos-")
        .leaves_nothing();
}

#[test]
fn nothing_of_a_suite_is_left_on_the_stage() {
    leaves_the_stage_alone(site("true"));
    leaves_the_stage_alone(site("true").by_ordinary_user());
}

#[test]
fn a_suite_goes_one_level_deep() {
    for user in [|test: Test| test, Test::by_ordinary_user] {
        let finished = user(site("runbook chaos 2>deep || true\\n   cat deep".replace("\\n", "\n").as_str()))
            .run()
            .exit(0);
        let within = within(&finished.test);
        let [journal] = within.as_slice() else { panic!("one trial: {within:?}") };
        let output: String = journal.iter().filter_map(|event| event["text"].as_str()).collect();
        let refused = "error: this stage is within another, and a chaos suite goes one level deep\nhint: rehearse the \
                       scenario alone to see what it does\n";
        assert!(output.contains(refused), "{output}");
        finished.leaves_nothing();
    }
}

/// Starts a suite on a stage, ends the rehearsal by `signal` while a trial waits, and expects `exit` and that
/// nothing is left.
fn ended_by(signal: Signal, exit: i32) {
    for user in [|test: Test| test, Test::by_ordinary_user] {
        let test = user(site("sleep 601"));
        let running = test.spawn();
        let end = Instant::now() + Duration::from_secs(30);
        while !test.marked().iter().any(|line| line.trim_end().ends_with("sleep 601")) {
            assert!(Instant::now() < end, "{:?}", test.marked());
            std::thread::yield_now();
        }
        kill(Pid::from_raw(running.pid().cast_signed()), signal).expect("it runs");
        let (status, ..) = running.finish(Duration::from_secs(60));
        assert_eq!(exit_code(status), exit);
        assert_eq!(test.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_killed_rehearsal_takes_the_suite_on_its_stage_with_it() {
    ended_by(Signal::SIGKILL, 137);
}

#[test]
fn a_stopped_rehearsal_stops_the_suite_on_its_stage() {
    ended_by(Signal::SIGINT, 130);
}

#[test]
fn where_the_project_is_not_above_a_variable_names_its_folder() {
    let test = Test::new()
        .file("project/runbooks/runbook.yaml", "procedures: [site.md]\n")
        .file("project/runbooks/site.md", "# Site Down\n\n```bash\nls\n```\n");
    let without = test.args(&["list"]).run().exit(2).says("error: no runbook is named");
    let folder = without.test.path("project/runbooks");
    without.test.env("RUNBOOK_DIR", folder).run().exit(0).says("Site Down");
}
