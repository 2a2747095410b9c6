//! How a person is asked, as the driver sees it.

use super::policy::{Question, Reply};
use std::io;

/// Asks a person. Called in a thread of its own, so that a signal can end the run meanwhile; what it
/// answers after that is dropped.
pub trait Ask: Send + 'static {
    /// Puts `question` to the person at `mono_ms` on the run's clock and waits for the answer.
    ///
    /// # Errors
    /// When no answer can come any more, such as at the end of the input: the run is then aborted.
    fn ask(&mut self, question: &Question, mono_ms: u64) -> io::Result<Reply>;
}
