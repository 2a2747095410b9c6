//! The run as a pure state machine: recorded events in, what to do next out.
//!
//! Every decision is made here: what runs next, retry, fallback, skip, question, verdict. The machine
//! has no clock and starts nothing. Feeding it a journal brings it to the same state as the live run,
//! so replay and resume need no code of their own. Rules: design §6.3 to §6.8.

use super::policy::{FailurePolicy, Policy, Question};
use super::progress::{Progress, State};
use super::verdict;
use crate::event::{
    CancelCause, Choice, EventBody, Purpose, RunFinished, SkipReason, StepFinished, StepResult,
};
use crate::plan::{Plan, PlanReach, PlanStep, StepId, Work};
use crate::runbook::Role;
use crate::shell::Effect;
use std::sync::Arc;
use std::time::Duration;

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Record these, then ask again.
    Record(Vec<EventBody>),
    /// Record the start, run the step, record its end, then ask again.
    Start(Start),
    /// Ask the person, record [`Question::answered`], then ask again.
    Ask(Question),
    /// Nothing before this time (milliseconds of the run's clock).
    Wait {
        /// When to ask again.
        until_ms: u64,
    },
    /// End the session, complete this and record it as the last event.
    Finish(Box<RunFinished>),
}

/// A step to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which step.
    pub step: StepId,
    /// From 1.
    pub attempt: u32,
    /// Why.
    pub purpose: Purpose,
    /// Limit of this attempt.
    pub timeout: Duration,
}

/// The pure state of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) plan: Arc<Plan>,
    pub(super) policy: Policy,
    pub(super) steps: Vec<Progress>,
    pub(super) cancelled: Option<CancelCause>,
    pub(super) human_ms: u64,
    pub(super) machine_ms: u64,
    /// A step that changes was confirmed.
    pub(super) change_confirmed: bool,
    /// The one fallback a failed verify may take was taken: the fallback and the verify.
    pub(super) verify_fallback: Option<(StepId, StepId)>,
    /// How long before the start the alert fired.
    pub(super) before_ms: u64,
    targets_judged: bool,
    /// The fallbacks of the plan, and what each is for.
    pub(super) fallbacks: Vec<(StepId, StepId)>,
    /// How many steps at the beginning have passed: a long run does not look at them each time.
    settled: usize,
    /// Some step was looked at again as evidence, since the last act.
    has_evidence: bool,
}

impl Machine {
    /// A machine at the start of `plan`.
    pub fn new(plan: Arc<Plan>, policy: Policy) -> Self {
        Self {
            steps: vec![Progress::fresh(); plan.steps.len()],
            fallbacks: plan.iter().filter_map(|(id, step)| Some((id, step.fallback_of()?))).collect(),
            settled: 0,
            has_evidence: false,
            plan,
            policy,
            cancelled: None,
            human_ms: 0,
            machine_ms: 0,
            change_confirmed: false,
            verify_fallback: None,
            before_ms: 0,
            targets_judged: false,
        }
    }

    /// Takes in a recorded event, whose time on the run's clock is `mono_ms`.
    pub fn apply(&mut self, event: &EventBody, mono_ms: u64) {
        self.take_in(event, mono_ms);
        let changed = match event {
            EventBody::Output { .. } | EventBody::Note { .. } => return,
            EventBody::StepStarted { step, .. }
            | EventBody::StepRetrying { step, .. }
            | EventBody::StepSkipped { step, .. } => step.index(),
            EventBody::StepFinished(finished) => finished.step.index(),
            _ => 0,
        };
        self.settled = self.settled.min(changed);
        let is_settled = |step: &Progress| step.state == State::Passed && !step.unclear;
        while self.steps.get(self.settled).is_some_and(is_settled) {
            self.settled += 1;
        }
    }

