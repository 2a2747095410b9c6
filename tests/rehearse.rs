//! Rehearsals as a person runs them: LeviBot, a service that is not LeviBot, and everything that can go wrong.

mod ending;
mod on_host;
mod page;

use crate::harness::rehearsal::{QUICK, judge_passed, our_stage_of_its_own, ours, reasons, run_all};
use crate::harness::{OnTerminal, Test, site as place};

#[test]
fn a_cure_that_does_nothing_and_exits_0_fails() {
    // Like the original system's: the script says that all is well.
    let broken = "echo recovered: every engine runs";
    let test = our_stage_of_its_own(QUICK)
        .script("work/scripts/auto_recover.sh", broken)
        .file("doc.md", "# Recover\n\n1. Recover:\n   ```bash\n   ./scripts/auto_recover.sh\n   ```\n")
        .args(&["rehearse", "Recover", "--no-prepare", "--fault", "engine-stopped", "--file", "doc.md"]);
    let finished = test.run().exit(1);
    let reason = reasons(&finished);
    assert!(
        reason.starts_with(
            "the procedure says `every step succeeded, not verified: the document has no verify step`, but the \
             symptom is still there: `passes_when` does not hold 100 ms later"
        ),
        "{reason}"
    );
    finished.says("rehearsal failed with fault `engine-stopped` (exit 1)").leaves_nothing();
}

/// What is not cured is not waited for.
const SOON: (&str, &str) = ("    passes_when:", "    passes_within: 200ms\n    passes_when:");

/// A stage without LeviBot, whose procedure runs `script`.
fn site(script: &str, changes: &[(&str, &str)], args: &[&str]) -> Test {
    let indented = script.replace('\n', "\n   ");
    let document = format!("# Site Down\n\n1. Repair it:\n   ```bash\n   {indented}\n   ```\n");
    place::site(&document, "", changes).args(&["rehearse", "Site Down"]).args(args)
}

#[test]
fn what_cannot_be_rehearsed_is_refused_with_its_reason() {
    for (changes, args, exit, error) in [
        (
            &[][..],
            &["--fault", "brokn"][..],
            2,
            "error: there is no fault `brokn`\nhint: a fault named `broken` exists\n",
        ),
        (
            &[("[Site Down]", "[]")],
            &[],
            2,
            "error: no fault belongs to `Site Down`\nhint: choose one with --fault: `broken`\n",
        ),
        (
            &[("  ready:", "  redy:")],
            &[],
            3,
            "error: unknown key `redy`\n  --> runbooks/runbook.yaml:5:3\n    |\n  5 |   redy: test -e up\n    |   ^^^^\n\
             hint: a key named `ready` exists\n",
        ),
        (
            &[("../site", "../sight")],
            &[],
            6,
            "error: `workdir` names `../sight`, which does not exist\n  --> runbooks/runbook.yaml:3:12\n    |\n  \
             3 |   workdir: ../sight\n    |            ^^^^^^^^\nhint: paths count from the folder of this file; \
             what `prepare` builds is there only after it\n",
        ),
        (
            &[("  workdir:", "  prepare: echo compiling; echo no compiler >&2; exit 4\n  workdir:")],
            &[],
            6,
            "preparing the stage\nerror: `prepare` ended with 4; it said last:\n  compiling\n  no compiler\nhint: run it \
             by hand, or rehearse what was built before with --no-prepare\n",
        ),
    ] {
        let finished = site("rm broken", changes, args).run().exit(exit);
        assert_eq!(finished.stderr, error);
        assert!(!finished.test.state().join("runs").exists(), "nothing was run");
    }
    let nothing =
        Test::new().file("a.md", "# A\n\n```bash\ntrue\n```\n").args(&["rehearse", "A", "--file", "a.md"]);
    let finished = nothing.run().exit(6);
    assert_eq!(
        finished.stderr,
        "error: nothing can be rehearsed: there is no `runbooks/runbook.yaml` above the document or here\nhint: declare a stage; \
         the book's page `Rehearse your own system` shows one of ten lines\n"
    );
}

#[test]
fn a_rehearsal_that_cannot_be_judged_is_an_error() {
    for (changes, reason) in [
        (
            &[("inject: touch broken", "symptom_within: 200ms\n    inject: 'true'")],
            "the symptom was never seen within 200 ms",
        ),
        (
            &[("touch up; exec sleep 600", "echo no port; exit 3")],
            "the service ended before it was ready (exit 3: no port)",
        ),
        (
            &[("touch up; exec", "touch up broken; exec")],
            "the symptom was there before the fault was injected",
        ),
        (&[("inject: touch broken", "inject: exit 9")], "the fault could not be injected: exit 9"),
    ] {
        let changes = [changes[0], ("  ready: test", "  ready_within: 2s\n  ready: test")];
        let finished = site("rm broken", &changes, &[]).run().exit(6);
        assert!(reasons(&finished).starts_with(reason), "{}", reasons(&finished));
        finished
            .says("nothing was rehearsed with fault `broken` (exit 6)")
            .says("stage: the service said:")
            .leaves_nothing();
    }
}

