//! Runbook + arguments → Plan. Building a plan runs nothing.

mod admission;
mod model;

pub use admission::{Refusal, refusals};
pub use model::*;
