//! What a person may do about a step that failed, at a terminal: each choice is echoed and recorded.

use crate::harness::{OnTerminal, Reply, Service, Test};
use serde_json::Value;

const DOCUMENT: &str = "\
# Bot

## Restart

1. Force restart:
   ```bash
   ./restart.sh
   ```
2. If it fails, activate kill switch:
   ```bash
   touch killed
   ```
3. Verify:
   ```bash
   test -e well
   ```
";

/// Runs the document at a terminal up to the question about the step that failed.
fn failed(test: &Test) -> OnTerminal {
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("run step 1 `Force restart`? [y]es, [N]o, [a]bort:");
    screen.type_in("y\r");
    screen.wait_for(
        "step 1 `Force restart` failed; its fallback is step 2 `If it fails, activate\r\nkill switch`\r\n",
    );
    screen.wait_for("step 2 changes (line 10):\r\n    $ touch killed\r\n  [f] take the fallback");
    screen.wait_for("[e] edit the command and retry");
    screen.wait_for("what now?");
    screen
}

fn place() -> Test {
    Test::on(DOCUMENT, &["exec", "restart"])
        .script("restart.sh", "test -e well")
        .script("repair.sh", "touch well")
        .script("editor.sh", "sed -i s/restart/repair/ \"$1\"")
        .env("EDITOR", "./editor.sh")
}

/// The recorded answer on the failure, and its note.
fn recorded(test: &Test) -> (String, Option<String>) {
    let journal = test.journal();
    let mut answers = journal.iter().filter(|event| event["type"] == "confirmation");
    let about_failure = |event: &&Value| event["question"].as_str().is_some_and(|it| it.contains("failed"));
    let answer = answers.rfind(about_failure).expect("it was asked and answered");
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    (text("answer").expect("is a text"), text("note"))
}

