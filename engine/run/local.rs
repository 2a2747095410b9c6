//! Carries a run out on this host: asks the machine what is next, does it, records what came of it.
//!
//! One dispatcher owns the truth: everything happens in its loop, on one thread. It decides nothing.

use super::admit::notes;
mod ending;

use super::ask::Ask;
use super::attempt::Attempt;
use super::machine::{Machine, Next, Start};
use super::mask::{Mask, runnable};
use super::policy::{Policy, Question, Reply};
use super::recorder::{RecordError, Recorder};
use super::session::{Begun, Session, rewritten};
use super::setup::SessionSetup;
use super::signals::{Heard, Signals};
use super::state::State;
use crate::check::Captures;
use crate::event::{CancelCause, Choice, Event, EventBody, RunFinished, StepFinished, StepResult};
use crate::host::Clock;
use crate::host::adopted::reap_orphans;
use crate::host::processes::{become_subreaper, kill_process};
use crate::plan::{Plan, PlanStep, ShellWork, StepId};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

/// How many pieces of late output wait to be recorded; what writes more waits.
const LATE: usize = 8;

/// A run to carry out.
pub struct Run<'a> {
    /// What to run.
    pub plan: Arc<Plan>,
    /// What the caller allows.
    pub policy: Policy,
    /// What to record first: [`EventBody::RunStarted`], or [`EventBody::Resume`] and the answers that come with it.
    pub opening: Vec<EventBody>,
    /// What was recorded before, when the run is resumed.
    pub past: &'a [Event],
    /// Milliseconds of the run's clock when it goes on.
    pub clock_ms: u64,
    /// The shell.
    pub session: SessionSetup,
    /// The shell, if it was started before.
    pub begun: Option<Begun>,
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
    let finished = runtime.block_on(async { Driver::new(run)?.drive().await });
    // A question nobody will answer any more must not keep the process.
    runtime.shutdown_background();
    finished
}

/// What a run is carried out with.
pub(super) struct Driver<'a> {
    plan: Arc<Plan>,
    machine: Machine,
    stage: bool,
    opening: Vec<EventBody>,
    pub(super) setup: SessionSetup,
    begun: Option<Begun>,
    pub(super) mask: Arc<Mask>,
    recorder: &'a mut dyn Recorder,
    ask: Option<Box<dyn Ask>>,
    clock: &'a dyn Clock,
    epoch_ms: u64,
    start: Duration,
    events: u64,
    journal_failed: bool,
    pub(super) signals: Signals,
    /// Output of what earlier steps left behind.
    pub(super) late: (Sender<EventBody>, Receiver<EventBody>),
    /// The pipes that output comes by.
    pub(super) late_pipes: Vec<OwnedFd>,
    /// Texts that earlier steps' expectations kept.
    pub(super) captures: Captures,
    /// For reading output; kept from step to step.
    pub(super) buffer: Vec<u8>,
    session: Option<Session>,
    /// What a shell is like that has just started; none where nobody wants to know.
    fresh: Option<State>,
    /// What was kept last of what the shell is like.
    kept: Option<String>,
    /// The shell and its copy are dead.
    pub(super) session_lost: bool,
    /// Step that set the EXIT trap that is kept, if one did: its output is recorded as that step's.
    last_step: Option<StepId>,
}

impl<'a> Driver<'a> {
    fn new(run: Run<'a>) -> io::Result<Self> {
        become_subreaper()?;
        let mut machine = Machine::new(Arc::clone(&run.plan), run.policy);
        for event in run.past {
            machine.apply(&runnable(&event.body), event.mono_ms);
        }
        Ok(Self {
            plan: run.plan,
            machine,
            stage: run.policy.stage,
            opening: run.opening,
            mask: Arc::new(Mask::new(run.session.secrets.clone())),
            kept: run.session.restore.clone(),
            setup: run.session,
            begun: run.begun,
            recorder: run.recorder,
            ask: Some(run.ask),
            start: run.clock.monotonic(),
            clock: run.clock,
            epoch_ms: run.clock_ms,
            events: run.past.len() as u64,
            journal_failed: false,
            signals: Signals::new()?,
            late: channel(LATE),
            late_pipes: Vec::new(),
            captures: Captures::default(),
            buffer: Vec::new(),
            session: None,
            fresh: None,
            session_lost: false,
            last_step: None,
        })
    }

    /// Milliseconds on the run's clock.
    pub(super) fn now(&self) -> u64 {
        self.epoch_ms + (self.clock.monotonic() - self.start).as_millis() as u64
    }