#[test]
fn a_revert_that_fails_turns_the_result_red() {
    let finished = site("rm broken", &[("revert: rm -f", "revert: rm")], &[]).run().exit(1);
    finished
        .says("the fault could not be taken away: exit 1: rm: cannot remove 'broken'")
        .says("rehearsal failed with fault `broken` (exit 1)")
        .leaves_nothing();
}

#[test]
fn a_rehearsal_that_fails_notifies_nobody() {
    let notifiers = ("stage:", "notifiers:\n  page: {command: touch told}\nstage:");
    let finished = site("false", &[notifiers, SOON], &["--no-isolation"]).run().exit(1).never_says("notif");
    assert!(!finished.test.path("runbooks/told").exists());
}

#[test]
fn a_fault_that_expires_proves_nothing() {
    let changes = [("    passes_when", "    expires: 1s\n    passes_when")];
    let finished = site("while [ -e broken ]; do sleep 0.05; done", &changes, &[]).run().exit(1);
    finished.says("the fault had ended by itself before the procedure was judged").leaves_nothing();
}

#[test]
fn a_preparation_runs_on_the_host_and_is_left_out_on_request() {
    let prepare = [("  workdir:", "  prepare: echo $RUNBOOK >../prepared\n  workdir:")];
    let finished = site("rm broken", &prepare, &["--no-prepare"]).run().exit(0);
    assert_eq!(finished.test.read("prepared"), "");
    let finished = site("rm broken", &prepare, &[]).run().exit(0);
    assert!(
        finished.test.read("prepared").trim().ends_with("/runbook"),
        "{}",
        finished.test.read("prepared")
    );
    finished.leaves_nothing();
}

#[test]
fn a_preparation_is_shown_while_it_goes_on_and_stops_at_ctrl_c() {
    let prepare = [("  workdir:", "  prepare: echo compiling it; sleep 600\n  workdir:")];
    let test = site("rm broken", &prepare, &[]);
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("preparing the stage");
    screen.wait_for("compiling it");
    screen.type_in("\u{3}");
    let (code, _) = screen.finish();
    assert_eq!((code, test.leftovers()), (130, Vec::new()));
    assert!(!test.state().join("runs").exists(), "nothing was run");
}

#[test]
fn on_a_terminal_a_rehearsal_shows_its_story_and_asks_what_the_document_leaves_open() {
    let test = site("rm broken", &[], &[]).file(
        "runbooks/site.md",
        "# Site Down\n\n1. Repair it:\n   ```bash\n   rm broken\n   ```\n2. If the disk is full, make room:\n   \
         ```bash\n   touch room\n   ```\n",
    );
    let mut screen = OnTerminal::start(&test.command());
    screen.wait_for("the symptom is there after");
    screen.wait_for("is it so?");
    screen.type_in("y\n");
    screen.wait_for("taken away");
    let (code, text) = screen.finish();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("rehearsal passed"), "{text}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn values_come_from_the_command_line_and_else_from_the_stage() {
    let stage = [("  ready:", "  parameters: {name: broken}\n  ready:")];
    site("rm <name>", &stage, &[]).run().exit(0).says("name = broken");
    site("rm <name>", &[stage[0], SOON], &["--name", "up"]).run().exit(1).says("name = up");
    let none = site("rm <name>", &[], &[]).run().exit(2);
    assert!(none.stderr.starts_with("error: `Site Down` needs a value for `name`"), "{}", none.stderr);
}

#[test]
fn events_are_written_as_json() {
    let finished = site("rm broken", &[], &["--format", "json"]).run().exit(0);
    let events: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(events, finished.test.journal());
    assert_eq!(events[0]["mode"], "rehearse");
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types,
        [
            "run_started",
            "stage",
            "fault",
            "fault",
            "step_started",
            "step_finished",
            "stage",
            "fault",
            "stage",
            "run_finished"
        ]
    );
}

#[test]
fn no_line_about_the_stage_is_longer_than_a_terminal() {
    let long = "    description: a file that stands in the way of everything that anybody would ever want to do\n    \
                procedures: [Site";
    let finished = site("true", &[("    procedures: [Site", long), SOON], &[]).run().exit(1);
    for line in finished.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!finished.stdout.contains('\u{1b}') && !finished.stderr.contains('\u{1b}'));
}

#[test]
fn eight_rehearsals_at_once_do_not_see_one_another() {
    for finished in run_all((0..8).map(|_| ours("MTTR Exceeded", &[])).collect()) {
        judge_passed(finished, "engine-stopped", 0, "succeeded, verified by step 4");
    }
}
