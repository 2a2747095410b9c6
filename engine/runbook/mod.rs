//! Document → Runbook: what the blocks mean.

pub mod checklist;
pub mod escalation;
pub mod metadata;
pub mod metric;
mod model;
pub mod near;
pub mod quantity;
pub mod review;
pub mod select;
pub mod severity;
pub mod symptom;
pub mod target;
#[cfg(test)]
mod tests;
pub mod title;
pub mod yaml;

pub use model::*;
