//! Events ↔ journal on disk, and verification of its chain. Decides nothing about a run.

mod line;
mod notes;
mod read;
mod refusal;
mod reopen;
pub mod resume;
mod store;
mod verify;

pub use line::{Chain, FIRST_PREV, hash};
pub use notes::{Notes, with_notes};
pub use read::{Journal, Tail, read};
pub use refusal::Refusal;
pub use store::{LAST, RunSummary, Store, Unnamed, Writer};
pub use verify::{Verification, verify};
