//! `runbook exec`: runs a procedure, or with `--dry-run` shows what would run.

use super::aftermath::Aftermath;
use super::detected::{self, Detected};
use super::failure::{CANNOT_START, Failure, Outcome, PERSON};
use super::incident::{self, Incident};
use super::notify::Notifiers;
use super::opening::{before_ms, run_started};
use super::opinion::refuse_broken;
use super::procedure::{Choices, Wanted, choices, open_parameters, planning, required};
use super::prose::refuse_prose;
use super::recorder::{Live, Recorder};
use super::{Host, ask, flag, form, format, output_style, plan as plan_command, runs};
use crate::event::{Event, EventBody};
use crate::host::Environment;
use crate::journal::{Exercises, Store, Writer};
use crate::plan::{Plan, forms, refusals, stops};
use crate::report::progress::Progress;
use crate::report::style::Style;
use crate::report::terminal::{Terminal, Verbosity};
use crate::run::{
    Begun, ConfirmPolicy, FailurePolicy, Policy, Run, SessionSetup, comes_next, execute as execute_run,
};
use crate::runbook::escalation::row_name;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep `runbook` may start itself: a runbook that runs `runbook` on itself is a mistake.
const MAX_DEPTH: u32 = 4;

/// The live line is not wider than this.
const MAX_COLUMNS: usize = 120;

/// How the names of variables begin that give parameters their values.
pub(super) const PARAMETERS: &str = "RUNBOOK_PARAM_";

/// The variable that counts how deep.
pub(super) const DEPTH: &str = "RUNBOOK_DEPTH";

pub(super) fn command() -> Command {
    let command = planning(Command::new("exec").about("Run a procedure"))
        .arg(detected::arg())
        .arg(flag("dry-run", "Show what would run, with both branches, and run nothing"));
    running(command)
}

/// The arguments that say how a plan is run.
pub(super) fn running(command: Command) -> Command {
    command
        .arg(flag("yes", "Answer every confirmation with yes; needed unattended for steps that destroy"))
        .arg(
            Arg::new("confirm")
                .long("confirm")
                .value_name("WHEN")
                .value_parser(["every", "changes", "destroys", "never"])
                .default_value("changes")
                .help("Which steps to ask before, on a terminal"),
        )
        .arg(flag("unattended", "Ask nothing, as where there is no terminal"))
        .arg(flag("no-preflight", "Start although programs are missing"))
        .arg(flag("allow-concurrent", "Start although the procedure is already running"))
        .arg(incident::arg())
        .arg(format(&["text", "json"]))
}

/// What the command line says on how to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) preflight: bool,
    pub(super) concurrent: bool,
    pub(super) verbosity: Verbosity,
    pub(super) style: Style,
    pub(super) json: bool,
}

impl Settings {
    pub(super) fn of(matches: &ArgMatches, host: &Host<'_>) -> Self {
        let confirm = match matches.get_one::<String>("confirm").map(String::as_str) {
            Some("every") => ConfirmPolicy::Every,
            Some("destroys") => ConfirmPolicy::Destroys,
            Some("never") => ConfirmPolicy::Never,
            _ => ConfirmPolicy::Changes,
        };
        Self {
            policy: Policy {
                confirm,
                yes: matches.get_flag("yes"),
                unattended: unattended(matches, host),
                stage: false,
                failing: FailurePolicy::ByRole,
            },
            preflight: !matches.get_flag("no-preflight"),
            concurrent: matches.get_flag("allow-concurrent"),
            verbosity: verbosity(matches),
            style: output_style(matches, host),
            json: form(matches) == "json",
        }
    }

    /// On a stage nothing needs confirming.
    pub(super) fn of_rehearsal(matches: &ArgMatches, host: &Host<'_>) -> Self {
        Self {
            policy: Policy {
                confirm: ConfirmPolicy::Never,
                yes: true,
                unattended: unattended(matches, host),
                stage: true,
                failing: FailurePolicy::ByRole,
            },
            preflight: !matches.get_flag("no-preflight"),
            concurrent: true,
            verbosity: verbosity(matches),
            style: output_style(matches, host),
            json: form(matches) == "json",
        }
    }
}

fn unattended(matches: &ArgMatches, host: &Host<'_>) -> bool {
    ask::nobody_is_there(host) || matches.get_flag("unattended")
}

