//! The shell that the steps of a run share: one long-lived bash, and a copy of it waiting before each step.
//!
//! The engine and the shell speak through pipes and a file in memory, which the shell opens by path for
//! as long as it needs them; scripts are never on a command line, on standard input, or typed. What a
//! step means is not known here.

mod control;
mod own_options;
mod program;
mod units;

pub(super) use control::{Control, EndOfStep, ExitTrap, Message};
pub(super) use own_options::own_options;
pub(super) use program::{Program, farewell};
use program::{evaluated, question};
pub(super) use units::{Unit, rewritten, units};

use super::setup::SessionSetup;
use crate::host::adopted::{Adopted, group_exists};
use crate::host::pipes::{MemoryFile, Pipe, Source, path_of, write};
use crate::host::processes::{Command, End, Started, kill_process, process};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a new shell may take until it listens.
const START: Duration = Duration::from_secs(10);
/// How long a copy of the shell may take until it says that it is there.
const SNAPSHOT: Duration = Duration::from_secs(5);

/// The code of [`Session`]'s side in bash.
const BOOT: &str = include_str!("session/boot.bash");

/// Variables that would make bash run something else, or differently, before its first step.
const NEVER: [&str; 3] = ["BASH_ENV", "ENV", "SHELLOPTS"];

/// The shell of a run.
#[derive(Debug)]
pub(super) struct Session {
    shell: Shell,
    /// Process groups its jobs may be in; the shell's own is the last.
    groups: Vec<i32>,
    commands: Pipe,
    script: MemoryFile,
    /// What the shell says it is like; none where nobody wants to know.
    state: Option<MemoryFile>,
    control: Inbox,
    messages: Control,
    snapshots: Inbox,
    /// Copies of the shell that said they are there.
    waiting: Vec<Snapshot>,
    /// The copies that were killed last: they may not be dead yet.
    dying: [i32; 2],
    /// Number of programs handed over; before each, the shell leaves a copy with that number.
    programs: u64,
    wake: Pipe,
    headers: Inbox,
    /// Traps but EXIT, to be set again when a copy takes over.
    traps: String,
    /// The EXIT trap that is kept for the end.
    exit_trap: Option<String>,
    /// Background jobs, by the end of the last step.
    jobs: Vec<i32>,
    /// A copy took over and does not have the traps yet.
    took_over: bool,
    /// `curl` is wrapped.
    has_curl: bool,
}

#[derive(Debug)]
enum Shell {
    Started(Box<Started>),
    Adopted(Adopted),
}

/// A pipe that the shell and its children write to.
#[derive(Debug)]
pub(super) struct Inbox {
    reader: Source,
    /// Kept, so that it can be opened by path.
    writer: OwnedFd,
}

impl Inbox {
    fn new() -> io::Result<Self> {
        let pipe = Pipe::new()?;
        Ok(Self { reader: Source::new(pipe.reader)?, writer: pipe.writer })
    }

    /// Returns when there may be something to read.
    pub(super) async fn readable(&self) {
        self.reader.readable().await;
    }

    /// What is there now.
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while let Some(length) = self.reader.read(&mut buffer)?.filter(|length| *length > 0) {
            all.extend_from_slice(&buffer[..length]);
        }
        Ok(all)
    }
}

impl Session {
    /// Starts the shell and returns when it listens.
    ///
    /// # Errors
    /// When it cannot be started, or ends before it listens.
    pub(super) async fn start(setup: &SessionSetup, older_groups: Vec<i32>) -> io::Result<Self> {
        let (commands, wake) = (Pipe::new()?, Pipe::new()?);
        let (control, snapshots, headers) = (Inbox::new()?, Inbox::new()?, Inbox::new()?);
        let (script, boot) = (MemoryFile::new()?, MemoryFile::new()?);
        let state = if setup.keeps_state { Some(MemoryFile::new()?) } else { None };
        let mut text = String::new();
        for (name, path) in [
            ("commands", path_of(&commands.reader)),
            ("script", script.path().to_owned()),
            ("control", path_of(&control.writer)),
            ("snapshots", path_of(&snapshots.writer)),
            ("wake", path_of(&wake.reader)),
            ("headers", path_of(&headers.writer)),
            ("state", state.as_ref().map(|state| state.path().to_owned()).unwrap_or_default()),
        ] {
            text.push_str(&format!("__rb_{name}={path}\n"));
        }
        text.push_str(BOOT);
        text.push('\0');
        boot.replace(text.as_bytes())?;
        let begin = format!(
            "builtin mapfile -d '' -t __rb <{}; builtin eval \"${{__rb[0]}}\"; builtin eval \"$__rb_loop\"",
            boot.path()
        );
        let arguments = ["--norc", "--noprofile", "-c", &begin, &setup.name];
        let started = Command {
            program: setup.bash.clone().into(),
            arguments: arguments.map(Into::into).to_vec(),
            directory: setup.workdir.clone(),
            variables: setup.set.clone(),
            without: NEVER.map(str::to_owned).into_iter().chain(setup.without.clone()).collect(),
            descriptors: Vec::new(),
        }
        .start()?;
        let mut groups = older_groups;
        groups.push(started.pid());
        let mut session = Self {
            shell: Shell::Started(Box::new(started)),
            groups,
            commands,
            script,
            state,
            control,
            messages: Control::default(),
            snapshots,
            waiting: Vec::new(),
            dying: [0; 2],
            programs: 0,
            wake,
            headers,
            traps: String::new(),
            exit_trap: None,
            jobs: Vec::new(),
            took_over: false,
            has_curl: false,
        };
        session.listens().await?;
        Ok(session)
    }

