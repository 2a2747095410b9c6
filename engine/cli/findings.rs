//! What is found of documents without running anything: all that `lint` says, and the first tier of `test`.
//!
//! What reading a document found comes first; what else is found, rules find. A rule looks at one document
//! and what stands around it, and gives diagnostics; to add one is to write it and to name it in a list.
//! Nothing is decided here: who asks shows what was found, and says what comes of it.

use super::Host;
use super::book::Book;
use super::failure::Failure;
use super::notify::Notifiers;
use super::opinion::{Opinion, Word};
use super::project::Project;
use super::upkeep::Kept;
use crate::check::static_tier::{self, Shelf};
use crate::check::upkeep::Upkeep;
use crate::diagnostic::Diagnostic;
use crate::document::{self, Document};
use crate::plan::{self, fold_name};
use crate::runbook::{Procedure, Runbook};
use crate::source::Source;
use std::path::Path;

/// A rule: what is to be said of one document.
pub(super) type Rule = fn(&mut Subject<'_>) -> Vec<Diagnostic>;

/// The rules for what is wrong with a document, whoever reads it.
pub(super) const RULES: &[Rule] = &[escalation, alerts, plans, steps, faults];

/// The rules for every document, mere pages too. What a page would mean as a runbook is not asked.
const PAGE: &[Rule] = &[blocks, links];

/// The rule for documents whose procedures are to run: each parameter needs a value.
pub(super) const VALUES: Rule = |subject| {
    let each = subject.procedures.iter();
    each.flat_map(|looked| static_tier::without_value(looked.procedure, &looked.given)).collect()
};

/// The rule for how procedures are kept up.
pub(super) const UPKEEP: Rule = |subject| {
    let each = subject.runbook.procedures.iter().zip(subject.upkeep);
    each.flat_map(|(procedure, upkeep)| upkeep.findings(subject.runbook, procedure, subject.rehearsing))
        .collect()
};

/// A procedure that is looked at, as a test of it would have it.
pub(super) struct Looked<'d> {
    /// Position of its document.
    pub(super) document: usize,
    pub(super) procedure: &'d Procedure,
    /// The stage it runs on.
    pub(super) stage: Option<&'d Project>,
    /// The names of its parameters that get a value from outside the document.
    given: Vec<String>,
}

impl<'d> Looked<'d> {
    /// A procedure of a document of `book`; `given` has a value besides what the stage gives.
    pub(super) fn new(
        book: &'d Book,
        document: usize,
        procedure: &'d Procedure,
        given: &[(String, String)],
    ) -> Self {
        let stage = book.stage_of(document);
        let has = |name: &str| procedure.parameters.iter().any(|it| fold_name(&it.name) == fold_name(name));
        let by_stage = stage.iter().flat_map(|stage| stage.values()).map(|(name, _)| name);
        let by_stage = by_stage.filter(|name| has(name));
        let given = given.iter().map(|(name, _)| name.as_str()).chain(by_stage).map(str::to_owned).collect();
        Self { document, procedure, stage, given }
    }

    /// Every procedure of the documents that are no mere pages.
    pub(super) fn all(book: &'d Book) -> Vec<Self> {
        let documents = book.documents.runbooks.iter().enumerate().filter(|(index, _)| !book.is_page(*index));
        let each = documents.flat_map(|(index, runbook)| {
            runbook.procedures.iter().map(move |procedure| Self::new(book, index, procedure, &[]))
        });
        each.collect()
    }
}

/// What a rule looks at: one document, and what stands around it.
pub(super) struct Subject<'a> {
    document: &'a Document,
    runbook: &'a Runbook,
    /// Those of its procedures that are looked at.
    procedures: &'a [Looked<'a>],
    /// How its procedures are kept up; empty where nobody asked.
    upkeep: &'a [Upkeep],
    /// Rehearsals are recorded on this host.
    rehearsing: bool,
    /// The documents it may link to.
    shelf: &'a Shelf<'a>,
    /// Rows of escalation matrices that the project gives severities.
    rows: &'a [(String, String)],
    /// The word of a real bash on a text.
    is_bash: &'a mut dyn FnMut(&str) -> bool,
}

/// What was found.
pub(super) struct Findings {
    /// For each document, in its order.
    pub(super) of_documents: Vec<Vec<Diagnostic>>,
    /// In the project's configuration, whose lines are not shown: a secret could stand there.
    pub(super) of_config: Option<(Source, Vec<Diagnostic>)>,
}

