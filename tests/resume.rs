//! Runs that were broken off and go on: what passed is not done again, what is unknown never silently.

use crate::harness::{OnTerminal, Test, exit_code};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Each act counts its runs; the second waits for a file.
const DOCUMENT: &str = "\
# Bot

## Move

1. Prepare:
   ```bash
   mkdir -p place && cd place
   token=secret-of-step-1
   greet() { echo \"hello $1\"; }
   echo x >> ../first
   ```
2. Move:
   ```bash
   echo x >> ../second; echo moving
   until test -e ../go; do sleep 0.02; done
   ```
3. Say it:
   ```bash
   greet \"$token\" > said; echo x >> ../third
   ```
4. Verify:
   ```bash
   grep -q secret-of-step-1 said
   ```
";

const EXEC: &[&str] = &["exec", "move", "--unattended"];

/// A run whose engine was killed in step 2.
fn killed() -> Test {
    let test = Test::on(DOCUMENT, EXEC);
    let mut run = test.spawn();
    run.wait_for("    moving");
    run.signal(Signal::SIGKILL);
    let status = run.wait();
    assert_eq!(exit_code(status), 137);
    test
}

fn count(test: &Test, file: &str) -> usize {
    test.read(file).lines().count()
}

fn resume(test: Test, args: &[&str]) -> Test {
    let all: Vec<&str> = ["resume", "last"].into_iter().chain(args.iter().copied()).collect();
    test.again(&all)
}

#[test]
fn a_killed_run_is_unknown_and_is_not_repeated_silently() {
    let test = killed();
    let test = test.again(&["runs"]).run().exit(0).says("unknown").test;
    assert_eq!(test.leftovers(), Vec::<String>::new());
    let refused = resume(test, &["--unattended"]).run().exit(5);
    let (taken, why) = refused.stderr.split_once(" UTC): its engine\ndied\n").expect("which one it is");
    assert!(taken.starts_with("resuming run ") && taken.contains(" (Move, "), "{taken}");
    assert_eq!(
        why,
        "error: what step 2 `Move` did is unknown\n\
         hint: resume on a terminal to be asked, or add --rerun-unknown to run it again\n",
    );
    assert_eq!((count(&refused.test, "first"), count(&refused.test, "second")), (1, 1));
}

#[test]
fn it_goes_on_behind_what_passed_in_a_shell_as_it_was() {
    let test = killed().file("go", "");
    let ran = resume(test, &["--unattended", "--rerun-unknown"]).run().exit(0);
    let ran = ran
        .says(
            "resumed; done and kept: step 1\n[2] was running when the engine died: what it did is unknown\n\
             next: step 2 `Move` (doc.md:13)\n",
        )
        .says("[4] passed")
        .says("succeeded, verified (exit 0)\n");
    let test = ran.test;
    assert_eq!((count(&test, "first"), count(&test, "second"), count(&test, "third")), (1, 2, 1));
    assert_eq!(test.read("place/said"), "hello secret-of-step-1\n");
    let test = test.again(&["verify", "last"]).run().exit(0).says("is intact").test;
    let report = test.again(&["report", "last", "--format", "md"]).run().exit(0);
    let report = report
        .says("# Move: succeeded, verified\n")
        .says("continued by another engine; what step 2 Move did is unknown\n");
    let over = resume(report.test, &["--unattended"]).run().exit(2);
    let run = over.test.journal()[0]["run"].as_str().expect("has an id").to_owned();
    let test = over
        .stderr(&format!(
            "error: no run can be resumed; the newest is `{run}` (`Move`): it succeeded and was verified\n\
             hint: start a new run; `runbook runs` lists what there is\n"
        ))
        .test;
    let again = resume(test, &["--unattended", "--from", "3"]).run().exit(0);
    let again = again.says("everything from step 3 on is done again\n").test;
    assert_eq!((count(&again, "second"), count(&again, "third")), (2, 2));
}