    async fn listens(&mut self) -> io::Result<()> {
        let until = Instant::now() + START;
        loop {
            // Its end is looked at now and then only: it comes with nothing to read.
            let _ = timeout(Duration::from_millis(50), self.control.readable()).await;
            if self.message()? == Some(Message::Ready) {
                return Ok(());
            }
            if let Some(end) = self.ended()? {
                return Err(io::Error::other(format!(
                    "the shell ended at once, with status {}",
                    end.status()
                )));
            }
            if Instant::now() > until {
                kill_process(self.pid());
                return Err(io::Error::new(ErrorKind::TimedOut, "the shell does not answer"));
            }
        }
    }

    /// The shell's process id.
    pub(super) fn pid(&self) -> i32 {
        match &self.shell {
            Shell::Started(started) => started.pid(),
            Shell::Adopted(adopted) => adopted.pid(),
        }
    }

    /// Process groups that something of this session may be in; the shell's own is the last.
    pub(super) fn groups(&self) -> &[i32] {
        &self.groups
    }

    /// Background jobs, by the end of the last step.
    pub(super) fn jobs(&self) -> &[i32] {
        &self.jobs
    }

    /// The EXIT trap that is kept for the run's end, as bash quotes it.
    pub(super) fn exit_trap(&self) -> Option<&str> {
        self.exit_trap.as_deref()
    }

    /// How the shell ended, if it did.
    pub(super) fn ended(&self) -> io::Result<Option<End>> {
        match &self.shell {
            Shell::Started(started) => started.ended(),
            Shell::Adopted(adopted) => Ok(adopted.ended()),
        }
    }

    /// Hands the shell a program; what only the session knows is added to it.
    pub(super) fn begin(&mut self, program: Program<'_>) -> io::Result<()> {
        let own = self.groups.last().copied();
        self.groups.retain(|group| Some(*group) == own || group_exists(*group));
        let traps = if self.took_over { self.traps.as_str() } else { "" };
        let program = Program {
            groups: &self.groups,
            traps,
            keeps_exit_trap: self.exit_trap.is_some(),
            curl: program.curl && !self.has_curl,
            ..program
        };
        let bytes = program.bytes();
        self.took_over = false;
        self.has_curl |= program.curl;
        self.hand_over(&bytes)
    }

