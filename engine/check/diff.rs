//! The difference between an output and what was expected, for people, of bounded size.
//!
//! Output lines are shown as the document would have to write them, so that trailing blanks and
//! control characters can be seen.

use super::Captures;
use super::align::{Op, align};
use super::json::Difference;
use super::kept::{BEFORE, KeptLine, Part};
use super::pattern::{LineKind, LinePattern, Pattern};
use super::spelling::spell;
use crate::runbook::Expectation;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Lines shown of a run of changed lines at either end.
const RUN: usize = 15;
/// Lines of a diff.
const MAX_LINES: usize = 200;
/// Characters of a line.
const MAX_WIDTH: usize = 300;
/// Steps of pairing lines in any order.
const PAIRING_WORK: u64 = 20_000_000;
/// Expected lines that are put beside an output at once.
pub(super) const MAX_EXPECTED: usize = 1_000;

/// Where an output is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// Line in the document of the first difference, from 1.
    pub line: usize,
    /// What to show, in order.
    pub lines: Vec<DiffLine>,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffLine {
    /// As expected; the text is the document's.
    Same(String),
    /// Expected and not there.
    Missing(String),
    /// There and not expected.
    Extra(String),
    /// A remark: what is not shown.
    Note(String),
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Serialize for Diff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut diff = serializer.serialize_struct("Diff", 2)?;
        diff.serialize_field("line", &self.line)?;
        diff.serialize_field("text", &self.to_string())?;
        diff.end()
    }
}

impl<'de> Deserialize<'de> for Diff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            line: usize,
            text: String,
        }
        let Written { line, text } = Written::deserialize(deserializer)?;
        Ok(Self::read(line, &text))
    }
}

impl fmt::Display for DiffLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(text) => write!(f, " {text}"),
            Self::Missing(text) => write!(f, "-{text}"),
            Self::Extra(text) => write!(f, "+{text}"),
            Self::Note(text) => write!(f, "@ {text}"),
        }
    }
}

impl Diff {
    /// Reads what a difference was written as.
    pub fn read(line: usize, text: &str) -> Self {
        let read = |line: &str| match (line.get(..1), line.get(1..).unwrap_or_default()) {
            (Some(" "), rest) => DiffLine::Same(rest.to_owned()),
            (Some("-"), rest) => DiffLine::Missing(rest.to_owned()),
            (Some("+"), rest) => DiffLine::Extra(rest.to_owned()),
            _ => DiffLine::Note(line.strip_prefix("@ ").unwrap_or(line).to_owned()),
        };
        Self { line, lines: text.lines().map(read).collect() }
    }

    pub(super) fn of_json(expectation: &Expectation, differences: &[Difference]) -> Self {
        let mut lines = Vec::new();
        for difference in differences.iter().take(MAX_LINES / 4) {
            lines.push(DiffLine::Note(fit(&difference.path)));
            lines.push(DiffLine::Missing(fit(&difference.expected)));
            lines.push(DiffLine::Extra(fit(&difference.actual)));
        }
        if differences.len() > MAX_LINES / 4 {
            let left_out = differences.len() - MAX_LINES / 4;
            lines.push(DiffLine::Note(format!("{left_out} more places")));
        }
        let first = differences.iter().map(|difference| difference.span.start).min().unwrap_or(0);
        let before = expectation.text.get(..first).unwrap_or_default();
        Self { line: expectation.line + before.matches('\n').count(), lines }
    }
}

