//! The run as a pure state machine: recorded events in, what to do next out.
//!
//! Every decision is made here: what runs next, retry, fallback, skip, question, verdict. The machine
//! has no clock and starts nothing. Feeding it a journal brings it to the same state as the live run,
//! so replay and resume need no code of their own. Rules: design §6.3 to §6.8.

use super::policy::{ConfirmPolicy, Policy, Question, QuestionKind};
use super::verdict;
use crate::event::{
    Answer, CancelCause, Choice, EventBody, Purpose, RunFinished, SkipReason, StepFinished, StepResult,
};
use crate::plan::{Plan, PlanReach, PlanStep, StepId, Work};
use crate::runbook::{Phase, Role};
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
    window_from: Option<u64>,
    pub(super) ended_ms: u64,
    pub(super) purpose: Purpose,
    pub(super) answer: Option<Answer>,
    confirmed: bool,
    /// Its failure no longer stops what is behind it: a fallback succeeded, or a person went on.
    pub(super) resolved: bool,
    /// A person chose to take its fallback, whatever failed.
    fallback_wanted: bool,
    /// A person was told of the failure and chose to let it stand.
    asked: bool,
    evidence: bool,
}

/// The pure state of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) plan: Arc<Plan>,
    policy: Policy,
    pub(super) steps: Vec<Progress>,
    pub(super) cancelled: Option<CancelCause>,
    pub(super) human_ms: u64,
    pub(super) machine_ms: u64,
    /// A step that changes was confirmed.
    change_confirmed: bool,
    /// The one fallback a failed verify may take was taken: the fallback and the verify.
    verify_fallback: Option<(StepId, StepId)>,
    targets_judged: bool,
}

impl Machine {
    /// A machine at the start of `plan`.
    pub fn new(plan: Arc<Plan>, policy: Policy) -> Self {
        let fresh = Progress {
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
        };
        Self {
            steps: vec![fresh; plan.steps.len()],
            plan,
            policy,
            cancelled: None,
            human_ms: 0,
            machine_ms: 0,
            change_confirmed: false,
            verify_fallback: None,
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
                    return;
                }
                progress.purpose = *purpose;
                progress.window_from.get_or_insert(mono_ms);
                progress.state = State::Running;
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
            EventBody::Confirmation { step, answer, waited_ms, .. } => {
                self.human_ms += waited_ms;
                if let Some(step) = step {
                    self.confirmed(*step, *answer);
                }
            }
            EventBody::Target { .. } => self.targets_judged = true,
            EventBody::Cancel { cause } => self.cancelled = Some(cause.clone()),
            EventBody::Resume { unknown, .. } => {
                if let Some(progress) = unknown.and_then(|step| self.steps.get_mut(step.index())) {
                    progress.state = State::Failed(StepResult::Unknown);
                }
                self.cancelled = None;
            }
            EventBody::RunStarted(_)
            | EventBody::Output { .. }
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
        if progress.evidence {
            return;
        }
        progress.ended_ms = mono_ms;
        if !finished.result.passed() {
            progress.state = State::Failed(finished.result.clone());
            return;
        }
        progress.state = State::Passed;
        // A fallback that succeeded resolves the failure it was taken for, and those that led there.
        let mut of = self.plan.step(finished.step).fallback_of();
        while let Some(failed) = of {
            self.steps[failed.index()].resolved = true;
            of = self.plan.step(failed).fallback_of();
        }
        // After the fallback taken for it, a failed verify is tried again with its time anew.
        if let Some((fallback, verify)) = self.verify_fallback
            && fallback == finished.step
        {
            let verify = &mut self.steps[verify.index()];
            verify.state = State::Pending;
            verify.window_from = None;
            verify.resolved = false;
            verify.asked = false;
            verify.fallback_wanted = false;
        }
    }

    fn confirmed(&mut self, step: StepId, answer: Choice) {
        let changes = self.plan.step(step).effect > Effect::Reads;
        let Some(progress) = self.steps.get_mut(step.index()) else { return };
        match answer {
            Choice::Yes => {
                progress.confirmed = true;
                self.change_confirmed |= changes;
            }
            Choice::Retry | Choice::Edit => {
                progress.state = State::Pending;
                progress.window_from = None;
                progress.confirmed = true;
            }
            Choice::DoneByHand => {
                progress.state = State::Passed;
                progress.resolved = true;
            }
            Choice::Skip => progress.resolved = true,
            Choice::Fallback => {
                progress.fallback_wanted = true;
                progress.asked = true;
            }
            Choice::No => {}
            Choice::Abort => progress.asked = true,
        }
    }

