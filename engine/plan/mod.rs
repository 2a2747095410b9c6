//! Runbook + arguments → Plan. Building a plan runs nothing.

mod admission;
mod arguments;
mod bind;
mod build;
mod label;
mod model;
mod programs;
mod stray;
mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod value;
mod window;
mod work;

pub use admission::{Refusal, refusals};
pub use arguments::Arguments;
pub use bind::{ArgumentError, Values, fold_name};
pub use build::{ACT_TIMEOUT, OBSERVE_TIMEOUT, Problem, TIME_BOX, build, faults};
pub use label::spelt_out;
pub use model::*;
pub use programs::{missing, stops};
pub use template::{Insertion, MASK, Rendered, check_variable, forms, render};
pub use value::{Refused, Why};
pub use window::LEAST;
