//! One procedure as a test: what runs in the sandbox, and reports to the process outside as JSON.

use crate::check::outcome::{Problem, StepStatus, TestStep};
use crate::check::{Captures, Diff, Ended, ExpectedEnd, Verdict, check, wrong_end};
use crate::cli::documents::Documents;
use crate::cli::exec::{self, Settings};
use crate::cli::failure::{DOCUMENT, Failure, Outcome, USAGE};
use crate::cli::procedure::pairs;
use crate::cli::{Host, ask, texts};
use crate::event::{EventBody, SkipReason, StepFinished, StepResult, Stream};
use crate::plan::{self, Arguments, Plan, Problem as PlanProblem, StepId, Values, Work};
use crate::report::style::Style;
use crate::report::terminal::Verbosity;
use crate::run::{ConfirmPolicy, FailurePolicy, Policy, RecordError, Recorder, Run, execute};
use crate::runbook::{Expectation, Procedure, Runbook};
use clap::ArgMatches;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The hidden argument that makes this process the one inside.
pub(super) const ARGUMENT: &str = "inside";
/// The hidden argument that takes what commands print instead of comparing it.
pub(super) const BLESS: &str = "take-output";

/// Nothing is there that would recover by itself, so a verify is not repeated for long.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes kept of what a step that is over said, from its end.
const TAIL: usize = 8 << 10;

/// What the process inside says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) steps: Vec<TestStep>,
    /// Why the procedure could not be tried.
    pub(super) error: Option<String>,
    /// What steps print that the document does not say, when it is to be blessed.
    pub(super) actual: Vec<Actual>,
}

/// An output to bless.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Actual {
    /// Position of the step.
    pub(super) step: usize,
    /// All of its standard output; none if it is longer than what is recorded.
    pub(super) output: Option<String>,
    /// What was captured before it.
    pub(super) captures: Captures,
}

/// Runs the procedure in `directory` and writes the report.
pub(super) fn run(directory: &Path, matches: &ArgMatches, host: &mut Host<'_>) -> Outcome {
    let documents = Documents::load(&texts(matches, "paths"), host);
    if let Some(failure) = documents.failure() {
        return Err(failure);
    }
    let name = texts(matches, "procedure").pop().unwrap_or_default();
    let found = documents.runbooks.iter().find_map(|runbook| {
        Some((runbook, runbook.procedures.iter().find(|procedure| procedure.id == name)?))
    });
    let Some((runbook, procedure)) = found else {
        return Err(Failure::new(
            USAGE,
            format!("there is no procedure `{name}`"),
            "`runbook list` shows them",
        ));
    };
    let report = match plan(runbook, procedure, directory, pairs(matches, "param")) {
        Ok(plan) => perform(plan, procedure, matches.get_flag(BLESS), host)?,
        Err(error) => Report { error: Some(error), ..Report::default() },
    };
    let text = serde_json::to_string(&report).map_err(|error| {
        Failure::new(DOCUMENT, format!("the report cannot be written: {error}"), "say so")
    })?;
    host.out.write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
    Ok(0)
}

/// The plan of a test: with the document's values for tests, and manual steps passed over.
fn plan(
    runbook: &Runbook,
    procedure: &Procedure,
    directory: &Path,
    given: Vec<(String, String)>,
) -> Result<Plan, String> {
    let mut params: Vec<(String, String)> = procedure.test_arguments.clone();
    params.retain(|(name, _)| !super::tier::RESERVED.contains(&name.as_str()));
    // Of two values of a name, the last one counts.
    params.extend(given);
    let build = |assume_done: Vec<String>| {
        // A test takes nothing from the environment of whoever runs it.
        let environment = |_: &str| None;
        let values = Values {
            flags: BTreeMap::new(),
            params: params.clone(),
            file: Vec::new(),
            asked: BTreeMap::new(),
            environment: &environment,
        };
        let arguments = Arguments {
            values,
            decisions: Vec::new(),
            assume_done,
            workdir: directory.to_owned(),
            terminal: false,
            verify_timeout: Some(VERIFY_TIMEOUT),
        };
        plan::build(runbook, procedure, &arguments)
    };
    let said = |problems: Vec<PlanProblem>| {
        let texts = problems.into_iter().map(|problem| match problem {
            PlanProblem::Document(diagnostic) => {
                let place = runbook.source.place(diagnostic.span.start);
                format!("line {}: {}", place.line, diagnostic.message)
            }
            PlanProblem::Argument(argument) => argument.message,
        });
        texts.collect::<Vec<_>>().join("\n")
    };
    let manual = |plan: &Plan| -> Vec<String> {
        let is_manual = |it: &&plan::PlanStep| matches!(it.work, Work::Manual { .. });
        plan.steps.iter().filter(is_manual).map(|step| step.id.clone()).collect()
    };
    let first = build(Vec::new()).map_err(said)?;
    if let Some(open) = first.open_parameters().next() {
        return Err(format!("there is no value for `{}` (line {})", open.name, open.line));
    }
    match manual(&first) {
        none if none.is_empty() => Ok(first),
        manual => build(manual).map_err(said),
    }
}

