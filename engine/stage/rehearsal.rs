//! Carries a rehearsal, or a test on a stage, out: the sequence says what is next, this does it and records what came of it.
//!
//! The procedure itself is run by whoever calls, like any other; its last event is held back until the
//! fault is taken away and everything was looked at again. It decides nothing.

use super::config::{Fault, Stage, name_of};
use super::hold_back::HoldBack;
use super::measure::measured;
use super::place::{Looked, Place, how_it_failed, readiness};
use super::sequence::{Conclusion, Fact, FaultTerms, Look, Milestone, Next, Ran, Sequence, Terms, Verdict};
use super::service::{Service, Watchdog};
use super::shims::usable;
use crate::event::{EventBody, JudgedTarget, Outcome, RehearsalVerdict, RunFinished, RunStarted};
use crate::host::processes::End;
use crate::host::watch::{Heed, Waited, Watch};
use crate::host::{Clock, copy_tree};
use crate::report::style::millis;
use crate::run::{RecordError, Recorder};
use crate::runbook::Target;
use crate::runbook::yaml::Located;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest working directory that is copied, in bytes: the copy may live in memory.
const MAX_COPY: u64 = 1 << 30;
/// Longest time an injection or a revert may take.
const FAULT_LIMIT: Duration = Duration::from_secs(60);
/// What a closed output counts as: SIGPIPE.
const OUTPUT_CLOSED: i32 = 13;

/// A rehearsal to carry out.
pub struct Rehearsal<'a> {
    /// What is rehearsed.
    pub stage: &'a Stage,
    /// The fault's name and the fault; none where the procedure runs on a stage that is well.
    pub fault: Option<(&'a str, &'a Fault)>,
    /// Where the stage's commands run. Its directory exists and is empty.
    pub place: Place,
    /// The working directory to copy there.
    pub source: &'a Path,
    /// Where the service's words go.
    pub log: PathBuf,
    /// The first event of the run.
    pub started: RunStarted,
    /// The procedure's targets.
    pub targets: &'a [Target],
    /// Runs the procedure.
    pub run: &'a mut dyn FnMut(&mut dyn Recorder) -> io::Result<RunFinished>,
    /// Takes the events.
    pub recorder: &'a mut dyn Recorder,
    /// What time it is.
    pub clock: &'a dyn Clock,
}

/// A rehearsal that was carried out.
#[derive(Debug)]
pub struct Rehearsed {
    /// The last event, as recorded.
    pub finished: RunFinished,
    /// What it came to.
    pub conclusion: Conclusion,
    /// The service, if it was started; it may still run.
    pub service: Option<Service>,
}

/// Carries `rehearsal` out.
///
/// # Errors
/// When the record cannot be written or a process cannot be started at all. The fault is taken away
/// before that is told.
pub fn rehearse(rehearsal: Rehearsal<'_>, watch: &mut Watch) -> io::Result<Rehearsed> {
    let fault = rehearsal.fault.map(|(_, fault)| FaultTerms {
        symptom_within: fault.symptom_within.0,
        passes_within: fault.passes_within.0,
        after_within: fault.after_within.0,
        passes_when: fault.passes_when.is_some(),
        after: fault.after.is_some(),
    });
    let terms = Terms { ready_within: rehearsal.stage.ready_within.0, fault };
    let mut driver = Driver {
        start: rehearsal.clock.monotonic(),
        sequence: Sequence::new(terms),
        rehearsal,
        watch,
        service: None,
        told: false,
        watchdog: None,
        ran: None,
        broken: None,
    };
    let conclusion = driver.drive();
    driver.finish(conclusion)
}

struct Driver<'a, 'w> {
    rehearsal: Rehearsal<'a>,
    watch: &'w mut Watch,
    sequence: Sequence,
    start: Duration,
    service: Option<Service>,
    /// The sequence knows that the service ended.
    told: bool,
    watchdog: Option<Watchdog>,
    /// The run's last event, and when it was over.
    ran: Option<(RunFinished, u64)>,
    /// The record or the host failed.
    broken: Option<io::Error>,
}

