//! Why a rehearsal did not pass, in the words of a person.

use std::fmt;
use std::time::Duration;

/// Something that went wrong, as a person would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The service could not be started.
    NoService(String),
    /// It ended before it was ready.
    ServiceEnded(String),
    /// It was not ready in time.
    NotReady {
        /// How long was waited.
        waited: Duration,
        /// What the probe said last.
        said: String,
    },
    /// The symptom was there before the fault.
    NotSteady,
    /// The fault could not be injected.
    NotInjected(String),
    /// The symptom was never seen.
    NeverSeen {
        /// How long was waited.
        waited: Duration,
        /// What the probe said last.
        said: String,
    },
    /// The procedure could not start.
    NotRun(String),
    /// The fault was gone by itself before the procedure was judged.
    Expired,
    /// No step showed the text that was asked for.
    NotShown(String),
    /// What should hold after the procedure did not.
    NotCured {
        /// How long was waited.
        waited: Duration,
        /// What the command said last.
        said: String,
        /// Whether the symptom was still there.
        symptom: bool,
        /// What the run claimed.
        claimed: String,
        /// Whether it claimed that all is well.
        well: bool,
    },
    /// The fault could not be taken away.
    NotReverted(String),
    /// The symptom was still there without the fault.
    StillThere {
        /// How long was waited.
        waited: Duration,
    },
    /// What should hold without the fault did not.
    NotWellAfter {
        /// How long was waited.
        waited: Duration,
        /// What the command said last.
        said: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoService(why) => write!(f, "the stage did not come up: {why}"),
            Self::ServiceEnded(said) => write!(f, "the service ended before it was ready{}", saying(said)),
            Self::NotReady { waited, said } => {
                write!(f, "the service was not ready within {}{}", Shown(*waited), saying(said))
            }
            Self::NotSteady => write!(f, "the symptom was there before the fault was injected"),
            Self::NotInjected(why) => write!(f, "the fault could not be injected: {why}"),
            Self::NeverSeen { waited, said } => {
                write!(f, "the symptom was never seen within {}{}", Shown(*waited), saying(said))
            }
            Self::NotRun(why) => write!(f, "the procedure could not run: {why}"),
            Self::Expired => write!(
                f,
                "the fault had ended by itself before the procedure was judged: what holds now proves nothing"
            ),
            Self::NotShown(text) => write!(f, "no step showed the fault in its output: `{text}`"),
            Self::NotCured { waited, said, symptom, claimed, well } => {
                let but = match (symptom, well) {
                    (true, true) => ", but the symptom is still there:",
                    (true, false) => " and the symptom is still there:",
                    (false, _) => " and the symptom is gone, but",
                };
                write!(
                    f,
                    "the procedure says `{claimed}`{but} `passes_when` does not hold {} later{}",
                    Shown(*waited),
                    saying(said)
                )
            }
            Self::NotReverted(why) => write!(f, "the fault could not be taken away: {why}"),
            Self::StillThere { waited } => {
                write!(f, "the symptom is still there {} after the fault was taken away", Shown(*waited))
            }
            Self::NotWellAfter { waited, said } => write!(
                f,
                "`after` does not hold {} after the fault was taken away{}",
                Shown(*waited),
                saying(said)
            ),
        }
    }
}

fn saying(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}

/// A time as `runbook.yaml` has it.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms.is_multiple_of(1000) { write!(f, "{} s", ms / 1000) } else { write!(f, "{ms} ms") }
    }
}
