//! One procedure as a test: what runs in the sandbox, and reports to the process outside as JSON.

mod collect;
mod stage;

use crate::check::outcome::{Problem, StepStatus, TestStep};
use crate::check::{Captures, ExpectedEnd};
use crate::cli::documents::Documents;
use crate::cli::exec::{self, Settings};
use crate::cli::failure::{DOCUMENT, Failure, Outcome, USAGE};
use crate::cli::opening::run_started;
use crate::cli::procedure::pairs;
use crate::cli::project::Project;
use crate::cli::{Host, ask, texts};
use crate::event::EventBody;
use crate::plan::{self, Arguments, Plan, PlanStep, Problem as PlanProblem, Values, Work};
use crate::report::style::Style;
use crate::report::terminal::Verbosity;
use crate::run::{ConfirmPolicy, FailurePolicy, Policy, Recorder, Run, execute};
use crate::runbook::{Branch, Expectation, Procedure, Reach, Runbook};
use clap::ArgMatches;
use collect::Collector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The hidden argument that makes this process the one inside.
pub(super) const ARGUMENT: &str = "inside";
/// What the sandboxes are opened for.
pub(super) const RUN: &str = "test";
/// The hidden argument that takes what commands print instead of comparing it.
pub(super) const BLESS: &str = "take-output";
/// The hidden argument that brings the declared stage up first.
pub(super) const ON_STAGE: &str = "on-stage";

/// Where there is no stage, nothing recovers by itself, so a verify is not repeated for long.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(5);
/// On a stage a service may take its time to be well again; nobody waits for it as in an incident.
const VERIFY_TIMEOUT_ON_STAGE: Duration = Duration::from_secs(30);

/// Nobody looks on for longer at what is only watched for a while.
const TIME_BOX: Duration = Duration::from_secs(3);

/// What the process inside says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) steps: Vec<TestStep>,
    /// What is wrong besides the steps.
    pub(super) problems: Vec<Problem>,
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
    /// All of its standard output, or why it cannot be taken.
    pub(super) output: Result<String, String>,
    /// What was captured before it.
    pub(super) captures: Captures,
}

/// One procedure, and how it is tested.
struct Case<'a> {
    runbook: &'a Runbook,
    procedure: &'a Procedure,
    /// The stage it is on.
    stage: Option<&'a Project>,
    /// An empty directory.
    directory: &'a Path,
    bless: bool,
    /// Isolation was declined.
    on_host: bool,
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
    let stage = match matches.get_flag(ON_STAGE) {
        true => Project::find(&documents, host)?.ok(),
        false => None,
    };
    let bless = matches.get_flag(BLESS);
    let on_host = matches.get_flag("no-isolation");
    let case = Case { runbook, procedure, stage: stage.as_ref(), directory, bless, on_host };
    let report = match case.plan(pairs(matches, "param")) {
        Ok(plan) => case.perform(plan, host)?,
        Err(error) => Report { error: Some(error), ..Report::default() },
    };
    let text = serde_json::to_string(&report).map_err(|error| {
        Failure::new(DOCUMENT, format!("the report cannot be written: {error}"), "say so")
    })?;
    host.out.write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
    Ok(0)
}

