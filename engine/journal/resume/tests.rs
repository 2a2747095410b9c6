//! Where runs leave off, and every reason not to go on.

use super::super::line::FIRST_PREV;
use super::*;
use crate::event::{Purpose, RunFinished, SkipReason, StepFinished, StepHeader, VERSION};
use crate::plan::PlanStep;
use crate::plan::testing::{act, fallback, manual, observe, plan, verify};

fn steps() -> Vec<PlanStep> {
    vec![observe("1"), act("2"), fallback("3", 1), verify("4"), manual("5")]
}

fn started(plan: &Plan) -> EventBody {
    let EventBody::RunStarted(mut started) = super::super::line::tests::started() else { unreachable!() };
    started.procedure = plan.procedure.id.clone();
    started.steps = plan.steps.iter().map(StepHeader::from).collect();
    EventBody::RunStarted(started)
}

fn start(step: u32) -> EventBody {
    let script = (step != 4).then(|| "true".to_owned());
    EventBody::StepStarted { step: StepId(step), attempt: 1, purpose: Purpose::Plan, script, timeout_ms: 1 }
}

fn end(step: u32, result: StepResult) -> EventBody {
    EventBody::StepFinished(Box::new(StepFinished {
        step: StepId(step),
        attempt: 1,
        result,
        wall_ms: 1,
        human_ms: 0,
        output_bytes: [0, 0],
        dropped_bytes: [0, 0],
        statements: vec![],
        not_run: vec![],
        http: vec![],
        shell_ended: false,
        leaked: vec![],
        state: None,
    }))
}

fn over(outcome: Outcome) -> EventBody {
    EventBody::RunFinished(Box::new(RunFinished {
        outcome,
        summary: String::new(),
        exit: 0,
        wall_ms: 1,
        machine_ms: 1,
        human_ms: 0,
        recovered_ms: None,
        targets: vec![],
        rehearsal: None,
        warnings: vec![],
        left_running: vec![],
        exercised: None,
        events: 0,
    }))
}

fn journal(bodies: Vec<EventBody>) -> Journal {
    let bodies = std::iter::once(started(&plan(steps()))).chain(bodies);
    let event = |(seq, body)| Event {
        v: VERSION,
        seq,
        at: format!("2026-01-02T03:04:{seq:02}.000Z"),
        mono_ms: seq * 1000,
        body,
        prev: FIRST_PREV.into(),
    };
    Journal { events: (0..).zip(bodies).map(event).collect(), tail: Tail::Torn }
}

fn request() -> Request {
    Request { document_sha256: "ab".into(), unattended: true, ..Request::default() }
}

fn refused(journal: &Journal, request: &Request) -> Vec<String> {
    match resume(journal, &plan(steps()), request) {
        Ok(_) => vec![],
        Err(refusals) => refusals.iter().map(|why| format!("{why} / {}", why.hint())).collect(),
    }
}

fn failed() -> StepResult {
    StepResult::Failed { status: 1, not_tried: None }
}

#[test]
fn where_a_run_left_off_is_what_its_last_events_say() {
    let retrying =
        || EventBody::StepRetrying { step: StepId(3), attempt: 2, after_ms: 1, reason: "again".into() };
    let skip = || EventBody::StepSkipped { step: StepId(1), reason: SkipReason::Declined, detail: None };
    let answer = |answer| EventBody::Confirmation {
        step: Some(StepId(1)),
        question: String::new(),
        answer,
        by: "operator".into(),
        waited_ms: 1,
        note: None,
    };
    for (bodies, unclear, stood) in [
        (vec![], vec![], None),
        (vec![start(0)], vec![0], None),
        (vec![start(0), end(0, StepResult::Passed)], vec![], None),
        (vec![start(0), end(0, failed())], vec![], None),
        (vec![start(1), end(1, failed())], vec![], Some(1)),
        (vec![start(1), end(1, failed()), start(2), end(2, failed())], vec![], Some(1)),
        (vec![start(1), end(1, failed()), start(2), end(2, StepResult::Passed)], vec![], None),
        (vec![start(1), end(1, StepResult::Cancelled)], vec![1], None),
        (vec![start(1), end(1, failed()), answer(Choice::Skip)], vec![], None),
        (vec![start(1), end(1, failed()), answer(Choice::Retry)], vec![], None),
        (vec![start(1), end(1, failed()), answer(Choice::Abort)], vec![], Some(1)),
        (vec![start(3), end(3, failed()), retrying()], vec![], None),
        (vec![start(4)], vec![], None),
        (vec![skip()], vec![], None),
    ] {
        let left_off = left_off(&journal(bodies.clone())).expect("has a start");
        let expected: Vec<StepId> = unclear.into_iter().map(StepId).collect();
        assert_eq!((left_off.unclear, left_off.failed), (expected, stood.map(StepId)), "{bodies:?}");
    }
}

