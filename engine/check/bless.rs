//! Rewrites the expected lines that differ from an output, and no other byte of the document.
//!
//! Lines whose pattern still matches stay as they are. Line ends, the indentation of lists and quotes
//! and the fence's marks are kept; a fence gets longer when the output holds its marks. What was
//! rewritten is read back and compared before it is given out: an edit that is given makes the
//! document match. This module writes no file and does not decide whether blessing is allowed.

use super::align::{Op, align};
use super::blocks::find_fence;
use super::json::{Fix, Json};
use super::json_text::{self, Node, NodeKind};
use super::kept::KeptLine;
use super::pattern::{LineKind, Pattern};
use super::spelling::{ESC, spell, spell_escaped};
use super::{Captures, Verdict, check};
use crate::document::{Fence, read};
use crate::runbook::{Expectation, Matching};
use crate::shell::transcript;
use crate::source::{Source, Span};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::fmt;
use std::ops::Range;

/// Bytes of output that are written into a document, at most.
const MAX_BYTES: usize = 256 * 1024;

/// A replacement of bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// Why an expectation is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The output is too long to be meant; carries its size.
    TooLong(usize),
    /// The output is not text.
    Binary,
    /// The expectation itself cannot be understood, or not be decided.
    Unclear(String),
    /// Which part of the output is meant cannot be known.
    Ambiguous,
    /// The output is not JSON and the expectation is.
    NotJson,
    /// The expected lines are not in the file as they were read.
    Moved,
    /// The block is never closed.
    Unclosed,
    /// With the new lines the document would be read as something else.
    WouldNotRead,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(size) => {
                write!(f, "the output has {size} bytes; at most {MAX_BYTES} are written into a document")
            }
            Self::Binary => f.write_str("the output is not text"),
            Self::Unclear(why) => f.write_str(why),
            Self::Ambiguous => f.write_str("which part of the output is meant cannot be known"),
            Self::NotJson => f.write_str("the output is not JSON"),
            Self::Moved => f.write_str("the expected lines are not in the file as they were read"),
            Self::Unclosed => f.write_str("the block is never closed"),
            Self::WouldNotRead => {
                f.write_str("with the new lines the document would be read as something else")
            }
        }
    }
}

/// `text` with `edits` carried out. Of edits of the same bytes the longer one counts: two expectations
/// in one fence may both lengthen its marks.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.span, edit.text.len()));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (index, edit) in edits.iter().enumerate() {
        let same = |next: &&Edit| next.span == edit.span && !edit.span.range().is_empty();
        if edit.span.start < at || edits.get(index + 1).is_some_and(same) {
            continue;
        }
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out + &text[at..]
}

/// The edits that make `expectation` promise `output`; none if it does already.
///
/// # Errors
/// When that cannot be done, or not without guessing.
pub fn bless(
    source: &Source,
    expectation: &Expectation,
    output: &str,
    captures: &Captures,
) -> Result<Vec<Edit>, Refusal> {
    match check(expectation, output, &mut captures.clone()) {
        Verdict::Matched => return Ok(Vec::new()),
        Verdict::Malformed(malformed) => return Err(Refusal::Unclear(malformed.why)),
        Verdict::GaveUp { why } => return Err(Refusal::Unclear(why)),
        Verdict::Mismatched { .. } => {}
    }
    if output.len() > MAX_BYTES {
        return Err(Refusal::TooLong(output.len()));
    }
    if output.contains(['\u{fffd}', '\0']) {
        return Err(Refusal::Binary);
    }
    let place = Place::find(source, expectation)?;
    let old: Vec<&str> = lines_of(&expectation.text);
    let changes = match expectation.matching {
        Matching::Contains => return Err(Refusal::Ambiguous),
        Matching::Json => json_changes(expectation, &old, output, captures)?,
        Matching::Lines => {
            let changes = line_changes(expectation, output, captures)?;
            let text = changed_text(&old, &changes);
            let candidate = Expectation { text, ..expectation.clone() };
            if check(&candidate, output, &mut captures.clone()).matched() {
                changes
            } else {
                vec![Change { old: 0..old.len(), new: lines_of_output(output).map(spell).collect() }]
            }
        }
    };
    let changes = place.fit_for_block(&old, changes);
    let text = changed_text(&old, &changes);
    let candidate = Expectation { text, ..expectation.clone() };
    if !check(&candidate, output, &mut captures.clone()).matched() {
        return Err(Refusal::Ambiguous);
    }
    let edits = place.edits(&changes, &candidate.text);
    place.read_back(&edits, &candidate.text)?;
    Ok(edits)
}

