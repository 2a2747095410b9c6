//! Runs the trials side by side, each an engine in a sandbox of its own, and takes in what they tell.

use super::nested::LEVEL;
use super::select::Selected;
use super::{Shown, no_sandbox};
use crate::cli::Host;
use crate::cli::documents::Documents;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_id::run_id;
use crate::cli::staging::{self, stage_failed};
use crate::host::processes::End;
use crate::host::surroundings::remove_empty_dir;
use crate::host::watch::{Captured, First, Watch};
use crate::journal::{Store, read};
use crate::report::chaos::Trial;
use crate::stage::Scenario;
use crate::stage::enclose::{self, Opened, Wanted as WantedSandbox};
use crate::stage::order::shuffled;
use crate::stage::trial::{Told, judge, not_begun};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long a wait takes at most.
const LONG: Duration = Duration::from_secs(3600);
/// Bytes of a trial's events that are read.
const MAX_EVENTS: usize = 64 << 20;
/// TERM.
const TERM: i32 = 15;
/// How long trials may take to end in good order after the suite was stopped.
const GRACE: Duration = Duration::from_secs(20);

/// How the trials are run.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) trials: usize,
    pub(super) jobs: usize,
    pub(super) seed: u64,
}

/// Where the trials are run.
pub(super) struct Ground {
    /// The sandboxes' program.
    pub(super) bwrap: PathBuf,
    /// The working directory that each stage copies.
    pub(super) source: PathBuf,
    /// Where the records go.
    pub(super) home: PathBuf,
    /// How many suites the trials are in.
    pub(super) level: &'static str,
}

/// What the trials came to.
pub(super) struct Ran {
    /// In the order of the scenarios.
    pub(super) trials: Vec<Trial>,
    /// The signal that stopped them, if one did.
    pub(super) signal: Option<i32>,
}

/// A trial to run: a scenario, by its position, and a number from 1.
#[derive(Clone, Copy)]
struct Due {
    scenario: usize,
    number: usize,
}

/// A trial that runs.
struct Running {
    captured: Captured,
    due: Due,
    started: Duration,
    /// The directory of its run.
    directory: PathBuf,
}

/// Runs every trial.
pub(super) fn run(
    documents: &Documents,
    project: &Project,
    selected: &Selected,
    settings: Settings,
    ground: &Ground,
    watch: &mut Watch,
    shown: &mut Shown<'_, '_, '_>,
) -> Result<Ran, Failure> {
    let mut over = Vec::new();
    let mut due = Vec::new();
    for (index, entry) in selected.entries.iter().enumerate() {
        match &entry.scenario {
            Ok(_) => due.extend((1..=settings.trials).map(|number| Due { scenario: index, number })),
            Err(trial) => {
                shown.trial(trial)?;
                over.push((index, 1, (**trial).clone()));
            }
        }
    }
    let ready = shuffled(due.len(), settings.seed).into_iter().map(|at| due[at]).collect();
    let mut pool = Pool {
        documents,
        project,
        selected,
        settings,
        ground,
        tried: None,
        ready,
        running: Vec::new(),
        over,
        shown,
    };
    if !due.is_empty() {
        pool.try_out(watch)?;
    }
    let signal = pool.drive(watch)?;
    let mut over = pool.over;
    over.sort_by_key(|(scenario, number, _)| (*scenario, *number));
    Ok(Ran { trials: over.into_iter().map(|(_, _, trial)| trial).collect(), signal })
}

struct Pool<'p, 'm, 'h, 'a> {
    documents: &'p Documents,
    project: &'p Project,
    selected: &'p Selected,
    settings: Settings,
    ground: &'p Ground,
    /// A sandbox that was tried.
    tried: Option<Opened>,
    ready: VecDeque<Due>,
    running: Vec<Running>,
    over: Vec<(usize, usize, Trial)>,
    shown: &'p mut Shown<'m, 'h, 'a>,
}

impl Pool<'_, '_, '_, '_> {
    fn now(&self) -> Duration {
        self.shown.host.clock.monotonic()
    }

    /// Finds out, before anything starts, whether the sandbox can be had.
    fn try_out(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        let (run, directory) = self.new_run()?;
        let wanted = self.sandbox(&run);
        let opened = wanted.and_then(|wanted| {
            let environment = self.shown.host.environment;
            let opened = enclose::open(self.ground.bwrap.clone(), wanted, environment, watch);
            opened.map_err(|error| stage_failed(&error))?.map_err(|why| no_sandbox(&why))
        });
        remove_empty_dir(&directory);
        self.tried = Some(opened?);
        Ok(())
    }

    /// A run that there is not yet, and its directory.
    fn new_run(&self) -> Result<(String, PathBuf), Failure> {
        let host = &*self.shown.host;
        let store = Store::new(host.files, &self.ground.home);
        let run = loop {
            let run = run_id(&host.clock.wall(), host);
            if !host.files.exists(&store.directory(&run)) {
                break run;
            }
        };
        let directory = staging::run_directory(&self.ground.home, &run, host)?;
        Ok((run, directory))
    }

    fn sandbox(&self, run: &str) -> Result<WantedSandbox, Failure> {
        let more = self.selected.entries.iter().map(|entry| entry.path.clone()).collect();
        let host = &*self.shown.host;
        let Ground { source, home, level, .. } = self.ground;
        let sandbox = staging::sandbox(self.project, self.documents, source.clone(), more, home, run, host);
        sandbox.map(|mut sandbox| {
            sandbox.set.push((LEVEL.to_owned(), (*level).to_owned()));
            sandbox
        })
    }

