//! What takes the shell's place when it dies: a copy of it that waits, or another one where nothing is lost.

use crate::host::adopted::Adopted;
use crate::host::processes::process;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a copy may take to be adopted.
const PATIENCE: Duration = Duration::from_secs(5);

/// What takes the shell's place.
#[derive(Debug)]
pub(super) enum Spare {
    /// A copy with this number, which has not said yet that it is there.
    Asked(u64),
    /// A copy that waits.
    Waiting(Snapshot),
    /// Another shell: this one is as it was when it began.
    Another,
    /// Nothing: the shell has changed since.
    None,
}

/// A copy of the shell that waits.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) process: Adopted,
    apart: bool,
}

impl Snapshot {
    /// The copy with this process id.
    pub(super) fn new(pid: i32) -> Self {
        Self { process: Adopted::new(pid), apart: false }
    }

    /// Puts it into a process group of its own, if that can be done by now.
    pub(super) fn try_move_apart(&mut self) -> bool {
        self.apart = self.apart || self.process.move_apart().is_ok();
        self.apart
    }

    /// Puts it into a process group of its own. It can be done as soon as its parent is dead, which
    /// ends at once; on a busy machine that may take a while.
    pub(super) async fn move_apart(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.try_move_apart() && process(self.process.pid()).is_some() && Instant::now() < until {
            sleep(Duration::from_millis(1)).await;
        }
    }
}