/// Expected lines that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Vec<String>,
}

fn lines_of(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

fn lines_of_output(output: &str) -> impl Iterator<Item = &str> {
    output.split_inclusive('\n').map(|line| line.strip_suffix('\n').unwrap_or(line))
}

fn changed_text(old: &[&str], changes: &[Change]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut at = 0;
    for change in changes {
        lines.extend(&old[at..change.old.start]);
        lines.extend(change.new.iter().map(String::as_str));
        at = change.old.end;
    }
    lines.extend(&old[at..]);
    lines.join("\n")
}

fn line_changes(
    expectation: &Expectation,
    output: &str,
    captures: &Captures,
) -> Result<Vec<Change>, Refusal> {
    let pattern = Pattern::parse(&expectation.text).map_err(|malformed| Refusal::Unclear(malformed.why))?;
    let actual: Vec<KeptLine> =
        lines_of_output(output).map(|text| KeptLine { text: text.to_owned(), is_cut: false }).collect();
    if pattern.unordered {
        return unordered_changes(&pattern, &actual, captures);
    }
    let changes = align(&pattern.lines, &actual, captures).into_iter().filter_map(|op| match op {
        Op::Changed { expected, actual: new } => {
            Some(Change { old: expected, new: actual[new].iter().map(|line| spell(&line.text)).collect() })
        }
        Op::Same { .. } | Op::AnyLines { .. } => None,
    });
    Ok(changes.collect())
}

/// Expected lines that are not there are replaced, in their order, by those that are there and not
/// expected. With a `...` it cannot be known which of those are meant.
fn unordered_changes(
    pattern: &Pattern,
    actual: &[KeptLine],
    captures: &Captures,
) -> Result<Vec<Change>, Refusal> {
    if pattern.lines.iter().any(|line| matches!(line.kind, LineKind::AnyLines)) {
        return Err(Refusal::Ambiguous);
    }
    let (missing, extra) = super::diff::unpaired(pattern, actual, captures);
    let mut extra = extra.into_iter().map(|line| spell(&line.text));
    let mut changes: Vec<Change> = missing
        .iter()
        .map(|line| Change { old: line.number..line.number + 1, new: extra.next().into_iter().collect() })
        .collect();
    let end = pattern.lines.len() + 1;
    let rest: Vec<String> = extra.collect();
    match changes.last_mut() {
        Some(last) if last.old.end == end => last.new.extend(rest),
        _ if rest.is_empty() => {}
        _ => changes.push(Change { old: end..end, new: rest }),
    }
    Ok(changes)
}

/// Rewrites the values that differ in the expected JSON's text, then names the lines that changed.
fn json_changes(
    expectation: &Expectation,
    old: &[&str],
    output: &str,
    captures: &Captures,
) -> Result<Vec<Change>, Refusal> {
    let unclear = |malformed: super::Malformed| Refusal::Unclear(malformed.why);
    let json = Json::parse(&expectation.text, captures).map_err(unclear)?;
    let Err(differences) = json.compare(output) else { return Ok(Vec::new()) };
    let mut edits = Vec::new();
    let root = json_text::read(&expectation.text).ok_or(Refusal::Moved)?;
    for difference in differences {
        match difference.fix {
            Fix::None => return Err(Refusal::NotJson),
            Fix::Replace(text) => edits.push(Edit { span: difference.span, text }),
            Fix::Remove(key) => {
                let object = node_at(&root, difference.span).ok_or(Refusal::Moved)?;
                edits.push(Edit {
                    span: member_span(object, &key).ok_or(Refusal::Moved)?,
                    text: String::new(),
                });
            }
        }
    }
    let text = joined_removals(&expectation.text, edits);
    let new: Vec<&str> = text.split('\n').collect();
    let ops = capture_diff_slices(Algorithm::Myers, old, &new);
    let changed = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    Ok(changed
        .map(|op| Change {
            old: op.old_range(),
            new: new[op.new_range()].iter().map(|line| (*line).to_owned()).collect(),
        })
        .collect())
}

/// Carries out the edits; removed members take a comma with them, and no comma is left before a brace.
fn joined_removals(text: &str, edits: Vec<Edit>) -> String {
    let mut edits = edits;
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::new();
    let mut at = 0;
    for edit in edits {
        if edit.span.start < at {
            continue;
        }
        out.push_str(&text[at..edit.span.start]);
        at = edit.span.end;
        if !edit.text.is_empty() {
            out.push_str(&edit.text);
            continue;
        }
        // With the comma behind it, or, for the last one left, without the comma before it.
        let behind = &text[at..];
        let blank = behind.len() - behind.trim_start().len();
        if behind.trim_start().starts_with(',') {
            let after = &behind[blank + 1..];
            at += blank + 1 + (after.len() - after.trim_start().len());
        } else if out.trim_end().ends_with(',') {
            let end = out.trim_end().len() - 1;
            out.truncate(end);
        }
    }
    out + &text[at..]
}

fn node_at(node: &Node, span: Span) -> Option<&Node> {
    if node.span == span {
        return Some(node);
    }
    match &node.kind {
        NodeKind::Scalar => None,
        NodeKind::Array(nodes) => nodes.iter().find_map(|node| node_at(node, span)),
        NodeKind::Object(members) => members.iter().find_map(|member| node_at(&member.value, span)),
    }
}

fn member_span(object: &Node, key: &str) -> Option<Span> {
    let NodeKind::Object(members) = &object.kind else { return None };
    let member = members.iter().rfind(|member| member.key == key)?;
    Some(Span::new(member.key_span.start, member.value.span.end))
}

/// Where the expected lines stand.
struct Place<'a> {
    source: &'a Source,
    fence: Fence,
    /// Index of the first expected line among the fence's lines.
    first: usize,
    /// How many they are.
    count: usize,
    /// 1 if no lines are expected and the block has a blank one all the same.
    blank: usize,
}

