//! How a rehearsal ends that is stopped or killed: nothing of it is left.

use super::{SOON, site};
use crate::harness::Finished;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// Network namespaces of `pids` other than the test's own, each held open: the kernel gives the number of a
/// namespace that is gone to the next one, which may be a sandbox of a test beside this one.
fn namespaces(pids: impl IntoIterator<Item = u32>) -> BTreeMap<u64, OwnedFd> {
    let open = |pid: &str| {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let held = nix::fcntl::open(format!("/proc/{pid}/ns/net").as_str(), flags, Mode::empty()).ok()?;
        Some((nix::sys::stat::fstat(&held).expect("it is open").st_ino, held))
    };
    let (own, _) = open("self").expect("Linux has namespaces");
    pids.into_iter()
        .filter_map(|pid| open(&pid.to_string()))
        .filter(|(namespace, _)| *namespace != own)
        .collect()
}

/// Processes in one of `namespaces` after the few seconds that the kernel may need to bury the last of them.
fn processes_in(namespaces: &BTreeMap<u64, OwnedFd>) -> Vec<u32> {
    let inside = |pid: &u32| {
        let namespace = std::fs::metadata(format!("/proc/{pid}/ns/net"));
        namespace.is_ok_and(|namespace| namespaces.contains_key(&namespace.ino()))
    };
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let found: Vec<u32> = all_processes().into_iter().filter(inside).collect();
        if found.is_empty() || Instant::now() > end {
            return found;
        }
        std::thread::yield_now();
    }
}

fn all_processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has /proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The pids in what [`Test::leftovers`] says.
fn pids(lines: &[String]) -> Vec<u32> {
    lines.iter().filter_map(|line| line.split_once(':')?.0.parse().ok()).collect()
}

/// Starts a rehearsal whose step waits, lets `end` end something of it, and expects that nothing is left: no
/// process, no namespace, no mount, no file but the record.
fn ended_by(end: impl FnOnce(&[String], u32), exit: i32) -> Finished {
    let test = site("echo waiting; sleep 600", &[SOON], &[]);
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").expect("Linux has mounts");
    let before = mounts();
    let mut running = test.spawn();
    running.wait_for("    waiting");
    let inside = test.marked();
    let namespaces_inside = namespaces(pids(&inside));
    assert_eq!(namespaces_inside.len(), 1, "{inside:?} {namespaces_inside:?}");
    end(&inside, running.pid());
    let (status, stdout, stderr) = running.finish(Duration::from_secs(60));
    let code = crate::harness::exit_code(status);
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(code, exit, "{}{}", text[0], text[1]);
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert_eq!(processes_in(&namespaces_inside), Vec::<u32>::new());
    assert_eq!(mounts(), before);
    let mut names: Vec<String> = Vec::new();
    for run in std::fs::read_dir(test.state().join("runs")).expect("a run was recorded") {
        let files = std::fs::read_dir(run.expect("is readable").path()).expect("is readable");
        names.extend(files.map(|file| file.expect("is readable").file_name().to_string_lossy().into_owned()));
    }
    names.sort();
    assert_eq!(names, ["document.md", "journal.jsonl", "lock", "service.log"]);
    let [stdout, stderr] = text;
    Finished { test, code, stdout, stderr }
}

/// The process whose command line holds `part`.
fn pid_of(lines: &[String], part: &str) -> Pid {
    let line =
        lines.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {lines:?}"));
    let (pid, _) = line.split_once(':').expect("begins with a pid");
    Pid::from_raw(pid.parse().expect("is a number"))
}

#[test]
fn ctrl_c_takes_the_fault_away_and_leaves_nothing() {
    let outer =
        |_: &[String], pid: u32| kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT).expect("it runs");
    let finished = ended_by(outer, 130);
    finished
        .says("fault `broken`: taken away")
        .says("stage: well again without the fault")
        .says("rehearsal stopped with fault `broken` (exit 130)");
}

#[test]
fn a_killed_engine_leaves_nothing() {
    let engine = |inside: &[String], outer: u32| {
        let engines: Vec<String> = inside
            .iter()
            .filter(|line| line.contains("runbook rehearse") && !line.contains("--unshare"))
            .cloned()
            .collect();
        let engine = pids(&engines).into_iter().find(|pid| *pid != outer).expect("is in the sandbox");
        kill(Pid::from_raw(engine.cast_signed()), Signal::SIGKILL).expect("it runs");
    };
    ended_by(engine, 137)
        .says("error: the engine in the sandbox was killed; nothing that it started is left");
}

#[test]
fn a_killed_sandbox_leaves_nothing() {
    ended_by(|inside, _| kill(pid_of(inside, "--unshare-user"), Signal::SIGKILL).expect("it runs"), 137);
}

#[test]
fn a_killed_caller_leaves_nothing() {
    ended_by(|_, outer| kill(Pid::from_raw(outer.cast_signed()), Signal::SIGKILL).expect("it runs"), 137);
}

#[test]
fn a_killed_service_is_no_end_of_the_rehearsal() {
    let service = |inside: &[String], outer: u32| {
        let sleeps: Vec<String> =
            inside.iter().filter(|line| line.trim_end().ends_with("sleep 600")).cloned().collect();
        for pid in pids(&sleeps) {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it runs");
        }
        let _ = outer;
    };
    // The step's own sleep is killed with it: the step fails, and the fault is still there.
    ended_by(service, 1)
        .says("rehearsal failed with fault `broken` (exit 1)")
        .says("fault `broken`: taken away");
}

#[test]
fn a_stage_that_is_kept_stays_until_it_is_left() {
    let test = site("rm broken", &[], &["--keep"]);
    let mut running = test.spawn();
    running.wait_for("the stage stays up until Ctrl-C; to enter it from another terminal:");
    running.wait_for("bash /run/runbook/enter\n");
    assert!(test.marked().iter().any(|line| line.contains("sleep 600")), "{:?}", test.marked());
    running.signal(Signal::SIGINT);
    let (status, stdout, _) = running.finish(Duration::from_secs(60));
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success() && stdout.contains("rehearsal passed"), "{stdout}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}
