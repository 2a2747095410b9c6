//! On a terminal: what is asked, what the answers do, and what the live view shows.

use crate::harness::{OnTerminal, Test};

const DEPLOY: &str = "# Deploy\n\n1. Look:\n   ```bash\n   echo looking\n   ```\n2. Deploy:\n   ```bash\n   touch {name}\n   ```\n3. Remove the old one:\n   ```bash\n   rm -f old\n   ```\n";

fn on_terminal(text: &str, args: &[&str]) -> (Test, OnTerminal) {
    let test = Test::on(text, args);
    let terminal = OnTerminal::start(&test.command());
    (test, terminal)
}

#[test]
fn values_are_asked_for_first_then_the_first_change_and_each_destroying_step() {
    let (test, mut terminal) = on_terminal(DEPLOY, &["exec", "Deploy"]);
    terminal.wait_for("`Deploy` needs name (line 9): ");
    terminal.type_in("new\n");
    terminal.wait_for("looking");
    terminal.wait_for("\r\nstep 2 changes (line 8):\r\n    $ touch new\r\n");
    terminal.wait_for("run step 2 `Deploy`? [y]es, [N]o, [a]bort: ");
    assert!(!test.path("new").exists());
    terminal.type_in("y\n");
    terminal.wait_for("\r\nstep 3 destroys (line 12):\r\n    $ rm -f old\r\n");
    terminal.wait_for("run step 3 `Remove the old one`? [y]es, [N]o, [a]bort: ");
    terminal.type_in("y\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    // What the question showed is not shown again at the start.
    assert_eq!((said.matches("$ touch new").count(), said.matches("$ rm -f old").count()), (1, 1), "{said}");
    assert!(test.path("new").exists());
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn what_is_left_of_the_target_stands_at_the_prompt() {
    let text = DEPLOY.replace("# Deploy\n", "# Deploy\n\n**Target**: Recovery < 2 minutes\n");
    let ago = ["exec", "Deploy", "--name", "new", "--detected-at", "100s"];
    let (_test, mut terminal) = on_terminal(&text, &ago);
    terminal.wait_for("$ touch new\r\ntarget: 1 min 4");
    terminal.wait_for(" of 2 min gone, ");
    terminal.wait_for(" s left\r\nrun step 2 `Deploy`? [y]es, [N]o, [a]bort: ");
    terminal.type_in("n\n");
    assert_eq!(terminal.finish().0, 5);
}

#[test]
fn a_check_that_is_repeated_does_not_flood_the_screen() {
    let text = "# Wait\n\n1. Do:\n   ```bash\n   touch x\n   ```\n2. Verify:\n   <!-- runbook: every=20ms effect=reads -->\n   ```bash\n   echo looking; echo x >> looks; test $(wc -l < looks) -ge 9\n   ```\n";
    let finished = Test::on(text, &["exec", "Wait"]).run().exit(0);
    let (_, check) = finished.stdout.split_once("[2] Verify (").expect("it ran");
    // The command, the first attempt and the last one.
    assert_eq!(check.split("summary").next().map(|it| it.matches("looking").count()), Some(3), "{check}");
    assert!(check.contains("\n[2] attempt 8: failed with status 1, "), "{check}");
    assert!(check.contains("\n[2] the last attempt said:\n    looking\n[2] passed in "), "{check}");
    assert!(check.contains(" (attempt 9, "), "{check}");
    let journal = finished.test.journal();
    assert_eq!(journal.iter().filter(|event| event["type"] == "output").count(), 9, "all of it is on record");
    let whole = Test::on(text, &["exec", "Wait", "--verbose"]).run().exit(0);
    assert_eq!(whole.stdout.matches("    looking").count(), 9, "{}", whole.stdout);
}

#[test]
fn a_quiet_failure_says_which_step_why_what_it_said_and_where_the_record_is() {
    let text = "# Fix\n\n1. Fix:\n   ```bash\n   touch x; echo the disk is full; exit 3\n   ```\n";
    let finished = Test::on(text, &["exec", "Fix", "--quiet"]).run().exit(1);
    let run = finished.test.journal()[0]["run"].as_str().expect("a text").to_owned();
    assert!(
        finished.stdout.starts_with(
            "\n[1] Fix (act, changes, line 4)\n    the disk is full\n[1] failed with status 3 in "
        ),
        "{}",
        finished.stdout
    );
    finished
        .says(&format!("  record: runbook report {run}\n  head "))
        .says(&format!("  to go on: runbook resume {run}\n"));
    let fine = text.replace("exit 3", "true");
    Test::on(&fine, &["exec", "Fix", "--quiet"]).run().exit(0).never_says("record:");
}

#[test]
fn a_declined_step_ends_the_run_for_a_person() {
    let (test, mut terminal) = on_terminal(DEPLOY, &["exec", "Deploy", "--name", "new"]);
    terminal.wait_for("run step 2 `Deploy`? ");
    terminal.type_in("\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("declined"), "{said}");
    assert!(!test.path("new").exists());
}

#[test]
fn yes_asks_nothing_and_unattended_refuses_what_destroys() {
    let (_test, terminal) = on_terminal(DEPLOY, &["exec", "Deploy", "--name", "new", "--yes"]);
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("[y]es"), "{said}");
    let (_test, terminal) = on_terminal(DEPLOY, &["exec", "Deploy", "--name", "new", "--unattended"]);
    assert_eq!(terminal.finish().0, 5);
}

const FAILS: &str = "# Deploy\n\n1. Deploy:\n   ```bash\n   test -e ready && touch new\n   ```\n2. If this fails, deploy by hand:\n   ```bash\n   touch by-hand\n   ```\n3. Verify:\n   ```bash\n   ls new by-hand\n   ```\n";

#[test]
fn a_failure_offers_its_ways_out() {
    let (test, mut terminal) = on_terminal(FAILS, &["exec", "Deploy", "--confirm", "never"]);
    terminal.wait_for("its fallback is step 2 `If this fails, deploy by\r\nhand`\r\n");
    terminal.wait_for("what now? ");
    terminal.type_in("r\n");
    terminal.wait_for("what now? ");
    std::fs::write(test.path("ready"), "").expect("is ours");
    std::fs::write(test.path("by-hand"), "").expect("is ours");
    terminal.type_in("r\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("verified by step 3"), "{said}");
}

#[test]
fn a_fallback_is_taken_on_request_and_a_step_can_be_done_by_hand_with_a_note() {
    let text = FAILS.replace("ls new by-hand", "test -e by-hand");
    let (test, mut terminal) = on_terminal(&text, &["exec", "Deploy", "--confirm", "never"]);
    terminal.wait_for("what now? ");
    terminal.type_in("f\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("recovered by fallback step 2, verified by step 3"), "{said}");
    assert!(test.path("by-hand").exists());
    let (test, mut terminal) = on_terminal(&text, &["exec", "Deploy", "--confirm", "never"]);
    std::fs::write(test.path("by-hand"), "").expect("is ours");
    terminal.wait_for("what now? ");
    terminal.type_in("d\n");
    terminal.wait_for("what was done? ");
    terminal.type_in("copied it\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    let noted =
        test.journal().iter().any(|event| event["type"] == "confirmation" && event["note"] == "copied it");
    assert!(noted, "{said}");
}

#[test]
fn the_live_line_shows_the_step_its_time_and_the_countdown_in_80_columns() {
    let text = "# Deploy\n\n**Target**: Recovery < 2 minutes\n\n1. Deploy it carefully:\n   ```bash\n   touch x; echo working; until test -e go; do sleep 0.05; done\n   ```\n";
    let (test, mut terminal) = on_terminal(text, &["exec", "Deploy", "--yes"]);
    terminal.wait_for("[1] Deploy it carefully · ");
    terminal.wait_for("target in ");
    terminal.wait_for("working");
    std::fs::write(test.path("go"), "").expect("is ours");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    // The line is taken off the screen before the lines that stay.
    let (_, after) = said.rsplit_once("target in ").expect("was shown");
    let (line, _) = after.split_once("passed").expect("it passed");
    assert!(line.contains("\u{1b}[2K"), "{said:?}");
}

#[test]
fn manual_steps_and_decisions_are_answered_by_the_person() {
    let text = "# Call\n\n1. Call the vendor\n2. If the vendor agrees, switch over:\n   ```bash\n   touch switched\n   ```\n";
    let (test, mut terminal) = on_terminal(text, &["exec", "Call"]);
    terminal.wait_for("is it done? ");
    terminal.type_in("y\n");
    terminal.wait_for("\nstep 2: If the vendor agrees: is it so? [y]es, [N]o, [a]bort: ");
    terminal.type_in("y\n");
    // What they said stands there once.
    terminal.wait_for("[2] If the vendor agrees: yes (operator)\r\n\r\nstep 2 changes");
    terminal.wait_for("run step 2");
    terminal.type_in("y\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(test.path("switched").exists());
}

#[test]
fn a_step_that_a_person_did_not_do_is_not_called_failed() {
    let text = "# Call\n\n1. Call the vendor\n";
    let (_test, mut terminal) = on_terminal(text, &["exec", "Call"]);
    terminal.wait_for("is it done? ");
    terminal.type_in("n\n");
    terminal.wait_for("step 1 `Call the vendor` was not done\r\n  [r] retry it\r\n");
    terminal.type_in("a\n");
    terminal.wait_for("[1] step 1 `Call the vendor` was not done: abort (operator)\r\n");
    terminal.wait_for("1     Call the vendor                      left open ");
    let (code, said) = terminal.finish();
    assert_eq!((code, said.contains("failed")), (5, false), "{said}");
}

#[test]
fn an_interactive_step_gets_the_terminal() {
    let text = "# Talk\n\n<!-- runbook: effect=changes -->\n```bash\nread -r -p 'name? ' NAME; echo \"hello $NAME\" > said\n```\n";
    let (test, mut terminal) = on_terminal(text, &["exec", "Talk", "--yes"]);
    terminal.wait_for("read -r -p 'name? ' NAME");
    terminal.wait_for("name? ");
    terminal.type_in("ann\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert_eq!(test.read("said"), "hello ann\n");
}

#[test]
fn commands_are_shown_before_they_run_in_a_live_view_and_in_plain_lines() {
    let text = "# Call\n\n1. Call it:\n   ```bash\n   test -n {token}\n   until test -e go; do sleep 0.05; done\n   ```\n";
    let (test, mut terminal) = on_terminal(text, &["exec", "Call", "--yes"]);
    terminal.wait_for("token (line");
    terminal.type_in("hunter2\n");
    terminal.wait_for(" test -n ******\r\n      until test -e go; do sleep 0.05; done\r\n");
    std::fs::write(test.path("go"), "").expect("is ours");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    let test = Test::on(DEPLOY, &["exec", "Deploy", "--name", "a b", "--yes"]);
    let shown = "[2] Deploy (act, changes, line 8)\n    $ touch 'a b'\n[2] passed";
    test.run().exit(0).says(shown);
    Test::on(DEPLOY, &["exec", "Deploy", "--name", "x", "--yes", "--quiet"])
        .run()
        .exit(0)
        .never_says("touch");
}