impl Driver<'_, '_> {
    /// Milliseconds since the rehearsal began.
    fn now(&self) -> u64 {
        millis_of(self.rehearsal.clock.monotonic().saturating_sub(self.start))
    }

    fn drive(&mut self) -> Conclusion {
        let opening = EventBody::RunStarted(Box::new(self.rehearsal.started.clone()));
        self.record(opening, false);
        loop {
            self.notice();
            let now = self.now();
            match self.sequence.next(now) {
                Next::Start => self.bring_up(),
                Next::Look { look, limit } => self.look(look, limit),
                Next::Wait { until_ms } => {
                    let pause = Duration::from_millis(until_ms.saturating_sub(now));
                    if let Some(signal) = self.watch.pause(pause) {
                        self.apply(Fact::Signal(signal));
                    }
                }
                Next::Inject => self.inject(),
                Next::Run => self.run(),
                Next::Revert => self.revert(),
                Next::Finish(conclusion) => return conclusion,
            }
        }
    }

    /// Tells the sequence, and records what was reached by it.
    fn apply(&mut self, fact: Fact) {
        let now = self.now();
        let Some(milestone) = self.sequence.apply(fact, now) else { return };
        let body = match milestone {
            Milestone::Up(ms) => self.stage(format!("up after {}", millis(ms))),
            Milestone::Seen(ms) => self.fault(format!("the symptom is there after {}", millis(ms))),
            Milestone::Passes => self.stage("`passes_when` holds".to_owned()),
            Milestone::TakenAway => self.fault("taken away".to_owned()),
            Milestone::Well => self.stage("well again without the fault".to_owned()),
        };
        self.record(body, false);
    }

    /// The fault's name.
    fn name(&self) -> &str {
        self.rehearsal.fault.map_or("", |(name, _)| name)
    }

    fn stage(&self, text: String) -> EventBody {
        EventBody::Stage { text }
    }

    fn fault(&self, what: String) -> EventBody {
        EventBody::Fault { fault: self.name().to_owned(), what }
    }

    /// Tells the sequence what happened by itself.
    fn notice(&mut self) {
        if let Some(signal) = self.watch.pause(Duration::ZERO) {
            self.apply(Fact::Signal(signal));
        }
        if let Some(service) = self.service.as_ref().filter(|_| !self.told)
            && let Ok(Some(end)) = service.ended()
        {
            let said = service.last_lines().pop().map(|line| format!(": {line}")).unwrap_or_default();
            self.told = true;
            self.apply(Fact::ServiceEnded(format!("exit {}{said}", end.status())));
        }
        if self.watchdog.as_ref().is_some_and(|dog| dog.has_acted().unwrap_or(false)) {
            self.apply(Fact::Expired);
        }
    }

    fn bring_up(&mut self) {
        let rehearsal = &self.rehearsal;
        let started = copy_tree(rehearsal.source, &rehearsal.place.directory, MAX_COPY)
            .map_err(|error| format!("the working directory cannot be copied: {error}"))
            .and_then(|()| usable(&rehearsal.stage.shims, &rehearsal.place.directory))
            .and_then(|()| {
                let Some(script) = &rehearsal.stage.service else { return Ok(None) };
                Service::start(&rehearsal.place, &script.value, &rehearsal.log)
                    .map(Some)
                    .map_err(|error| format!("the service cannot be started: {error}"))
            });
        let started = started.map(|service| self.service = service);
        self.apply(Fact::Started(started));
    }

