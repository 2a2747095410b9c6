//! The lines of a process, as they come.

use super::TAIL;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

/// Lines as they come out of a pipe.
pub(super) struct Lines {
    pipe: pipe::Receiver,
    /// The same pipe for reading without asking the runtime, which may not have noticed yet what is there.
    raw: File,
    rest: Vec<u8>,
}

impl Lines {
    pub(super) fn new(pipe: io::PipeReader) -> io::Result<Self> {
        let raw = File::from(OwnedFd::from(pipe.try_clone()?));
        Ok(Self { pipe: pipe::Receiver::from_owned_fd(pipe.into())?, raw, rest: Vec::new() })
    }

    /// Waits for more and hands on what is complete; false at the end.
    pub(super) async fn read(&mut self, line: &mut dyn FnMut(&str)) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let count = self.pipe.read(&mut buffer).await?;
        self.take(&buffer[..count], line);
        Ok(count > 0)
    }

    /// Hands on what is there without waiting, an incomplete line too.
    pub(super) fn drain(&mut self, line: &mut dyn FnMut(&str)) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.raw.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.take(&buffer[..count], line),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if !self.rest.is_empty() {
            line(&String::from_utf8_lossy(&std::mem::take(&mut self.rest)));
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        self.rest.extend_from_slice(bytes);
        // A progress bar ends its lines with carriage returns.
        while let Some(end) = self.rest.iter().position(|&byte| matches!(byte, b'\n' | b'\r')) {
            let text: Vec<u8> = self.rest.drain(..=end).collect();
            if end > 0 {
                line(&String::from_utf8_lossy(&text[..end]));
            }
        }
        // Something that never ends its line must not fill the memory.
        if self.rest.len() > TAIL {
            line(&String::from_utf8_lossy(&std::mem::take(&mut self.rest)));
        }
    }
}
