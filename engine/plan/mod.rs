//! Runbook + arguments → Plan. Building a plan runs nothing.

mod admission;
mod model;
#[cfg(test)]
pub(crate) mod testing;

pub use admission::{Refusal, refusals};
pub use model::*;
