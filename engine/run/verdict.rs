//! What came of a run: outcome, exit code, targets, evidence. Never more than was seen (design §6.7, §6.8).

use super::machine::Machine;
use super::progress::State;
use crate::event::{
    CancelCause, EventBody, JudgedTarget, Outcome, Purpose, RunFinished, SkipReason, StepResult,
    TargetVerdict,
};
use crate::plan::{PlanStep, StepId, Work};
use crate::runbook::{Metric, Role};
use crate::shell::Effect;

/// Exit code of a run whose standard output or error was closed: 128 + SIGPIPE.
const EXIT_OUTPUT_CLOSED: i32 = 141;

/// The next observe step before the first act that is to be repeated as evidence, if the run acted
/// and nothing verified it.
pub(super) fn next_evidence(machine: &Machine) -> Option<StepId> {
    if !matches!(outcome(machine), Outcome::NotVerified | Outcome::Contained) {
        return None;
    }
    let first_act = machine.plan.iter().find(|(_, step)| step.role == Role::Act)?.0;
    machine
        .plan
        .iter()
        .take_while(|(id, _)| *id < first_act)
        .find(|(id, step)| {
            step.role == Role::Observe
                && step.is_plain()
                && step.shell().is_some()
                && machine.steps[id.index()].attempts > 0
                && !machine.has_evidence(*id)
        })
        .map(|(id, _)| id)
}

/// One event for each target.
pub(super) fn targets(machine: &Machine, now_ms: u64) -> Vec<EventBody> {
    judged(machine, now_ms)
        .into_iter()
        .map(|JudgedTarget { text, verdict, elapsed_ms, limit_ms }| EventBody::Target {
            text,
            verdict,
            elapsed_ms,
            limit_ms,
        })
        .collect()
}

fn judged(machine: &Machine, now_ms: u64) -> Vec<JudgedTarget> {
    let outcome = outcome(machine);
    machine
        .plan
        .procedure
        .targets
        .iter()
        .map(|target| {
            let limit = target.recovery_limit();
            let limit_ms = limit.map(|limit| limit.as_millis() as u64);
            let (verdict, elapsed_ms) = match (target.metric, limit_ms) {
                (Metric::Recovery, Some(limit)) => judge(machine, outcome, limit, now_ms),
                _ => (TargetVerdict::NotMeasured, None),
            };
            JudgedTarget { text: target.text.clone(), verdict, elapsed_ms, limit_ms }
        })
        .collect()
}

fn judge(machine: &Machine, outcome: Outcome, limit: u64, now: u64) -> (TargetVerdict, Option<u64>) {
    let since_alert = |ms: u64| ms.saturating_add(machine.before_ms);
    let beyond = |elapsed: u64, within| {
        let elapsed = since_alert(elapsed);
        (if elapsed > limit { TargetVerdict::Missed } else { within }, Some(elapsed))
    };
    match outcome {
        Outcome::Verified | Outcome::RecoveredByFallback => {
            let elapsed = recovered_ms(machine, outcome).unwrap_or(now);
            beyond(elapsed, TargetVerdict::Met)
        }
        Outcome::NotVerified => {
            let elapsed = last_act(machine).map_or(now, |id| machine.steps[id.index()].ended_ms);
            beyond(elapsed, TargetVerdict::WithinNotVerified)
        }
        Outcome::Observed | Outcome::NotStarted => (TargetVerdict::NotMeasured, None),
        Outcome::Contained | Outcome::Failed | Outcome::NeedsPerson | Outcome::Cancelled => {
            beyond(now, TargetVerdict::NotReached)
        }
    }
}

/// The last event of the run; the driver adds what only it knows.
pub(super) fn finish(machine: &Machine, now_ms: u64) -> RunFinished {
    let outcome = outcome(machine);
    let targets = judged(machine, now_ms);
    let missed = targets.iter().any(|target| target.verdict == TargetVerdict::Missed);
    RunFinished {
        outcome,
        summary: summary(machine, outcome),
        exit: exit_code(machine, outcome, missed),
        wall_ms: now_ms,
        machine_ms: machine.machine_ms,
        human_ms: machine.human_ms,
        recovered_ms: recovered_ms(machine, outcome),
        targets,
        rehearsal: None,
        warnings: warnings(machine, outcome),
        left_running: Vec::new(),
        exercised: None,
        events: 0,
    }
}