/// Runs the plan to its end, or to the first step that fails.
fn perform(
    mut plan: Plan,
    procedure: &Procedure,
    bless: bool,
    host: &mut Host<'_>,
) -> Result<Report, Failure> {
    let mut promised = Vec::with_capacity(plan.steps.len());
    for step in &mut plan.steps {
        let directive = procedure.steps.iter().find(|it| it.id == step.id).map(|it| it.directive.clone());
        let directive = directive.unwrap_or_default();
        let expected = ExpectedEnd::new(directive.exit, directive.should_fail);
        if expected == ExpectedEnd::Failure {
            step.exit = Some(crate::runbook::ExitExpectation::Failure);
        }
        if directive.no_run && step.ignored.is_none() {
            step.ignored = Some("no-run: it is only parsed".to_owned());
        }
        // A test compares what a transcript shows, too.
        let expectation = step.expectation.take().map(|it| Expectation { example: false, ..it });
        promised.push((expected, expectation.clone()));
        step.expectation = expectation.filter(|_| !bless);
    }
    let settings = Settings {
        policy: Policy {
            confirm: ConfirmPolicy::Never,
            yes: true,
            unattended: true,
            stage: true,
            failing: FailurePolicy::StopAtFirst,
        },
        preflight: false,
        concurrent: true,
        verbosity: Verbosity::Quiet,
        style: Style::Plain,
        json: false,
    };
    let session = exec::session(&plan, settings, exec::depth(host)?, host);
    let started = exec::run_started(&plan, settings, host);
    let plan = Arc::new(plan);
    let mut collector = Collector {
        plan: &plan,
        promised: &promised,
        bless,
        streams: Default::default(),
        captures: Captures::default(),
        report: Report::default(),
        steps: vec![None; plan.steps.len()],
    };
    let finished = execute(Run {
        plan: Arc::clone(&plan),
        policy: settings.policy,
        opening: vec![EventBody::RunStarted(Box::new(started))],
        past: &[],
        clock_ms: 0,
        session,
        recorder: &mut collector,
        ask: Box::new(ask::Asker::new(None, &plan)),
        clock: host.clock,
    });
    let Collector { mut report, steps, .. } = collector;
    if let Err(error) = finished {
        report.error = Some(format!("it cannot be run: {error}"));
    }
    let not_run = |step: &plan::PlanStep| blank(step, StepStatus::NotRun);
    report.steps = plan
        .steps
        .iter()
        .zip(steps)
        .map(|(planned, step)| step.unwrap_or_else(|| not_run(planned)))
        .collect();
    Ok(report)
}

fn blank(step: &plan::PlanStep, status: StepStatus) -> TestStep {
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
struct Collector<'a> {
    plan: &'a Plan,
    promised: &'a [(ExpectedEnd, Option<Expectation>)],
    bless: bool,
    /// Standard output and standard error of the running attempt.
    streams: [String; 2],
    captures: Captures,
    report: Report,
    steps: Vec<Option<TestStep>>,
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
            _ => {}
        }
        Ok(())
    }
}

impl Collector<'_> {
    fn skipped(&mut self, step: StepId, reason: SkipReason) {
        let planned = self.plan.step(step);
        let status = match (reason, &planned.ignored) {
            (_, Some(reason)) => StepStatus::Ignored { reason: reason.clone() },
            (SkipReason::Blocked | SkipReason::Cancelled | SkipReason::NotTried, _) => StepStatus::NotRun,
            (SkipReason::NoTerminal, _) => StepStatus::Manual,
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
                if problems.is_empty() && !is_good {
                    let output = is_whole.then(|| stdout.clone());
                    self.report.actual.push(Actual { step: index, output, captures: before });
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
