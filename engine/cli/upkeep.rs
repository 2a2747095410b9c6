//! How the procedures of some documents are kept up, by what they say and what is on record.

use super::documents::Documents;
use super::{Host, evidence, runs};
use crate::check::upkeep::{Rehearsal, Rehearsed, Upkeep};
use crate::journal::{RunSummary, Store, hash};
use crate::runbook::{Procedure, Runbook, does_the_same};
use jiff::civil::Date;

/// For each document, how each of its procedures is kept up.
pub(super) fn of(documents: &Documents, host: &mut Host<'_>) -> Vec<Vec<Upkeep>> {
    let today = host.clock.wall().get(..10).and_then(|day| day.parse::<Date>().ok()).unwrap_or(Date::MIN);
    let record = record(host);
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
    documents.runbooks.iter().map(upkeep).collect()
}

/// Whether any of it was ever rehearsed on this host.
pub(super) fn rehearsing(upkeep: &[Vec<Upkeep>]) -> bool {
    upkeep.iter().flatten().any(|it| matches!(it.rehearsed, Rehearsed::Last(_)))
}

/// The rehearsals on record that came to an end, the newest first; none where the record is not believed or
/// cannot be read, which is said.
fn record<'h>(host: &mut Host<'h>) -> Option<(Store<'h>, Vec<RunSummary>)> {
    let listed = runs::home(host).and_then(|home| {
        let listing = runs::listing(&home, host)?;
        Ok((Store::new(host.files, home), listing.runs))
    });
    match listed {
        Ok((store, mut runs)) => {
            runs.retain(|run| run.finished.as_ref().is_some_and(|end| end.rehearsal.is_some()));
            Some((store, runs))
        }
        Err(failure) => {
            let why = failure.text.lines().next().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            // Where standard error is closed nobody is there to be told.
            let _ = writeln!(host.err, "warning: what was rehearsed is not known: {why}");
            None
        }
    }
}

fn last(
    store: &Store<'_>,
    rehearsals: &[RunSummary],
    runbook: &Runbook,
    procedure: &Procedure,
    document_sha256: &str,
    host: &Host<'_>,
) -> Option<Rehearsal> {
    let file = runbook.source.path();
    let run = rehearsals.iter().find(|run| run.started.is_of(&procedure.id, file))?;
    let passed = run.finished.as_ref()?.rehearsal.as_ref()?.passed;
    let same = run.started.document_sha256 == document_sha256
        || evidence::document(store, host, &run.run, &run.started.file).is_some_and(|was| {
            was.procedures.iter().any(|was| was.id == procedure.id && does_the_same(was, procedure))
        });
    Some(Rehearsal { run: run.run.clone(), at: run.started_at.clone(), passed, changed_since: !same })
}
