//! Time limits, time boxes, and what is left running.

use super::{act, look, run, run_with, setup};
use crate::event::{CancelCause, EventBody, Outcome, StepResult};
use crate::host::processes::process;
use crate::plan::{PlanStep, RunMode, Work};
use crate::run::RecordError;
use std::time::Duration;

fn within(mut step: PlanStep, timeout: Duration) -> PlanStep {
    step.timeout = timeout;
    step
}

fn mode(mut step: PlanStep, mode: RunMode) -> PlanStep {
    if let Work::Shell(work) = &mut step.work {
        work.mode = mode;
    }
    step
}

/// The process ids that step 0 printed, one a line.
fn printed(text: &str) -> Vec<i32> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn gone(pid: i32) -> bool {
    process(pid).is_none()
}

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_timeout_ends_the_step_and_everything_it_started() {
    for script in [
        "echo $BASHPID; sleep 60",
        "bash -c 'echo $$; trap \"\" TERM; while :; do sleep 60; done'; :",
        "bash -c 'trap \"\" TERM; sleep 60 & echo $!; wait' & wait",
        "trap '' TERM; sleep 60 & echo $!; wait; wait; sleep 60",
        "sleep 60 & echo $!; kill -STOP $!; wait",
    ] {
        // Long enough for a busy machine to come to the `sleep`.
        let ran = run(vec![within(look(script), Duration::from_secs(1)), look("echo next")]);
        assert_eq!(ran.result(0), &StepResult::TimedOut { limit_ms: 1000 }, "{script:?}");
        assert!(ran.end(0).shell_ended && ran.end(0).wall_ms < 10_000, "{script:?}");
        let pids = printed(&ran.stdout(0));
        assert!(!pids.is_empty() && pids.iter().all(|pid| gone(*pid)), "{script:?} {pids:?}");
        assert_eq!(ran.stdout(1), "next\n", "{script:?}");
    }
}

#[test]
fn earlier_jobs_end_with_a_step_that_is_stopped_and_it_is_said() {
    let ran = run(vec![
        look("sleep 60 >/dev/null 2>&1 & echo $!"),
        within(look("sleep 60"), SHORT),
        look("echo next"),
    ]);
    let pids = printed(&ran.stdout(0));
    assert!(gone(pids[0]));
    let expected = format!("background jobs of earlier steps are stopped with this one: sleep ({})", pids[0]);
    assert_eq!(ran.notes(), [expected]);
}

#[test]
fn a_time_box_is_no_failure_and_spares_earlier_jobs() {
    let ran = run(vec![
        look("x=1; sleep 60 >/dev/null 2>&1 & echo $!"),
        within(mode(look("echo line; sleep 60; echo never"), RunMode::TimeBox), SHORT),
        look("kill -0 $! && echo alive $x; kill $!"),
    ]);
    assert_eq!((ran.result(1), ran.stdout(1).as_str()), (&StepResult::Passed, "line\n"));
    assert_eq!(ran.stdout(2), "alive 1\n", "{:#?}", ran.events);
}

#[test]
fn a_repeated_text_ends_with_its_time_box_and_its_last_status() {
    let repeat = RunMode::Repeat { every: Duration::from_millis(150) };
    for (script, result) in [
        ("echo x", StepResult::Passed),
        ("echo x; n=$((${n-0} + 1)); (exit $n)", StepResult::Failed { status: 0, not_tried: None }),
        ("echo x; exit 3", StepResult::Failed { status: 3, not_tried: None }),
    ] {
        let ran =
            run(vec![within(mode(look(script), repeat), Duration::from_millis(1200)), look("echo next")]);
        let times = ran.stdout(0).matches("x\n").count();
        assert!((2..=9).contains(&times), "{script:?} {times}");
        match (ran.result(0), &result) {
            (StepResult::Failed { status, .. }, StepResult::Failed { status: 0, .. }) => {
                assert!(*status >= 2)
            }
            (got, expected) => assert_eq!(got, expected, "{script:?}"),
        }
        assert_eq!(ran.stdout(1), "next\n", "{script:?} {:#?}", ran.events);
    }
    let hangs = within(mode(look("echo x; sleep 60"), repeat), SHORT);
    assert_eq!(run(vec![hangs]).result(0), &StepResult::Passed);
}

#[test]
fn jobs_are_named_and_left_on_the_host_and_ended_on_a_stage() {
    let steps = || vec![look("sleep 60 >/dev/null 2>&1 & echo $!")];
    let ran = run(steps());
    let pid = printed(&ran.stdout(0))[0];
    assert_eq!(ran.last.left_running, [format!("sleep ({pid})")]);
    assert!(!gone(pid));
    crate::host::processes::kill_process(pid);
    let staged = run_with(setup(), true, steps(), &mut |_| Ok(()));
    assert!(gone(printed(&staged.stdout(0))[0]) && staged.last.left_running.is_empty());
}

#[test]
fn nothing_starts_when_the_journal_fails() {
    let full = || RecordError::Journal(std::io::ErrorKind::StorageFull.into());
    let started = |event: &EventBody| matches!(event, EventBody::StepStarted { step, .. } if step.0 == 1);
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("ran");
    let mut second = act(&format!("echo ran >{}", path.display()));
    second.always = true;
    let mut fails = false;
    let ran = run_with(setup(), false, vec![act("echo one"), second], &mut |event| {
        fails |= started(event);
        if fails { Err(full()) } else { Ok(()) }
    });
    assert!(!path.exists());
    assert_eq!((ran.last.exit, ran.last.outcome), (6, Outcome::Cancelled));
}

#[test]
fn a_closed_output_lets_the_step_end_and_starts_no_plain_one() {
    let mut always = look("echo always");
    always.always = true;
    let ran = run_with(
        setup(),
        false,
        vec![act("echo one; sleep 0.1; echo two"), act("echo no"), always],
        &mut |_| Ok(()),
    );
    assert_eq!(ran.last.exit, 0);
    let mut closed = false;
    let mut texts = Vec::new();
    let mut always = look("echo always");
    always.always = true;
    let ran = run_with(
        setup(),
        false,
        vec![act("echo one; sleep 0.1; echo two"), act("echo no"), always],
        &mut |event| {
            if let EventBody::Output { text, .. } = event {
                texts.push(text.clone());
                closed = true;
            }
            if closed { Err(RecordError::OutputClosed) } else { Ok(()) }
        },
    );
    assert_eq!(texts, ["one\n", "two\n", "always\n"]);
    assert_eq!((ran.last.exit, ran.last.outcome), (141, Outcome::Cancelled));
    let cancels = ran
        .events
        .iter()
        .filter(|event| matches!(event, EventBody::Cancel { cause: CancelCause::OutputClosed }));
    assert!(cancels.count() <= 1);
}
