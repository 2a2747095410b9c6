//! The machine after an attempt: retries, the time of a verify, fallbacks, questions on failure.

use super::machine::{Machine, Next};
use super::policy::{Question, QuestionKind};
use super::progress::State;
use crate::event::{Choice, EventBody, NotTried, SkipReason, StepFinished, StepResult};
use crate::plan::{MASK, PlanReach, PlanStep, StepId, Work, spelt_out};
use crate::runbook::Role;
use std::time::Duration;

impl Machine {
    /// The started manual step: asked of the person, or answered where nobody is there.
    pub(super) fn by_hand(&self) -> Option<Next> {
        let (id, step) = self.unsettled().find(|(id, _)| self.steps[id.index()].state == State::Running)?;
        let Work::Manual { text, assumed_done } = &step.work else { return None };
        let attempt = self.steps[id.index()].attempts;
        let result = match (assumed_done, self.policy.unattended) {
            (true, _) => StepResult::Done { note: Some("assumed done".into()) },
            (false, true) => StepResult::LeftOpen,
            (false, false) => {
                return Some(Next::Ask(Question {
                    kind: QuestionKind::Manual { attempt },
                    step: id,
                    text: text.clone(),
                    choices: vec![Choice::Yes, Choice::Abort, Choice::No],
                }));
            }
        };
        Some(Next::Record(vec![finished_by_person(id, attempt, result)]))
    }

