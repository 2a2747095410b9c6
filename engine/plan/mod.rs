//! Runbook + arguments → Plan. Building a plan runs nothing.

mod model;

pub use model::*;
