//! `Key: value` in all the ways people write it: bold keys, plain lines, bullets, quotes, tables.
//!
//! Nothing is interpreted here: what a severity or a target means is decided in their own modules.
//! Front matter is [`super::yaml`]'s.

use super::metric::words;
use super::target::is_target_key;
use super::title::{fold, is_emoji};
use super::{Metadata, MetadataEntry};
use crate::document::{Block, Document, Inline, Table};
use crate::source::Span;
use std::ops::Range;

/// Keys that count without any decoration, folded; those of targets count too.
const KNOWN: &[&str] = &[
    "severity",
    "sev",
    "priority",
    "urgency",
    "alertseverity",
    "severitylevel",
    "owner",
    "owners",
    "team",
    "owningteam",
    "serviceowner",
    "author",
    "authors",
    "maintainer",
    "maintainers",
    "contact",
    "oncall",
    "lastupdated",
    "lastupdate",
    "updated",
    "lastreviewed",
    "lastreviewedon",
    "lastreview",
    "lastmodified",
    "lasttested",
    "reviewcycle",
    "reviewin",
    "reviewfrequency",
    "reviewperiod",
    "nextreview",
    "tags",
    "tag",
    "labels",
    "alert",
    "alertname",
    "status",
    "trigger",
    "threshold",
    "version",
    "service",
    "component",
    "environment",
    "category",
    "frequency",
    "audience",
    "risk",
    "risklevel",
];

/// Bold words with a colon that introduce prose, folded; `If …` and `Step …` are seen by their start.
const NO_KEYS: &[&str] = &[
    "note",
    "notice",
    "notes",
    "warning",
    "caution",
    "important",
    "attention",
    "danger",
    "tip",
    "hint",
    "info",
    "example",
    "examples",
    "expected",
    "expectedoutput",
    "expectedresult",
    "output",
    "result",
    "or",
    "then",
    "otherwise",
    "alternatively",
    "todo",
    "critical",
    "symptoms",
    "resolution",
    "diagnosis",
    "verification",
];

/// First words of bold labels that are no keys.
const NO_KEY_STARTS: &[&str] =
    &["if", "when", "step", "option", "phase", "once", "after", "before", "for", "to"];

/// A line of at least so many characters may be wrapped; a shorter one ends where its author ended it.
const WRAPPED: usize = 60;

/// The longest plain or bold key in words; more is a sentence.
const MAX_KEY_WORDS: usize = 5;

/// Heads of two-column tables whose rows are keys and values, folded.
const GENERIC_HEADS: &[&str] =
    &["", "field", "key", "property", "attribute", "item", "name", "parameter", "metadata"];

/// All entries of a section's own blocks, in order.
///
/// A bold key may be any short label that does not introduce prose; in a list, only beside a known
/// key. A plain key must be a known one. A line that ends in a colon is the label of what follows.
pub fn metadata(blocks: &[Block]) -> Metadata {
    Metadata { entries: blocks.iter().flat_map(entries).map(|found| found.entry).collect() }
}

/// The metadata of the whole document: its first blocks, those under its first heading if that is the
/// only one of its level, and what stands behind the last rule of the last section.
pub fn of_document(document: &Document) -> Metadata {
    let mut entries = metadata(&document.preamble).entries;
    if let [only] = document.sections.as_slice() {
        entries.extend(metadata(&only.blocks).entries);
    }
    let mut last = document.sections.last();
    while let Some(child) = last.and_then(|section| section.children.last()) {
        last = Some(child);
    }
    let read_already =
        last.is_some_and(|last| document.sections.len() == 1 && document.sections[0].span == last.span);
    if let Some(section) = last.filter(|_| !read_already)
        && let Some(rule) = section.blocks.iter().rposition(|block| matches!(block, Block::Rule(_)))
    {
        entries.extend(metadata(&section.blocks[rule..]).entries);
    }
    Metadata { entries }
}

