//! Which programs a step's own text needs, and what must be there before anything starts.
//!
//! Looks at texts only; whether a program is there is the caller's to say.

use super::{Plan, PlanReach, Program, StepId};
use crate::runbook::Role;
use crate::shell::{Command, Inside, Script, is_builtin};
use std::collections::BTreeSet;

/// Programs that put other programs in place.
const INSTALLERS: &[&str] = &[
    "apk", "apt", "apt-get", "brew", "cargo", "dnf", "dpkg", "gem", "go", "install", "make", "npm", "pip",
    "pip3", "pipx", "rpm", "snap", "yum",
];

/// What earlier text may have changed of what later text finds.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Functions and aliases defined so far.
    defined: BTreeSet<String>,
    /// Words of commands that may have made a file of that name.
    mentioned: BTreeSet<String>,
    /// The directory may be another.
    moved: bool,
    /// Anything may be on the PATH now.
    anything: bool,
}

/// The programs of `script` in order, each once; `line` leads from an offset to a line of the
/// document. `before` is what the earlier steps did, and takes in what this one does.
pub(super) fn programs(
    script: &Script,
    before: &mut Surroundings,
    line: impl Fn(usize) -> usize,
) -> Vec<Program> {
    let mut found: Vec<Program> = Vec::new();
    before.defined.extend(script.functions.iter().cloned());
    for command in script.commands() {
        if let Some(name) = command.program()
            && !name.is_empty()
            && !is_builtin(name)
            && !before.defined.contains(name)
            && !found.iter().any(|program| program.name == name)
        {
            let path = name.contains('/');
            let relative = path && !name.starts_with('/');
            let uncertain = before.anything
                || relative && before.moved
                || before.mentioned.contains(name)
                || path && before.mentioned.contains(name.rsplit('/').next().unwrap_or(name))
                || matches!(command.inside, Inside::Function | Inside::Control);
            found.push(Program { name: name.to_owned(), line: line(command.span.start), uncertain });
        }
        take_in(command, before);
    }
    found
}

fn take_in(command: &Command, before: &mut Surroundings) {
    let sets_path = command.assignments.iter().any(|assignment| assignment.name == "PATH");
    let program = command.program().unwrap_or_default();
    match program {
        "cd" | "pushd" | "popd" => before.moved = true,
        "source" | "." | "eval" => before.anything = true,
        "alias" => before.defined.extend(
            command
                .words
                .iter()
                .filter_map(|word| word.literal.as_deref()?.split_once('='))
                .map(|(name, _)| name.to_owned()),
        ),
        _ => {}
    }
    let installs = command
        .words
        .iter()
        .filter_map(|word| word.literal.as_deref())
        .any(|word| INSTALLERS.contains(&word));
    before.anything |= sets_path || installs;
    if crate::shell::effect(command) > crate::shell::Effect::Reads {
        let written = command.words.iter().skip(1).chain(&command.writes);
        before.mentioned.extend(written.filter_map(|word| word.literal.clone()));
    }
}

/// The programs that are not there, each with its step, as `is_there` says.
pub fn missing(plan: &Plan, is_there: impl Fn(&str) -> bool) -> Vec<(StepId, Program)> {
    let steps = plan.iter().filter(|(_, step)| step.ignored.is_none());
    steps
        .flat_map(|(id, step)| {
            step.shell().into_iter().flat_map(move |work| work.programs.iter().map(move |it| (id, it)))
        })
        .filter(|(_, program)| !program.uncertain && !is_there(&program.name))
        .map(|(id, program)| (id, program.clone()))
        .collect()
}

/// Whether a program that is missing for this step stops the run before it starts: acts, verifies
/// and fallbacks; observing and optional steps are only warned about.
pub fn stops(plan: &Plan, step: StepId) -> bool {
    let step = plan.step(step);
    !step.optional
        && (matches!(step.role, Role::Act | Role::Verify) || matches!(step.reach, PlanReach::Fallback { .. }))
}
