//! Procedures and alerts that are prose alone: nothing of them can be run, and that is no success.

use super::documents::Documents;
use super::failure::{Failure, PERSON};
use super::procedure::Wanted;
use crate::check::static_tier;
use crate::diagnostic::Level;
use crate::document;
use crate::runbook::Runbook;

/// Refuses a procedure of which nothing can be run: that nothing of it happened is no success, and what it says
/// is left to a person.
pub(super) fn refuse_prose(wanted: &Wanted) -> Result<(), Failure> {
    let (runbook, procedure) = wanted.procedure()?;
    // What is wrong with the document may be why there is nothing, and is told first.
    if !procedure.is_prose() || !wanted.findings(Level::Error).is_empty() {
        return Ok(());
    }
    let name = &procedure.title;
    Err(failure(runbook, name, procedure.line, &format!("read it with `runbook show \"{name}\"`")))
}

/// The alert called `wanted` that is no procedure, since nothing in its section is to be done.
pub(super) fn alert(documents: &Documents, wanted: &str) -> Option<Failure> {
    documents.runbooks.iter().find_map(|runbook| {
        let (document, _) = document::read(&runbook.source);
        let (name, line) = static_tier::uncovered(&document, runbook, wanted)?;
        Some(failure(runbook, &name, line, &format!("read {}", runbook.source.path().display())))
    })
}

fn failure(runbook: &Runbook, name: &str, line: usize, hint: &str) -> Failure {
    let place = format!("{}:{line}", runbook.source.path().display());
    let message =
        format!("nothing in `{name}` ({place}) can be run: a person must read it and do what it says");
    Failure::new(PERSON, message, format!("nothing was started; {hint}"))
}
