//! What ends the processes of a session where the engine dies before it can.
//!
//! A small shell that reads until the engine is gone, which closes its pipe, and then kills the process groups
//! that it was told last. It knows nothing of the document and has nothing of the environment.

use crate::host::pipes::{Pipe, write};
use crate::host::processes::{Command, Started, is_first_process, kill_process};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What it runs: each line takes the place of the one before.
const SCRIPT: &str =
    "trap '' HUP INT QUIT TERM; while read -r line; do g=$line; done; [ -z \"$g\" ] || kill -s KILL -- $g";

/// It waits for the end of the engine.
#[derive(Debug)]
pub(super) struct Watchdog {
    started: Started,
    word: OwnedFd,
    told: Vec<i32>,
    bash: PathBuf,
}

impl Watchdog {
    /// Starts it, with the system's small shell or else with `bash`; none where everything ends with the engine,
    /// which is the first process of its namespace.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(bash: &Path) -> io::Result<Option<Self>> {
        if is_first_process() { Ok(None) } else { Self::new(bash.to_owned()).map(Some) }
    }

    fn new(bash: PathBuf) -> io::Result<Self> {
        let pipe = Pipe::new()?;
        let start = |program: &Path| {
            Command {
                program: program.into(),
                arguments: ["-c", SCRIPT].map(Into::into).to_vec(),
                directory: "/".into(),
                variables: Vec::new(),
                without: Vec::new(),
                descriptors: vec![(0, pipe.reader.try_clone()?)],
            }
            .start_with_only_its_variables()
        };
        let started = start(Path::new("/bin/sh")).or_else(|_| start(&bash))?;
        Ok(Self { started, word: pipe.writer, told: Vec::new(), bash })
    }

    /// Sees to it that `groups`, and nothing else, are killed where the engine ends from now on. Where a step has
    /// killed it, another one is started.
    ///
    /// # Errors
    /// Whatever starting or writing gives.
    pub(super) fn watch(&mut self, groups: &[i32]) -> io::Result<()> {
        if self.is_dead() {
            *self = Self::new(std::mem::take(&mut self.bash))?;
        }
        if self.told != groups {
            let line: Vec<String> = groups.iter().map(|group| format!("-{group}")).collect();
            write(&self.word, format!("{}\n", line.join(" ")).as_bytes())?;
            self.told = groups.to_vec();
        }
        Ok(())
    }

    /// Its process id.
    pub(super) fn pid(&self) -> i32 {
        self.started.pid()
    }

    /// Whether it is dead, as when a step killed it. It is let go then.
    pub(super) fn is_dead(&self) -> bool {
        !matches!(self.started.ended(), Ok(None))
    }

    /// Ends it: what it would see to is done.
    pub(super) fn kill(&self) {
        if !self.is_dead() {
            kill_process(self.started.pid());
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Before its pipe is closed, which it takes for the end of the engine.
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::adopted::group_exists;
    use crate::host::processes::{End, sleeper};
    use std::time::Duration;

    #[expect(clippy::disallowed_methods, reason = "a test waits for the kernel")]
    fn patiently(mut holds: impl FnMut() -> bool) {
        while !holds() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn it_kills_what_it_was_told_last_when_its_pipe_is_closed() {
        let [first, second] = [sleeper(), sleeper()];
        let mut watchdog = Watchdog::new("bash".into()).unwrap();
        watchdog.watch(&[first.pid()]).unwrap();
        watchdog.watch(&[second.pid()]).unwrap();
        watchdog.word = Pipe::new().unwrap().writer;
        patiently(|| watchdog.is_dead());
        patiently(|| second.ended().unwrap() == Some(End::Signaled(9)));
        assert!(group_exists(first.pid()));
        kill_process(first.pid());
    }

    #[test]
    fn one_that_was_killed_is_replaced_and_one_that_is_dropped_is_dead() {
        let sleeper = sleeper();
        let mut watchdog = Watchdog::new("bash".into()).unwrap();
        watchdog.watch(&[sleeper.pid()]).unwrap();
        kill_process(watchdog.started.pid());
        patiently(|| watchdog.is_dead());
        watchdog.watch(&[sleeper.pid()]).unwrap();
        assert!(!watchdog.is_dead());
        let group = watchdog.started.pid();
        drop(watchdog);
        patiently(|| {
            crate::host::adopted::reap_orphans();
            !group_exists(group)
        });
        assert_eq!(sleeper.ended().unwrap(), None);
        kill_process(sleeper.pid());
    }
}