fn ran(test: &Test) -> Vec<String> {
    let journal = test.journal();
    let started = journal.iter().filter(|event| event["type"] == "step_started");
    started.map(|event| event["script"].as_str().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn a_failed_step_is_tried_again() {
    let test = place();
    let mut screen = failed(&test);
    std::fs::write(test.path("well"), "").expect("is ours");
    screen.type_in("r\r");
    let (code, said) = screen.finish();
    assert_eq!((code, recorded(&test)), (0, ("retry".into(), None)), "{said}");
    assert_eq!(ran(&test)[..2], ["./restart.sh", "./restart.sh"], "{said}");
}

#[test]
fn a_failed_step_is_edited_and_the_record_shows_what_ran() {
    let test = place();
    let mut screen = failed(&test);
    screen.type_in("e\r");
    screen.wait_for("it is now:");
    screen.wait_for("./repair.sh");
    let (code, said) = screen.finish();
    assert_eq!((code, recorded(&test)), (0, ("edit".into(), Some("./repair.sh".into()))), "{said}");
    assert_eq!(ran(&test)[..2], ["./restart.sh", "./repair.sh"], "{said}");
    // The person's own command is shown when they are done with it, and in the summary, not at the start.
    assert_eq!(
        said.matches("$ ./repair.sh").count() + said.matches("$\u{1b}[0m ./repair.sh").count(),
        2,
        "{said}"
    );
    assert!(said.contains("edit and retry (operator)\r\n"), "{said}");
    let edited = "\r\n        edited; what ran is not in the document:\r\n        $ ./repair.sh\r\n";
    assert!(said.contains(edited), "{said}");
    test.again(&["report", "last", "--format", "md"]).run().exit(0).says(
        "line 6; 2 attempts, the last one is shown; **edited**: a person wrote the command that ran\n\n\
         ```bash\n./repair.sh\n```\n",
    );
}

#[test]
fn what_was_done_by_hand_must_be_said() {
    let test = place();
    let mut screen = failed(&test);
    std::fs::write(test.path("well"), "").expect("is ours");
    screen.type_in("d\r");
    screen.wait_for("what was done?");
    screen.type_in("\r");
    screen.wait_for("nothing was said, so nothing is decided");
    screen.wait_for("what now?");
    screen.type_in("d\r");
    screen.wait_for("what was done?");
    screen.type_in("restarted it in the console\r");
    let (code, said) = screen.finish();
    let note = Some("restarted it in the console".to_owned());
    assert_eq!((code, recorded(&test)), (0, ("done_by_hand".into(), note)), "{said}");
    assert!(said.contains("done by hand (operator): restarted it in the console"), "{said}");
    assert!(said.contains("1     Force restart                        by hand "), "{said}");
    let words = "        done by hand: restarted it in the console (before that: failed with\r\n        status 1)\r\n";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_fallback_whose_commands_were_shown_is_taken_when_it_is_chosen() {
    let test = place();
    let mut screen = failed(&test);
    std::fs::write(test.path("well"), "").expect("is ours");
    screen.type_in("f\r");
    let (code, said) = screen.finish();
    assert_eq!((code, recorded(&test)), (0, ("fallback".into(), None)), "{said}");
    assert!(!said.contains("run step 2"), "{said}");
    assert!(test.path("killed").exists() && said.contains("recovered by a fallback, verified"), "{said}");
}

#[test]
fn why_a_step_is_skipped_must_be_said() {
    let test = place();
    let mut screen = failed(&test);
    std::fs::write(test.path("well"), "").expect("is ours");
    screen.type_in("s\r");
    screen.wait_for("why may it be skipped?");
    screen.type_in("it is up already\r");
    let (code, said) = screen.finish();
    let note = Some("it is up already".to_owned());
    assert_eq!((code, recorded(&test)), (0, ("skip".into(), note)), "{said}");
    assert!(said.contains("1     Force restart                        skipped "), "{said}");
    let words = "        skipped: it is up already (before that: failed with status 1)\r\n";
    assert!(said.contains(words), "{said}");
    assert!(said.contains("\r\n  succeeded, verified by step 3; a person skipped step 1\r\n"), "{said}");
}

#[test]
fn an_aborted_run_runs_nothing_more() {
    let test = place();
    let mut screen = failed(&test);
    screen.type_in("a\r");
    let (code, said) = screen.finish();
    assert_eq!((code, recorded(&test)), (1, ("abort".into(), None)), "{said}");
    assert_eq!(ran(&test), ["./restart.sh"], "{said}");
    assert!(said.contains("stopping: the operator aborted"), "{said}");
}

#[test]
fn a_verify_that_a_person_says_they_did_is_not_verified() {
    let document = "# Bot\n\n## Restart\n\n**Target:** Time to recovery < 2 min\n\n1. Force restart:\n   ```bash\n   \
                    touch restarted\n   ```\n2. Verify:\n   ```bash\n   test -e well\n   ```\n";
    let test = Test::on(document, &["exec", "restart", "--yes", "--verify-timeout", "1s"]);
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("step 2 `Verify` failed");
    screen.wait_for("what now?");
    screen.type_in("d\r");
    screen.wait_for("what was done?");
    screen.type_in("looked at the dashboard\r");
    let (code, said) = screen.finish();
    let summary = "not verified; the verify step 2 was done by hand: nothing checked it";
    assert_eq!(code, 0, "{said}");
    assert!(said.replace("\r\n", " ").contains(summary), "{said}");
    let end = test.journal().pop().expect("it has an end");
    assert_eq!((&end["outcome"], &end["summary"]), (&"not_verified".into(), &summary.into()), "{end}");
    assert_eq!(end["targets"][0]["verdict"], "within_not_verified", "{end}");
    assert!(end["recovered_ms"].is_null(), "{end}");
}

#[test]
fn a_mistyped_value_does_not_lead_to_the_kill_switch_unwarned() {
    let service = Service::start(|_| Reply::Status(404, "no such engine"));
    let document = format!(
        "# Bot\n\n1. Force restart:\n   ```bash\n   curl -fsS -X POST http://{}/engines/<engine_id>/start\n   ```\n\
         2. If it fails, activate kill switch:\n   ```bash\n   touch killed\n   ```\n",
        service.address()
    );
    for answer in ["y", "n"] {
        let test = Test::on(&document, &["exec", "Bot", "--yes", "--engine-id", "33"]);
        let mut screen = OnTerminal::start(&test.command());
        screen.wait_for(
            "    $ touch killed\r\nwarning: its own request was refused (HTTP 404): is `engine_id = 33` right?\r\nThe \
             fallback would act on a step that was never really tried\r\n  [r] retry it\r\n",
        );
        screen.wait_for(
            "  [s] skip it and go on\r\n  [f] take the fallback\r\n  [a] abort the run\r\nwhat now?",
        );
        screen.type_in("f\r");
        screen.wait_for("the step before it was never really tried: run step 2 `If it fails, activate\r\n");
        screen.wait_for("all the same? [y]es, [N]o, [a]bort:");
        assert!(!test.path("killed").exists(), "it is asked first");
        screen.type_in(&format!("{answer}\r"));
        let (code, said) = screen.finish();
        assert_eq!(
            (code, test.path("killed").exists()),
            if answer == "y" { (5, true) } else { (1, false) },
            "{said}"
        );
    }
}

#[test]
fn a_fallback_that_was_offered_is_not_taken_where_the_person_aborts() {
    let test = place();
    let mut screen = failed(&test);
    screen.type_in("a\r");
    let (code, said) = screen.finish();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("[2] not taken: the operator aborted (If it fails, activate kill switch)"),
        "{said}"
    );
    assert!(!test.path("killed").exists(), "{said}");
}
