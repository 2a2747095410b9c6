//! Processes: starting one in a group of its own, signalling groups, and who is still there.
//!
//! duct starts them, and nothing but its handle waits for what it started; orphans that came to the
//! engine as a subreaper are reaped here by group or by pid, never by "any child".

use super::adopted::Claim;
use command_fds::{CommandFdExt as _, FdMapping};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};

/// A process as people know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its short name.
    pub name: String,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.pid)
    }
}

/// The process table.
pub trait Processes {
    /// Where `name` is found on `path` (the value of a `PATH`), relative entries from `cwd`; a name
    /// with a slash is looked up as it is. `None` if nothing executable is there.
    fn find_program(&self, name: &str, path: &str, cwd: &Path) -> Option<PathBuf>;

    /// The live processes of a group, by pid; zombies are none.
    fn group(&self, group: i32) -> Vec<Process>;

    /// Sends `signal` to every process of a group. A group that is empty is no error.
    ///
    /// # Errors
    /// When none of them may be signalled.
    fn signal_group(&self, group: i32, signal: i32) -> io::Result<()>;
}

/// The host's process table.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemProcesses;

impl Processes for SystemProcesses {
    fn find_program(&self, name: &str, path: &str, cwd: &Path) -> Option<PathBuf> {
        let usable = |candidate: &PathBuf| {
            candidate.is_file() && nix::unistd::access(candidate, nix::unistd::AccessFlags::X_OK).is_ok()
        };
        if name.is_empty() {
            return None;
        }
        if name.contains('/') {
            return Some(cwd.join(name)).filter(usable);
        }
        path.split(':').map(|entry| cwd.join(entry).join(name)).find(usable)
    }

    fn group(&self, group: i32) -> Vec<Process> {
        let mut members: Vec<Process> = all_processes()
            .filter_map(|pid| {
                let stat = read_stat(pid)?;
                (stat.group == group && !stat.dead).then_some(Process { pid, name: stat.name })
            })
            .collect();
        members.sort();
        members
    }

    fn signal_group(&self, group: i32, signal: i32) -> io::Result<()> {
        signal_group(group, signal)
    }
}

/// Sends `signal` to every process of a group. A group that is empty is no error.
///
/// # Errors
/// When none of them may be signalled.
pub fn signal_group(group: i32, signal: i32) -> io::Result<()> {
    let signal = Signal::try_from(signal)?;
    match killpg(Pid::from_raw(group), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is started, and with what.
#[derive(Debug)]
pub struct Command {
    /// The program, looked up on `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Variables set for it on top of the engine's own.
    pub variables: Vec<(String, String)>,
    /// Variables of the engine that it does not get.
    pub without: Vec<String>,
    /// Descriptors it gets, by its own numbers. Standard ones that are not here are `/dev/null`.
    pub descriptors: Vec<(RawFd, OwnedFd)>,
}

/// A process that was started here, the leader of a group of its own.
#[derive(Debug)]
pub struct Started {
    handle: duct::Handle,
    pid: i32,
    _claim: Claim,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this status.
    Exited(i32),
    /// Killed by this signal.
    Signaled(i32),
}

impl End {
    /// The status as a shell would show it.
    pub fn status(self) -> i32 {
        match self {
            Self::Exited(status) => status,
            Self::Signaled(signal) => 128 + signal,
        }
    }
}

impl Command {
    /// Starts it in a new process group that it leads.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start(mut self) -> io::Result<Started> {
        let mut expression = self.expression();
        for (name, value) in &self.variables {
            expression = expression.env(name, value);
        }
        for name in &self.without {
            expression = expression.env_remove(name);
        }
        self.start_as(expression)
    }

    /// Starts it like [`Command::start`], but gives it none of the engine's variables.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start_with_only_its_variables(mut self) -> io::Result<Started> {
        let expression = self.expression().full_env(self.variables.iter().cloned());
        self.start_as(expression)
    }

    /// What starts it, with its standard streams: a standard input of its own is taken out of the descriptors.
    fn expression(&mut self) -> duct::Expression {
        let input = self.descriptors.iter().position(|(number, _)| *number == 0);
        let expression = duct::cmd(&self.program, &self.arguments).dir(&self.directory);
        let expression = match input {
            Some(at) => expression.stdin_file(self.descriptors.swap_remove(at).1),
            None => expression.stdin_null(),
        };
        expression.stdout_null().stderr_null().unchecked()
    }

    fn start_as(self, expression: duct::Expression) -> io::Result<Started> {
        let descriptors = self.descriptors;
        let expression = expression.before_spawn(move |command| {
            let mappings = descriptors
                .iter()
                .map(|(child_fd, fd)| {
                    Ok(FdMapping { parent_fd: fd.as_fd().try_clone_to_owned()?, child_fd: *child_fd })
                })
                .collect::<io::Result<Vec<_>>>()?;
            command.process_group(0);
            // Without any but the standard input, the process is started the fast way, which copies nothing of this one.
            if !mappings.is_empty() {
                command.fd_mappings(mappings).map_err(io::Error::other)?;
            }
            Ok(())
        });
        let (claim, (pid, handle)) = Claim::on(|| {
            let handle = expression.start()?;
            let pid = handle.pids().first().copied().unwrap_or_default();
            let pid = i32::try_from(pid).map_err(io::Error::other)?;
            Ok((pid, (pid, handle)))
        })?;
        Ok(Started { handle, pid, _claim: claim })
    }
}