pub(super) fn verbosity(matches: &ArgMatches) -> Verbosity {
    match (matches.get_flag("quiet"), matches.get_flag("verbose")) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, wanted: Option<Wanted>) -> Outcome {
    let wanted = required(wanted)?;
    let settings = Settings::of(matches, host);
    let detected = Detected::of(matches, host)?;
    let mut choices = choices(matches);
    choices.terminal = !settings.policy.unattended;
    let dry = matches.get_flag("dry-run");
    let mut plan = wanted.plan(matches, host, &choices)?;
    refuse_prose(&wanted)?;
    if !dry && !settings.policy.unattended {
        plan = ask_for_values(plan, &wanted, matches, host, &mut choices)?;
    }
    if let Some(failure) = open_parameters(&plan) {
        return Err(failure);
    }
    plan_command::warn(&wanted, host)?;
    if dry {
        plan_command::warn_unread(&wanted, host)?;
        let form = if settings.json { "json" } else { "text" };
        return plan_command::print(&plan, form, settings.style, host).map(|()| 0);
    }
    let (runbook, procedure) = wanted.procedure()?;
    refuse_broken(&plan, runbook, procedure, host)?;
    let print = (!settings.json).then_some(settings.style);
    let notifiers = Notifiers::of(&wanted.documents, host);
    let aftermath = Aftermath { incident: Incident::of(matches, host)?, print, notifiers };
    preflight(&plan, settings, host)?;
    refuse_unattended(&plan, settings)?;
    let rows = wanted.documents.escalation_rows();
    let severity = plan.procedure.severity.as_ref();
    let row = severity.and_then(|severity| row_name(&rows, &severity.text)).map(str::to_owned);
    let known = Known { escalation_row: row, detected };
    execute(plan, runbook.source.text(), known, settings, &aftermath, host)
}

/// Asks for every parameter that is still open, all before anything starts.
pub(super) fn ask_for_values(
    plan: Plan,
    wanted: &Wanted,
    matches: &ArgMatches,
    host: &mut Host<'_>,
    choices: &mut Choices,
) -> Result<Plan, Failure> {
    let mut asked = BTreeMap::new();
    for parameter in plan.open_parameters() {
        let Some(person) = &mut host.person else { break };
        let title = &plan.procedure.title;
        let value = ask::ask_value(person, title, &parameter.name, parameter.line, parameter.secret);
        let value = value.map_err(|error| {
            Failure::new(
                CANNOT_START,
                format!("the terminal cannot be read: {error}"),
                "give the value as a flag",
            )
        })?;
        asked.extend(value.map(|value| (parameter.name.clone(), value)));
    }
    if asked.is_empty() {
        return Ok(plan);
    }
    choices.asked = asked;
    wanted.plan(matches, host, choices)
}