#[test]
fn a_person_is_asked_about_the_step_that_is_unknown() {
    let test = killed().again(&["resume", "last", "--confirm", "never"]);
    std::fs::write(test.path("go"), "").expect("is ours");
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("step 2 `Move` was running when the engine died: what it did is unknown");
    screen.wait_for("[d] it was done by hand: go on");
    screen.wait_for("what now?");
    screen.type_in("d\r");
    screen.wait_for("what was done?");
    screen.type_in("moved it myself\r");
    let (code, said) = screen.finish();
    assert_eq!(code, 0, "{said}");
    assert_eq!((count(&test, "first"), count(&test, "second"), count(&test, "third")), (1, 1, 1));
}

#[test]
fn a_stopped_run_goes_on_too() {
    let test = Test::on(DOCUMENT, EXEC);
    let mut run = test.spawn();
    run.wait_for("    moving");
    run.signal(Signal::SIGTERM);
    let (status, ..) = run.finish(LIMIT);
    assert_eq!(exit_code(status), 143);
    let test = resume(test, &["--unattended"]).run().exit(5).says("what step 2 `Move` did is unknown").test;
    let test = test.file("go", "");
    let ran = resume(test, &["--unattended", "--rerun-unknown"]).run().exit(0);
    assert_eq!((count(&ran.test, "first"), count(&ran.test, "second")), (1, 2));
    ran.test.again(&["verify", "last"]).run().exit(0).says("is intact");
}

#[test]
fn a_run_that_goes_on_is_not_resumed_and_a_torn_line_is_kept() {
    let test = Test::on(DOCUMENT, EXEC);
    let mut run = test.spawn();
    run.wait_for("    moving");
    let test = resume(test, &["--unattended"]).run().exit(6).says("its engine is still running").test;
    run.signal(Signal::SIGKILL);
    run.wait();
    let folder = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let folder = folder.map(|run| run.expect("is readable").path()).next().expect("is one");
    let journal = folder.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("is there");
    std::fs::write(&journal, format!("{text}{{\"v\":1,\"se")).expect("is ours");
    let test = test.file("go", "");
    let test = resume(test, &["--unattended", "--rerun-unknown"]).run().exit(0).test;
    let kept = std::fs::read_dir(&folder).expect("is there").filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("torn-"))
    });
    assert_eq!(kept.count(), 1);
    test.again(&["verify", "last"]).run().exit(0).says("is intact");
}

#[test]
fn a_changed_document_is_shown_and_must_be_accepted() {
    let changed = DOCUMENT.replace("> said;", "> said; echo changed;");
    let test = killed().file("doc.md", &changed).file("go", "");
    let args = ["--unattended", "--rerun-unknown"];
    let refused = resume(test, &args).run().exit(5);
    let refused = refused
        .says("-   greet \"$token\" > said; echo x >> ../third\n")
        .says("+   greet \"$token\" > said; echo changed; echo x >> ../third\n")
        .says("error: the document has changed since the run started\n");
    let accepted = resume(refused.test, &[args[0], args[1], "--accept-changes"]).run().exit(0);
    assert_eq!(count(&accepted.test, "first"), 1);
    let fewer = DOCUMENT.split("4. Verify").next().expect("has one");
    let test = killed().file("doc.md", fewer).file("go", "");
    let refused = resume(test, &args).run().exit(3);
    let test = refused.says("error: the document's steps have changed: there were 4 and are 3\n").test;
    std::fs::remove_file(test.path("doc.md")).expect("is ours");
    resume(test, &args).run().exit(0).says("is not here: going on with the document as it was\n");
}

#[test]
fn a_block_that_is_no_bash_any_more_is_refused() {
    let broken = DOCUMENT.replace("> said;", "> said; if true;");
    let test = killed().file("doc.md", &broken).file("go", "");
    let args = ["--unattended", "--rerun-unknown", "--accept-changes"];
    let refused = resume(test, &args).run().exit(3);
    let refused = refused
        .says("error: step 3 is not valid bash: syntax error: unexpected end of file\n  --> doc.md:19:")
        .says("hint: nothing was run; correct the block in the document\n");
    assert_eq!((count(&refused.test, "second"), count(&refused.test, "third")), (1, 0));
    // Corrected, it goes on.
    let test = refused.test.file("doc.md", DOCUMENT);
    resume(test, &args).run().exit(0);
}

