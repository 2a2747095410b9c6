//! What the caller allows, what a person is asked, and what their answers mean as events.

use crate::event::{Answer, CancelCause, Choice, EventBody, SkipReason, StepFinished, StepResult};
use crate::plan::StepId;

/// What the caller allows a run to do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When a person is asked before a step. Only heeded when somebody is there.
    pub confirm: ConfirmPolicy,
    /// Every confirmation is answered yes.
    pub yes: bool,
    /// Nobody is there to ask.
    pub unattended: bool,
    /// The run is on a stage, where nothing needs confirming.
    pub stage: bool,
    /// What a failed step means.
    pub failing: FailurePolicy,
}

/// What a failed step means for the rest of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// What its role says: an observing step is information, an act has its fallback.
    #[default]
    ByRole,
    /// Whatever its role, nothing follows but steps that always run: a test of the document.
    StopAtFirst,
    /// As [`Self::StopAtFirst`], but an act or verify that fails has its fallback: a test of that way
    /// through the document.
    FallbackOrStop,
}

/// When a person is asked before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfirmPolicy {
    /// Before every command step.
    Every,
    /// Before the first step that changes, each that destroys, and each fallback that changes.
    #[default]
    Changes,
    /// Before each step that destroys.
    Destroys,
    /// Never.
    Never,
}

/// A question to the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What kind of answer it wants.
    pub kind: QuestionKind,
    /// The step it is about.
    pub step: StepId,
    /// The question.
    pub text: String,
    /// Answers that make sense, the default last.
    pub choices: Vec<Choice>,
}

/// What kind of answer a question wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// Run this step? Yes or no.
    Confirm,
    /// Does this condition hold? Yes or no.
    Decide,
    /// Do this by hand: yes when it is done.
    Manual {
        /// Which attempt of the step this is.
        attempt: u32,
    },
    /// Which arm of a choice? 0 is none.
    Choose {
        /// Step and text of each arm, in order.
        arms: Vec<(StepId, String)>,
    },
    /// A step failed: what now?
    Failure {
        /// The step that [`Choice::Fallback`] takes.
        fallback: Option<StepId>,
        /// Why it had better not be taken yet.
        doubt: Option<String>,
    },
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What they chose.
    pub choice: Choice,
    /// The arm they chose, for [`QuestionKind::Choose`]; 0 or none is none of them.
    pub arm: Option<usize>,
    /// Their reason or note; for [`Choice::Edit`] the edited script.
    pub note: Option<String>,
}

impl Question {
    /// The step whose commands stand in the question.
    pub fn shows(&self) -> Option<StepId> {
        match &self.kind {
            QuestionKind::Confirm => Some(self.step),
            QuestionKind::Failure { fallback, .. } => *fallback,
            QuestionKind::Decide | QuestionKind::Manual { .. } | QuestionKind::Choose { .. } => None,
        }
    }

    /// What is wrong with `reply`, if something is: then the question stands and is asked again.
    ///
    /// What was done by hand and why a step is skipped must be said: the record is all that is left of it.
    pub fn problem(&self, reply: &Reply) -> Option<&'static str> {
        let unsaid = reply.note.as_deref().is_none_or(|note| note.trim().is_empty());
        match reply.choice {
            choice if !self.choices.contains(&choice) => Some("that is none of the answers"),
            Choice::DoneByHand if unsaid => Some("say what was done by hand"),
            Choice::Skip if unsaid => Some("say why it is skipped"),
            Choice::Edit if unsaid => Some("the edited command is empty"),
            _ => None,
        }
    }

    /// The events that record `reply`, which took the person `waited_ms`.
    pub fn answered(&self, reply: Reply, waited_ms: u64) -> Vec<EventBody> {
        let confirmation = EventBody::Confirmation {
            step: Some(self.step),
            question: self.text.clone(),
            answer: reply.choice,
            by: "operator".into(),
            waited_ms,
            note: reply.note.clone(),
        };
        let by = || "operator".to_owned();
        let mut events = vec![confirmation];
        match &self.kind {
            QuestionKind::Confirm | QuestionKind::Failure { .. } => {}
            QuestionKind::Decide => events.push(EventBody::Decision {
                step: self.step,
                answer: if reply.choice == Choice::Yes { Answer::Yes } else { Answer::No },
                by: by(),
            }),
            QuestionKind::Manual { attempt } => {
                events.push(EventBody::StepFinished(Box::new(StepFinished {
                    step: self.step,
                    attempt: *attempt,
                    result: match reply.choice {
                        Choice::Yes | Choice::DoneByHand => StepResult::Done { note: reply.note },
                        _ => StepResult::LeftOpen,
                    },
                    wall_ms: waited_ms,
                    human_ms: waited_ms,
                    output_bytes: [0, 0],
                    dropped_bytes: [0, 0],
                    statements: Vec::new(),
                    not_run: Vec::new(),
                    http: Vec::new(),
                    shell_ended: false,
                    leaked: Vec::new(),
                    state: None,
                })))
            }
            QuestionKind::Choose { arms } => {
                for (number, (step, _)) in (1..).zip(arms) {
                    let taken = reply.arm == Some(number);
                    let answer = if taken { Answer::Yes } else { Answer::No };
                    events.push(EventBody::Decision { step: *step, answer, by: by() });
                }
            }
        }
        match (reply.choice, &self.kind) {
            (Choice::Abort, _) => events.push(EventBody::Cancel { cause: CancelCause::Operator }),
            (Choice::No, QuestionKind::Confirm) => events.push(EventBody::StepSkipped {
                step: self.step,
                reason: SkipReason::Declined,
                detail: None,
            }),
            _ => {}
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_did_or_passed_over_must_be_said() {
        let question = Question {
            kind: QuestionKind::Failure { fallback: None, doubt: None },
            step: StepId(0),
            text: "step 1 `x` failed".into(),
            choices: vec![Choice::Retry, Choice::Edit, Choice::DoneByHand, Choice::Skip, Choice::Abort],
        };
        for (choice, note, problem) in [
            (Choice::Retry, None, None),
            (Choice::Abort, None, None),
            (Choice::Fallback, None, Some("that is none of the answers")),
            (Choice::DoneByHand, None, Some("say what was done by hand")),
            (Choice::DoneByHand, Some(" "), Some("say what was done by hand")),
            (Choice::DoneByHand, Some("restarted it in the console"), None),
            (Choice::Skip, Some(""), Some("say why it is skipped")),
            (Choice::Skip, Some("not on this host"), None),
            (Choice::Edit, None, Some("the edited command is empty")),
            (Choice::Edit, Some("true"), None),
        ] {
            let reply = Reply { choice, arm: None, note: note.map(str::to_owned) };
            assert_eq!(question.problem(&reply), problem, "{choice:?} {note:?}");
        }
    }
}
