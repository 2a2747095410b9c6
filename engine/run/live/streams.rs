//! Output: live, masked, limited, and what a step leaves behind.

use super::{act, look, run, run_with, setup};
use crate::event::{EventBody, StepResult, Stream};
use crate::run::{OutputLimit, SessionSetup};
use crate::runbook::{Expectation, Matching};
use crate::source::Span;

#[test]
fn output_is_recorded_by_stream() {
    let ran = run(vec![look("echo out; echo err >&2; printf 'a\\0b\\xffc'")]);
    assert_eq!((ran.stdout(0).as_str(), ran.stderr(0).as_str()), ("out\na\0b\u{fffd}c", "err\n"));
    assert_eq!(ran.end(0).output_bytes, [9, 4]);
}

#[test]
fn secrets_never_reach_the_record() {
    let setup = SessionSetup { secrets: vec!["hunter2".into()], ..setup() };
    let script = "printf hun; sleep 0.1; echo ter2; echo hunter2 >&2; false; echo hunter2 late";
    let ran = run_with(setup, false, vec![act(script)], &mut |_| Ok(()));
    assert_eq!((ran.stdout(0).as_str(), ran.stderr(0).as_str()), ("******\n", "******\n"));
    assert_eq!(ran.end(0).not_run, ["echo ****** late"]);
    assert!(!format!("{:?}", ran.events).replace("ter2", "hunter2").is_empty());
    for event in ran.events.iter().filter(|event| !matches!(event, EventBody::StepStarted { .. })) {
        assert!(!format!("{event:?}").contains("hunter2"), "{event:?}");
    }
}

#[test]
fn much_output_is_cut_in_the_middle() {
    let setup = SessionSetup { output: OutputLimit { head: 1000, tail: 100 }, ..setup() };
    let ran =
        run_with(setup, false, vec![look("head -c 10000000 /dev/zero | tr '\\0' x; echo end")], &mut |_| {
            Ok(())
        });
    let text = ran.stdout(0);
    assert_eq!((text.len(), text.ends_with("xend\n")), (1100, true));
    assert_eq!(ran.end(0).output_bytes, [10_000_004, 0]);
    assert_eq!(ran.end(0).dropped_bytes, [10_000_004 - 1100, 0]);
    assert_eq!(ran.notes(), ["9998904 bytes of standard output are left out here; its end follows"]);
}

#[test]
fn a_child_that_holds_the_output_is_named_and_its_words_come_late() {
    let ran = run(vec![look("(sleep 1; echo later) & echo now"), look("sleep 2; echo meanwhile")]);
    assert_eq!(ran.result(0), &StepResult::Passed);
    assert!(ran.end(0).wall_ms < 900, "{:?}", ran.end(0));
    let names: Vec<_> = ran.end(0).leaked.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(names, ["bash", "sleep"]);
    let late = ran.events.iter().position(|event| {
        matches!(event, EventBody::Output { step, text, late: true, stream: Stream::Stdout }
            if step.0 == 0 && text == "later\n")
    });
    let next = ran
        .events
        .iter()
        .position(|event| matches!(event, EventBody::StepStarted { step, .. } if step.0 == 1));
    assert!(late > next && next.is_some(), "{:#?}", ran.events);
}

#[test]
fn output_is_seen_while_the_step_runs() {
    let mut order = Vec::new();
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("seen");
    // The step ends only when its own first line was recorded.
    let script = format!("echo first; until [ -e {} ]; do sleep 0.02; done", path.display());
    run_with(setup(), false, vec![look(&script)], &mut |event| {
        if let EventBody::Output { text, .. } = event {
            order.push(text.clone());
            std::fs::write(&path, "").expect("is writable");
        }
        Ok(())
    });
    assert_eq!(order, ["first\n"]);
}

#[test]
fn what_the_document_promises_of_the_output_is_judged() {
    let promising = |script: &str, expected: &str| {
        let mut step = act(script);
        step.expectation = Some(Expectation {
            matching: Matching::Lines,
            text: expected.trim_end().into(),
            span: Span::new(0, 0),
            line: 1,
            example: false,
        });
        step
    };
    for (script, result) in [
        ("echo a; echo b >&2", StepResult::Passed),
        ("echo b", StepResult::Mismatched { diff: "-a\n+b\n".into() }),
        ("echo a; false", StepResult::Failed { status: 1, not_tried: None }),
    ] {
        assert_eq!(run(vec![promising(script, "a\n")]).result(0), &result, "{script:?}");
    }
}

#[test]
fn a_job_that_is_left_running_may_go_on_writing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("alive");
    let script =
        format!("(while ! echo word; do :; done; sleep 2; echo word && echo yes >{}) & :", path.display());
    let ran = run(vec![look(&script)]);
    assert!(ran.last.left_running.iter().any(|job| job.starts_with("bash (")), "{:?}", ran.last);
    for _ in 0..500 {
        if std::fs::read_to_string(&path).is_ok_and(|text| text == "yes\n") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it died of writing");
}
