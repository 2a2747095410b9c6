//! The service under rehearsal: started, watched, stopped; and the watchdog that takes a fault away.

use super::place::Place;
use crate::host::processes::{End, Started, is_first_process, signal_group};
use crate::host::surroundings::output_file;
use crate::host::watch::{Heed, Watch};
use crate::host::{Files, SystemFiles};
use std::io::{self, PipeWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much of the log is looked at for its last lines, in bytes.
const TAIL: u64 = 4096;
/// How many of its last lines are shown.
const LINES: usize = 5;
/// Longest time for stopping the service, and for a watchdog that is at work.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a watchdog is told when there is nothing to do.
const DONE: &[u8] = b"done\n";
/// The watchdog's end of its lifeline.
const LIFELINE: i32 = 200;
/// Longest time for a rehearsal where nothing else limits it.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// A service that was started.
#[derive(Debug)]
pub struct Service {
    started: Started,
    log: PathBuf,
    /// Stops it when the engine dies. In a sandbox the kernel does.
    guard: Option<Watchdog>,
}

impl Service {
    /// Starts `script`; what it says goes into the file `log`.
    ///
    /// # Errors
    /// Whatever opening or starting gives.
    pub fn start(place: &Place, script: &str, log: &Path) -> io::Result<Self> {
        let output = output_file(log)?;
        let mut command = place.command(script);
        command.descriptors = vec![(1, output.try_clone()?), (2, output)];
        let mut service = Self { started: command.start()?, log: log.to_owned(), guard: None };
        if !is_first_process() {
            service.guard = Some(Watchdog::start(place, &stopping(service.started.pid()), FOREVER)?);
        }
        Ok(service)
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn ended(&self) -> io::Result<Option<End>> {
        self.started.ended()
    }

    /// The last lines it said.
    pub fn last_lines(&self) -> Vec<String> {
        let size = SystemFiles.size(&self.log).unwrap_or_default();
        let bytes = SystemFiles.read_at(&self.log, size.saturating_sub(TAIL), TAIL).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].iter().map(|&line| line.to_owned()).collect()
    }

    /// Stops it and everything in its process group.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn stop(&self, watch: &mut Watch) -> io::Result<()> {
        watch.wait(&self.started, Some(Duration::ZERO), Heed::Nothing).map(drop)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Its group may be gone already.
        let _ = signal_group(self.started.pid(), 9);
        if let Some(guard) = &mut self.guard {
            // It may have been killed.
            let _ = guard.lifeline.write_all(DONE);
        }
    }
}

/// A script that stops the process group `group`: TERM, 5 s of grace, KILL.
fn stopping(group: i32) -> String {
    format!(
        "kill -TERM -- -{group}\nkill -CONT -- -{group}\nfor moment in {{1..50}}; do\n  sleep 0.1\n  kill -0 -- -{group}\ndone 2>/dev/null\n\
         kill -KILL -- -{group}"
    )
}

/// Takes a fault away when its time is over, and when the engine dies.
#[derive(Debug)]
pub struct Watchdog {
    started: Started,
    lifeline: PipeWriter,
}

impl Watchdog {
    /// Lets `revert` run after `expires`, unless [`Watchdog::dismiss`] comes first.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start(place: &Place, revert: &str, expires: Duration) -> io::Result<Self> {
        let (reader, lifeline) = io::pipe()?;
        let script = format!(
            "IFS= read -r -t \"$1\" word <&{LIFELINE} && [[ $word == done ]] && exit\n\
             exec {LIFELINE}<&-\nexec \"$BASH\" -e -o pipefail -c \"$2\""
        );
        let seconds = format!("{:.3}", expires.as_secs_f64());
        let mut command = place.bash(&["-c", &script, "watchdog", &seconds, revert]);
        command.descriptors = vec![(LIFELINE, reader.into())];
        Ok(Self { started: command.start()?, lifeline })
    }

    /// Whether it has begun to take the fault away, and is done with it.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn has_acted(&self) -> io::Result<bool> {
        Ok(self.started.ended()?.is_some())
    }

    /// Ends it; if it is just at work, waits until it is done.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn dismiss(&mut self, watch: &mut Watch) -> io::Result<()> {
        // Where it is at work already it does not read any more.
        let _ = self.lifeline.write_all(DONE);
        watch.wait(&self.started, Some(PATIENCE), Heed::Nothing).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Clock as _, SystemClock};

    fn place(directory: &Path) -> Place {
        Place {
            bash: "bash".into(),
            directory: directory.to_owned(),
            variables: Vec::new(),
            without: Vec::new(),
        }
    }

    fn until(done: impl Fn() -> bool) {
        let clock = SystemClock::new();
        while !done() {
            assert!(clock.monotonic() < Duration::from_secs(20), "it never happens");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_service_runs_until_it_is_stopped_and_is_heard() {
        let scratch = tempfile::tempdir().unwrap();
        let mut watch = Watch::new().unwrap();
        let script = "for i in {1..7}; do echo line $i; done; echo oops >&2; touch up; sleep 60 & wait";
        let log = scratch.path().join("log");
        let service = Service::start(&place(scratch.path()), script, &log).unwrap();
        until(|| SystemFiles.exists(&scratch.path().join("up")));
        assert_eq!(service.ended().unwrap(), None);
        let lines = service.last_lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[4].as_str()), (5, "line 4", "oops"));
        service.stop(&mut watch).unwrap();
        assert_eq!(service.ended().unwrap(), Some(End::Signaled(15)));
    }

    #[test]
    fn a_service_ends_with_the_engine() {
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("log");
        let service = |script: &str| {
            let mut service = Service::start(&place(scratch.path()), script, &log).unwrap();
            // What the death of the engine does.
            drop(service.guard.take());
            service
        };
        let obedient = service("sleep 60 & wait");
        until(|| obedient.ended().unwrap() == Some(End::Signaled(15)));
        let stopped = service("kill -STOP $$");
        until(|| stopped.ended().unwrap() == Some(End::Signaled(15)));
        let stubborn = service("trap '' TERM; while :; do sleep 60; done");
        until(|| stubborn.ended().unwrap() == Some(End::Signaled(9)));
    }

    #[test]
    fn a_watchdog_acts_when_its_time_is_over_or_its_owner_is_gone() {
        let scratch = tempfile::tempdir().unwrap();
        let place = place(scratch.path());
        let late = Watchdog::start(&place, "echo x > late", Duration::from_millis(50)).unwrap();
        until(|| late.has_acted().unwrap());
        assert!(SystemFiles.exists(&scratch.path().join("late")));
        let orphan = Watchdog::start(&place, "echo x > orphan", Duration::from_secs(60)).unwrap();
        assert!(!orphan.has_acted().unwrap());
        drop(orphan);
        until(|| SystemFiles.exists(&scratch.path().join("orphan")));
    }

    #[test]
    fn a_watchdog_that_is_dismissed_does_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let mut watch = Watch::new().unwrap();
        let mut dog =
            Watchdog::start(&place(scratch.path()), "touch acted", Duration::from_secs(60)).unwrap();
        dog.dismiss(&mut watch).unwrap();
        assert!(dog.has_acted().unwrap() && !SystemFiles.exists(&scratch.path().join("acted")));
    }
}