    /// The next retry that is due, or the wait for it; a failed attempt that may be repeated.
    pub(super) fn retry(&self, mono_ms: u64) -> Option<Next> {
        for (id, step) in self.unsettled() {
            let progress = &self.steps[id.index()];
            match &progress.state {
                State::Retrying { at_ms } if *at_ms > mono_ms => {
                    return Some(Next::Wait { until_ms: *at_ms });
                }
                State::Retrying { .. } => return Some(self.start(id, step, mono_ms)),
                State::Failed(result) if !progress.resolved && !progress.asked => {
                    if let Some(reason) = self.may_retry(id, step, result, mono_ms) {
                        return Some(Next::Record(vec![EventBody::StepRetrying {
                            step: id,
                            attempt: progress.attempts + 1,
                            after_ms: step.every.as_millis() as u64,
                            reason,
                        }]));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The step that is tried again after a pause.
    pub(super) fn waiting(&self) -> Option<StepId> {
        let waits = |id: &StepId| matches!(self.steps[id.index()].state, State::Retrying { .. });
        self.unsettled().map(|(id, _)| id).find(waits)
    }

    fn may_retry(&self, id: StepId, step: &PlanStep, result: &StepResult, mono_ms: u64) -> Option<String> {
        let progress = &self.steps[id.index()];
        let again = matches!(
            result,
            StepResult::Failed { .. } | StepResult::Mismatched { .. } | StepResult::TimedOut { .. }
        );
        if !again {
            return None;
        }
        if step.is_repeated() {
            let next_start = mono_ms + step.every.as_millis() as u64;
            return (next_start < self.verify_deadline(id)?).then(|| "not verified yet".into());
        }
        (progress.attempts <= step.retry)
            .then(|| format!("attempt {} of {}", progress.attempts + 1, step.retry + 1))
    }

    /// When the verify's time is up (design §6.4).
    fn verify_deadline(&self, verify: StepId) -> Option<u64> {
        let from = self.steps[verify.index()].window_from?;
        Some(from + self.verify_window(verify, from).as_millis() as u64)
    }

    pub(super) fn verify_window(&self, verify: StepId, from_ms: u64) -> Duration {
        let gone = Duration::from_millis(from_ms.saturating_add(self.before_ms));
        self.plan.verify_window(self.fallback_for_verify(verify).is_some(), gone)
    }

    /// The failed act or verify that stops the plain steps behind it.
    pub(super) fn blocker(&self) -> Option<StepId> {
        self.unsettled()
            .find(|(id, step)| {
                let progress = &self.steps[id.index()];
                let stops = match &progress.state {
                    State::Failed(StepResult::LeftOpen) => true,
                    State::Failed(_) => matches!(step.role, Role::Act | Role::Verify),
                    State::Skipped(SkipReason::Declined) => step.is_plain(),
                    State::Skipped(SkipReason::NoTerminal) => {
                        step.is_plain() && matches!(step.role, Role::Act | Role::Verify)
                    }
                    _ => false,
                };
                stops && !progress.resolved && step.fallback_of().is_none()
            })
            .map(|(id, _)| id)
    }

    /// What a failure calls for, or nothing: then the run winds down.
    pub(super) fn after_failure(&self, failed: StepId, mono_ms: u64) -> Option<Next> {
        let progress = &self.steps[failed.index()];
        let State::Failed(result) = &progress.state else { return None };
        let is_verify = self.plan.step(failed).role == Role::Verify;
        // Decisions whose answer is this failure, and steps that only look, keep their place.
        for (id, step) in self.plan.iter() {
            let pending = self.steps[id.index()].state == State::Pending;
            let follows =
                matches!(step.reach, PlanReach::Decision { known_by: Some(by), .. } if by == failed);
            if pending && follows {
                return self.consider(id, step, mono_ms);
            }
        }
        if !self.policy.unattended
            && let Some(fallback) = self.failed_fallback()
        {
            return Some(Next::Ask(self.failure_question(fallback)));
        }
        let fallback =
            if is_verify { self.fallback_for_verify(failed) } else { self.fallback_for_act(failed) };
        let not_tried = self.not_tried(failed).is_some();
        if self.policy.unattended {
            if not_tried || matches!(result, StepResult::Unknown) {
                return None;
            }
        } else if !progress.asked {
            return Some(Next::Ask(self.failure_question(failed)));
        } else if !progress.fallback_wanted {
            return None;
        }
        let fallback = fallback?;
        self.admit(fallback, self.plan.step(fallback), mono_ms)
    }

    /// The step that was running when the engine died, or was stopped half way, and that nobody decided on.
    pub(super) fn unclear(&self) -> Option<StepId> {
        self.unsettled().map(|(id, _)| id).find(|id| self.steps[id.index()].unclear)
    }

    /// A fallback that failed, and the failure it was taken for still stands: a person chooses what now.
    fn failed_fallback(&self) -> Option<StepId> {
        let stands = |id: StepId, of: StepId| {
            let taken_for_verify = self.verify_fallback.is_some_and(|(fallback, _)| fallback == id);
            taken_for_verify || !self.steps[of.index()].resolved
        };
        self.plan
            .iter()
            .find(|(id, step)| {
                let progress = &self.steps[id.index()];
                matches!(progress.state, State::Failed(_))
                    && !progress.resolved
                    && !progress.asked
                    && step.fallback_of().is_some_and(|of| stands(*id, of))
            })
            .map(|(id, _)| id)
    }

    /// What a person is asked about a step that did not pass.
    pub(super) fn failure_question(&self, failed: StepId) -> Question {
        let step = self.plan.step(failed);
        let progress = &self.steps[failed.index()];
        let what = match &progress.state {
            _ if progress.unclear => match &progress.state {
                State::Failed(StepResult::Cancelled) => "was stopped before it was over",
                _ => "was running when the engine died: what it did is unknown",
            },
            // The person said so: nothing was tried.
            State::Failed(StepResult::LeftOpen) => "was not done",
            _ => "failed",
        };
        let mut text = format!("step {} `{}` {what}", step.id, step.label);
        let mut choices = vec![Choice::Retry];
        let fallback = self.fallback_behind(failed);
        let doubt = fallback.and_then(|_| self.doubt(failed));
        if let Some(fallback) = fallback {
            let fallback = self.plan.step(fallback);
            text.push_str(&format!("; its fallback is step {} `{}`", fallback.id, fallback.label));
        }
        if step.shell().is_some() {
            choices.push(Choice::Edit);
        }
        choices.extend([Choice::DoneByHand, Choice::Skip, Choice::Abort]);
        match (fallback, &doubt) {
            (None, _) => {}
            (Some(_), None) => choices.insert(0, Choice::Fallback),
            (Some(_), Some(_)) => choices.insert(choices.len() - 1, Choice::Fallback),
        }
        Question { kind: QuestionKind::Failure { fallback, doubt }, step: failed, text, choices }
    }

    /// Why an act that failed was never really tried.
    pub(super) fn not_tried(&self, step: StepId) -> Option<&NotTried> {
        match &self.steps.get(step.index())?.state {
            State::Failed(StepResult::Failed { not_tried: Some(why), .. })
                if self.plan.step(step).role != Role::Verify =>
            {
                Some(why)
            }
            _ => None,
        }
    }

    /// What is to be thought of before the fallback of `failed` is taken, with the values in use.
    fn doubt(&self, failed: StepId) -> Option<String> {
        let (why, values_matter) = match self.not_tried(failed)? {
            NotTried::MissingCommand { command } => {
                (format!("`{command}` is missing or not executable"), false)
            }
            NotTried::Http { code } => (format!("its own request was refused (HTTP {code})"), true),
            NotTried::EndedEarly => ("it stopped before its last command".to_owned(), true),
        };
        let names = &self.plan.step(failed).parameters;
        let is_asked = values_matter && self.edited(failed).is_none();
        let values: Vec<String> = self
            .plan
            .parameters
            .iter()
            .filter(|parameter| is_asked && names.contains(&parameter.name))
            .filter_map(|parameter| {
                let value = spelt_out(parameter.value.as_deref()?);
                let value = if parameter.secret { MASK } else { &value };
                Some(format!("`{} = {value}`", parameter.name))
            })
            .collect();
        let asked = match values.as_slice() {
            [] => ".".to_owned(),
            [one] => format!(": is {one} right?"),
            all => format!(": are {} right?", all.join(", ")),
        };
        let untried = untried(self.not_tried(failed));
        Some(format!("{why}{asked} The fallback would act on a step that {untried}"))
    }

    /// A person answers a question about `step`, and not by taking the fallback that was offered with it.
    pub(super) fn turn_down(&mut self, step: StepId, answer: Choice) {
        let (Some(progress), planned) = (self.steps.get(step.index()), self.plan.step(step)) else { return };
        let by = match answer {
            Choice::Abort => "the operator aborted".to_owned(),
            Choice::Skip => format!("step {} was skipped", planned.id),
            _ => return,
        };
        let offered = match &progress.state {
            State::Failed(_) => self.fallback_behind(step),
            State::Pending => planned.fallback_of().map(|_| step),
            _ => None,
        };
        if let Some(offered) = offered {
            self.steps[offered.index()].turned_down = Some(by);
        }
    }

    /// The fallback a person may take instead of `failed`.
    pub(super) fn fallback_behind(&self, failed: StepId) -> Option<StepId> {
        let step = self.plan.step(failed);
        if step.role == Role::Verify {
            return self.fallback_for_verify(failed);
        }
        self.fallback_for_act(failed).or_else(|| self.fallback_for_act(step.fallback_of()?))
    }

    /// The next untaken fallback of a failed act, or of its last fallback that failed.
    fn fallback_for_act(&self, failed: StepId) -> Option<StepId> {
        let own = |of: StepId| {
            self.plan.iter().filter(move |(_, step)| step.fallback_of() == Some(of)).map(|(id, _)| id)
        };
        for fallback in own(failed) {
            match &self.steps[fallback.index()].state {
                State::Pending => return Some(fallback),
                State::Failed(StepResult::Failed { not_tried: Some(_), .. }) if self.policy.unattended => {
                    return None;
                }
                State::Failed(_) => {
                    if let Some(further) = self.fallback_for_act(fallback) {
                        return Some(further);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The nearest untaken fallback of the verify or of anything before it; one in all.
    fn fallback_for_verify(&self, verify: StepId) -> Option<StepId> {
        if let Some((fallback, taken_for)) = self.verify_fallback
            && taken_for == verify
        {
            // It was taken; a person may have asked for another try of it.
            return (self.steps[fallback.index()].state == State::Pending).then_some(fallback);
        }
        self.plan
            .iter()
            .filter(|(id, step)| {
                step.fallback_of().is_some_and(|of| of <= verify)
                    && self.steps[id.index()].state == State::Pending
            })
            .min_by_key(|(id, _)| (id.0.abs_diff(verify.0), id.0))
            .map(|(id, _)| id)
    }
}

/// What an act did not do that could not really be tried, for this reason.
pub(super) fn untried(why: Option<&NotTried>) -> &'static str {
    match why {
        Some(NotTried::EndedEarly) => "did not come to its end",
        _ => "was never really tried",
    }
}

fn finished_by_person(step: StepId, attempt: u32, result: StepResult) -> EventBody {
    EventBody::StepFinished(Box::new(StepFinished { result, ..StepFinished::blank(step, attempt) }))
}
