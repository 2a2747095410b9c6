//! `runbook list`: every procedure of the documents, and how it is kept up.

use super::documents::{Documents, file};
use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, texts, upkeep};
use crate::check::static_tier;
use crate::diagnostic::Level;
use crate::document;
use crate::report::listing;
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("list")
        .about("List the procedures, and what is due for a review or a rehearsal")
        .arg(file())
        .arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let documents = Documents::load(&texts(matches, "file"), host);
    let upkeep = upkeep::of(&documents, host);
    upkeep.warn(host);
    let upkeep = upkeep.of_documents;
    let style = output_style(matches, host);
    let is_empty = documents.runbooks.iter().all(|runbook| runbook.procedures.is_empty());
    let places = matches.get_flag("verbose");
    let written = match form(matches) {
        "json" => host.out.write_all(listing::json(&documents.runbooks, &upkeep).as_bytes()),
        // A head over nothing would look like a list.
        _ if is_empty => Ok(()),
        _ => listing::table(&mut host.out, &documents.runbooks, &upkeep, places, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    let rows = documents.escalation_rows();
    for runbook in &documents.runbooks {
        let mut found = static_tier::escalation(runbook, &rows);
        found.extend(static_tier::without_step(&document::read(&runbook.source).0, runbook));
        for finding in found.iter().filter(|it| it.level == Level::Warning) {
            // Where standard error is closed nobody is there to be told.
            let _ = host.err.write_all(finding.render(&runbook.source).as_bytes());
        }
    }
    match documents.failure() {
        Some(failure) => Err(failure),
        None if is_empty => Err(documents.without_procedure()),
        None => Ok(0),
    }
}
