//! Carries a plan out: the pure machine decides, the session is the shell, the local driver acts.

mod admit;
mod failure;
mod machine;
#[cfg(test)]
mod machine_tests;
mod policy;
mod verdict;

pub use machine::{Machine, Next, Start};
pub use policy::{ConfirmPolicy, Policy, Question, QuestionKind, Reply};
