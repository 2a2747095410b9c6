//! The live line of a run on a terminal: step, elapsed time, last line of output, countdown.
//!
//! It is drawn on standard error and never part of the record: lines that stay are
//! [`super::terminal`]'s, and are written while the live line is hidden.

use super::style::{Style, fit, printable, time};
use crate::event::{Event, EventBody};
use crate::plan::StepId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// How often the clock on the line moves.
const TICK: Duration = Duration::from_millis(100);

/// The live line.
#[derive(Debug)]
pub struct Progress {
    /// There while a step runs.
    bar: Option<ProgressBar>,
    now: Arc<Mutex<Now>>,
    labels: Vec<String>,
}

/// What the line shows besides the time.
#[derive(Debug, Default)]
struct Now {
    step: String,
    since: Duration,
    last: String,
    /// The time-to-recovery target.
    deadline: Option<Duration>,
    /// How long before the run's start the target's clock began.
    before: Duration,
    columns: usize,
}

impl Progress {
    /// A line on standard error, `columns` wide, for a run that begins now. `deadline` is its
    /// time-to-recovery target.
    pub fn new(columns: usize, deadline: Option<Duration>) -> Self {
        let now = Arc::new(Mutex::new(Now { deadline, columns, ..Now::default() }));
        Self { bar: None, now, labels: Vec::new() }
    }

    /// Shows one event: `write` writes the lines that stay, while the moving line is off the screen.
    pub fn around<T>(&mut self, event: &Event, write: impl FnOnce() -> T) -> T {
        if matches!(event.body, EventBody::StepFinished(_) | EventBody::RunFinished(_)) {
            self.hide();
        }
        let written = match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        self.event(event);
        written
    }

    fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::RunStarted(started) => {
                self.lock().before = Duration::from_millis(started.before_ms);
                self.labels =
                    started.steps.iter().map(|step| format!("[{}] {}", step.id, step.label)).collect();
            }
            // A step without a limit is a person's: they are asked, and need a quiet screen.
            EventBody::StepStarted { step, attempt, timeout_ms, .. } if *timeout_ms > 0 => {
                let what = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                self.step(*step, &what, event.mono_ms);
            }
            // Also while the next attempt is waited for, the time goes on.
            EventBody::StepRetrying { step, attempt, .. } => {
                self.step(*step, &format!(", attempt {attempt} follows"), event.mono_ms);
            }
            EventBody::Output { text, .. } => {
                if let Some(last) = text.lines().rev().find(|line| !line.trim().is_empty()) {
                    self.lock().last = printable(last, Style::Plain);
                }
            }
            EventBody::StepFinished(_)
            | EventBody::RunFinished(_)
            | EventBody::StepStarted { .. }
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
            | EventBody::Unknown => {}
        }
    }

    /// Shows the line for a step, with `what` behind its label.
    fn step(&mut self, step: StepId, what: &str, mono_ms: u64) {
        let since = Duration::from_millis(mono_ms);
        {
            let mut now = self.lock();
            now.step = self.labels.get(step.index()).cloned().unwrap_or_default() + what;
            now.since = since;
            now.last.clear();
        }
        self.show(since);
    }

    /// Shows the line for `what`, which begins now and is no step.
    pub fn begin(&mut self, what: &str) {
        {
            let mut now = self.lock();
            now.step = what.to_owned();
            now.since = Duration::ZERO;
            now.last.clear();
        }
        self.show(Duration::ZERO);
    }

    /// Shows what was said last.
    pub fn say(&self, line: &str) {
        if !line.trim().is_empty() {
            self.lock().last = printable(line, Style::Plain);
        }
    }

    /// Puts the line on the screen; `elapsed` is the run's time so far.
    fn show(&mut self, elapsed: Duration) {
        let shared = Arc::clone(&self.now);
        let style = ProgressStyle::with_template("{line}").expect("the template is constant").with_key(
            "line",
            move |state: &ProgressState, out: &mut dyn Write| {
                let now = shared.lock().unwrap_or_else(PoisonError::into_inner);
                // A line that cannot be drawn is drawn again a moment later.
                let _ = out.write_str(&line(&now, state.elapsed()));
            },
        );
        self.hide();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let bar = bar.with_style(style).with_elapsed(elapsed);
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    /// Takes the line off the screen until the next step starts.
    pub fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(now: &Now, elapsed: Duration) -> String {
    let since_alert = now.before + elapsed;
    let target = now.deadline.map(|deadline| match deadline.checked_sub(since_alert) {
        Some(left) => format!(" · target in {}", time(left)),
        None => format!(" · target missed by {}", time(since_alert - deadline)),
    });
    let numbers = format!(" · {}{}", time(elapsed.saturating_sub(now.since)), target.unwrap_or_default());
    let last = if now.last.is_empty() { String::new() } else { format!(" · {}", now.last) };
    // The numbers are never cut; a long label leaves a third of the rest to the output.
    let room = now.columns.saturating_sub(numbers.width());
    let label = fit(&now.step, room - last.width().min(room / 3));
    let left = room.saturating_sub(label.width());
    let last = if left > " · ".width() + 1 { fit(&last, left) } else { String::new() };
    fit(&format!("{label}{numbers}{last}"), now.columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_is_cut_and_the_numbers_are_not() {
        let seconds = Duration::from_secs;
        let step = "[2] If auto-recovery does not bring the engine back, restart it by hand at the console";
        let mut now = Now { step: step.into(), columns: 80, ..Now::default() };
        now.deadline = Some(seconds(120));
        assert_eq!(
            line(&now, seconds(100)),
            "[2] If auto-recovery does not bring the engine ba… · 1 min 40 s · target in 20 s"
        );
        now.last = "waiting for the database".into();
        let text = line(&now, seconds(150));
        assert_eq!(text, "[2] If auto-recovery does no… · 2 min 30 s · target missed by 30 s · waiting fo…");
        assert!(text.width() <= 80, "{text}");
        now.last = "up".into();
        assert_eq!(
            line(&now, seconds(150)),
            "[2] If auto-recovery does not bring t… · 2 min 30 s · target missed by 30 s · up"
        );
    }

    #[test]
    fn the_line_has_step_time_countdown_and_last_output() {
        let seconds = Duration::from_secs;
        let mut now =
            Now { step: "[2] Force restart".into(), since: seconds(3), columns: 80, ..Now::default() };
        assert_eq!(line(&now, seconds(5)), "[2] Force restart · 2.0 s");
        now.deadline = Some(seconds(30));
        now.last = "stopping engine 3".into();
        assert_eq!(line(&now, seconds(5)), "[2] Force restart · 2.0 s · target in 25 s · stopping engine 3");
        assert_eq!(
            line(&now, seconds(45)),
            "[2] Force restart · 42 s · target missed by 15 s · stopping engine 3"
        );
        now.before = seconds(60);
        assert_eq!(
            line(&now, seconds(5)),
            "[2] Force restart · 2.0 s · target missed by 35 s · stopping engine 3",
            "the alert fired long before"
        );
        now.before = Duration::ZERO;
        now.columns = 30;
        assert_eq!(line(&now, seconds(5)), "[2]… · 2.0 s · target in 25 s");
    }
}
