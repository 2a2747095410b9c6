//! The one door for side effects: processes, files, clock, environment; plus a fake of each.
//!
//! The rest of the engine is given these traits (or, for the shell session, [`processes::Started`])
//! and never touches `std::fs`, `std::env`, `std::process` or a clock itself. The fakes implement
//! the same traits and pass the same contract suite; they exist in tests only.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the door that the lints of clippy.toml point to"
)]

pub mod adopted;
mod clock;
mod copy;
pub mod editor;
mod environment;
mod exposed;
mod files;
mod locks;
pub mod pipes;
pub mod post;
pub mod processes;
pub mod surroundings;
pub mod terminal;
pub mod watch;

#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) mod fake;

pub use clock::{Clock, SystemClock};
pub use copy::{copy_present, copy_tree};
pub use environment::{Environment, SystemEnvironment};
pub use exposed::Exposed;
pub use files::{Append, Ends, Entry, Files, REMOVED, SystemFiles};
pub use locks::Lock;
pub use processes::{Processes, SystemProcesses};
