//! Waiting, for code that is not async: for processes, for time, and for the signals that tell the engine to
//! stop.
//!
//! It starts commands and says how they ended; what a signal means is the caller's to decide.

mod enclose;
mod errands;
mod lines;
mod several;

pub use enclose::{Enclosed, STATUS_FD};
pub use errands::{Again, Came, Errand, Fed};
pub use several::{Captured, First};

use super::adopted::reap_orphans;
use super::processes::{Command, End, Started, kill_children, signal_group};
use lines::Lines;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal as Number;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// How much of what a command says is kept, from its end, in bytes.
const TAIL: usize = 16 << 10;
/// Longest time that is waited where no limit is given.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
/// Time between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);

/// Waits on behalf of code that is not async. Make it before what it is to wait for.
#[derive(Debug)]
pub struct Watch {
    runtime: Runtime,
    ears: Ears,
}

/// How a wait came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The process ended.
    Ended(End),
    /// The time is over; it was killed with its group.
    TimedOut,
    /// The engine got this signal; the process was stopped with its group.
    Signal(i32),
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub waited: Waited,
    /// The end of what it said, on both streams.
    pub said: String,
}

/// Whether signals end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// They do.
    Signals,
    /// They wait until the next one that heeds them.
    Nothing,
}

/// The signals that are listened to.
#[derive(Debug)]
struct Ears {
    child: Signal,
    stop: [(i32, Signal); 4],
}

impl Ears {
    fn new() -> io::Result<Self> {
        let stop = |kind: SignalKind| Ok::<_, io::Error>((kind.as_raw_value(), signal(kind)?));
        Ok(Self {
            child: signal(SignalKind::child())?,
            stop: [
                stop(SignalKind::interrupt())?,
                stop(SignalKind::terminate())?,
                stop(SignalKind::hangup())?,
                stop(SignalKind::quit())?,
            ],
        })
    }
}

/// The next signal that tells the engine to stop.
async fn stopped(stop: &mut [(i32, Signal); 4]) -> i32 {
    let [(_, int), (_, term), (_, hup), (_, quit)] = stop;
    tokio::select! {
        _ = int.recv() => Number::SIGINT as i32,
        _ = term.recv() => Number::SIGTERM as i32,
        _ = hup.recv() => Number::SIGHUP as i32,
        _ = quit.recv() => Number::SIGQUIT as i32,
    }
}

impl Watch {
    /// From now on, signals that would end the engine are kept for whoever waits next.
    ///
    /// # Errors
    /// Where the kernel gives no descriptors for it.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ears = {
            let _inside = runtime.enter();
            Ears::new()?
        };
        Ok(Self { runtime, ears })
    }

    /// Lets `time` pass, or answers the signal that came first.
    pub fn pause(&mut self, time: Duration) -> Option<i32> {
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                signal = stopped(&mut ears.stop) => Some(signal),
                () = tokio::time::sleep(time) => None,
            }
        })
    }

    /// Runs `command` to its end and hands each line it writes to `line`. When it ends, or its time is
    /// over, nothing of its process group is left.
    ///
    /// # Errors
    /// Whatever starting or waiting gives.
    pub fn run(
        &mut self,
        mut command: Command,
        limit: Option<Duration>,
        heed: Heed,
        line: &mut dyn FnMut(&str),
    ) -> io::Result<Outcome> {
        let (reader, writer) = io::pipe()?;
        command.descriptors.push((1, writer.try_clone()?.into()));
        command.descriptors.push((2, writer.into()));
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            let started = command.start()?;
            let mut lines = Lines::new(reader)?;
            let mut said = Vec::new();
            let mut keep = |text: &str| {
                said.extend_from_slice(text.as_bytes());
                said.push(b'\n');
                said.drain(..said.len().saturating_sub(TAIL));
                line(text);
            };
            let deadline = Instant::now() + limit.unwrap_or(FOREVER);
            let mut open = true;
            let waited = loop {
                if let Some(end) = started.ended()? {
                    break Waited::Ended(end);
                }
                tokio::select! {
                    read = lines.read(&mut keep), if open => open = read?,
                    _ = ears.child.recv() => reap_orphans(),
                    signal = stopped(&mut ears.stop), if heed == Heed::Signals => {
                        stop(&started, ears).await?;
                        break Waited::Signal(signal);
                    }
                    () = sleep_until(deadline) => {
                        stop(&started, ears).await?;
                        break Waited::TimedOut;
                    }
                }
            };
            // What it left running would write to a pipe that nobody reads.
            signal_group(started.pid(), Number::SIGKILL as i32)?;
            lines.drain(&mut keep)?;
            Ok(Outcome { waited, said: String::from_utf8_lossy(&said).into_owned() })
        })
    }

    /// Runs `command` to its end. What it starts in the background lives on, and may go on writing.
    ///
    /// # Errors
    /// Whatever starting or waiting gives.
    pub fn run_and_leave(
        &mut self,
        mut command: Command,
        limit: Duration,
        heed: Heed,
    ) -> io::Result<Outcome> {
        let output = File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC)?);
        for descriptor in [1, 2] {
            command.descriptors.push((descriptor, output.try_clone()?.into()));
        }
        let started = command.start()?;
        let waited = self.wait(&started, Some(limit), heed)?;
        let size = output.metadata()?.len();
        let mut said = vec![0; usize::try_from(size).unwrap_or(TAIL).min(TAIL)];
        let from = size - said.len() as u64;
        output.read_exact_at(&mut said, from)?;
        Ok(Outcome { waited, said: String::from_utf8_lossy(&said).into_owned() })
    }

    /// Kills everything that this process has started and that still runs, and what comes to it by that.
    pub fn end_everything(&mut self) {
        for _ in 0..100 {
            if !kill_children() {
                return;
            }
            // The orphans of what was killed come here next.
            let _ = self.pause(Duration::from_millis(10));
            reap_orphans();
        }
    }

    /// Waits until `started` ends. When its time is over or a signal comes, its group is stopped.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn wait(&mut self, started: &Started, limit: Option<Duration>, heed: Heed) -> io::Result<Waited> {
        let Self { runtime, ears } = self;
        runtime.block_on(async {
            let deadline = Instant::now() + limit.unwrap_or(FOREVER);
            loop {
                if let Some(end) = started.ended()? {
                    return Ok(Waited::Ended(end));
                }
                tokio::select! {
                    _ = ears.child.recv() => reap_orphans(),
                    signal = stopped(&mut ears.stop), if heed == Heed::Signals => {
                        stop(started, ears).await?;
                        return Ok(Waited::Signal(signal));
                    }
                    () = sleep_until(deadline) => {
                        stop(started, ears).await?;
                        return Ok(Waited::TimedOut);
                    }
                }
            }
        })
    }
}

