//! Waiting for several processes at once, each with its output in memory.

use super::{STATUS_FD, Watch, stopped};
use crate::host::adopted::reap_orphans;
use crate::host::processes::{Command, End, Started, signal_group};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal as Number, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long the end of a killed process is waited for, in milliseconds.
const PATIENCE_MS: u32 = 500;
/// Bytes that `bwrap` tells at most.
const MAX_STATUS: usize = 4096;

/// A process whose output goes into memory.
#[derive(Debug)]
pub struct Captured {
    started: Started,
    streams: [File; 2],
    /// What `bwrap` tells of its sandbox, where it is one.
    status: Option<File>,
}

impl Captured {
    /// Starts `command` with none of the engine's variables but those it names.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let streams = [memory()?, memory()?];
        for (descriptor, stream) in (1..).zip(&streams) {
            command.descriptors.push((descriptor, stream.try_clone()?.into()));
        }
        Ok(Self { started: command.start_with_only_its_variables()?, streams, status: None })
    }

    /// Starts `bwrap`, whose arguments must name [`STATUS_FD`] for `--json-status-fd`.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start_enclosed(mut command: Command) -> io::Result<Self> {
        let status = memory()?;
        command.descriptors.push((STATUS_FD, status.try_clone()?.into()));
        let mut captured = Self::start(command)?;
        captured.status = Some(status);
        Ok(captured)
    }

    /// What it wrote to standard output and standard error; of more than `limit` bytes, the first.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn said(&self, limit: usize) -> io::Result<[Vec<u8>; 2]> {
        Ok([read(&self.streams[0], limit)?, read(&self.streams[1], limit)?])
    }

    /// The first process in the sandbox, as seen from here, once it is there.
    fn inside(&self) -> Option<Pid> {
        let told = read(self.status.as_ref()?, MAX_STATUS).ok()?;
        let told = String::from_utf8_lossy(&told).into_owned();
        told.lines().find_map(|line| {
            let status: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(Pid::from_raw(i32::try_from(status.get("child-pid")?.as_i64()?).ok()?))
        })
    }

    /// Sends `signal` to the first process in the sandbox, which ends what is in it in good order. One that is
    /// not there yet is ended from outside.
    ///
    /// # Errors
    /// Whatever sending gives.
    pub fn signal_inside(&self, signal: i32) -> io::Result<()> {
        match self.inside() {
            Some(inside) => Ok(kill(inside, Number::try_from(signal)?)?),
            None => self.signal(Number::SIGKILL as i32),
        }
    }

    /// How it ended, if it did; never waits.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn ended(&self) -> io::Result<Option<End>> {
        self.started.ended()
    }

    /// Sends `signal` to its group.
    ///
    /// # Errors
    /// Whatever sending gives.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        signal_group(self.started.pid(), signal)
    }
}

fn memory() -> io::Result<File> {
    Ok(File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC)?))
}

/// What is in `stream`; of more than `limit` bytes, the first.
fn read(stream: &File, limit: usize) -> io::Result<Vec<u8>> {
    let size = usize::try_from(stream.metadata()?.len()).unwrap_or(limit).min(limit);
    let mut bytes = vec![0; size];
    stream.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

impl Drop for Captured {
    fn drop(&mut self) {
        // Of one that has ended this kills what it left; a group that is gone needs nothing.
        let _ = signal_group(self.started.pid(), Number::SIGKILL as i32);
        // A killed process is gone in no time, unless it waits for a disk; it is not waited for longer.
        for _ in 0..PATIENCE_MS {
            if !matches!(self.started.ended(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        reap_orphans();
    }
}

/// What a wait for several processes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// This one, by its position, ended.
    Ended(usize, End),
    /// The engine got this signal.
    Signal(i32),
    /// The time is over.
    TimeOver,
}

impl Watch {
    /// Waits until one of `running` ends, a signal comes, or `limit` is over. Nothing is stopped.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn first(&mut self, running: &[&Captured], limit: Duration) -> io::Result<First> {
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            let deadline = Instant::now() + limit;
            loop {
                for (index, captured) in running.iter().enumerate() {
                    if let Some(end) = captured.ended()? {
                        return Ok(First::Ended(index, end));
                    }
                }
                tokio::select! {
                    _ = ears.child.recv() => reap_orphans(),
                    signal = stopped(&mut ears.stop) => return Ok(First::Signal(signal)),
                    () = sleep_until(deadline) => return Ok(First::TimeOver),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(script: &str) -> Captured {
        Captured::start(Command {
            program: "/bin/bash".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: "/".into(),
            variables: vec![("GREETING".to_owned(), "hello".to_owned())],
            without: Vec::new(),
            descriptors: Vec::new(),
        })
        .unwrap()
    }

    #[test]
    fn the_first_to_end_is_named_and_its_streams_are_apart() {
        let mut watch = Watch::new().unwrap();
        let long = Duration::from_secs(20);
        let running = [bash("exec sleep 60"), bash("echo $GREETING ${HOME-none}; echo no >&2; exit 3")];
        let [slow, quick] = &running;
        assert_eq!(watch.first(&[slow, quick], long).unwrap(), First::Ended(1, End::Exited(3)));
        assert_eq!(quick.said(100).unwrap(), [b"hello none\n".to_vec(), b"no\n".to_vec()]);
        assert_eq!(quick.said(5).unwrap()[0], b"hello");
        assert_eq!(watch.first(&[slow], Duration::from_millis(1)).unwrap(), First::TimeOver);
        slow.signal(Number::SIGTERM as i32).unwrap();
        assert_eq!(watch.first(&[slow], long).unwrap(), First::Ended(0, End::Signaled(15)));
    }

    #[test]
    fn a_signal_reaches_the_first_process_in_a_sandbox() {
        let mut watch = Watch::new().unwrap();
        let told = |pid: &str| {
            // Stands for `bwrap`: it tells the process id of what it started, once that heeds signals.
            let script = format!(
                "(trap 'echo stopped; exit 5' TERM; {pid} while :; do sleep 0.01; done) & \
                 wait $!"
            );
            Captured::start_enclosed(Command {
                program: "/bin/bash".into(),
                arguments: vec!["-c".into(), script.into()],
                directory: "/".into(),
                variables: Vec::new(),
                without: Vec::new(),
                descriptors: Vec::new(),
            })
            .unwrap()
        };
        let long = Duration::from_secs(20);
        let inside = told(&format!("echo '{{ \"child-pid\": '$BASHPID' }}' >&{STATUS_FD};"));
        while inside.inside().is_none() {
            std::thread::yield_now();
        }
        inside.signal_inside(Number::SIGTERM as i32).unwrap();
        assert_eq!(watch.first(&[&inside], long).unwrap(), First::Ended(0, End::Exited(5)));
        assert_eq!(inside.said(100).unwrap()[0], b"stopped\n");
        let silent = told("");
        silent.signal_inside(Number::SIGTERM as i32).unwrap();
        assert_eq!(watch.first(&[&silent], long).unwrap(), First::Ended(0, End::Signaled(9)));
    }

    #[test]
    fn nothing_is_left_of_one_that_is_dropped() {
        let captured = bash("sleep 60 & wait");
        let pid = captured.started.pid();
        drop(captured);
        while super::super::super::processes::process(pid).is_some() {
            std::thread::yield_now();
        }
    }
}
