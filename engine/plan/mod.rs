//! Runbook + arguments → Plan. Building a plan runs nothing.

mod admission;
mod model;
mod template;
#[cfg(test)]
pub(crate) mod testing;
mod value;

pub use admission::{Refusal, refusals};
pub use model::*;
pub use template::{Insertion, MASK, Rendered, check_variable, render};
pub use value::{Refused, Why};
