//! The machine before a step: its condition, its confirmation, its start.

use super::failure::untried;
use super::machine::{Machine, Next, Start};
use super::policy::{ConfirmPolicy, Question, QuestionKind};
use super::progress::State;
use crate::event::{Answer, Choice, EventBody, Purpose, SkipReason};
use crate::plan::{PlanReach, PlanStep, RunMode, StepId, Work};
use crate::runbook::{Phase, Role};
use crate::shell::Effect;
use std::time::Duration;

impl Machine {
    /// Looks at a pending step whose turn it is; nothing when it stays for later.
    pub(super) fn consider(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Option<Next> {
        if step.ignored.is_some() {
            return Some(self.skip(id, SkipReason::Ignored, step.ignored.clone()));
        }
        match &step.reach {
            PlanReach::Plain if self.is_overtaken(id) => {
                return Some(self.skip(id, SkipReason::Blocked, None));
            }
            PlanReach::Plain if self.waits_for_its_fallback(id) => return None,
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
                return (!open(*of) && !verify_ahead).then(|| match &self.steps[id.index()].turned_down {
                    Some(by) => self.skip(id, SkipReason::NotTaken, Some(by.clone())),
                    None => self.skip(id, SkipReason::NotNeeded, None),
                });
            }
            PlanReach::AfterPass { of } => match &self.steps[of.index()].state {
                State::Passed => {}
                State::Pending | State::Running | State::Retrying { .. } => return None,
                State::Failed(_) | State::Skipped(_) => {
                    return Some(self.skip(id, SkipReason::NotNeeded, None));
                }
            },
            PlanReach::With { of } => match &self.steps[of.index()].state {
                State::Passed => {}
                // What an observe step says is information: what it began goes on.
                State::Failed(_) if self.plan.step(*of).role == Role::Observe => {}
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

    /// A failed verify is tried again when all that its fallback began is over.
    fn waits_for_its_fallback(&self, id: StepId) -> bool {
        let Some((taken, _)) = self.verify_fallback.filter(|(_, verify)| *verify == id) else { return false };
        self.plan.iter().any(|(other, step)| {
            step.reach == PlanReach::With { of: taken }
                && !step.optional
                && self.steps[other.index()].state == State::Pending
        })
    }

    /// A plain step between a failed act and the fallback that succeeded for it: passed over.
    fn is_overtaken(&self, id: StepId) -> bool {
        self.fallbacks.iter().any(|&(fallback, of)| {
            of < id
                && id < fallback
                && matches!(self.steps[of.index()].state, State::Failed(_))
                && self.steps[fallback.index()].state == State::Passed
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
    pub(super) fn admit(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Option<Next> {
        let progress = &self.steps[id.index()];
        match &step.work {
            Work::Notes => {
                let mut events: Vec<EventBody> = notes(id, step).collect();
                events.push(EventBody::StepSkipped { step: id, reason: SkipReason::Notes, detail: None });
                return Some(Next::Record(events));
            }
            // Nothing to start: its start is recorded, then the person is asked (`by_hand`).
            Work::Manual { .. } => {
                let started = EventBody::StepStarted {
                    step: id,
                    attempt: progress.attempts + 1,
                    purpose: purpose(step),
                    script: None,
                    timeout_ms: 0,
                };
                let notes = notes(id, step).filter(|_| progress.attempts == 0);
                return Some(Next::Record(std::iter::once(started).chain(notes).collect()));
            }
            // Only a person could do it, and nobody is there.
            Work::Shell(work) if work.mode == RunMode::Interactive && self.policy.unattended => {
                return Some(self.skip(id, SkipReason::NoTerminal, None));
            }
            Work::Shell(_) => {}
        }
        let rollback = step.phase == Phase::Rollback && step.fallback_of().is_some();
        if rollback && self.policy.unattended && !self.policy.yes && !self.policy.stage {
            let detail = Some("a rollback runs unattended only with --yes".into());
            return Some(self.skip(id, SkipReason::Declined, detail));
        }
        if !progress.confirmed && progress.doubted && !self.policy.unattended {
            let of = step.fallback_of().and_then(|of| self.not_tried(of));
            let untried = untried(of);
            let text =
                format!("the step before it {untried}: run step {} `{}` all the same", step.id, step.label);
            return Some(self.confirm(id, text));
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

    pub(super) fn confirm(&self, step: StepId, text: String) -> Next {
        let choices = vec![Choice::Yes, Choice::Abort, Choice::No];
        Next::Ask(Question { kind: QuestionKind::Confirm, step, text, choices })
    }

    pub(super) fn skip(&self, step: StepId, reason: SkipReason, detail: Option<String>) -> Next {
        Next::Record(vec![EventBody::StepSkipped { step, reason, detail }])
    }

    pub(super) fn start(&self, id: StepId, step: &PlanStep, mono_ms: u64) -> Next {
        let progress = &self.steps[id.index()];
        let mut timeout = step.timeout;
        if step.is_repeated() {
            let from = progress.window_from.unwrap_or(mono_ms);
            let end = from + self.verify_window(id, from).as_millis() as u64;
            timeout = timeout.min(Duration::from_millis(end.saturating_sub(mono_ms).max(1)));
        }
        Next::Start(Start { step: id, attempt: progress.attempts + 1, purpose: purpose(step), timeout })
    }
}

/// The document's notes on a step, which are said in their place and never block.
pub(super) fn notes(id: StepId, step: &PlanStep) -> impl Iterator<Item = EventBody> {
    step.notes.iter().map(move |note| EventBody::Note { step: Some(id), text: note.text.clone() })
}

fn purpose(step: &PlanStep) -> Purpose {
    match (step.fallback_of(), step.always) {
        (Some(_), _) => Purpose::Fallback,
        (None, true) => Purpose::Always,
        (None, false) => Purpose::Plan,
    }
}
