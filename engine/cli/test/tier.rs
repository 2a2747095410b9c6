//! The first tier of a test: what is found wrong without running anything, and whose fault it is.

use super::select::Selected;
use crate::cli::book::Book;
use crate::cli::failure::{DOCUMENT, Failure};
use crate::cli::findings::{self, Looked, Rule};
use crate::cli::{Host, error_style, upkeep};
use crate::diagnostic::{Diagnostic, Level};
use clap::ArgMatches;

/// Rules for documents that are only read.
pub(super) const READ: &[Rule] = &[];
/// Rules for documents whose procedures will run.
pub(super) const RUN: &[Rule] = &[findings::VALUES];

/// What was found.
pub(super) struct Checked {
    /// For each test: the first error of its procedure and how many there are.
    pub(super) errors: Vec<Option<(String, usize)>>,
    /// Errors that belong to none of the tested procedures.
    pub(super) elsewhere: usize,
}

impl Checked {
    /// How many errors there are.
    pub(super) fn count(&self) -> usize {
        self.elsewhere + self.errors.iter().flatten().map(|(_, count)| count).sum::<usize>()
    }

    /// The exit code of a run that does not go further.
    pub(super) fn exit_code(&self) -> i32 {
        if self.count() > 0 { DOCUMENT } else { 0 }
    }
}

/// Checks every document, by `rules` besides those for all, and shows what is wrong on standard error.
pub(super) fn check(
    book: &Book,
    selected: &Selected<'_>,
    rules: &[Rule],
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<Checked, Failure> {
    let tests = selected.tests.iter();
    let procedures: Vec<Looked<'_>> =
        tests.map(|test| Looked::new(book, test.document, test.procedure, &test.given)).collect();
    // They are warnings, and the record is not read for what is not shown.
    let verbose = matches.get_flag("verbose");
    let upkeep = verbose.then(|| upkeep::of(&book.documents, host));
    if let Some(upkeep) = &upkeep {
        upkeep.warn(host);
    }
    let rules = [findings::RULES, &[findings::UPKEEP], rules];
    let found = findings::find(book, &procedures, &rules, upkeep.as_ref(), host)?;
    let is_error = |it: &&Diagnostic| it.level == Level::Error;
    let mut checked = Checked { errors: vec![None; selected.tests.len()], elsewhere: 0 };
    let mut text = String::new();
    for (index, found) in found.of_documents.iter().enumerate() {
        let source = &book.documents.runbooks[index].source;
        let shown = found.iter().filter(|it| is_error(it) || (verbose && it.level == Level::Warning));
        for diagnostic in shown {
            text += &diagnostic.render(source);
            text.push('\n');
        }
        for error in found.iter().filter(is_error) {
            let owner = owner(selected, index, error.span.start);
            let Some(known) = owner.and_then(|test| checked.errors.get_mut(test)) else {
                checked.elsewhere += 1;
                continue;
            };
            let place = source.place(error.span.start);
            let path = source.path().display();
            let first = || (format!("{path}:{}:{}: {}", place.line, place.column, error.message), 0);
            known.get_or_insert_with(first).1 += 1;
        }
    }
    for (source, mistakes) in found.of_config.iter().filter(|(_, mistakes)| !mistakes.is_empty()) {
        text.extend(mistakes.iter().map(|mistake| mistake.render_without_line(source)));
        checked.elsewhere += 1;
    }
    if !text.is_empty() {
        let text = crate::cli::coloured(&text, error_style(matches, host));
        // A closed standard error leaves nobody to be told; the exit code says it all the same.
        let _ = host.err.write_all(text.as_bytes());
    }
    Ok(checked)
}

/// The test in whose procedure's section byte `at` of a document lies.
fn owner(selected: &Selected<'_>, document: usize, at: usize) -> Option<usize> {
    let procedures = &selected.tests.iter().find(|test| test.document == document)?.runbook.procedures;
    let heading = procedures.iter().map(|it| it.heading.start).filter(|&start| start <= at).max()?;
    selected
        .tests
        .iter()
        .position(|test| test.document == document && test.procedure.heading.start == heading)
}
