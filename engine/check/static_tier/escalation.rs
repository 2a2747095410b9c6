//! Severities that no row of the document's escalation matrix fits: at night the whole matrix would be shown.

use crate::diagnostic::Diagnostic;
use crate::runbook::Runbook;
use crate::runbook::escalation::{row_for, row_name};
use crate::runbook::severity;
use crate::source::Span;

/// Findings about the severities of `runbook`, where it has a matrix; `names` are the rows that the team gives
/// severities. A severity that several procedures have from one place is found once.
pub fn escalation(runbook: &Runbook, names: &[(String, String)]) -> Vec<Diagnostic> {
    let rows = &runbook.escalation;
    if rows.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    for procedure in &runbook.procedures {
        let Some(severity) = &procedure.severity else {
            let message =
                format!("`{}` states no severity: the whole escalation matrix is shown", procedure.title);
            let hint = "write `**Severity**: …` below its heading";
            found.push(Diagnostic::note("no-escalation-row", procedure.heading, message).with_hint(hint));
            continue;
        };
        let own = severity::entry(&procedure.metadata).or_else(|| severity::entry(&runbook.metadata));
        let place: Span = own.map_or(procedure.heading, |entry| entry.value_span);
        let known: Vec<String> = rows.iter().map(|row| format!("`{}`", row.severity)).collect();
        let (message, hint) = match row_name(names, &severity.text) {
            Some(name) if row_for(rows, name).is_none() => (
                format!(
                    "`runbook.yaml` gives the severity `{}` the row `{name}`, which the escalation matrix does not have",
                    severity.text
                ),
                format!("its rows are {}", known.join(", ")),
            ),
            None if row_for(rows, &severity.text).is_none() => (
                format!("no row of the escalation matrix fits the severity `{}`", severity.text),
                format!(
                    "name one in `runbook.yaml`, such as `escalation: {{{}: {}}}`; its rows are {}",
                    severity.text,
                    rows[0].severity.split_whitespace().next().unwrap_or_default(),
                    known.join(", ")
                ),
            ),
            _ => continue,
        };
        if !found.iter().any(|it| it.span == place && it.message == message) {
            found.push(Diagnostic::warning("no-escalation-row", place, message).with_hint(hint));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Level;
    use crate::source::Source;
    use crate::{document, runbook};

    const MATRIX: &str = "\n## Escalation\n\n| Severity | Response | Who |\n|---|---|---|\n| P0 (Critical) | now | CTO |\n\
                          | P2 | later | lead |\n";

    fn found(text: &str, names: &[(&str, &str)]) -> Vec<(usize, Level, String, String)> {
        let source = Source::new("a.md", text.as_bytes().to_vec()).expect("is UTF-8");
        let runbook = runbook::lower(&document::read(&source).0).0;
        let names: Vec<_> = names.iter().map(|(of, row)| ((*of).to_owned(), (*row).to_owned())).collect();
        let told =
            |it: Diagnostic| (source.line(it.span.start), it.level, it.message, it.hint.unwrap_or_default());
        escalation(&runbook, &names).into_iter().map(told).collect()
    }

    fn procedure(name: &str, severity: &str) -> String {
        format!("## {name}\n\n**Severity**: {severity}\n\n```bash\ntrue\n```\n\n")
    }

    #[test]
    fn a_severity_without_a_row_is_found_at_its_place() {
        let text = format!("# Doc\n\n{}{}{MATRIX}", procedure("A", "Critical"), procedure("B", "Gold"));
        let hint = "name one in `runbook.yaml`, such as `escalation: {Gold: P0}`; its rows are `P0 (Critical)`, `P2`";
        let message = "no row of the escalation matrix fits the severity `Gold`";
        assert_eq!(found(&text, &[]), [(13, Level::Warning, message.to_owned(), hint.to_owned())]);
        assert_eq!(found(&text, &[("Gold", "P2")]), []);
        assert_eq!(
            found(&text, &[("gold", "P1")]),
            [(
                13,
                Level::Warning,
                "`runbook.yaml` gives the severity `Gold` the row `P1`, which the escalation matrix does not have"
                    .to_owned(),
                "its rows are `P0 (Critical)`, `P2`".to_owned()
            )]
        );
        assert_eq!(found(&text.replace(MATRIX, ""), &[]), [], "there is no matrix");
    }

    #[test]
    fn a_severity_of_the_whole_document_is_found_once_and_none_at_all_is_a_note() {
        let bare = "## A\n\n```bash\ntrue\n```\n\n## B\n\n```bash\ntrue\n```\n";
        let text = format!("# Doc\n\n**Severity**: Gold\n\n{bare}{MATRIX}");
        let lines: Vec<usize> = found(&text, &[]).into_iter().map(|it| it.0).collect();
        assert_eq!(lines, [3]);
        let text = format!("# Doc\n\n{bare}{MATRIX}");
        let notes: Vec<_> = found(&text, &[]).into_iter().map(|it| (it.0, it.1, it.2)).collect();
        let note = |line, name| {
            (line, Level::Note, format!("`{name}` states no severity: the whole escalation matrix is shown"))
        };
        assert_eq!(notes, [note(3, "A"), note(9, "B")]);
    }
}
