//! Where a run's events go: first into the journal, then to whoever watches.

use crate::event::{Choice, Event, EventBody};
use crate::host::{Clock, Files};
use crate::journal::{Exercises, Writer, hash};
use crate::plan::StepId;
use crate::report::progress::Progress;
use crate::report::terminal::Terminal;
use crate::run::{Question, RecordError, Recorder as Record};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

/// Who watches a run.
pub(super) enum Live<'a> {
    /// A person: lines that stay, and on a terminal a line that moves.
    Lines {
        /// The lines.
        lines: Box<Terminal<&'a mut (dyn Write + Send)>>,
        /// The commands of each step as a question shows them, where questions stand among the lines.
        commands: Option<Vec<Option<String>>>,
        /// The moving line.
        progress: Option<Progress>,
    },
    /// A program: each event as it stands in the journal.
    Events(&'a mut (dyn Write + Send)),
}

impl Live<'_> {
    /// Takes in what was shown before, without showing it.
    pub(super) fn remember(&mut self, past: &[Event]) {
        let Self::Lines { lines, progress, .. } = self else { return };
        for event in past {
            lines.remember(event);
            if let (Some(progress), EventBody::RunStarted(_)) = (progress.as_mut(), &event.body) {
                progress.around(event, || ());
            }
        }
    }

    /// A run that is resumed turns to `step` first.
    pub(super) fn goes_on_with(&mut self, step: Option<StepId>) {
        if let Self::Lines { lines, .. } = self {
            lines.goes_on_with(step);
        }
    }

    fn asking(&mut self, question: &Question) -> io::Result<()> {
        let Self::Lines { lines, commands, progress } = self else { return Ok(()) };
        if let Some(progress) = progress {
            progress.hide();
        }
        let shown = question.shows().and_then(|step| {
            let command = commands.as_ref()?.get(step.index())?.clone()?;
            Some((step, command))
        });
        lines.asking(shown)
    }

    fn event(&mut self, event: &Event, line: &str) -> io::Result<()> {
        match self {
            Self::Lines { lines, commands, progress } => {
                match progress {
                    None => lines.event(event)?,
                    Some(progress) => progress.around(event, || lines.event(event))?,
                }
                match edited(commands, event) {
                    None => Ok(()),
                    shown => lines.asking(shown),
                }
            }
            Self::Events(out) => {
                writeln!(out, "{line}")?;
                out.flush()
            }
        }
    }
}

/// What a person wrote in place of a step's commands: they were shown it, too, where they were asked.
fn edited(commands: &mut Option<Vec<Option<String>>>, event: &Event) -> Option<(StepId, String)> {
    let EventBody::Confirmation { step: Some(step), answer: Choice::Edit, note: Some(text), .. } =
        &event.body
    else {
        return None;
    };
    commands.as_mut()?.get_mut(step.index())?.replace(text.clone());
    Some((*step, text.clone()))
}

/// Records a run's events and shows them.
pub(super) struct Recorder<'a> {
    pub(super) writer: Writer,
    pub(super) clock: &'a dyn Clock,
    pub(super) live: Live<'a>,
    /// What was exercised so far.
    pub(super) exercises: Exercises,
    /// Where the shell's states are kept, if they are.
    pub(super) states: Option<(&'a dyn Files, PathBuf)>,
    /// The output was closed: nothing is shown any more.
    pub(super) closed: bool,
    /// The run was told so.
    pub(super) told: bool,
}

impl Record for Recorder<'_> {
    fn record(&mut self, mut body: EventBody, mono_ms: u64, durable: bool) -> Result<(), RecordError> {
        if let EventBody::RunFinished(finished) = &mut body {
            finished.events = self.writer.events();
            finished.exercised = Some(self.exercises.list());
        }
        let (event, line, written) = self.writer.record(self.clock, body, mono_ms, durable);
        if written.is_ok() {
            self.exercises.add(&event);
        }
        // What cannot be recorded is shown all the same: somebody may see it. But a step whose start cannot be
        // recorded is not started.
        let untrue = written.is_err() && matches!(event.body, EventBody::StepStarted { .. });
        self.closed = self.closed || (!untrue && self.live.event(&event, &line).is_err());
        written.map_err(RecordError::Journal)?;
        if self.closed && !self.told {
            self.told = true;
            return Err(RecordError::OutputClosed);
        }
        Ok(())
    }

    fn asking(&mut self, question: &Question) {
        self.closed = self.closed || self.live.asking(question).is_err();
    }

    fn keep_state(&mut self, script: &str) -> io::Result<String> {
        let Some((files, directory)) = &self.states else { return Err(ErrorKind::Unsupported.into()) };
        let name = state_name(script);
        match files.create(&directory.join(&name), script.as_bytes()) {
            // Named by what is in it: what is there is the same.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(name),
        }
    }
}

/// The name of a state of the shell, by which its content can be checked.
pub(super) fn state_name(script: &str) -> String {
    format!("state-{}", &hash(script)[..32])
}
