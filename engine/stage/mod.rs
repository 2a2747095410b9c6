//! A place to rehearse: a sandbox, the service under rehearsal in it, and a fault.
//!
//! Sits above [`crate::run`], which it gives a plan to carry out, and below the command line.

pub mod config;
pub mod enclose;
mod hold_back;
mod measure;
pub mod order;
pub mod place;
pub mod reason;
pub mod rehearsal;
pub mod sandbox;
pub mod scenario;
pub mod sequence;
pub mod service;
mod shims;
pub mod trial;

pub use config::{Fault, Stage, StageFile};
pub use place::Place;
pub use reason::Reason;
pub use rehearsal::{Rehearsal, Rehearsed, rehearse};
pub use sandbox::{Enclosure, Sandbox, Unavailable};
pub use scenario::Scenario;
