//! `runbook resume`: goes on with a run that was broken off, stopped, or left to a person.
//!
//! Whether it may is decided by [`crate::journal::resume`]; here is what that needs from outside.

use super::aftermath::Aftermath;
use super::exec::{self, Journey, Settings};
use super::failure::{CANNOT_START, DOCUMENT, Failure, Outcome, PERSON, USAGE};
use super::incident::Incident;
use super::notify::Notifiers;
use super::opinion::refuse_broken;
use super::procedure::{Wanted, answers, choices, open_parameters, params_file};
use super::recorder::state_name;
use super::{Host, ask, documents, evidence, flag, runs};
use crate::check::changes;
use crate::event::RunStarted;
use crate::journal::{Journal, Refusal, Store, resume};
use crate::plan::{self, Arguments, Plan, StepId, Values};
use crate::run::{SessionSetup, lost};
use crate::runbook::{Procedure, Runbook};
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

/// Longest state of a shell that is read, in bytes.
const MAX_STATE: u64 = 64 << 20;

pub(super) fn command() -> Command {
    let command = Command::new("resume")
        .about("Go on with a run, behind what passed")
        .arg(runs::name().help("Its id, the beginning of it, or `last`: the newest that can be resumed"))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("STEP")
                .help("Do this step and everything behind it anew"),
        )
        .arg(flag("rerun-unknown", "Run a step again although what it did is unknown"))
        .arg(flag("accept-changes", "Go on although the document has changed"))
        .arg(flag("fresh-shell", "Go on in a new shell where the old one's state was not kept"))
        .arg(Arg::new("file").long("file").value_name("FILE").help("Where the document is now"));
    exec::running(answers(command))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find_to_resume(matches, host)?;
    let home = runs::home(host)?;
    // The lock comes first: nobody else may go on with it meanwhile.
    let (journal, writer) = store.reopen(&id).map_err(|error| cannot_reopen(&id, &error))?;
    let Some(started) = journal.started() else { return Err(refused(&[Refusal::NoStart])) };
    if started.mode != "exec" {
        let message = format!("run `{id}` is no incident but `{}`", started.mode);
        return Err(Failure::new(USAGE, message, "do it again: its stage is gone"));
    }
    let settings = Settings::of(matches, host);
    let incident = Incident::of(matches, host)?;
    let was = evidence::document(&store, host, &id, &started.file);
    let runbook = document(matches, started, was.clone(), host)?;
    let procedure = procedure(&runbook, started)?;
    let plan = planned(&runbook, procedure, started, matches, settings, host)?;
    let from = from(matches, &plan)?;
    let mut request = resume::Request {
        document_sha256: plan.document_sha256.clone(),
        accept_changes: matches.get_flag("accept-changes"),
        from,
        rerun_unknown: matches.get_flag("rerun-unknown"),
        unattended: settings.policy.unattended,
    };
    let mut opening = resume::resume(&journal, &plan, &request);
    if let Err(refusals) = &opening
        && refusals.contains(&Refusal::DocumentChanged)
    {
        let old = was.as_ref().map_or("", |runbook| runbook.source.text());
        request.accept_changes = accept(&changes(old, runbook.source.text()), settings, host)?;
        opening = resume::resume(&journal, &plan, &request);
    }
    let opening = opening.map_err(|refusals| refused(&refusals))?;
    let restore = restore(&journal, from, &store, &id, matches, host)?;
    refuse_broken(&plan, &runbook, procedure, host)?;
    exec::preflight(&plan, settings, host)?;
    exec::refuse_unattended(&plan, settings)?;
    let depth = exec::depth(host)?;
    let _active = match settings.concurrent {
        true => None,
        false => {
            let claim =
                store.claim(&exec::claim_key(&plan)).map_err(|error| runs::unreadable("the runs", &error))?;
            Some(claim.ok_or_else(|| exec::already_running(&plan))?)
        }
    };
    let left_off = resume::left_off(&journal).map_err(|refusal| refused(&[refusal]))?;
    let clock_ms = resume::clock_ms(&left_off, &host.clock.wall());
    let session = SessionSetup { keeps_state: true, restore, ..exec::session(&plan, settings, depth, host) };
    let print = (!settings.json).then_some(settings.style);
    let project = documents::Documents::configured(&plan.procedure.file, host);
    project.warn_without_config(host);
    let notifiers = Notifiers::of(&project, host);
    let aftermath = Aftermath { incident, print, notifiers };
    let journey = Journey {
        run: id,
        plan,
        settings,
        session,
        begun: None,
        opening,
        past: &journal.events,
        clock_ms,
        writer,
    };
    journey.carry_out(&home, &aftermath, host)
}

/// The document as it is now; where it is gone, as it was.
fn document(
    matches: &ArgMatches,
    started: &RunStarted,
    was: Option<Runbook>,
    host: &mut Host<'_>,
) -> Result<Runbook, Failure> {
    let named = matches.get_one::<String>("file").map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| PathBuf::from(&started.file));
    if named.is_none()
        && !host.files.exists(&host.environment.cwd().join(&path))
        && let Some(was) = was
    {
        let said =
            format!("warning: `{}` is not here: going on with the document as it was\n", path.display());
        // Where standard error is closed nobody is there to be told.
        let _ = host.err.write_all(said.as_bytes());
        return Ok(was);
    }
    documents::read(&path, host).map(|(runbook, _)| runbook)
}

/// The procedure that ran.
fn procedure<'r>(runbook: &'r Runbook, started: &RunStarted) -> Result<&'r Procedure, Failure> {
    let procedure = runbook.procedures.iter().find(|procedure| procedure.id == started.procedure);
    procedure.ok_or_else(|| {
        let message = format!("the document has no procedure `{}` any more", started.procedure);
        Failure::new(USAGE, message, "start a new run, or give --file FILE")
    })
}

