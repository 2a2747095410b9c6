//! `runbook runs`: what was run on this host.

mod prune;

use super::failure::{CANNOT_START, Failure, Outcome, USAGE};
use super::procedure::Wanted;
use super::{Host, form, format, output_style};
use crate::journal::{Intruded, LAST, LeftOut, Listing, RunSummary, Store, resume, what_came};
use crate::report::runs::{self, RunLine, RunState};
use crate::report::style::{WIDTH, wrap};
use clap::{Arg, ArgMatches, Command};
use std::path::{Path, PathBuf};

pub(super) fn command() -> Command {
    Command::new("runs")
        .about("List the recorded runs, the newest first")
        .arg(format(&["text", "json"]))
        .subcommand(prune::command())
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    if let Some(("prune", matches)) = matches.subcommand() {
        return prune::run(matches, host);
    }
    let home = home(host)?;
    let lines: Vec<RunLine> = listing(&home, host)?.runs.iter().map(line).collect();
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => host.out.write_all(runs::json(&lines).as_bytes()),
        _ => runs::table(&mut host.out, &lines, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(0)
}

/// Every run below `home`. What is left out is warned of.
pub(super) fn listing(home: &Path, host: &mut Host<'_>) -> Result<Listing, Failure> {
    let listing = Store::new(host.files, home).listing();
    let listing = listing.map_err(|error| unreadable(&home.display().to_string(), &error))?;
    warn_of_left_out(&listing, host);
    Ok(listing)
}

/// Warns of what a listing is without.
pub(super) fn warn_of_left_out(listing: &Listing, host: &mut Host<'_>) {
    for (run, why) in &listing.left_out {
        let why = match why {
            LeftOut::Intruded(intruded) => intruded.to_string(),
            LeftOut::Unreadable(error) => format!("its journal cannot be read: {error}"),
        };
        // Where standard error is closed nobody is there to be told.
        let _ = writeln!(host.err, "warning: run `{run}` is left out: {why}");
    }
}

fn line(summary: &RunSummary) -> RunLine {
    let finished = summary.finished.as_ref();
    let state = match (finished.is_some(), summary.running) {
        (true, _) => RunState::Finished,
        (false, true) => RunState::Running,
        (false, false) => RunState::Unknown,
    };
    RunLine {
        run: summary.run.clone(),
        started_at: summary.started_at.clone(),
        mode: summary.started.mode.clone(),
        title: summary.started.title.clone(),
        parameters: summary.started.parameters.clone(),
        state,
        rehearsal: finished.and_then(|finished| finished.rehearsal.as_ref()).map(|it| it.passed),
        outcome: finished.map(|finished| finished.outcome),
        exit: finished.map(|finished| finished.exit),
        wall_ms: finished.map_or(summary.last_ms, |finished| finished.wall_ms),
    }
}

/// The engine's state directory; refused where somebody else can write to it.
pub(super) fn home(host: &Host<'_>) -> Result<PathBuf, Failure> {
    let home = place(host)?;
    let intruded = Store::new(host.files, &home).intruded();
    match intruded.map_err(|error| unreadable(&home.display().to_string(), &error))? {
        Some(intruded) => Err(not_believed("what is on record there", &intruded)),
        None => Ok(home),
    }
}

fn not_believed(what: &str, intruded: &Intruded) -> Failure {
    Failure::new(CANNOT_START, format!("{intruded}: {what} may not be what was written"), intruded.hint())
}

/// The engine's state directory, whoever can write to it.
pub(super) fn place(host: &Host<'_>) -> Result<PathBuf, Failure> {
    let set = |name: &str| host.environment.var(name).filter(|value| !value.is_empty());
    if let Some(home) = set("RUNBOOK_HOME") {
        return Ok(host.environment.cwd().join(home));
    }
    let state = set("XDG_STATE_HOME").filter(|path| path.starts_with('/')).map(PathBuf::from);
    match state.or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state"))) {
        Some(state) => Ok(state.join("runbook")),
        None => Err(Failure::new(
            CANNOT_START,
            "there is no place for the record: neither RUNBOOK_HOME nor HOME is set",
            "set RUNBOOK_HOME to a directory",
        )),
    }
}

/// The argument that names a run.
pub(super) fn name() -> Arg {
    Arg::new("run").value_name("RUN").required(true).help("Its id, the beginning of it, or `last`")
}

/// The run to go on with: `last` is the newest that can, and it is said which one that is.
pub(super) fn find_to_resume<'h>(
    matches: &ArgMatches,
    host: &mut Host<'h>,
) -> Result<(Store<'h>, String), Failure> {
    if matches.get_one::<String>("run").is_none_or(|run| run != LAST) {
        return find(matches, host);
    }
    let home = home(host)?;
    let store = Store::new(host.files, &home);
    let listing = store.listing();
    let mut listing = listing.map_err(|error| unreadable(&home.display().to_string(), &error))?;
    // One whose engine was killed just now must not be passed over for an older one.
    for run in listing.runs.iter_mut().filter(|run| run.running) {
        run.running = store.keeps_running(&run.run);
    }
    // Without a run that is believed, why there is none is what is said.
    let Some(newest) = listing.runs.first() else { return find(matches, host) };
    warn_of_left_out(&listing, host);
    let why_not = |run: &&RunSummary| resume::why_not(run, matches.contains_id("from"));
    let Some(found) = listing.runs.iter().find(|run| why_not(run).is_none()) else {
        let (code, why) = (if newest.running { CANNOT_START } else { USAGE }, why_not(&newest));
        let message = format!(
            "no run can be resumed; the newest is `{}` (`{}`): {}",
            newest.run,
            newest.started.title,
            why.unwrap_or_default()
        );
        return Err(Failure::new(code, message, "start a new run; `runbook runs` lists what there is"));
    };
    believed(&store, &found.run)?;
    let came = found.finished.as_ref().map_or("its engine died", |end| what_came(end.outcome));
    let said = format!(
        "resuming run {} ({}, {}): {came}",
        found.run,
        found.started.title,
        minute(&found.started_at)
    );
    for line in wrap(&said, WIDTH) {
        // Where standard error is closed nobody is there to be told.
        let _ = writeln!(host.err, "{line}");
    }
    Ok((store, found.run.clone()))
}

/// `2026-01-02 03:04 UTC` of an event's time.
fn minute(at: &str) -> String {
    format!("{} UTC", at.get(..16).unwrap_or(at).replace('T', " "))
}

/// The run that the arguments name, and where runs are.
pub(super) fn find<'h>(matches: &ArgMatches, host: &Host<'h>) -> Result<(Store<'h>, String), Failure> {
    let store = Store::new(host.files, home(host)?);
    let wanted = matches.get_one::<String>("run").map_or("", String::as_str);
    let found = store.find(wanted).map_err(|error| unreadable("the runs", &error))?;
    let id = found.map_err(|why| Failure::new(USAGE, why.to_string(), "`runbook runs` lists them"))?;
    believed(&store, &id).map(|()| (store, id))
}

/// Refuses run `id` where somebody else could have written what is on record of it.
fn believed(store: &Store<'_>, id: &str) -> Result<(), Failure> {
    match store.intruded_run(id).map_err(|error| unreadable(id, &error))? {
        Some(intruded) => Err(not_believed(&format!("run `{id}`"), &intruded)),
        None => Ok(()),
    }
}

pub(super) fn unreadable(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(CANNOT_START, format!("`{what}` cannot be read: {error}"), "may you read it?")
}