impl<'a> Place<'a> {
    fn find(source: &'a Source, expectation: &Expectation) -> Result<Self, Refusal> {
        let (document, _) = read(source);
        let line = expectation.line;
        let holds = |fence: &Fence| {
            let last = source.line(fence.span.end.saturating_sub(1).max(fence.span.start));
            fence.line <= line && line <= last
        };
        let fence = find_fence(&document, holds).ok_or(Refusal::Moved)?.clone();
        if !fence.closed {
            return Err(Refusal::Unclosed);
        }
        let expected = lines_of(&expectation.text);
        let first = fence.lines.iter().position(|place| place.line == line);
        let first = first.unwrap_or(fence.lines.len());
        let there: Vec<&str> = lines_of(&fence.text).into_iter().skip(first).take(expected.len()).collect();
        if there != expected {
            return Err(Refusal::Moved);
        }
        let blank = if expected.is_empty() { fence.lines.len() - first } else { 0 };
        Ok(Self { source, first, count: expected.len(), blank, fence })
    }

    /// Escapes what would be read as something else than output: prompts and comments in a
    /// transcript, and blank lines where they do not count.
    fn fit_for_block(&self, old: &[&str], mut changes: Vec<Change>) -> Vec<Change> {
        if self.is_transcript() {
            for line in changes.iter_mut().flat_map(|change| &mut change.new) {
                if line.starts_with('#') || transcript(line).is_some() {
                    *line = spell_escaped(line);
                }
            }
            if let Some(Change { old: range, new }) = changes.last_mut()
                && range.end == old.len()
                && let Some(last) = new.last_mut().filter(|last| last.trim().is_empty())
            {
                *last = ESC.trim_start().to_owned();
            }
        }
        if let [Change { old: all, new }] = &mut changes[..]
            && *all == (0..old.len())
            && *new == [""]
        {
            new[0] = ESC.trim_start().to_owned();
        }
        changes
    }

    fn is_transcript(&self) -> bool {
        self.first > 0 && transcript(&self.fence.text).is_some()
    }

