//! `runbook runs prune`: forgets old runs, after showing which.

use super::{home, listing};
use crate::cli::failure::{CANNOT_START, Failure, Outcome, PERSON, USAGE};
use crate::cli::procedure::duration;
use crate::cli::{Host, ask, flag, output_style};
use crate::journal::{Pruning, Store};
use crate::report::removal::{Removed, count, removal};
use crate::report::style::size;
use crate::report::timeline::day;
use clap::{Arg, ArgMatches, Command};
use std::io::ErrorKind;
use std::time::Duration;

pub(super) fn command() -> Command {
    Command::new("prune")
        .about("Remove the records of old runs, for good")
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("TIME")
                .required(true)
                .value_parser(duration)
                .help("Remove runs whose last event is older than this: 90d"),
        )
        .arg(flag("unfinished", "Also those that have no end and could still be resumed"))
        .arg(flag("dry-run", "Show what would be removed, and remove nothing"))
        .arg(flag("yes", "Do not ask; needed where nobody is there to ask"))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>) -> Outcome {
    let home = home(host)?;
    let age = matches.get_one::<Duration>("older-than").copied().unwrap_or(Duration::MAX);
    let Some(cutoff) = before(&host.clock.wall(), age) else {
        let message = "nothing can be as old as --older-than says";
        return Err(Failure::new(USAGE, message, "give it in days: 90d"));
    };
    let pruning = Pruning::of(listing(&home, host)?, &cutoff, matches.get_flag("unfinished"));
    let store = Store::new(host.files, &home);
    let failed = |error: std::io::Error| Failure::output(&error);
    kept(&pruning, host).map_err(failed)?;
    let going = going(&pruning, &store);
    if going.is_empty() {
        let said = format!("nothing to remove: nothing else was recorded before {}\n", day(&cutoff));
        return host.out.write_all(said.as_bytes()).map(|()| 0).map_err(failed);
    }
    let style = output_style(matches, host);
    removal(&mut host.out, &going, matches.get_flag("verbose"), style).map_err(failed)?;
    // What is asked about must have been seen.
    host.out.flush().map_err(failed)?;
    if matches.get_flag("dry-run") {
        return Ok(0);
    }
    if !matches.get_flag("yes") && !confirmed(&going, host)? {
        return host.out.write_all(b"nothing was removed\n").map(|()| PERSON).map_err(failed);
    }
    remove(&pruning, &going, &store, host)
}

/// The moment `age` before `now`, as events have it.
fn before(now: &str, age: Duration) -> Option<String> {
    let now: jiff::Timestamp = now.parse().ok()?;
    let before = now.checked_sub(jiff::SignedDuration::try_from(age).ok()?).ok()?;
    Some(format!("{before:.3}"))
}

/// Says what old or unfinished runs are kept.
fn kept(pruning: &Pruning, host: &mut Host<'_>) -> std::io::Result<()> {
    for run in &pruning.running {
        writeln!(host.out, "kept: run `{run}` is running")?;
    }
    for run in &pruning.unfinished {
        writeln!(host.out, "kept: run `{run}` has no end and can be resumed (--unfinished removes it)")?;
    }
    Ok(())
}

fn going(pruning: &Pruning, store: &Store<'_>) -> Vec<Removed> {
    // A size that cannot be had is no reason to keep anything.
    let size = |id: &str| store.size(id).unwrap_or_default();
    let runs = pruning.runs.iter().map(|run| Removed {
        run: run.run.clone(),
        title: Some(run.started.title.clone()),
        day: day(&run.last_at).to_owned(),
        size: size(&run.run),
        outcome: run.finished.as_ref().map(|finished| finished.outcome),
    });
    let empty = pruning.empty.iter().map(|id| Removed {
        run: id.clone(),
        title: None,
        day: format!("{}-{}-{}", &id[..4], &id[4..6], &id[6..8]),
        size: size(id),
        outcome: None,
    });
    runs.chain(empty).collect()
}

fn confirmed(going: &[Removed], host: &mut Host<'_>) -> Result<bool, Failure> {
    let what = format!("remove {} for good", count(going.len()));
    let nobody = ask::nobody_is_there(host);
    match &mut host.person {
        Some(person) if !nobody => ask::ask_yes(person, &what).map_err(|error| {
            Failure::new(CANNOT_START, format!("the terminal cannot be read: {error}"), "add --yes")
        }),
        _ => {
            let message = format!("nobody is there to ask: {what}?");
            Err(Failure::new(PERSON, message, "add --yes; nothing was removed"))
        }
    }
}

fn remove(pruning: &Pruning, going: &[Removed], store: &Store<'_>, host: &mut Host<'_>) -> Outcome {
    // `going` has the same order: first the runs, then what is none.
    let was = pruning.runs.iter().map(Some).chain(std::iter::repeat(None));
    let (mut removed, mut bytes, mut text) = (0, 0, String::new());
    for (run, was) in going.iter().zip(was) {
        match store.forget(&run.run, was) {
            Ok(()) => (removed, bytes) = (removed + 1, bytes + run.size),
            // Another prune was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => text.push_str(&format!("error: run `{}` was not removed: {error}\n", run.run)),
        }
    }
    if let Err(error) = store.forget_rest() {
        text.push_str(&format!("error: what an earlier removal left was not removed: {error}\n"));
    }
    let said = format!("removed {}, {}\n", count(removed), size(bytes));
    host.out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
    if text.is_empty() {
        return Ok(0);
    }
    text.push_str("hint: `runbook runs` shows what is left\n");
    Err(Failure { code: CANNOT_START, text })
}
