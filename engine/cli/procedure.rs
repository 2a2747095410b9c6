//! The procedure a command is about: found by name, its parameters as flags, its plan.

use super::documents::{Documents, file};
use super::failure::{DOCUMENT, Failure, USAGE};
use super::prescan::{PROCEDURE, Request};
use super::{Host, prose, texts};
use crate::diagnostic::{Diagnostic, Level};
use crate::plan::{self, Arguments, Plan, Values, fold_name};
use crate::runbook::select::{Selection, select};
use crate::runbook::yaml::{self, Mapping, Value};
use crate::runbook::{self, Parameter, Procedure, Runbook, quantity};
use crate::source::Source;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Longest parameter file that is read, in bytes.
const MAX_PARAMS: u64 = 1 << 20;

/// The documents, and which procedure of them is meant.
pub(super) struct Wanted {
    pub(super) documents: Documents,
    subcommand: String,
    /// The command line has a name for the procedure.
    named: bool,
    /// Index of the runbook and of the procedure in it, or why there is none.
    found: Result<(usize, usize), Failure>,
}

/// What the caller says on how to plan, besides values.
#[derive(Default)]
pub(super) struct Choices {
    pub(super) decisions: Vec<(String, String)>,
    pub(super) assume_done: Vec<String>,
    pub(super) verify_timeout: Option<Duration>,
    /// There is a terminal for the steps that need one.
    pub(super) terminal: bool,
    /// Answers to questions about parameters, by folded name.
    pub(super) asked: BTreeMap<String, String>,
}

/// The arguments of every subcommand that works on one procedure.
pub(super) fn arguments(command: Command) -> Command {
    command
        .arg(
            Arg::new(PROCEDURE)
                .value_name("PROCEDURE")
                .required(true)
                .help("Its name, without regard to case, spaces and hyphens"),
        )
        .arg(file())
}

/// The arguments that give a procedure's parameters values and say where it runs.
pub(super) fn planning(command: Command) -> Command {
    let command = arguments(command)
        .arg(
            Arg::new("param")
                .long("param")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .value_parser(pair)
                .help("Give a parameter its value (repeatable)"),
        )
        .arg(Arg::new("workdir").long("workdir").value_name("DIR").help("Start the shell there"));
    answers(command)
}

/// The arguments that answer beforehand what would be asked: values from a file, decisions, work done.
pub(super) fn answers(command: Command) -> Command {
    command
        .arg(Arg::new("params").long("params").value_name("FILE").help("Take values from a YAML mapping"))
        .arg(
            Arg::new("decide")
                .long("decide")
                .value_name("STEP=ANSWER")
                .action(ArgAction::Append)
                .value_parser(pair)
                .help("Answer a decision (yes, no) or a choice (1, 2, …; 0 is none)"),
        )
        .arg(
            Arg::new("assume-done")
                .long("assume-done")
                .value_name("STEP")
                .action(ArgAction::Append)
                .help("Take a manual step as done (repeatable)"),
        )
        .arg(
            Arg::new("verify-timeout")
                .long("verify-timeout")
                .value_name("TIME")
                .value_parser(duration)
                .help("Longest time a verification may take: 90s, 5m"),
        )
}

/// Splits `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("it is not of the form NAME=VALUE".to_owned()),
    }
}

/// A time such as `90s` or `5m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let found = quantity::measures(text);
    let whole = found.first().filter(|measure| measure.range == (0..text.len()));
    whole.and_then(|measure| measure.quantity.duration()).ok_or_else(|| {
        "it is no time: units are ms, s, min, h and d, as in 500ms, 30s, 5m, 12h, 90d".to_owned()
    })
}

impl Wanted {
    /// Reads the documents and looks the procedure up.
    pub(super) fn load(request: &Request, host: &Host<'_>) -> Self {
        let documents = Documents::load(&request.files, host);
        let found = match &request.procedure {
            Some(name) => find(&documents, name),
            None => Err(documents.failure().unwrap_or_else(|| {
                Failure::new(USAGE, "no procedure is named", "`runbook list` shows them")
            })),
        };
        let named = request.procedure.is_some();
        Self { documents, subcommand: request.subcommand.clone(), named, found }
    }

    /// The runbook and the procedure, or why there is none.
    pub(super) fn procedure(&self) -> Result<(&Runbook, &Procedure), Failure> {
        let (runbook, procedure) = self.found.clone()?;
        let runbook = &self.documents.runbooks[runbook];
        Ok((runbook, &runbook.procedures[procedure]))
    }

    /// What is wrong where clap knows an option for none: which flags there are, the procedure says,
    /// and here there is none.
    pub(super) fn behind(self, error: &clap::Error) -> Option<Failure> {
        let failure = self.found.err()?;
        if error.kind() != ErrorKind::UnknownArgument {
            return None;
        }
        if self.named || !self.documents.failures.is_empty() {
            return Some(failure);
        }
        // A misspelt option may have swallowed the name.
        if error.get(ContextKind::SuggestedArg).is_some() {
            return None;
        }
        let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
        let message = format!("no procedure is named, so `{flag}` cannot be one of its parameters");
        let hint =
            format!("type `runbook {} PROCEDURE {flag} …`; `runbook list` shows them", self.subcommand);
        Some(Failure::new(USAGE, message, hint))
    }

