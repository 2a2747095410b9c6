//! The difference between an output and what was expected, for people, of bounded size.
//!
//! Output lines are shown as the document would have to write them, so that trailing blanks and
//! control characters can be seen.

use super::Captures;
use super::align::{Op, align};
use super::json::Difference;
use super::kept::{BEFORE, KeptLine, Part};
use super::pattern::{LinePattern, Pattern};
use super::spelling::spell;
use crate::runbook::Expectation;
use std::fmt;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Lines shown of a run of changed lines at either end.
const RUN: usize = 15;
/// Lines of a diff.
const MAX_LINES: usize = 200;
/// Characters of a line.
const MAX_WIDTH: usize = 300;
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
    pub(super) fn of_json(expectation: &Expectation, differences: &[Difference]) -> Self {
        let mut lines = Vec::new();
        for difference in differences {
            lines.push(DiffLine::Note(fit(&difference.path)));
            lines.push(DiffLine::Missing(fit(&difference.expected)));
            lines.push(DiffLine::Extra(fit(&spell(&difference.actual))));
        }
        Self { line: expectation.line, lines }
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

/// The difference of lines in any order.
pub(super) fn any_order(
    expectation: &Expectation,
    pattern: &Pattern,
    part: &Part,
    captures: &Captures,
) -> Diff {
    use super::pattern::LineKind;
    let known = |name: &str| captures.get(name).map(str::to_owned);
    let open = pattern.lines.iter().any(|line| matches!(line.kind, LineKind::AnyLines));
    let mut left: Vec<&KeptLine> = part.lines.iter().collect();
    let mut missing: Vec<&LinePattern> = Vec::new();
    let is_text = |line: &&LinePattern| matches!(line.kind, LineKind::Text(_));
    let texts = pattern.lines.iter().filter(is_text);
    let marked = pattern.lines.iter().filter(|line| !is_text(line));
    let mut work: u64 = 20_000_000;
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
