//! The run as plain lines: what happens, when it happens, and what came of it.
//!
//! The same lines for a live run and for a transcript. No line is ever taken back; a live line that
//! changes is [`super::progress`]'s.

mod output;
mod repeats;
mod resumed;
mod summary;
mod tail;

use super::record::Record;
use super::step_notes::LOST;
use super::style::{Style, WIDTH, bulleted, commands, fit, millis, pad, printable, wrap};
use super::words;
use crate::event::{
    Answer, Choice, Event, EventBody, RunStarted, SkipReason, StepFinished, StepHeader, StepResult, Stream,
};
use crate::plan::{StepId, spelt_out};
use crate::runbook::Role;
use output::Lines;
use repeats::Repeats;
use std::collections::BTreeMap;
use std::io::{self, Write};
use tail::Tail;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures and the summary.
    Quiet,
    /// Every step and its output.
    #[default]
    Normal,
    /// Also every line of long commands.
    Verbose,
}

/// More lines of commands than this are cut where less than everything is said.
const COMMAND_LINES: usize = 8;

/// Writes events as lines.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    style: Style,
    verbosity: Verbosity,
    record: Record,
    lines: [Lines; 2],
    /// The commands last shown for a step: another attempt at the same does not show them again.
    shown: BTreeMap<StepId, String>,
    /// A decision that was just answered, and not with a yes.
    decided: Option<StepId>,
    /// The step about which a person was just asked.
    asked: Option<StepId>,
    /// The step that a resumed run turns to first.
    next: Option<StepId>,
    /// The check that is being repeated.
    repeats: Option<Repeats>,
    /// What the running attempt prints, where that is not shown as it comes.
    tail: Tail,
}

