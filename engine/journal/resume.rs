//! Where a run left off, and whether it may go on from there. Pure: it looks at the journal and the plan.
//!
//! A step that was running when the engine died, or was stopped half way, is never repeated silently: on a
//! terminal a person is asked, unattended it takes their word beforehand. What the journal calls passed
//! is not done again, unless the caller names a step to begin from.

use super::read::{Journal, Tail};
use super::refusal::Refusal;
use crate::event::{Choice, Event, EventBody, Outcome, RunStarted, StepResult};
use crate::plan::{Plan, StepId};
use crate::runbook::Role;

/// Where a run left off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOff {
    /// Number of complete events.
    pub events: u64,
    /// Milliseconds of the run's clock at the last of them.
    pub last_ms: u64,
    /// When it was recorded.
    pub last_at: String,
    /// Steps whose last attempt has no end, or was stopped: what they did is unknown.
    pub unclear: Vec<StepId>,
    /// The first step that failed and that nothing made up for, as far as the record shows.
    pub failed: Option<StepId>,
    /// What came of the run, if it has an end.
    pub outcome: Option<Outcome>,
}

/// What the caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// SHA-256 of the document now.
    pub document_sha256: String,
    /// The caller saw how the document changed and accepts it.
    pub accept_changes: bool,
    /// Do this step and everything behind it anew.
    pub from: Option<StepId>,
    /// Run a step again although what it did is unknown.
    pub rerun_unknown: bool,
    /// Nobody is there to ask.
    pub unattended: bool,
}

/// Where the run of `journal` left off.
///
/// # Errors
/// The journal has no start, or is damaged. A torn last line is no damage.
pub fn left_off(journal: &Journal) -> Result<LeftOff, Refusal> {
    let Some(started) = journal.started() else { return Err(Refusal::NoStart) };
    if let Tail::Unreadable { line, .. } = &journal.tail {
        return Err(Refusal::Damaged { line: *line });
    }
    let mut steps = vec![Standing::Nothing; started.steps.len()];
    for event in &journal.events {
        stand(&mut steps, &event.body);
    }
    let is = |wanted: Standing| {
        let found = (0..).map(StepId).zip(&steps).filter(move |(_, standing)| **standing == wanted);
        found.map(|(id, _)| id)
    };
    let last = journal.events.last().expect("a journal with a start has an event");
    Ok(LeftOff {
        events: journal.events.len() as u64,
        last_ms: last.mono_ms,
        last_at: last.at.clone(),
        unclear: is(Standing::Unclear).collect(),
        failed: is(Standing::Failed).find(|id| {
            let header = &started.steps[id.index()];
            header.role != Role::Observe && header.fallback_of.is_none() && !made_up_for(*id, started, &steps)
        }),
        outcome: journal.finished().map(|end| end.outcome),
    })
}

/// Whether a fallback of `step`, or a fallback of that, did what it should.
fn made_up_for(step: StepId, started: &RunStarted, steps: &[Standing]) -> bool {
    // A fallback may stand anywhere, but not lead back: its distance only grows.
    let mut reached = vec![step];
    let mut at = 0;
    while let Some(of) = reached.get(at).copied() {
        at += 1;
        for (id, header) in (0..).map(StepId).zip(&started.steps) {
            if header.fallback_of == Some(of) && !reached.contains(&id) {
                if steps[id.index()] == Standing::Over {
                    return true;
                }
                reached.push(id);
            }
        }
    }
    false
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Nothing,
    Unclear,
    Failed,
    Over,
}

fn stand(steps: &mut [Standing], body: &EventBody) {
    let mut set = |step: StepId, standing| {
        if let Some(at) = steps.get_mut(step.index()) {
            *at = standing;
        }
    };
    match body {
        // A person's work is asked for again, which repeats nothing.
        EventBody::StepStarted { step, script: None, .. } => set(*step, Standing::Nothing),
        EventBody::StepStarted { step, .. } => set(*step, Standing::Unclear),
        EventBody::StepFinished(end) => match &end.result {
            StepResult::Cancelled | StepResult::Unknown => set(end.step, Standing::Unclear),
            result if result.passed() => set(end.step, Standing::Over),
            _ => set(end.step, Standing::Failed),
        },
        EventBody::StepRetrying { step, .. } | EventBody::StepSkipped { step, .. } => {
            set(*step, Standing::Nothing);
        }
        EventBody::Confirmation { step: Some(step), answer, .. } => match answer {
            Choice::DoneByHand | Choice::Skip => set(*step, Standing::Over),
            Choice::Retry | Choice::Edit => set(*step, Standing::Nothing),
            Choice::Yes | Choice::No | Choice::Fallback | Choice::Abort => {}
        },
        EventBody::Confirmation { step: None, .. }
        | EventBody::RunStarted(_)
        | EventBody::Output { .. }
        | EventBody::Decision { .. }
        | EventBody::Target { .. }
        | EventBody::Stage { .. }
        | EventBody::Fault { .. }
        | EventBody::Note { .. }
        | EventBody::Notification { .. }
        | EventBody::Resume { .. }
        | EventBody::Cancel { .. }
        | EventBody::RunFinished(_)
        | EventBody::Unknown => {}
    }
}

