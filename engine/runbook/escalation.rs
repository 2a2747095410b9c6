//! The escalation matrix: which severity calls whom, and how fast.
//!
//! Nobody is called here.

use super::EscalationRow;
use super::severity::level;
use super::title::{fold, without_emoji};
use crate::document::{Block, Table};

/// Heads of the column that names the severity, folded.
const SEVERITY: &[&str] =
    &["severity", "priority", "level", "severitylevel", "sev", "tier", "impact", "class"];
/// Parts of the head of the column that says how fast, folded.
const RESPONSE: &[&str] = &["response", "time", "sla", "within", "when", "after"];

/// The rows of the first escalation matrix among the blocks of an escalation section.
///
/// A matrix has a column for the severity and one for the response time, in any order; the columns
/// left say who, joined by `, `.
pub fn escalation(blocks: &[Block]) -> Vec<EscalationRow> {
    let tables = blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.filter_map(matrix).next().unwrap_or_default()
}

fn matrix(table: &Table) -> Option<Vec<EscalationRow>> {
    let heads: Vec<String> = table.head.iter().map(|head| fold(&head.text)).collect();
    let severity = heads.iter().position(|head| SEVERITY.contains(&head.as_str()))?;
    let is_response = |head: &String| RESPONSE.iter().any(|part| head.contains(part));
    let response = (0..heads.len()).find(|&column| column != severity && is_response(&heads[column]))?;
    let rows = table.rows.iter().filter_map(|row| {
        let cell =
            |column: usize| row.cells.get(column).map(|cell| without_emoji(&cell.text)).unwrap_or_default();
        let people = (0..heads.len()).filter(|column| *column != severity && *column != response).map(cell);
        let row = EscalationRow {
            severity: cell(severity),
            response: cell(response),
            people: people.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(", "),
            line: row.line,
        };
        (!row.severity.is_empty()).then_some(row)
    });
    Some(rows.collect())
}

/// The row for a severity: the one that says the same, else shares a word such as `P1`, else is of the
/// same level. None when no row fits: then the whole matrix is what a person needs.
pub fn row_for<'a>(rows: &'a [EscalationRow], severity: &str) -> Option<&'a EscalationRow> {
    fitting(rows, |row| &row.severity, severity)
}

/// The name of a row that a team's own table gives `severity`: pairs of a severity and a row's. A severity is
/// recognised as in [`row_for`].
pub fn row_name<'a>(names: &'a [(String, String)], severity: &str) -> Option<&'a str> {
    fitting(names, |(of, _)| of, severity).map(|(_, name)| name.as_str())
}

fn fitting<'a, T>(items: &'a [T], text: impl Fn(&T) -> &str, severity: &str) -> Option<&'a T> {
    let same_text = items.iter().find(|item| fold(text(item)) == fold(severity));
    let (code, wanted) = (code(severity), level(severity));
    let same_code = || items.iter().find(|item| code.is_some() && self::code(text(item)) == code);
    let same_level = || items.iter().find(|item| wanted.is_some() && level(text(item)) == wanted);
    same_text.or_else(same_code).or_else(same_level)
}

/// The code in a severity: `p1` of `P1 (High)`, `sev2` of `SEV-2`.
fn code(text: &str) -> Option<String> {
    let text = text.to_lowercase().replace(['-', '_'], "");
    text.split(|c: char| !c.is_alphanumeric())
        .find(|word| {
            let number = word.strip_prefix("sev").or_else(|| word.strip_prefix('p'));
            number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::source::Source;

    fn rows(text: &str) -> Vec<EscalationRow> {
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
        escalation(&document::read(&source).0.preamble)
    }

    const MATRIX: &str = "Call:\n\n| Severity | Response Time | Escalation |\n|---|---|---|\n\
         | P0 (Critical) | Immediate | On-call engineer + CTO |\n| P1 (High) | < 15 min | On-call engineer |\n\
         | P2 (Medium) | < 1 hour | Team lead |\n| P3 (Low) | Next business day | Ticket queue |\n";

    #[test]
    fn a_matrix_is_read_by_its_heads() {
        let found = rows(MATRIX);
        assert_eq!(found.len(), 4);
        assert_eq!(
            found[0],
            EscalationRow {
                severity: "P0 (Critical)".into(),
                response: "Immediate".into(),
                people: "On-call engineer + CTO".into(),
                line: 5
            }
        );
        let found = rows(
            "| Who | Phone | SLA | Priority |\n|---|---|---|---|\n| Anna | 112 | 5 min | 🔴 High |\n| | | | |\n",
        );
        assert_eq!(
            found,
            [EscalationRow {
                severity: "High".into(),
                response: "5 min".into(),
                people: "Anna, 112".into(),
                line: 3
            }]
        );
        for text in [
            "| Severity | Who |\n|---|---|\n| P0 | x |\n",
            "| A | Time |\n|---|---|\n| x | y |\n",
            "- P0: call\n",
            "",
        ] {
            assert_eq!(rows(text), [], "{text:?}");
        }
    }

    #[test]
    fn a_severity_finds_its_row() {
        let rows = rows(MATRIX);
        for (text, wanted) in [
            ("Critical", Some("P0 (Critical)")),
            ("Warning", Some("P2 (Medium)")),
            ("P1 (SLO breach imminent)", Some("P1 (High)")),
            ("High (Mitigated)", Some("P1 (High)")),
            ("low", Some("P3 (Low)")),
            ("P3", Some("P3 (Low)")),
            ("p0 (critical)", Some("P0 (Critical)")),
            ("varies", None),
        ] {
            assert_eq!(row_for(&rows, text).map(|row| row.severity.as_str()), wanted, "{text}");
        }
        let some = [rows[0].clone(), rows[3].clone()];
        assert_eq!(row_for(&some, "Warning"), None);
    }

    #[test]
    fn a_team_names_the_row_of_a_severity() {
        let names = [("Gold", "P1"), ("critical", "P0")].map(|(of, name)| (of.to_owned(), name.to_owned()));
        for (severity, name) in [
            ("gold", Some("P1")),
            ("CRITICAL", Some("P0")),
            ("sev0", Some("P0")),
            ("Warning", None),
            ("", None),
        ] {
            assert_eq!(row_name(&names, severity), name, "{severity}");
        }
    }
}