/// The difference of lines in order. `furthest` is the expected line the comparison reached.
pub(super) fn in_order(
    expectation: &Expectation,
    pattern: &Pattern,
    furthest: usize,
    part: &Part,
    captures: &Captures,
) -> Diff {
    let is_all = part.is_whole() && pattern.lines.len() <= MAX_EXPECTED;
    let from = if is_all { 0 } else { furthest.saturating_sub(BEFORE) };
    let to = pattern.lines.len().min(from + if is_all { MAX_EXPECTED } else { part.lines.len() });
    let expected = &pattern.lines[from..to];
    let mut ops = align(expected, &part.lines, captures);
    if !is_all {
        drop_cut_end(&mut ops);
    }
    let first = ops.iter().find_map(|op| match op {
        Op::Changed { expected: range, .. } => Some(range.start),
        _ => None,
    });
    let at = first.and_then(|first| expected.get(first)).or(expected.last());
    let line = expectation.line + at.map_or(0, |line| line.number);
    let mut lines = Vec::new();
    if !part.is_whole() {
        let last = part.first + part.lines.len();
        lines.push(DiffLine::Note(format!("lines {}-{last} of {} of the output", part.first + 1, part.of)));
    }
    let whole = Sides { expected, actual: &part.lines };
    whole.show(&ops, &mut lines);
    if first.is_none() {
        lines.push(DiffLine::Note("each line is as expected, but not in this order or number".to_owned()));
    }
    Diff { line, lines: capped(lines) }
}

/// Takes away the expected lines at the end that seem to miss because the output was cut there.
fn drop_cut_end(ops: &mut Vec<Op>) {
    let changes = ops.iter().filter(|op| matches!(op, Op::Changed { .. })).count();
    if changes > 1 && matches!(ops.last(), Some(Op::Changed { .. })) {
        ops.pop();
    }
}

/// Expected lines in any order that have no line of the output, and lines of the output that are no
/// expected ones.
pub(super) fn unpaired<'a>(
    pattern: &'a Pattern,
    actual: &'a [KeptLine],
    captures: &Captures,
) -> (Vec<&'a LinePattern>, Vec<&'a KeptLine>) {
    let known = |name: &str| captures.get(name).map(str::to_owned);
    let mut left: Vec<&KeptLine> = actual.iter().collect();
    let mut missing: Vec<&LinePattern> = Vec::new();
    let is_text = |line: &&LinePattern| matches!(line.kind, LineKind::Text(_));
    let texts = pattern.lines.iter().filter(is_text);
    let marked = pattern.lines.iter().filter(|line| !is_text(line));
    let mut work = PAIRING_WORK;
    for expected in texts.chain(marked) {
        if matches!(expected.kind, LineKind::AnyLines) {
            continue;
        }
        let found = left.iter().position(|line| {
            work = work.saturating_sub(expected.kind.cost(line.text.len()));
            work > 0 && !line.is_cut && expected.kind.matches(&line.text, &known).is_some()
        });
        match found {
            Some(index) => drop(left.remove(index)),
            None => missing.push(expected),
        }
    }
    missing.sort_by_key(|line| line.number);
    (missing, left)
}

/// The difference of lines in any order.
pub(super) fn any_order(
    expectation: &Expectation,
    pattern: &Pattern,
    part: &Part,
    captures: &Captures,
) -> Diff {
    let (missing, left) = unpaired(pattern, &part.lines, captures);
    let open = pattern.lines.iter().any(|line| matches!(line.kind, LineKind::AnyLines));
    let line = expectation.line + missing.first().map_or(0, |line| line.number);
    let mut lines: Vec<DiffLine> = missing.iter().map(|line| DiffLine::Missing(fit(&line.written))).collect();
    shorten(&mut lines);
    if !open {
        let mut extra: Vec<DiffLine> = left.iter().map(|line| DiffLine::Extra(written(line))).collect();
        shorten(&mut extra);
        lines.append(&mut extra);
    }
    if !part.is_whole() {
        let (shown, all) = (part.lines.len(), part.of);
        lines.push(DiffLine::Note(format!(
            "only {shown} of the output's {all} lines were looked at for this"
        )));
    }
    if lines.is_empty() {
        lines.push(DiffLine::Note("the expected lines would need the same lines of the output".to_owned()));
    }
    Diff { line, lines: capped(lines) }
}

