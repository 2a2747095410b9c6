//! `runbook` runs the Markdown runbooks that on-call engineers already have.
//!
//! One pipeline, one direction; each arrow is one module, and `tests/architecture.rs` holds the order:
//!
//! ```text
//! path → Source → Document → Runbook → Plan → (Run → Events) → Journal → Report
//! ```
//!
//! Everything left of Run is pure: no process, clock, environment or file. Side effects pass one
//! door, [`host`]. The engine never sees `clap`; only [`cli`] does.

pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod document;
pub mod event;
pub mod graph;
pub mod host;
pub mod journal;
pub mod plan;
pub mod report;
pub mod run;
pub mod runbook;
pub mod shell;
pub mod source;
pub mod stage;
