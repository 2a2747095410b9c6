//! `runbook coverage`: which steps, fallbacks and decisions have ever been exercised on this host.

use super::documents::{Documents, file};
use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, runs, texts};
use crate::journal::{Store, hash};
use crate::report::coverage::{self, Coverage};
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("coverage")
        .about("Show what of the runbooks was ever exercised, when and by what, and what never was")
        .arg(file())
        .arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let documents = Documents::load(&texts(matches, "file"), host);
    if let Some(failure) = documents.failure() {
        return Err(failure);
    }
    let hashes: Vec<String> = documents.runbooks.iter().map(|runbook| hash(runbook.source.text())).collect();
    let mut coverage = Coverage::of(documents.runbooks.iter().zip(hashes.iter().map(String::as_str)));
    let home = runs::home(host)?;
    let practised = Store::new(host.files, &home).practised(&|started| coverage.knows(started));
    let (listing, practised) =
        practised.map_err(|error| runs::unreadable(&home.display().to_string(), &error))?;
    runs::warn_of_left_out(&listing, host);
    for (run, practised) in listing.runs.iter().zip(&practised) {
        coverage.add(&run.run, &run.started, practised);
    }
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => host.out.write_all(coverage.json().as_bytes()),
        _ => coverage::text(&mut host.out, &coverage, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(0)
}