    async fn drive(mut self) -> io::Result<RunFinished> {
        let begun = self.begun.take().map_or_else(|| Begun::start(&self.setup), Ok)?;
        let mut session = Session::new(begun, Vec::new())?;
        if let Some(script) = &self.setup.restore
            && !session.restore(script).await?
        {
            kill_process(session.pid());
            return Err(io::Error::other("the shell cannot be made what it was: is its directory gone?"));
        }
        self.session = Some(session);
        for event in std::mem::take(&mut self.opening) {
            self.record(event, false);
        }
        loop {
            match self.machine.next(self.now()) {
                Next::Record(events) => {
                    for event in events {
                        let durable = matches!(event, EventBody::StepStarted { .. });
                        self.record(event, durable);
                    }
                }
                Next::Start(start) => {
                    // What was said while the last step ended counts before another one starts.
                    if self.hear().await {
                        continue;
                    }
                    self.make_spare()?;
                    self.step(start).await?;
                }
                Next::Ask(question) => {
                    self.make_spare()?;
                    self.ask(question).await;
                }
                Next::Wait { until_ms } => {
                    self.make_spare()?;
                    self.wait(until_ms).await;
                }
                Next::Finish(finished) => return Ok(self.finish(*finished).await),
            }
        }
    }

    /// The shell leaves its copy, if it needs one, while the engine is busy or waits. Not before the run's end.
    fn make_spare(&mut self) -> io::Result<()> {
        self.session.iter_mut().filter(|_| !self.session_lost).try_for_each(Session::make_spare)
    }

    /// Records an event and tells the machine; what cannot be recorded stops the run.
    pub(super) fn record(&mut self, body: EventBody, durable: bool) {
        let now = self.now();
        self.machine.apply(&body, now);
        match self.recorder.record(self.mask.event(body), now, durable) {
            Ok(()) => self.events += 1,
            Err(RecordError::Journal(error)) => {
                if !self.journal_failed {
                    self.journal_failed = true;
                    let cause = CancelCause::JournalFailed { reason: error.to_string() };
                    self.record(EventBody::Cancel { cause }, true);
                }
            }
            Err(RecordError::OutputClosed) => {
                self.events += 1;
                if !self.machine.is_cancelled() {
                    self.record(EventBody::Cancel { cause: CancelCause::OutputClosed }, true);
                }
            }
        }
    }

    /// The run is told to stop, by a signal. The first cause stands.
    pub(super) fn cancel(&mut self, signal: i32) {
        if !self.machine.is_cancelled() {
            self.record(EventBody::Cancel { cause: CancelCause::Signal { signal } }, true);
        }
    }

    /// Heeds the signals that have arrived; whether one stopped the run just now.
    async fn hear(&mut self) -> bool {
        let before = self.machine.is_cancelled();
        // The runtime looks at what has arrived when it is given the turn.
        tokio::task::yield_now().await;
        loop {
            tokio::select! {
                biased;
                heard = self.signals.next() => match heard {
                    Heard::Child => reap_orphans(),
                    Heard::Stop(signal) | Heard::HangUp(signal) => self.cancel(signal),
                },
                () = std::future::ready(()) => return !before && self.machine.is_cancelled(),
            }
        }
    }

    async fn step(&mut self, start: Start) -> io::Result<()> {
        let plan = Arc::clone(&self.plan);
        let step = plan.step(start.step);
        let Some(planned) = step.shell() else { return Ok(()) };
        let edited = self.machine.edited(start.step);
        let edited = edited.map(|text| rewritten(planned, text, self.mask.text(text), step.line));
        let work = edited.as_ref().unwrap_or(planned);
        // What was said before the step is recorded before it.
        while let Ok(late) = self.late.1.try_recv() {
            self.record(late, false);
        }
        self.record(
            EventBody::StepStarted {
                step: start.step,
                attempt: start.attempt,
                purpose: start.purpose,
                script: Some(work.shown.clone()),
                timeout_ms: start.timeout.as_millis() as u64,
            },
            true,
        );
        // "Started" is on disk, or it does not start.
        if self.journal_failed {
            return Ok(());
        }
        if start.attempt == 1 {
            for note in notes(start.step, step) {
                self.record(note, false);
            }
        }
        let finished = match self.attempt(start, step, work).await {
            Ok(finished) => finished,
            Err(error) => {
                let reason = error.to_string();
                StepFinished {
                    result: StepResult::CouldNotStart { reason },
                    ..StepFinished::blank(start.step, start.attempt)
                }
            }
        };
        self.last_step = Some(start.step);
        let state = if finished.shell_ended || self.session_lost { None } else { self.keep_state() };
        let finished = StepFinished { state, ..finished };
        let durable = !finished.result.passed();
        self.record(EventBody::StepFinished(Box::new(finished)), durable);
        if self.session_lost {
            let text =
                "the shell and its copy were killed: a new one starts, and nothing carries over".into();
            self.record(EventBody::Note { step: Some(start.step), text }, false);
        }
        Ok(())
    }