    /// Gives the subcommand the procedure's parameters as flags.
    pub(super) fn extend(&self, command: Command) -> Command {
        let Ok((_, procedure)) = self.procedure() else { return command };
        let subcommand = self.subcommand.clone();
        command.mut_subcommand(&subcommand, |mut subcommand| {
            let takes_values = subcommand.get_arguments().any(|arg| arg.get_id() == "param");
            let taken: Vec<String> = subcommand
                .get_arguments()
                .filter_map(|arg| Some(arg.get_long()?.to_owned()))
                .chain(ENGINE_FLAGS.map(str::to_owned))
                .collect();
            if !takes_values {
                return subcommand;
            }
            let heading = format!("Parameters of `{}`", procedure.title);
            for parameter in &procedure.parameters {
                let flag = parameter.flag.trim_start_matches('-').to_owned();
                if taken.contains(&flag) {
                    continue;
                }
                subcommand = subcommand.arg(
                    Arg::new(id(parameter))
                        .long(flag)
                        .value_name("VALUE")
                        .allow_hyphen_values(true)
                        .hide(parameter.declaration.secret)
                        .help_heading(heading.clone())
                        .help(help(procedure, parameter)),
                );
            }
            let secret = procedure.parameters.iter().filter(|it| it.declaration.secret);
            let clash = procedure
                .parameters
                .iter()
                .filter(|it| taken.contains(&it.flag.trim_start_matches('-').to_owned()));
            let mut notes = Vec::new();
            notes.extend(secret.map(|it| {
                format!(
                    "`{}` is secret: set RUNBOOK_PARAM_{}, or use --params FILE.",
                    it.name,
                    it.name.to_uppercase()
                )
            }));
            notes.extend(clash.map(|it| {
                format!("`{}` has no flag of its own here: give --param {}=VALUE.", it.name, it.name)
            }));
            if notes.is_empty() { subcommand } else { subcommand.after_help(notes.join("\n")) }
        })
    }

    /// What is odd about the document, as far as the procedure is concerned: within its own section,
    /// or before the first procedure.
    pub(super) fn findings(&self, level: Level) -> Vec<&Diagnostic> {
        let Ok((index, wanted)) = self.found.clone() else { return Vec::new() };
        let procedures = &self.documents.runbooks[index].procedures;
        let start = procedures[wanted].heading.start;
        let end =
            procedures.iter().map(|it| it.heading.start).filter(|&at| at > start).min().unwrap_or(usize::MAX);
        let first = procedures.iter().map(|it| it.heading.start).min().unwrap_or(0);
        let concerns = |at: usize| (start..end).contains(&at) || at < first;
        self.documents.diagnostics[index]
            .iter()
            .filter(|it| it.level >= level && concerns(it.span.start) && it.code != "mojibake")
            .collect()
    }

    /// The plan, with every value, decision and default in place. Parameters may still be open.
    pub(super) fn plan(
        &self,
        matches: &ArgMatches,
        host: &Host<'_>,
        choices: &Choices,
    ) -> Result<Plan, Failure> {
        let (runbook, procedure) = self.procedure()?;
        let errors = self.findings(Level::Error);
        if !errors.is_empty() {
            return Err(Failure::document(&runbook.source, errors));
        }
        let environment = |name: &str| host.environment.var(name);
        let values = Values {
            flags: flags(procedure, matches),
            params: pairs(matches, "param"),
            file: params_file(matches, host)?,
            asked: choices.asked.clone(),
            environment: &environment,
        };
        let arguments = Arguments {
            values,
            decisions: choices.decisions.clone(),
            assume_done: choices.assume_done.clone(),
            workdir: self.workdir(matches, host),
            terminal: choices.terminal,
            verify_timeout: choices.verify_timeout,
        };
        plan::build(runbook, procedure, &arguments)
            .map_err(|problems| Failure::problems(&runbook.source, &problems))
    }

    fn workdir(&self, matches: &ArgMatches, host: &Host<'_>) -> PathBuf {
        let cwd = host.environment.cwd();
        match matches.get_one::<String>("workdir") {
            Some(given) => cwd.join(given),
            None => self.documents.workdir().unwrap_or(cwd),
        }
    }
}

/// Flags that every subcommand has.
const ENGINE_FLAGS: [&str; 5] = ["help", "version", "color", "quiet", "verbose"];

fn find(documents: &Documents, name: &str) -> Result<(usize, usize), Failure> {
    let place = |runbook: &Runbook, procedure: &Procedure| {
        let runbook = documents.runbooks.iter().position(|it| std::ptr::eq(it, runbook))?;
        let procedure =
            documents.runbooks[runbook].procedures.iter().position(|it| std::ptr::eq(it, procedure))?;
        Some((runbook, procedure))
    };
    match select(&documents.runbooks, name) {
        Selection::Found(runbook, procedure) => {
            place(runbook, procedure).ok_or_else(|| Failure::new(USAGE, "the procedure is gone", "try again"))
        }
        nothing => {
            // It may stand in a file that could not be read: that is what the caller must hear first.
            if let Some(failure) = documents.failure() {
                return Err(failure);
            }
            let missing = matches!(nothing, Selection::Missing { .. });
            if let Some(failure) = missing.then(|| prose::alert(documents, name)).flatten() {
                return Err(failure);
            }
            Err(Failure { code: USAGE, text: format!("error: {nothing}\n") })
        }
    }
}

