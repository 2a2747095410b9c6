//! The moments of a run in order, each with its wall clock.
//!
//! Milestones (detected, mitigated, resolved) are set only where the record shows them: a run that
//! nothing verified is never resolved.

use super::record::Record;
use super::style::millis;
use super::terminal::first_line;
use super::words;
use crate::event::{Choice, Event, EventBody, Outcome, Purpose, RunStarted, StepFinished, StepResult};
use crate::plan::StepId;
use crate::runbook::Role;

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, UTC: `03:04:05`, with the day where it is not the run's first.
    pub clock: String,
    /// Milliseconds since the run started; none for what was before it.
    pub after_ms: Option<u64>,
    /// How it is to be read.
    pub tone: Tone,
    /// What happened.
    pub text: String,
}

/// How a moment is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A fact.
    Plain,
    /// A success that was seen.
    Good,
    /// A failure.
    Bad,
    /// Something that needs attention.
    Warn,
    /// A milestone: detected, started, mitigated, resolved, finished.
    Milestone,
}

/// The moments that `events` tell, whose sum is `record`.
pub fn tell(events: &[Event], record: &Record, started: &RunStarted) -> Vec<Moment> {
    Teller::new(record, started, events).tell(events)
}

/// The day of `at` (RFC 3339): `2026-01-02`.
pub fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

/// The wall clock of `at` to the second, with its day where that is not `of_day`.
pub fn clock(at: &str, of_day: &str) -> String {
    let is_clock = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    match at.get(11..19).filter(is_clock) {
        Some(clock) if day(at) == of_day => clock.to_owned(),
        Some(clock) => format!("{} {clock}", day(at)),
        None => at.to_owned(),
    }
}

/// Turns events into moments.
struct Teller<'a> {
    record: &'a Record,
    started: &'a RunStarted,
    day: &'a str,
    /// Index of the event whose step verified the recovery.
    resolved: Option<usize>,
    /// Index of the event whose step was the last to act before that, or to contain.
    mitigated: Option<usize>,
    moments: Vec<Moment>,
    open: Vec<Option<Open>>,
}

/// The moment that a step's attempts fill, while one may follow another.
#[derive(Clone)]
struct Open {
    /// Index of the moment.
    moment: usize,
    /// Number of the first of them.
    attempt: u32,
    /// When that began.
    first_ms: u64,
    /// How its text begins.
    head: String,
}

impl<'a> Teller<'a> {
    fn new(record: &'a Record, started: &'a RunStarted, events: &'a [Event]) -> Self {
        let role = |step: StepId| started.steps.get(step.index()).map(|header| header.role);
        let passed = |event: &Event| match &event.body {
            EventBody::StepFinished(finished) if finished.result.passed() => role(finished.step),
            _ => None,
        };
        let finished = record.finished.as_ref();
        let resolved = finished
            .and_then(|end| end.recovered_ms)
            .and_then(|at| events.iter().rposition(|event| event.mono_ms == at && passed(event).is_some()));
        let acted =
            |before: usize| events[..before].iter().rposition(|event| passed(event) == Some(Role::Act));
        let contained = finished.is_some_and(|end| end.outcome == Outcome::Contained);
        let mitigated = match resolved {
            Some(resolved) => acted(resolved),
            None if contained => acted(events.len()),
            None => None,
        };
        let day = events.first().map_or("", |event| day(&event.at));
        let open = vec![None; started.steps.len()];
        Self { record, started, day, resolved, mitigated, moments: Vec::new(), open }
    }

    fn tell(mut self, events: &[Event]) -> Vec<Moment> {
        for (index, event) in events.iter().enumerate() {
            self.event(event);
            let contained = self.resolved.is_none();
            if self.mitigated == Some(index) {
                let text = if contained { "contained: nothing verified a recovery" } else { "mitigated" };
                self.push(event, Tone::Milestone, text.to_owned());
            }
            if self.resolved == Some(index) {
                self.push(event, Tone::Milestone, "resolved: the recovery was verified".to_owned());
            }
        }
        if self.record.finished.is_none()
            && let Some(last) = events.last()
        {
            let text = "the record stops here: what came of the run is unknown";
            self.push(last, Tone::Warn, text.to_owned());
        }
        self.moments
    }

    fn push(&mut self, event: &Event, tone: Tone, text: String) {
        let clock = clock(&event.at, self.day);
        self.moments.push(Moment { clock, after_ms: Some(event.mono_ms), tone, text });
    }

    fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::RunStarted(started) => {
                if let Some(at) = &started.detected_at {
                    let (clock, text) = (clock(at, self.day), "detected: the alert fired".to_owned());
                    self.moments.push(Moment { clock, after_ms: None, tone: Tone::Milestone, text });
                }
                self.push(event, Tone::Milestone, "run started".to_owned());
            }
            EventBody::StepStarted { step, attempt, purpose, .. } => {
                self.step_started(event, *step, *attempt, *purpose);
            }
            EventBody::StepFinished(finished) => self.step_finished(event, finished),
            EventBody::StepRetrying { .. } => {}
            EventBody::StepSkipped { .. } => {}
            EventBody::Decision { step, answer, by } => {
                let name = self.name(*step);
                let text = format!("decision on {name}: {} ({by})", words::answer(*answer));
                self.push(event, Tone::Plain, text);
            }
            EventBody::Confirmation { question, answer, by, waited_ms, note, .. } => {
                let mut text =
                    format!("{}: {} ({by}", first_line(question).replace('`', ""), words::choice(*answer));
                if *waited_ms > 0 {
                    text.push_str(&format!(", after {}", millis(*waited_ms)));
                }
                text.push(')');
                // The note of an edit is the edited command, which stands with the step.
                if let Some(note) = note.as_ref().filter(|_| *answer != Choice::Edit) {
                    text.push_str(&format!(": {note}"));
                }
                self.push(event, Tone::Plain, text);
            }
            EventBody::Stage { text } => self.push(event, Tone::Plain, format!("stage: {text}")),
            EventBody::Fault { fault, what } => {
                self.push(event, Tone::Plain, format!("fault {fault}: {what}"));
            }
            // The document's own notes stand in the document.
            EventBody::Note { step: Some(_), .. } => {}
            EventBody::Note { step: None, text } => self.push(event, Tone::Plain, format!("note: {text}")),
            EventBody::Notification { notifier, result } => {
                self.push(event, Tone::Plain, format!("notifier {notifier}: {result}"));
            }
            EventBody::Resume { unknown, from, .. } => {
                let mut text = "continued by another engine".to_owned();
                if let Some(step) = unknown {
                    text.push_str(&format!("; what {} did is unknown", self.name(*step)));
                }
                if let Some(step) = from {
                    text.push_str(&format!("; everything from {} on is done again", self.name(*step)));
                }
                self.push(event, Tone::Warn, text);
                self.open.fill(None);
            }
            EventBody::Cancel { cause } => {
                self.push(event, Tone::Warn, format!("stopped: {}", words::cause(cause)));
            }
            EventBody::RunFinished(finished) => {
                let text = format!("run finished: {}", words::outcome(finished.outcome));
                self.push(event, Tone::Milestone, text);
            }
            EventBody::Output { .. } | EventBody::Target { .. } | EventBody::Unknown => {}
        }
    }

    fn step_started(&mut self, event: &Event, step: StepId, attempt: u32, purpose: Purpose) {
        // Attempts that follow one another are one moment: a verify may need dozens.
        let last = self.moments.len().checked_sub(1);
        let open = self.open.get(step.index()).and_then(Option::as_ref);
        if open.is_some_and(|open| Some(open.moment) == last) {
            return;
        }
        let why = words::purpose(purpose).map(|why| format!(", {why}")).unwrap_or_default();
        let head = format!("{}{why}", self.described(step));
        self.push(event, Tone::Warn, format!("{head}: was running when the record stops"));
        if let Some(open) = self.open.get_mut(step.index()) {
            *open = Some(Open { moment: self.moments.len() - 1, attempt, first_ms: event.mono_ms, head });
        }
    }

    fn step_finished(&mut self, event: &Event, finished: &StepFinished) {
        let tone = match &finished.result {
            StepResult::Passed | StepResult::Done { .. } => Tone::Good,
            StepResult::Failed { .. }
            | StepResult::Mismatched { .. }
            | StepResult::TimedOut { .. }
            | StepResult::Signaled { .. }
            | StepResult::CouldNotStart { .. } => Tone::Bad,
            StepResult::Cancelled | StepResult::LeftOpen | StepResult::Unknown => Tone::Warn,
        };
        let mut said = format!("{} in {}", words::result(&finished.result), millis(finished.wall_ms));
        if let StepResult::Done { note: Some(note) } = &finished.result {
            said = format!("{said} ({note})");
        }
        let Some(open) = self.open.get(finished.step.index()).and_then(Option::as_ref) else {
            let text = format!("{}: {said}", self.described(finished.step));
            self.push(event, tone, text);
            return;
        };
        if finished.attempt > 1 {
            let total = millis(event.mono_ms.saturating_sub(open.first_ms));
            let total =
                if finished.attempt > open.attempt { format!(", {total} in all") } else { String::new() };
            said = format!("{said} (attempt {}{total})", finished.attempt);
        }
        let moment = &mut self.moments[open.moment];
        moment.tone = tone;
        moment.text = format!("{}: {said}", open.head);
    }

    fn name(&self, step: StepId) -> String {
        match self.started.steps.get(step.index()) {
            Some(header) => format!("step {} {}", header.id, header.label),
            None => "a step that the plan does not have".to_owned(),
        }
    }

    fn described(&self, step: StepId) -> String {
        let role = self.started.steps.get(step.index()).map(|header| words::role(header.role));
        format!("{} ({})", self.name(step), role.unwrap_or("unknown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_names_its_day_where_it_is_another_one() {
        assert_eq!(clock("2026-01-02T03:04:05.000Z", "2026-01-02"), "03:04:05");
        assert_eq!(clock("2026-01-03T00:00:01.000Z", "2026-01-02"), "2026-01-03 00:00:01");
        assert_eq!(clock("yesterday", "2026-01-02"), "yesterday");
        assert_eq!(clock("yesterday, at three", "2026-01-02"), "yesterday, at three");
        assert_eq!(day("é"), "é");
    }
}
