//! Scenarios of the chaos suite: a fault, the procedure that must cope with it, and the branch it must take.
//!
//! One YAML file each. Only text becomes types here, and names are held against what the project has; nothing
//! is run, and no file is opened.

use super::config::StageFile;
use crate::diagnostic::Diagnostic;
use crate::event::Outcome;
use crate::plan::fold_name;
use crate::report::chaos::Branch;
use crate::runbook::near::near;
use crate::runbook::select::{Selection, select};
use crate::runbook::yaml::{Located, Mapping, read};
use crate::runbook::{Procedure, Reach, Runbook};
use crate::source::{Source, Span};
use serde::Deserialize;

/// Longest name, in characters: it is a row of a table.
const MAX_NAME: usize = 60;

/// A fault, the procedure that must cope with it, and how.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called in results and on the command line.
    pub name: Located<String>,
    /// One line for a person.
    pub description: Option<String>,
    /// The procedure that is rehearsed.
    pub procedure: Located<String>,
    /// The fault that is injected.
    pub fault: Located<String>,
    /// The branch that the procedure must take.
    pub branch: Located<Branch>,
    /// Values for the procedure's parameters; others are the stage's.
    #[serde(default)]
    pub parameters: Mapping<String>,
    /// What else must come of it.
    #[serde(default)]
    pub expect: Expect,
}

/// What must come of a run besides its branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The exit code that `exec` would have.
    pub exit: Option<i32>,
    /// What the run says of itself.
    pub outcome: Option<Outcome>,
}

impl Scenario {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not YAML, a key is unknown or missing, or a value makes no sense.
    pub fn read(source: &Source) -> Result<Self, Diagnostic> {
        let start = source.body_start();
        let scenario: Self = read(&source.text()[start..], start)?;
        let name = &scenario.name;
        let is_one_line = !name.value.trim().is_empty() && !name.value.contains(char::is_control);
        if !is_one_line || name.value.chars().count() > MAX_NAME {
            let message = format!("the name of a scenario is one line of at most {MAX_NAME} characters");
            return Err(wrong(name.span, message));
        }
        Ok(scenario)
    }

    /// The procedure it rehearses.
    pub fn procedure<'a>(&self, runbooks: &'a [Runbook]) -> Option<(&'a Runbook, &'a Procedure)> {
        match select(runbooks, &self.procedure.value) {
            Selection::Found(runbook, procedure) => Some((runbook, procedure)),
            Selection::Ambiguous { .. } | Selection::Missing { .. } => None,
        }
    }

    /// Everything it names that the project does not have.
    pub fn mistakes(&self, stage: &StageFile, runbooks: &[Runbook]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if let Err(none) = stage.fault(&self.procedure.value, Some(&self.fault.value)) {
            found.push(wrong(self.fault.span, none.message).with_hint(none.hint));
        }
        match select(runbooks, &self.procedure.value) {
            Selection::Found(runbook, procedure) if procedure.is_prose() => {
                let message = format!("nothing in `{}` can be run", procedure.title);
                let place = format!("{}:{}", runbook.source.path().display(), procedure.line);
                let hint = format!("a person must read it and do what it says: {place}");
                found.push(wrong(self.procedure.span, message).with_hint(hint));
            }
            Selection::Found(_, procedure) => self.hold_against(procedure, &mut found),
            Selection::Ambiguous { wanted, matches } => {
                let places: Vec<String> = matches.iter().map(|it| format!("`{}`", it.place())).collect();
                let message = format!("`{wanted}` names {} procedures", places.len());
                let hint = format!("give the place instead of the name: {}", places.join(", "));
                found.push(wrong(self.procedure.span, message).with_hint(hint));
            }
            Selection::Missing { wanted, near } => {
                let hint = match near.first() {
                    Some(meant) => format!("a procedure named `{}` exists", meant.procedure.title),
                    None => "`runbook list` shows all procedures".to_owned(),
                };
                let message = format!("no procedure is called `{wanted}`");
                found.push(wrong(self.procedure.span, message).with_hint(hint));
            }
        }
        found
    }

    fn hold_against(&self, procedure: &Procedure, found: &mut Vec<Diagnostic>) {
        let names: Vec<&str> = procedure.parameters.iter().map(|it| it.name.as_str()).collect();
        for (name, _) in &self.parameters.0 {
            if names.iter().any(|known| fold_name(known) == fold_name(&name.value)) {
                continue;
            }
            let hint = match near(&name.value, names.iter().copied()).first() {
                Some(meant) => format!("a parameter named `{meant}` exists"),
                None if names.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", list(&names)),
            };
            let message = format!("`{}` has no parameter `{}`", procedure.title, name.value);
            found.push(wrong(name.span, message).with_hint(hint));
        }
        if self.branch.value == Branch::Fallback && !has_fallback(procedure) {
            let message = format!("`{}` has no fallback", procedure.title);
            found.push(wrong(self.branch.span, message).with_hint("its only branch is `main`"));
        }
    }
}

/// Whether a step of `procedure` is reached only after another has failed.
pub fn has_fallback(procedure: &Procedure) -> bool {
    procedure.steps.iter().any(|step| matches!(step.reach, Reach::Fallback { .. }))
}

fn wrong(span: Span, message: String) -> Diagnostic {
    Diagnostic::error("bad-scenario", span, message)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