fn exit_code(machine: &Machine, outcome: Outcome, missed: bool) -> i32 {
    match (&machine.cancelled, outcome) {
        (Some(CancelCause::Signal { signal }), _) => 128 + signal,
        (Some(CancelCause::OutputClosed), _) => EXIT_OUTPUT_CLOSED,
        (Some(CancelCause::JournalFailed { .. }), _) | (_, Outcome::NotStarted) => 6,
        (_, Outcome::Failed) => 1,
        (Some(CancelCause::Operator), _) => 5,
        (_, Outcome::Contained | Outcome::NeedsPerson | Outcome::Cancelled) => 5,
        (_, Outcome::Verified | Outcome::RecoveredByFallback | Outcome::NotVerified | Outcome::Observed) => {
            if missed {
                4
            } else {
                0
            }
        }
    }
}

/// What came of the run so far.
pub(super) fn outcome(machine: &Machine) -> Outcome {
    if failed_step(machine).is_some() {
        return Outcome::Failed;
    }
    if machine.cancelled.is_some() {
        return Outcome::Cancelled;
    }
    if needs_person(machine) {
        return Outcome::NeedsPerson;
    }
    let Some(last_act) = last_act(machine) else {
        return if verified_from(machine, None) { Outcome::Verified } else { Outcome::Observed };
    };
    let fallback = last_fallback_act(machine);
    match fallback {
        Some(fallback) if !verified_from(machine, Some(fallback)) => Outcome::Contained,
        Some(_) => Outcome::RecoveredByFallback,
        None if first_verified_ms(machine).is_some() || verified_from(machine, Some(last_act)) => {
            Outcome::Verified
        }
        None => Outcome::NotVerified,
    }
}

/// The act or verify that failed and that nothing made up for; or a look that the document judges the run by, and
/// that saw something else.
fn failed_step(machine: &Machine) -> Option<StepId> {
    let last_act = last_act(machine);
    machine
        .plan
        .iter()
        .find(|(id, step)| {
            let progress = &machine.steps[id.index()];
            matches!(&progress.state, State::Failed(result)
                if !matches!(result, StepResult::LeftOpen | StepResult::Cancelled)
                    && (matches!(step.role, Role::Act | Role::Verify)
                        || matches!(result, StepResult::Mismatched { .. })
                            && is_judged(step)
                            && last_act.is_none_or(|act| *id >= act)))
                && !progress.resolved
        })
        .map(|(id, _)| id)
}

fn needs_person(machine: &Machine) -> bool {
    let verified = first_verified_ms(machine).is_some();
    machine.plan.iter().any(|(id, step)| match &machine.steps[id.index()].state {
        State::Failed(StepResult::LeftOpen) => !machine.steps[id.index()].resolved,
        State::Skipped(SkipReason::Declined) => !step.optional,
        State::Skipped(SkipReason::NoTerminal) => {
            !step.optional && matches!(step.role, Role::Act | Role::Verify)
        }
        State::Skipped(SkipReason::Undecided) => step.effect > Effect::Reads && !verified,
        _ => false,
    })
}

/// Whether a verify, or a step with an expectation, passed after step `after` was over.
fn verified_from(machine: &Machine, after: Option<StepId>) -> bool {
    let from = after.map_or(0, |id| machine.steps[id.index()].ended_ms);
    machine.plan.iter().any(|(id, _)| {
        let progress = &machine.steps[id.index()];
        let after_it = after.is_none_or(|after| id != after || is_judged(machine.plan.step(id)));
        verifies(machine, id) && after_it && progress.ended_ms >= from
    })
}

fn verifies(machine: &Machine, id: StepId) -> bool {
    let step = machine.plan.step(id);
    machine.steps[id.index()].state == State::Passed
        && !is_word(machine, id)
        && (step.role == Role::Verify || (is_judged(step) && last_act(machine).is_none_or(|act| id >= act)))
}

/// Whether only a person says that the step was done: that checks nothing.
fn is_word(machine: &Machine, id: StepId) -> bool {
    machine.steps[id.index()].by_hand || matches!(machine.plan.step(id).work, Work::Manual { .. })
}

/// Whether the document promises an output of the step; what a transcript shows is an example.
fn is_judged(step: &PlanStep) -> bool {
    step.expectation.as_ref().is_some_and(|expectation| !expectation.example)
}

fn first_verified_ms(machine: &Machine) -> Option<u64> {
    let ids = machine.plan.iter().map(|(id, _)| id);
    ids.filter(|id| verifies(machine, *id)).map(|id| machine.steps[id.index()].ended_ms).min()
}