impl Started {
    /// Its process id, which is its group's, too.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How it ended, if it did; never waits.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn ended(&self) -> io::Result<Option<End>> {
        Ok(self.handle.try_wait()?.map(|output| match output.status.signal() {
            Some(signal) => End::Signaled(signal),
            None => End::Exited(output.status.code().unwrap_or_default()),
        }))
    }
}

/// A process that does nothing for a minute, for tests.
#[cfg(test)]
pub(crate) fn sleeper() -> Started {
    let command = Command {
        program: "sleep".into(),
        arguments: vec!["60".into()],
        directory: "/".into(),
        variables: Vec::new(),
        without: Vec::new(),
        descriptors: Vec::new(),
    };
    command.start().expect("sleep is everywhere")
}

/// Makes orphans of everything started here come to this process, so that it can reap them.
///
/// # Errors
/// Where the kernel has no such thing.
pub fn become_subreaper() -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from)
}

/// Whether this is the first process of its namespace, with which all others end.
pub fn is_first_process() -> bool {
    nix::unistd::getpid().as_raw() == 1
}

/// How the adopted process `pid` ended, if it did, and lets it go; `None` while it runs, also where it is not
/// adopted yet: its parent may need a moment to be gone. A process that is no child any more counts as killed.
pub fn reap(pid: i32) -> Option<End> {
    match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(_, status)) => Some(End::Exited(status)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some(End::Signaled(signal as i32)),
        Ok(_) | Err(Errno::EINTR) => None,
        Err(Errno::ECHILD) if process(pid).is_some() => None,
        Err(_) => Some(End::Signaled(Signal::SIGKILL as i32)),
    }
}

/// Lets go of every dead adopted process of a group but `keep`, whose status somebody else reads.
pub fn reap_group(group: i32, keep: i32) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::PGid(Pid::from_raw(group)), look) {
        match status.pid() {
            Some(pid) if pid.as_raw() != keep => drop(waitpid(pid, Some(WaitPidFlag::WNOHANG))),
            _ => return,
        }
    }
}

/// Sends `signal` to one process. That it is gone already is no error.
pub fn signal_process(pid: i32, signal: i32) {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Kills one process at once. That it is gone already is no error.
pub fn kill_process(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// The process that is now at `pid`, if it is alive.
pub fn process(pid: i32) -> Option<Process> {
    read_stat(pid).filter(|stat| !stat.dead).map(|stat| Process { pid, name: stat.name })
}

/// The processes, other than this one, that hold the pipe behind `pipe` open for writing.
pub fn writers(pipe: impl AsFd) -> Vec<Process> {
    let Ok(wanted) = nix::sys::stat::fstat(pipe).map(|stat| (stat.st_dev, stat.st_ino)) else {
        return Vec::new();
    };
    let own = std::process::id().cast_signed();
    let mut found: Vec<Process> =
        all_processes().filter(|&pid| pid != own && holds(pid, wanted)).filter_map(process).collect();
    found.sort();
    found
}

/// Whether `pid` has the file `wanted` open for writing. Processes of other users cannot be looked at.
fn holds(pid: i32, wanted: (u64, u64)) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let path = descriptor.path();
        let same = path.metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == wanted);
        // The link's own mode shows how the descriptor was opened.
        same && path.symlink_metadata().is_ok_and(|link| link.mode() & 0o200 != 0)
    })
}

fn all_processes() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Kills the living children of this process, adopted ones too; answers whether there were any.
pub fn kill_children() -> bool {
    let own = std::process::id().cast_signed();
    let mine = |pid: &i32| read_stat(*pid).is_some_and(|stat| stat.parent == own && !stat.dead);
    let children: Vec<i32> = all_processes().filter(mine).collect();
    children.iter().for_each(|pid| kill_process(*pid));
    !children.is_empty()
}

struct Stat {
    name: String,
    dead: bool,
    parent: i32,
    group: i32,
}

/// Reads `/proc/PID/stat`: `pid (name) state parent group …`, where the name may hold anything.
fn read_stat(pid: i32) -> Option<Stat> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let mut rest = stat[close + 1..].split_whitespace();
    let state = rest.next()?;
    let parent = rest.next()?.parse().ok()?;
    let group = rest.next()?.parse().ok()?;
    Some(Stat { name: stat[open + 1..close].to_owned(), dead: matches!(state, "Z" | "X"), parent, group })
}

/// Whether this process ignores `signal`, as what `nohup` starts does with SIGHUP.
pub fn ignores(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (1..=64).contains(&signal) && mask & (1 << (signal - 1)) != 0
}