#[test]
fn a_shell_that_cannot_come_back_is_not_replaced_silently() {
    let test = killed().file("go", "");
    std::fs::remove_dir_all(test.path("place")).expect("is ours");
    let args = ["--unattended", "--rerun-unknown"];
    let gone = resume(test, &args).run().exit(6).says("is its directory gone?");
    let test = gone.test;
    std::fs::create_dir(test.path("place")).expect("is ours");
    let folder = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let folder = folder.map(|run| run.expect("is readable").path()).next().expect("is one");
    for entry in std::fs::read_dir(&folder).expect("is readable") {
        let path = entry.expect("is readable").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("state-")) {
            std::fs::write(path, "rm -rf /\n").expect("is ours");
        }
    }
    let test = resume(test, &args).run().exit(6).says("was changed\n").test;
    // In the new shell `../go` is elsewhere, and step 3 has no `greet`.
    let test = test.file("../go", "");
    resume(test, &[args[0], args[1], "--fresh-shell"]).run().exit(1).says("failed: step 3 `Say it`");
}

#[test]
fn last_is_the_newest_run_that_can_be_resumed() {
    let nothing = Test::on(DOCUMENT, &[]).again(&["resume", "last"]).run().exit(2);
    let test = nothing.says("error: there is no run yet\n").test;
    // The first run fails and can be resumed, the second only looks.
    let failing = "# Fix\n\n1. Look:\n   ```bash\n   true\n   ```\n2. Fix:\n   ```bash\n   test -e well && touch fixed\n   ```\n";
    let test = test.file("fix.md", failing).file("look.md", "# Look\n\n```bash\ntrue\n```\n");
    let failed = test.again(&["exec", "Fix", "--file", "fix.md", "--unattended"]).run().exit(1);
    let (_, run) = failed.stdout.split_once("  to go on: runbook resume ").expect("it can go on");
    let run = run.trim().to_owned();
    let looked = failed.test.again(&["exec", "Look", "--file", "look.md"]).run().exit(0);
    let test = looked.never_says("runbook resume").test.file("well", "");
    let resumed = resume(test, &["--unattended", "--from", "2"]).run();
    // With a step to begin from, also what is over can be resumed: the newest has no such step.
    let test = resumed.exit(2).says("error: there is no step `2`\n").test;
    let refused = resume(test, &["--unattended"]).run().exit(5);
    assert!(refused.stderr.starts_with(&format!("resuming run {run} (Fix, ")), "{}", refused.stderr);
    assert!(refused.stderr.contains(" UTC): it failed\nerror: the run ended because step 2 failed\n"));
    let test = refused.test.again(&["resume", &run, "--unattended", "--from", "2"]).run().exit(0);
    test.says("resumed; done and kept: step 1\neverything from step 2 on is done again\n")
        .says("next: step 2 `Fix` (fix.md:8), last time: failed with status 1\n");
}

#[test]
fn only_incidents_and_known_steps_are_resumed() {
    let test = killed();
    let test = resume(test, &["--from", "9"]).run().exit(2).says("error: there is no step `9`\n").test;
    let test = test.again(&["resume", "none"]).run().exit(2).says("there is no run `none`").test;
    drop(test);
}

#[test]
fn a_person_may_accept_a_changed_document() {
    let changed = DOCUMENT.replace("> said;", "> said; echo changed;");
    let test = killed().file("doc.md", &changed).file("go", "");
    let test = test.again(&["resume", "last", "--confirm", "never", "--rerun-unknown"]);
    for (keys, code) in [("\r", 5), ("y\r", 0)] {
        let mut screen = OnTerminal::start(&test.command());
        screen.wait_for("+   greet \"$token\" > said; echo changed; echo x >> ../third");
        screen.wait_for("the document has changed: go on with what it says now? [y]es, [N]o:");
        screen.type_in(keys);
        let (exit, said) = screen.finish();
        assert_eq!(exit, code, "{said}");
        assert_eq!(said.contains("the document has changed since the run started"), code == 5, "{said}");
    }
    assert_eq!((count(&test, "first"), count(&test, "third")), (1, 1));
    // The journal says what was gone on with.
    let resumed = test.journal().into_iter().find(|event| event["type"] == "resume").expect("it is recorded");
    assert_eq!(resumed["unknown"], "2", "{resumed}");
    let was = test.journal()[0]["document_sha256"].clone();
    assert!(resumed["document_sha256"].is_string() && resumed["document_sha256"] != was, "{resumed}");
}

