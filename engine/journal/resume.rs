//! Where a run left off, and whether it may go on from there. Pure: it looks at the journal and the plan.
//!
//! A step that was running when the engine died, or was stopped half way, is never repeated silently: on a
//! terminal a person is asked, unattended it takes their word beforehand. What the journal calls passed
//! is not done again, unless the caller names a step to begin from.

use super::read::{Journal, Tail};
use super::refusal::{Refusal, what_came};
use super::summary::RunSummary;
use crate::event::{Choice, Event, EventBody, Outcome, RunStarted, StepHeader, StepResult};
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
            let is_over = |id: StepId| steps[id.index()] == Standing::Over;
            header.role != Role::Observe
                && header.fallback_of.is_none()
                && !made_up_for(*id, &started.steps, is_over)
        }),
        outcome: journal.finished().map(|end| end.outcome),
    })
}

/// Whether a fallback of `step`, or a fallback of that, did what it should, as `did` says.
pub fn made_up_for(step: StepId, steps: &[StepHeader], did: impl Fn(StepId) -> bool) -> bool {
    // A fallback may stand anywhere, but not lead back: its distance only grows.
    let mut reached = vec![step];
    let mut at = 0;
    while let Some(of) = reached.get(at).copied() {
        at += 1;
        for (id, header) in (0..).map(StepId).zip(steps) {
            if header.fallback_of == Some(of) && !reached.contains(&id) {
                if did(id) {
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
        Some(outcome) if from.is_none() && !outcome.can_go_on() => refusals.push(Refusal::Over { outcome }),
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

/// Why a run that a listing tells of cannot go on, whatever the document says now; none if it can. With `anew`, a
/// step to begin from is named.
pub fn why_not(run: &RunSummary, anew: bool) -> Option<String> {
    if run.started.mode != "exec" {
        return Some(format!("it is no incident but `{}`", run.started.mode));
    }
    match run.finished.as_ref().map(|end| end.outcome) {
        None if run.running => Some("its engine is still running".to_owned()),
        Some(outcome) if outcome == Outcome::NotStarted || (!anew && !outcome.can_go_on()) => {
            Some(what_came(outcome).to_owned())
        }
        None | Some(_) => None,
    }
}

/// The name of what the shell was like when the run goes on, before step `from` if that is named. Empty where
/// it could not be kept; none where no step has changed it.
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
mod tests;
