//! Waiting for a sandbox, with the terminal as its own and signals handed on to it.

use super::lines::Lines;
use super::{Watch, stopped};
use crate::host::adopted::reap_orphans;
use crate::host::processes::{Command, End, signal_group};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd, RawFd};

/// The number of the descriptor on which `bwrap` tells what it does; below those of sessions.
pub const STATUS_FD: RawFd = 190;

/// How a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// How it ended.
    pub end: End,
    /// The command in it was started.
    pub began: bool,
}

impl Watch {
    /// Runs `bwrap` with this process's standard streams and waits for its end; its arguments must name
    /// [`STATUS_FD`] for `--json-status-fd`. Signals that would stop the engine go to the first process in
    /// the sandbox. Its process id, as seen from here, is written into `pid` as a line.
    ///
    /// # Errors
    /// Whatever starting or waiting gives.
    pub fn enclose(&mut self, mut command: Command, mut pid: impl io::Write) -> io::Result<Enclosed> {
        let (reader, writer) = io::pipe()?;
        command.descriptors.push((STATUS_FD, writer.into()));
        for (number, stream) in (0..).zip(standard_streams()?) {
            command.descriptors.push((number, stream));
        }
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            let started = command.start_with_only_its_variables()?;
            let mut lines = Lines::new(reader)?;
            let (inside, mut began, mut open) = (Cell::new(None), false, true);
            let mut heard = |text: &str| {
                let status: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                began |= status.get("exit-code").is_some();
                if let Some(found) = status.get("child-pid").and_then(serde_json::Value::as_i64) {
                    inside.set(i32::try_from(found).ok());
                    // The engine inside may have ended already; then nobody wants to know.
                    let _ = writeln!(pid, "{found}");
                }
            };
            let end = loop {
                if let Some(end) = started.ended()? {
                    break end;
                }
                tokio::select! {
                    read = lines.read(&mut heard), if open => open = read?,
                    _ = ears.child.recv() => reap_orphans(),
                    signal = stopped(&mut ears.stop) => match inside.get() {
                        Some(inside) => drop(kill(Pid::from_raw(inside), Signal::try_from(signal)?)),
                        None => signal_group(started.pid(), Signal::SIGKILL as i32)?,
                    },
                }
            };
            lines.drain(&mut heard)?;
            Ok(Enclosed { end, began })
        })
    }
}

fn standard_streams() -> io::Result<[OwnedFd; 3]> {
    Ok([
        io::stdin().as_fd().try_clone_to_owned()?,
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ])
}
