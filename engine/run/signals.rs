//! The signals the engine heeds: those that stop a run, and the one that says a child ended.

use crate::host::processes::ignores;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// SIGINT or SIGTERM: stop now.
    Stop(i32),
    /// SIGHUP: let the running step end.
    HangUp(i32),
    /// A child ended or was stopped.
    Child,
}

/// Listens to signals.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where the caller, such as `nohup`, had it ignored.
    hang_up: Option<Signal>,
    child: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let hang_up = SignalKind::hangup();
        Ok(Self {
            hang_up: if ignores(hang_up.as_raw_value()) { None } else { Some(signal(hang_up)?) },
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Heard {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Stop(SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => Heard::Stop(SignalKind::terminate().as_raw_value()),
            _ = hang_up => Heard::HangUp(SignalKind::hangup().as_raw_value()),
            _ = self.child.recv() => Heard::Child,
        }
    }
}
