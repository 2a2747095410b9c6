//! The events of a procedure's run as a rehearsal hands them on.

use crate::event::{EventBody, RunFinished};
use crate::run::{Question, RecordError, Recorder};

/// Hands the events of the procedure's run on, but its first, which is recorded already, and its last.
pub(super) struct HoldBack<'a> {
    /// Where the others go.
    pub(super) inner: &'a mut dyn Recorder,
    /// The last event, once the run is over.
    pub(super) finished: Option<Box<RunFinished>>,
    /// A text that a step must show.
    pub(super) wanted: Option<&'a str>,
    /// A step has shown it.
    pub(super) shown: bool,
    /// The end of the output so far: the text may come in two parts.
    pub(super) before: String,
}

impl Recorder for HoldBack<'_> {
    fn record(&mut self, body: EventBody, mono_ms: u64, durable: bool) -> Result<(), RecordError> {
        match body {
            EventBody::RunStarted(_) => Ok(()),
            EventBody::RunFinished(finished) => {
                self.finished = Some(finished);
                Ok(())
            }
            body => {
                self.listen(&body);
                self.inner.record(body, mono_ms, durable)
            }
        }
    }

    fn asking(&mut self, question: &Question) {
        self.inner.asking(question);
    }
}

impl HoldBack<'_> {
    fn listen(&mut self, body: &EventBody) {
        let Some(wanted) = self.wanted.filter(|_| !self.shown) else { return };
        match body {
            EventBody::Output { text, .. } => {
                self.before.push_str(text);
                self.shown = self.before.contains(wanted);
                let keep = self.before.len().saturating_sub(wanted.len());
                let keep = (keep..=self.before.len()).find(|&at| self.before.is_char_boundary(at));
                self.before.drain(..keep.unwrap_or_default());
            }
            EventBody::StepStarted { .. } => self.before.clear(),
            _ => {}
        }
    }
}
