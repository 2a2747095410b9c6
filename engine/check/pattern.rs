//! Expected lines as patterns: text, wildcards, captures, regular expressions.
//!
//! A marker that does not parse is an error with its place. This module looks at one line at a time;
//! the order of lines is [`super::sequence`]'s and [`super::unordered`]'s.

use super::spelling::{ESC, escape};
use crate::runbook::{Expectation, Matching};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// The ending that makes a line a regular expression.
pub(super) const RE: &str = " (re)";
/// A compiled expression may take this much; one beyond is a mistake.
const MAX_REGEX: usize = 256 * 1024;

/// A marker that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset in the expected text.
    pub offset: usize,
    /// Why, as one lower-case sentence.
    pub why: String,
}

impl Malformed {
    fn new(offset: usize, why: impl Into<String>) -> Self {
        Self { offset, why: why.into() }
    }

    /// The line in the document, from 1.
    pub fn line(&self, expectation: &Expectation) -> usize {
        let before = expectation.text.get(..self.offset).unwrap_or(&expectation.text);
        expectation.line + before.matches('\n').count()
    }
}

/// Names an expectation captures and those it expects to be captured before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Captured here.
    pub captured: Vec<String>,
    /// Used here and captured by no line above, each with its offset in the expected text.
    pub wanted: Vec<(String, usize)>,
}

/// Reads every marker of `expectation` without an output, so that a document's mistakes are found
/// before anything runs.
///
/// # Errors
/// When a marker cannot be understood.
pub fn names(expectation: &Expectation) -> Result<Names, Malformed> {
    match expectation.matching {
        Matching::Lines => Ok(Pattern::parse(&expectation.text)?.names),
        Matching::Json => super::json::names(&expectation.text),
        Matching::Contains => nonempty(&expectation.text).map(|_| Names::default()),
    }
}

/// The text, unless it is empty and so occurs in everything.
pub(super) fn nonempty(text: &str) -> Result<&str, Malformed> {
    if text.trim().is_empty() {
        return Err(Malformed::new(0, "an empty text occurs in every output, so it promises nothing"));
    }
    Ok(text)
}

/// Expected lines.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) lines: Vec<LinePattern>,
    pub(super) unordered: bool,
    pub(super) names: Names,
}

/// One expected line.
#[derive(Clone, Debug)]
pub(super) struct LinePattern {
    pub(super) kind: LineKind,
    /// As the document has it.
    pub(super) written: String,
    /// Number in the expected text, from 0.
    pub(super) number: usize,
}

#[derive(Clone, Debug)]
pub(super) enum LineKind {
    /// `...`: any lines, or none.
    AnyLines,
    /// Just this text.
    Text(String),
    /// Text with markers in it.
    Pieces(Vec<Piece>),
    /// A regular expression, anchored at both ends.
    Regex(Box<Regex>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `[..]`.
    Any,
    /// `[name=..]`: at least one character.
    Capture(String),
    /// `[=name]`.
    Reuse(String),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut pattern = Self { lines: Vec::new(), unordered: false, names: Names::default() };
        if text.is_empty() {
            return Ok(pattern);
        }
        let mut offset = 0;
        for (number, written) in text.split('\n').enumerate() {
            if number == 0 && written == "(unordered)" {
                pattern.unordered = true;
            } else {
                let kind = LineKind::parse(written, offset)?;
                pattern.lines.push(LinePattern { kind, written: written.to_owned(), number });
                pattern.note_names(offset)?;
            }
            offset += written.len() + 1;
        }
        Ok(pattern)
    }

    /// Adds the names of the line that was read last.
    fn note_names(&mut self, offset: usize) -> Result<(), Malformed> {
        let Some(line) = self.lines.last() else { return Ok(()) };
        let captured: Vec<&str> = line.kind.captures().collect();
        for name in line.kind.reuses() {
            if captured.contains(&name) {
                let why = format!("`[={name}]` is captured on the same line; it can be used on later ones");
                return Err(Malformed::new(offset, why));
            }
            let above = self.names.captured.iter().any(|known| known == name);
            if above && self.unordered {
                let why =
                    format!("`[={name}]` is captured among lines in any order; use it in a later block");
                return Err(Malformed::new(offset, why));
            }
            if !above {
                self.names.wanted.push((name.to_owned(), offset));
            }
        }
        self.names.captured.extend(captured.into_iter().map(str::to_owned));
        Ok(())
    }
}