/// Holds `rules` against every document of `book` that is no mere page; `procedures` are looked at, in the order
/// of their documents.
///
/// # Errors
/// When the project's configuration cannot be read any more.
pub(super) fn find(
    book: &Book,
    procedures: &[Looked<'_>],
    rules: &[&[Rule]],
    upkeep: Option<&Kept>,
    host: &Host<'_>,
) -> Result<Findings, Failure> {
    let documents = &book.documents;
    let (read, odd): (Vec<_>, Vec<_>) =
        documents.runbooks.iter().map(|runbook| document::read(&runbook.source)).unzip();
    let cwd = host.environment.cwd();
    let files = host.files;
    let exists = |path: &Path| files.exists(&cwd.join(path));
    let shelf = Shelf::new(&read, &exists);
    let rows = documents.escalation_rows();
    let mut opinion = Opinion::new(host);
    let mut is_bash = |text: &str| opinion.on(text) == Word::Bash;
    // It is about all of them, so each asking would go through all.
    let rehearsing = upkeep.is_some_and(Kept::rehearsing);
    // They stand in the order of their documents.
    let begin = |index: usize| procedures.partition_point(|it| it.document < index);
    let of = |index: usize| &procedures[begin(index)..begin(index + 1)];
    let of_document = |(index, document): (usize, &Document)| {
        let is_page = book.is_page(index);
        let as_read = if is_page { &odd } else { &documents.diagnostics };
        let rules = if is_page { &[] } else { rules };
        let mut found: Vec<Diagnostic> = as_read[index].clone();
        // As an error, by a rule.
        found.retain(|it| !matches!(it.code, "unclosed-fence" | "unclosed-commands"));
        let mut subject = Subject {
            document,
            runbook: &documents.runbooks[index],
            procedures: of(index),
            upkeep: upkeep.and_then(|kept| kept.of_documents.get(index)).map_or(&[], Vec::as_slice),
            rehearsing,
            shelf: &shelf,
            rows: &rows,
            is_bash: &mut is_bash,
        };
        let rules = [PAGE].into_iter().chain(rules.iter().copied());
        found.extend(rules.flatten().flat_map(|rule| rule(&mut subject)));
        found.sort_by_key(|it| (it.span, it.code));
        found.dedup();
        found
    };
    let of_documents = read.iter().enumerate().map(of_document).collect();
    let of_config = match &documents.config {
        Some((path, config)) if config.notifiers.is_some() => Some(Notifiers::mistakes(path, host)?),
        _ => None,
    };
    Ok(Findings { of_documents, of_config })
}

fn blocks(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    static_tier::blocks(subject.document)
}

fn links(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    subject.shelf.links(subject.document)
}

fn escalation(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    static_tier::escalation(subject.runbook, subject.rows)
}

fn alerts(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    static_tier::without_step(subject.document, subject.runbook)
}

/// What is in the way of any plan.
fn plans(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    let each = subject.procedures.iter();
    each.flat_map(|looked| plan::faults(subject.runbook, looked.procedure)).collect()
}

fn steps(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for looked in subject.procedures {
        found.extend(static_tier::procedure(
            subject.runbook,
            looked.procedure,
            &looked.given,
            subject.is_bash,
        ));
    }
    found
}

/// Tests that ask for a fault which the stage has not.
fn faults(subject: &mut Subject<'_>) -> Vec<Diagnostic> {
    subject.procedures.iter().filter_map(no_fault).collect()
}

fn no_fault(looked: &Looked<'_>) -> Option<Diagnostic> {
    let procedure = looked.procedure;
    let (name, span) = (procedure.test.fault.as_deref()?, procedure.test.span?);
    let wrong =
        |message: String, hint: &str| Some(Diagnostic::error("bad-directive", span, message).with_hint(hint));
    match looked.stage.map(|stage| stage.file.fault(&procedure.title, Some(name))) {
        Some(Ok(_)) => None,
        Some(Err(none)) => wrong(none.message, &none.hint),
        None => wrong(
            format!("a test of `{}` injects `{name}`, and there is no stage for it", procedure.id),
            "looked for one in `runbooks/runbook.yaml` above the document and here; the book's page `Rehearse your own system` \
             shows one of ten lines",
        ),
    }
}