/// The events to record so that the run goes on with `plan`.
///
/// # Errors
/// Every reason why it may not.
pub fn resume(journal: &Journal, plan: &Plan, request: &Request) -> Result<Vec<EventBody>, Vec<Refusal>> {
    let left_off = left_off(journal).map_err(|refusal| vec![refusal])?;
    let started = journal.started().expect("what left off has a start");
    let from = request.from;
    let unclear: Vec<StepId> =
        left_off.unclear.iter().copied().filter(|id| from.is_none_or(|from| *id < from)).collect();
    let mut refusals = Vec::new();
    if let Some(difference) = difference(started, plan) {
        refusals.push(Refusal::StepsChanged { difference });
    } else if started.document_sha256 != request.document_sha256 && !request.accept_changes {
        refusals.push(Refusal::DocumentChanged);
    }
    let header = |id: StepId| started.steps.get(id.index());
    match left_off.outcome {
        Some(Outcome::NotStarted) => refusals.push(Refusal::NotStarted),
        Some(Outcome::Failed | Outcome::NeedsPerson) if request.unattended && from.is_none() => {
            let step = left_off.failed.and_then(header).map(|header| header.id.clone());
            refusals.push(Refusal::NeedsPerson { step });
        }
        Some(
            outcome @ (Outcome::Verified
            | Outcome::RecoveredByFallback
            | Outcome::NotVerified
            | Outcome::Observed
            | Outcome::Contained),
        ) if from.is_none() => refusals.push(Refusal::Over { outcome }),
        _ => {}
    }
    if request.unattended && !request.rerun_unknown {
        refusals.extend(
            unclear
                .iter()
                .filter_map(|id| header(*id))
                .map(|header| Refusal::Unclear { step: header.id.clone(), label: header.label.clone() }),
        );
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut events = vec![EventBody::Resume {
        after: left_off.events,
        document_sha256: request.document_sha256.clone(),
        unknown: unclear.first().copied(),
        from,
    }];
    if request.rerun_unknown {
        events.extend(unclear.iter().map(|id| EventBody::Confirmation {
            step: Some(*id),
            question: "what it did is unknown: run it again".into(),
            answer: Choice::Retry,
            by: "--rerun-unknown".into(),
            waited_ms: 0,
            note: None,
        }));
    }
    Ok(events)
}

/// The name of what the shell was like when the run goes on, before step `from` if that is named. Empty where
/// it could not be kept; none where no step has run.
pub fn state(journal: &Journal, from: Option<StepId>) -> Option<&str> {
    let started_from = |event: &Event| matches!(&event.body, EventBody::StepStarted { step, .. } if from.is_some_and(|from| *step >= from));
    let before = journal.events.iter().take_while(|event| !started_from(event));
    let states = before.filter_map(|event| match &event.body {
        EventBody::StepFinished(end) => end.state.as_deref(),
        _ => None,
    });
    states.last()
}

/// The run's clock when it goes on: the time in between counts, since the incident went on, too.
pub fn clock_ms(left_off: &LeftOff, now: &str) -> u64 {
    let parse = |at: &str| at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let gap = match (parse(&left_off.last_at), parse(now)) {
        (Some(last), Some(now)) => u64::try_from(now.saturating_sub(last)).unwrap_or(0),
        _ => 0,
    };
    left_off.last_ms.saturating_add(gap)
}

/// The first way in which the plan's steps are not those that were recorded. Their commands may differ: of
/// a step that has not run, the new ones run.
fn difference(started: &RunStarted, plan: &Plan) -> Option<String> {
    if started.procedure != plan.procedure.id {
        return Some(format!("the procedure was `{}` and is `{}`", started.procedure, plan.procedure.id));
    }
    for (was, (_, is)) in started.steps.iter().zip(plan.iter()) {
        if was.id != is.id || was.slug != is.slug {
            return Some(format!("step {} `{}` is step {} `{}` now", was.id, was.label, is.id, is.label));
        }
        if (was.role, was.effect, was.fallback_of) != (is.role, is.effect, is.fallback_of()) {
            return Some(format!("step {} `{}` is of another kind now", was.id, was.label));
        }
    }
    (started.steps.len() != plan.steps.len())
        .then(|| format!("there were {} and are {}", started.steps.len(), plan.steps.len()))
}

#[cfg(test)]
mod tests {
    use super::super::line::FIRST_PREV;
    use super::*;
    use crate::event::{Purpose, RunFinished, SkipReason, StepFinished, StepHeader, VERSION};
    use crate::plan::PlanStep;
    use crate::plan::testing::{act, fallback, manual, observe, plan, verify};

    fn steps() -> Vec<PlanStep> {
        vec![observe("1"), act("2"), fallback("3", 1), verify("4"), manual("5")]
    }

    fn started(plan: &Plan) -> EventBody {
        let header = |step: &PlanStep| StepHeader {
            id: step.id.clone(),
            slug: step.slug.clone(),
            label: step.label.clone(),
            line: step.line,
            role: step.role,
            effect: step.effect,
            fallback_of: step.fallback_of(),
        };
        let EventBody::RunStarted(mut started) = super::super::line::tests::started() else { unreachable!() };
        started.procedure = plan.procedure.id.clone();
        started.steps = plan.steps.iter().map(header).collect();
        EventBody::RunStarted(started)
    }

    fn start(step: u32) -> EventBody {
        let script = (step != 4).then(|| "true".to_owned());
        EventBody::StepStarted {
            step: StepId(step),
            attempt: 1,
            purpose: Purpose::Plan,
            script,
            timeout_ms: 1,
        }
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
            [
                "what step 2 `Step 2` did is unknown / resume on a terminal to be asked, or add --rerun-unknown \
              to run it again"
            ]
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
            (
                Outcome::Failed,
                Some(format!("the run ended because step 2 failed / {person} 2 to run it again")),
            ),
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
            [
                "the document has changed since the run started / read the difference, then add --accept-changes"
            ]
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
}