impl LineKind {
    fn parse(written: &str, offset: usize) -> Result<Self, Malformed> {
        if written == "..." {
            return Ok(Self::AnyLines);
        }
        if written == ESC.trim_start() {
            return Ok(Self::Text(String::new()));
        }
        let pieces = if let Some(text) = written.strip_suffix(ESC) {
            pieces(text, offset, Escapes::Backslash)?
        } else if let Some(expression) = written.strip_suffix(RE) {
            return regex(expression).map_err(|why| Malformed::new(offset, why)).map(Self::Regex);
        } else {
            pieces(written, offset, Escapes::None)?
        };
        Ok(match &pieces[..] {
            [] => Self::Text(String::new()),
            [Piece::Text(text)] => Self::Text(text.clone()),
            _ => Self::Pieces(pieces),
        })
    }

    fn captures(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Pieces(pieces) => Box::new(captures(pieces)),
            Self::Regex(regex) => Box::new(regex.capture_names().flatten()),
            Self::AnyLines | Self::Text(_) => Box::new(std::iter::empty()),
        }
    }

    pub(super) fn reuses(&self) -> impl Iterator<Item = &str> {
        let pieces = match self {
            Self::Pieces(pieces) => pieces.as_slice(),
            _ => &[],
        };
        reuses(pieces)
    }

    /// Whether this is one line of output, and the texts it captures. `known` gives what was captured
    /// before; a name it does not give matches nothing.
    pub(super) fn matches<'t>(
        &'t self,
        line: &'t str,
        known: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Vec<(&'t str, &'t str)>> {
        match self {
            Self::AnyLines => None,
            Self::Text(text) => (text == line).then(Vec::new),
            Self::Pieces(pieces) => match_pieces(pieces, line, known),
            Self::Regex(regex) => {
                if regex.captures_len() == 1 {
                    return regex.is_match(line).then(Vec::new);
                }
                let found = regex.captures(line)?;
                let named = regex.capture_names().flatten();
                Some(named.filter_map(|name| Some((name, found.name(name)?.as_str()))).collect())
            }
        }
    }

    /// What comparing it with a line of `length` bytes costs, in steps.
    pub(super) fn cost(&self, length: usize) -> u64 {
        match self {
            Self::AnyLines | Self::Text(_) => 1,
            Self::Pieces(_) => 1 + length as u64 / 8,
            Self::Regex(_) => 8 + length as u64,
        }
    }
}

/// Names that `pieces` capture.
pub(super) fn captures(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Capture(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Names that `pieces` use.
pub(super) fn reuses(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Reuse(name) => Some(name.as_str()),
        _ => None,
    })
}

fn regex(expression: &str) -> Result<Box<Regex>, String> {
    let build = |expression: &str| RegexBuilder::new(expression).size_limit(MAX_REGEX).build();
    // By itself first, so that `a)|(b` cannot close the group that anchors it.
    let built = build(expression).and_then(|_| build(&format!("^(?:{expression})$")));
    built.map(Box::new).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        error => {
            // The crate draws the expression over several lines; the last one says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("the regular expression does not parse: {}", last.trim_start_matches("error: "))
        }
    })
}

/// How markers are escaped in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Not at all.
    None,
    /// By a backslash, which means itself only when doubled.
    Backslash,
    /// `\[` is a bracket; any other backslash means itself.
    Bracket,
}

/// Whether a bracket of `text` would be read as a marker, or refused as one.
pub(super) fn has_marker(text: &str) -> bool {
    text.match_indices('[').any(|(at, _)| !matches!(marker(&text[at..]), Ok(None)))
}

