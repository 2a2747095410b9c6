//! The text of a step, cut into what the shell is handed one at a time. Pure; no byte is lost.

use crate::plan::{PlanStatement, ShellWork};
use crate::shell;

/// One or more statements that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) struct Unit {
    /// Its text, with what separates it from the next (`;`, `&`, comments).
    pub(in crate::run) text: String,
    /// Line of its first character in the document.
    pub(in crate::run) line: usize,
    /// Literal program of its last plain command.
    pub(in crate::run) program: Option<String>,
    /// Its statements, for people.
    pub(in crate::run) statements: Vec<String>,
}

/// The units of `work`, whose step begins at `line`.
///
/// A statement that reads `PIPESTATUS` stays with the one before, since looking at a status changes
/// it. If the statements do not add up to the text, it is one unit.
pub(in crate::run) fn units(work: &ShellWork, line: usize) -> Vec<Unit> {
    cut(work).unwrap_or_else(|| {
        let text = work.script.trim_start_matches('\n').trim_end().to_owned();
        if text.is_empty() {
            return Vec::new();
        }
        let line = work.statements.first().map_or(line, |first| first.line);
        let program = work.statements.last().and_then(|last| last.program.clone());
        vec![Unit { statements: vec![text.clone()], text, line, program }]
    })
}

/// `work` with `text` in place of its own: what a person wrote for this attempt. Its lines are no
/// lines of the document; they count from the step's.
pub(in crate::run) fn rewritten(work: &ShellWork, text: &str, shown: String, line: usize) -> ShellWork {
    let parsed = shell::parse(text);
    let statements = parsed.statements.iter().map(|statement| PlanStatement {
        text: text[statement.span.start..statement.span.end].to_owned(),
        line: line + text[..statement.span.start].matches('\n').count(),
        program: statement.commands.last().and_then(|command| command.program()).map(str::to_owned),
    });
    let traceless = shell::leaves_no_trace(&parsed, text);
    ShellWork { script: text.to_owned(), shown, statements: statements.collect(), traceless, ..work.clone() }
}

fn cut(work: &ShellWork) -> Option<Vec<Unit>> {
    let script = work.script.as_str();
    let mut units: Vec<Unit> = Vec::new();
    let mut end = between(script, 0);
    for statement in &work.statements {
        let start = end;
        if statement.text.is_empty() || !script[start..].starts_with(&statement.text) {
            return None;
        }
        end = between(script, start + statement.text.len());
        let text = script[start..end].trim_end();
        match units.last_mut() {
            Some(last) if statement.text.contains("PIPESTATUS") => {
                last.text.push('\n');
                last.text.push_str(text);
                last.program.clone_from(&statement.program);
                last.statements.push(statement.text.clone());
            }
            _ => units.push(Unit {
                text: text.to_owned(),
                line: statement.line,
                program: statement.program.clone(),
                statements: vec![statement.text.clone()],
            }),
        }
    }
    (end == script.len()).then_some(units)
}

/// Where the blanks, separators and comments at `from` end.
fn between(script: &str, from: usize) -> usize {
    let bytes = script.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' => at += 1,
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b'#' => at = script[at..].find('\n').map_or(script.len(), |newline| at + newline),
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RunMode;

    fn work(script: &str, statements: &[(&str, usize)]) -> ShellWork {
        let statement = |(text, line): &(&str, usize)| PlanStatement {
            text: (*text).to_owned(),
            line: *line,
            program: Some(text.split(' ').next().unwrap_or_default().to_owned()),
        };
        ShellWork {
            script: script.into(),
            shown: script.into(),
            open: false,
            statements: statements.iter().map(statement).collect(),
            mode: RunMode::Once,
            options: Vec::new(),
            programs: Vec::new(),
            remote_lines: Vec::new(),
            traceless: false,
        }
    }

    fn texts(script: &str, statements: &[(&str, usize)]) -> Vec<(String, usize)> {
        units(&work(script, statements), 9).into_iter().map(|unit| (unit.text, unit.line)).collect()
    }

    #[test]
    fn what_a_person_wrote_takes_the_place_of_the_text() {
        let edited = rewritten(&work("a\nb", &[("a", 1), ("b", 2)]), "c &\nd", "c &\nd".into(), 7);
        let units = units(&edited, 7);
        let units: Vec<_> = units.iter().map(|unit| (unit.text.as_str(), unit.line)).collect();
        assert_eq!(units, [("c &", 7), ("d", 8)]);
    }

    #[test]
    fn every_byte_is_in_a_unit_with_its_line() {
        for (script, statements, expected) in [
            ("", &[][..], vec![]),
            ("# nothing\n", &[], vec![]),
            ("a", &[("a", 3)], vec![("a", 3)]),
            ("# a\na b\n\nc\n", &[("a b", 4), ("c", 6)], vec![("a b", 4), ("c", 6)]),
            ("a & b; c &", &[("a", 1), ("b", 1), ("c", 1)], vec![("a &", 1), ("b;", 1), ("c &", 1)]),
            ("a # a\na", &[("a", 1), ("a", 2)], vec![("a # a", 1), ("a", 2)]),
            (
                "a | b\necho ${PIPESTATUS[0]}",
                &[("a | b", 1), ("echo ${PIPESTATUS[0]}", 2)],
                vec![("a | b\necho ${PIPESTATUS[0]}", 1)],
            ),
            // The statements do not add up to the text: it is one unit.
            ("a\nif", &[("a", 1)], vec![("a\nif", 1)]),
            ("x a\n", &[("a", 1)], vec![("x a", 1)]),
            ("\n\nwhat", &[], vec![("what", 9)]),
        ] {
            let expected: Vec<_> = expected.iter().map(|&(text, line)| (text.to_owned(), line)).collect();
            assert_eq!(texts(script, statements), expected, "{script:?}");
        }
    }
}
