//! Which scenarios are rehearsed, and what is wrong with the others.

use super::nested::SCENARIOS;
use crate::cli::documents::{Documents, tidy};
use crate::cli::failure::{Failure, USAGE};
use crate::cli::project::Project;
use crate::cli::{Host, coloured, error_style, texts};
use crate::diagnostic::Diagnostic;
use crate::report::chaos::{Skipped, Status, Trial};
use crate::runbook::near::near;
use crate::runbook::{Procedure, Runbook};
use crate::source::Source;
use crate::stage::Scenario;
use crate::stage::trial::not_begun;
use clap::ArgMatches;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Longest scenario that is read, in bytes.
const MAX_SCENARIO: u64 = 1 << 16;
/// Scenarios in all, at most.
const MAX_SCENARIOS: usize = 1000;

/// The scenarios of a suite, in order.
pub(super) struct Selected {
    pub(super) entries: Vec<Entry>,
    /// Scenarios that are left out, and why.
    pub(super) skipped: Vec<Skipped>,
    /// All that the project names.
    pub(super) is_whole: bool,
}

/// A scenario's file.
pub(super) struct Entry {
    name: String,
    /// The file, absolute.
    pub(super) path: PathBuf,
    /// What it says; or the trial that stands for it, since it cannot be rehearsed.
    pub(super) scenario: Result<Scenario, Box<Trial>>,
}

