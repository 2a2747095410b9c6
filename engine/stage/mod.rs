//! A place to rehearse: a sandbox, the service under rehearsal in it, and a fault.
//!
//! Sits above [`crate::run`], which it gives a plan to carry out, and below the command line.

pub mod config;
pub mod sandbox;
pub mod sequence;

pub use config::{Fault, Stage, StageFile};
pub use sandbox::{Enclosure, Sandbox, Unavailable};