    /// The steps from the first on that has not passed.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = (StepId, &PlanStep)> {
        self.plan.iter().skip(self.settled)
    }

    fn take_in(&mut self, event: &EventBody, mono_ms: u64) {
        match event {
            EventBody::StepStarted { step, attempt, purpose, .. } => {
                let Some(progress) = self.steps.get_mut(step.index()) else { return };
                progress.attempts = *attempt;
                if *purpose == Purpose::Evidence {
                    progress.evidence = true;
                    self.has_evidence = true;
                    progress.looking_again = true;
                    return;
                }
                progress.purpose = *purpose;
                progress.window_from.get_or_insert(mono_ms);
                progress.state = State::Running;
                progress.by_hand = false;
                if *purpose == Purpose::Fallback
                    && let Some(failed) = self.blocker()
                    && self.plan.step(failed).role == Role::Verify
                {
                    self.verify_fallback = Some((*step, failed));
                }
            }
            EventBody::StepFinished(finished) => self.finished(finished, mono_ms),
            EventBody::StepRetrying { step, after_ms, .. } => {
                if let Some(progress) = self.steps.get_mut(step.index()) {
                    progress.state = State::Retrying { at_ms: mono_ms + after_ms };
                }
            }
            EventBody::StepSkipped { step, reason, .. } => {
                if let Some(progress) = self.steps.get_mut(step.index()) {
                    progress.state = State::Skipped(*reason);
                    progress.ended_ms = mono_ms;
                }
            }
            EventBody::Decision { step, answer, .. } => {
                if let Some(progress) = self.steps.get_mut(step.index()) {
                    progress.answer = Some(*answer);
                }
            }
            EventBody::Confirmation { step, answer, waited_ms, note, .. } => {
                self.human_ms += waited_ms;
                if let Some(step) = step {
                    self.confirmed(*step, *answer, note.as_deref(), mono_ms);
                }
            }
            EventBody::Target { .. } => self.targets_judged = true,
            EventBody::Cancel { cause } => self.cancelled = Some(cause.clone()),
            EventBody::Resume { from, .. } => self.resumed(*from, mono_ms),
            EventBody::RunStarted(started) => self.before_ms = started.before_ms,
            EventBody::Output { .. }
            | EventBody::Stage { .. }
            | EventBody::Fault { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::RunFinished(_)
            | EventBody::Unknown => {}
        }
    }

    fn finished(&mut self, finished: &StepFinished, mono_ms: u64) {
        let Some(progress) = self.steps.get_mut(finished.step.index()) else { return };
        self.machine_ms += finished.wall_ms.saturating_sub(finished.human_ms);
        if std::mem::take(&mut progress.looking_again) {
            return;
        }
        progress.ended_ms = mono_ms;
        if !finished.result.passed() {
            progress.state = State::Failed(finished.result.clone());
            return;
        }
        // What was looked at before this act is no evidence of what it did.
        if self.plan.step(finished.step).role == Role::Act && std::mem::take(&mut self.has_evidence) {
            self.steps.iter_mut().for_each(|progress| progress.evidence = false);
        }
        self.passed(finished.step);
    }

    fn passed(&mut self, step: StepId) {
        self.steps[step.index()].state = State::Passed;
        let plan = Arc::clone(&self.plan);
        for resolved in plan.made_good_by(step) {
            self.steps[resolved.index()].resolved = true;
        }
        // After the fallback taken for it, a failed verify is tried again with its time anew.
        if let Some((fallback, verify)) = self.verify_fallback
            && fallback == step
        {
            let verify = &mut self.steps[verify.index()];
            verify.state = State::Pending;
            verify.window_from = None;
            verify.resolved = false;
            verify.asked = false;
            verify.fallback_wanted = false;
        }
    }

    fn confirmed(&mut self, step: StepId, answer: Choice, note: Option<&str>, mono_ms: u64) {
        self.turn_down(step, answer);
        let chosen = (answer == Choice::Fallback).then(|| self.fallback_behind(step)).flatten();
        let doubted = self.not_tried(step).is_some();
        let Some(progress) = self.steps.get_mut(step.index()) else { return };
        let was_unclear = std::mem::take(&mut progress.unclear);
        let decides =
            matches!(self.plan.step(step).reach, PlanReach::Decision { .. } | PlanReach::Arm { .. })
                && progress.answer.is_none();
        match answer {
            // That a condition holds is no word yet on what is then to be run.
            Choice::Yes if decides => {}
            Choice::Yes => {
                progress.confirmed = true;
                self.change_confirmed |= self.plan.step(step).effect > Effect::Reads;
            }
            // What was looked at again as evidence, and broke off, is looked at again.
            Choice::Retry if was_unclear && progress.state == State::Passed => progress.evidence = false,
            Choice::Retry | Choice::Edit => {
                progress.state = State::Pending;
                progress.window_from = None;
                progress.confirmed = true;
                if answer == Choice::Edit {
                    progress.edited = note.map(str::to_owned);
                }
            }
            Choice::DoneByHand => {
                progress.ended_ms = mono_ms;
                progress.resolved = true;
                progress.by_hand = true;
                self.passed(step);
            }
            Choice::Skip => progress.resolved = true,
            Choice::Fallback => {
                progress.fallback_wanted = true;
                progress.asked = true;
                // What it runs stood in the question. What destroys is asked about on its own.
                if let Some(chosen) = chosen
                    && doubted
                {
                    let chosen = &mut self.steps[chosen.index()];
                    (chosen.doubted, chosen.confirmed) = (true, false);
                } else if let Some(chosen) = chosen
                    && self.plan.step(chosen).effect < Effect::Destroys
                {
                    self.steps[chosen.index()].confirmed = true;
                    self.change_confirmed |= self.plan.step(chosen).effect > Effect::Reads;
                }
            }
            Choice::No => {}
            Choice::Abort => progress.asked = true,
        }
    }

    /// Goes on where another engine left off; with `from`, that step and all behind it are done anew.
    fn resumed(&mut self, from: Option<StepId>, mono_ms: u64) {
        self.cancelled = None;
        self.targets_judged = false;
        let plan = Arc::clone(&self.plan);
        for ((id, step), progress) in plan.iter().zip(&mut self.steps) {
            if from.is_some_and(|from| id >= from) {
                *progress = Progress { attempts: progress.attempts, ..Progress::fresh() };
                continue;
            }
            if progress.looking_again {
                progress.looking_again = false;
                progress.unclear = true;
            }
            progress.resume(matches!(step.work, Work::Manual { .. }));
            // The time in between is no time in which a verify was tried.
            if progress.window_from.is_some() {
                progress.window_from = Some(mono_ms);
            }
        }
        self.verify_fallback = self
            .verify_fallback
            .filter(|(fallback, verify)| from.is_none_or(|from| *fallback < from && *verify < from));
    }

    /// The command a person wrote in place of the step's own: what its next attempt runs.
    pub fn edited(&self, step: StepId) -> Option<&str> {
        self.steps.get(step.index())?.edited.as_deref()
    }

    /// What to do at `mono_ms`.
    pub fn next(&self, mono_ms: u64) -> Next {
        if self.cancelled.is_some() {
            return self.wind_down(SkipReason::Cancelled, mono_ms);
        }
        if self.stops_a_test() {
            let retried = self.retry(mono_ms);
            return retried.unwrap_or_else(|| self.wind_down(SkipReason::Blocked, mono_ms));
        }
        if let Some(unclear) = self.unclear() {
            return match self.policy.unattended {
                true => self.wind_down(SkipReason::Blocked, mono_ms),
                false => Next::Ask(self.failure_question(unclear)),
            };
        }
        if let Some(next) = self.by_hand().or_else(|| self.retry(mono_ms)) {
            return next;
        }
        if let Some(failed) = self.blocker() {
            if let Some(next) = self.after_failure(failed, mono_ms) {
                return next;
            }
            return self.wind_down(SkipReason::Blocked, mono_ms);
        }
        for (id, step) in self.unsettled() {
            if self.steps[id.index()].state == State::Pending
                && self.is_ready(step)
                && let Some(next) = self.consider(id, step, mono_ms)
            {
                return next;
            }
        }
        self.wind_down(SkipReason::NotNeeded, mono_ms)
    }

    /// Whether a fallback that passed has made good the failure of `step`.
    pub(super) fn is_made_good(&self, step: StepId) -> bool {
        let passed = |id: StepId| self.steps[id.index()].state == State::Passed;
        self.plan.iter().any(|(id, _)| passed(id) && self.plan.made_good_by(id).contains(&step))
    }

    /// Whether a step has failed, and no fallback has made that good.
    fn has_failed(&self) -> bool {
        let failed = |step: &Progress| matches!(step.state, State::Failed(_)) && !step.resolved;
        self.unsettled().any(|(id, _)| failed(&self.steps[id.index()]))
    }

    /// Whether a step has failed after which a test goes no further, whatever the step's role says.
    fn stops_a_test(&self) -> bool {
        match self.policy.failing {
            FailurePolicy::ByRole => false,
            FailurePolicy::StopAtFirst => self.has_failed(),
            FailurePolicy::FallbackOrStop => self.unsettled().any(|(id, step)| {
                step.role == Role::Observe && matches!(self.steps[id.index()].state, State::Failed(_))
            }),
        }
    }

    /// Whether the run was told to stop.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some()
    }

    fn is_ready(&self, step: &PlanStep) -> bool {
        let is_over = |need: &StepId| {
            !matches!(
                self.steps[need.index()].state,
                State::Pending | State::Running | State::Retrying { .. }
            ) || !matches!(self.plan.step(*need).reach, PlanReach::Plain)
        };
        step.needs.iter().all(is_over)
    }

    /// Nothing plain is left to do: run what always runs, look again where nothing was verified, name
    /// what did not run, judge the targets, finish.
    fn wind_down(&self, reason: SkipReason, mono_ms: u64) -> Next {
        let strict = self.policy.failing != FailurePolicy::ByRole;
        let keeps_going = self.cancelled.is_none() && !(strict && self.has_failed());
        for (id, step) in self.plan.iter() {
            let progress = &self.steps[id.index()];
            let looks = keeps_going
                && step.optional
                && step.effect == Effect::Reads
                && step.reach == PlanReach::Plain;
            if matches!(progress.state, State::Pending) && (step.always || looks) {
                return self.start(id, step, mono_ms);
            }
        }
        let skips: Vec<EventBody> = self
            .plan
            .iter()
            // What was tried and would be tried again is not passed over.
            .filter(|(id, _)| matches!(self.steps[id.index()].state, State::Pending))
            .map(|(step, planned)| match &self.steps[step.index()].turned_down {
                Some(by) => {
                    let (reason, detail) = (SkipReason::NotTaken, Some(by.clone()));
                    EventBody::StepSkipped { step, reason, detail }
                }
                None => {
                    let reason = self.skip_reason(planned, reason);
                    EventBody::StepSkipped { step, reason, detail: None }
                }
            })
            .collect();
        if !skips.is_empty() {
            return Next::Record(skips);
        }
        if keeps_going
            && !strict
            && let Some(id) = verdict::next_evidence(self)
        {
            let step = self.plan.step(id);
            let attempt = self.steps[id.index()].attempts + 1;
            return Next::Start(Start {
                step: id,
                attempt,
                purpose: Purpose::Evidence,
                timeout: step.timeout,
            });
        }
        if !self.targets_judged && !self.plan.procedure.targets.is_empty() {
            return Next::Record(verdict::targets(self, mono_ms));
        }
        Next::Finish(Box::new(verdict::finish(self, mono_ms)))
    }

    fn skip_reason(&self, step: &PlanStep, reason: SkipReason) -> SkipReason {
        let Some(of) = step.fallback_of() else { return reason };
        match &self.steps[of.index()].state {
            State::Failed(StepResult::Failed { not_tried: Some(_), .. }) => SkipReason::NotTried,
            State::Passed => SkipReason::NotNeeded,
            _ => reason,
        }
    }

    /// Whether the evidence of observe step `id` was taken.
    pub(super) fn has_evidence(&self, id: StepId) -> bool {
        self.steps[id.index()].evidence
    }
}