#[test]
fn a_secret_is_on_no_record_and_must_be_given_again() {
    let text = "# Login\n\n1. Begin:\n   ```bash\n   echo begun; until test -e go; do sleep 0.02; done; touch x\n   ```\n2. Log in:\n   \
                ```bash\n   test {api_token} = correct-horse; touch in\n   ```\n";
    let args = ["exec", "Login", "--unattended", "--params", "values.yaml"];
    let test = Test::on(text, &args).file("values.yaml", "api_token: correct-horse\n");
    let mut run = test.spawn();
    run.wait_for("begun");
    run.signal(Signal::SIGKILL);
    run.wait();
    let test = test.file("go", "");
    let refused = resume(test, &["--unattended", "--rerun-unknown"]).run().exit(2);
    let refused = refused.says(
        "error: `Login` needs a value for `api_token` (line 9)\n\
         hint: set RUNBOOK_PARAM_API_TOKEN, or use --params FILE\n",
    );
    let args = ["--unattended", "--rerun-unknown", "--params", "values.yaml"];
    let test = resume(refused.test, &args).run().exit(0).never_says("correct-horse").test;
    assert!(test.path("in").exists());
}

/// A run with much output, a step that fails and is mended by its fallback, and a verify that passes in the end.
/// Each step leaves a line in a file of its own.
fn eventful() -> String {
    let mut text = "# Bot\n\n## Move\n\n".to_owned();
    for (step, label, then) in [
        (1, "Begin", "seq 2000"),
        (2, "Go on", "seq 2000"),
        (3, "Move", "seq 2000; test -e mended"),
        (4, "If it fails, mend", "touch mended"),
        (5, "Print", "seq 60000"),
        (6, "End", "seq 2000"),
    ] {
        let script = format!("n{step}=1; echo x >> count-{step}; {then}");
        text += &format!("{step}. {label}:\n   ```bash\n   {script}\n   ```\n");
    }
    text + "7. Verify:\n\n   <!-- runbook: role=verify effect=reads every=10ms -->\n   ```bash\n   echo x >> count-7; test \"$n6\"; \
            test $(wc -l < count-7) -ge 3\n   ```\n"
}