/// Refuses a run whose acts, verifies or fallbacks name programs that are not there, or that could
/// not start at all; warns of the rest.
pub(super) fn preflight(plan: &Plan, settings: Settings, host: &mut Host<'_>) -> Result<(), Failure> {
    if !host.files.is_dir(&plan.workdir) {
        let message = format!("the working directory `{}` does not exist", plan.workdir.display());
        return Err(Failure::new(CANNOT_START, message, "make it, or give --workdir DIR"));
    }
    let path = host.environment.var("PATH").unwrap_or_default();
    let has_shell_steps = plan.steps.iter().any(|step| step.shell().is_some());
    if has_shell_steps && host.processes.find_program("bash", &path, &plan.workdir).is_none() {
        return Err(Failure::new(
            CANNOT_START,
            "there is no `bash` on the PATH",
            "install bash 4.4 or later",
        ));
    }
    if !settings.preflight {
        return Ok(());
    }
    let mut text = String::new();
    let mut told = Vec::new();
    for (id, program) in plan_command::missing_here(plan, host) {
        let step = plan.step(id);
        let line = format!(
            "step {} `{}` needs `{}`, which is not here (line {})",
            step.id, step.label, program.name, program.line
        );
        if stops(plan, id) {
            text.push_str(&format!("error: {line}\n"));
        } else if !told.contains(&line) {
            // A closed standard error must not stop a recovery.
            let _ = writeln!(host.err, "warning: {line}");
            told.push(line);
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    text.push_str(
        "hint: install it or start in another directory (--workdir DIR); --no-preflight starts anyway\n",
    );
    Err(Failure { code: CANNOT_START, text })
}

/// Refuses, unattended, what needs a person, and lists all of it.
pub(super) fn refuse_unattended(plan: &Plan, settings: Settings) -> Result<(), Failure> {
    if !settings.policy.unattended {
        return Ok(());
    }
    let refusals = refusals(plan, settings.policy.yes);
    if refusals.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for refusal in &refusals {
        text.push_str(&format!("error: {refusal}\nhint: {}\n", refusal.hint()));
    }
    text.push_str("nothing was started: nobody is there to ask\n");
    Err(Failure { code: PERSON, text })
}

/// What is known of the incident besides its plan.
struct Known {
    /// Row of the escalation matrix that the team gives its severity.
    escalation_row: Option<String>,
    /// When the alert fired.
    detected: Detected,
}

fn execute(
    plan: Plan,
    document: &str,
    known: Known,
    settings: Settings,
    aftermath: &Aftermath,
    host: &mut Host<'_>,
) -> Outcome {
    let home = runs::home(host)?;
    let store = Store::new(host.files, &home);
    let session = SessionSetup { keeps_state: true, ..session(&plan, settings, depth(host)?, host) };
    // Where it cannot be started, the run says so when it is on record.
    let begun = Begun::start(&session).ok();
    let unwritable = |what: &str, error: &std::io::Error| {
        Failure::new(
            CANNOT_START,
            format!("{what} below `{}` cannot be written: {error}", home.display()),
            "make room or set RUNBOOK_HOME to a directory of your own; nothing was started",
        )
    };
    let _active = match settings.concurrent {
        true => None,
        false => {
            let claim = store.claim(&claim_key(&plan)).map_err(|error| unwritable("the state", &error))?;
            Some(claim.ok_or_else(|| already_running(&plan))?)
        }
    };
    let mut started = run_started(&plan, settings, host);
    started.escalation_row = known.escalation_row;
    known.detected.put_into(&mut started, &host.clock.wall());
    let writer =
        store.create(&started.run, document.as_bytes()).map_err(|error| unwritable("the record", &error))?;
    let journey = Journey {
        run: started.run.clone(),
        session,
        begun,
        plan,
        settings,
        opening: vec![EventBody::RunStarted(Box::new(started))],
        past: &[],
        clock_ms: 0,
        writer,
    };
    journey.carry_out(&home, aftermath, host)
}

/// A run that is ready to start, or to go on.
pub(super) struct Journey<'a> {
    /// Its id.
    pub(super) run: String,
    pub(super) plan: Plan,
    pub(super) settings: Settings,
    pub(super) session: SessionSetup,
    pub(super) begun: Option<Begun>,
    /// What is recorded first.
    pub(super) opening: Vec<EventBody>,
    /// What was recorded before.
    pub(super) past: &'a [Event],
    /// Where the run's clock begins.
    pub(super) clock_ms: u64,
    pub(super) writer: Writer,
}

impl Journey<'_> {
    /// Runs it to its end, and does what follows.
    pub(super) fn carry_out(self, home: &Path, aftermath: &Aftermath, host: &mut Host<'_>) -> Outcome {
        let store = Store::new(host.files, home);
        let Self { run, plan, settings, session, begun, opening, past, clock_ms, writer } = self;
        let mut live = live(&plan, settings, host.environment, host.out);
        live.remember(past);
        let plan = Arc::new(plan);
        if !past.is_empty() {
            live.goes_on_with(comes_next(&plan, settings.policy, past, &opening, clock_ms));
        }
        let states = Some((host.files, store.directory(&run)));
        let exercises = Exercises::of(past);
        let mut recorder =
            Recorder { writer, clock: host.clock, live, exercises, states, closed: false, told: false };
        let (file, secrets) = (plan.procedure.file.clone(), secrets(&plan));
        let before_ms = before_ms(&opening, past);
        let asker = ask::Asker::new(host.person.take(), &plan, before_ms);
        let finished = execute_run(Run {
            plan,
            policy: settings.policy,
            opening,
            past,
            clock_ms,
            session,
            begun,
            recorder: &mut recorder,
            ask: Box::new(asker),
            clock: host.clock,
        });
        let head = recorder.writer.head().to_owned();
        let silent = settings.json || recorder.closed;
        let finished = finished.map_err(|error| {
            let hint = format!("what is on record is below `{}`", store.directory(&run).display());
            Failure::new(CANNOT_START, format!("the run could not start, nothing was run: {error}"), hint)
        })?;
        let mut shown = Ok(());
        // Who wants to hear little must still find what went wrong.
        if !silent && (settings.verbosity > Verbosity::Quiet || finished.exit != 0) {
            let mut said = format!("  record: runbook report {run}\n  head {head}\n");
            if finished.outcome.can_go_on() {
                said.push_str(&format!("  to go on: runbook resume {run}\n"));
            }
            shown = host.out.write_all(said.as_bytes()).and_then(|()| host.out.flush());
        }
        // Also where nobody reads any more: somebody else may have to be told.
        aftermath.follow(&run, &file, &finished, secrets, home, host);
        shown.map_err(|error| Failure::output(&error))?;
        Ok(finished.exit)
    }
}

