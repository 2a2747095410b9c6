//! Document → Runbook: what the blocks mean.

mod branch;
pub mod checklist;
mod command;
mod directive;
pub mod escalation;
mod fence;
mod heal;
mod lower;
pub mod metadata;
pub mod metric;
mod model;
pub mod near;
mod outline;
mod parameters;
mod phase;
mod prose;
pub mod quantity;
mod raw;
pub mod review;
mod role;
mod same;
pub mod select;
pub mod severity;
mod split;
mod steps;
pub mod symptom;
pub mod target;
#[cfg(test)]
mod tests;
pub mod title;
pub mod yaml;

pub use fence::is_shell;
pub use lower::lower;
pub use model::*;
pub(crate) use parameters::fold_name as parameter_name;
pub use same::does_the_same;