/// Kills the engine at seeded moments, that of a resumed run, too, until the run is over; then another one.
#[test]
fn whenever_the_engine_dies_nothing_that_passed_is_done_again() {
    let kills = std::env::var("RUNBOOK_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let document = eventful();
    let whole = Test::on(&document, EXEC).run().exit(0).says("recovered by a fallback, verified").test;
    let whole = journal_size(&whole);
    let mut seed = 42_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut done = 0;
    while done < kills {
        let mut test = Test::on(&document, EXEC);
        while !is_over(&test) {
            let (before, counts) = (passed(&test), counts(&test));
            let run = test.spawn();
            let at = journal_size(&test) + random(whole);
            while journal_size(&test) < at && !is_over(&test) && !run.is_over() {
                std::thread::yield_now();
            }
            run.signal(Signal::SIGKILL);
            let (status, stdout, stderr) = run.finish(LIMIT);
            let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
            // What a killed engine was just starting may have its lock for a moment: nothing was begun then.
            if said.contains("its engine is still running")
                || said.contains("is already running on this host")
            {
                continue;
            }
            assert!(exit_code(status) == 137 || is_over(&test), "kill {done}: {status} {said}");
            done += 1;
            assert_eq!(test.leftovers(), Vec::<String>::new(), "kill {done}");
            let after = self::counts(&test);
            for step in &before {
                assert_eq!(counts.get(step), after.get(step), "kill {done}, step {step}: {said}");
            }
            if events(&test).is_empty() {
                // It died before its first event was whole: there is no run to go on with.
                test = Test::on(&document, EXEC);
                continue;
            }
            test = is_told_as_it_is(test, done);
            test = test.again(&["resume", "last", "--unattended", "--rerun-unknown", "--confirm", "never"]);
        }
        let test = verified(test, 0);
        test.again(&["report", "last"]).run().exit(0).says("recovered by a fallback, verified");
    }
}

/// Expects that what is left of a run is readable and told as what it is.
fn is_told_as_it_is(test: Test, kill: usize) -> Test {
    let state = if is_over(&test) { "finished" } else { "unknown" };
    let runs = test.again(&["runs", "--format", "json"]).run().exit(0);
    assert_eq!(runs.json()["runs"][0]["state"], state, "kill {kill}: {}", runs.stdout);
    let running = running(&runs.test);
    let report = runs.test.again(&["report", "last", "--format", "json"]).run().exit(0);
    for step in report.json()["steps"].as_array().expect("has steps") {
        let unknown = running.iter().any(|id| step["id"] == id.as_str());
        assert_eq!(step["status"] == "unknown", unknown, "kill {kill}, {running:?}: {step}");
    }
    verified(report.test, i32::from(state == "unknown"))
}

/// Expects that the record fits. Killed right behind its end, a run has no head yet, and `verify` says so.
fn verified(test: Test, exit: i32) -> Test {
    let verified = test.again(&["verify", "last"]).run().says("every hash fits");
    let uncovered = verified.stdout.contains("covered by nothing");
    verified.exit(if uncovered { 1 } else { exit }).test
}

/// The steps that had started and not ended.
fn running(test: &Test) -> Vec<String> {
    let mut running = Vec::new();
    for event in events(test) {
        let step = event["step"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("step_started") => running.push(step),
            Some("step_finished") => running.retain(|other| *other != step),
            Some("resume") => running.clear(),
            _ => {}
        }
    }
    running
}

/// How often each step was done, by its number.
fn counts(test: &Test) -> BTreeMap<String, usize> {
    (1..=7).map(|step| (step.to_string(), count(test, &format!("count-{step}")))).collect()
}

fn journal_text(test: &Test) -> String {
    let Ok(mut runs) = std::fs::read_dir(test.state().join("runs")) else { return String::new() };
    let Some(Ok(run)) = runs.next() else { return String::new() };
    std::fs::read_to_string(run.path().join("journal.jsonl")).unwrap_or_default()
}

fn journal_size(test: &Test) -> u64 {
    journal_text(test).len() as u64
}

/// Every whole line of the journal.
fn events(test: &Test) -> Vec<Value> {
    journal_text(test).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn is_over(test: &Test) -> bool {
    let last = journal_text(test).lines().next_back().and_then(|line| serde_json::from_str(line).ok());
    last.is_some_and(|event: Value| event["type"] == "run_finished")
}

/// Steps whose last recorded end is a success.
fn passed(test: &Test) -> Vec<String> {
    let mut passed = Vec::new();
    for event in events(test).iter().filter(|event| event["type"] == "step_finished") {
        let step = event["step"].as_str().unwrap_or_default().to_owned();
        passed.retain(|other| *other != step);
        if event["result"]["result"] == "passed" {
            passed.push(step);
        }
    }
    passed
}

#[test]
fn the_longest_time_of_a_verification_is_kept_unless_another_is_given() {
    let text =
        "# Slow\n\n1. Move:\n   ```bash\n   touch moved\n   ```\n\n## Verify\n\n```bash\ntest -e good\n```\n";
    let ran = Test::on(text, &["exec", "Slow", "--unattended", "--verify-timeout", "300ms"]).run().exit(1);
    let limits = |test: &Test| -> Vec<u64> {
        let journal = test.journal();
        let starts = journal.iter().filter(|event| event["type"] == "step_started" && event["step"] == "2");
        starts.map(|event| event["timeout_ms"].as_u64().expect("is a number")).collect()
    };
    let first = limits(&ran.test);
    assert!(!first.is_empty() && first.iter().all(|ms| *ms <= 300), "{first:?}");
    let kept = resume(ran.test, &["--unattended", "--from", "2"]).run().exit(1);
    let both = limits(&kept.test);
    assert!(both.len() > first.len() && both.iter().all(|ms| *ms <= 300), "{both:?}");
    let given =
        resume(kept.test, &["--unattended", "--from", "2", "--verify-timeout", "500ms"]).run().exit(1);
    let last = limits(&given.test).split_off(both.len());
    assert!(last.first().is_some_and(|ms| (301..=500).contains(ms)), "{last:?}");
}