impl<W: Write> Terminal<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, style: Style, verbosity: Verbosity) -> Self {
        let (record, lines, shown, decided, asked, next, repeats, tail) = Default::default();
        Self { out, style, verbosity, record, lines, shown, decided, asked, next, repeats, tail }
    }

    /// What the events so far say in sum.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.out
    }

    /// Takes in an event of before, without showing it.
    pub fn remember(&mut self, event: &Event) {
        self.record.apply(event);
    }

    /// The run, when it is resumed, turns to `step` first.
    pub fn goes_on_with(&mut self, step: Option<StepId>) {
        self.next = step;
    }

    /// A person is asked something: what was held back is shown before. They see the commands of `shown`.
    ///
    /// # Errors
    /// Whatever writing gives.
    pub fn asking(&mut self, shown: Option<(StepId, String)>) -> io::Result<()> {
        self.settle()?;
        self.shown.extend(shown);
        self.out.flush()
    }

    /// Shows one event.
    ///
    /// # Errors
    /// Whatever writing gives; a closed output among it.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.record.apply(event);
        let (decided, asked) = (self.decided.take(), self.asked.take());
        if !self.goes_on(&event.body) {
            self.settle()?;
        }
        match &event.body {
            EventBody::RunStarted(started) => self.run_started(started)?,
            EventBody::StepStarted { step, .. } if self.is_repeated(*step) => {}
            EventBody::StepStarted { step, attempt, purpose, script, .. } => {
                let mut what = String::new();
                if *attempt > 1 {
                    what = format!(", attempt {attempt}");
                }
                if let Some(purpose) = words::purpose(*purpose) {
                    what = format!("{what}, {purpose}");
                }
                if self.verbosity > Verbosity::Quiet {
                    self.step_heading(*step, &what)?;
                }
                if let Some(script) = script {
                    self.commands(*step, script)?;
                }
            }
            EventBody::Output { step, stream, text, late } => self.output(*step, *stream, text, *late)?,
            EventBody::StepFinished(finished) => self.step_finished(finished, event.mono_ms)?,
            EventBody::StepRetrying { step, attempt, after_ms, reason } => {
                self.retrying(*step, *attempt, *after_ms, reason)?;
            }
            // Its answer has just said so.
            EventBody::StepSkipped {
                step,
                reason: SkipReason::Undecided | SkipReason::NotNeeded,
                detail: None,
            } if decided == Some(*step) => {}
            EventBody::StepSkipped { step, .. } => {
                if let Some(header) = self.header(*step)
                    && let Some(record) = self.record.steps.get(step.index())
                    && let Some(why) = words::passed_over(&header, record, &self.record.steps)
                {
                    let text = fit(&format!("[{}] {why} ({})", header.id, header.label), WIDTH);
                    self.line(&self.style.dim(&text))?;
                }
            }
            EventBody::Decision { step, answer, by } => {
                let (id, label) = (self.id(*step), self.label(*step));
                self.decided = (*answer != Answer::Yes).then_some(*step);
                // The person's answer has just been shown.
                if asked == Some(*step) {
                    return self.out.flush();
                }
                self.wrapped(&format!("[{id}] {label}: {} ({by})", words::answer(*answer)))?;
            }
            EventBody::Confirmation { step, question, answer, by, note, .. } => {
                self.asked = *step;
                let id = step.map(|step| format!("[{}] ", self.id(step))).unwrap_or_default();
                // The note of an edit is the edited command, which is shown where it starts.
                let note = note.as_ref().filter(|_| *answer != Choice::Edit);
                let note = note.map(|note| format!(": {note}")).unwrap_or_default();
                let answer = words::choice(*answer);
                let question = first_line(question).trim_end_matches([':', '?']);
                self.wrapped(&format!("{id}{question}: {answer} ({by}){note}"))?;
            }
            // Targets stand in the summary, where their run is over.
            EventBody::Target { .. } => {}
            EventBody::Stage { text } => self.wrapped(&format!("stage: {text}"))?,
            EventBody::Fault { fault, what } => self.wrapped(&format!("fault `{fault}`: {what}"))?,
            EventBody::Note { text, .. } => {
                for line in bulleted(text, WIDTH - 4) {
                    self.line(&format!("    {line}"))?;
                }
            }
            EventBody::Notification { notifier, result } => {
                self.wrapped(&format!("notifier {notifier}: {result}"))?;
            }
            EventBody::Resume { unknown, from, .. } => {
                for line in resumed::lines(&self.record, *unknown, *from, self.next) {
                    self.wrapped(&line)?;
                }
            }
            EventBody::Cancel { cause } => {
                let text = format!("stopping: {}", words::cause(cause));
                let text = self.style.warn(&text);
                writeln!(self.out, "{text}")?;
            }
            EventBody::RunFinished(_) => {
                summary::write(&mut self.out, &self.record, self.style)?;
            }
            // A later version's event: nothing here can tell what it means.
            EventBody::Unknown => {}
        }
        self.out.flush()
    }

    fn run_started(&mut self, run: &RunStarted) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let severity = run.severity.as_ref().map(|text| format!(" · {text}")).unwrap_or_default();
        writeln!(self.out, "{}{severity} · {}:{}", self.style.bold(&run.title), run.file, run.line)?;
        for target in &run.targets {
            writeln!(self.out, "  target: {target}")?;
        }
        if let Some(at) = &run.detected_at {
            writeln!(self.out, "  alert fired {} before the start ({at})", millis(run.before_ms))?;
        }
        for (name, value) in &run.parameters {
            writeln!(self.out, "  {name} = {}", spelt_out(value))?;
        }
        writeln!(self.out, "  in {}", spelt_out(&run.workdir))?;
        writeln!(self.out, "  run {}", run.run)
    }

    fn step_heading(&mut self, step: StepId, what: &str) -> io::Result<()> {
        let Some(header) = self.header(step) else { return Ok(()) };
        let effect = match header.role {
            Role::Observe | Role::Manual => String::new(),
            Role::Act | Role::Verify => {
                format!(", {}", words::effect(header.effect))
            }
        };
        let tail = format!("({}{effect}, line {}{what})", words::role(header.role), header.line);
        let room = WIDTH.saturating_sub(header.id.len() + tail.chars().count() + 4).max(20);
        let head = format!("[{}] {}", header.id, fit(&header.label, room));
        let text = format!("\n{} {}", self.style.bold(&head), self.style.dim(&tail));
        writeln!(self.out, "{text}")
    }

    /// What a step is about to run, unless it was shown for an attempt before.
    fn commands(&mut self, step: StepId, script: &str) -> io::Result<()> {
        if self.shown.get(&step).is_some_and(|shown| shown == script) {
            return Ok(());
        }
        let lines = commands(script, self.style);
        let cut = self.verbosity == Verbosity::Normal && lines.len() > COMMAND_LINES;
        let kept = if cut { COMMAND_LINES - 1 } else { lines.len() };
        for line in &lines[..kept] {
            self.line(format!("    {line}").trim_end())?;
        }
        if cut {
            let left = lines.len() - kept;
            self.line(&self.style.dim(&format!("      … {left} more lines, see `plan`")))?;
        }
        self.shown.insert(step, script.to_owned());
        Ok(())
    }

    fn output(&mut self, step: StepId, stream: Stream, text: &str, late: bool) -> io::Result<()> {
        if late {
            if self.verbosity == Verbosity::Quiet {
                return Ok(());
            }
            let id = self.id(step);
            for line in text.lines() {
                writeln!(self.out, "    [{id}, late] {}", printable(line, self.style))?;
            }
            return Ok(());
        }
        let held = self.is_held(step);
        let lines = &mut self.lines[stream as usize];
        let (out, tail, style) = (&mut self.out, &mut self.tail, self.style);
        lines.push(text, |line| show_or_hold(out, tail, held, line, style))
    }

    fn step_finished(&mut self, finished: &StepFinished, now_ms: u64) -> io::Result<()> {
        let held = self.is_held(finished.step);
        let (out, tail, style) = (&mut self.out, &mut self.tail, self.style);
        for lines in &mut self.lines {
            lines.end(|line| show_or_hold(out, tail, held, line, style))?;
        }
        if let Some(repeats) = self.repeats.as_mut().filter(|repeats| repeats.step == finished.step) {
            repeats.held = Some((finished.clone(), now_ms));
            // Whether another attempt follows a failure is not known yet.
            return if finished.result.passed() { self.settle() } else { Ok(()) };
        }
        self.result(finished, "")
    }

    /// How an attempt ended, below its output. `counted` says which attempt it was.
    fn result(&mut self, finished: &StepFinished, counted: &str) -> io::Result<()> {
        let said = words::result(&finished.result);
        let said = match &finished.result {
            StepResult::Passed | StepResult::Done { .. } => self.style.good(&said),
            StepResult::Failed { .. }
            | StepResult::Mismatched { .. }
            | StepResult::TimedOut { .. }
            | StepResult::Signaled { .. }
            | StepResult::CouldNotStart { .. }
            | StepResult::Unknown => self.style.bad(&said),
            StepResult::Cancelled | StepResult::LeftOpen => self.style.warn(&said),
        };
        let id = self.id(finished.step);
        let tail = self.tail.take();
        if self.verbosity == Verbosity::Quiet {
            if finished.result.passed() {
                return Ok(());
            }
            self.step_heading(finished.step, "")?;
        } else if !tail.is_empty() {
            writeln!(self.out, "[{id}] the last attempt said:")?;
        }
        for line in tail {
            writeln!(self.out, "    {}", printable(&line, self.style))?;
        }
        // What could not start took no time.
        let took = match &finished.result {
            StepResult::CouldNotStart { .. } => String::new(),
            _ => format!(" in {}", millis(finished.wall_ms)),
        };
        writeln!(self.out, "[{id}] {said}{took}{counted}")?;
        self.step_details(finished)
    }

    /// A step is tried again. Of a check only the first and the last attempt are shown, unless all is.
    fn retrying(&mut self, step: StepId, attempt: u32, after_ms: u64, reason: &str) -> io::Result<()> {
        let id = self.id(step);
        let (every, past) = (millis(after_ms), attempt.saturating_sub(1));
        if let Some(repeats) = self.repeats.as_mut().filter(|repeats| repeats.step == step) {
            let Some((finished, now_ms)) = repeats.held.take() else { return Ok(()) };
            let so_far = millis(now_ms.saturating_sub(repeats.since_ms));
            self.tail.take();
            if !Repeats::tells(past) {
                return Ok(());
            }
            return self.line(&format!(
                "[{id}] attempt {past}: {}, {so_far} so far",
                words::result(&finished.result)
            ));
        }
        let is_check = self.header(step).is_some_and(|header| header.role == Role::Verify);
        // After a resume the first attempt that is seen here is still to come.
        let is_seen = self.shown.contains_key(&step);
        if !is_check || !is_seen || self.verbosity == Verbosity::Verbose {
            return self.line(&format!("[{id}] attempt {attempt} follows in {every}: {reason}"));
        }
        let first = self.record.steps.get(step.index()).and_then(|step| step.attempts.last());
        let since_ms = first.map_or(0, |attempt| attempt.started_ms);
        self.repeats = Some(Repeats { step, since_ms, held: None });
        self.line(&format!("[{id}] {reason}: tried again every {every}; the last output will be shown"))
    }

    /// Shows the last attempt of a check that was repeated, now that no other follows.
    fn settle(&mut self) -> io::Result<()> {
        let Some(Repeats { since_ms, held: Some((finished, now_ms)), .. }) = self.repeats.take() else {
            return Ok(());
        };
        let all = millis(now_ms.saturating_sub(since_ms));
        self.result(&finished, &format!(" (attempt {}, {all} in all)", finished.attempt))
    }

    /// Whether attempts of `step` are repeats that are not shown.
    fn is_repeated(&self, step: StepId) -> bool {
        self.repeats.as_ref().is_some_and(|repeats| repeats.step == step)
    }

    /// Whether the output of `step` is held back as it comes.
    fn is_held(&self, step: StepId) -> bool {
        self.verbosity == Verbosity::Quiet || self.is_repeated(step)
    }

    /// Whether `body` is what a check that is repeated says between its attempts.
    fn goes_on(&self, body: &EventBody) -> bool {
        match body {
            EventBody::Output { .. } => true,
            EventBody::StepRetrying { step, .. } => self.is_repeated(*step),
            EventBody::StepFinished(finished) => self.is_repeated(finished.step),
            EventBody::StepStarted { step, script, .. } => {
                self.is_repeated(*step) && self.shown.get(step) == script.as_ref()
            }
            EventBody::RunStarted(_)
            | EventBody::StepSkipped { .. }
            | EventBody::Decision { .. }
            | EventBody::Confirmation { .. }
            | EventBody::Target { .. }
            | EventBody::Stage { .. }
            | EventBody::Fault { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::Resume { .. }
            | EventBody::Cancel { .. }
            | EventBody::RunFinished(_)
            | EventBody::Unknown => false,
        }
    }

    fn step_details(&mut self, finished: &StepFinished) -> io::Result<()> {
        if let StepResult::Failed { not_tried: Some(why), .. } = &finished.result {
            writeln!(self.out, "    {}", words::could_not_be_tried(why, finished))?;
        }
        if let StepResult::Mismatched { diff } = &finished.result {
            for line in diff.lines() {
                writeln!(self.out, "    {}", printable(line, self.style))?;
            }
        }
        if !finished.result.passed() {
            for statement in finished.statements.iter().filter(|statement| statement.status != 0) {
                writeln!(self.out, "    line {}: status {}", statement.line, statement.status)?;
            }
        }
        for text in &finished.not_run {
            writeln!(self.out, "    not run: {}", printable(first_line(text), Style::Plain))?;
        }
        for (bytes, name) in finished.dropped_bytes.iter().zip(["output", "error output"]) {
            if *bytes > 0 {
                writeln!(self.out, "    {bytes} bytes of its {name} are not in the record")?;
            }
        }
        let attempt = self.record.steps.get(finished.step.index()).and_then(|step| step.attempts.last());
        if attempt.is_some_and(|attempt| attempt.lost) {
            writeln!(self.out, "    {LOST}")?;
        }
        for process in &finished.leaked {
            writeln!(self.out, "    still holds its output: {process}")?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        writeln!(self.out, "{text}")
    }

    /// A text that may be long, continued on indented lines.
    fn wrapped(&mut self, text: &str) -> io::Result<()> {
        for (number, line) in wrap(text, WIDTH - 2).iter().enumerate() {
            let indent = if number == 0 { "" } else { "  " };
            self.line(&format!("{indent}{}", printable(line, Style::Plain)))?;
        }
        Ok(())
    }

    fn header(&self, step: StepId) -> Option<StepHeader> {
        self.record.started.as_ref()?.steps.get(step.index()).cloned()
    }

    fn id(&self, step: StepId) -> String {
        self.header(step).map_or_else(|| "?".to_owned(), |header| header.id)
    }

    fn label(&self, step: StepId) -> String {
        self.header(step).map(|header| header.label).unwrap_or_default()
    }
}

/// Shows a line of output, or holds it back.
fn show_or_hold(
    out: &mut impl Write,
    tail: &mut Tail,
    held: bool,
    line: &str,
    style: Style,
) -> io::Result<()> {
    if held {
        tail.push(line);
        return Ok(());
    }
    writeln!(out, "    {}", printable(line, style))
}

pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// One row of a table: cells with their widths, the last as it is.
pub(crate) fn row(cells: &[(&str, usize)], last: &str) -> String {
    let mut line = String::new();
    for (cell, width) in cells {
        line.push_str(&pad(cell, *width));
        line.push_str("  ");
    }
    line.push_str(last);
    line.trim_end().to_owned()
}
