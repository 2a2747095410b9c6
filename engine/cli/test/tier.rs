//! The static tier: everything that can be found wrong without running anything.

use super::book::Book;
use super::select::{Selected, Test};
use crate::check::static_tier::{self, Shelf};
use crate::cli::failure::{DOCUMENT, Failure};
use crate::cli::notify::Notifiers;
use crate::cli::opinion::{Opinion, Word};
use crate::cli::{Host, error_style, upkeep};
use crate::diagnostic::{Diagnostic, Level};
use crate::document;
use clap::ArgMatches;
use std::path::Path;

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

/// Checks every document and shows what is wrong on standard error.
pub(super) fn check(
    book: &Book,
    selected: &Selected<'_>,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<Checked, Failure> {
    let documents = &book.documents;
    let (read, odd): (Vec<_>, Vec<_>) =
        documents.runbooks.iter().map(|runbook| document::read(&runbook.source)).unzip();
    let cwd = host.environment.cwd();
    let files = host.files;
    let exists = |path: &Path| files.exists(&cwd.join(path));
    let shelf = Shelf::new(&read, &exists);
    // They are warnings, and the record is not read for what is not shown.
    let upkeep = if matches.get_flag("verbose") { upkeep::of(documents, host) } else { Vec::new() };
    let rehearsing = upkeep::rehearsing(&upkeep);
    let mut checked = Checked { errors: vec![None; selected.tests.len()], elsewhere: 0 };
    let mut text = String::new();
    let mut opinion = Opinion::new(host);
    for (index, document) in read.iter().enumerate() {
        let runbook = &documents.runbooks[index];
        // What a page would mean as a runbook is not asked.
        let as_read = if book.is_page(index) { &odd } else { &documents.diagnostics };
        let mut found: Vec<Diagnostic> = as_read[index].clone();
        // As an error, below.
        found.retain(|it| it.code != "unclosed-fence");
        found.extend(static_tier::blocks(document));
        found.extend(shelf.links(document));
        let kept = upkeep.get(index).into_iter().flatten();
        for (procedure, upkeep) in runbook.procedures.iter().zip(kept) {
            found.extend(upkeep.findings(runbook, procedure, rehearsing));
        }
        found.extend(static_tier::escalation(runbook, &documents.escalation_rows()));
        for test in selected.tests.iter().filter(|test| test.document == index) {
            found.extend(static_tier::procedure(runbook, test.procedure, &test.given_names(), &mut |text| {
                opinion.on(text) == Word::Bash
            }));
            found.extend(no_fault(test));
        }
        found.sort_by_key(|it| (it.span, it.code));
        found.dedup();
        let shown = found.iter().filter(|it| {
            it.level == Level::Error || (matches.get_flag("verbose") && it.level == Level::Warning)
        });
        for diagnostic in shown {
            text += &diagnostic.render(&runbook.source);
            text.push('\n');
        }
        for error in found.iter().filter(|it| it.level == Level::Error) {
            let owner = owner(selected, index, error.span.start);
            let Some(known) = owner.and_then(|test| checked.errors.get_mut(test)) else {
                checked.elsewhere += 1;
                continue;
            };
            let place = runbook.source.place(error.span.start);
            let path = runbook.source.path().display();
            let first = || (format!("{path}:{}:{}: {}", place.line, place.column, error.message), 0);
            known.get_or_insert_with(first).1 += 1;
        }
    }
    if let Some((path, config)) = &documents.config
        && config.notifiers.is_some()
        && let Err(failure) = Notifiers::read(path, host)
    {
        text += &failure.text;
        checked.elsewhere += 1;
    }
    if !text.is_empty() {
        let text = crate::cli::coloured(&text, error_style(matches, host));
        // A closed standard error leaves nobody to be told; the exit code says it all the same.
        let _ = host.err.write_all(text.as_bytes());
    }
    Ok(checked)
}

/// A test that asks for a fault which the stage has not.
fn no_fault(test: &Test<'_>) -> Option<Diagnostic> {
    let (name, span) = (test.procedure.test.fault.as_deref()?, test.procedure.test.span?);
    let wrong =
        |message: String, hint: &str| Some(Diagnostic::error("bad-directive", span, message).with_hint(hint));
    match test.stage.map(|stage| stage.file.fault(&test.procedure.title, Some(name))) {
        Some(Ok(_)) => None,
        Some(Err(none)) => wrong(none.message, &none.hint),
        None => wrong(
            format!("a test of `{}` injects `{name}`, and there is no stage for it", test.procedure.id),
            "declare a stage; the book's page `Rehearse your own system` shows one of ten lines",
        ),
    }
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