#[test]
fn a_crashed_run_goes_on_and_a_step_that_is_unknown_needs_a_word() {
    let crashed = journal(vec![start(0), end(0, StepResult::Passed), start(1)]);
    assert_eq!(
        refused(&crashed, &request()),
        ["what step 2 `Step 2` did is unknown / resume on a terminal to be asked, or add --rerun-unknown \
          to run it again"]
    );
    let resumed = |request: &Request| resume(&crashed, &plan(steps()), request).expect("goes on");
    let at = |unknown, from| EventBody::Resume { after: 4, document_sha256: "ab".into(), unknown, from };
    assert_eq!(resumed(&Request { unattended: false, ..request() }), [at(Some(StepId(1)), None)]);
    let events = resumed(&Request { rerun_unknown: true, ..request() });
    assert_eq!(events[0], at(Some(StepId(1)), None));
    assert!(
        matches!(&events[1], EventBody::Confirmation { step: Some(StepId(1)), answer: Choice::Retry, by, .. }
            if by == "--rerun-unknown"),
        "{events:?}"
    );
    assert_eq!(resumed(&Request { from: Some(StepId(1)), ..request() }), [at(None, Some(StepId(1)))]);
}

#[test]
fn a_run_that_is_over_goes_on_only_from_a_step_that_is_named() {
    let ended = |outcome| journal(vec![start(1), end(1, failed()), over(outcome)]);
    let person = "resume on a terminal to be asked, or add --from";
    for (outcome, why) in [
        (Outcome::Cancelled, None),
        (Outcome::Failed, Some(format!("the run ended because step 2 failed / {person} 2 to run it again"))),
        (
            Outcome::Verified,
            Some(
                "the run is over: it succeeded and was verified / start a new run, or add --from STEP to \
                 do that step and the rest anew"
                    .to_owned(),
            ),
        ),
        (Outcome::NotStarted, Some("the run never started / start a new run".to_owned())),
    ] {
        let journal = ended(outcome);
        assert_eq!(refused(&journal, &request()), Vec::from_iter(why), "{outcome:?}");
        let from = Request { from: Some(StepId(1)), ..request() };
        assert_eq!(refused(&journal, &from).is_empty(), outcome != Outcome::NotStarted, "{outcome:?}");
    }
    let open = journal(vec![end(4, StepResult::LeftOpen), over(Outcome::NeedsPerson)]);
    assert_eq!(
        refused(&open, &request()),
        [format!("the run ended because step 5 failed / {person} 5 to run it again")]
    );
    let declined = journal(vec![over(Outcome::NeedsPerson)]);
    assert_eq!(
        refused(&declined, &request()),
        [format!(
            "the run ended because it needs a person / {person} STEP to do that step and the rest anew"
        )]
    );
    assert_eq!(refused(&declined, &Request { unattended: false, ..request() }), Vec::<String>::new());
}

#[test]
fn a_changed_document_is_shown_and_changed_steps_are_refused() {
    let journal = journal(vec![]);
    let changed = Request { document_sha256: "cd".into(), ..request() };
    assert_eq!(
        refused(&journal, &changed),
        ["the document has changed since the run started / read the difference, then add --accept-changes"]
    );
    assert_eq!(refused(&journal, &Request { accept_changes: true, ..changed }), Vec::<String>::new());
    let why = |steps| {
        let refusals = resume(&journal, &plan(steps), &request()).expect_err("has changed");
        format!("{} / {}", refusals[0], refusals[0].hint())
    };
    assert_eq!(
        why(vec![observe("1"), verify("2"), fallback("3", 1), verify("4"), manual("5")]),
        "the document's steps have changed: step 2 `Step 2` is of another kind now / start a new run"
    );
    assert_eq!(
        why(vec![observe("1"), observe("1.1")]),
        "the document's steps have changed: step 2 `Step 2` is step 1.1 `Step 1.1` now / start a new run"
    );
    assert_eq!(
        why(vec![observe("1"), act("2")]),
        "the document's steps have changed: there were 5 and are 2 / start a new run"
    );
}

#[test]
fn a_damaged_journal_is_no_base() {
    let mut damaged = journal(vec![]);
    damaged.tail = Tail::Unreadable { line: 7, why: "it is not JSON".into() };
    assert_eq!(
        refused(&damaged, &request()),
        ["line 7 of the journal is no event / look at it with `runbook verify`, and start a new run"]
    );
    damaged.events.clear();
    assert_eq!(refused(&damaged, &request()), ["the journal has no start / start a new run"]);
}

#[test]
fn the_time_in_between_counts() {
    let left_off = left_off(&journal(vec![start(0)])).expect("has a start");
    assert_eq!(clock_ms(&left_off, "2026-01-02T03:04:31.500Z"), 31_500);
    assert_eq!(clock_ms(&left_off, "2026-01-02T03:00:00.000Z"), 1_000);
    assert_eq!(clock_ms(&left_off, "soon"), 1_000);
}

#[test]
fn the_state_is_the_last_one_that_was_kept_before_the_step_to_begin_from() {
    let end = |step, name: Option<&str>| {
        let EventBody::StepFinished(mut finished) = end(step, StepResult::Passed) else { unreachable!() };
        finished.state = name.map(str::to_owned);
        EventBody::StepFinished(finished)
    };
    let journal =
        journal(vec![start(0), end(0, Some("a")), start(1), end(1, None), start(3), end(3, Some(""))]);
    let named = |from: Option<u32>| state(&journal, from.map(StepId));
    assert_eq!(named(None), Some(""));
    assert_eq!(named(Some(3)), Some("a"));
    assert_eq!(named(Some(1)), Some("a"));
    assert_eq!(named(Some(0)), None);
}
