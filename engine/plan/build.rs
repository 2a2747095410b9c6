//! Runbook + arguments → Plan: parameters bound, references resolved, time limits set.
//!
//! Pure and total: it returns a plan, or everything that is wrong at once.

use super::arguments::Arguments;
use super::bind::{ArgumentError, bind};
use super::label::filled;
use super::programs::Surroundings;
use super::work::{self, Scripts};
use super::{BoundParameter, NotRun, Plan, PlanReach, PlanStep, ProcedureHeader, RunMode, StepId, Work};
use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::runbook::near::near;
use crate::runbook::{Action, CommandMode, Inference, Procedure, Reach, Role, Runbook, Step, When};
use crate::shell::Effect;
use crate::source::Span;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::time::Duration;

/// Longest time one attempt of an observing step, or of a verify that only reads, may take.
pub const OBSERVE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time one attempt of a step that may change something may take.
pub const ACT_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a command that never ends is watched.
pub const TIME_BOX: Duration = Duration::from_secs(30);
/// Pause between two attempts.
const EVERY: Duration = Duration::from_secs(2);

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The document's fault: exit code 3.
    Document(Diagnostic),
    /// The command line's fault: exit code 2.
    Argument(ArgumentError),
}

/// Builds the plan of `procedure`. Parameters without a value stay open; whether that may be is the
/// caller's to say ([`Plan::open_parameters`]).
///
/// # Errors
/// Every fault of the document and of the arguments, at once.
pub fn build(
    runbook: &Runbook,
    procedure: &Procedure,
    arguments: &Arguments<'_>,
) -> Result<Plan, Vec<Problem>> {
    let (parameters, wrong) = bind(procedure, &arguments.values);
    let mut problems: Vec<Problem> = wrong.into_iter().map(Problem::Argument).collect();
    let mut builder = Builder { procedure, arguments, problems: Vec::new() };
    let steps = builder.steps(&parameters);
    problems.append(&mut builder.problems);
    // The same mistake with a value is found at each place of a line.
    let mut said = HashSet::new();
    problems.retain(|problem| match problem {
        Problem::Document(_) => true,
        Problem::Argument(error) => said.insert(error.message.clone()),
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = runbook.source.text();
    Ok(Plan {
        procedure: ProcedureHeader {
            id: procedure.id.clone(),
            title: procedure.title.clone(),
            kind: procedure.kind,
            file: runbook.source.path().to_owned(),
            line: procedure.line,
            severity: procedure.severity.clone(),
            targets: procedure.targets.clone(),
        },
        steps,
        parameters,
        notes: procedure.notes.clone(),
        not_run: not_run(procedure),
        document_sha256: Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        workdir: arguments.workdir.clone(),
        verify_timeout: arguments.verify_timeout,
    })
}

fn not_run(procedure: &Procedure) -> Vec<NotRun> {
    let blocks = procedure.possible.iter();
    blocks.map(|block| NotRun { line: block.line, language: block.language.clone() }).collect()
}

/// Faults of the document that are in the way of every plan of `procedure`, whatever the arguments are.
pub fn faults(runbook: &Runbook, procedure: &Procedure) -> Vec<Diagnostic> {
    let problems = build(runbook, procedure, &Arguments::none()).err().unwrap_or_default();
    let faults = problems.into_iter().filter_map(|problem| match problem {
        Problem::Document(diagnostic) => Some(diagnostic),
        Problem::Argument(_) => None,
    });
    faults.collect()
}

struct Builder<'a> {
    procedure: &'a Procedure,
    arguments: &'a Arguments<'a>,
    problems: Vec<Problem>,
}

impl Builder<'_> {
    fn steps(&mut self, parameters: &[BoundParameter]) -> Vec<PlanStep> {
        self.check_answers();
        let mut scripts = Scripts::new(self.procedure, parameters);
        let mut before = Surroundings::default();
        let mut steps = Vec::with_capacity(self.procedure.steps.len());
        let mut previous_plain = None;
        for (index, step) in self.procedure.steps.iter().enumerate() {
            let assumed_done = self.arguments.assume_done.iter().any(|name| names(name, step));
            let (mut done, refused) = match &step.action {
                Action::Command(block) => {
                    scripts.shell(index, step, block, self.arguments.terminal, &mut before)
                }
                Action::Manual { text } => {
                    (Work::Manual { text: filled(text, parameters), assumed_done }, Vec::new())
                }
                Action::Notes => (Work::Notes, Vec::new()),
            };
            self.problems.extend(refused);
            let mut role = step.role;
            let mut inferred = step.inferred.clone();
            if let Work::Shell(work) = &done
                && work.mode == RunMode::Interactive
                && !self.arguments.terminal
            {
                let what = "needs a terminal and there is none: a person does it".to_owned();
                inferred.push(Inference { what, line: step.line });
                role = Role::Manual;
                done = Work::Manual { text: work.shown.clone(), assumed_done };
            }
            let reach = self.reach(index, step, parameters);
            let needs = self.needs(step, previous_plain);
            let planned = PlanStep {
                id: step.id.clone(),
                slug: step.slug.clone(),
                label: filled(&step.label, parameters),
                line: step.line,
                phase: step.phase,
                role,
                effect: if role == Role::Manual { Effect::Reads } else { step.effect },
                reach,
                optional: step.optional,
                emergency: step.emergency,
                needs,
                work: done,
                always: step.directive.always,
                retry: step.directive.retry.unwrap_or(0),
                every: step.directive.every.unwrap_or(EVERY),
                timeout: step.directive.timeout.unwrap_or_else(|| timeout(step)),
                exit: step.directive.exit,
                expectation: step.expectation.clone(),
                notes: step.notes.clone(),
                inferred,
                parameters: work::parameter_names(self.procedure, index),
                ignored: step.directive.ignore.clone(),
            };
            if planned.is_plain() {
                previous_plain = Some(id(index));
            }
            steps.push(planned);
        }
        self.refuse_cycles(&steps);
        steps
    }

    /// Every step that `--decide` and `--assume-done` name must be there and be of that kind.
    fn check_answers(&mut self) {
        let steps = &self.procedure.steps;
        for (name, answer) in &self.arguments.decisions {
            let arms = steps
                .iter()
                .filter(|step| matches!(&step.reach, Reach::Arm { group, .. } if group == name))
                .count();
            let decision =
                steps.iter().any(|step| names(name, step) && matches!(step.reach, Reach::Decision(_)));
            if arms > 0 {
                if answer.parse::<usize>().is_ok_and(|arm| arm <= arms) {
                    continue;
                }
                self.wrong(
                    format!("`--decide {name}={answer}`: step {name} is a choice of {arms}"),
                    format!("give a number from 1 to {arms}, or 0 for none of them"),
                );
            } else if decision {
                if matches!(answer.as_str(), "yes" | "no") {
                    continue;
                }
                self.wrong(
                    format!("`--decide {name}={answer}`: the answer must be yes or no"),
                    format!("type --decide {name}=yes or --decide {name}=no"),
                );
            } else {
                let known: Vec<&str> = steps
                    .iter()
                    .filter_map(|step| match &step.reach {
                        Reach::Decision(_) => Some(step.id.as_str()),
                        Reach::Arm { group, arm: 1, .. } => Some(group.as_str()),
                        _ => None,
                    })
                    .collect();
                let hint = match known.as_slice() {
                    [] => format!("`{}` has none", self.procedure.title),
                    known => format!("decisions and choices are: {}", known.join(", ")),
                };
                self.wrong(format!("`--decide {name}={answer}`: `{name}` is no decision or choice"), hint);
            }
        }
        for name in &self.arguments.assume_done {
            match steps.iter().find(|step| names(name, step)) {
                Some(step) if step.role == Role::Manual || self.by_hand(step) => {}
                found => {
                    let what = if found.is_some() { "is no manual step" } else { "is no step" };
                    let manual: Vec<&str> = steps
                        .iter()
                        .filter(|step| step.role == Role::Manual)
                        .map(|step| step.id.as_str())
                        .collect();
                    let hint = match manual.as_slice() {
                        [] => format!("`{}` has no manual steps", self.procedure.title),
                        manual => format!("manual steps are: {}", manual.join(", ")),
                    };
                    self.wrong(format!("`--assume-done {name}`: `{name}` {what}"), hint);
                }
            }
        }
    }

    /// A command that a person runs, since it needs a terminal and there is none.
    fn by_hand(&self, step: &Step) -> bool {
        let interactive =
            matches!(&step.action, Action::Command(block) if block.mode == CommandMode::Interactive);
        interactive && !self.arguments.terminal
    }

    fn wrong(&mut self, message: String, hint: String) {
        self.problems.push(Problem::Argument(ArgumentError::new(message, hint)));
    }

    fn reach(&mut self, index: usize, step: &Step, parameters: &[BoundParameter]) -> PlanReach {
        if let Some(when) = &step.directive.when {
            let (name, passed) = match when {
                When::Failed(name) => (name, false),
                When::Passed(name) => (name, true),
                When::Plain => return PlanReach::Plain,
            };
            let Some(of) = self.find(step, "when", name) else { return PlanReach::Plain };
            if of >= index {
                let what = format!("step `{}` waits for `{name}`, which does not come before it", step.slug);
                self.fault("bad-when", step, what, "name a step above it");
                return PlanReach::Plain;
            }
            return if passed {
                PlanReach::AfterPass { of: id(of) }
            } else {
                PlanReach::Fallback { of: id(of) }
            };
        }
        let given = |name: &str| {
            self.arguments
                .decisions
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, answer)| answer.as_str())
        };
        match &step.reach {
            Reach::Plain => PlanReach::Plain,
            Reach::Fallback { of } => PlanReach::Fallback { of: id(*of) },
            Reach::With { of } => PlanReach::With { of: id(*of) },
            Reach::Decision(decision) => PlanReach::Decision {
                question: filled(&decision.question, parameters),
                known_by: decision.known_by.map(id),
                otherwise_of: decision.otherwise_of.map(id),
                given: given(&step.id).or_else(|| given(&step.slug)).map(|answer| answer == "yes"),
            },
            Reach::Arm { group, arm, text } => PlanReach::Arm {
                group: group.clone(),
                arm: *arm,
                text: filled(text, parameters),
                given: given(group).and_then(|answer| answer.parse().ok()),
            },
        }
    }

    fn needs(&mut self, step: &Step, previous_plain: Option<StepId>) -> Vec<StepId> {
        if step.directive.needs.is_empty() {
            return previous_plain.into_iter().collect();
        }
        step.directive.needs.iter().filter_map(|name| self.find(step, "needs", name)).map(id).collect()
    }

    /// The step that a directive names by number or slug.
    fn find(&mut self, step: &Step, key: &str, name: &str) -> Option<usize> {
        let steps = &self.procedure.steps;
        let found = steps
            .iter()
            .position(|other| other.id == name)
            .or_else(|| steps.iter().position(|other| other.slug == name));
        if found.is_none() {
            let verb = if key == "needs" { "needs" } else { "waits for" };
            let message = format!("step `{}` {verb} `{name}`, which is not defined", step.slug);
            let names: Vec<&str> = steps.iter().map(|other| other.slug.as_str()).collect();
            let hint = match near(name, names.iter().copied()).first() {
                Some(near) => format!("a step named `{near}` exists"),
                None => format!("steps are: {}", names.join(", ")),
            };
            self.fault(if key == "needs" { "unknown-need" } else { "unknown-step" }, step, message, hint);
        }
        found
    }

    fn fault(&mut self, code: &'static str, step: &Step, message: String, hint: impl Into<String>) {
        let span = step.directive.span.unwrap_or(Span::new(step.span.start, step.span.start));
        self.problems.push(Problem::Document(Diagnostic::error(code, span, message).with_hint(hint)));
    }

    fn refuse_cycles(&mut self, steps: &[PlanStep]) {
        let mut graph = Graph::new(steps.len());
        for (index, step) in steps.iter().enumerate() {
            for need in &step.needs {
                graph.need(index, need.index());
            }
        }
        let Some(cycle) = graph.cycle() else { return };
        let chain: Vec<String> =
            cycle.iter().chain(cycle.first()).map(|&index| format!("`{}`", steps[index].slug)).collect();
        let declared = cycle.iter().find(|&&index| !self.procedure.steps[index].directive.needs.is_empty());
        let step = &self.procedure.steps[declared.copied().unwrap_or(cycle[0])];
        let message = format!("steps wait for each other in a circle: {}", chain.join(" needs "));
        self.fault("cyclic-needs", step, message, "remove one of these `needs`");
    }
}

fn id(index: usize) -> StepId {
    StepId(u32::try_from(index).expect("a file of 16 MiB has fewer steps"))
}

/// Whether `name` is the step's number or its slug.
fn names(name: &str, step: &Step) -> bool {
    step.id == name || step.slug == name
}

fn timeout(step: &Step) -> Duration {
    match &step.action {
        Action::Command(block) if matches!(block.mode, CommandMode::Repeat { .. } | CommandMode::TimeBox) => {
            TIME_BOX
        }
        Action::Command(_) => match step.effect {
            Effect::Reads => OBSERVE_TIMEOUT,
            Effect::Changes | Effect::Destroys => ACT_TIMEOUT,
        },
        Action::Manual { .. } | Action::Notes => Duration::ZERO,
    }
}