    /// Hands the shell these bytes to evaluate.
    pub(super) fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.programs += 1;
        self.script.replace(bytes)?;
        write(&self.commands.writer, b"x\n")
    }

    /// Whether the shell, between two steps, knows `program`.
    pub(super) async fn has(&mut self, program: &str) -> io::Result<bool> {
        // Where it says nothing in time, the program is taken to be there.
        Ok(self.answers(&question(program)).await?.unwrap_or(true))
    }

    /// The answer to a question that the shell evaluates; none where it says nothing in time.
    async fn answers(&mut self, question: &[u8]) -> io::Result<Option<bool>> {
        self.hand_over(question)?;
        let until = Instant::now() + SNAPSHOT;
        while timeout_at(until, self.control.readable()).await.is_ok() {
            if let Some(Message::Has(has)) = self.message()? {
                if let Some(snapshot) = self.wait_for_snapshot().await? {
                    self.discard(snapshot);
                }
                return Ok(Some(has));
            }
        }
        Ok(None)
    }

    /// What the shell was like at its start, or at the end of the last step that it survived, as it said.
    pub(super) fn state(&self) -> io::Result<Option<Vec<u8>>> {
        self.state.as_ref().map(MemoryFile::content).transpose()
    }

    /// Makes the shell what `script` says; whether it is.
    pub(super) async fn restore(&mut self, script: &str) -> io::Result<bool> {
        Ok(self.answers(&evaluated(script)).await? == Some(true))
    }

    /// Where the shell speaks.
    pub(super) fn control(&self) -> &Inbox {
        &self.control
    }

    /// Where copies of the shell say that they are there.
    pub(super) fn snapshots(&self) -> &Inbox {
        &self.snapshots
    }

    /// Where response headers arrive.
    pub(super) fn headers(&self) -> &Inbox {
        &self.headers
    }

    /// The next whole message, if one is there.
    pub(super) fn message(&mut self) -> io::Result<Option<Message>> {
        if let Some(message) = self.messages.next() {
            return Ok(Some(message));
        }
        self.messages.feed(&self.control.read()?);
        Ok(self.messages.next())
    }

    /// Response headers that have arrived.
    pub(super) fn read_headers(&self) -> io::Result<Vec<u8>> {
        self.headers.read()
    }

    /// The copy of the shell from before the program that was handed over last, if it said that it is
    /// there.
    pub(super) fn snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.copy(self.programs)
    }

    /// Waits for that copy to say that it is there.
    pub(super) async fn wait_for_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.wait_for_copy(self.programs).await
    }

    /// The copy from before the program that will be handed over next, if it said that it is there.
    pub(super) fn next_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.copy(self.programs + 1)
    }

    fn copy(&mut self, number: u64) -> io::Result<Option<Snapshot>> {
        let said = self.snapshots.read()?;
        for line in String::from_utf8_lossy(&said).lines() {
            if let Some((Ok(number), Ok(pid))) = line.split_once(' ').map(|(n, pid)| (n.parse(), pid.parse()))
            {
                self.waiting.push(Snapshot { number, process: Adopted::new(pid), apart: false });
            }
        }
        let found = self.waiting.iter().position(|snapshot| snapshot.number == number);
        Ok(found.map(|index| self.waiting.swap_remove(index)))
    }

    async fn wait_for_copy(&mut self, number: u64) -> io::Result<Option<Snapshot>> {
        let until = Instant::now() + SNAPSHOT;
        loop {
            if let Some(snapshot) = self.copy(number)? {
                return Ok(Some(snapshot));
            }
            if timeout_at(until, self.snapshots.readable()).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The shell died between two programs: its copy becomes the shell, if there is one.
    pub(super) async fn recover(&mut self) -> io::Result<bool> {
        match self.wait_for_copy(self.programs + 1).await? {
            Some(snapshot) => self.take_over(snapshot).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends the shell, which waits for a program, and its copy.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        // The copy first: it takes the end of the engine for a reason to kill what it finds.
        if let Some(snapshot) = self.wait_for_copy(self.programs + 1).await? {
            self.discard(snapshot);
        }
        kill_process(self.pid());
        Ok(())
    }

    /// Kills a copy that is not needed. It is let go with the orphans.
    pub(super) fn discard(&mut self, snapshot: Snapshot) {
        let pid = snapshot.process.pid();
        kill_process(pid);
        self.dying = [self.dying[1], pid];
    }

    /// Whether the copies that were killed are dead.
    pub(super) fn is_settled(&self) -> bool {
        self.dying.iter().all(|pid| process(*pid).is_none())
    }

    /// Returns when they are.
    async fn settle(&self) {
        for _ in 0..5000 {
            if self.is_settled() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// A step ended in the living shell.
    pub(super) fn step_ended(&mut self, end: EndOfStep) {
        self.jobs = end.jobs;
        self.traps = end.traps;
        match end.exit_trap {
            ExitTrap::Kept => {}
            ExitTrap::Unset => self.exit_trap = None,
            ExitTrap::Set(action) => self.exit_trap = Some(action),
        }
    }

    /// The shell is dead, and the copy from before the step becomes the shell.
    pub(super) async fn take_over(&mut self, mut snapshot: Snapshot) -> io::Result<()> {
        snapshot.move_apart().await;
        // A copy that was killed and is not dead yet could take the word that is meant for this one.
        self.settle().await;
        let Snapshot { number, process, .. } = snapshot;
        self.programs = number;
        // It was there before the program that defined the wrapper.
        self.has_curl = false;
        self.groups.push(process.pid());
        self.shell = Shell::Adopted(process);
        self.took_over = true;
        // What the dead shell said at last is of no meaning to its successor.
        while self.message()?.is_some() {}
        write(&self.wake.writer, b"x\n")
    }
}

/// A copy of the shell that waits.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The program it was there before.
    number: u64,
    process: Adopted,
    apart: bool,
}

impl Snapshot {
    /// Puts it into a process group of its own, if that can be done by now.
    pub(super) fn try_move_apart(&mut self) -> bool {
        self.apart = self.apart || self.process.move_apart().is_ok();
        self.apart
    }

    /// Puts it into a process group of its own. It can be done as soon as its parent is dead, which
    /// ends at once.
    pub(super) async fn move_apart(&mut self) {
        for _ in 0..200 {
            if self.try_move_apart() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }
}
