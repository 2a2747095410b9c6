//! Document → Runbook: what the blocks mean.

pub mod metadata;
mod model;
pub mod near;
pub mod title;
pub mod yaml;

pub use model::*;
