//! One attempt of a shell step, from its start to its last byte of output.
//!
//! It ends with the shell's word or the shell's death, not with the end of its output, which a child
//! may hold for ever. What its end means is [`super::judge`]'s.

mod output;
mod screen;

use self::screen::needs_screen;
use super::http::Headers;
use super::judge::{Attempted, Ran};
use super::local::Driver;
use super::machine::Start;
use super::promise::Promise;
use super::session::{EndOfStep, Message, Program, Session, Unit, own_options, units};
use super::signals::Heard;
use super::stop::{Stop, Why};
use super::stream::{CHUNK, StepStream};
use crate::event::{EventBody, StepFinished, StepResult, Stream};
use crate::host::adopted::{reap_orphans, was_stopped};
use crate::host::processes::{End, Processes as _, SystemProcesses, process, signal_group};
use crate::host::terminal::LentTerminal;
use crate::plan::{PlanStep, RunMode, ShellWork};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// An attempt that runs.
pub(super) struct Attempt<'d, 'a> {
    driver: &'d mut Driver<'a>,
    session: &'d mut Session,
    start: Start,
    step: &'d PlanStep,
    mode: RunMode,
    units: Vec<Unit>,
    own_options: Vec<String>,
    options: &'d [String],
    curl: bool,
    traceless: bool,
    /// Standard input is the terminal.
    terminal: bool,
    /// And so are standard output and error.
    screen: bool,
    /// Standard output and error; none where they are the terminal, too.
    streams: Option<[StepStream; 2]>,
    buffer: Vec<u8>,
    flush_at: Option<Instant>,
    headers: Headers,
    http: Vec<u16>,
    ran: Vec<Ran>,
    current: Ran,
    /// When its time is up.
    deadline: Instant,
    stop: Option<Stop>,
    /// Processes that a time box leaves alone.
    spared: Vec<i32>,
    shell_ended: bool,
}

/// How one turn of the text ended.
#[derive(Debug)]
enum Over {
    /// The shell said so.
    Told(EndOfStep),
    /// The shell is dead.
    Dead(End),
}

enum Turn {
    Control,
    Stream(usize),
    Headers,
    Copy,
    Heard(Heard),
    Late(EventBody),
    Time,
}

impl<'d, 'a> Attempt<'d, 'a> {
    pub(super) fn new(
        driver: &'d mut Driver<'a>,
        session: &'d mut Session,
        start: Start,
        step: &'d PlanStep,
        work: &'d ShellWork,
    ) -> io::Result<Self> {
        let terminal = work.mode == RunMode::Interactive;
        let streams = if terminal && needs_screen(&work.script) {
            None
        } else {
            let limit = driver.setup.output;
            let mut out = StepStream::new(Stream::Stdout, &driver.mask, limit)?;
            out.promise = step
                .expectation
                .as_ref()
                .filter(|it| !it.example)
                .map(|it| Promise::new(it, &driver.captures));
            Some([out, StepStream::new(Stream::Stderr, &driver.mask, limit)?])
        };
        Ok(Self {
            start,
            step,
            mode: work.mode,
            units: units(work, step.line),
            own_options: if work.options.is_empty() { Vec::new() } else { own_options(&work.script) },
            options: &work.options,
            curl: work.script.contains("curl"),
            traceless: work.traceless && work.mode == RunMode::Once,
            terminal,
            screen: streams.is_none(),
            streams,
            buffer: std::mem::take(&mut driver.buffer),
            flush_at: None,
            headers: Headers::default(),
            http: Vec::new(),
            ran: Vec::new(),
            current: Ran::default(),
            deadline: Instant::now() + start.timeout,
            stop: None,
            spared: Vec::new(),
            shell_ended: false,
            driver,
            session,
        })
    }

