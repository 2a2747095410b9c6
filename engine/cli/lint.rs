//! `runbook lint`: what is wrong with documents, and what in them is not kept up; runs nothing.
//!
//! It says what reading and planning find and what the first tier of `test` finds, by the same rules. It
//! repairs nothing, and has no opinion on how documents are written.

use super::book::{Book, paths};
use super::failure::{DOCUMENT, Failure, Outcome};
use super::findings::{self, Looked};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, upkeep};
use crate::diagnostic::Level;
use crate::report::lint::{self, Finding};
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("lint")
        .about("Say what is wrong with documents, or overdue in them; runs nothing")
        .arg(paths())
        .arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let book = Book::load(matches, host)?;
    let procedures = Looked::all(&book);
    let upkeep = upkeep::of(&book.documents, host);
    let rules = [findings::RULES, &[findings::UPKEEP]];
    let found = findings::find(&book, &procedures, &rules, Some(&upkeep), host)?;
    let sources = book.documents.runbooks.iter().map(|runbook| &runbook.source);
    let in_config =
        found.of_config.iter().flat_map(|(source, found)| found.iter().map(move |it| (source, it)));
    let all =
        sources.zip(&found.of_documents).flat_map(|(source, found)| found.iter().map(move |it| (source, it)));
    let mut all: Vec<Finding> = all.chain(in_config).map(|(source, it)| Finding::new(source, it)).collect();
    all.extend(upkeep.unknown.map(|why| Finding::nowhere(Level::Warning, "record-unreadable", why)));
    lint::sort(&mut all);
    let extent = book.extent(procedures.len());
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => host.out.write_all(lint::json(&all, extent).as_bytes()),
        _ => {
            let least = if matches.get_flag("quiet") { Level::Error } else { Level::Note };
            lint::text(host.out, &all, extent, least, style)
        }
    };
    written.map_err(|error| Failure::output(&error))?;
    if all.iter().any(|it| it.level == Level::Error) {
        return Ok(DOCUMENT);
    }
    if procedures.is_empty() { Err(book.without_procedure()) } else { Ok(0) }
}
