//! The shell text of a step, with its values in place.

use super::build::Problem;
use super::programs::{Surroundings, programs};
use super::stray;
use super::template::{self, Insertion};
use super::value::{Refused, Why};
use super::{BoundParameter, PlanStatement, RunMode, ShellWork, Work};
use crate::diagnostic::Diagnostic;
use crate::plan::ArgumentError;
use crate::runbook::{CommandBlock, CommandMode, ParameterForm, ParameterPlace, Procedure, Role, Step};
use crate::shell::{self, Effect, Hazard, Inside, Script, Statement};
use crate::source::Span;

/// Shell options of steps whose failure counts.
const STRICT: [&str; 3] = ["errexit", "pipefail", "nounset"];

/// Where parameters stand in a procedure's scripts.
pub(super) struct Scripts<'a> {
    /// For each step: its places in order, each with its parameter's index.
    places: Vec<Vec<(usize, &'a ParameterPlace)>>,
    procedure: &'a Procedure,
    parameters: &'a [BoundParameter],
    /// Variables of the session that hold a parameter's value, with its index.
    carried: Vec<(String, usize)>,
}

/// Names of the parameters in the text of step `index`, in order of first use.
pub(super) fn parameter_names(procedure: &Procedure, index: usize) -> Vec<String> {
    let used = procedure.parameters.iter().filter(|it| it.places.iter().any(|place| place.step == index));
    used.map(|parameter| parameter.name.clone()).collect()
}

impl<'a> Scripts<'a> {
    pub(super) fn new(procedure: &'a Procedure, parameters: &'a [BoundParameter]) -> Self {
        let mut places = vec![Vec::new(); procedure.steps.len()];
        for (index, parameter) in procedure.parameters.iter().enumerate() {
            for place in &parameter.places {
                if let Some(of_step) = places.get_mut(place.step) {
                    of_step.push((index, place));
                }
            }
        }
        for of_step in &mut places {
            of_step.sort_by_key(|(_, place)| place.script_span);
        }
        Self { places, procedure, parameters, carried: Vec::new() }
    }

    /// The work of step `index`, and every value that cannot be put in its place.
    pub(super) fn shell(
        &mut self,
        index: usize,
        step: &Step,
        block: &CommandBlock,
        terminal: bool,
        before: &mut Surroundings,
    ) -> (Work, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut insertions = Vec::new();
        let mut inserted = Vec::new();
        let mut open = false;
        let changes = step.effect > Effect::Reads;
        // What is wrong with a session's variable, wherever this text uses it.
        let held = |name: &str, value: &str, free: bool| {
            let mut refused = template::check_variable(&block.script, name, value, free);
            if changes {
                refused.extend(stray::carried(&block.script, name, value));
            }
            refused
        };
        for (index, place) in &self.places[index] {
            let bound = &self.parameters[*index];
            let free = self.procedure.parameters[*index].declaration.pattern.is_some();
            let value = bound.value.as_deref();
            open |= value.is_none();
            if place.form != ParameterForm::Variable {
                insertions.push(Insertion { span: place.script_span, value, secret: bound.secret, free });
                inserted.push(*index);
            } else if let (Some(name), Some(value)) = (&bound.variable, value) {
                let refused = held(name, value, free);
                problems.extend(refused.iter().map(|refused| refusal(block, refused, &bound.name)));
            }
        }
        // A value that an earlier step put into a variable is used by this one.
        for (variable, index) in &self.carried {
            let bound = &self.parameters[*index];
            let free = self.procedure.parameters[*index].declaration.pattern.is_some();
            let value = bound.value.as_deref().unwrap_or_default();
            let refused = held(variable, value, free);
            problems.extend(refused.iter().map(|refused| refusal(block, refused, &bound.name)));
        }
        let parsed = shell::parse(&block.script);
        let strays = stray::inserted(&block.script, &insertions, changes);
        let rendered = match template::render(&block.script, &insertions) {
            Ok(rendered) if strays.is_empty() => rendered,
            other => {
                let refused = other.err().unwrap_or(strays);
                let name = |span: Span| {
                    let at = insertions.iter().position(|insertion| insertion.span == span);
                    at.map_or("a value", |at| self.parameters[inserted[at]].name.as_str())
                };
                problems.extend(refused.iter().map(|it| refusal(block, it, name(it.span))));
                return (Work::Notes, problems);
            }
        };
        let set: Vec<&String> = parsed.variables.set.iter().map(|(name, _)| name).collect();
        self.carried.retain(|(name, _)| !set.contains(&name));
        self.carried.extend(rendered.assigned.iter().map(|(name, at)| (name.clone(), inserted[*at])));
        let line = |at: usize| block.line_at(at);
        let statements = parsed
            .statements
            .iter()
            .map(|statement| PlanStatement {
                text: rendered.slice(statement.span).to_owned(),
                line: line(statement.span.start),
                program: last_program(statement),
            })
            .collect();
        let work = ShellWork {
            open,
            statements,
            mode: mode(block, &parsed, terminal),
            options: options(step),
            programs: programs(&parsed, before, line),
            remote_lines: block.remote_lines.clone(),
            traceless: shell::leaves_no_trace(&parsed, &block.script),
            script: rendered.script,
            shown: rendered.shown,
        };
        (Work::Shell(work), problems)
    }
}

/// A value that cannot be put in its place: the caller's fault if another value could, else the
/// document's.
fn refusal(block: &CommandBlock, refused: &Refused, name: &str) -> Problem {
    let message = refused.message(name);
    if matches!(refused.why, Why::Place(_)) {
        let start = block.file_offset(refused.span.start);
        let span = Span::new(start, block.file_offset(refused.span.end).max(start));
        return Problem::Document(Diagnostic::error("unsafe-place", span, message).with_hint(refused.hint()));
    }
    let line = block.line_at(refused.span.start);
    Problem::Argument(ArgumentError::new(format!("{message} (line {line})"), refused.hint()))
}

/// Options of the step's own text: a failure of a step that looks is information, so it runs on.
fn options(step: &Step) -> Vec<String> {
    if let Some(declared) = &step.directive.options {
        return declared.clone();
    }
    match step.role {
        Role::Act | Role::Verify => STRICT.map(str::to_owned).to_vec(),
        Role::Observe | Role::Manual => Vec::new(),
    }
}

/// A command that may ask for something (`sudo`, `ssh`, `read`) gets the terminal where there is one, and
/// runs without it elsewhere.
fn mode(block: &CommandBlock, script: &Script, terminal: bool) -> RunMode {
    let may_ask =
        || script.commands().any(|command| shell::hazard(command, &block.script) == Some(Hazard::MayAsk));
    match block.mode {
        CommandMode::Once if terminal && may_ask() => RunMode::Interactive,
        CommandMode::Once => RunMode::Once,
        CommandMode::Repeat { every } => RunMode::Repeat { every },
        CommandMode::TimeBox => RunMode::TimeBox,
        CommandMode::Interactive => RunMode::Interactive,
    }
}

/// The program whose status a statement's is.
fn last_program(statement: &Statement) -> Option<String> {
    let plain = statement.commands.iter().rev().find(|command| command.inside == Inside::Plain);
    plain.and_then(|command| command.program()).map(str::to_owned)
}
