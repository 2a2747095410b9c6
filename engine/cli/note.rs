//! `runbook note`: what a person says about a run, added to its record.

use super::failure::{CANNOT_START, Failure, Outcome, USAGE};
use super::procedure::Wanted;
use super::{Host, runs};
use clap::{Arg, ArgMatches, Command};
use std::io::ErrorKind;

pub(super) fn command() -> Command {
    Command::new("note")
        .about("Add a note to the record of a run")
        .arg(runs::name())
        .arg(Arg::new("text").value_name("TEXT").required(true).help("What there is to say"))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find(matches, host)?;
    let text = matches.get_one::<String>("text").map_or("", |text| text.trim());
    if text.is_empty() {
        return Err(Failure::new(USAGE, "the note is empty", "say something"));
    }
    store.add_note(&id, &host.environment.user(), text, host.clock).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::WouldBlock => "try again",
            ErrorKind::InvalidData => "`runbook verify` says more",
            _ => "may you write there?",
        };
        Failure::new(CANNOT_START, format!("the note cannot be added to run `{id}`: {error}"), hint)
    })?;
    writeln!(host.out, "noted in run {id}").map_err(|error| Failure::output(&error))?;
    Ok(0)
}