/// Whether a block says nothing but metadata, so that it need not be shown as a note.
///
/// Every line must be an entry and at least one key a known one: nothing is hidden that might be prose.
pub fn is_metadata(block: &Block) -> bool {
    let found = entries(block);
    let lines = match block {
        Block::Paragraph(inline) => {
            inline.lines().filter(|line| !inline.text[line.clone()].trim().is_empty()).count()
        }
        Block::List(list) => list.items.iter().map(|item| item.blocks.len()).sum(),
        Block::Quote(quote) => return !quote.blocks.is_empty() && quote.blocks.iter().all(is_metadata),
        Block::Table(_) => 0,
        Block::Fence(_) | Block::Comment(_) | Block::Rule(_) => return false,
    };
    let covered: usize = found.iter().map(|found| found.lines).sum();
    found.iter().any(|found| found.known) && covered >= lines
}

/// Whether a key counts without decoration.
pub(super) fn is_known_key(key: &str) -> bool {
    let key = fold(key);
    KNOWN.contains(&key.as_str()) || is_target_key(&key)
}

/// An entry with what decides whether it is believed.
struct Found {
    entry: MetadataEntry,
    known: bool,
    /// Lines that begin with its key or continue its value: 0 for one behind another on the same line.
    lines: usize,
}

fn entries(block: &Block) -> Vec<Found> {
    match block {
        Block::Paragraph(inline) => of_text(inline),
        Block::List(list) if list.start.is_none() => {
            let found: Vec<Found> =
                list.items.iter().filter_map(|item| item.lead()).flat_map(of_text).collect();
            if found.iter().any(|found| found.known) { found } else { Vec::new() }
        }
        Block::Quote(quote) => quote.blocks.iter().flat_map(entries).collect(),
        Block::Table(table) => of_table(table),
        Block::List(_) | Block::Fence(_) | Block::Comment(_) | Block::Rule(_) => Vec::new(),
    }
}

/// The entries of running text, line by line.
///
/// A line without a key continues the value of a line before it that is long enough to be wrapped.
fn of_text(inline: &Inline) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut open = false;
    for line in inline.lines() {
        let mut entries = of_bold_line(inline, &line);
        if entries.is_empty() {
            entries.extend(of_plain_line(inline, &line));
        }
        let wrapped = inline.text[line.clone()].chars().count() >= WRAPPED;
        if !entries.is_empty() {
            found.append(&mut entries);
            open = wrapped;
        } else if let Some(last) = found.last_mut().filter(|_| open) {
            let rest = trimmed(&inline.text, line);
            last.entry.value.push(' ');
            last.entry.value.push_str(&inline.text[rest.clone()]);
            last.entry.span.end = inline.span_of(rest).end;
            last.entry.value_span.end = last.entry.span.end;
            last.lines += 1;
            open = wrapped;
        } else if found.is_empty() {
            // Text before the first entry makes the paragraph prose, whatever its later lines look like.
            return Vec::new();
        }
    }
    found
}

/// `**Key**: value`, `**Key:** value`, and more of them on the same line.
fn of_bold_line(inline: &Inline, line: &Range<usize>) -> Vec<Found> {
    let text = &inline.text;
    // Bold runs are in the order of their ends.
    let from = inline.bold.partition_point(|run| run.end <= line.start);
    let keys: Vec<(Range<usize>, usize)> = inline.bold[from..]
        .iter()
        .take_while(|run| run.end <= line.end)
        .filter(|run| run.start >= line.start)
        .filter_map(|run| Some((run.clone(), value_start(text, run, line.end)?)))
        .collect();
    let first = keys.first().map_or(line.end, |(run, _)| run.start);
    if !text[line.start..first].chars().all(|c| is_emoji(c) || c.is_whitespace()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, (run, value)) in keys.iter().enumerate() {
        let end = keys.get(index + 1).map_or(line.end, |(next, _)| next.start);
        let key = trimmed(text, run.clone());
        let key_text = text[key.clone()].trim_end_matches(':').trim_end();
        let known = is_known_key(key_text);
        if !known && introduces_prose(key_text) {
            continue;
        }
        found.extend(entry(inline, key_text, key, *value..end, known, usize::from(index == 0)));
    }
    found
}

/// Where the value behind a bold key begins: behind its colon, inside or outside the bold.
fn value_start(text: &str, run: &Range<usize>, line_end: usize) -> Option<usize> {
    if text[run.clone()].trim_end().ends_with(':') {
        return Some(run.end);
    }
    let rest = &text[run.end..line_end];
    let colon = rest.len() - rest.trim_start().len();
    rest[colon..].starts_with(':').then_some(run.end + colon + 1)
}

