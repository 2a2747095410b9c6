//! The events of a procedure's run, taken in and judged step by step.

use super::{Actual, Report};
use crate::check::outcome::{Problem, StepStatus, TestStep};
use crate::check::{Captures, Diff, Ended, ExpectedEnd, Verdict, check, wrong_end};
use crate::event::{EventBody, SkipReason, StepFinished, StepResult, Stream};
use crate::plan::{Plan, PlanStep, StepId};
use crate::run::{RecordError, Recorder};
use crate::runbook::Expectation;

/// Bytes kept of what a step that is over said, from its end.
const TAIL: usize = 8 << 10;

pub(super) fn blank(step: &PlanStep, status: StepStatus) -> TestStep {
    TestStep {
        id: step.id.clone(),
        label: step.label.clone(),
        line: step.line,
        status,
        wall_ms: 0,
        problems: Vec::new(),
        stdout: String::new(),
        stderr: String::new(),
        leaked: Vec::new(),
    }
}

/// Takes in the events of the run and judges each step that is over.
pub(super) struct Collector<'a> {
    plan: &'a Plan,
    promised: &'a [(ExpectedEnd, Option<Expectation>)],
    bless: bool,
    /// Standard output and standard error of the running attempt.
    streams: [String; 2],
    captures: Captures,
    actual: Vec<Actual>,
    steps: Vec<Option<TestStep>>,
    /// What the service said when the stage failed.
    pub(super) told: Vec<String>,
}

impl Recorder for Collector<'_> {
    fn record(&mut self, body: EventBody, _mono_ms: u64, _durable: bool) -> Result<(), RecordError> {
        match body {
            EventBody::StepStarted { .. } => self.streams = Default::default(),
            EventBody::Output { stream, text, late: false, .. } => {
                self.streams[usize::from(stream == Stream::Stderr)].push_str(&text);
            }
            EventBody::StepFinished(finished) => self.finished(*finished),
            EventBody::StepSkipped { step, reason, .. } => self.skipped(step, reason),
            EventBody::Stage { text } => self.told.push(text),
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        promised: &'a [(ExpectedEnd, Option<Expectation>)],
        bless: bool,
    ) -> Self {
        Self {
            plan,
            promised,
            bless,
            streams: Default::default(),
            captures: Captures::default(),
            actual: Vec::new(),
            steps: vec![None; plan.steps.len()],
            told: Vec::new(),
        }
    }

    /// What came of the steps.
    pub(super) fn report(self) -> Report {
        let steps = self.plan.steps.iter().zip(self.steps);
        let steps = steps.map(|(planned, step)| step.unwrap_or_else(|| blank(planned, StepStatus::NotRun)));
        Report { steps: steps.collect(), actual: self.actual, ..Report::default() }
    }

    fn skipped(&mut self, step: StepId, reason: SkipReason) {
        let planned = self.plan.step(step);
        let status = match (reason, &planned.ignored) {
            (_, Some(reason)) => StepStatus::Ignored { reason: reason.clone() },
            (
                SkipReason::Blocked | SkipReason::Cancelled | SkipReason::NotTried | SkipReason::NotTaken,
                _,
            ) => StepStatus::NotRun,
            (SkipReason::NoTerminal, _) => StepStatus::Manual,
            (SkipReason::Undecided, _) => StepStatus::Undecided,
            (SkipReason::Optional, _) => {
                StepStatus::Ignored { reason: "it is optional, and changes something".to_owned() }
            }
            _ => StepStatus::NotNeeded,
        };
        self.steps[step.index()] = Some(blank(planned, status));
    }

    fn finished(&mut self, finished: StepFinished) {
        let index = finished.step.index();
        let planned = self.plan.step(finished.step);
        let (expected, expectation) = &self.promised[index];
        let is_whole = finished.dropped_bytes[0] == 0;
        let [stdout, stderr] = std::mem::take(&mut self.streams);
        let mut problems = Vec::new();
        let ended = match &finished.result {
            StepResult::Passed | StepResult::Mismatched { .. } => None,
            StepResult::Failed { status, .. } => Some(Ended::Exit(*status)),
            StepResult::TimedOut { limit_ms } => Some(Ended::TimedOut(*limit_ms)),
            StepResult::Signaled { signal } => Some(Ended::Signal(*signal)),
            StepResult::CouldNotStart { reason } => Some(Ended::CouldNotStart(reason.clone())),
            StepResult::Cancelled => Some(Ended::CouldNotStart("the run was stopped".to_owned())),
            StepResult::Unknown => Some(Ended::CouldNotStart("its end is unknown".to_owned())),
            StepResult::Done { .. } | StepResult::LeftOpen => {
                self.steps[index] = Some(blank(planned, StepStatus::Manual));
                return;
            }
        };
        if let Some(ended) = ended {
            let bad = finished.statements.iter().rfind(|it| it.status != 0);
            let line = bad.map_or(planned.line, |statement| statement.line);
            let what = wrong_end(*expected, &ended).unwrap_or_else(|| format!("it ended with {ended}"));
            problems.push(Problem { what, line, diff: None });
        }
        if let Some(expectation) = expectation {
            let before = self.captures.clone();
            let verdict = is_whole.then(|| check(expectation, &stdout, &mut self.captures));
            if self.bless {
                let is_good = matches!(&verdict, Some(Verdict::Matched | Verdict::Malformed(_)));
                if !is_good {
                    let output = match problems.first() {
                        Some(problem) => Err(format!("step {}: {}", planned.id, problem.what)),
                        None if is_whole => Ok(stdout.clone()),
                        None => Err("the output is longer than what is recorded".to_owned()),
                    };
                    self.actual.push(Actual { step: index, output, captures: before });
                }
            } else {
                problems.extend(output_problem(expectation, verdict, &finished.result));
            }
        }
        let status = if problems.is_empty() { StepStatus::Passed } else { StepStatus::Failed };
        self.steps[index] = Some(TestStep {
            status,
            wall_ms: finished.wall_ms,
            problems,
            stdout: tail(stdout),
            stderr: tail(stderr),
            leaked: finished.leaked,
            ..blank(planned, StepStatus::Passed)
        });
    }
}

/// What is wrong with an output. `verdict` is on all of it, where all of it was recorded; else the run's
/// own word, which saw all of it, has to do.
fn output_problem(
    expectation: &Expectation,
    verdict: Option<Verdict>,
    result: &StepResult,
) -> Option<Problem> {
    let wrong = "the output is not the expected one";
    let problem = |what: &str, line, diff| Some(Problem { what: what.to_owned(), line, diff });
    match (verdict, result) {
        (Some(Verdict::Matched), _) => None,
        (Some(Verdict::Mismatched { diff }), _) => problem(wrong, diff.line, Some(diff)),
        (Some(Verdict::Malformed(malformed)), _) => {
            problem(&malformed.why, malformed.line(expectation), None)
        }
        (Some(Verdict::GaveUp { why }), _) => {
            problem(&format!("its output could not be compared: {why}"), expectation.line, None)
        }
        (None, StepResult::Mismatched { diff }) => {
            problem(wrong, expectation.line, Some(Diff::read(expectation.line, diff)))
        }
        (None, _) => None,
    }
}

/// The end of a text.
fn tail(mut text: String) -> String {
    if text.len() > TAIL {
        let from = (text.len() - TAIL..text.len()).find(|&at| text.is_char_boundary(at));
        text.drain(..from.unwrap_or(0));
    }
    text
}
