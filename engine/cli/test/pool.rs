//! Runs procedures side by side, each as a process of its own, and says what happens as it does.

use super::Shown;
use super::grounds::{Grounds, Made, Wishes};
use super::inside::Report;
use super::select::{Selected, Test};
use super::tier::Checked;
use crate::check::outcome::{Problem, StepStatus, TestEvent, TestFinished, TestStatus, TestStep};
use crate::cli::Host;
use crate::cli::book::Book;
use crate::cli::failure::Failure;
use crate::cli::staging::stage_failed;
use crate::host::processes::End;
use crate::host::surroundings::{Scratch, cores};
use crate::host::watch::{Captured, First, Watch};
use clap::ArgMatches;
use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
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
    pub(super) grounds: Wishes,
}

impl Settings {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let jobs = matches.get_one::<NonZero<usize>>("jobs").copied();
        Self {
            jobs: jobs.map_or_else(cores, NonZero::get),
            retries: matches.get_one("retries").copied().unwrap_or_default(),
            fail_fast: matches.get_flag("fail-fast"),
            grounds: Wishes::of(matches),
        }
    }
}

impl Settings {
    /// How many procedures run side by side: on this host itself, stages would be in each other's way.
    pub(super) fn jobs_for(&self, selected: &Selected<'_>) -> usize {
        let staged = selected.tests.iter().any(|test| test.stage.is_some());
        if staged && !self.grounds.isolated { 1 } else { self.jobs }
    }
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
    book: &Book,
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
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    let wanted = ready.iter().map(|&index| &selected.tests[index]);
    let grounds = match Grounds::make(book, wanted, settings.grounds, shown.host, &mut watch)? {
        Made::Ready(grounds) => grounds,
        Made::Stopped(signal) => {
            for test in ready {
                let reason = format!("stopped by signal {signal}");
                shown.event(finished(test, TestStatus::NotRun { reason }))?;
            }
            return Ok(Some(signal));
        }
    };
    let jobs = settings.jobs_for(selected);
    let mut pool = Pool { selected, settings, jobs, grounds: &grounds, running: Vec::new(), ready, shown };
    pool.drive(&mut watch)
}

/// What is known of a test before it runs.
pub(super) fn foregone(index: usize, test: &Test<'_>, checked: &Checked) -> Option<TestStatus> {
    if let Some((first, count)) = &checked.errors[index] {
        let reason = match count {
            1 => first.clone(),
            many => format!("{first} (and {} more)", many - 1),
        };
        return Some(TestStatus::Error { reason, document: true });
    }
    test.procedure.test.ignore.clone().map(|reason| TestStatus::Ignored { reason })
}

fn finished(test: usize, status: TestStatus) -> TestEvent {
    TestEvent::Finished(Box::new(TestFinished {
        test,
        status,
        wall_ms: 0,
        attempts: 0,
        slow: false,
        problems: Vec::new(),
        steps: Vec::new(),
        earlier: Vec::new(),
    }))
}

struct Pool<'p, 'd, 'h, 'a> {
    selected: &'p Selected<'d>,
    settings: &'p Settings,
    /// How many run side by side.
    jobs: usize,
    grounds: &'p Grounds,
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
            while self.running.len() < self.jobs
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
        match begin(self.grounds, &self.selected.tests[test], &number, false, self.shown.host) {
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
            Err(reason) => {
                self.shown.event(finished(test, TestStatus::Error { reason, document: false }))?;
                if self.settings.fail_fast { self.drop_ready("--fail-fast") } else { Ok(()) }
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
        let (mut status, problems, steps) = match report {
            Ok(report) => (judged(&report), report.problems, report.steps),
            Err(reason) => (TestStatus::Error { reason, document: false }, Vec::new(), Vec::new()),
        };
        let failed = matches!(status, TestStatus::Failed | TestStatus::Error { .. });
        if failed && attempt <= self.settings.retries {
            earlier.push(first_problem(&status, &problems, &steps));
            return self.start(test, attempt + 1, first_started, slow, earlier);
        }
        if status == TestStatus::Passed && attempt > 1 {
            status = TestStatus::Flaky;
        }
        let wall_ms = self.now().saturating_sub(first_started).as_millis() as u64;
        let finished =
            TestFinished { test, status, wall_ms, attempts: attempt, slow, problems, steps, earlier };
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

/// Starts the process that runs `test`, or says why not.
pub(super) fn begin(
    grounds: &Grounds,
    test: &Test<'_>,
    number: &str,
    bless: bool,
    host: &Host<'_>,
) -> Result<(Captured, Option<Scratch>), String> {
    let cannot = |error: io::Error| format!("it cannot be started: {error}");
    let (command, scratch) = grounds.command(test, number, bless, host).map_err(cannot)??;
    Ok((Captured::start(command).map_err(cannot)?, scratch))
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
    if has(|status| matches!(status, StepStatus::Failed)) || !report.problems.is_empty() {
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

fn first_problem(status: &TestStatus, problems: &[Problem], steps: &[TestStep]) -> String {
    let problem = steps.iter().find_map(|step| Some((step, step.problems.first()?)));
    match (problem, status) {
        (Some((step, problem)), _) => format!("step {}, {}: {}", step.id, step.label, problem.what),
        (None, TestStatus::Error { reason, .. }) => reason.clone(),
        (None, _) => problems.first().map_or("it failed", |problem| problem.what.as_str()).to_owned(),
    }
}