/// What the session of a run starts with.
pub(super) fn session(plan: &Plan, settings: Settings, depth: u32, host: &Host<'_>) -> SessionSetup {
    let mut session =
        SessionSetup::new(bash(host, plan), plan.workdir.clone(), plan.procedure.file.display().to_string());
    session.set = variables(plan);
    session.set.push((DEPTH.to_owned(), (depth + 1).to_string()));
    session.without = host
        .environment
        .vars()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(PARAMETERS))
        .collect();
    session.secrets = secrets(plan);
    session.terminal = !settings.policy.unattended;
    session
}

/// The bash that runs the plan's steps.
pub(super) fn bash(host: &Host<'_>, plan: &Plan) -> PathBuf {
    let path = host.environment.var("PATH").unwrap_or_default();
    host.processes.find_program("bash", &path, &plan.workdir).unwrap_or_else(|| "bash".into())
}

pub(super) fn depth(host: &Host<'_>) -> Result<u32, Failure> {
    let depth = host.environment.var(DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0);
    if depth >= MAX_DEPTH {
        let message = format!("`runbook` has started itself {depth} times over: a procedure runs itself");
        return Err(Failure::new(CANNOT_START, message, "look which step calls `runbook`"));
    }
    Ok(depth)
}

/// What makes two runs the same: the procedure of a document, with the same values.
pub(super) fn claim_key(plan: &Plan) -> String {
    let mut key = format!("{}\0{}", plan.document_sha256, plan.procedure.id);
    for parameter in &plan.parameters {
        key.push_str(&format!("\0{}={}", parameter.name, parameter.value.as_deref().unwrap_or_default()));
    }
    key
}

pub(super) fn already_running(plan: &Plan) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("`{}` is already running on this host with the same values", plan.procedure.title),
        "`runbook runs` shows it; --allow-concurrent starts another one",
    )
}

/// Session variables for parameters that the document writes as `$NAME`.
fn variables(plan: &Plan) -> Vec<(String, String)> {
    let bound = plan.parameters.iter();
    bound.filter_map(|parameter| Some((parameter.variable.clone()?, parameter.value.clone()?))).collect()
}

/// Secret values, in every way in which a script may have them.
pub(super) fn secrets(plan: &Plan) -> Vec<String> {
    let secret = plan.parameters.iter().filter(|parameter| parameter.secret);
    forms(secret.filter_map(|parameter| parameter.value.as_deref()))
}

pub(super) fn live<'a>(
    plan: &Plan,
    settings: Settings,
    environment: &dyn Environment,
    out: &'a mut (dyn Write + Send),
) -> Live<'a> {
    if settings.json {
        return Live::Events(out);
    }
    let moves = environment.stderr_is_terminal()
        && environment.var("TERM").is_some_and(|term| term != "dumb")
        && settings.verbosity > Verbosity::Quiet;
    let deadline = plan.recovery_limit();
    let columns = usize::from(environment.columns()).min(MAX_COLUMNS);
    let asks = !settings.policy.unattended && environment.stdout_is_terminal();
    let commands = || plan.steps.iter().map(|step| step.shell().map(|work| work.shown.clone())).collect();
    Live::Lines {
        commands: asks.then(commands),
        lines: Box::new(Terminal::new(out, settings.style, settings.verbosity)),
        progress: moves.then(|| Progress::new(columns, deadline)),
    }
}
