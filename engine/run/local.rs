//! Carries a run out on this host: asks the machine what is next, does it, records what came of it.
//!
//! One dispatcher owns the truth: everything happens in its loop, on one thread. It decides nothing.

use super::ask::Ask;
use super::machine::{Machine, Next, Start};
use super::policy::{Policy, Question, Reply};
use super::recorder::{RecordError, Recorder};
use super::setup::SessionSetup;
use crate::event::{CancelCause, Choice, Event, EventBody, RunFinished, StepFinished, StepResult};
use crate::host::Clock;
use crate::plan::Plan;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A run to carry out.
pub struct Run<'a> {
    /// What to run.
    pub plan: Arc<Plan>,
    /// What the caller allows.
    pub policy: Policy,
    /// The first event to record: [`EventBody::RunStarted`], or [`EventBody::Resume`].
    pub opening: EventBody,
    /// What was recorded before, when the run is resumed.
    pub past: &'a [Event],
    /// The shell.
    pub session: SessionSetup,
    /// Takes the events.
    pub recorder: &'a mut dyn Recorder,
    /// Asks the person; never called when [`Policy::unattended`].
    pub ask: Box<dyn Ask>,
    /// What time it is.
    pub clock: &'a dyn Clock,
}

/// Carries the run out and returns its last event.
///
/// # Errors
/// When nothing was started: no runtime, no bash. The caller then says so and exits with 6.
pub fn execute(run: Run<'_>) -> io::Result<RunFinished> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let finished = runtime.block_on(Driver::new(run).drive());
    // A question nobody will answer any more must not keep the process.
    runtime.shutdown_background();
    finished
}

struct Driver<'a> {
    plan: Arc<Plan>,
    machine: Machine,
    opening: Option<EventBody>,
    setup: SessionSetup,
    recorder: &'a mut dyn Recorder,
    ask: Option<Box<dyn Ask>>,
    clock: &'a dyn Clock,
    epoch_ms: u64,
    start: Duration,
    events: u64,
    journal_failed: bool,
}

impl<'a> Driver<'a> {
    fn new(run: Run<'a>) -> Self {
        let mut machine = Machine::new(Arc::clone(&run.plan), run.policy);
        for event in run.past {
            machine.apply(&event.body, event.mono_ms);
        }
        Self {
            plan: run.plan,
            machine,
            opening: Some(run.opening),
            setup: run.session,
            recorder: run.recorder,
            ask: Some(run.ask),
            start: run.clock.monotonic(),
            clock: run.clock,
            epoch_ms: run.past.last().map_or(0, |event| event.mono_ms),
            events: run.past.len() as u64,
            journal_failed: false,
        }
    }

    fn now(&self) -> u64 {
        self.epoch_ms + (self.clock.monotonic() - self.start).as_millis() as u64
    }

    async fn drive(mut self) -> io::Result<RunFinished> {
        if let Some(opening) = self.opening.take() {
            self.record(opening, false);
        }
        loop {
            match self.machine.next(self.now()) {
                Next::Record(events) => {
                    for event in events {
                        let durable = matches!(event, EventBody::StepStarted { .. });
                        self.record(event, durable);
                    }
                }
                Next::Start(start) => self.step(start).await,
                Next::Ask(question) => self.ask(question).await,
                Next::Wait { until_ms } => {
                    tokio::time::sleep(Duration::from_millis(until_ms.saturating_sub(self.now()))).await;
                }
                Next::Finish(mut finished) => {
                    finished.events = self.events;
                    self.record(EventBody::RunFinished(finished.clone()), true);
                    return Ok(*finished);
                }
            }
        }
    }

    /// Records an event and tells the machine; what cannot be recorded stops the run.
    fn record(&mut self, body: EventBody, durable: bool) {
        let now = self.now();
        self.machine.apply(&body, now);
        match self.recorder.record(body, now, durable) {
            Ok(()) => self.events += 1,
            Err(RecordError::Journal(error)) if !self.journal_failed => {
                self.journal_failed = true;
                self.record(
                    EventBody::Cancel { cause: CancelCause::JournalFailed { reason: error.to_string() } },
                    true,
                );
            }
            Err(RecordError::Journal(_)) => {}
            Err(RecordError::OutputClosed) => {
                self.events += 1;
                if !self.machine.is_cancelled() {
                    self.record(EventBody::Cancel { cause: CancelCause::OutputClosed }, true);
                }
            }
        }
    }

    async fn step(&mut self, start: Start) {
        let script = self.plan.step(start.step).shell().map(|work| work.shown.clone());
        self.record(
            EventBody::StepStarted {
                step: start.step,
                attempt: start.attempt,
                purpose: start.purpose,
                script,
                timeout_ms: start.timeout.as_millis() as u64,
            },
            true,
        );
        let result = StepResult::CouldNotStart { reason: "there is no session yet".into() };
        self.record(
            EventBody::StepFinished(Box::new(StepFinished {
                step: start.step,
                attempt: start.attempt,
                result,
                wall_ms: 0,
                human_ms: 0,
                output_bytes: [0, 0],
                dropped_bytes: [0, 0],
                statements: Vec::new(),
                not_run: Vec::new(),
                http: Vec::new(),
                shell_ended: false,
                leaked: Vec::new(),
            })),
            true,
        );
    }

    async fn ask(&mut self, question: Question) {
        let asked_ms = self.now();
        let Some(mut ask) = self.ask.take() else { return };
        let asked = question.clone();
        let answer = tokio::task::spawn_blocking(move || (ask.ask(&asked), ask)).await;
        let reply = match answer {
            Ok((Ok(reply), ask)) => {
                self.ask = Some(ask);
                reply
            }
            _ => Reply { choice: Choice::Abort, arm: None, note: Some("nobody answered".into()) },
        };
        for event in question.answered(reply, self.now() - asked_ms) {
            self.record(event, false);
        }
    }
}