/// A text that does not occur.
pub(super) fn contains(expectation: &Expectation, part: &Part) -> Diff {
    let mut lines: Vec<DiffLine> =
        expectation.text.split('\n').map(|line| DiffLine::Missing(fit(line))).collect();
    shorten(&mut lines);
    let note = match part.of {
        0 => "the output is empty".to_owned(),
        1 => "this does not occur in the output, which is one line:".to_owned(),
        of => format!("this does not occur in the output, which has {of} lines:"),
    };
    lines.push(DiffLine::Note(note));
    let mut shown: Vec<DiffLine> = part.lines.iter().map(|line| DiffLine::Extra(written(line))).collect();
    shorten(&mut shown);
    lines.append(&mut shown);
    Diff { line: expectation.line, lines: capped(lines) }
}

struct Sides<'a> {
    expected: &'a [LinePattern],
    actual: &'a [KeptLine],
}

impl Sides<'_> {
    fn show(&self, ops: &[Op], lines: &mut Vec<DiffLine>) {
        let is_change = |op: &Op| matches!(op, Op::Changed { .. });
        let near: Vec<bool> = (0..ops.len())
            .map(|at| {
                let from = at.saturating_sub(CONTEXT);
                ops[from..ops.len().min(at + CONTEXT + 1)].iter().any(is_change)
            })
            .collect();
        let mut skipped = 0;
        for (op, near) in ops.iter().zip(near) {
            if !near {
                skipped += 1;
                continue;
            }
            if skipped > 0 {
                lines.push(DiffLine::Note(counted(skipped, "line as expected", "lines as expected")));
                skipped = 0;
            }
            self.show_op(op, lines);
        }
        if skipped > 0 && !lines.is_empty() {
            lines.push(DiffLine::Note(counted(skipped, "line as expected", "lines as expected")));
        }
    }

    fn show_op(&self, op: &Op, lines: &mut Vec<DiffLine>) {
        match op {
            Op::Same { expected, .. } => lines.push(DiffLine::Same(fit(&self.expected[*expected].written))),
            Op::AnyLines { actual, .. } => {
                lines.push(DiffLine::Same("...".to_owned()));
                if !actual.is_empty() {
                    lines.push(DiffLine::Note(counted(actual.len(), "line", "lines") + " at `...`"));
                }
            }
            Op::Changed { expected, actual } => {
                let mut missing: Vec<DiffLine> = self.expected[expected.clone()]
                    .iter()
                    .map(|line| DiffLine::Missing(fit(&line.written)))
                    .collect();
                shorten(&mut missing);
                lines.append(&mut missing);
                let mut extra: Vec<DiffLine> =
                    self.actual[actual.clone()].iter().map(|line| DiffLine::Extra(written(line))).collect();
                shorten(&mut extra);
                lines.append(&mut extra);
            }
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// An output line as the document would write it.
fn written(line: &KeptLine) -> String {
    if line.is_cut { fit(&spell(&line.text)) + "…" } else { fit(&spell(&line.text)) }
}

fn fit(text: &str) -> String {
    match text.char_indices().nth(MAX_WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Leaves the two ends of a long run.
fn shorten(lines: &mut Vec<DiffLine>) {
    if lines.len() > 2 * RUN + 1 {
        let left_out = lines.len() - 2 * RUN;
        let note = DiffLine::Note(format!("{left_out} more lines like these"));
        lines.splice(RUN..RUN + left_out, [note]);
    }
}

fn capped(mut lines: Vec<DiffLine>) -> Vec<DiffLine> {
    if lines.len() > MAX_LINES {
        let left_out = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(DiffLine::Note(format!("{left_out} more lines of this difference")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::expectation;
    use crate::check::{Verdict, check};
    use crate::runbook::Matching;

    fn diff(matching: Matching, text: &str, output: &str) -> Diff {
        match check(&expectation(matching, text), output, &mut Captures::default()) {
            Verdict::Mismatched { diff } => diff,
            other => panic!("{text:?} against {output:?}: {other:?}"),
        }
    }

    #[test]
    fn a_difference_shows_what_is_missing_and_what_is_there() {
        let cases = [
            ("a\nb\nc", "a\nx\nc\n", 11, " a\n-b\n+x\n c\n"),
            ("a", "", 10, "-a\n"),
            ("", "a\n", 10, "+a\n"),
            ("a\nb", "a\nb\nc\n", 11, " a\n b\n+c\n"),
            // Lines whose pattern matches are as expected.
            ("id [..]\nok", "id 17\nfailed\n", 11, " id [..]\n-ok\n+failed\n"),
            // What cannot be seen is written so that it can.
            ("ok", "ok \r\n", 10, "-ok\n+ok \\r (esc)\n"),
            ("a\n...\nend", "a\nb\nc\nEND\n", 12, " a\n ...\n@ 2 lines at `...`\n-end\n+END\n"),
            ("a\n...\nend", "b\n", 10, "-a\n+b\n ...\n-end\n"),
            // The line is as expected but for what was captured above.
            ("id [id=..]\nstop [=id]", "id 3\nstop 4\n", 11, " id [id=..]\n-stop [=id]\n+stop 4\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\nx",
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                18,
                "@ 5 lines as expected\n 6\n 7\n 8\n-x\n+9\n",
            ),
            ("(unordered)\nb\nc\n[..]!", "a!\nb\nd\n", 12, "-c\n+d\n"),
            ("(unordered)\na\n...", "b\n", 11, "-a\n"),
        ];
        for (text, output, line, shown) in cases {
            let diff = diff(Matching::Lines, text, output);
            assert_eq!((diff.line, diff.to_string().as_str()), (line, shown), "{text:?} against {output:?}");
            assert_eq!(Diff::read(line, shown), diff);
        }
    }

    #[test]
    fn a_difference_of_json_names_each_place() {
        let text = "{\n  \"engines\": [\n    {\"id\": 1, \"ok\": true}\n  ],\n  \"x-y\": 1\n}";
        let diff = diff(Matching::Json, text, r#"{"engines": [{"id": 2}]}"#);
        assert_eq!(diff.line, 10);
        assert_eq!(
            diff.to_string(),
            "@ $.engines[0].id\n-1\n+2\n@ $.engines[0].ok\n-true\n+nothing\n@ $[\"x-y\"]\n-1\n+nothing\n"
        );
        let diff = super::tests::diff(Matching::Json, "{\n\"a\":\n[1]}", r#"{"a": [1, 2]}"#);
        assert_eq!((diff.line, diff.to_string().as_str()), (12, "@ $.a\n-1 elements\n+2 elements: [1,2]\n"));
        let diff = super::tests::diff(Matching::Json, "1", "x");
        assert_eq!(
            diff.to_string(),
            "@ $\n-JSON\n+the output is not JSON: expected value at line 1 column 1\n"
        );
    }

    #[test]
    fn a_text_that_does_not_occur_is_shown_with_the_output() {
        let shown = |output| diff(Matching::Contains, "ready", output).to_string();
        assert_eq!(shown(""), "-ready\n@ the output is empty\n");
        assert_eq!(shown("no\n"), "-ready\n@ this does not occur in the output, which is one line:\n+no\n");
        assert_eq!(
            shown("a\nb\n"),
            "-ready\n@ this does not occur in the output, which has 2 lines:\n+a\n+b\n"
        );
    }

    #[test]
    fn a_huge_output_gives_a_small_difference_at_the_right_place() {
        let output: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        let expected = output.replace("line 150000\n", "line x\n");
        let difference = diff(Matching::Lines, expected.trim_end(), &output);
        assert_eq!(difference.line, 150_010);
        assert_eq!(
            difference.to_string().lines().take(6).collect::<Vec<_>>(),
            [
                "@ lines 149998-150039 of 200000 of the output",
                " line 149997",
                " line 149998",
                " line 149999",
                "-line x",
                "+line 150000"
            ]
        );
        let difference = diff(Matching::Lines, "line 0\nline x", &output);
        assert_eq!(difference.line, 11);
        assert!(difference.to_string().len() < 1_000, "{difference}");
        let wild: String = (0..500).map(|n| format!("{}\n", "€\u{7}".repeat(n * 7))).collect();
        assert!(diff(Matching::Lines, &"x\n".repeat(500), &wild).to_string().len() < 100_000);
    }
}
