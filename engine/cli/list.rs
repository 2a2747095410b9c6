//! `runbook list`: every procedure of the documents, and how it is kept up.

use super::documents::{Documents, file};
use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, texts, upkeep};
use crate::check::static_tier;
use crate::diagnostic::Level;
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
    let written = match form(matches) {
        "json" => host.out.write_all(listing::json(&documents.runbooks, &upkeep).as_bytes()),
        _ => listing::table(&mut host.out, &documents.runbooks, &upkeep, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    let rows = documents.escalation_rows();
    for runbook in &documents.runbooks {
        let found = static_tier::escalation(runbook, &rows);
        for finding in found.iter().filter(|it| it.level == Level::Warning) {
            // Where standard error is closed nobody is there to be told.
            let _ = host.err.write_all(finding.render(&runbook.source).as_bytes());
        }
    }
    documents.failure().map_or(Ok(0), Err)
}
