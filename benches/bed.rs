//! Where measurements happen: a directory of their own, medians, and the machine's own costs.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A directory with a home of its own, and a copy of the engine.
///
/// A program fresh from the linker is in memory in single pages, and starts a tenth slower than one that was copied,
/// as whatever is installed was, and the yardsticks are.
pub(crate) struct Bed {
    place: tempfile::TempDir,
    engine: tempfile::TempDir,
}

impl Bed {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        let directory = || tempfile::tempdir().expect("the temporary directory is writable");
        let bed = Self { place: directory(), engine: directory() };
        std::fs::copy(env!("CARGO_BIN_EXE_runbook"), bed.engine()).expect("there is room");
        bed
    }

    fn engine(&self) -> PathBuf {
        self.engine.path().join("runbook")
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("is in it")).expect("is ours");
        std::fs::write(path, text).expect("is ours");
    }

    /// The engine with `args`, in a state directory of its own.
    pub(crate) fn runbook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.engine());
        command.args(args).current_dir(self.place.path()).env("RUNBOOK_HOME", self.path("state"));
        quiet(command)
    }

    /// `bash -c script`, in the same directory.
    pub(crate) fn bash(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.place.path());
        quiet(command)
    }

    /// Copies the one run in `runs` until there are `count`, each under an id of its own.
    pub(crate) fn multiply(&self, runs: &Path, count: usize) {
        let model =
            std::fs::read_dir(runs).expect("is ours").next().expect("one run").expect("is ours").path();
        let id = model.file_name().expect("has a name").to_string_lossy().into_owned();
        let files = std::fs::read_dir(&model).expect("is ours").map(|file| file.expect("is ours").path());
        let files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).expect("is ours"))).collect();
        for number in 1..count {
            let copied = format!("{}-{number:06x}", &id[..16]);
            let directory = runs.join(&copied);
            DirBuilder::new().mode(0o700).create(&directory).expect("there is room");
            for (path, content) in &files {
                let path = directory.join(path.file_name().expect("has a name"));
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                file.as_mut().expect("there is room").write_all(content).expect("there is room");
            }
        }
    }

    /// Median time of appending 200 bytes and making them durable.
    pub(crate) fn fdatasync(&self) -> Duration {
        let mut file = File::create(self.path("sync")).expect("is ours");
        median((0..200).map(|_| {
            timed(|| {
                file.write_all(&[b'x'; 200]).expect("the disk has room");
                file.sync_data().expect("the disk works");
            })
        }))
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// How long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The middle one.
pub(crate) fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[times.len() / 2]
}

/// Medians of two commands run in turn, so that both see the same machine. Each must succeed.
pub(crate) fn in_turn(times: u32, ours: &mut Command, yardstick: &mut Command) -> (Duration, Duration) {
    let mut pairs = Vec::new();
    for _ in 0..times {
        pairs.push((run(ours), run(yardstick)));
    }
    (median(pairs.iter().map(|pair| pair.0)), median(pairs.iter().map(|pair| pair.1)))
}

fn run(command: &mut Command) -> Duration {
    timed(|| {
        let status = command.status().expect("it can start");
        assert!(status.success(), "{command:?}: {status}");
    })
}

/// CPU time of everything this process has started and waited for, in steps of 10 ms.
pub(crate) fn children_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("there is a /proc");
    let fields = text.rsplit_once(')').expect("has a name").1;
    // User and system time of children are fields 16 and 17; the name is the second.
    let ticks =
        fields.split_whitespace().skip(13).take(2).map(|field| field.parse::<u64>().expect("is a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// The most memory that `command`, or another engine below it, ever held, in bytes, as the kernel counts it.
pub(crate) fn peak(command: &mut Command) -> u64 {
    let mut child = command.spawn().expect("it can start");
    let mut peak = 0;
    while child.try_wait().expect("is our child").is_none() {
        peak = engines(child.id()).into_iter().fold(peak, u64::max);
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// The peaks of process `pid`, if it is an engine, and of those below it.
fn engines(pid: u32) -> Vec<u64> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let status = read("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let own = status.starts_with("Name:\trunbook\n").then(|| kilobytes.unwrap_or(0) * 1024);
    let below = read(&format!("task/{pid}/children"));
    let below = below.split_whitespace().filter_map(|pid| pid.parse().ok()).flat_map(engines);
    own.into_iter().chain(below).collect()
}
