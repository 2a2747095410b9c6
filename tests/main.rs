//! The black-box suite: one binary, one file per feature, one [`harness::Test`] builder.
//!
//! It drives the built `runbook` like a person would and compares what it says and does. A new test
//! takes five lines; expected output lies in `tests/expected/` and is rewritten by
//! `RUNBOOK_UPDATE_EXPECTED=1 cargo test`. Nothing here imports the engine, sleeps, uses a fixed port
//! or leaves the loopback interface; but `injection.rs` does import it, because what it holds against
//! real bash is one function with more values than there could be invocations.

#![expect(clippy::disallowed_methods, reason = "the suite is a program of its own that drives another")]

mod architecture;
mod bad_input;
mod broken_blocks;
mod broken_cures;
mod chaos;
mod choices;
mod doctests;
mod dry_run;
mod exec;
mod expected;
mod faults;
mod harness;
mod injection;
mod interactive;
mod keeping;
mod levibot;
mod lint;
mod listing;
mod naming;
mod nested;
mod notify;
mod readme;
mod record;
mod rehearse;
mod reports;
mod resume;
mod sandbox;
mod secrets;
mod seed;
mod signals;
mod staged;
mod terminal;
mod upkeep;
mod values;