impl Case<'_> {
    /// The plan of a test: with the values for tests, and manual steps passed over.
    fn plan(&self, given: Vec<(String, String)>) -> Result<Plan, String> {
        let mut params = self.procedure.test.values.clone();
        // Of two values of a name, the last one counts.
        params.extend(given);
        let mut inputs = Inputs { params, asked: BTreeMap::new(), assume_done: Vec::new() };
        let mut plan = self.build(&inputs)?;
        if let Some(stage) = self.stage
            && plan.open_parameters().next().is_some()
        {
            inputs.asked = stage.values_for(&plan);
            plan = self.build(&inputs)?;
        }
        if let Some(open) = plan.open_parameters().next() {
            return Err(format!("there is no value for `{}` (line {})", open.name, open.line));
        }
        let manual = plan.steps.iter().filter(|step| matches!(step.work, Work::Manual { .. }));
        inputs.assume_done = manual.map(|step| step.id.clone()).collect();
        if inputs.assume_done.is_empty() { Ok(plan) } else { self.build(&inputs) }
    }

    fn build(&self, inputs: &Inputs) -> Result<Plan, String> {
        // A test takes nothing from the environment of whoever runs it.
        let environment = |_: &str| None;
        let verify_timeout = match self.stage {
            Some(_) => VERIFY_TIMEOUT_ON_STAGE,
            None => VERIFY_TIMEOUT,
        };
        let arguments = Arguments {
            values: Values {
                flags: BTreeMap::new(),
                params: inputs.params.clone(),
                file: Vec::new(),
                asked: inputs.asked.clone(),
                environment: &environment,
            },
            decisions: self.decisions(),
            assume_done: inputs.assume_done.clone(),
            workdir: self.directory.to_owned(),
            terminal: false,
            verify_timeout: Some(verify_timeout),
        };
        plan::build(self.runbook, self.procedure, &arguments).map_err(|problems| {
            let texts = problems.into_iter().map(|problem| match problem {
                PlanProblem::Document(diagnostic) => {
                    let place = self.runbook.source.place(diagnostic.span.start);
                    format!("line {}: {}", place.line, diagnostic.message)
                }
                PlanProblem::Argument(argument) => argument.message,
            });
            texts.collect::<Vec<_>>().join("\n")
        })
    }

    /// A test that asks for the step behind a decision, or for the arm of a choice, has made it.
    fn decisions(&self) -> Vec<(String, String)> {
        let Some(Branch::Step(name)) = &self.procedure.test.branch else { return Vec::new() };
        let mut steps = self.procedure.steps.iter();
        let step = steps.find(|step| step.id == *name || step.slug == *name);
        let answer = step.and_then(|step| match &step.reach {
            Reach::Decision(decision) if decision.known_by.is_none() => {
                Some((step.id.clone(), "yes".to_owned()))
            }
            Reach::Arm { group, arm, .. } => Some((group.clone(), arm.to_string())),
            _ => None,
        });
        answer.into_iter().collect()
    }

    /// Runs the plan to its end, or to the first step that fails.
    fn perform(&self, mut plan: Plan, host: &mut Host<'_>) -> Result<Report, Failure> {
        let promised = promised(&mut plan, self.procedure, self.bless);
        let settings = Settings {
            policy: Policy {
                confirm: ConfirmPolicy::Never,
                yes: true,
                unattended: true,
                stage: true,
                failing: self.failing(),
            },
            preflight: false,
            concurrent: true,
            verbosity: Verbosity::Quiet,
            style: Style::Plain,
            json: false,
        };
        let session = exec::session(&plan, settings, exec::depth(host)?, host);
        let started = run_started(&plan, settings, host);
        let plan = Arc::new(plan);
        let mut collector = Collector::new(&plan, &promised, self.bless);
        let clock = host.clock;
        let mut run = |session, recorder: &mut dyn Recorder| {
            execute(Run {
                plan: Arc::clone(&plan),
                policy: settings.policy,
                opening: vec![EventBody::RunStarted(Box::new(started.clone()))],
                past: &[],
                clock_ms: 0,
                session,
                begun: None,
                recorder,
                ask: Box::new(ask::Asker::new(None, &plan, 0)),
                clock,
            })
        };
        let judged = match self.stage {
            None => run(session, &mut collector).map(|_| stage::Judged::default()),
            Some(declared) => {
                let on = stage::OnStage { declared, case: self, plan: &plan, started: &started };
                on.perform(session, &mut run, &mut collector, host)
            }
        };
        let mut report = collector.report();
        match judged {
            Err(error) => report.error = Some(format!("it cannot be run: {error}")),
            Ok(judged) => (report.error, report.problems) = (judged.error, judged.problems),
        }
        if self.takes_fallbacks() {
            fell_back(&plan, &mut report.steps);
        }
        if report.error.is_none() {
            report.problems.extend(self.wrong_branch(&plan, &report.steps));
        }
        Ok(report)
    }

    /// Whether a failure that has a fallback is no end of the test: where something is broken on purpose,
    /// or a fallback is asked for.
    fn takes_fallbacks(&self) -> bool {
        let test = &self.procedure.test;
        match test.branch {
            Some(Branch::Main) => false,
            Some(_) => true,
            None => test.fault.is_some(),
        }
    }

    fn failing(&self) -> FailurePolicy {
        if self.takes_fallbacks() { FailurePolicy::FallbackOrStop } else { FailurePolicy::StopAtFirst }
    }

    /// The way that was taken, if it is not the one that is tested.
    fn wrong_branch(&self, plan: &Plan, steps: &[TestStep]) -> Option<Problem> {
        let branch = self.procedure.test.branch.as_ref()?;
        let ran = |step: &TestStep| !matches!(step.status, StepStatus::NotRun | StepStatus::NotNeeded);
        let taken = plan.steps.iter().zip(steps).filter(|(_, step)| ran(step));
        let mut fallbacks = taken.clone().filter(|(planned, _)| planned.fallback_of().is_some());
        let what = match branch {
            Branch::Main => {
                let (_, step) = fallbacks.next()?;
                format!("its fallback, step {}, was taken, and the test asks for none", step.id)
            }
            Branch::Fallback if fallbacks.next().is_some() => return None,
            Branch::Fallback => "no fallback was taken, and the test asks for one".to_owned(),
            Branch::Step(name) => {
                let is_it = |planned: &PlanStep| planned.id == *name || planned.slug == *name;
                if taken.clone().any(|(planned, _)| is_it(planned)) {
                    return None;
                }
                format!("step `{name}` was not taken, and the test asks for it")
            }
        };
        let at = self.procedure.test.span.unwrap_or(self.procedure.heading).start;
        Some(Problem { what, line: self.runbook.source.line(at), diff: None })
    }
}