fn id(parameter: &Parameter) -> String {
    format!("parameter:{}", parameter.name)
}

fn help(procedure: &Procedure, parameter: &Parameter) -> String {
    let declared = &parameter.declaration;
    let mut parts = Vec::new();
    parts.extend(declared.description.clone());
    parts.extend(declared.kind.as_ref().map(|kind| format!("type {kind}")));
    if !declared.choices.is_empty() {
        parts.push(format!("one of {}", declared.choices.join(", ")));
    }
    parts.extend(declared.pattern.as_ref().map(|pattern| format!("matches {pattern}")));
    parts.extend(declared.default.as_ref().map(|default| format!("default {default}")));
    let mut lines: Vec<usize> = parameter
        .places
        .iter()
        .filter_map(|place| match &procedure.steps.get(place.step)?.action {
            runbook::Action::Command(block) => Some(block.line_at(place.script_span.start)),
            _ => None,
        })
        .collect();
    lines.dedup();
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    parts.push(format!("stands in line{} {}", if lines.len() == 1 { "" } else { "s" }, lines.join(", ")));
    parts.join("; ")
}

fn flags(procedure: &Procedure, matches: &ArgMatches) -> BTreeMap<String, String> {
    let given = procedure.parameters.iter().filter_map(|parameter| {
        let value = matches.try_get_one::<String>(&id(parameter)).ok().flatten()?;
        Some((parameter.name.clone(), value.clone()))
    });
    given.collect()
}

/// Every pair of a repeatable `NAME=VALUE` option.
pub(super) fn pairs(matches: &ArgMatches, name: &str) -> Vec<(String, String)> {
    matches.get_many::<(String, String)>(name).into_iter().flatten().cloned().collect()
}

pub(super) fn params_file(matches: &ArgMatches, host: &Host<'_>) -> Result<Vec<(String, String)>, Failure> {
    let Some(path) = matches.get_one::<String>("params") else { return Ok(Vec::new()) };
    let unreadable = |why: String| {
        Failure::new(
            USAGE,
            format!("`{path}` cannot be read: {why}"),
            "it must be a YAML mapping of names to values",
        )
    };
    let bytes = host
        .files
        .read(&host.environment.cwd().join(path), MAX_PARAMS)
        .map_err(|error| unreadable(error.to_string()))?;
    let source = Source::new(path, bytes).map_err(|error| unreadable(error.to_string()))?;
    // Values stand in it, secret ones among them: its lines are not shown.
    let wrong =
        |diagnostic: Diagnostic| Failure { code: USAGE, text: diagnostic.render_without_line(&source) };
    let start = source.body_start();
    let values: Option<Mapping> = yaml::read(&source.text()[start..], start).map_err(wrong)?;
    let mut given = Vec::new();
    for (name, value) in values.unwrap_or_default().0 {
        let text = match &value.value {
            Value::Text(text) => text.clone(),
            Value::Plain => source.slice(value.span).trim().to_owned(),
            Value::List(_) | Value::Nested => {
                let message = format!("the value of `{}` is no text", name.value);
                let diagnostic =
                    Diagnostic::error("bad-value", name.span, message).with_hint("a parameter has one value");
                return Err(wrong(diagnostic));
            }
        };
        given.push((fold_name(&name.value), text));
    }
    Ok(given)
}

/// The planning choices of a subcommand that has [`planning`]'s arguments.
pub(super) fn choices(matches: &ArgMatches) -> Choices {
    Choices {
        decisions: pairs(matches, "decide"),
        assume_done: texts(matches, "assume-done"),
        verify_timeout: matches.get_one::<Duration>("verify-timeout").copied(),
        terminal: true,
        asked: BTreeMap::new(),
    }
}

/// The failure for parameters that nobody gave.
pub(super) fn open_parameters(plan: &Plan) -> Option<Failure> {
    let mut text = String::new();
    for parameter in plan.open_parameters() {
        let (name, line) = (&parameter.name, parameter.line);
        let hint = if parameter.secret {
            format!("set RUNBOOK_PARAM_{}, or use --params FILE", name.to_uppercase())
        } else {
            format!("add {} VALUE", parameter.flag)
        };
        text.push_str(&format!(
            "error: `{}` needs a value for `{name}` (line {line})\nhint: {hint}\n",
            plan.procedure.title
        ));
    }
    (!text.is_empty()).then_some(Failure { code: USAGE, text })
}

/// The procedure a subcommand got, which the prescan looked up.
pub(super) fn required(wanted: Option<Wanted>) -> Result<Wanted, Failure> {
    wanted.ok_or_else(|| Failure::new(DOCUMENT, "no procedure was looked up", "name one"))
}
