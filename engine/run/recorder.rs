//! Where the events of a run go, as the driver sees it: one call an event, in order.
//!
//! The owner of a recorder writes the journal and tells the reporters; the driver knows neither.

use super::policy::Question;
use crate::event::EventBody;
use std::fmt;
use std::io;

/// Takes the events of a run, in order.
pub trait Recorder {
    /// Records `body`, which happened at `mono_ms` on the run's clock. When `durable`, it and
    /// everything before it is on the disk when this returns.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn record(&mut self, body: EventBody, mono_ms: u64, durable: bool) -> Result<(), RecordError>;

    /// A person is about to be asked: whatever was not shown yet, is now.
    fn asking(&mut self, question: &Question) {
        let _ = question;
    }

    /// Keeps a script that makes a new shell like the run's, and gives the name to find it by.
    ///
    /// # Errors
    /// Whatever writing it gives.
    fn keep_state(&mut self, script: &str) -> io::Result<String> {
        let _ = script;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Why an event could not go where it should.
#[derive(Debug)]
pub enum RecordError {
    /// The journal did not take it: nothing more starts. The recorder may still have shown it.
    Journal(io::Error),
    /// It is recorded, but what shows it is closed: the running step ends, no plain step follows.
    OutputClosed,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "the journal cannot be written: {error}"),
            Self::OutputClosed => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for RecordError {}