/// What a plan is made from.
struct Inputs {
    params: Vec<(String, String)>,
    asked: BTreeMap<String, String>,
    assume_done: Vec<String>,
}

/// Prepares the plan for a test; answers what each step promises.
fn promised(plan: &mut Plan, procedure: &Procedure, bless: bool) -> Vec<(ExpectedEnd, Option<Expectation>)> {
    let mut promised = Vec::with_capacity(plan.steps.len());
    let directives = procedure.steps.iter().map(|step| (step.id.as_str(), &step.directive));
    let directives: BTreeMap<_, _> = directives.collect();
    for step in &mut plan.steps {
        let directive = directives.get(step.id.as_str()).copied().cloned().unwrap_or_default();
        let expected = ExpectedEnd::new(directive.exit, directive.should_fail);
        if expected == ExpectedEnd::Failure {
            step.exit = Some(crate::runbook::ExitExpectation::Failure);
        }
        let watched = step.shell().is_some_and(|work| work.mode.has_time_box());
        if watched && directive.timeout.is_none() {
            step.timeout = step.timeout.min(TIME_BOX);
        }
        if directive.no_run && step.ignored.is_none() {
            step.ignored = Some("no-run: it is only parsed".to_owned());
        }
        // A test compares what a transcript shows, too.
        let expectation = step.expectation.take().map(|it| Expectation { example: false, ..it });
        promised.push((expected, expectation.clone()));
        step.expectation = expectation.filter(|_| !bless);
    }
    promised
}

/// Marks the failures that a fallback has made good.
fn fell_back(plan: &Plan, steps: &mut [TestStep]) {
    let passed = plan.iter().filter(|(id, _)| steps[id.index()].status == StepStatus::Passed);
    let good: Vec<_> = passed.flat_map(|(id, _)| plan.made_good_by(id)).collect();
    for id in good {
        let step = &mut steps[id.index()];
        if step.status == StepStatus::Failed {
            step.status = StepStatus::FellBack;
        }
    }
}
