//! Runs procedures side by side, each as a process of its own, and says what happens as it does.

use super::inside::{self, Report};
use super::select::{Selected, Test};
use super::tier::Checked;
use super::{Shown, tier};
use crate::check::outcome::{StepStatus, TestEvent, TestFinished, TestStatus};
use crate::cli::documents::Documents;
use crate::cli::failure::{CANNOT_START, Failure};
use crate::cli::{Host, runs};
use crate::host::processes::{Command, End};
use crate::host::surroundings::{Scratch, cores, own_program, real_path};
use crate::host::watch::{Captured, First, Watch};
use crate::stage::Unavailable;
use crate::stage::enclose::{self, Opened, Wanted as WantedSandbox};
use crate::stage::sandbox::{WORKDIR, comes_in};
use clap::ArgMatches;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

/// A procedure that takes longer is said to be slow.
const SLOW: Duration = Duration::from_secs(10);
/// How long a wait takes at most, where nothing is due.
const LONG: Duration = Duration::from_secs(3600);
/// Bytes of a report that are read.
const MAX_REPORT: usize = 64 << 20;
/// TERM.
const TERM: i32 = 15;
/// How long procedures may take to end after the run was stopped.
const GRACE: Duration = Duration::from_secs(10);

/// How the procedures are run.
pub(super) struct Settings {
    pub(super) jobs: usize,
    pub(super) retries: u32,
    pub(super) fail_fast: bool,
    pub(super) isolated: bool,
    pub(super) bless: bool,
}

impl Settings {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let jobs = matches.get_one::<NonZero<usize>>("jobs").copied();
        Self {
            jobs: jobs.map_or_else(cores, NonZero::get),
            retries: matches.get_one("retries").copied().unwrap_or_default(),
            fail_fast: matches.get_flag("fail-fast"),
            isolated: !matches.get_flag("no-isolation"),
            bless: false,
        }
    }
}

/// Where procedures run.
pub(super) enum Ground {
    /// Each in a sandbox of its own.
    Sandbox(Box<Opened>),
    /// On this host, each in a directory of its own below this one.
    Host(PathBuf),
}

/// A process that runs a procedure.
struct Running {
    captured: Captured,
    test: usize,
    attempt: u32,
    started: Duration,
    /// When its first attempt started.
    first_started: Duration,
    slow: bool,
    earlier: Vec<String>,
    /// Removed when it is over.
    _scratch: Option<Scratch>,
}

/// Runs every selected procedure; answers the signal that stopped the run, if one did.
pub(super) fn run(
    documents: &Documents,
    selected: &Selected<'_>,
    checked: &Checked,
    settings: &Settings,
    shown: &mut Shown<'_, '_>,
) -> Result<Option<i32>, Failure> {
    let mut ready = VecDeque::new();
    for (index, test) in selected.tests.iter().enumerate() {
        match foregone(index, test, checked) {
            Some(status) => shown.event(finished(index, status))?,
            None => ready.push_back(index),
        }
    }
    if ready.is_empty() {
        return Ok(None);
    }
    let scratch = scratch(shown.host)?;
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    let ground = ground(documents, &scratch, settings, shown.host, &mut watch)?;
    let mut pool = Pool { selected, settings, ground: &ground, running: Vec::new(), ready, shown };
    pool.drive(&mut watch)
}

/// What is known of a test before it runs.
fn foregone(index: usize, test: &Test<'_>, checked: &Checked) -> Option<TestStatus> {
    if let Some((first, count)) = &checked.errors[index] {
        let reason = match count {
            1 => first.clone(),
            many => format!("{first} (and {} more)", many - 1),
        };
        return Some(TestStatus::Error { reason, document: true });
    }
    if let Some((name, value)) =
        test.procedure.test_arguments.iter().find(|(name, _)| tier::RESERVED.contains(&name.as_str()))
    {
        let reason = format!("`{name}={value}` needs a stage with that fault: `runbook rehearse` has one");
        return Some(TestStatus::Ignored { reason });
    }
    None
}

fn finished(test: usize, status: TestStatus) -> TestEvent {
    TestEvent::Finished(Box::new(TestFinished {
        test,
        status,
        wall_ms: 0,
        attempts: 0,
        slow: false,
        steps: Vec::new(),
        earlier: Vec::new(),
    }))
}

