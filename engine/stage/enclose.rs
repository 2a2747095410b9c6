//! Opens a sandbox on this host and runs the engine in it: the outer process of a rehearsal.

use super::sandbox::{self, Caller, ROOT_ON_STAGE, RootEntry, SHARED, Sandbox, Unavailable};
use crate::host::processes::{Command, End};
use crate::host::surroundings::{root_entries, sockets, user_number};
use crate::host::watch::{Captured, Enclosed, Heed, STATUS_FD, Waited, Watch};
use crate::host::{Environment, Files as _, Processes, SystemFiles};
use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The descriptor on which the engine inside is told its process id as the host sees it.
pub const PID_FD: RawFd = 191;
/// The variable that tells the engine inside which run it is.
pub const INSIDE: &str = "RUNBOOK_INSIDE";
/// The variable that tells the engine inside who rehearses.
pub const USER: &str = "RUNBOOK_USER";
/// Longest time for trying out whether a sandbox can be had.
const TRIAL: Duration = Duration::from_secs(20);

/// What a sandbox is wanted for; the host tells the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The engine's program.
    pub engine: PathBuf,
    /// The working directory to copy.
    pub workdir: PathBuf,
    /// Files and directories that can be read inside.
    pub read: Vec<PathBuf>,
    /// The directory of the run.
    pub run_directory: PathBuf,
    /// The run's id.
    pub run: String,
    /// The caller's directory.
    pub cwd: PathBuf,
    /// Variables for the engine inside, on top of those of the caller that are let in.
    pub set: Vec<(String, String)>,
    /// Names of variables that the stage lets in.
    pub let_in: Vec<String>,
}

/// A sandbox that can be had on this host.
#[derive(Debug)]
pub struct Opened {
    bwrap: PathBuf,
    sandbox: Sandbox,
    set: Vec<(String, String)>,
}

/// The run in whose sandbox this process is, if it is in one.
pub fn around() -> Option<String> {
    let entries = SystemFiles.list(Path::new(sandbox::INSIDE)).ok()?;
    // Whoever may write there could make more of them; a sandbox has one.
    let [only] = entries.as_slice() else { return None };
    Some(only.path.file_name()?.to_str()?.to_owned())
}

/// Whether this process is in a sandbox that root has opened.
pub fn is_root_on_stage() -> bool {
    user_number() == ROOT_ON_STAGE && around().is_some()
}

/// Whether the sandbox of run `run`, in which this process is, shares the processes of the one around it.
pub fn shares_processes(run: &str) -> bool {
    SystemFiles.is_dir(&Path::new(sandbox::INSIDE).join(run).join(SHARED))
}

/// Where `bwrap` is, if it is installed.
///
/// # Errors
/// [`Unavailable::Missing`].
pub fn find(environment: &dyn Environment, processes: &dyn Processes) -> Result<PathBuf, Unavailable> {
    let path = environment.var("PATH").unwrap_or_default();
    processes.find_program("bwrap", &path, Path::new("/")).ok_or(Unavailable::Missing)
}

/// Where `bwrap` is, if a sandbox can be had on this host.
///
/// # Errors
/// Within, why it cannot; and whatever starting or waiting gives.
pub fn try_out(
    environment: &dyn Environment,
    processes: &dyn Processes,
    watch: &mut Watch,
) -> io::Result<Result<PathBuf, Unavailable>> {
    let bwrap = match find(environment, processes) {
        Ok(bwrap) => bwrap,
        Err(why) => return Ok(Err(why)),
    };
    let simplest = ["--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--", "true"];
    let tried = trial(command(&bwrap, simplest.map(OsString::from).to_vec(), Vec::new()), watch)?;
    Ok(tried.map(|()| bwrap))
}

/// Opens the sandbox with `bwrap`, and tries it.
///
/// # Errors
/// Within, why it cannot be had; and whatever looking at the host gives.
pub fn open(
    bwrap: PathBuf,
    wanted: Wanted,
    environment: &dyn Environment,
    watch: &mut Watch,
) -> io::Result<Result<Opened, Unavailable>> {
    let mut opened = untried(bwrap, wanted, environment, true)?;
    let mut tried = trial(opened.command(&["true".into()]), watch)?;
    if tried.as_ref().is_err_and(Unavailable::is_unknown_size) {
        opened.sandbox.disk = false;
        tried = trial(opened.command(&["true".into()]), watch)?;
    }
    Ok(tried.map(|()| opened))
}

fn untried(bwrap: PathBuf, wanted: Wanted, environment: &dyn Environment, disk: bool) -> io::Result<Opened> {
    let root = root_entries()?.into_iter().map(|(name, link)| RootEntry { name, link }).collect();
    let Wanted { engine, workdir, read, run_directory, run, cwd, set, let_in } = wanted;
    let variables = environment.vars();
    let sockets = sockets();
    let caller = match user_number() {
        0 => Caller::Root,
        _ if is_root_on_stage() => Caller::RootOnStage,
        _ => Caller::Ordinary,
    };
    let sandbox = Sandbox {
        root,
        engine,
        workdir,
        read,
        run_directory,
        run,
        sockets,
        cwd,
        variables,
        let_in,
        disk,
        caller,
    };
    Ok(Opened { bwrap, sandbox, set })
}