/// The plan with the run's own values. Secrets, which are not on record, come from the environment or a file,
/// or are asked for.
fn planned(
    runbook: &Runbook,
    procedure: &Procedure,
    started: &RunStarted,
    matches: &ArgMatches,
    settings: Settings,
    host: &mut Host<'_>,
) -> Result<Plan, Failure> {
    let secret = |name: &str| procedure.parameters.iter().any(|it| it.name == name && it.declaration.secret);
    let recorded = started.parameters.iter().filter(|(name, _)| !secret(name));
    let recorded: BTreeMap<String, String> =
        recorded.map(|(name, value)| (name.clone(), value.clone())).collect();
    let file = params_file(matches, host)?;
    let choices = choices(matches);
    let kept = started.verify_timeout_ms.map(Duration::from_millis);
    let mut asked = BTreeMap::new();
    loop {
        let environment = |name: &str| host.environment.var(name);
        let arguments = Arguments {
            values: Values {
                flags: recorded.clone(),
                params: Vec::new(),
                file: file.clone(),
                asked: asked.clone(),
                environment: &environment,
            },
            decisions: choices.decisions.clone(),
            assume_done: choices.assume_done.clone(),
            workdir: PathBuf::from(&started.workdir),
            terminal: !settings.policy.unattended,
            verify_timeout: choices.verify_timeout.or(kept),
        };
        let plan = plan::build(runbook, procedure, &arguments)
            .map_err(|problems| Failure::problems(&runbook.source, &problems))?;
        let open = plan.open_parameters().next().map(|open| (open.name.clone(), open.line, open.secret));
        let Some((name, line, secret)) = open else { return Ok(plan) };
        let person =
            host.person.as_mut().filter(|_| !settings.policy.unattended && !asked.contains_key(&name));
        let value = match person {
            Some(person) => {
                let title = &plan.procedure.title;
                ask::ask_value(person, title, &name, line, secret).ok().flatten()
            }
            None => None,
        };
        match value {
            Some(value) => asked.insert(name, value),
            None => return Err(open_parameters(&plan).unwrap_or_else(|| refused(&[Refusal::NoStart]))),
        };
    }
}

fn from(matches: &ArgMatches, plan: &Plan) -> Result<Option<StepId>, Failure> {
    let Some(wanted) = matches.get_one::<String>("from") else { return Ok(None) };
    let found = plan.find(wanted).ok_or_else(|| {
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        Failure::new(
            USAGE,
            format!("there is no step `{wanted}`"),
            format!("its steps are {}", steps.join(", ")),
        )
    })?;
    Ok(Some(found))
}

/// Shows what changed, and asks whether to go on if somebody is there.
fn accept(changes: &str, settings: Settings, host: &mut Host<'_>) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(CANNOT_START, format!("the terminal cannot be read: {error}"), "add --accept-changes")
    };
    // Where standard error is closed nobody reads it.
    let _ = host.err.write_all(changes.as_bytes());
    match &mut host.person {
        Some(person) if !settings.policy.unattended => {
            ask::ask_yes(person, "the document has changed: go on with what it says now").map_err(failed)
        }
        _ => Ok(false),
    }
}

/// What makes a new shell like the run's; nothing where no step has changed it.
fn restore(
    journal: &Journal,
    from: Option<StepId>,
    store: &Store<'_>,
    id: &str,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<Option<String>, Failure> {
    if matches.get_flag("fresh-shell") {
        return Ok(None);
    }
    let Some(name) = resume::state(journal, from) else {
        return Ok(None);
    };
    let path = store.directory(id).join(name);
    let script = match host.files.read(&path, MAX_STATE) {
        _ if name.is_empty() => return Err(state_is_gone("it could not be kept")),
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Err(state_is_gone(&format!("`{}`: {error}", path.display()))),
    };
    if state_name(&script) != name {
        return Err(state_is_gone(&format!("`{}` was changed", path.display())));
    }
    for what in lost(&script) {
        let _ = host.err.write_all(format!("warning: does not come back: {what}\n").as_bytes());
    }
    Ok(Some(script))
}

fn state_is_gone(why: &str) -> Failure {
    let message = format!("what the shell was like (variables, functions, directory) is gone: {why}");
    Failure::new(
        CANNOT_START,
        message,
        "start a new run, or add --fresh-shell if the steps left need none of it",
    )
}

fn cannot_reopen(id: &str, error: &std::io::Error) -> Failure {
    let hint = match error.kind() {
        ErrorKind::WouldBlock => "`runbook runs` shows it",
        ErrorKind::InvalidData => "look at it with `runbook verify`, and start a new run",
        _ => "may you write there?",
    };
    Failure::new(CANNOT_START, format!("run `{id}` cannot be resumed: {error}"), hint)
}

/// Every reason, and what to do instead. The code is that of the first.
fn refused(refusals: &[Refusal]) -> Failure {
    let code = match refusals.first() {
        Some(Refusal::NoStart | Refusal::NotStarted | Refusal::Damaged { .. }) | None => CANNOT_START,
        Some(Refusal::Over { .. }) => USAGE,
        Some(Refusal::StepsChanged { .. }) => DOCUMENT,
        Some(Refusal::DocumentChanged | Refusal::Unclear { .. } | Refusal::NeedsPerson { .. }) => PERSON,
    };
    let texts = refusals.iter().map(|refusal| format!("error: {refusal}\nhint: {}\n", refusal.hint()));
    Failure { code, text: texts.collect() }
}
