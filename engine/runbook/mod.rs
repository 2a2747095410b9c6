//! Document → Runbook: what the blocks mean.

pub mod metadata;
pub mod metric;
mod model;
pub mod near;
pub mod quantity;
pub mod severity;
pub mod symptom;
pub mod target;
pub mod title;
pub mod yaml;

pub use model::*;
