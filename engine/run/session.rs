//! The shell that the steps of a run share: one long-lived bash, and what takes its place when a step ends it.
//!
//! That is a copy of it, made before the next step whenever a step may have changed the shell: a copy costs two
//! forks. While the shell is as it was when it began, another one is as good. A [watchdog](watchdog) sees to it that
//! nothing of the session outlives the engine.
//!
//! The engine and the shell speak through pipes and a file in memory, which the shell opens by path for
//! as long as it needs them; scripts are never on a command line, on standard input, or typed. What a
//! step means is not known here.

mod begun;
mod control;
mod own_options;
mod program;
mod spare;
mod units;
mod watchdog;

pub use begun::Begun;
pub(super) use control::{Control, EndOfStep, ExitTrap, Message};
pub(super) use own_options::own_options;
pub(super) use program::{Program, farewell};
use program::{evaluated, question};
use spare::{Snapshot, Spare};
pub(super) use units::{Unit, rewritten, units};

use crate::host::adopted::{Adopted, group_exists};
use crate::host::pipes::{MemoryFile, Pipe, Source, write};
use crate::host::processes::{End, Started, kill_process, process};
use crate::run::setup::SessionSetup;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use watchdog::Watchdog;

/// How long a new shell may take until it listens.
const START: Duration = Duration::from_secs(10);
/// How long a copy of the shell may take until it says that it is there.
const SNAPSHOT: Duration = Duration::from_secs(5);
/// How long a copy of a shell that is dead may take until it says that it is there.
const LAST_WORD: Duration = Duration::from_millis(200);
/// How long the shell may take to answer a question.
const ANSWER: Duration = Duration::from_secs(5);

/// The shell of a run.
#[derive(Debug)]
pub(super) struct Session {
    shell: Shell,
    bash: PathBuf,
    /// From when it listens on: it is told nothing before.
    watchdog: Option<Watchdog>,
    /// Process groups its jobs may be in; the shell's own is the last.
    groups: Vec<i32>,
    commands: Pipe,
    script: MemoryFile,
    /// What the shell says it is like, at its start and now; none where nobody wants to know.
    states: Option<[MemoryFile; 2]>,
    /// It has said what it was like at its start.
    has_base: bool,
    control: Inbox,
    messages: Control,
    snapshots: Inbox,
    spare: Spare,
    /// Number of copies that were asked for.
    copies: u64,
    /// The copies that were killed last: they may not be dead yet.
    dying: [i32; 2],
    /// What the shell had of its own when it said so last.
    own: EndOfStep,
    /// The last step left the shell as it was.
    unchanged: bool,
    /// Status of the last statement of the last step that the shell survived.
    status: i32,
    wake: Pipe,
    headers: Inbox,
    /// Where the shells before this one spoke: what is left of them opens these by number, which nothing else gets.
    older: Vec<[Inbox; 3]>,
    /// The EXIT trap that is kept for the end.
    exit_trap: Option<String>,
    /// A successor took over and does not have the traps yet.
    took_over: bool,
    /// `curl` is wrapped.
    has_curl: bool,
    /// What the shell begins with, until it has read it.
    boot: Option<MemoryFile>,
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
    #[expect(dead_code, reason = "kept open: the shell opens it by path")]
    writer: OwnedFd,
}

