//! What follows a run that is over: whom to tell is printed, the incident file is written, notifiers are told.
//! None of it changes the run's result.

use super::Host;
use super::evidence;
use super::incident::Incident;
use super::notify::{Notifiers, Occasion};
use crate::event::RunFinished;
use crate::journal::Store;
use crate::report::escalation;
use crate::report::record::Record;
use crate::report::style::Style;
use std::path::Path;

/// What to do once a run is over.
pub(super) struct Aftermath {
    /// Write the incident there.
    pub(super) incident: Option<Incident>,
    /// Print whom to tell, in this style.
    pub(super) print: Option<Style>,
    /// Who is told.
    pub(super) notifiers: Notifiers,
}

impl Aftermath {
    /// Does it for run `id` of the document `file`, which ended as `finished`.
    pub(super) fn follow(
        &self,
        id: &str,
        file: &Path,
        finished: &RunFinished,
        secrets: Vec<String>,
        home: &Path,
        host: &mut Host<'_>,
    ) {
        // After most runs there is nothing to do, and nothing is read.
        if finished.exit == 0 && self.incident.is_none() {
            return;
        }
        let store = Store::new(host.files, home);
        let Ok(events) = evidence::events(&store, id) else { return };
        let runbook = evidence::document(&store, host, id, &file.display().to_string());
        if let (Some(style), Some(due)) = (self.print, evidence::escalation(&events, runbook.as_ref())) {
            // A closed output changes nothing any more.
            let _ = escalation::write(&mut host.out, &due, style).and_then(|()| host.out.flush());
        }
        if let Some(incident) = &self.incident {
            incident.write(&events, runbook.as_ref(), host);
        }
        // Last, since it may take a while.
        let record = Record::of(&events);
        let matrix = runbook.as_ref().map_or(&[][..], |runbook| &runbook.escalation);
        if let Some(due) = escalation::due(&record, matrix) {
            self.notifiers.tell(Occasion { run: id, record: &record, due: &due, secrets }, &store, host);
        }
    }
}