    fn edits(&self, changes: &[Change], new_text: &str) -> Vec<Edit> {
        let text = self.source.text();
        let eol = if line_at(text, self.fence.span.start).ends_with("\r\n") { "\r\n" } else { "\n" };
        let prefix = self.prefix();
        let mut edits: Vec<Edit> = changes
            .iter()
            .map(|change| {
                let lines = change.new.iter().map(|line| match line.is_empty() {
                    true => format!("{}{eol}", prefix.trim_end()),
                    false => format!("{prefix}{line}{eol}"),
                });
                let span = Span::new(
                    self.line_start(change.old.start),
                    self.line_start(change.old.end + self.blank),
                );
                Edit { span, text: lines.collect() }
            })
            .collect();
        edits.extend(self.longer_marks(new_text));
        edits
    }

    /// What stands before each line of the block: list indentation and quote marks.
    fn prefix(&self) -> String {
        let text = self.source.text();
        if !self.fence.fenced {
            let first = self.fence.lines.first().map_or(self.fence.span.start, |line| line.offset);
            return text[start_of_line(text, first)..first].to_owned();
        }
        let before = &text[start_of_line(text, self.fence.span.start)..self.fence.span.start];
        before.chars().map(|c| if matches!(c, '>' | '\t') { c } else { ' ' }).collect()
    }

    /// Offset of the beginning of the file's line that has expected line `index`, or the one behind.
    fn line_start(&self, index: usize) -> usize {
        let text = self.source.text();
        match self.fence.lines.get(self.first + index) {
            Some(line) => start_of_line(text, line.offset),
            // Behind the last line: the closing marks, or what follows indented code.
            None if self.fence.fenced => start_of_line(text, self.fence.span.end),
            None => {
                text[self.fence.span.end..].find('\n').map_or(text.len(), |at| self.fence.span.end + at + 1)
            }
        }
    }

    /// Marks that are longer than any run at the beginning of a line of the block.
    fn longer_marks(&self, new_text: &str) -> Vec<Edit> {
        if !self.fence.fenced {
            return Vec::new();
        }
        let block = self.source.slice(self.fence.span);
        let Some(mark) = block.chars().next() else { return Vec::new() };
        let run = |text: &str| text.chars().take_while(|&c| c == mark).count();
        let opened = run(block);
        let longest = new_text.lines().map(|line| run(line.trim_start())).max().unwrap_or(0);
        if longest < opened {
            return Vec::new();
        }
        let text = mark.to_string().repeat(longest + 1);
        let closing = block.trim_end();
        let closed = closing.chars().rev().take_while(|&c| c == mark).count();
        let end = self.fence.span.start + closing.len();
        vec![
            Edit {
                span: Span::new(self.fence.span.start, self.fence.span.start + opened),
                text: text.clone(),
            },
            Edit { span: Span::new(end - closed, end), text },
        ]
    }

    /// Makes sure that the edited document says just that.
    fn read_back(&self, edits: &[Edit], new_text: &str) -> Result<(), Refusal> {
        let edited = apply(self.source.text(), edits);
        let edited = Source::new(self.source.path(), edited.into_bytes()).map_err(|_| Refusal::Binary)?;
        let (document, _) = read(&edited);
        let start = self.fence.span.start;
        let fence = find_fence(&document, |fence| fence.span.start == start).ok_or(Refusal::WouldNotRead)?;
        let mut wanted = lines_of(&self.fence.text)[..self.first].to_vec();
        wanted.extend(lines_of(new_text));
        let rest = lines_of(&self.fence.text);
        wanted.extend(&rest[(self.first + self.count).min(rest.len())..]);
        let end = self.first + lines_of(new_text).len();
        let is_output = !self.is_transcript()
            || transcript(&fence.text).is_some_and(|transcript| {
                let mut outputs = transcript.commands.iter().map(|command| command.output.clone());
                end == self.first || outputs.any(|output| output == (self.first..end))
            });
        let reads =
            fence.closed && fence.info == self.fence.info && lines_of(&fence.text) == wanted && is_output;
        if reads { Ok(()) } else { Err(Refusal::WouldNotRead) }
    }
}

fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The line that holds `at`, with its end.
fn line_at(text: &str, at: usize) -> &str {
    let start = start_of_line(text, at);
    text[start..].split_inclusive('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
