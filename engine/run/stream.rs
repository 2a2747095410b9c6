//! One output stream of a step: the pipe, what is recorded of it, and what outlives the step.

use super::mask::Mask;
use super::output::Capture;
use super::promise::Promise;
use super::setup::OutputLimit;
use crate::event::{EventBody, Stream};
use crate::host::pipes::{Pipe, Source, path_of};
use crate::host::processes::{Process, writers};
use crate::plan::StepId;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// Size of one read, and of the buffer for it.
pub(super) const CHUNK: usize = 256 << 10;
/// How much of what comes after its step is recorded, a stream.
const LATE: OutputLimit = OutputLimit { head: 64 << 10, tail: 0 };

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Something.
    Some,
    /// Nothing now.
    Nothing,
    /// Nobody has it open any more.
    End,
}

/// One output stream of a running step.
#[derive(Debug)]
pub(super) struct StepStream {
    stream: Stream,
    reader: Option<Source>,
    /// Kept while the step runs, so that the shell can open it by path.
    writer: Option<OwnedFd>,
    path: String,
    capture: Capture,
    /// What the document promises of it.
    pub(super) promise: Option<Promise>,
    /// Text that is to be recorded.
    pub(super) pending: String,
}

impl StepStream {
    pub(super) fn new(stream: Stream, mask: &Arc<Mask>, limit: OutputLimit) -> io::Result<Self> {
        let pipe = Pipe::large()?;
        Ok(Self {
            stream,
            path: path_of(&pipe.writer),
            reader: Some(Source::new(pipe.reader)?),
            writer: Some(pipe.writer),
            capture: Capture::new(Arc::clone(mask), limit),
            promise: None,
            pending: String::new(),
        })
    }

    /// Where the shell opens it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Bytes written to it, and those of them that are not recorded.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.capture.total(), self.capture.dropped())
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Returns when there may be something to read; never when it is over.
    pub(super) async fn readable(&self) {
        match &self.reader {
            Some(reader) => reader.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read {
        let Some(reader) = &self.reader else { return Read::End };
        match reader.read(buffer) {
            Ok(Some(length)) if length > 0 => {
                self.capture.feed(&buffer[..length], &mut self.pending);
                if let Some(promise) = &mut self.promise {
                    promise.feed(&buffer[..length]);
                }
                Read::Some
            }
            Ok(None) => Read::Nothing,
            Ok(Some(_)) | Err(_) => {
                self.reader = None;
                Read::End
            }
        }
    }

    /// The step is over: only what it left behind has it open now.
    pub(super) fn let_go(&mut self) {
        self.writer = None;
    }

    /// The pending text as an event.
    pub(super) fn take(&mut self, step: StepId, late: bool) -> Option<EventBody> {
        if self.pending.is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.pending);
        Some(EventBody::Output { step, stream: self.stream, text, late })
    }

    /// The last events of the step's own output: the end of its head, what is missing, and its tail.
    pub(super) fn finish(&mut self, step: StepId) -> Vec<EventBody> {
        let mut events = Vec::new();
        self.capture.finish_head(&mut self.pending);
        events.extend(self.take(step, false));
        let dropped = self.capture.dropped();
        if dropped > 0 {
            let name = match self.stream {
                Stream::Stdout => "standard output",
                Stream::Stderr => "standard error",
            };
            let text = format!("{dropped} bytes of {name} are left out here; its end follows");
            events.push(EventBody::Note { step: Some(step), text });
        }
        self.capture.finish_tail(&mut self.pending);
        events.extend(self.take(step, false));
        events
    }

    /// The processes that still hold it.
    pub(super) fn holders(&self) -> Vec<Process> {
        self.reader.as_ref().map(writers).unwrap_or_default()
    }

    /// Goes on reading what a job of the step writes, so that the job lives and its words are kept. Gives
    /// the pipe, for when nobody will read it here any more.
    pub(super) fn go_on(self, step: StepId, mask: &Arc<Mask>, late: Sender<EventBody>) -> Option<OwnedFd> {
        let (reader, stream) = (self.reader?, self.stream);
        let pipe = reader.as_fd().try_clone_to_owned().ok();
        let mut capture = Capture::new(Arc::clone(mask), LATE);
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            let mut over = false;
            while !over {
                let mut text = String::new();
                reader.readable().await;
                match reader.read(&mut buffer) {
                    Ok(Some(length)) if length > 0 => capture.feed(&buffer[..length], &mut text),
                    Ok(None) => {}
                    Ok(Some(_)) | Err(_) => {
                        over = true;
                        capture.finish_head(&mut text);
                    }
                }
                let event = EventBody::Output { step, stream, text, late: true };
                let told = matches!(&event, EventBody::Output { text, .. } if text.is_empty())
                    || late.send(event).await.is_ok();
                if !told {
                    return;
                }
            }
        });
        pipe
    }
}