impl Inbox {
    fn new(pipe: Pipe) -> io::Result<Self> {
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
    /// Takes a shell that was started.
    ///
    /// # Errors
    /// When its pipes cannot be listened to.
    pub(super) fn new(begun: Begun, older_groups: Vec<i32>) -> io::Result<Self> {
        let Begun { started, bash, commands, wake, control, snapshots, headers, script, boot, states } =
            begun;
        let mut groups = older_groups;
        groups.push(started.pid());
        Ok(Self {
            shell: Shell::Started(Box::new(started)),
            bash,
            watchdog: None,
            groups,
            commands,
            script,
            states,
            has_base: false,
            control: Inbox::new(control)?,
            messages: Control::default(),
            snapshots: Inbox::new(snapshots)?,
            spare: Spare::Another,
            copies: 0,
            dying: [0; 2],
            own: EndOfStep::default(),
            unchanged: true,
            status: 0,
            wake,
            headers: Inbox::new(headers)?,
            older: Vec::new(),
            exit_trap: None,
            took_over: false,
            has_curl: false,
            boot: Some(boot),
        })
    }

    /// Returns when the shell has read what it begins with.
    ///
    /// # Errors
    /// When it ends before.
    pub(super) async fn listens(&mut self) -> io::Result<()> {
        if self.boot.is_none() {
            return Ok(());
        }
        // Here the engine waits anyway; any sooner, three processes would want the processor at once.
        self.watchdog = Watchdog::start(&self.bash)?;
        let until = Instant::now() + START;
        loop {
            // Its end is looked at now and then only: it comes with nothing to read.
            let _ = timeout(Duration::from_millis(50), self.control.readable()).await;
            if let Some(Message::Ready(own)) = self.message()? {
                self.own = own;
                self.boot = None;
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

    /// The shell and its watchdog.
    pub(super) fn processes(&self) -> Vec<i32> {
        std::iter::once(self.pid()).chain(self.watchdog.as_ref().map(Watchdog::pid)).collect()
    }

    /// Process groups that something of this session may be in; the shell's own is the last.
    pub(super) fn groups(&self) -> &[i32] {
        &self.groups
    }

    /// Background jobs, by the end of the last step.
    pub(super) fn jobs(&self) -> &[i32] {
        &self.own.jobs
    }

    /// The EXIT trap that is kept for the run's end, as bash quotes it.
    pub(super) fn exit_trap(&self) -> Option<&str> {
        self.exit_trap.as_deref()
    }

    /// How the shell ended, if it did. It and its watchdog are let go if they are dead.
    pub(super) fn ended(&self) -> io::Result<Option<End>> {
        let _ = self.watchdog.as_ref().map(Watchdog::is_dead);
        match &self.shell {
            Shell::Started(started) => started.ended(),
            Shell::Adopted(adopted) => Ok(adopted.ended()),
        }
    }

    /// Hands the shell a program; what only the session knows is added to it.
    pub(super) fn begin(&mut self, program: Program<'_>) -> io::Result<()> {
        let own = self.groups.last().copied();
        self.groups.retain(|group| Some(*group) == own || group_exists(*group));
        // A name that the shell has of its own may do anything.
        let traceless = program.traceless && self.own.is_plain() && self.exit_trap.is_none();
        self.unchanged = traceless;
        let states = self.states.as_ref().filter(|_| !traceless);
        let base = states.filter(|_| !self.has_base).map(|[base, _]| base.path());
        let program = Program {
            groups: &self.groups,
            traps: if self.took_over { self.own.traps.as_str() } else { "" },
            status: self.took_over.then_some(self.status),
            keeps_exit_trap: self.exit_trap.is_some(),
            curl: program.curl && !self.has_curl,
            base,
            state: states.map(|[_, now]| now.path()),
            ..program
        };
        let bytes = program.bytes();
        self.has_base |= base.is_some();
        self.took_over = false;
        self.has_curl |= program.curl;
        self.hand_over(&bytes)
    }

    /// Hands the shell these bytes to evaluate.
    pub(super) fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.watch(&self.groups)?;
        }
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
        let until = Instant::now() + ANSWER;
        while timeout_at(until, self.control.readable()).await.is_ok() {
            if let Some(Message::Has(has)) = self.message()? {
                return Ok(Some(has));
            }
        }
        Ok(None)
    }

    /// What the shell was like at its start, if it has said so.
    pub(super) fn base(&self) -> io::Result<Option<Vec<u8>>> {
        let base = self.states.as_ref().filter(|_| self.has_base);
        base.map(|[base, _]| base.content()).transpose()
    }

    /// What the shell was like at the end of the last step, as it said; none where that step left it as it was.
    pub(super) fn state(&self) -> io::Result<Option<Vec<u8>>> {
        let states = self.states.as_ref().filter(|_| !self.unchanged);
        states.map(|[_, now]| now.content()).transpose()
    }

    /// The last step left the shell as it was.
    pub(super) fn leaves_as_it_was(&self) -> bool {
        self.unchanged
    }

    /// Makes the shell what `script` says; whether it is.
    pub(super) async fn restore(&mut self, script: &str) -> io::Result<bool> {
        self.listens().await?;
        self.drop_spare().await?;
        // It may bring functions and aliases.
        self.own.names = true;
        let base = self.states.as_ref().map(|[base, _]| base.path());
        let question = evaluated(script, base);
        self.has_base = base.is_some();
        Ok(self.answers(&question).await? == Some(true))
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

    /// Sees to it that something can take the shell's place: if it has changed, it is told to leave a copy.
    pub(super) fn make_spare(&mut self) -> io::Result<()> {
        if matches!(self.spare, Spare::None) {
            write(&self.commands.writer, b"c\n")?;
            self.copies += 1;
            self.spare = Spare::Asked(self.copies);
        }
        Ok(())
    }

    /// A copy was asked for and has not said that it is there.
    pub(super) fn expects_copy(&self) -> bool {
        matches!(self.spare, Spare::Asked(_))
    }

    /// Hears whether the copy is there. It leaves the step's group as soon as it can: nothing that the step does
    /// to its group reaches it then.
    pub(super) fn see_copy(&mut self) -> io::Result<()> {
        if let Spare::Asked(asked) = self.spare {
            let said = self.snapshots.read()?;
            for line in String::from_utf8_lossy(&said).lines() {
                let Some((number, pid)) = line.split_once(' ') else { continue };
                if let (Ok(number), Ok(pid)) = (number.parse::<u64>(), pid.parse())
                    && number == asked
                {
                    self.spare = Spare::Waiting(Snapshot::new(pid));
                }
            }
        }
        if let Spare::Waiting(snapshot) = &mut self.spare {
            snapshot.try_move_apart();
        }
        Ok(())
    }

    /// Waits for the copy, if one was asked for.
    async fn wait_for_copy(&mut self) -> io::Result<()> {
        let until = Instant::now() + SNAPSHOT;
        loop {
            self.see_copy()?;
            if !self.expects_copy() {
                return Ok(());
            }
            // A shell that is dead leaves no copy; one that it has just left speaks soon.
            let is_dead = self.ended()?.is_some();
            let until = if is_dead { Instant::now() + LAST_WORD } else { until };
            let step = until.min(Instant::now() + LAST_WORD);
            if timeout_at(step, self.snapshots.readable()).await.is_err() && step == until {
                self.spare = Spare::None;
                return Ok(());
            }
        }
    }

    /// Waits for the copy, if one was asked for, and until nothing that is done to the step's group reaches it.
    pub(super) async fn part_copy(&mut self) -> io::Result<()> {
        self.wait_for_copy().await?;
        if let Spare::Waiting(snapshot) = &mut self.spare {
            snapshot.move_apart().await;
        }
        Ok(())
    }

    /// Ends the shell, which waits for a word.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        // The copy first: it takes the end of the engine for a reason to kill what it finds.
        self.drop_spare().await?;
        self.watchdog.iter().for_each(Watchdog::kill);
        kill_process(self.pid());
        Ok(())
    }

    /// Kills the copy, if there is one. It is let go with the orphans.
    pub(super) async fn drop_spare(&mut self) -> io::Result<()> {
        self.wait_for_copy().await?;
        if let Spare::Waiting(snapshot) = std::mem::replace(&mut self.spare, Spare::None) {
            let pid = snapshot.process.pid();
            kill_process(pid);
            self.dying = [self.dying[1], pid];
        }
        Ok(())
    }

    /// Whether the copies that were killed are dead, and the watchdog.
    pub(super) fn is_settled(&self) -> bool {
        self.copies_are_dead() && self.watchdog.as_ref().is_none_or(Watchdog::is_dead)
    }

    fn copies_are_dead(&self) -> bool {
        self.dying.iter().all(|pid| *pid == 0 || process(*pid).is_none())
    }

    /// Returns when they are.
    async fn settle(&self) {
        for _ in 0..5000 {
            if self.copies_are_dead() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// A step ended in the living shell, whose last statement had this status.
    pub(super) async fn step_ended(&mut self, end: EndOfStep, status: Option<i32>) -> io::Result<()> {
        self.status = status.unwrap_or(self.status);
        match &end.exit_trap {
            ExitTrap::Kept => {}
            ExitTrap::Unset => self.exit_trap = None,
            ExitTrap::Set(action) => self.exit_trap = Some(action.clone()),
        }
        self.own = end;
        self.unchanged &= self.own.is_plain();
        match self.unchanged {
            true => self.wait_for_copy().await,
            false => self.drop_spare().await,
        }
    }

    /// The shell is dead, and its copy becomes the shell, or another one where nothing is lost by it; whether there
    /// was one.
    pub(super) async fn take_over(&mut self, setup: &SessionSetup) -> io::Result<bool> {
        self.wait_for_copy().await?;
        if matches!(self.spare, Spare::Another) {
            self.start_over(setup).await?;
            return Ok(true);
        }
        let Spare::Waiting(mut snapshot) = std::mem::replace(&mut self.spare, Spare::None) else {
            return Ok(false);
        };
        snapshot.move_apart().await;
        // A copy that was killed and is not dead yet could take the word that is meant for this one.
        self.settle().await;
        let process = snapshot.process;
        // It was there before the program that defined the wrapper.
        self.has_curl = false;
        self.groups.push(process.pid());
        self.shell = Shell::Adopted(process);
        self.took_over = true;
        // What the dead shell said at last is of no meaning to its successor.
        while self.message()?.is_some() {}
        write(&self.wake.writer, b"x\n")?;
        Ok(true)
    }

    /// Another shell takes the place of this one, which is as it was when it began.
    async fn start_over(&mut self, setup: &SessionSetup) -> io::Result<()> {
        let mut next = Self::new(Begun::start(setup)?, self.groups.clone())?;
        next.listens().await?;
        let mut old = std::mem::replace(self, next);
        (self.status, self.took_over) = (old.status, true);
        self.older.append(&mut old.older);
        self.older.push([old.control, old.snapshots, old.headers]);
        Ok(())
    }
}