impl Selected {
    /// Reads the scenarios; what is wrong with them is shown on standard error.
    pub(super) fn new(
        documents: &Documents,
        project: &Project,
        matches: &ArgMatches,
        host: &mut Host<'_>,
    ) -> Result<Self, Failure> {
        let paths = files(documents, project, matches, host)?;
        let mut text = String::new();
        let mut entries: Vec<Entry> = Vec::new();
        for path in paths {
            entries.push(read(path, &entries, documents, project, host, &mut text)?);
        }
        if !text.is_empty() {
            let text = coloured(&text, error_style(matches, host));
            // A closed standard error leaves nobody to be told; the results say it all the same.
            let _ = host.err.write_all(text.as_bytes());
        }
        let names = texts(matches, "scenario");
        for name in &names {
            let known = || entries.iter().map(|entry| entry.name.as_str());
            if !known().any(|known| known == name) {
                let hint = match near(name, known()).first() {
                    Some(meant) => format!("a scenario named `{meant}` exists"),
                    None => format!(
                        "there are {}",
                        known().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                return Err(Failure::new(USAGE, format!("there is no scenario `{name}`"), hint));
            }
        }
        if !names.is_empty() {
            entries.retain(|entry| names.contains(&entry.name));
        }
        let is_whole = names.is_empty() && texts(matches, "paths").is_empty();
        Ok(Self { entries, skipped: Vec::new(), is_whole })
    }
}

impl Selected {
    /// Leaves out, on a stage where `procedure` is rehearsed, what would run itself and what is too much.
    pub(super) fn leave_out(&mut self, procedure: Option<&str>, documents: &Documents) {
        let runs_this = |scenario: &Scenario| {
            let found = scenario.procedure(&documents.runbooks);
            found.is_some_and(|(_, found)| Some(found.id.as_str()) == procedure)
        };
        let mut kept = 0;
        let mut reason_of = |entry: &Entry| {
            let Ok(scenario) = &entry.scenario else { return None };
            if runs_this(scenario) {
                return Some("its procedure is the one that runs this suite".to_owned());
            }
            kept += 1;
            (kept > SCENARIOS).then(|| format!("on a stage only {SCENARIOS} scenarios are rehearsed"))
        };
        let skipped = &mut self.skipped;
        self.entries.retain(|entry| {
            let Some(reason) = reason_of(entry) else { return true };
            skipped.push(Skipped { scenario: entry.name.clone(), reason });
            false
        });
        self.skipped.sort_by(|one, other| one.reason.cmp(&other.reason));
        self.is_whole = false;
    }

    /// Whether one of the scenarios is about `procedure`.
    pub(super) fn rehearses(&self, procedure: &Procedure, runbooks: &[Runbook]) -> bool {
        let scenarios = self.entries.iter().filter_map(|entry| entry.scenario.as_ref().ok());
        scenarios.filter_map(|it| it.procedure(runbooks)).any(|(_, found)| std::ptr::eq(found, procedure))
    }
}

/// The files that hold the scenarios, in order.
fn files(
    documents: &Documents,
    project: &Project,
    matches: &ArgMatches,
    host: &Host<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    let given = texts(matches, "paths");
    let mut named: Vec<PathBuf> = Vec::new();
    for path in &given {
        let absolute = host.environment.cwd().join(path);
        if !host.files.exists(&absolute) {
            let message = format!("`{path}` does not exist");
            return Err(Failure::new(USAGE, message, "is the path right? it counts from here"));
        }
        named.push(tidy(&absolute));
    }
    let declared = documents.config.iter().flat_map(|(_, config)| &config.scenarios);
    if given.is_empty() {
        for path in declared {
            project.path_of("scenarios", path)?;
            named.push(tidy(&project.folder().join(&path.value)));
        }
    }
    let mut found = Vec::new();
    for path in named {
        if !host.files.is_dir(&path) {
            found.push(path);
            continue;
        }
        let listed = host.files.list(&path).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            Failure::new(USAGE, message, "may you read it?")
        })?;
        found.extend(listed.into_iter().filter(|it| !it.directory && is_yaml(&it.path)).map(|it| it.path));
    }
    // What stands first in a list may be in a directory behind it, too.
    let mut seen = HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    if found.is_empty() {
        let hint = "give files or directories of them, or name some under `scenarios:` in `runbook.yaml`";
        return Err(Failure::new(USAGE, "there are no scenarios", hint));
    }
    if found.len() > MAX_SCENARIOS {
        let message = format!("there are more than {MAX_SCENARIOS} scenarios");
        return Err(Failure::new(USAGE, message, "name fewer"));
    }
    Ok(found)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Reads one file and holds it against the project.
fn read(
    path: PathBuf,
    before: &[Entry],
    documents: &Documents,
    project: &Project,
    host: &Host<'_>,
    text: &mut String,
) -> Result<Entry, Failure> {
    let cwd = host.environment.cwd();
    let shown = path.strip_prefix(&cwd).unwrap_or(&path).to_owned();
    let unreadable = |why: String| {
        let message = format!("`{}` cannot be read: {why}", shown.display());
        Failure::new(USAGE, message, "a scenario is a small YAML file")
    };
    let bytes = host.files.read(&path, MAX_SCENARIO).map_err(|error| unreadable(error.to_string()))?;
    let source = Source::new(&shown, bytes).map_err(|error| unreadable(error.to_string()))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut say = |mistakes: &[Diagnostic]| {
        let mut reasons = Vec::new();
        for mistake in mistakes {
            text.push_str(&mistake.render(&source));
            let place = source.place(mistake.span.start);
            reasons.push(format!("{}:{}:{}: {}", shown.display(), place.line, place.column, mistake.message));
        }
        reasons.join("\n")
    };
    let scenario = match Scenario::read(&source) {
        Ok(scenario) => scenario,
        Err(mistake) => {
            let trial = nameless(&stem, say(&[mistake]));
            return Ok(Entry { name: stem, path, scenario: Err(Box::new(trial)) });
        }
    };
    let name = scenario.name.value.clone();
    let mut mistakes = scenario.mistakes(&project.file, &documents.runbooks);
    if let Some(other) = before.iter().find(|entry| entry.name == name) {
        let message = format!("a scenario named `{name}` stands in `{}`, too", other.path.display());
        let twice = Diagnostic::error("bad-scenario", scenario.name.span, message);
        mistakes.push(twice.with_hint("give each a name of its own"));
    }
    let scenario = match mistakes.as_slice() {
        [] => Ok(scenario),
        mistakes => Err(Box::new(not_begun(&scenario, 1, say(mistakes)))),
    };
    Ok(Entry { name, path, scenario })
}

/// The trial of a file that is no scenario.
fn nameless(stem: &str, reason: String) -> Trial {
    Trial {
        scenario: stem.to_owned(),
        procedure: String::new(),
        fault: String::new(),
        trial: 1,
        status: Status::Fail,
        error: true,
        reason: Some(reason),
        expected: None,
        branch: None,
        exit: None,
        outcome: None,
        run: None,
        wall_ms: 0,
        recovered_ms: None,
        targets: Vec::new(),
    }
}