fn introduces_prose(key: &str) -> bool {
    let mut words = words(key).map(fold);
    let first = words.next().unwrap_or_default();
    let is_label = |word: &str| NO_KEYS.contains(&word);
    key.split_whitespace().count() > MAX_KEY_WORDS
        || first.is_empty()
        || first.chars().all(|c| c.is_ascii_digit())
        || NO_KEY_STARTS.contains(&first.as_str())
        || is_label(&fold(key))
        || is_label(&first) && words.all(|word| is_label(&word))
}

/// `Key: value` with a known key.
fn of_plain_line(inline: &Inline, line: &Range<usize>) -> Option<Found> {
    let text = &inline.text[line.clone()];
    let colon = text.find(": ")?;
    let key = trimmed(&inline.text, line.start..line.start + colon);
    let key_text = &inline.text[key.clone()];
    if !is_known_key(key_text) {
        return None;
    }
    let at = line.start + colon;
    let code = inline.code.partition_point(|code| code.range.end <= at);
    if inline.code.get(code).is_some_and(|code| code.range.contains(&at)) {
        return None;
    }
    entry(inline, key_text, key, line.start + colon + 1..line.end, true, 1)
}

/// A table of two columns with known keys, or of one row under known heads.
fn of_table(table: &Table) -> Vec<Found> {
    let known_heads = table.head.iter().filter(|cell| is_known_key(&cell.text)).count();
    if let [row] = table.rows.as_slice()
        && known_heads >= 2
    {
        return table.head.iter().zip(&row.cells).filter_map(|(key, value)| of_cells(key, value)).collect();
    }
    if table.head.len() != 2 {
        return Vec::new();
    }
    let generic = GENERIC_HEADS.contains(&fold(&table.head[0].text).as_str());
    let head = (!generic && known_heads == 1).then_some(table.head.as_slice());
    let rows = head.into_iter().chain(table.rows.iter().map(|row| row.cells.as_slice()));
    let cells: Vec<&[Inline]> = rows.filter(|cells| cells.len() == 2).collect();
    let known = cells.iter().filter(|cells| is_known_key(&cells[0].text)).count();
    // A table that merely begins with `Severity`, such as an escalation matrix, is none of metadata.
    if known == 0 || known * 2 < cells.len() {
        return Vec::new();
    }
    cells.into_iter().filter_map(|cells| of_cells(&cells[0], &cells[1])).collect()
}

fn of_cells(key: &Inline, value: &Inline) -> Option<Found> {
    let name = key.text.trim().trim_end_matches(':').trim_matches(|c| is_emoji(c) || c == ' ');
    let text = value.text.trim();
    if name.is_empty() || text.is_empty() {
        return None;
    }
    let span = Span::new(key.span.start, value.span.end.max(key.span.start));
    let entry =
        MetadataEntry { key: name.to_owned(), value: text.replace('\n', " "), span, value_span: value.span };
    Some(Found { known: is_known_key(name), entry, lines: 1 })
}

/// The entry of a key and the range its value stands in; none if nothing stands there.
fn entry(
    inline: &Inline,
    key: &str,
    key_range: Range<usize>,
    value: Range<usize>,
    known: bool,
    lines: usize,
) -> Option<Found> {
    let value = trimmed(&inline.text, value);
    let text = &inline.text[value.clone()];
    if text.is_empty() || text.ends_with(':') {
        return None;
    }
    let entry = MetadataEntry {
        key: key.to_owned(),
        value: text.to_owned(),
        span: inline.span_of(key_range.start..value.end),
        value_span: inline.span_of(value),
    };
    Some(Found { entry, known, lines })
}

/// The range without blanks, emoji before it, and signs that separate it from the next one.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = part.len() - part.trim_start_matches(|c: char| c.is_whitespace() || is_emoji(c)).len();
    let end =
        part.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '|' | '·' | '•' | ',' | ';')).len();
    range.start + start.min(end)..range.start + end
}

#[cfg(test)]
mod tests;