/// A directory of this run, below the engine's own.
pub(super) fn scratch(host: &Host<'_>) -> Result<Scratch, Failure> {
    let home = runs::home(host)?;
    let unwritable = |error: io::Error| {
        let message = format!("the state below `{}` cannot be written: {error}", home.display());
        Failure::new(CANNOT_START, message, "make room or set RUNBOOK_HOME to a directory of your own")
    };
    let directory = home.join("tests");
    host.files.create_private_dir(&directory).map_err(unwritable)?;
    let scratch = Scratch::create(directory.join(host.environment.pid().to_string())).map_err(unwritable)?;
    for part in ["run", "empty"] {
        host.files.create_private_dir(&scratch.path().join(part)).map_err(unwritable)?;
    }
    Ok(scratch)
}

/// Opens the sandbox, or says loudly that there is none.
pub(super) fn ground(
    documents: &Documents,
    scratch: &Scratch,
    settings: &Settings,
    host: &mut Host<'_>,
    watch: &mut Watch,
) -> Result<Ground, Failure> {
    if !settings.isolated {
        let text = "warning: NO ISOLATION: the procedures run on this host, with your files, your network and\n\
                    warning: your permissions; they can reach production\n";
        // A closed standard error leaves nobody to be warned.
        let _ = host.err.write_all(text.as_bytes());
        return Ok(Ground::Host(scratch.path().to_owned()));
    }
    let cwd = host.environment.cwd();
    let real = |path: PathBuf| real_path(&path).map_err(|error| stage_failed(&error));
    let wanted = WantedSandbox {
        engine: own_program().map_err(|error| stage_failed(&error))?,
        workdir: real(scratch.path().join("empty"))?,
        read: documents.runbooks.iter().map(|runbook| cwd.join(runbook.source.path())).collect(),
        run_directory: real(scratch.path().join("run"))?,
        run: "test".to_owned(),
        cwd,
        set: fixed(),
        let_in: Vec::new(),
    };
    let no_sandbox = |why: Unavailable| {
        let hint = format!("{}; or, at your own risk, --no-isolation", why.hint());
        Failure::new(CANNOT_START, why.to_string(), hint)
    };
    let tried = enclose::try_out(host.environment, host.processes, watch);
    let bwrap = tried.map_err(|error| stage_failed(&error))?.map_err(no_sandbox)?;
    let opened = enclose::open(bwrap, wanted, host.environment, watch);
    let opened = opened.map_err(|error| stage_failed(&error))?.map_err(no_sandbox)?;
    Ok(Ground::Sandbox(Box::new(opened)))
}

