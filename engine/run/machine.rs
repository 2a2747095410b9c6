//! The run as a pure state machine: recorded events in, what to do next out.
//!
//! Every decision is made here: what runs next, retry, fallback, skip, question, verdict. The machine
//! has no clock and starts nothing. Feeding it a journal brings it to the same state as the live run,
//! so replay and resume need no code of their own. Rules: design §6.3 to §6.8.

use super::policy::{FailurePolicy, Policy, Question};
use super::verdict;
use crate::event::{
    Answer, CancelCause, Choice, EventBody, Purpose, RunFinished, SkipReason, StepFinished, StepResult,
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

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Pending,
    Running,
    /// It failed, and will be tried again at this time.
    Retrying {
        at_ms: u64,
    },
    Passed,
    Failed(StepResult),
    Skipped(SkipReason),
}

/// What the machine knows of one step.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) state: State,
    pub(super) attempts: u32,
    /// When its first attempt since the last fallback began: a verify's time counts from here.
    pub(super) window_from: Option<u64>,
    pub(super) ended_ms: u64,
    pub(super) purpose: Purpose,
    pub(super) answer: Option<Answer>,
    pub(super) confirmed: bool,
    /// Its failure no longer stops what is behind it: a fallback succeeded, or a person went on.
    pub(super) resolved: bool,
    /// A person chose to take its fallback, whatever failed.
    pub(super) fallback_wanted: bool,
    /// A person was told of the failure and chose to let it stand.
    pub(super) asked: bool,
    pub(super) evidence: bool,
    /// It is looking again, as evidence, right now.
    pub(super) looking_again: bool,
    /// The engine died while it ran, or it was stopped half way: nothing may happen before somebody said
    /// what to do about it.
    pub(super) unclear: bool,
    /// A person did it.
    pub(super) by_hand: bool,
    /// The command a person wrote in place of the document's.
    pub(super) edited: Option<String>,
}

impl Progress {
    fn fresh() -> Self {
        Self {
            state: State::Pending,
            attempts: 0,
            window_from: None,
            ended_ms: 0,
            purpose: Purpose::Plan,
            answer: None,
            confirmed: false,
            resolved: false,
            fallback_wanted: false,
            asked: false,
            evidence: false,
            looking_again: false,
            unclear: false,
            by_hand: false,
            edited: None,
        }
    }

    /// Brings what a step was left in to where its run can go on.
    fn resume(&mut self, manual: bool) {
        self.asked = false;
        self.fallback_wanted = false;
        match &self.state {
            // A person's work is asked for again, which repeats nothing.
            State::Running | State::Failed(StepResult::Cancelled) if manual => self.state = State::Pending,
            State::Running => {
                self.state = State::Failed(StepResult::Unknown);
                self.unclear = true;
            }
            State::Failed(StepResult::Cancelled | StepResult::Unknown) => {
                self.unclear = !self.resolved;
            }
            // What was passed over at the end of the run's first part is looked at again.
            State::Skipped(
                SkipReason::Blocked
                | SkipReason::Cancelled
                | SkipReason::NotNeeded
                | SkipReason::NotTried
                | SkipReason::Declined,
            )
            | State::Failed(StepResult::LeftOpen) => self.state = State::Pending,
            State::Pending
            | State::Retrying { .. }
            | State::Passed
            | State::Failed(_)
            | State::Skipped(_) => {}
        }
    }
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
}

impl Machine {
    /// A machine at the start of `plan`.
    pub fn new(plan: Arc<Plan>, policy: Policy) -> Self {
        Self {
            steps: vec![Progress::fresh(); plan.steps.len()],
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
        match event {
            EventBody::StepStarted { step, attempt, purpose, .. } => {
                let Some(progress) = self.steps.get_mut(step.index()) else { return };
                progress.attempts = *attempt;
                if *purpose == Purpose::Evidence {
                    progress.evidence = true;
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
        if self.plan.step(finished.step).role == Role::Act {
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
        let chosen = (answer == Choice::Fallback).then(|| self.fallback_behind(step)).flatten();
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
        for (id, step) in self.plan.iter() {
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
        self.steps.iter().any(|step| matches!(step.state, State::Failed(_)) && !step.resolved)
    }

    /// Whether a step has failed after which a test goes no further, whatever the step's role says.
    fn stops_a_test(&self) -> bool {
        match self.policy.failing {
            FailurePolicy::ByRole => false,
            FailurePolicy::StopAtFirst => self.has_failed(),
            FailurePolicy::FallbackOrStop => self.plan.iter().any(|(id, step)| {
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
            .filter(|(id, _)| matches!(self.steps[id.index()].state, State::Pending | State::Retrying { .. }))
            .map(|(step, planned)| EventBody::StepSkipped {
                step,
                reason: self.skip_reason(planned, reason),
                detail: None,
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