    /// Runs it.
    ///
    /// # Errors
    /// When the shell cannot be spoken to.
    pub(super) async fn run(mut self) -> io::Result<StepFinished> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; CHUNK];
        }
        let began_ms = self.driver.now();
        let lent = if self.terminal { Some(self.lend_terminal()?) } else { None };
        if self.screen {
            let text = "it has the whole terminal: what it prints is not recorded".to_owned();
            self.driver.record(EventBody::Note { step: Some(self.start.step), text }, false);
        }
        if matches!(self.mode, RunMode::TimeBox | RunMode::Repeat { .. }) {
            let groups = self.session.groups().iter();
            let members = groups.flat_map(|group| SystemProcesses.group(*group)).map(|member| member.pid);
            self.spared = members.filter(|pid| *pid != self.session.pid()).collect();
        }
        let mut shell = self.turn().await?;
        if let RunMode::Repeat { every } = self.mode {
            while self.stop.is_none() && !self.driver.session_lost && self.pause(every).await {
                let last = self.result_so_far(shell);
                let before = std::mem::take(&mut self.ran);
                shell = self.turn().await?;
                if self.stop.as_ref().is_some_and(|stop| stop.why == Why::TimeBox) {
                    // It was cut short: the last one that was not counts.
                    self.ran = before;
                    return self.finish(Some(last), began_ms, lent).await;
                }
            }
        }
        let result = match &self.stop {
            Some(stop) => match stop.why {
                Why::TimedOut => StepResult::TimedOut { limit_ms: self.start.timeout.as_millis() as u64 },
                Why::TimeBox => StepResult::Passed,
                Why::Cancelled => StepResult::Cancelled,
            },
            None => self.result_so_far(shell),
        };
        self.finish(Some(result), began_ms, lent).await
    }

    fn lend_terminal(&self) -> io::Result<LentTerminal> {
        if !self.driver.setup.terminal {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "it needs a terminal and there is none"));
        }
        let lent = LentTerminal::lend(self.session.groups().last().copied().unwrap_or_default());
        lent.map_err(|error| io::Error::new(error.kind(), format!("it needs a terminal: {error}")))
    }

    fn attempted(&self, shell: Option<End>) -> Attempted<'_> {
        Attempted { step: self.step, units: &self.units, ran: &self.ran, shell }
    }

    fn result_so_far(&self, shell: Option<End>) -> StepResult {
        self.attempted(shell).result()
    }

    /// Runs the text once; gives how the shell ended, if it did.
    async fn turn(&mut self) -> io::Result<Option<End>> {
        self.session.make_spare()?;
        let streams = self.streams.as_ref().map(|[out, err]| (out.path(), err.path()));
        self.session.begin(Program {
            terminal: self.terminal,
            streams,
            curl: self.curl,
            options: self.options,
            own_options: &self.own_options,
            units: &self.units,
            traceless: self.traceless,
            ..Program::default()
        })?;
        match self.until_over().await? {
            Over::Told(end) => {
                let status = self.ran.last().map(|ran| ran.status);
                self.session.step_ended(end, status).await?;
                Ok(None)
            }
            Over::Dead(end) => {
                self.shell_ended = true;
                // The unit in which it died, unless it died between two.
                if self.ran.len() < self.units.len() {
                    let mut current = std::mem::take(&mut self.current);
                    current.status = end.status();
                    self.ran.push(current);
                }
                self.driver.session_lost = !self.session.take_over(&self.driver.setup).await?;
                self.missing_command().await?;
                Ok(Some(end))
            }
        }
    }

    /// With `errexit` the shell is dead before it can say that a command is missing; its successor is
    /// asked.
    async fn missing_command(&mut self) -> io::Result<()> {
        let index = self.ran.len().saturating_sub(1);
        let (Some(ran), Some(unit)) = (self.ran.get_mut(index), self.units.get(index)) else { return Ok(()) };
        if let (126 | 127, Some(program)) = (ran.status, &unit.program)
            && !self.driver.session_lost
        {
            ran.missing = !self.session.has(program).await?;
        }
        Ok(())
    }

    /// Waits for the end of the text, and meanwhile sees to everything.
    async fn until_over(&mut self) -> io::Result<Over> {
        let mut dead = None;
        loop {
            match self.next_turn().await {
                Turn::Control => {
                    if let Some(end) = self.hear_shell()? {
                        match &mut self.stop {
                            // It was told to stop. Its own trap may have seen to it that it lives on; or it
                            // said this before it heard, and is about to die.
                            Some(stop) => stop.hurry(),
                            None => return Ok(Over::Told(end)),
                        }
                    }
                }
                Turn::Stream(which) => self.read(which),
                Turn::Headers => self.read_headers()?,
                Turn::Copy => self.session.see_copy()?,
                Turn::Heard(Heard::Child) => {
                    reap_orphans();
                    if dead.is_none() {
                        dead = self.session.ended()?;
                    }
                    if self.terminal && was_stopped(self.session.pid()) {
                        // Nobody could bring it back from being stopped.
                        let group = self.session.groups().last().copied().unwrap_or_default();
                        let _ = signal_group(group, CONTINUE);
                    }
                }
                Turn::Heard(Heard::Stop(signal)) => self.told_to_stop(signal).await,
                Turn::Heard(Heard::HangUp(signal)) => self.driver.cancel(signal),
                Turn::Late(event) => self.driver.record(event, false),
                Turn::Time => self.time().await,
            }
            if let Some(end) = dead {
                // It may have spoken before it died.
                if self.stop.is_none()
                    && let Some(told) = self.hear_shell()?
                {
                    return Ok(Over::Told(told));
                }
                // Behind the shell, which is let go by now, there may be dead of its group.
                reap_orphans();
                let over = match &mut self.stop {
                    None => true,
                    Some(stop) => stop.is_over(self.session.groups()),
                };
                if over {
                    self.read_headers()?;
                    return Ok(Over::Dead(end));
                }
            }
        }
    }

    async fn next_turn(&mut self) -> Turn {
        let times = [Some(self.deadline).filter(|_| self.stop.is_none()), self.flush_at];
        let stop = self.stop.as_ref().map(Stop::next);
        let time = times.into_iter().chain([stop]).flatten().min();
        let [out, err] = match &self.streams {
            Some([out, err]) => [Some(out), Some(err)],
            None => [None, None],
        };
        let readable = async |stream: Option<&StepStream>| match stream {
            Some(stream) => stream.readable().await,
            None => std::future::pending().await,
        };
        let at = async {
            match time {
                Some(time) => sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            heard = self.driver.signals.next() => Turn::Heard(heard),
            () = self.session.control().readable() => Turn::Control,
            () = self.session.snapshots().readable(), if self.session.expects_copy() => Turn::Copy,
            () = at => Turn::Time,
            () = readable(out) => Turn::Stream(0),
            () = readable(err) => Turn::Stream(1),
            () = self.session.headers().readable() => Turn::Headers,
            Some(late) = self.driver.late.1.recv() => Turn::Late(late),
        }
    }

    /// Takes in what the shell said; gives its last word on the step.
    fn hear_shell(&mut self) -> io::Result<Option<EndOfStep>> {
        while let Some(message) = self.session.message()? {
            match message {
                Message::Ready(_) | Message::Has(_) => {}
                Message::Done { status, missing, .. } => {
                    self.read_headers()?;
                    self.session.see_copy()?;
                    let current = std::mem::take(&mut self.current);
                    if self.ran.len() < self.units.len() {
                        self.ran.push(Ran { status, missing, ..current });
                    }
                }
                Message::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    fn read_headers(&mut self) -> io::Result<()> {
        let codes = self.headers.feed(&self.session.read_headers()?);
        self.current.http = codes.last().copied().or(self.current.http);
        self.http.extend(codes);
        Ok(())
    }

    async fn time(&mut self) {
        let now = Instant::now();
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush(false);
        }
        match &mut self.stop {
            Some(stop) => stop.go_on(self.session.groups()),
            None if self.deadline <= now => {
                let why = match self.mode {
                    RunMode::TimeBox | RunMode::Repeat { .. } => Why::TimeBox,
                    RunMode::Once | RunMode::Interactive => Why::TimedOut,
                };
                self.begin_stop(why).await;
            }
            None => {}
        }
    }

    async fn told_to_stop(&mut self, signal: i32) {
        self.driver.cancel(signal);
        match &mut self.stop {
            Some(stop) => stop.hurry(),
            None => self.begin_stop(Why::Cancelled).await,
        }
    }

    async fn begin_stop(&mut self, why: Why) {
        // The copy must not be stopped with the step.
        let _ = self.session.part_copy().await;
        let spared = if why == Why::TimeBox { std::mem::take(&mut self.spared) } else { Vec::new() };
        let jobs: Vec<String> = self
            .session
            .jobs()
            .iter()
            .filter(|job| !spared.contains(job))
            .filter_map(|job| process(*job))
            .map(|job| job.to_string())
            .collect();
        if !jobs.is_empty() {
            let text =
                format!("background jobs of earlier steps are stopped with this one: {}", jobs.join(", "));
            self.driver.record(EventBody::Note { step: Some(self.start.step), text }, false);
        }
        self.stop = Some(Stop::begin(why, self.session.groups(), spared, self.driver.setup.grace));
    }

    /// Waits until the next turn of a repeated text; false when its time is up or the run is to stop.
    async fn pause(&mut self, every: Duration) -> bool {
        let next = Instant::now() + every;
        if next >= self.deadline {
            let deadline = self.deadline;
            self.pause_until(deadline).await;
            return false;
        }
        self.pause_until(next).await
    }

    async fn pause_until(&mut self, until: Instant) -> bool {
        self.flush(false);
        while let Ok(heard) = timeout_at(until, self.driver.signals.next()).await {
            match heard {
                Heard::Child => reap_orphans(),
                Heard::HangUp(signal) => self.driver.cancel(signal),
                Heard::Stop(signal) => {
                    self.driver.cancel(signal);
                    self.stop = Some(Stop::nothing(Why::Cancelled));
                    return false;
                }
            }
        }
        true
    }
}

/// SIGCONT.
const CONTINUE: i32 = 18;
