//! Alerts that the document names and in whose section nothing is to be done: no procedure covers them.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, Section};
use crate::runbook::title::{fold, title};
use crate::runbook::{Action, ProcedureKind, Runbook, metadata, severity};
use crate::source::Span;

/// Warns of each alert without a step: one that is no procedure, or whose procedure is notes alone. A heading
/// that only looks like the name of an alert counts where its section states a severity.
pub fn without_step(document: &Document, runbook: &Runbook) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    each_uncovered(&document.sections, runbook, &mut |section, name| {
        let stated = || severity::severity(&metadata::metadata(&section.blocks)).is_some();
        if says_alert(&section.title.text) || stated() {
            found.push(warning(section.span, &name));
        }
    });
    for procedure in &runbook.procedures {
        let is_notes = procedure.steps.iter().all(|step| matches!(step.action, Action::Notes));
        if procedure.kind == ProcedureKind::Alert && is_notes {
            found.push(warning(procedure.heading, &procedure.title));
        }
    }
    found.sort_by_key(|it| it.span);
    found
}

/// The alert called `wanted` that is no procedure: its name, and the line of its heading.
pub fn uncovered(document: &Document, runbook: &Runbook, wanted: &str) -> Option<(String, usize)> {
    let wanted = fold(&title(wanted).name);
    let mut found = None;
    each_uncovered(&document.sections, runbook, &mut |section, name| {
        if found.is_none() && fold(&name) == wanted {
            found = Some((name, section.line));
        }
    });
    found
}

/// Calls `see` with each section that is headed as an alert and holds no procedure, and the alert's name.
fn each_uncovered<'d>(sections: &'d [Section], runbook: &Runbook, see: &mut dyn FnMut(&'d Section, String)) {
    for section in sections {
        let own = title(&section.title.text);
        if own.kind == ProcedureKind::Alert && !holds_a_procedure(section, runbook) {
            see(section, own.name);
        }
        each_uncovered(&section.children, runbook, see);
    }
}

fn holds_a_procedure(section: &Section, runbook: &Runbook) -> bool {
    runbook.procedures.iter().any(|procedure| procedure.line == section.line)
        || section.children.iter().any(|child| holds_a_procedure(child, runbook))
}

/// Whether a heading is `Alert: …`, and not only a name like an alert's.
fn says_alert(heading: &str) -> bool {
    heading.rsplit(':').skip(1).any(|before| before.trim_end().to_lowercase().ends_with("alert"))
}

fn warning(span: Span, name: &str) -> Diagnostic {
    Diagnostic::warning("no-step", span, format!("the alert `{name}` has no step"))
        .with_hint("nothing can be run when it fires: write what is to be done below its heading")
}
