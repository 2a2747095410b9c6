//! The chaos suite as a person runs it: both branches, what fails, what cannot be judged, and being stopped.

use crate::harness::rehearsal::our_stage;
use crate::harness::site::{self as place, WITH_SCENARIOS};
use crate::harness::{Finished, OnTerminal, Test, exit_code, root};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::time::Duration;

/// A fault that only the fallback cures.
const HARD: &str = "  hard:
    procedures: [Site Down]
    inject: touch broken hard
    symptom: test -e broken
    revert: rm -f broken
    passes_when: test ! -e broken
";

/// What this suite's stage has besides.
const CHANGES: [(&str, &str); 3] = [
    WITH_SCENARIOS,
    ("revert: rm -f broken", "revert: rm -f broken hard"),
    ("passes_when: test ! -e broken\n", "passes_when: test ! -e broken\n    passes_within: 200ms\n"),
];

const RUNBOOK: &str = "# Site

## Alert: Site Down

**Target**: Recovery < 1 minute

1. Repair it:
   ```bash
   test ! -e hard && rm broken
   ```
2. If the repair fails, replace it:
   ```bash
   rm broken hard
   ```
3. Verify that it is well:
   ```bash
   test ! -e broken
   ```

## Alert: Suite Failed

**Target**: ≥ 90% pass rate

1. Look at <what>:
   ```bash
   ls <what>
   ```
";

const MAIN: &str = "name: repaired\nprocedure: Site Down\nfault: broken\nbranch: main\n";
const FALLBACK: &str = "name: replaced\nprocedure: Site Down\nfault: hard\nbranch: fallback\n";

/// A project with a stage, two scenarios and `changes` to the stage's file.
fn site(changes: &[(&str, &str)], args: &[&str]) -> Test {
    place::site(RUNBOOK, HARD, &[&CHANGES, changes].concat())
        .file("scenarios/a.yaml", MAIN)
        .file("scenarios/b.yaml", FALLBACK)
        .args(&["chaos", "--output", "out", "--seed", "7"])
        .args(args)
}

