//! Document → Runbook: what the blocks mean.

mod model;

pub use model::*;
