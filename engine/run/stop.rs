//! Stopping a step: TERM to its process groups, a time of grace, KILL.

use crate::host::adopted::group_exists;
use crate::host::processes::{Processes as _, SystemProcesses, signal_group, signal_process};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked whether they are gone.
const LOOK: Duration = Duration::from_millis(10);
/// How long the dead may take to go after KILL.
const AFTER_KILL: Duration = Duration::from_secs(2);

const KILL: i32 = 9;
const TERM: i32 = 15;
/// A stopped process gets TERM only when it goes on.
const CONTINUE: i32 = 18;

/// Why a step is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It took too long.
    TimedOut,
    /// Its time box is over, as it should.
    TimeBox,
    /// The run was told to stop.
    Cancelled,
}

/// A step that is being stopped.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) why: Why,
    /// Processes that were there before the step and stay.
    spared: Vec<i32>,
    kill_at: Instant,
    killed_at: Option<Instant>,
}

impl Stop {
    /// Sends TERM to all of `groups` but those that are spared.
    pub(super) fn begin(why: Why, groups: &[i32], spared: Vec<i32>, grace: Duration) -> Self {
        let stop = Self { why, spared, kill_at: Instant::now() + grace, killed_at: None };
        stop.send(groups, TERM);
        stop.send(groups, CONTINUE);
        stop
    }

    /// Nothing runs.
    pub(super) fn nothing(why: Why) -> Self {
        Self { why, spared: Vec::new(), kill_at: Instant::now(), killed_at: None }
    }

    /// When to look again.
    pub(super) fn next(&self) -> Instant {
        Instant::now() + LOOK
    }

    /// Ends the grace.
    pub(super) fn hurry(&mut self) {
        self.kill_at = Instant::now();
    }

    /// Sends KILL when the grace is over.
    pub(super) fn go_on(&mut self, groups: &[i32]) {
        if self.kill_at <= Instant::now() {
            self.send(groups, KILL);
            self.killed_at.get_or_insert_with(Instant::now);
        }
    }

    /// Whether nothing is left, or nothing more can be done.
    pub(super) fn is_over(&self, groups: &[i32]) -> bool {
        let left = if self.spared.is_empty() {
            groups.iter().any(|group| group_exists(*group))
        } else {
            groups.iter().any(|group| !self.members(*group).is_empty())
        };
        !left || self.killed_at.is_some_and(|at| at.elapsed() > AFTER_KILL)
    }

    fn members(&self, group: i32) -> Vec<i32> {
        let members = SystemProcesses.group(group).into_iter().map(|member| member.pid);
        members.filter(|pid| !self.spared.contains(pid)).collect()
    }

    fn send(&self, groups: &[i32], signal: i32) {
        for group in groups {
            // One that may not be signalled (it changed its user) is named as left running.
            if self.spared.is_empty() {
                let _ = signal_group(*group, signal);
            } else {
                self.members(*group).into_iter().for_each(|pid| signal_process(pid, signal));
            }
        }
    }
}