fn results(finished: &Finished) -> Vec<Value> {
    let text = finished.test.read("out/results.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn summary(finished: &Finished) -> Value {
    serde_json::from_str(&finished.test.read("out/summary.json")).expect("is JSON")
}

/// Scenario, status, error and reason of each result.
fn verdicts(finished: &Finished) -> Vec<(String, String, bool, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of =
        |it: &Value| (text(&it["scenario"]), text(&it["status"]), it["error"] == true, text(&it["reason"]));
    results(finished).iter().map(of).collect()
}

/// The runs on record.
fn runs(test: &Test) -> usize {
    std::fs::read_dir(test.state().join("runs")).map_or(0, Iterator::count)
}

#[test]
fn both_branches_are_taken_judged_and_written_down() {
    let finished = site(&[], &["--trials", "3"]).run().exit(0);
    let results = results(&finished);
    assert_eq!(results.len(), 6);
    for (index, result) in results.iter().enumerate() {
        let branch = ["main", "fallback"][index / 3];
        assert_eq!((&result["status"], &result["branch"]), (&"pass".into(), &branch.into()), "{result}");
        assert_eq!((&result["trial"], &result["exit"]), (&(index % 3 + 1).into(), &0.into()));
        assert!(result["recovered_ms"].is_u64() && result["run"].is_string(), "{result}");
    }
    let summary = summary(&finished);
    assert_eq!((&summary["pass_rate"], &summary["verdict"]), (&1.0.into(), &"pass".into()));
    assert_eq!((&summary["mttr_ms"]["n"], &summary["targets"]["met"]), (&6.into(), &6.into()));
    assert_eq!((&summary["branches"]["covered"], &summary["branches"]["of"]), (&2.into(), &3.into()));
    assert_eq!(summary["pass_rate_target"]["text"], "≥ 90% pass rate");
    for line in finished.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let finished = finished
        .says("repaired                    3/3 100 %")
        .says("6 of 6 trials passed (100 %); target `≥ 90% pass rate` (runbooks/site.md:")
        .says("the suite is good\n  results: out/results.jsonl\n")
        .leaves_nothing();
    assert_eq!(runs(&finished.test), 6);
    let stats = finished.test.again(&["stats"]).run().exit(0).says("rehearsals").says("target met  6 of 6");
    let coverage = stats.test.again(&["coverage", "--format", "json"]).run().exit(0).json();
    let parts = coverage["procedures"][0]["parts"].as_array().expect("is a list").clone();
    for part in parts {
        assert!(part["count"].as_u64() > Some(0), "{part}");
        assert_eq!(part["last"]["mode"], "rehearse");
    }
}

#[test]
fn another_branch_than_the_expected_one_is_a_failure() {
    let other = |text: &str, from: &str, to: &str| text.replace(from, to);
    let finished = site(&[], &[])
        .file("scenarios/a.yaml", other(MAIN, "fault: broken", "fault: hard"))
        .file(
            "scenarios/b.yaml",
            other(FALLBACK, "fault: hard", "fault: broken\nexpect: {exit: 4, outcome: contained}"),
        )
        .run()
        .exit(1);
    let fail = |name: &str, reason: &str| (name.to_owned(), "fail".to_owned(), false, reason.to_owned());
    assert_eq!(
        verdicts(&finished),
        [
            fail(
                "repaired",
                "the scenario expects the main branch; step 2 `If the repair fails, replace it` was taken as a \
                 fallback"
            ),
            fail(
                "replaced",
                "the scenario expects the fallback branch; no fallback was taken\nthe scenario expects that exec \
                 would exit 4; it would exit 0\nthe scenario expects the outcome `contained`; it was `verified`"
            ),
        ]
    );
    assert_eq!(finished.test.read("out/results.jsonl").matches(r#""status":"fail""#).count(), 2);
    finished
        .says("      the scenario expects the main branch; step 2 `If the repair fails, replace\n      it` was taken")
        .says("0 of 2 trials passed (0 %)")
        .says("the suite is bad\n")
        .leaves_nothing();
}

#[test]
fn the_pass_rate_is_the_one_that_the_document_states() {
    let half = RUNBOOK.replace("≥ 90% pass rate", "≥ 50% pass rate");
    let wrong = MAIN.replace("fault: broken", "fault: hard");
    let test =
        |runbook: &str| site(&[], &[]).file("runbooks/site.md", runbook).file("scenarios/a.yaml", &wrong);
    test(&half).run().exit(0).says("1 of 2 trials passed (50 %); target `≥ 50% pass rate`").leaves_nothing();
    let none = RUNBOOK.replace("**Target**: ≥ 90% pass rate\n", "");
    test(&none).run().exit(1).says("no document states a pass rate: all must pass").leaves_nothing();
}

#[test]
fn what_a_scenario_names_and_nobody_has_is_an_error_and_the_rest_goes_on() {
    for (changes, error) in [
        (
            ("fault: broken", "fault: brokn"),
            "error: there is no fault `brokn`\n  --> scenarios/a.yaml:3:8\n    |\n  3 | fault: brokn\n    |        \
             ^^^^^\nhint: a fault named `broken` exists\n",
        ),
        (
            ("procedure: Site Down", "procedure: Sight Down"),
            "error: no procedure is called `Sight Down`\n  --> scenarios/a.yaml:2:12\n    |\n  2 | procedure: Sight \
             Down\n    |            ^^^^^^^^^^\nhint: a procedure named `Site Down` exists\n",
        ),
        (
            ("branch: main", "branch: main\nparameters: {host: a}"),
            "error: `Site Down` has no parameter `host`\n  --> scenarios/a.yaml:5:14\n    |\n  5 | parameters: {host: \
             a}\n    |              ^^^^\nhint: it has none\n",
        ),
        (
            ("fault: broken", "fualt: broken"),
            "error: unknown key `fualt`\n  --> scenarios/a.yaml:3:1\n    |\n  3 | fualt: broken\n    | ^^^^^\nhint: known \
             keys: `name`, `description`, `procedure`, `fault`, `branch`, `parameters`, `expect`\n",
        ),
        (("name: repaired", "name: replaced"), ""),
    ] {
        let text = MAIN.replace(changes.0, changes.1);
        let finished = site(&[], &[]).file("scenarios/a.yaml", &text).run().exit(1);
        let verdicts = verdicts(&finished);
        let [first, second] = verdicts.as_slice() else { panic!("two results: {verdicts:?}") };
        if error.is_empty() {
            assert_eq!(
                (first.2, second.2),
                (false, true),
                "the second of a name is the wrong one: {verdicts:?}"
            );
            assert!(
                finished.stderr.contains("error: a scenario named `replaced` stands in "),
                "{}",
                finished.stderr
            );
            continue;
        }
        assert_eq!(finished.stderr, error);
        assert_eq!((first.1.as_str(), first.2, second.1.as_str()), ("fail", true, "pass"), "{verdicts:?}");
        let what = error.lines().next().unwrap_or_default().trim_start_matches("error: ");
        assert!(first.3.starts_with("scenarios/a.yaml:") && first.3.ends_with(what), "{}", first.3);
        finished.says("the suite is bad: 1 trial could not be judged").leaves_nothing();
    }
}

#[test]
fn what_cannot_be_judged_is_red_at_any_pass_rate() {
    let alone = ("broken:\n    procedures", "broken:\n    symptom_within: 200ms\n    procedures");
    for (changes, text, reason) in [
        (
            vec![("touch up; exec", "exec"), ("  ready:", "  ready_within: 300ms\n  ready:")],
            MAIN.to_owned(),
            "the service was not ready within 300 ms (exit 1)",
        ),
        (
            vec![("  ready:", "  shims: [bin]\n  ready:")],
            MAIN.to_owned(),
            "the stage did not come up: the shim `bin/tool` is not executable",
        ),
        (
            vec![(
                "revert: rm -f broken hard\n    passes_when: test ! -e broken\n    passes_within: 200ms\n  hard",
                "revert: rm broken\n    passes_when: test ! -e broken\n    passes_within: 200ms\n  hard",
            )],
            MAIN.to_owned(),
            "the fault could not be taken away: exit 1: rm: cannot remove 'broken': No such file or directory",
        ),
        (
            vec![alone, ("inject: touch broken\n", "inject: 'true'\n")],
            MAIN.to_owned(),
            "the symptom was never seen within 200 ms (exit 1)",
        ),
        (
            vec![],
            MAIN.replace("Site Down", "Suite Failed"),
            "it ended with 2 before it could be judged: error: `Suite Failed` needs a value for `what` (line 26)",
        ),
    ] {
        let half = RUNBOOK.replace("≥ 90% pass rate", "≥ 1% pass rate");
        let finished = site(&changes, &[])
            .file("site/bin/tool", "#!/bin/sh\n")
            .file("runbooks/site.md", half)
            .file("scenarios/a.yaml", text)
            .run()
            .exit(1);
        let verdicts = verdicts(&finished);
        let (name, status, error, said) = &verdicts[0];
        assert_eq!((name.as_str(), status.as_str(), *error), ("repaired", "fail", true), "{verdicts:?}");
        assert_eq!(said, reason);
        assert_eq!(verdicts.len(), 2, "the rest goes on");
        finished.says("the suite is bad: ").leaves_nothing();
    }
}

#[test]
fn values_are_those_of_the_scenario_and_else_of_the_stage() {
    let look = "name: looked\nprocedure: Suite Failed\nfault: shown\nbranch: main\n";
    let shown = "faults:\n  shown:\n    procedures: [Suite Failed]\n    inject: touch broken\n    symptom: test -e \
                 broken\n    revert: rm -f broken\n    shows: index.html\n";
    for (text, passes) in
        [(look.to_owned(), true), (format!("{look}parameters: {{what: /etc/passwd}}\n"), false)]
    {
        let changes = [("faults:\n", shown), ("  ready:", "  parameters: {what: index.html}\n  ready:")];
        let finished = site(&changes, &["--scenario", "looked"]).file("scenarios/c.yaml", text).run();
        let expected = if passes { 0 } else { 1 };
        finished.exit(expected).leaves_nothing();
    }
}

#[test]
fn the_same_seed_gives_the_same_order() {
    let order = |seed: &str| -> Vec<String> {
        let test = site(&[], &["--trials", "4", "--jobs", "1", "--format", "json"])
            .again(&["chaos", "--seed", seed, "--trials", "4", "--jobs", "1", "--format", "json"]);
        let finished = test.run().exit(0);
        let lines: Vec<Value> = finished
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        let (summary, trials) = lines.split_last().expect("there are lines");
        assert_eq!((summary["trials"].as_u64(), trials.len()), (Some(8), 8));
        let results = finished.test.state().join("chaos/results.jsonl");
        assert!(results.exists(), "where nothing else is said");
        trials.iter().map(|it| format!("{} {}", it["scenario"], it["trial"])).collect()
    };
    let first = order("1");
    assert_eq!(order("1"), first);
    assert_ne!(order("2"), first);
}

#[test]
fn the_host_is_prepared_once() {
    let prepare = [("  workdir:", "  prepare: echo x >>../prepared\n  workdir:")];
    let finished = site(&prepare, &["--trials", "2"]).run().exit(0);
    assert_eq!(finished.test.read("prepared"), "x\n");
    let finished = site(&prepare, &["--no-prepare"]).run().exit(0);
    assert_eq!(finished.test.read("prepared"), "");
    finished.leaves_nothing();
}

#[test]
fn what_is_asked_for_and_not_there_is_refused() {
    for (args, exit, error) in [
        (
            &["--scenario", "repared"][..],
            2,
            "error: there is no scenario `repared`\nhint: a scenario named `repaired` exists\n",
        ),
        (
            &["--scenario", "x"],
            2,
            "error: there is no scenario `x`\nhint: there are `repaired`, `replaced`\n",
        ),
        (&["nowhere"], 2, "error: `nowhere` does not exist\nhint: is the path right? it counts from here\n"),
        (
            &["site"],
            2,
            "error: there are no scenarios\nhint: give files or directories of them, or name some under \
             `scenarios:` in `runbook.yaml`\n",
        ),
        (
            &["site/index.html", "--output", "site/index.html"],
            6,
            "error: the results in `[PLACE]/work/site/index.html` cannot be written: File exists (os error 17)\nhint: \
             give another directory with --output DIR\n",
        ),
    ] {
        let args = [&["chaos"], args].concat();
        let finished = site(&[], &[]).again(&args).run().exit(exit);
        let said = finished.stderr.replace(&finished.test.place().display().to_string(), "[PLACE]");
        if exit == 6 {
            assert!(said.ends_with(error), "{said}");
        } else {
            assert_eq!(said, error);
        }
        assert_eq!(runs(&finished.test), 0, "nothing was run");
    }
    let declared = site(&[("scenarios: [../scenarios]", "scenarios: [../scenes]")], &[]).run().exit(6);
    assert!(
        declared.stderr.starts_with("error: `scenarios` names `../scenes`, which does not exist\n  --> ")
    );
    let nowhere = site(&[], &[]).env("PATH", "/nowhere").run().exit(6);
    assert!(nowhere.stderr.starts_with("error: no sandbox: the program `bwrap` is not installed\n"));
}

/// A suite whose trials wait, and which has written results before.
fn waiting() -> Test {
    let slow = RUNBOOK.replace("test ! -e hard && rm broken\n", "touch repairing && sleep 600\n");
    site(&[], &["--trials", "4", "--jobs", "3"])
        .file("runbooks/site.md", slow)
        .file("out/results.jsonl", "before\n")
        .file("out/summary.json", "before\n")
}

/// Waits until `count` steps wait.
fn until_waiting(test: &Test, count: usize) {
    let end = std::time::Instant::now() + Duration::from_secs(30);
    // The services sleep, too: one for each stage.
    while test.marked().iter().filter(|line| line.trim_end().ends_with("sleep 600")).count() < 2 * count {
        assert!(std::time::Instant::now() < end, "{:?}", test.marked());
        std::thread::yield_now();
    }
}

#[test]
fn ctrl_c_stops_every_trial_in_good_order() {
    let test = waiting();
    let running = test.spawn();
    until_waiting(&test, 3);
    running.signal(Signal::SIGINT);
    let (status, stdout, stderr) = running.finish(Duration::from_secs(60));
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert_eq!(exit_code(status), 130, "{said}");
    assert!(said.contains("stopped by signal 2 after 0 trials: nothing is judged or written"), "{said}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert_eq!(
        (test.read("out/results.jsonl"), test.read("out/summary.json")),
        ("before\n".into(), "before\n".into())
    );
    assert_eq!(runs(&test), 3);
    let listed = test.again(&["runs", "--format", "json"]).run().exit(0);
    let finished = listed.stdout.matches(r#""state": "finished""#).count();
    assert_eq!(finished, 3, "each record has its end: {}", listed.stdout);
}

#[test]
fn on_a_terminal_a_line_says_what_runs_until_ctrl_c() {
    let test = waiting();
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("0 of 8 trials; now ");
    until_waiting(&test, 3);
    screen.type_in("\u{3}");
    screen.wait_for("stopped by signal 2 after 0 trials");
    let (code, _) = screen.finish();
    assert_eq!((code, test.leftovers()), (130, Vec::new()));
}

#[test]
fn a_killed_suite_leaves_nothing() {
    let test = waiting();
    let running = test.spawn();
    until_waiting(&test, 3);
    kill(Pid::from_raw(running.pid().cast_signed()), Signal::SIGKILL).expect("it runs");
    let (status, ..) = running.finish(Duration::from_secs(60));
    assert_eq!(exit_code(status), 137);
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert_eq!(test.read("out/results.jsonl"), "before\n");
}

#[test]
fn the_suite_exercises_every_step_and_every_fallback_of_our_runbook() {
    let test = our_stage(Test::new(), root(), &[]).args(&["chaos", "--no-prepare", "--jobs", "4"]);
    let (status, stdout, stderr) = test.spawn().finish(Duration::from_secs(180));
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert_eq!(exit_code(status), 0, "{said}");
    assert!(said.contains("branches: 11 of 11 covered\n"), "{said}");
    assert!(said.contains("18 of 18 trials passed (100 %)"), "{said}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
    let coverage = test.again(&["coverage"]).run().exit(0);
    coverage.says("everything has been exercised");
}