/// Stops the group of `started`: TERM, grace, KILL; returns when `started` is gone.
async fn stop(started: &Started, ears: &mut Ears) -> io::Result<()> {
    for signal in [Number::SIGTERM, Number::SIGKILL] {
        signal_group(started.pid(), signal as i32)?;
        let deadline = Instant::now() + GRACE;
        loop {
            if started.ended()?.is_some() {
                return signal_group(started.pid(), Number::SIGKILL as i32);
            }
            tokio::select! {
                _ = ears.child.recv() => reap_orphans(),
                () = sleep_until(deadline) => break,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(script: &str) -> Command {
        Command {
            program: "bash".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: "/".into(),
            variables: Vec::new(),
            without: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    const LONG: Option<Duration> = Some(Duration::from_secs(20));

    #[test]
    fn what_a_command_says_is_heard_line_by_line() {
        let mut watch = Watch::new().unwrap();
        let mut lines = Vec::new();
        let outcome = watch
            .run(bash("echo a; printf 'b\\rc\\n' >&2; printf d; exit 3"), LONG, Heed::Signals, &mut |line| {
                lines.push(line.to_owned());
            })
            .unwrap();
        assert_eq!(lines, ["a", "b", "c", "d"]);
        assert_eq!(
            outcome,
            Outcome { waited: Waited::Ended(End::Exited(3)), said: "a\nb\nc\nd\n".to_owned() }
        );
    }

    #[test]
    fn much_output_is_kept_from_its_end() {
        let mut watch = Watch::new().unwrap();
        let outcome = watch.run(bash("seq 200000; echo last"), LONG, Heed::Signals, &mut |_| {}).unwrap();
        assert!(outcome.said.len() <= TAIL && outcome.said.ends_with("200000\nlast\n"));
        let outcome =
            watch.run_and_leave(bash("seq 200000; echo last"), LONG.unwrap(), Heed::Signals).unwrap();
        assert!(outcome.said.len() == TAIL && outcome.said.ends_with("200000\nlast\n"));
    }

    #[test]
    fn nothing_is_left_of_a_command_that_ended_or_was_too_slow() {
        let mut watch = Watch::new().unwrap();
        let mut pids = Vec::new();
        for (script, limit) in
            [("sleep 60 & echo $!", LONG), ("sleep 60 & echo $!; wait", Some(Duration::from_millis(300)))]
        {
            let outcome = watch.run(bash(script), limit, Heed::Signals, &mut |_| {}).unwrap();
            let timed_out = outcome.waited == Waited::TimedOut;
            assert_eq!(timed_out, limit != LONG);
            pids.push(outcome.said.trim().parse::<i32>().unwrap());
        }
        for pid in pids {
            while super::super::processes::process(pid).is_some() {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn what_is_left_in_the_background_lives_on() {
        let mut watch = Watch::new().unwrap();
        let outcome = watch.run_and_leave(bash("sleep 60 & echo $!"), LONG.unwrap(), Heed::Signals).unwrap();
        assert_eq!(outcome.waited, Waited::Ended(End::Exited(0)));
        let pid: i32 = outcome.said.trim().parse().unwrap();
        assert!(super::super::processes::process(pid).is_some());
        super::super::processes::kill_process(pid);
    }

    #[test]
    fn time_passes() {
        assert_eq!(Watch::new().unwrap().pause(Duration::from_millis(1)), None);
    }
}
