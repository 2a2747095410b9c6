//! A started process: watch its lines, send it signals, wait for it, and look for what it left.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// A started process whose two outputs are read as they come.
pub(crate) struct Running {
    child: Child,
    pieces: Receiver<Piece>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Dropped to close the reading end of standard output.
    reading_stdout: bool,
}

impl Running {
    /// Starts `command` with both outputs piped.
    pub(crate) fn start(mut command: Command, stdin: Option<Vec<u8>>) -> Self {
        if stdin.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can start");
        if let Some(bytes) = stdin {
            let mut pipe = child.stdin.take().expect("is piped");
            // A process that reads none of it closes the pipe, which is no fault of the test.
            thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let (send, pieces) = channel();
        forward(child.stdout.take().expect("is piped"), send.clone(), Piece::Out);
        forward(child.stderr.take().expect("is piped"), send, Piece::Err);
        Self { child, pieces, stdout: Vec::new(), stderr: Vec::new(), reading_stdout: true }
    }

    /// Starts `command` with a standard output whose reading end is closed.
    pub(crate) fn start_with_closed_stdout(mut command: Command) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        drop(reader);
        let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("it can start");
        let (send, pieces) = channel();
        forward(child.stderr.take().expect("is piped"), send, Piece::Err);
        Self { child, pieces, stdout: Vec::new(), stderr: Vec::new(), reading_stdout: false }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended. It stays there to be waited for.
    pub(crate) fn is_over(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
    }

    /// Waits until either output holds `text`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.said(text) {
            match self.pieces.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(piece) => self.keep(piece),
                Err(why) => panic!("`{text}` never came ({why}); so far:\n{}", self.so_far()),
            }
        }
    }

    fn said(&self, text: &str) -> bool {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        holds(&self.stdout) || holds(&self.stderr)
    }

    /// Everything it wrote that was waited for.
    pub(crate) fn so_far(&self) -> String {
        let [out, err] = [&self.stdout, &self.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        format!("--- stdout\n{out}--- stderr\n{err}")
    }

    fn keep(&mut self, piece: Piece) {
        match piece {
            Piece::Out(bytes) if self.reading_stdout => self.stdout.extend(bytes),
            Piece::Out(_) => {}
            Piece::Err(bytes) => self.stderr.extend(bytes),
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.nix_pid(), signal).expect("it is our child and not yet waited for");
    }

    fn nix_pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit"))
    }

    /// Waits for its end and all of its output; kills it and fails after `limit`.
    #[track_caller]
    pub(crate) fn finish(mut self, limit: Duration) -> (ExitStatus, Vec<u8>, Vec<u8>) {
        let end = Instant::now() + limit;
        loop {
            match self.pieces.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(piece) => self.keep(piece),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    drop(self.child.kill());
                    panic!("it did not end within {limit:?}:\n{}", self.so_far());
                }
            }
        }
        let status = self.child.wait().expect("is our child");
        (status, std::mem::take(&mut self.stdout), std::mem::take(&mut self.stderr))
    }

    /// Waits for its end alone: what it left running may still hold its outputs.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("is our child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn forward<R: Read + Send + 'static>(mut from: R, to: Sender<Piece>, wrap: fn(Vec<u8>) -> Piece) {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if to.send(wrap(buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}

/// The live processes whose environment carries `marker`, as `pid: command line`.
///
/// A process that is being killed takes a moment to go, so this asks again for a while before it
/// believes that one stays.
pub(crate) fn leftovers(marker: &str) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let found = marked(marker);
        if found.is_empty() || Instant::now() > end {
            return found;
        }
        thread::yield_now();
    }
}

/// The processes that carry `marker` now.
pub(super) fn marked(marker: &str) -> Vec<String> {
    let needle = format!("RUNBOOK_TEST_MARKER={marker}");
    let needle = needle.as_bytes();
    let entries = std::fs::read_dir("/proc").expect("Linux has /proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok());
    let carries = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|pair| pair == needle)
    };
    let line = |pid: u32| {
        let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid}: {}", String::from_utf8_lossy(&raw).replace('\0', " "))
    };
    pids.filter(carries).map(line).collect()
}