fn command(bwrap: &Path, arguments: Vec<OsString>, variables: Vec<(String, String)>) -> Command {
    Command {
        program: bwrap.into(),
        arguments,
        directory: "/".into(),
        variables,
        without: Vec::new(),
        descriptors: Vec::new(),
    }
}

fn trial(command: Command, watch: &mut Watch) -> io::Result<Result<(), Unavailable>> {
    let outcome = watch.run(command, Some(TRIAL), Heed::Nothing, &mut |_| {})?;
    Ok(match outcome.waited {
        Waited::Ended(End::Exited(0)) => Ok(()),
        _ => Err(Unavailable::from_complaint(&outcome.said)),
    })
}

impl Opened {
    /// Another sandbox on this host, which need not be tried.
    ///
    /// # Errors
    /// Whatever looking at the host gives.
    pub fn another(&self, wanted: Wanted, environment: &dyn Environment) -> io::Result<Self> {
        untried(self.bwrap.clone(), wanted, environment, self.sandbox.disk)
    }

    fn command(&self, words: &[OsString]) -> Command {
        self.enclosed(&self.sandbox, words)
    }

    fn enclosed(&self, sandbox: &Sandbox, words: &[OsString]) -> Command {
        let enclosure = sandbox.enclosure();
        let mut variables = enclosure.environment;
        variables.extend(self.set.iter().cloned());
        command(
            &self.bwrap,
            enclosure.arguments.into_iter().chain(words.iter().cloned()).collect(),
            variables,
        )
    }

    /// The command that runs the engine inside with `arguments`. Whoever starts it gives it none of its
    /// own variables.
    pub fn engine(&self, arguments: &[OsString]) -> Command {
        let mut engine = vec![self.sandbox.engine.clone().into_os_string()];
        engine.extend(arguments.iter().cloned());
        self.command(&engine)
    }

    /// As [`Self::engine`], where `read` can be read as well.
    pub fn engine_that_reads(&self, read: PathBuf, arguments: &[OsString]) -> Command {
        let mut sandbox = self.sandbox.clone();
        sandbox.read.push(read);
        let mut engine = vec![sandbox.engine.clone().into_os_string()];
        engine.extend(arguments.iter().cloned());
        self.enclosed(&sandbox, &engine)
    }

    /// The same, telling on [`STATUS_FD`] what becomes of it.
    fn told_of(&self, arguments: &[OsString]) -> Command {
        let mut command = self.engine(arguments);
        command.arguments.splice(0..0, ["--json-status-fd".into(), STATUS_FD.to_string().into()]);
        command
    }

    /// Starts the engine inside with `arguments` and goes on; its output is kept in memory.
    ///
    /// # Errors
    /// Whatever starting gives.
    pub fn start(&self, arguments: &[OsString]) -> io::Result<Captured> {
        Captured::start_enclosed(self.told_of(arguments))
    }

    /// Runs the engine inside with `arguments` and answers its exit code.
    ///
    /// # Errors
    /// Within, why it did not start; and whatever starting or waiting gives.
    pub fn run(&self, arguments: &[OsString], watch: &mut Watch) -> io::Result<Result<i32, Unavailable>> {
        let mut command = self.told_of(arguments);
        let (reader, writer): (PipeReader, _) = io::pipe()?;
        command.descriptors.push((PID_FD, reader.into()));
        let Enclosed { end, began } = watch.enclose(command, writer)?;
        Ok(match (began, end) {
            (true, _) | (false, End::Signaled(_)) => Ok(end.status()),
            (false, End::Exited(_)) => {
                Err(Unavailable::Failed("the engine could not be started in it".to_owned()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeEnvironment;
    use crate::host::{SystemEnvironment, SystemProcesses};

    fn wanted(read: &[&str]) -> Wanted {
        Wanted {
            engine: "/bin/true".into(),
            workdir: "/etc".into(),
            read: read.iter().map(PathBuf::from).collect(),
            run_directory: "/tmp".into(),
            run: "7".to_owned(),
            cwd: "/usr".into(),
            set: Vec::new(),
            let_in: Vec::new(),
        }
    }

    #[test]
    fn without_bwrap_there_is_no_sandbox() {
        let mut watch = Watch::new().unwrap();
        let tried = try_out(&FakeEnvironment::default(), &SystemProcesses, &mut watch).unwrap();
        assert_eq!(tried, Err(Unavailable::Missing));
    }

    #[test]
    fn a_sandbox_is_tried_before_it_is_used() {
        let mut watch = Watch::new().unwrap();
        let bwrap = try_out(&SystemEnvironment, &SystemProcesses, &mut watch).unwrap().expect("is installed");
        let mut open = |read: &[&str]| {
            open(bwrap.clone(), wanted(read), &SystemEnvironment, &mut watch).unwrap().map(drop)
        };
        assert_eq!(open(&["/etc/passwd"]), Ok(()));
        assert_eq!(
            open(&["/no/such/file"]),
            Err(Unavailable::Failed(
                "Can't find source path /no/such/file: No such file or directory".to_owned()
            ))
        );
    }
}