/// Takes `text` apart at its markers. `offset` is where it stands in the expected text.
pub(super) fn pieces(text: &str, offset: usize, escapes: Escapes) -> Result<Vec<Piece>, Malformed> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\\' && escapes == Escapes::Backslash {
            let (meant, length) = escape(rest).map_err(|why| Malformed::new(offset + at, why))?;
            plain.push(meant);
            at += length;
        } else if rest.starts_with("\\[") && escapes == Escapes::Bracket {
            plain.push('[');
            at += 2;
        } else if c == '['
            && let Some((piece, length)) = marker(rest).map_err(|why| Malformed::new(offset + at, why))?
        {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let is_open = |piece: &Piece| matches!(piece, Piece::Any | Piece::Capture(_));
            if is_open(&piece) && pieces.last().is_some_and(is_open) {
                let why = "two markers stand side by side: nothing says where the first one ends";
                return Err(Malformed::new(offset + at, why));
            }
            if let Piece::Capture(name) = &piece
                && captures(&pieces).any(|known| known == name)
            {
                return Err(Malformed::new(offset + at, format!("`{name}` is captured twice on one line")));
            }
            pieces.push(piece);
            at += length;
        } else {
            plain.push(c);
            at += c.len_utf8();
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// The marker at the bracket that `text` begins with, and its length.
fn marker(text: &str) -> Result<Option<(Piece, usize)>, String> {
    if text.starts_with("[..]") {
        return Ok(Some((Piece::Any, 4)));
    }
    let inside = &text[1..];
    let Some(end) = inside.find(|c: char| matches!(c, '[' | ']') || c.is_whitespace()) else {
        return Ok(None);
    };
    if !inside[end..].starts_with(']') {
        return Ok(None);
    }
    let inside = &inside[..end];
    if let Some(name) = inside.strip_prefix('=') {
        return Ok(is_name(name).then(|| (Piece::Reuse(name.to_owned()), end + 2)));
    }
    match inside.strip_suffix("=..") {
        Some(name) if is_name(name) => Ok(Some((Piece::Capture(name.to_owned()), end + 2))),
        Some(name) => Err(format!(
            "`{name}` is no name for a capture: letters, digits and `_`, not beginning with a digit"
        )),
        None => Ok(None),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `line` is `pieces` from end to end. Every marker takes as little as it can, which finds a
/// match if there is one, in time linear in the line but for repeated texts.
pub(super) fn match_pieces<'t>(
    pieces: &'t [Piece],
    line: &'t str,
    known: &dyn Fn(&str) -> Option<String>,
) -> Option<Vec<(&'t str, &'t str)>> {
    let mut found = Vec::new();
    let mut at = 0;
    // A marker that waits for the text behind it: its name, if it captures.
    let mut open: Option<Option<&str>> = None;
    let mut rest = pieces.iter().peekable();
    while let Some(piece) = rest.next() {
        let mut text: Cow<'_, str> = match piece {
            Piece::Any => {
                open = Some(None);
                continue;
            }
            Piece::Capture(name) => {
                open = Some(Some(name));
                continue;
            }
            Piece::Text(text) => Cow::Borrowed(text),
            Piece::Reuse(name) => Cow::Owned(known(name)?),
        };
        while let Some(next) = rest.next_if(|next| matches!(next, Piece::Text(_) | Piece::Reuse(_))) {
            match next {
                Piece::Text(more) => text.to_mut().push_str(more),
                Piece::Reuse(name) => text.to_mut().push_str(&known(name)?),
                Piece::Any | Piece::Capture(_) => {}
            }
        }
        let start = match open.take() {
            None => line[at..].starts_with(&*text).then_some(at)?,
            Some(name) => {
                let first = line[at..].chars().next().map_or(0, char::len_utf8);
                let from = if name.is_some() { at + first } else { at };
                let start = if rest.peek().is_none() {
                    // The last text stands at the end.
                    line.len()
                        .checked_sub(text.len())
                        .filter(|&start| start >= from && line.ends_with(&*text))?
                } else {
                    from + line[from..].find(&*text)?
                };
                if let Some(name) = name {
                    found.push((name, line.get(at..start).filter(|value| !value.is_empty())?));
                }
                start
            }
        };
        at = start + text.len();
    }
    match open {
        None => (at == line.len()).then_some(found),
        Some(None) => Some(found),
        Some(Some(name)) => {
            found.push((name, line.get(at..).filter(|value| !value.is_empty())?));
            Some(found)
        }
    }
}
