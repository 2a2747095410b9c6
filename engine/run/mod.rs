//! Carries a plan out: the pure machine decides, the session is the shell, the local driver acts.

mod admit;
mod ahead;
mod ask;
mod attempt;
mod failure;
mod http;
mod judge;
#[cfg(test)]
mod live;
mod local;
mod machine;
#[cfg(test)]
mod machine_tests;
mod mask;
mod output;
mod policy;
mod progress;
mod promise;
mod recorder;
#[cfg(test)]
mod resume_tests;
mod session;
mod setup;
mod signals;
mod state;
mod stop;
mod stream;
mod verdict;

pub use ahead::comes_next;
pub use ask::Ask;
pub use local::{Run, execute};
pub use machine::{Machine, Next, Start};
pub use mask::Mask;
pub use policy::{ConfirmPolicy, FailurePolicy, Policy, Question, QuestionKind, Reply};
pub use recorder::{RecordError, Recorder};
pub use session::Begun;
pub use setup::{OutputLimit, SessionSetup};
pub use state::lost;
