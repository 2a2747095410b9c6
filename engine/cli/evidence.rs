//! What is on record of a run: its events with people's notes among them, and its document as it was.

use super::Host;
use super::failure::{CANNOT_START, Failure};
use super::runs;
use crate::document;
use crate::event::Event;
use crate::journal::{Store, with_notes};
use crate::report::escalation::{self, Escalation};
use crate::report::record::Record;
use crate::runbook::{self, Runbook};
use crate::source::{MAX_BYTES, Source};

/// The events of run `id`, with the notes at their time. Never empty.
pub(super) fn events(store: &Store<'_>, id: &str) -> Result<Vec<Event>, Failure> {
    let unreadable = |error: std::io::Error| runs::unreadable(id, &error);
    let journal = store.read(id).map_err(unreadable)?;
    if journal.started().is_none() {
        let hint = "its engine died before the first event was complete: nothing had been started";
        return Err(Failure::new(CANNOT_START, format!("the record of run `{id}` is empty"), hint));
    }
    let notes = store.read_notes(id).map_err(unreadable)?;
    Ok(with_notes(&journal, notes.events))
}

/// The document of run `id` as it was then; none if it is not there any more.
pub(super) fn document(store: &Store<'_>, host: &Host<'_>, id: &str, file: &str) -> Option<Runbook> {
    let bytes = host.files.read(&store.directory(id).join("document.md"), MAX_BYTES as u64).ok()?;
    let source = Source::new(file, bytes).ok()?;
    let (document, _) = document::read(&source);
    Some(runbook::lower(&document).0)
}

/// Whom to tell after the run of `events`, if somebody must be told and its document `runbook` says whom.
pub(super) fn escalation(events: &[Event], runbook: Option<&Runbook>) -> Option<Escalation> {
    let due = escalation::due(&Record::of(events), runbook.map_or(&[], |runbook| &runbook.escalation));
    due.filter(|due| !due.rows.is_empty())
}
