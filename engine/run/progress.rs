//! Where one step of a run stands.

use crate::event::{Answer, Purpose, SkipReason, StepResult};

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
    /// It is the fallback of a step that was never really tried: a person is asked once more before it runs.
    pub(super) doubted: bool,
    /// It was offered as a fallback, and a person chose otherwise: what they did.
    pub(super) turned_down: Option<String>,
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
    pub(super) fn fresh() -> Self {
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
            doubted: false,
            turned_down: None,
            asked: false,
            evidence: false,
            looking_again: false,
            unclear: false,
            by_hand: false,
            edited: None,
        }
    }

    /// Brings what a step was left in to where its run can go on.
    pub(super) fn resume(&mut self, manual: bool) {
        self.asked = false;
        self.fallback_wanted = false;
        self.turned_down = None;
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
                | SkipReason::NotTaken
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
