//! `runbook list`: every procedure of the documents.

use super::documents::{Documents, file};
use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, texts};
use crate::check::static_tier;
use crate::diagnostic::Level;
use crate::report::listing;
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("list").about("List the procedures").arg(file()).arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let documents = Documents::load(&texts(matches, "file"), host);
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => host.out.write_all(listing::json(&documents.runbooks).as_bytes()),
        _ => listing::table(&mut host.out, &documents.runbooks, style),
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