    /// What to do at `mono_ms`.
    pub fn next(&self, mono_ms: u64) -> Next {
        if self.cancelled.is_some() {
            return self.wind_down(SkipReason::Cancelled, mono_ms);
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

    fn is_ready(&self, step: &PlanStep) -> bool {
        let is_over = |need: &StepId| {
            !matches!(
                self.steps[need.index()].state,
                State::Pending | State::Running | State::Retrying { .. }
            ) || !matches!(self.plan.step(*need).reach, PlanReach::Plain)
        };
        step.needs.iter().all(is_over)
    }

    /// The started manual step: asked of the person, or answered where nobody is there.
    fn by_hand(&self) -> Option<Next> {
        let (id, step) = self.plan.iter().find(|(id, _)| self.steps[id.index()].state == State::Running)?;
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
    fn retry(&self, mono_ms: u64) -> Option<Next> {
        for (id, step) in self.plan.iter() {
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

    fn may_retry(&self, id: StepId, step: &PlanStep, result: &StepResult, mono_ms: u64) -> Option<String> {
        let progress = &self.steps[id.index()];
        let again = matches!(
            result,
            StepResult::Failed { .. } | StepResult::Mismatched { .. } | StepResult::TimedOut { .. }
        );
        if !again {
            return None;
        }
        if retried_until_it_passes(step) {
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

    fn verify_window(&self, verify: StepId, from_ms: u64) -> Duration {
        if let Some(given) = self.plan.verify_timeout {
            return given;
        }
        let limit =
            self.plan.procedure.targets.iter().filter_map(crate::runbook::Target::recovery_limit).min();
        if self.fallback_for_verify(verify).is_some() {
            return match limit {
                Some(limit) => {
                    (limit.saturating_sub(Duration::from_millis(from_ms)) / 2).max(Duration::from_secs(15))
                }
                None => Duration::from_secs(30),
            };
        }
        limit.map_or(Duration::from_secs(60), |limit| (limit * 2).max(Duration::from_secs(60)))
    }

    /// The failed act or verify that stops the plain steps behind it.
    fn blocker(&self) -> Option<StepId> {
        self.plan
            .iter()
            .find(|(id, step)| {
                let progress = &self.steps[id.index()];
                let stops = match &progress.state {
                    State::Failed(StepResult::LeftOpen) => true,
                    State::Failed(_) => matches!(step.role, Role::Act | Role::Verify),
                    State::Skipped(SkipReason::Declined) => step.is_plain(),
                    _ => false,
                };
                stops && !progress.resolved && step.fallback_of().is_none()
            })
            .map(|(id, _)| id)
    }

    /// What a failure calls for, or nothing: then the run winds down.
    fn after_failure(&self, failed: StepId, mono_ms: u64) -> Option<Next> {
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
        let fallback =
            if is_verify { self.fallback_for_verify(failed) } else { self.fallback_for_act(failed) };
        let not_tried = matches!(result, StepResult::Failed { not_tried: Some(_), .. }) && !is_verify;
        if self.policy.unattended {
            if not_tried || matches!(result, StepResult::Unknown) {
                return None;
            }
        } else if !progress.asked {
            return Some(Next::Ask(self.failure_question(failed, fallback)));
        } else if !progress.fallback_wanted {
            return None;
        }
        let fallback = fallback?;
        self.admit(fallback, self.plan.step(fallback), mono_ms)
    }

    fn failure_question(&self, failed: StepId, fallback: Option<StepId>) -> Question {
        let step = self.plan.step(failed);
        let mut choices = vec![Choice::Retry, Choice::DoneByHand, Choice::Skip];
        let mut text = format!("step {} `{}` failed", step.id, step.label);
        if let Some(fallback) = fallback {
            let fallback = self.plan.step(fallback);
            choices.insert(0, Choice::Fallback);
            text.push_str(&format!("; its fallback is step {} `{}`", fallback.id, fallback.label));
        }
        choices.push(Choice::Abort);
        Question { kind: QuestionKind::Failure, step: failed, text, choices }
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
        if self.verify_fallback.is_some_and(|(_, taken_for)| taken_for == verify) {
            return None;
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

    /// Looks at a pending step whose turn it is; nothing when it stays for later.
    fn consider(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Option<Next> {
        if step.ignored.is_some() {
            return Some(self.skip(id, SkipReason::Ignored, step.ignored.clone()));
        }
        match &step.reach {
            PlanReach::Plain if self.is_overtaken(id) => {
                return Some(self.skip(id, SkipReason::Blocked, None));
            }
            PlanReach::Plain => {}
            PlanReach::Fallback { of } => {
                // It may still be needed: by a step that is not over, or by a verify behind it.
                let open = |id: StepId| {
                    matches!(
                        self.steps[id.index()].state,
                        State::Pending | State::Running | State::Retrying { .. }
                    )
                };
                let verify_ahead =
                    self.plan.iter().any(|(other, step)| step.role == Role::Verify && open(other));
                return (!open(*of) && !verify_ahead).then(|| self.skip(id, SkipReason::NotNeeded, None));
            }
            PlanReach::AfterPass { of } => match &self.steps[of.index()].state {
                State::Passed => {}
                State::Pending | State::Running | State::Retrying { .. } => return None,
                State::Failed(_) | State::Skipped(_) => {
                    return Some(self.skip(id, SkipReason::NotNeeded, None));
                }
            },
            PlanReach::Decision { .. } | PlanReach::Arm { .. } => {
                if let Some(next) = self.decide(id, step) {
                    return Some(next);
                }
            }
        }
        if step.optional && step.effect > Effect::Reads {
            if self.policy.unattended {
                return Some(self.skip(id, SkipReason::Optional, None));
            }
            if !self.steps[id.index()].confirmed {
                return Some(self.confirm(id, format!("optional step {} `{}`: run it", step.id, step.label)));
            }
        }
        self.admit(id, step, mono_ms)
    }

    /// A plain step between a failed act and the fallback that succeeded for it: passed over.
    fn is_overtaken(&self, id: StepId) -> bool {
        self.plan.iter().any(|(fallback, step)| {
            step.fallback_of().is_some_and(|of| {
                of < id
                    && id < fallback
                    && matches!(self.steps[of.index()].state, State::Failed(_))
                    && self.steps[fallback.index()].state == State::Passed
            })
        })
    }

    /// Answers a decision or choice; nothing when its answer is yes and the step may go on.
    fn decide(&self, id: StepId, step: &PlanStep) -> Option<Next> {
        let answer = match self.steps[id.index()].answer {
            Some(answer) => answer,
            None => match self.known_answer(step) {
                Some((answer, by)) => {
                    return Some(Next::Record(vec![EventBody::Decision { step: id, answer, by }]));
                }
                None if matches!(step.work, Work::Notes) || self.policy.unattended => {
                    let by = "nobody was asked".into();
                    return Some(Next::Record(vec![EventBody::Decision {
                        step: id,
                        answer: Answer::Undecided,
                        by,
                    }]));
                }
                None => return Some(Next::Ask(self.decision_question(id, step))),
            },
        };
        match answer {
            Answer::Yes => None,
            Answer::No => Some(self.skip(id, SkipReason::NotNeeded, None)),
            Answer::Undecided if matches!(step.work, Work::Notes) => None,
            Answer::Undecided => Some(self.skip(id, SkipReason::Undecided, None)),
        }
    }

    fn known_answer(&self, step: &PlanStep) -> Option<(Answer, String)> {
        let yes_no = |yes| if yes { Answer::Yes } else { Answer::No };
        match &step.reach {
            PlanReach::Arm { arm, given: Some(given), .. } => Some((yes_no(given == arm), "--decide".into())),
            PlanReach::Decision { given: Some(given), .. } => Some((yes_no(*given), "--decide".into())),
            PlanReach::Decision { known_by: Some(by), .. } => {
                let known = self.plan.step(*by);
                match &self.steps[by.index()].state {
                    State::Passed => Some((Answer::No, format!("step {} passed", known.id))),
                    State::Failed(_) => Some((Answer::Yes, format!("step {} failed", known.id))),
                    _ => None,
                }
            }
            PlanReach::Decision { otherwise_of: Some(of), .. } => match self.steps[of.index()].answer? {
                Answer::Yes => Some((Answer::No, format!("step {} was taken", self.plan.step(*of).id))),
                Answer::No => Some((Answer::Yes, format!("step {} was not taken", self.plan.step(*of).id))),
                Answer::Undecided => None,
            },
            _ => None,
        }
    }

    fn decision_question(&self, id: StepId, step: &PlanStep) -> Question {
        let choices = vec![Choice::Yes, Choice::Abort, Choice::No];
        match &step.reach {
            PlanReach::Arm { group, .. } => {
                let arms = self
                    .plan
                    .iter()
                    .filter_map(|(id, step)| match &step.reach {
                        PlanReach::Arm { group: other, text, .. } if other == group => {
                            Some((id, text.clone()))
                        }
                        _ => None,
                    })
                    .collect();
                let text = format!("step {group}: which of these applies");
                Question { kind: QuestionKind::Choose { arms }, step: id, text, choices }
            }
            PlanReach::Decision { question, .. } => {
                Question { kind: QuestionKind::Decide, step: id, text: question.clone(), choices }
            }
            _ => Question { kind: QuestionKind::Decide, step: id, text: step.label.clone(), choices },
        }
    }

    /// Starts a step whose condition holds, once it is confirmed.
    fn admit(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Option<Next> {
        let progress = &self.steps[id.index()];
        match &step.work {
            Work::Notes => {
                let mut events: Vec<EventBody> = step
                    .notes
                    .iter()
                    .map(|note| EventBody::Note { step: Some(id), text: note.text.clone() })
                    .collect();
                events.push(EventBody::StepSkipped { step: id, reason: SkipReason::Notes, detail: None });
                return Some(Next::Record(events));
            }
            // Nothing to start: its start is recorded, then the person is asked (`by_hand`).
            Work::Manual { .. } => {
                return Some(Next::Record(vec![EventBody::StepStarted {
                    step: id,
                    attempt: progress.attempts + 1,
                    purpose: purpose(step),
                    script: None,
                    timeout_ms: 0,
                }]));
            }
            Work::Shell(_) => {}
        }
        let rollback = step.phase == Phase::Rollback && step.fallback_of().is_some();
        if rollback && self.policy.unattended && !self.policy.yes && !self.policy.stage {
            let detail = Some("a rollback runs unattended only with --yes".into());
            return Some(self.skip(id, SkipReason::Declined, detail));
        }
        if !progress.confirmed && self.needs_confirmation(step, rollback) {
            return Some(self.confirm(id, format!("run step {} `{}`", step.id, step.label)));
        }
        Some(self.start(id, step, mono_ms))
    }

    fn needs_confirmation(&self, step: &PlanStep, rollback: bool) -> bool {
        if self.policy.unattended || self.policy.yes || self.policy.stage {
            return false;
        }
        let changes = step.effect > Effect::Reads;
        let destroys = step.effect == Effect::Destroys;
        match self.policy.confirm {
            ConfirmPolicy::Every => true,
            ConfirmPolicy::Changes => {
                destroys || rollback || (changes && (!self.change_confirmed || step.fallback_of().is_some()))
            }
            ConfirmPolicy::Destroys => destroys,
            ConfirmPolicy::Never => false,
        }
    }

    fn confirm(&self, step: StepId, text: String) -> Next {
        let choices = vec![Choice::Yes, Choice::Abort, Choice::No];
        Next::Ask(Question { kind: QuestionKind::Confirm, step, text, choices })
    }

    fn skip(&self, step: StepId, reason: SkipReason, detail: Option<String>) -> Next {
        Next::Record(vec![EventBody::StepSkipped { step, reason, detail }])
    }

    fn start(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Next {
        let progress = &self.steps[id.index()];
        let mut timeout = step.timeout;
        if retried_until_it_passes(step) {
            let from = progress.window_from.unwrap_or(mono_ms);
            let end = from + self.verify_window(id, from).as_millis() as u64;
            timeout = timeout.min(Duration::from_millis(end.saturating_sub(mono_ms).max(1)));
        }
        Next::Start(Start { step: id, attempt: progress.attempts + 1, purpose: purpose(step), timeout })
    }

    /// Nothing plain is left to do: run what always runs, look again where nothing was verified, name
    /// what did not run, judge the targets, finish.
    fn wind_down(&self, reason: SkipReason, mono_ms: u64) -> Next {
        let keeps_going = self.cancelled.is_none();
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
        if keeps_going && let Some(id) = verdict::next_evidence(self) {
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

fn purpose(step: &PlanStep) -> Purpose {
    match (step.fallback_of(), step.always) {
        (Some(_), _) => Purpose::Fallback,
        (None, true) => Purpose::Always,
        (None, false) => Purpose::Plan,
    }
}

/// A verify that only reads is repeated; one that changes runs once.
fn retried_until_it_passes(step: &PlanStep) -> bool {
    step.role == Role::Verify && step.effect == Effect::Reads
}

fn finished_by_person(step: StepId, attempt: u32, result: StepResult) -> EventBody {
    EventBody::StepFinished(Box::new(StepFinished {
        step,
        attempt,
        result,
        wall_ms: 0,
        human_ms: 0,
        output_bytes: [0, 0],
        dropped_bytes: [0, 0],
        statements: Vec::new(),
        not_run: Vec::new(),
        http: Vec::new(),
        shell_ended: false,
        leaked: Vec::new(),
    }))
}