/// When the recovery was verified: of a run that needed a fallback, only after that fallback.
fn recovered_ms(machine: &Machine, outcome: Outcome) -> Option<u64> {
    let acted_ms = match outcome {
        Outcome::Verified => 0,
        Outcome::RecoveredByFallback => {
            last_fallback_act(machine).map_or(0, |id| machine.steps[id.index()].ended_ms)
        }
        Outcome::NotVerified
        | Outcome::Observed
        | Outcome::Contained
        | Outcome::Failed
        | Outcome::NeedsPerson
        | Outcome::Cancelled
        | Outcome::NotStarted => return None,
    };
    let ids = machine.plan.iter().map(|(id, _)| id).filter(|id| verifies(machine, *id));
    ids.map(|id| machine.steps[id.index()].ended_ms).filter(|ended| *ended >= acted_ms).min()
}

fn last_act(machine: &Machine) -> Option<StepId> {
    let acted = |id: StepId| {
        let step = machine.plan.step(id);
        step.role == Role::Act && !matches!(step.work, Work::Notes) && machine.steps[id.index()].attempts > 0
    };
    let ids = machine.plan.iter().map(|(id, _)| id);
    ids.filter(|id| acted(*id)).max_by_key(|id| machine.steps[id.index()].ended_ms)
}

fn last_fallback_act(machine: &Machine) -> Option<StepId> {
    let ids = machine.plan.iter().map(|(id, _)| id);
    ids.filter(|id| {
        let progress = &machine.steps[id.index()];
        progress.purpose == Purpose::Fallback
            && progress.state == State::Passed
            && machine.plan.step(*id).role == Role::Act
    })
    .max_by_key(|id| machine.steps[id.index()].ended_ms)
}

fn summary(machine: &Machine, outcome: Outcome) -> String {
    let name = |id: StepId| format!("step {}", machine.plan.step(id).id);
    let verifier = machine
        .plan
        .iter()
        .filter(|(id, _)| verifies(machine, *id))
        .min_by_key(|(id, _)| machine.steps[id.index()].ended_ms)
        .map(|(id, _)| id);
    let mut text = match outcome {
        Outcome::Verified => match verifier {
            Some(id) => format!("succeeded, verified by {}", name(id)),
            None => "succeeded".into(),
        },
        Outcome::RecoveredByFallback => match (last_fallback_act(machine), verifier) {
            (Some(fallback), Some(verify)) => {
                format!("recovered by fallback {}, verified by {}", name(fallback), name(verify))
            }
            _ => "recovered by a fallback, verified".into(),
        },
        Outcome::NotVerified => not_verified(machine),
        Outcome::Observed if machine.steps.iter().any(|step| step.by_hand) => {
            "observed: no command changed anything, and nothing verified what people did".into()
        }
        Outcome::Observed => "observed: nothing was changed".into(),
        Outcome::Contained => match last_fallback_act(machine) {
            Some(fallback) => {
                format!("contained, not recovered: fallback {} ran and nothing verified it", name(fallback))
            }
            None => "contained, not recovered".into(),
        },
        Outcome::Failed => match failed_step(machine) {
            Some(id) => {
                format!("failed: {} `{}` {}", name(id), machine.plan.step(id).label, how(machine, id))
            }
            None => "failed".into(),
        },
        Outcome::NeedsPerson => "needs a person: something was declined, left open or not decided".into(),
        Outcome::Cancelled => match &machine.cancelled {
            Some(CancelCause::Signal { signal }) => format!("stopped by signal {signal}"),
            Some(CancelCause::OutputClosed) => "stopped: the output was closed".into(),
            Some(CancelCause::JournalFailed { reason }) => {
                format!("stopped: the journal could not be written: {reason}")
            }
            Some(CancelCause::Operator) | None => "stopped by the operator".into(),
        },
        Outcome::NotStarted => "did not start".into(),
    };
    if matches!(outcome, Outcome::Verified | Outcome::RecoveredByFallback)
        && let Some(verify) = machine.plan.iter().map(|(id, _)| id).filter(|id| verifies(machine, *id)).last()
    {
        let later: Vec<String> = machine
            .plan
            .iter()
            .filter(|(id, step)| {
                step.role == Role::Act && *id > verify && machine.steps[id.index()].state == State::Passed
            })
            .map(|(id, _)| name(id))
            .collect();
        if !later.is_empty() {
            text.push_str(&format!("; not verified after it: {}", later.join(", ")));
        }
    }
    let good = matches!(
        outcome,
        Outcome::Verified | Outcome::RecoveredByFallback | Outcome::NotVerified | Outcome::Observed
    );
    let skipped: Vec<String> = passed_over(machine).into_iter().map(name).collect();
    if good && !skipped.is_empty() {
        text.push_str(&format!("; a person skipped {}", skipped.join(", ")));
    }
    let by_word: Vec<String> = checked_by_hand(machine).into_iter().map(name).collect();
    if !by_word.is_empty() && !matches!(outcome, Outcome::Verified | Outcome::RecoveredByFallback) {
        let verb = if by_word.len() == 1 { "was" } else { "were" };
        text.push_str(&format!(
            "; the verify {} {verb} done by hand: nothing checked it",
            by_word.join(", the verify ")
        ));
    }
    text
}