    fn look(&mut self, look: Look, limit: Duration) {
        let (stage, fault) = (self.rehearsal.stage, self.rehearsal.fault.map(|(_, fault)| fault));
        let of_fault = |script: fn(&Fault) -> Option<&Located<String>>| {
            fault.and_then(script).map_or("", |script| &script.value)
        };
        let ports: Vec<u16> = stage.ports.iter().map(|port| port.value).collect();
        let script = match look {
            Look::Ready => &readiness(stage.ready.as_ref().map(|ready| ready.value.as_str()), &ports),
            Look::Symptom => of_fault(|fault| Some(&fault.symptom)),
            Look::PassesWhen => of_fault(|fault| fault.passes_when.as_ref()),
            Look::After => of_fault(|fault| fault.after.as_ref()),
        };
        let fact = match self.rehearsal.place.look(script, limit, self.watch) {
            Ok(Looked::Holds { said }) => Fact::Saw { look, holds: true, said },
            Ok(Looked::Fails { how }) => Fact::Saw { look, holds: false, said: how },
            Ok(Looked::Signal(signal)) => Fact::Signal(signal),
            Err(error) => Fact::Saw { look, holds: false, said: error.to_string() },
        };
        self.apply(fact);
    }

    fn inject(&mut self) {
        let Some((_, fault)) = self.rehearsal.fault else { return };
        let what = fault.description.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        let injecting = self.fault(format!("injected{what}"));
        self.record(injecting, true);
        // The watchdog first: an engine that dies while it injects leaves no fault behind.
        let outcome = match Watchdog::start(&self.rehearsal.place, &fault.revert.value, fault.expires.0) {
            Ok(dog) => {
                self.watchdog = Some(dog);
                self.carry_out(&fault.inject.value, Heed::Signals)
            }
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(Waited::Signal(signal)) => self.apply(Fact::Signal(signal)),
            Ok(_) => self.apply(Fact::Injected(Ok(()))),
            Err(why) => self.apply(Fact::Injected(Err(why))),
        }
    }

    fn revert(&mut self) {
        let Some((_, fault)) = self.rehearsal.fault else { return };
        if self.ran.is_some() {
            self.measure();
        }
        if let Some(mut dog) = self.watchdog.take() {
            // It failed or it did not: what counts is the revert that follows.
            let _ = dog.dismiss(self.watch);
        }
        let outcome = self.carry_out(&fault.revert.value, Heed::Nothing).map(drop);
        self.apply(Fact::Reverted(outcome));
    }

    /// Runs a script that may leave something in the background.
    fn carry_out(&mut self, script: &str, heed: Heed) -> Result<Waited, String> {
        let command = self.rehearsal.place.command(script);
        let outcome =
            self.watch.run_and_leave(command, FAULT_LIMIT, heed).map_err(|error| error.to_string())?;
        match outcome.waited {
            Waited::Ended(End::Exited(0)) | Waited::Signal(_) => Ok(outcome.waited),
            Waited::Ended(_) | Waited::TimedOut => Err(how_it_failed(&outcome, FAULT_LIMIT)),
        }
    }

    fn run(&mut self) {
        let shows = self.rehearsal.fault.and_then(|(_, fault)| fault.shows.as_ref());
        let wanted = shows.map(|text| text.value.as_str());
        let mut held = HoldBack {
            inner: self.rehearsal.recorder,
            finished: None,
            wanted,
            shown: wanted.is_none(),
            before: String::new(),
        };
        let ended = (self.rehearsal.run)(&mut held);
        let shows = shows.map(|text| text.value.clone());
        let (seen, missing) = if held.shown { (shows, None) } else { (None, shows) };
        let finished = ended.map(|finished| held.finished.map_or(finished, |last| *last));
        // Whatever signals came meanwhile, the run has dealt with.
        while self.watch.pause(Duration::ZERO).is_some() {}
        match finished {
            Ok(finished) => {
                let (exit, summary) = (finished.exit, finished.summary.clone());
                self.ran = Some((finished, self.now()));
                if let Some(text) = seen {
                    let shown = self.stage(format!("a step showed `{text}`"));
                    self.record(shown, false);
                }
                self.apply(Fact::Ran(Ran { exit, summary, missing }));
            }
            Err(error) => self.apply(Fact::Ran(Ran { exit: 6, summary: error.to_string(), missing })),
        }
    }

