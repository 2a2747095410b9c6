//! Why a run cannot be resumed, in words. The reasons are found in [`super::resume`], whose tests show each text.

use crate::event::Outcome;
use std::fmt;

/// Why a run cannot be resumed, or not like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no record of a start.
    NoStart,
    /// The record is damaged, and what happened behind the damage cannot be known.
    Damaged {
        /// The first line that is no event.
        line: usize,
    },
    /// It never started.
    NotStarted,
    /// It is over, and there is nothing to go on with.
    Over {
        /// What came of it.
        outcome: Outcome,
    },
    /// The document is not the one that ran.
    DocumentChanged,
    /// The plan's steps are not those of the record.
    StepsChanged {
        /// The first difference.
        difference: String,
    },
    /// Nobody is there to say what to do about a step whose work is unknown.
    Unclear {
        /// The step's number.
        step: String,
        /// Its label.
        label: String,
    },
    /// Nobody is there to say what to do about a step that failed or was left open.
    NeedsPerson {
        /// The number of the step that failed, if one did.
        step: Option<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStart => write!(f, "the journal has no start"),
            Self::Damaged { line } => write!(f, "line {line} of the journal is no event"),
            Self::NotStarted => write!(f, "the run never started"),
            Self::Over { outcome } => write!(f, "the run is over: {}", what_came(*outcome)),
            Self::DocumentChanged => write!(f, "the document has changed since the run started"),
            Self::StepsChanged { difference } => write!(f, "the document's steps have changed: {difference}"),
            Self::Unclear { step, label } => write!(f, "what step {step} `{label}` did is unknown"),
            Self::NeedsPerson { step: Some(step) } => write!(f, "the run ended because step {step} failed"),
            Self::NeedsPerson { step: None } => write!(f, "the run ended because it needs a person"),
        }
    }
}

/// What came of a run, in a few words.
pub fn what_came(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified | Outcome::RecoveredByFallback => "it succeeded and was verified",
        Outcome::NotVerified => "it came to its end, not verified",
        Outcome::Observed => "it only observed",
        Outcome::Contained => "it is contained, and no step is left",
        Outcome::Failed => "it failed",
        Outcome::NeedsPerson => "it needs a person",
        Outcome::Cancelled => "it was stopped",
        Outcome::NotStarted => "it did not start",
    }
}

impl Refusal {
    /// What to do instead.
    pub fn hint(&self) -> String {
        match self {
            Self::NoStart | Self::NotStarted | Self::StepsChanged { .. } => "start a new run".into(),
            Self::Damaged { .. } => "look at it with `runbook verify`, and start a new run".into(),
            Self::Over { .. } => {
                "start a new run, or add --from STEP to do that step and the rest anew".into()
            }
            Self::DocumentChanged => "read the difference, then add --accept-changes".into(),
            Self::Unclear { .. } => {
                "resume on a terminal to be asked, or add --rerun-unknown to run it again".into()
            }
            Self::NeedsPerson { step: Some(step) } => {
                format!("resume on a terminal to be asked, or add --from {step} to run it again")
            }
            Self::NeedsPerson { step: None } => {
                "resume on a terminal to be asked, or add --from STEP to do that step and the rest anew"
                    .into()
            }
        }
    }
}