/// Variables that are the same on every machine.
fn fixed() -> Vec<(String, String)> {
    let pairs =
        [("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("COLUMNS", "80"), ("TMPDIR", "/tmp"), ("TERM", "dumb")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The command that runs `test`, and the directory it needs.
pub(super) fn command(
    ground: &Ground,
    test: &Test<'_>,
    number: String,
    bless: bool,
    host: &Host<'_>,
) -> io::Result<(Command, Option<Scratch>)> {
    let arguments = |directory: OsString| {
        let mut arguments: Vec<OsString> = ["test", "--procedure"].map(Into::into).to_vec();
        arguments.push(test.case.procedure.clone().into());
        arguments.extend(bless.then(|| format!("--{}", inside::BLESS).into()));
        for (name, value) in &test.given {
            arguments.push(format!("--param={name}={value}").into());
        }
        arguments.push(format!("--{}", inside::ARGUMENT).into());
        arguments.push(directory);
        arguments.push("--".into());
        arguments.push(test.case.file.clone().into());
        arguments
    };
    match ground {
        Ground::Sandbox(opened) => Ok((opened.engine(&arguments(WORKDIR.into())), None)),
        Ground::Host(below) => {
            let scratch = Scratch::create(below.join(number))?;
            let directory = |name: &str| {
                let path = scratch.path().join(name);
                host.files.create_private_dir(&path).map(|()| path)
            };
            let (work, home, temporary) = (directory("work")?, directory("home")?, directory("tmp")?);
            let mut variables = host.environment.vars();
            variables.retain(|(name, _)| comes_in(name));
            variables.extend(fixed());
            variables.retain(|(name, _)| name != "TMPDIR");
            for (name, path) in [("HOME", &home), ("TMPDIR", &temporary)] {
                variables.push((name.to_owned(), path.display().to_string()));
            }
            let command = Command {
                program: own_program()?.into(),
                arguments: arguments(work.into()),
                directory: host.environment.cwd(),
                variables,
                without: Vec::new(),
                descriptors: Vec::new(),
            };
            Ok((command, Some(scratch)))
        }
    }
}

struct Pool<'p, 'd, 'h, 'a> {
    selected: &'p Selected<'d>,
    settings: &'p Settings,
    ground: &'p Ground,
    running: Vec<Running>,
    ready: VecDeque<usize>,
    shown: &'p mut Shown<'h, 'a>,
}

impl Pool<'_, '_, '_, '_> {
    fn now(&self) -> Duration {
        self.shown.host.clock.monotonic()
    }

    fn drive(&mut self, watch: &mut Watch) -> Result<Option<i32>, Failure> {
        loop {
            while self.running.len() < self.settings.jobs
                && let Some(test) = self.ready.pop_front()
            {
                let now = self.now();
                self.start(test, 1, now, false, Vec::new())?;
            }
            if self.running.is_empty() {
                return Ok(None);
            }
            let limit = self.next_slow();
            let waited = {
                let all: Vec<&Captured> = self.running.iter().map(|it| &it.captured).collect();
                watch.first(&all, limit).map_err(|error| stage_failed(&error))?
            };
            match waited {
                First::Ended(index, end) => {
                    let over = self.running.swap_remove(index);
                    self.over(over, end)?;
                }
                First::TimeOver => self.say_slow()?,
                First::Signal(signal) => {
                    self.stop(watch, signal)?;
                    return Ok(Some(signal));
                }
            }
        }
    }

    fn start(
        &mut self,
        test: usize,
        attempt: u32,
        first_started: Duration,
        slow: bool,
        earlier: Vec<String>,
    ) -> Result<(), Failure> {
        self.shown.event(TestEvent::Started { test, attempt })?;
        let number = format!("{test}-{attempt}");
        let started = self.now();
        let begun =
            command(self.ground, &self.selected.tests[test], number, self.settings.bless, self.shown.host)
                .and_then(|(command, scratch)| Ok((Captured::start(command)?, scratch)));
        match begun {
            Ok((captured, scratch)) => {
                self.running.push(Running {
                    captured,
                    test,
                    attempt,
                    started,
                    first_started,
                    slow,
                    earlier,
                    _scratch: scratch,
                });
                Ok(())
            }
            Err(error) => {
                let reason = format!("it cannot be started: {error}");
                self.shown.event(finished(test, TestStatus::Error { reason, document: false }))
            }
        }
    }

    fn next_slow(&self) -> Duration {
        let now = self.now();
        let due = self.running.iter().filter(|it| !it.slow).map(|it| (it.started + SLOW).saturating_sub(now));
        due.min().unwrap_or(LONG)
    }

    fn say_slow(&mut self) -> Result<(), Failure> {
        let now = self.now();
        for index in 0..self.running.len() {
            let running = &mut self.running[index];
            let elapsed = now.saturating_sub(running.started);
            if !running.slow && elapsed >= SLOW {
                running.slow = true;
                let (test, elapsed_ms) = (running.test, elapsed.as_millis() as u64);
                self.shown.event(TestEvent::Slow { test, elapsed_ms })?;
            }
        }
        Ok(())
    }

    /// Takes in the report of a process that is over, and tries again where it may.
    fn over(&mut self, running: Running, end: End) -> Result<(), Failure> {
        let report = report(&running.captured, end);
        let Running { test, attempt, first_started, slow, mut earlier, .. } = running;
        let (mut status, steps) = match report {
            Ok(report) => (judged(&report), report.steps),
            Err(reason) => (TestStatus::Error { reason, document: false }, Vec::new()),
        };
        let failed = matches!(status, TestStatus::Failed | TestStatus::Error { .. });
        if failed && attempt <= self.settings.retries {
            earlier.push(first_problem(&status, &steps));
            return self.start(test, attempt + 1, first_started, slow, earlier);
        }
        if status == TestStatus::Passed && attempt > 1 {
            status = TestStatus::Flaky;
        }
        let wall_ms = self.now().saturating_sub(first_started).as_millis() as u64;
        let finished = TestFinished { test, status, wall_ms, attempts: attempt, slow, steps, earlier };
        self.shown.event(TestEvent::Finished(Box::new(finished)))?;
        if failed && self.settings.fail_fast {
            self.drop_ready("--fail-fast")?;
        }
        Ok(())
    }

    fn drop_ready(&mut self, why: &str) -> Result<(), Failure> {
        for test in std::mem::take(&mut self.ready) {
            self.shown.event(finished(test, TestStatus::NotRun { reason: why.to_owned() }))?;
        }
        Ok(())
    }

    /// Stops what runs, lets it tidy up, and says of the rest that it did not run.
    fn stop(&mut self, watch: &mut Watch, signal: i32) -> Result<(), Failure> {
        for running in &self.running {
            // One that has ended meanwhile needs no signal.
            let _ = running.captured.signal(TERM);
        }
        let until = self.now() + GRACE;
        while !self.running.is_empty() {
            let left = until.saturating_sub(self.now());
            let all: Vec<&Captured> = self.running.iter().map(|it| &it.captured).collect();
            match watch.first(&all, left).map_err(|error| stage_failed(&error))? {
                First::Ended(index, _) => {
                    let test = self.running.swap_remove(index).test;
                    let reason = format!("stopped by signal {signal}");
                    self.shown.event(finished(test, TestStatus::NotRun { reason }))?;
                }
                // Asked a second time, or too slow: what is left is killed when it is dropped.
                First::Signal(_) | First::TimeOver => break,
            }
        }
        for running in std::mem::take(&mut self.running) {
            let reason = format!("killed after signal {signal}");
            self.shown.event(finished(running.test, TestStatus::NotRun { reason }))?;
        }
        self.drop_ready(&format!("stopped by signal {signal}"))
    }
}

/// The report of a process that ended, or why there is none.
pub(super) fn report(captured: &Captured, end: End) -> Result<Report, String> {
    let [out, err] =
        captured.said(MAX_REPORT).map_err(|error| format!("its report cannot be read: {error}"))?;
    if let Ok(report) = serde_json::from_slice::<Report>(&out) {
        return Ok(report);
    }
    let said = String::from_utf8_lossy(&err);
    let said: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(5).collect();
    let how = match end {
        End::Exited(status) => format!("it ended with {status} before it could report"),
        End::Signaled(signal) => format!("it was killed by signal {signal} before it could report"),
    };
    Err(if said.is_empty() { how } else { format!("{how}\n{}", said.join("\n")) })
}

fn judged(report: &Report) -> TestStatus {
    if let Some(reason) = &report.error {
        return TestStatus::Error { reason: reason.clone(), document: false };
    }
    let has = |wanted: fn(&StepStatus) -> bool| report.steps.iter().any(|step| wanted(&step.status));
    if has(|status| matches!(status, StepStatus::Failed)) {
        return TestStatus::Failed;
    }
    if has(|status| matches!(status, StepStatus::NotRun)) {
        let reason = "it stopped before its last step, and no step failed".to_owned();
        return TestStatus::Error { reason, document: false };
    }
    if has(|status| matches!(status, StepStatus::Passed)) {
        return TestStatus::Passed;
    }
    TestStatus::Ignored { reason: "nothing in it could be run".to_owned() }
}

fn first_problem(status: &TestStatus, steps: &[crate::check::outcome::TestStep]) -> String {
    let problem = steps.iter().find_map(|step| Some((step, step.problems.first()?)));
    match (problem, status) {
        (Some((step, problem)), _) => format!("step {}, {}: {}", step.id, step.label, problem.what),
        (None, TestStatus::Error { reason, .. }) => reason.clone(),
        (None, _) => "it failed".to_owned(),
    }
}

pub(super) fn stage_failed(error: &io::Error) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("the stage cannot be made: {error}"),
        "is there room for processes and files?",
    )
}
