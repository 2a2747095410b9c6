//! The wall clock for people, a monotonic one for durations.

use std::time::{Duration, Instant};

/// What time it is.
pub trait Clock {
    /// The wall clock as RFC 3339 in UTC with milliseconds: `2026-11-24T03:00:00.000Z`.
    fn wall(&self) -> String;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The host's clock; its monotonic time starts when it is made.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> String {
        format!("{:.3}", jiff::Timestamp::now())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
