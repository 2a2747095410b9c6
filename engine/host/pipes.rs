//! Pipes and a file in memory, through which the engine and its shell speak.
//!
//! The shell opens them by the engine's own `/proc` entry when it needs them, so it keeps no
//! descriptor of them, and nothing that a step starts inherits one.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use tokio::net::unix::pipe::Receiver;

/// Pipes are made this large where the system allows it: a big output needs fewer turns.
const PIPE_SIZE: i32 = 1 << 20;

/// A pipe; both ends are closed in whatever the engine starts.
#[derive(Debug)]
pub struct Pipe {
    /// What is written comes out here.
    pub reader: OwnedFd,
    /// What is written goes in here.
    pub writer: OwnedFd,
}

impl Pipe {
    /// A pipe of the usual size.
    ///
    /// # Errors
    /// Whatever making one gives.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader: reader.into(), writer: writer.into() })
    }

    /// A pipe for much output.
    ///
    /// # Errors
    /// Whatever making one gives.
    pub fn large() -> io::Result<Self> {
        let pipe = Self::new()?;
        // A user may hold so many pages of pipes only; then it stays at the usual size.
        let _ = fcntl(&pipe.writer, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        Ok(pipe)
    }
}

/// The reading end of a pipe, read as things arrive.
#[derive(Debug)]
pub struct Source(Receiver);

impl Source {
    /// Reads `pipe` from now on.
    ///
    /// # Errors
    /// Whatever registering it gives, as outside of a runtime.
    pub fn new(pipe: OwnedFd) -> io::Result<Self> {
        Ok(Self(Receiver::from_owned_fd(pipe)?))
    }

    /// Returns when there may be something to read.
    pub async fn readable(&self) {
        // An error shows when it is read.
        let _ = self.0.readable().await;
    }

    /// Reads what is there, whether or not the runtime knows of it yet: 0 at the end, `None` when
    /// there is nothing now.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // The runtime only reads what it has heard of.
        let read = match nix::unistd::read(&self.0, buffer) {
            Err(Errno::EAGAIN | Errno::EINTR) => self.0.try_read(buffer),
            read => read.map_err(io::Error::from),
        };
        match read {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether somebody still has `pipe`, of which this is the reading end, open for writing.
pub fn has_writers(pipe: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    let asked = poll(&mut polled, PollTimeout::ZERO).is_ok();
    !(asked && polled[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
}

/// Makes reading and writing `pipe` wait, for a process that expects it.
///
/// # Errors
/// Whatever setting it gives.
pub fn blocking(pipe: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Writes all of `bytes` to `pipe`; waits while it is full.
///
/// # Errors
/// Whatever writing gives.
pub fn write(pipe: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(pipe, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Where another process of this user opens `descriptor` of this one.
pub fn path_of(descriptor: &OwnedFd) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), descriptor.as_raw_fd())
}

/// A file that exists in memory only and never has a name on a disk.
#[derive(Debug)]
pub struct MemoryFile {
    file: File,
    path: String,
}

impl MemoryFile {
    /// An empty one.
    ///
    /// # Errors
    /// Whatever making one gives.
    pub fn new() -> io::Result<Self> {
        let descriptor = memfd_create(c"runbook", MFdFlags::MFD_CLOEXEC)?;
        let path = path_of(&descriptor);
        Ok(Self { file: descriptor.into(), path })
    }

    /// Makes `bytes` all of its content.
    ///
    /// # Errors
    /// Whatever writing gives.
    pub fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(bytes, 0)
    }

    /// All that is in it.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn content(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.file.metadata()?.len()).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Where another process of this user reads it, from its beginning each time.
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn a_memory_file_is_read_from_its_beginning_each_time() {
        let memory = MemoryFile::new().unwrap();
        for content in ["first, and long", "second"] {
            memory.replace(content.as_bytes()).unwrap();
            for _ in 0..2 {
                assert_eq!(std::fs::read_to_string(memory.path()).unwrap(), content);
            }
            assert_eq!(memory.content().unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn a_pipe_is_opened_by_its_path_and_ends_with_its_last_writer() {
        for pipe in [Pipe::new().unwrap(), Pipe::large().unwrap()] {
            let mut other = File::options().write(true).open(path_of(&pipe.writer)).unwrap();
            drop(pipe.writer);
            assert!(has_writers(&pipe.reader));
            other.write_all(b"x").unwrap();
            drop(other);
            // A fork of a neighbouring test may hold it for a moment.
            while has_writers(&pipe.reader) {
                std::thread::yield_now();
            }
            let mut all = String::new();
            File::from(pipe.reader).read_to_string(&mut all).unwrap();
            assert_eq!(all, "x");
        }
    }
}
