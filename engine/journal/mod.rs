//! Events ↔ journal on disk, and verification of its chain. Decides nothing about a run.

mod exercises;
mod guard;
mod line;
mod notes;
mod prune;
mod read;
mod refusal;
mod reopen;
pub mod resume;
mod store;
mod summary;
mod verify;

pub use exercises::Exercises;
pub use guard::Intruded;
pub use line::{Chain, FIRST_PREV, hash};
pub use notes::{Notes, with_notes};
pub use prune::Pruning;
pub use read::{Journal, Tail, read};
pub use refusal::{Refusal, what_came};
pub use store::{LAST, Store, Unnamed, Writer};
pub use summary::{End, LeftOut, Listing, Practised, RunSummary, Start};
pub use verify::{Verification, verify};