    /// Measures the targets that the stage has a probe for.
    fn measure(&mut self) {
        let Some((_, fault)) = self.rehearsal.fault else { return };
        let (stage, limit) = (self.rehearsal.stage, fault.passes_within.0);
        let title = name_of(&self.rehearsal.started.title);
        for probe in stage.targets.iter().filter(|probe| name_of(&probe.procedure.value) == title) {
            let Ok(Looked::Holds { said }) = self.rehearsal.place.look(&probe.probe.value, limit, self.watch)
            else {
                continue;
            };
            for judged in self.rehearsal.targets.iter().filter_map(|target| measured(target, &said)) {
                self.target(judged);
            }
        }
    }

    fn target(&mut self, judged: JudgedTarget) {
        let Some((finished, _)) = &mut self.ran else { return };
        let known = finished.targets.iter_mut().find(|known| known.text == judged.text);
        match known {
            Some(known) => *known = judged.clone(),
            None => finished.targets.push(judged.clone()),
        }
        let JudgedTarget { text, verdict, elapsed_ms, limit_ms } = judged;
        self.record(EventBody::Target { text, verdict, elapsed_ms, limit_ms }, false);
    }

    /// Records an event on the run's clock, which stands still before the run and goes on after it.
    fn record(&mut self, body: EventBody, durable: bool) {
        if self.broken.is_some() {
            return;
        }
        let mono_ms = match &self.ran {
            Some((finished, over)) => finished.wall_ms + self.now().saturating_sub(*over),
            None => 0,
        };
        match self.rehearsal.recorder.record(body, mono_ms, durable) {
            Ok(()) => {}
            Err(RecordError::OutputClosed) => self.apply(Fact::Signal(OUTPUT_CLOSED)),
            Err(RecordError::Journal(error)) => {
                self.broken = Some(error);
                // Nothing is done that is not recorded; what was done is taken back.
                self.apply(Fact::Signal(OUTPUT_CLOSED));
            }
        }
    }

    fn finish(mut self, conclusion: Conclusion) -> io::Result<Rehearsed> {
        if conclusion.verdict != Verdict::Passed
            && let Some(service) = &self.service
        {
            for line in service.last_lines() {
                self.record(EventBody::Stage { text: format!("the service said: {line}") }, false);
            }
        }
        let reasons: Vec<String> = conclusion.reasons.iter().map(ToString::to_string).collect();
        let exec_exit = self.ran.as_ref().map(|(finished, _)| finished.exit);
        let mut finished = match &self.ran {
            Some((finished, _)) => finished.clone(),
            None => not_run(&conclusion, self.now()),
        };
        finished.exit = conclusion.exit();
        finished.rehearsal = Some(RehearsalVerdict {
            fault: self.name().to_owned(),
            passed: conclusion.verdict == Verdict::Passed,
            exec_exit,
            reasons,
        });
        self.record(EventBody::RunFinished(Box::new(finished.clone())), true);
        match self.broken {
            Some(error) => Err(error),
            None => Ok(Rehearsed { finished, conclusion, service: self.service }),
        }
    }
}

/// The last event of a rehearsal whose procedure did not run.
fn not_run(conclusion: &Conclusion, wall_ms: u64) -> RunFinished {
    let interrupted = matches!(conclusion.verdict, Verdict::Interrupted(_));
    RunFinished {
        outcome: if interrupted { Outcome::Cancelled } else { Outcome::NotStarted },
        summary: "the procedure was not run".to_owned(),
        exit: conclusion.exit(),
        wall_ms,
        machine_ms: wall_ms,
        human_ms: 0,
        recovered_ms: None,
        targets: Vec::new(),
        rehearsal: None,
        warnings: Vec::new(),
        left_running: Vec::new(),
        exercised: None,
        events: 0,
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
