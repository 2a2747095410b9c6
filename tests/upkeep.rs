//! What is overdue for review, and what was not rehearsed since it changed.

use crate::harness::{Finished, Test};
use serde_json::{Value, json};

const DOCUMENT: &str = "\
# Bot

## Restart

**Target**: Recovery < 30 seconds

```bash
echo restarted > state
```

## Stop

```bash
echo stopped > state
```

---

**Last Updated**: 2020-01-31
**Review Cycle**: Monthly
";

/// A stage on which restarting cures the only fault.
const STAGE: &str = "\
procedures: [bot.md]
stage:
  workdir: ../stage
  service: exec sleep 60
faults:
  broken:
    procedures: [Restart]
    inject: echo broken > state
    symptom: grep -q broken state
    revert: echo well > state
    passes_when: grep -q restarted state
";

fn place() -> Test {
    Test::new()
        .file("runbooks/bot.md", DOCUMENT)
        .file("runbooks/runbook.yaml", STAGE)
        .file("stage/state", "well\n")
}

fn rewrite(test: Test, from: &str, to: &str) -> Test {
    let text = test.read("runbooks/bot.md");
    assert!(text.contains(from), "{text}");
    test.file("runbooks/bot.md", text.replace(from, to))
}

/// What `list` says below its table, and the entry of the first procedure in its JSON.
fn listed(test: Test) -> (Test, String, Value) {
    let text = test.again(&["list"]).run().exit(0).stderr("");
    let below = text.stdout.split_once("\n\n").map(|(_, below)| below.to_owned()).unwrap_or_default();
    let json = text.test.again(&["list", "--format", "json"]).run().exit(0);
    let entry = json.json()["procedures"][0].clone();
    (json.test, below, entry)
}

fn rehearsed(test: Test, exit: i32) -> Test {
    test.again(&["rehearse", "Restart"]).run().exit(exit).test
}

#[test]
fn a_procedure_is_rehearsed_until_what_it_does_changes() {
    const OVERDUE: &str = "review overdue since 2020-02-29: runbooks/bot.md\n";
    let (test, below, entry) = listed(place());
    assert_eq!(below, format!("{OVERDUE}never rehearsed here: all 2 procedures\n"));
    assert_eq!(entry["review"], json!({"last": "2020-01-31", "due": "2020-02-29", "overdue": true}));
    assert_eq!(entry["rehearsed"], Value::Null);

    let (test, below, entry) = listed(rehearsed(test, 0));
    assert_eq!(below, format!("{OVERDUE}never rehearsed here: Stop\n"));
    assert_eq!(
        (&entry["rehearsed"]["passed"], &entry["rehearsed"]["changed_since"]),
        (&json!(true), &json!(false))
    );

    // Words, dates and other procedures are not what was rehearsed.
    let test = rewrite(test, "# Bot\n", "# Bot\n\nTwo procedures, both short.\n");
    let test = rewrite(test, "echo stopped", "echo down");
    let (test, below, _) = listed(rewrite(test, "2020-01-31", "9000-01-01"));
    assert_eq!(below, "never rehearsed here: Stop\n");

    let test = rewrite(test, "echo restarted", "echo hello; echo restarted");
    let (test, below, entry) = listed(test);
    assert_eq!(below, "never rehearsed here: Stop\nchanged since rehearsed: Restart\n");
    assert_eq!(entry["rehearsed"]["changed_since"], true);

    let (test, below, _) = listed(rehearsed(test, 0));
    assert_eq!(below, "never rehearsed here: Stop\n");

    let test = rewrite(test, "echo hello; echo restarted", "echo hello");
    let (_, below, entry) = listed(rehearsed(test, 1));
    assert_eq!(below, "never rehearsed here: Stop\ndid not pass the last rehearsal: Restart\n");
    assert_eq!(
        (&entry["rehearsed"]["passed"], &entry["rehearsed"]["changed_since"]),
        (&json!(false), &json!(false))
    );
}

fn checked(test: Test) -> Finished {
    test.again(&["test", "--no-run", "-v", "runbooks/bot.md"]).run().exit(0)
}

