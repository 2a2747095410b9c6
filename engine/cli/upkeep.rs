//! How the procedures of some documents are kept up, by what they say and what is on record.

use super::documents::Documents;
use super::{Host, evidence, runs};
use crate::check::upkeep::{Rehearsal, Rehearsed, Upkeep};
use crate::journal::{RunSummary, Store, hash};
use crate::runbook::{Procedure, Runbook, does_the_same};
use jiff::civil::Date;
use std::collections::HashMap;

/// The rehearsals on record that came to an end, by their procedures' slugs, each the newest first.
type Rehearsals = HashMap<String, Vec<RunSummary>>;

/// What is known of some documents.
pub(super) struct Kept {
    /// For each document, how each of its procedures is kept up.
    pub(super) of_documents: Vec<Vec<Upkeep>>,
    /// Why nothing is known of rehearsals, where it is not.
    pub(super) unknown: Option<String>,
}

impl Kept {
    /// Whether any of it was ever rehearsed on this host.
    pub(super) fn rehearsing(&self) -> bool {
        self.of_documents.iter().flatten().any(|it| matches!(it.rehearsed, Rehearsed::Last(_)))
    }

    /// Warns where nothing is known of rehearsals.
    pub(super) fn warn(&self, host: &mut Host<'_>) {
        if let Some(why) = &self.unknown {
            // Where standard error is closed nobody is there to be told.
            let _ = writeln!(host.err, "warning: {why}");
        }
    }
}

/// How the procedures of each document are kept up.
pub(super) fn of(documents: &Documents, host: &mut Host<'_>) -> Kept {
    let today = host.clock.wall().get(..10).and_then(|day| day.parse::<Date>().ok()).unwrap_or(Date::MIN);
    let (record, unknown) = match record(host) {
        Ok(record) => (Some(record), None),
        Err(why) => (None, Some(why)),
    };
    let upkeep = |runbook: &Runbook| {
        let document_sha256 = hash(runbook.source.text());
        let each = runbook.procedures.iter().map(|procedure| {
            let rehearsed = match &record {
                None => Rehearsed::Unknown,
                Some((store, runs)) => last(store, runs, runbook, procedure, &document_sha256, host)
                    .map_or(Rehearsed::Never, Rehearsed::Last),
            };
            Upkeep::of(runbook, procedure, today, rehearsed)
        });
        each.collect()
    };
    Kept { of_documents: documents.runbooks.iter().map(upkeep).collect(), unknown }
}

/// The record, and its rehearsals.
///
/// # Errors
/// Where the record is not believed or cannot be read, in words.
fn record<'h>(host: &mut Host<'h>) -> Result<(Store<'h>, Rehearsals), String> {
    let listed = runs::home(host).and_then(|home| {
        let listing = runs::listing(&home, host)?;
        Ok((Store::new(host.files, home), listing.runs))
    });
    match listed {
        Ok((store, runs)) => {
            let ended = |run: &RunSummary| run.finished.as_ref().is_some_and(|end| end.rehearsal.is_some());
            let mut rehearsals = Rehearsals::new();
            for run in runs.into_iter().filter(ended) {
                rehearsals.entry(run.started.procedure.clone()).or_default().push(run);
            }
            Ok((store, rehearsals))
        }
        Err(failure) => {
            let why = failure.text.lines().next().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            Err(format!("what was rehearsed is not known: {why}"))
        }
    }
}

fn last(
    store: &Store<'_>,
    rehearsals: &Rehearsals,
    runbook: &Runbook,
    procedure: &Procedure,
    document_sha256: &str,
    host: &Host<'_>,
) -> Option<Rehearsal> {
    let file = runbook.source.path();
    let run = rehearsals.get(&procedure.id)?.iter().find(|run| run.started.is_of(&procedure.id, file))?;
    let passed = run.finished.as_ref()?.rehearsal.as_ref()?.passed;
    let same = run.started.document_sha256 == document_sha256
        || evidence::document(store, host, &run.run, &run.started.file).is_some_and(|was| {
            was.procedures.iter().any(|was| was.id == procedure.id && does_the_same(was, procedure))
        });
    Some(Rehearsal { run: run.run.clone(), at: run.started_at.clone(), passed, changed_since: !same })
}
