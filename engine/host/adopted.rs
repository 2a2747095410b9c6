//! Processes that came to the engine as the subreaper of what it started: who is whose, and letting
//! go of the dead.
//!
//! Whoever waits for a process claims it; every other dead child outside the engine's own group is
//! an orphan of a step, whose status nobody will ask for.

use super::processes::{End, reap};
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid, getpgrp, setpgid};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Processes somebody waits for.
static CLAIMED: Mutex<Vec<i32>> = Mutex::new(Vec::new());

fn claimed() -> MutexGuard<'static, Vec<i32>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that is let go by its holder alone.
#[derive(Debug)]
pub(super) struct Claim(i32);

impl Claim {
    /// Claims what `start` starts; nothing is reaped meanwhile, so it cannot be lost in between.
    pub(super) fn on<T>(start: impl FnOnce() -> io::Result<(i32, T)>) -> io::Result<(Self, T)> {
        let mut claimed = claimed();
        let (pid, started) = start()?;
        claimed.push(pid);
        Ok((Self(pid), started))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().retain(|pid| *pid != self.0);
    }
}

/// An adopted process whose end is waited for.
#[derive(Debug)]
pub struct Adopted {
    claim: Claim,
}

impl Adopted {
    /// Claims the process `pid`.
    pub fn new(pid: i32) -> Self {
        claimed().push(pid);
        Self { claim: Claim(pid) }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.claim.0
    }

    /// How it ended, if it did; never waits. To be asked no more once it said so.
    pub fn ended(&self) -> Option<End> {
        reap(self.pid())
    }

    /// Puts it into a process group of its own.
    ///
    /// # Errors
    /// As long as it is not adopted yet, and when it is dead.
    pub fn move_apart(&self) -> io::Result<()> {
        let pid = Pid::from_raw(self.pid());
        Ok(setpgid(pid, pid)?)
    }
}

/// Lets go of every dead child that nobody claimed and that is not of this process's own group.
pub fn reap_orphans() {
    let claimed = claimed();
    let own = getpgrp();
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::All, look) {
        let Some(pid) = status.pid() else { return };
        if claimed.contains(&pid.as_raw()) || getpgid(Some(pid)) == Ok(own) {
            // Its owner lets it go; the next time, those behind it are seen.
            return;
        }
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}

/// Whether the child `pid` was stopped (as by Ctrl-Z) since this was last asked.
pub fn was_stopped(pid: i32) -> bool {
    let look = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG;
    matches!(waitid(Id::Pid(Pid::from_raw(pid)), look), Ok(WaitStatus::Stopped(..)))
}

/// Whether nothing but these claimed processes is left of all that was started here: they have no children, and
/// this process has no other ones. False where the kernel does not say so.
pub fn are_alone(claimed: &[i32]) -> bool {
    let own = std::process::id().cast_signed();
    let childless = |pid: &i32| children(*pid).is_some_and(|children| children.is_empty());
    claimed.iter().all(childless)
        && children(own).is_some_and(|children| children.iter().all(|child| claimed.contains(child)))
}

/// The children of a process, dead ones that nobody let go included; none where the kernel does not say.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut all = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let list = std::fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        all.extend(list.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Some(all)
}

/// Whether a process group has any process, dead ones that nobody let go included.
pub fn group_exists(group: i32) -> bool {
    nix::sys::signal::killpg(Pid::from_raw(group), None) != Err(Errno::ESRCH)
}