#[test]
fn the_static_tier_warns_of_what_is_not_kept_up() {
    const NEVER: &str = "warning: `Stop` was never rehearsed\n  --> runbooks/bot.md:11:1\n";
    let finished = checked(place());
    let finished = finished.says(
        "warning: the review was due on 2020-02-29\n  --> runbooks/bot.md:19:3\n    |\n \
         19 | **Last Updated**: 2020-01-31\n",
    );
    // Where nobody rehearses, that nothing was rehearsed is no finding.
    let finished = finished.never_says("rehearsed");
    let finished = checked(rehearsed(finished.test, 0)).says(NEVER).never_says("`Restart`");
    let test = rewrite(finished.test, "echo restarted", "echo hello; echo restarted");
    let today = "warning: `Restart` has changed since it was rehearsed on 2";
    checked(test).says(NEVER).says(today).says("hint: runbook rehearse restart\n");
}

#[test]
fn lint_says_what_is_overdue_and_what_was_not_rehearsed_since_it_changed() {
    const OVERDUE: &str = "runbooks/bot.md:19: warning: the review was due on 2020-02-29\n  hint: read it, try it, \
                           and write down the day\n";
    const NEVER: &str =
        "runbooks/bot.md:11: warning: `Stop` was never rehearsed\n  hint: runbook rehearse stop\n";
    let linted = |test: Test, found: &str, count: &str| {
        let finished = test.again(&["lint"]).run().exit(0).stderr("");
        let day = finished.stdout.split_once("rehearsed on\n  ");
        let today = day.and_then(|(_, rest)| rest.get(..10));
        let stdout = finished.stdout.replace(today.unwrap_or("no day"), "TODAY");
        assert_eq!(stdout, format!("{found}checked 2 procedures of 1 document: {count}\n"));
        finished.test
    };
    let test = linted(place(), OVERDUE, "1 warning");
    let test = linted(rehearsed(test, 0), &format!("{NEVER}{OVERDUE}"), "2 warnings");
    let test = rewrite(test, "echo restarted", "echo hello; echo restarted");
    const CHANGED: &str =
        "runbooks/bot.md:3: warning: `Restart` has changed since it was rehearsed on\n  TODAY\n";
    let hint = "  hint: runbook rehearse restart\n";
    let test = linted(test, &format!("{CHANGED}{hint}{NEVER}{OVERDUE}"), "3 warnings");
    let test = rewrite(test, "echo hello; echo restarted", "echo hello");
    const FAILED: &str = "runbooks/bot.md:3: warning: the last rehearsal of `Restart`, on 2";
    let failed = rehearsed(test, 1).again(&["lint"]).run().exit(0);
    failed.says(FAILED).says(",\n  did not pass\n  hint: runbook rehearse restart\n");
}

#[test]
fn a_record_that_is_not_believed_leaves_the_list_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let test = rehearsed(place(), 0);
    std::fs::set_permissions(test.state(), PermissionsExt::from_mode(0o777)).expect("is ours");
    let why = "what was rehearsed is not known: everybody may write to";
    let linted = test.again(&["lint", "--format", "json"]).run().exit(0).stderr("");
    let finding = linted.json()["findings"][1].clone();
    assert_eq!((&finding["file"], &finding["line"]), (&Value::Null, &Value::Null));
    assert_eq!((&finding["level"], &finding["code"]), (&json!("warning"), &json!("record-unreadable")));
    assert!(finding["text"].as_str().is_some_and(|text| text.starts_with(why)), "{finding}");
    let linted = linted.test.again(&["lint"]).run().exit(0).stderr("");
    let linted = linted.says(&format!("down the day\nwarning: {why}\n")).says("1 document: 2 warnings\n");
    let listed = linted.test.again(&["list"]).run().exit(0);
    listed
        .stderr(
            "warning: what was rehearsed is not known: everybody may write to `[PLACE]/state`: what is on record \
             there may not be what was written\n",
        )
        .says("Restart")
        .never_says("never rehearsed");
}