    fn drive(&mut self, watch: &mut Watch) -> Result<Option<i32>, Failure> {
        loop {
            while self.running.len() < self.settings.jobs
                && let Some(due) = self.ready.pop_front()
            {
                self.start(due)?;
            }
            if self.running.is_empty() {
                return Ok(None);
            }
            self.say_busy();
            match self.first(watch, LONG)? {
                First::Ended(index, end) => {
                    let ended = self.running.swap_remove(index);
                    self.end(ended, end)?;
                }
                First::TimeOver => {}
                First::Signal(signal) => {
                    self.stop(watch)?;
                    return Ok(Some(signal));
                }
            }
        }
    }

    /// Says what runs.
    fn say_busy(&mut self) {
        let names = self.running.iter().filter_map(|it| self.scenario(it.due));
        let names: Vec<String> = names.map(|scenario| scenario.name.value.clone()).collect();
        let (over, left) = (self.over.len(), self.running.len() + self.ready.len());
        self.shown.busy(&names, over, over + left);
    }

    fn first(&self, watch: &mut Watch, limit: Duration) -> Result<First, Failure> {
        let all: Vec<&Captured> = self.running.iter().map(|it| &it.captured).collect();
        watch.first(&all, limit).map_err(|error| stage_failed(&error))
    }

    fn scenario(&self, due: Due) -> Option<&Scenario> {
        self.selected.entries[due.scenario].scenario.as_ref().ok()
    }

    fn start(&mut self, due: Due) -> Result<(), Failure> {
        let started = self.now();
        let (Some(scenario), Some(tried)) = (self.scenario(due), &self.tried) else { return Ok(()) };
        let arguments = arguments(scenario, self.documents, self.shown.host);
        let (run, directory) = self.new_run()?;
        let wanted = self.sandbox(&run)?;
        let opened = tried.another(wanted, self.shown.host.environment);
        match opened.and_then(|opened| opened.start(&arguments)) {
            Ok(captured) => {
                self.running.push(Running { captured, due, started, directory });
                Ok(())
            }
            Err(error) => {
                remove_empty_dir(&directory);
                let trial = not_begun(scenario, due.number, format!("it cannot be started: {error}"));
                self.take_in(due, trial)
            }
        }
    }

    fn take_in(&mut self, due: Due, trial: Trial) -> Result<(), Failure> {
        self.shown.trial(&trial)?;
        self.over.push((due.scenario, due.number, trial));
        Ok(())
    }

    /// Takes in what a trial that is over has told.
    fn end(&mut self, running: Running, end: End) -> Result<(), Failure> {
        let Running { captured, due, started, directory } = running;
        let [events, said] = captured.said(MAX_EVENTS).unwrap_or_default();
        // What it left in its sandbox is gone before anything is said of it.
        drop(captured);
        remove_empty_dir(&directory);
        let Some(scenario) = self.scenario(due) else { return Ok(()) };
        let told = Told {
            events: read(&String::from_utf8_lossy(&events)).events,
            said: String::from_utf8_lossy(&said).into_owned(),
            ended: match end {
                End::Exited(status) => format!("it ended with {status}"),
                End::Signaled(signal) => format!("it was killed by signal {signal}"),
            },
            wall_ms: u64::try_from(self.now().saturating_sub(started).as_millis()).unwrap_or(u64::MAX),
        };
        let trial = judge(scenario, due.number, &told);
        self.take_in(due, trial)
    }

    /// Stops what runs, and lets it finish its record.
    fn stop(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        for running in &self.running {
            // One that has ended meanwhile needs no signal.
            let _ = running.captured.signal_inside(TERM);
        }
        let until = self.now() + GRACE;
        while !self.running.is_empty() {
            match self.first(watch, until.saturating_sub(self.now()))? {
                First::Ended(index, _) => {
                    let ended = self.running.swap_remove(index);
                    drop(ended.captured);
                    remove_empty_dir(&ended.directory);
                }
                // Asked a second time, or too slow: what is left is killed when it is dropped.
                First::Signal(_) | First::TimeOver => break,
            }
        }
        self.running.clear();
        self.ready.clear();
        Ok(())
    }
}

/// The command line of the engine that rehearses `scenario`.
fn arguments(scenario: &Scenario, documents: &Documents, host: &Host<'_>) -> Vec<OsString> {
    let procedure = match scenario.procedure(&documents.runbooks) {
        // By its place, so that nothing is looked up a second time.
        Some((runbook, procedure)) => format!("{}:{}", runbook.source.path().display(), procedure.line),
        None => scenario.procedure.value.clone(),
    };
    let mut arguments: Vec<OsString> =
        ["rehearse", "--format", "json", "--unattended", "--no-prepare"].map(OsString::from).to_vec();
    arguments.push(format!("--fault={}", scenario.fault.value).into());
    for (name, value) in &scenario.parameters.0 {
        arguments.push(format!("--param={}={}", name.value, value.value).into());
    }
    let cwd = host.environment.cwd();
    for runbook in &documents.runbooks {
        let path = runbook.source.path();
        let shown = path.strip_prefix(&cwd).unwrap_or(path);
        arguments.push(format!("--file={}", shown.display()).into());
    }
    arguments.push("--".into());
    arguments.push(procedure.into());
    arguments
}
