//! What a run's events say in sum: the shape that summaries and the JSON report are made from.
//!
//! A fold over events and nothing else: the same for a live run and for a journal read back.

use crate::event::{
    CancelCause, Choice, Event, EventBody, JudgedTarget, Outcome, Purpose, RunFinished, RunStarted,
    SkipReason, StepFinished, StepResult,
};
use crate::plan::StepId;
use crate::shell::{parse, sets_something};

/// A run, summed up.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The first event.
    pub started: Option<RunStarted>,
    /// When it was recorded.
    pub started_at: Option<String>,
    /// Steps in the plan's order.
    pub steps: Vec<StepRecord>,
    /// Targets in the order they were judged.
    pub targets: Vec<JudgedTarget>,
    /// Why the run was told to stop.
    pub cancelled: Option<CancelCause>,
    /// The last event.
    pub finished: Option<RunFinished>,
    /// When the last event was recorded.
    pub last_at: Option<String>,
    /// Milliseconds at the last event.
    pub last_ms: u64,
}

/// A step, summed up.
#[derive(Clone, Debug, Default)]
pub struct StepRecord {
    /// Attempts in order.
    pub attempts: Vec<Attempt>,
    /// Why it was passed over.
    pub skipped: Option<(SkipReason, Option<String>)>,
    /// What a person said of its failure; none once it is tried again.
    pub settled: Option<Settled>,
    /// What its last attempt ran, secrets masked.
    pub script: Option<String>,
    /// A person wrote that in place of the document's.
    pub edited: bool,
    /// They did, for the attempts to come.
    rewritten: bool,
}

/// How a person settled a step that had failed. Their words may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// They did it by hand.
    ByHand(String),
    /// The run goes on without it.
    Skipped(String),
}

/// One attempt of a step.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Why it ran.
    pub purpose: Purpose,
    /// Milliseconds at its start.
    pub started_ms: u64,
    /// Milliseconds at its end.
    pub ended_ms: Option<u64>,
    /// How it ended; none while it runs, or when the engine died.
    pub finished: Option<StepFinished>,
    /// It ended the shell, and what it had set there is lost.
    pub lost: bool,
}

impl Record {
    /// Takes one event in. Output passes through: it is not kept.
    pub fn apply(&mut self, event: &Event) {
        // A person's note may come long after the run, and notifiers are told of its end.
        if !matches!(event.body, EventBody::Note { step: None, .. } | EventBody::Notification { .. }) {
            self.last_ms = event.mono_ms;
            self.last_at = Some(event.at.clone());
        }
        match &event.body {
            EventBody::RunStarted(started) => {
                self.steps = vec![StepRecord::default(); started.steps.len()];
                self.started = Some((**started).clone());
                self.started_at = Some(event.at.clone());
            }
            EventBody::StepStarted { step, purpose, script, .. } => {
                let attempt = Attempt {
                    purpose: *purpose,
                    started_ms: event.mono_ms,
                    ended_ms: None,
                    finished: None,
                    lost: false,
                };
                if let Some(record) = self.step_mut(*step) {
                    record.attempts.push(attempt);
                    record.settled = None;
                    record.edited = record.rewritten && script.is_some();
                    record.script.clone_from(script);
                }
            }
            EventBody::StepFinished(finished) => {
                let started_ms = event.mono_ms.saturating_sub(finished.wall_ms);
                let finished = (**finished).clone();
                if let Some(record) = self.step_mut(finished.step) {
                    record.settled = None;
                    let sets =
                        || record.script.as_deref().is_some_and(|script| sets_something(&parse(script)));
                    let lost = finished.shell_ended && sets();
                    match record.attempts.last_mut().filter(|attempt| attempt.finished.is_none()) {
                        Some(attempt) => {
                            attempt.ended_ms = Some(event.mono_ms);
                            attempt.lost = lost;
                            attempt.finished = Some(finished);
                        }
                        // A manual step or one that could not start has no start of its own.
                        None => record.attempts.push(Attempt {
                            purpose: Purpose::Plan,
                            started_ms,
                            ended_ms: Some(event.mono_ms),
                            finished: Some(finished),
                            lost,
                        }),
                    }
                }
            }
            EventBody::StepSkipped { step, reason, detail } => {
                if let Some(record) = self.step_mut(*step) {
                    record.skipped = Some((*reason, detail.clone()));
                }
            }
            EventBody::Target { text, verdict, elapsed_ms, limit_ms } => {
                let judged = JudgedTarget {
                    text: text.clone(),
                    verdict: *verdict,
                    elapsed_ms: *elapsed_ms,
                    limit_ms: *limit_ms,
                };
                // A target judged again, after a resume, has the last verdict.
                match self.targets.iter_mut().find(|target| target.text == judged.text) {
                    Some(target) => *target = judged,
                    None => self.targets.push(judged),
                }
            }
            EventBody::Confirmation { step: Some(step), answer, note, .. } => {
                if let Some(record) = self.step_mut(*step) {
                    record.answered(*answer, note.clone().unwrap_or_default());
                }
            }
            EventBody::Cancel { cause } => self.cancelled = Some(cause.clone()),
            // What was the end is none any more; what is done anew is the document's again.
            EventBody::Resume { from, .. } => {
                self.cancelled = None;
                self.finished = None;
                let anew = from.map_or(self.steps.len(), StepId::index);
                self.steps.iter_mut().skip(anew).for_each(|step| step.rewritten = false);
            }
            EventBody::RunFinished(finished) => self.finished = Some((**finished).clone()),
            EventBody::Output { .. }
            | EventBody::StepRetrying { .. }
            | EventBody::Decision { .. }
            | EventBody::Confirmation { step: None, .. }
            | EventBody::Stage { .. }
            | EventBody::Fault { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::Unknown => {}
        }
    }

    /// The record of all of `events`.
    pub fn of(events: &[Event]) -> Self {
        let mut record = Self::default();
        for event in events {
            record.apply(event);
        }
        record
    }

    /// What came of the run, if it is over.
    pub fn outcome(&self) -> Option<Outcome> {
        self.finished.as_ref().map(|finished| finished.outcome)
    }

    fn step_mut(&mut self, step: StepId) -> Option<&mut StepRecord> {
        self.steps.get_mut(step.index())
    }
}

impl StepRecord {
    /// How the last attempt ended.
    pub fn result(&self) -> Option<&StepResult> {
        self.attempts.last()?.finished.as_ref().map(|finished| &finished.result)
    }

    /// It started and has not ended.
    pub fn is_open(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.finished.is_none())
    }

    fn answered(&mut self, answer: Choice, note: String) {
        match answer {
            Choice::DoneByHand => self.settled = Some(Settled::ByHand(note)),
            Choice::Skip => self.settled = Some(Settled::Skipped(note)),
            Choice::Edit => self.rewritten = true,
            Choice::Yes | Choice::No | Choice::Retry | Choice::Fallback | Choice::Abort => {}
        }
    }

    /// Wall time of all attempts in milliseconds.
    pub fn wall_ms(&self) -> u64 {
        self.attempts.iter().filter_map(|attempt| attempt.finished.as_ref()).map(|end| end.wall_ms).sum()
    }
}
