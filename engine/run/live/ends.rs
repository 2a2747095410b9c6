//! How steps end, and what is said of it.

use super::{act, look, run, running};
use crate::event::{NotTried, StepResult};
use crate::plan::testing::{act as testing_act, fallback, verify};

fn failed(status: i32, not_tried: Option<NotTried>) -> StepResult {
    StepResult::Failed { status, not_tried }
}

#[test]
fn an_act_stops_at_its_first_failure() {
    let missing = |command: &str| Some(NotTried::MissingCommand { command: command.into() });
    for (script, result, statuses, not_run, shell_ended) in [
        ("true", StepResult::Passed, &[0][..], &[][..], false),
        ("true\nfalse", failed(1, None), &[0, 1], &[], true),
        ("false\necho no", failed(1, Some(NotTried::EndedEarly)), &[1], &["echo no"], true),
        ("false || true\ntrue", StepResult::Passed, &[0, 0], &[], false),
        ("false && true\ntrue", StepResult::Passed, &[1, 0], &[], false),
        ("true | false | true", failed(1, None), &[1], &[], true),
        ("echo $nope", failed(1, None), &[1], &[], true),
        ("exit 3", failed(3, None), &[3], &[], true),
        ("exit 0\necho no", StepResult::Passed, &[0], &["echo no"], true),
        ("exec true", StepResult::Passed, &[0], &[], true),
        ("kill -9 $$", StepResult::Signaled { signal: 9 }, &[137], &[], true),
        ("nosuch1", failed(127, missing("nosuch1")), &[127], &[], true),
        ("./nosuch.sh", failed(127, missing("./nosuch.sh")), &[127], &[], true),
        ("/etc/passwd", failed(126, missing("/etc/passwd")), &[126], &[], true),
        ("bash -c 'nosuch2'", failed(127, None), &[127], &[], true),
        ("nosuch1 || nosuch2", failed(127, missing("nosuch2")), &[127], &[], true),
        ("", StepResult::Passed, &[], &[], false),
        ("# only a comment", StepResult::Passed, &[], &[], false),
    ] {
        let ran = run(vec![act(script)]);
        let end = ran.end(0);
        assert_eq!(
            (&end.result, ran.statuses(0).as_slice()),
            (&result, statuses),
            "{script:?} {:#?}",
            ran.events
        );
        assert_eq!(
            (end.not_run.as_slice(), end.shell_ended),
            (&not_run.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..], shell_ended),
            "{script:?}"
        );
    }
}

#[test]
fn an_observing_step_runs_every_line_and_shows_the_worst_status() {
    for (script, result, statuses) in [
        ("false\n(exit 7)\n(exit 2)\ntrue", failed(7, None), &[1, 7, 2, 0][..]),
        (
            "nosuch1\ntrue",
            failed(127, Some(NotTried::MissingCommand { command: "nosuch1".into() })),
            &[127, 0],
        ),
        ("if\ntrue", failed(2, None), &[2]),
        ("echo $nope\ntrue", StepResult::Passed, &[0, 0]),
    ] {
        let ran = run(vec![look(script)]);
        assert_eq!(
            (ran.result(0), ran.statuses(0).as_slice()),
            (&result, statuses),
            "{script:?} {:#?}",
            ran.events
        );
        assert!(!ran.end(0).shell_ended, "{script:?}");
    }
}

#[test]
fn statements_have_the_lines_of_the_document() {
    let step = crate::plan::PlanStep { line: 40, ..crate::plan::testing::observe("1") };
    let ran = run(vec![running(step, "true\n\nfalse; true\n")]);
    let lines: Vec<_> = ran.end(0).statements.iter().map(|it| (it.line, it.status)).collect();
    assert_eq!(lines, [(40, 0), (42, 1), (42, 0)]);
}

#[test]
fn a_fallback_and_a_verify_follow_a_failed_act() {
    let ran = run(vec![
        running(testing_act("1"), "x=1; echo try; exit 4"),
        running(fallback("2", 0), "echo fallback ${x-unset}"),
        running(verify("3"), "echo verify"),
    ]);
    assert_eq!(ran.stdout(0), "try\n");
    assert_eq!((ran.stdout(1).as_str(), ran.stdout(2).as_str()), ("fallback unset\n", "verify\n"));
    assert_eq!((ran.last.exit, ran.last.events as usize), (0, ran.events.len() - 1), "{:#?}", ran.events);
}

#[test]
fn a_verify_is_repeated_until_it_passes() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("count");
    let script = format!("echo x >>{0}; [ $(wc -l <{0}) -ge 3 ]", path.display());
    let mut step = running(verify("2"), &script);
    step.every = std::time::Duration::from_millis(10);
    let ran = run(vec![act(":"), step]);
    assert_eq!((ran.end(1).attempt, ran.result(1), ran.last.exit), (3, &StepResult::Passed, 0));
}

#[test]
fn a_lost_shell_is_replaced_and_it_is_said() {
    // Both the shell and its copy are killed, by what only the system does otherwise.
    let script = "x=1; for p in $(pgrep -g 0; pgrep -P $PPID -f doc.md); do case $(cat /proc/$p/stat) in *\"$$ (bash)\"*) ;; esac; done; kill -9 0";
    let ran = run(vec![look("x=1"), look(script), look("echo ${x-unset}")]);
    assert!(["1\n", "unset\n"].contains(&ran.stdout(2).as_str()), "{:#?}", ran.events);
    assert_eq!(ran.result(1), &StepResult::Signaled { signal: 9 });
}