/// Why nothing is verified, and that all else succeeded only where it did.
fn not_verified(machine: &Machine) -> String {
    let failed_looks: Vec<&str> = machine
        .plan
        .iter()
        .filter(|(id, step)| {
            let progress = &machine.steps[id.index()];
            let failed = matches!(progress.state, State::Failed(_)) && !progress.resolved;
            failed && step.role == Role::Observe
        })
        .map(|(_, step)| step.id.as_str())
        .collect();
    let said = !passed_over(machine).is_empty() || !checked_by_hand(machine).is_empty();
    let why = match machine.plan.steps.iter().any(|step| step.role == Role::Verify) {
        _ if said => "",
        true => ": no verify step ran",
        false => ": the document has no verify step",
    };
    let looks = match failed_looks.as_slice() {
        [] => String::new(),
        [one] => format!("; step {one} failed, which only looked"),
        all => format!("; steps {} failed, which only looked", all.join(", ")),
    };
    let all_succeeded = match why {
        _ if said || !looks.is_empty() || machine.steps.iter().any(|step| step.by_hand) => "",
        ": no verify step ran" => "every step that ran succeeded, ",
        _ => "every step succeeded, ",
    };
    format!("{all_succeeded}not verified{why}{looks}")
}

/// The verify steps that a person says they did.
fn checked_by_hand(machine: &Machine) -> Vec<StepId> {
    let is_by_hand = |id: StepId, step: &PlanStep| {
        let passed = machine.steps[id.index()].state == State::Passed;
        step.role == Role::Verify && passed && is_word(machine, id)
    };
    machine.plan.iter().filter(|(id, step)| is_by_hand(*id, step)).map(|(id, _)| id).collect()
}

/// The steps that failed and that a person chose to go on without.
fn passed_over(machine: &Machine) -> Vec<StepId> {
    let is_over = |id: StepId| {
        let progress = &machine.steps[id.index()];
        let failed = matches!(progress.state, State::Failed(_)) && progress.resolved;
        failed && !progress.by_hand && !machine.is_made_good(id)
    };
    machine.plan.iter().map(|(id, _)| id).filter(|id| is_over(*id)).collect()
}

fn how(machine: &Machine, id: StepId) -> String {
    match &machine.steps[id.index()].state {
        State::Failed(StepResult::Failed { status, .. }) => format!("ended with status {status}"),
        State::Failed(StepResult::Mismatched { .. }) => {
            "printed something else than the document says".into()
        }
        State::Failed(StepResult::TimedOut { limit_ms }) => {
            format!("was stopped after {} s", *limit_ms as f64 / 1000.0)
        }
        State::Failed(StepResult::Signaled { signal }) => format!("was killed by signal {signal}"),
        State::Failed(StepResult::CouldNotStart { reason }) => format!("could not start: {reason}"),
        State::Failed(StepResult::Unknown) => "was running when the engine died".into(),
        _ => "did not pass".into(),
    }
}

/// First what is down, then what did not run.
fn warnings(machine: &Machine, outcome: Outcome) -> Vec<String> {
    let good = matches!(
        outcome,
        Outcome::Verified | Outcome::RecoveredByFallback | Outcome::NotVerified | Outcome::Observed
    );
    let ran_destroying: Vec<String> = machine
        .plan
        .iter()
        .filter(|(id, step)| step.effect == Effect::Destroys && machine.steps[id.index()].attempts > 0)
        .map(|(_, step)| format!("step {} `{}`", step.id, step.label))
        .collect();
    if good || ran_destroying.is_empty() {
        return Vec::new();
    }
    let mut warnings = vec![format!("may be down or lost, by {}", ran_destroying.join(", "))];
    let did_not_run: Vec<String> = machine
        .plan
        .iter()
        .filter(|(id, step)| {
            let state = &machine.steps[id.index()].state;
            step.is_plain()
                && matches!(
                    state,
                    State::Pending | State::Skipped(SkipReason::Blocked | SkipReason::Cancelled)
                )
        })
        .map(|(_, step)| format!("step {} `{}`", step.id, step.label))
        .collect();
    if !did_not_run.is_empty() {
        warnings.push(format!("did not run: {}", did_not_run.join(", ")));
    }
    warnings
}