    async fn attempt(&mut self, start: Start, step: &PlanStep, work: &ShellWork) -> io::Result<StepFinished> {
        let mut session = self.living_session().await?;
        session.listens().await?;
        let finished = Attempt::new(self, &mut session, start, step, work)?.run().await;
        self.session = Some(session);
        finished
    }

    /// Keeps what the shell is like now, if it changed: its name, or an empty one where it cannot be kept.
    fn keep_state(&mut self) -> Option<String> {
        if !self.setup.keeps_state {
            return None;
        }
        let session = self.session.as_ref()?;
        if session.leaves_as_it_was() {
            return None;
        }
        let read = |said: io::Result<Option<Vec<u8>>>| State::read(&said.ok().flatten()?);
        if self.fresh.is_none() {
            self.fresh = read(session.base());
        }
        let said = read(session.state());
        let script = self.fresh.as_ref().and_then(|fresh| Some(said?.script(fresh, &self.mask)));
        if script.is_some() && script == self.kept {
            return None;
        }
        let name = script.as_ref().and_then(|script| self.recorder.keep_state(script).ok());
        self.kept = script.filter(|_| name.is_some());
        Some(name.unwrap_or_default())
    }

    async fn living_session(&mut self) -> io::Result<Session> {
        let old = self.session.take();
        let lost = std::mem::take(&mut self.session_lost);
        if let Some(mut session) = old {
            if !lost && session.ended()?.is_none() {
                return Ok(session);
            }
            if !lost {
                let has_copy = session.take_over(&self.setup).await?;
                let goes_on =
                    if has_copy { "its copy goes on" } else { "a new one starts, and nothing carries over" };
                let text = format!("the shell was killed between two steps: {goes_on}");
                self.record(EventBody::Note { step: None, text }, false);
                if has_copy {
                    return Ok(session);
                }
            }
            return Session::new(Begun::start(&self.setup)?, session.groups().to_vec());
        }
        Session::new(Begun::start(&self.setup)?, Vec::new())
    }

    async fn ask(&mut self, question: Question) {
        let asked_ms = self.now();
        let Some(mut ask) = self.ask.take() else { return };
        self.recorder.asking(&question);
        let asked = question.clone();
        let mut answer = tokio::task::spawn_blocking(move || {
            loop {
                let answer = ask.ask(&asked, asked_ms);
                // An answer that is none is asked for again.
                if !answer.as_ref().is_ok_and(|reply| asked.problem(reply).is_some()) {
                    return (answer, ask);
                }
            }
        });
        let reply = loop {
            tokio::select! {
                heard = self.signals.next() => match heard {
                    Heard::Child => reap_orphans(),
                    Heard::Stop(signal) | Heard::HangUp(signal) => return self.cancel(signal),
                },
                Some(late) = self.late.1.recv() => self.record(late, false),
                answered = &mut answer => match answered {
                    Ok((Ok(reply), ask)) => {
                        self.ask = Some(ask);
                        break reply;
                    }
                    // The input ended, or the question could not be put: nothing is guessed.
                    _ => break Reply { choice: Choice::Abort, arm: None, note: Some("nobody answered".into()) },
                },
            }
        };
        for event in question.answered(reply, self.now() - asked_ms) {
            self.record(event, false);
        }
    }

    async fn wait(&mut self, until_ms: u64) {
        let until = Instant::now() + Duration::from_millis(until_ms.saturating_sub(self.now()));
        loop {
            tokio::select! {
                heard = self.signals.next() => match heard {
                    Heard::Child => reap_orphans(),
                    Heard::Stop(signal) | Heard::HangUp(signal) => return self.cancel(signal),
                },
                Some(late) = self.late.1.recv() => self.record(late, false),
                () = sleep_until(until) => return,
            }
        }
    }
}
