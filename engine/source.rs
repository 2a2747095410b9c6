//! One Markdown file's text with its line index. Every later structure keeps byte spans into it.
//!
//! This module does not read files (that is [`crate::host`]'s) and knows nothing of Markdown.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file accepted, in bytes: a runbook is prose, 16 MiB of it is a mistake.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A half-open range of bytes in a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// A span from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The span as a range for slicing.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The same span moved `by` bytes to the right.
    pub fn shifted(self, by: usize) -> Self {
        Self::new(self.start + by, self.end + by)
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

/// A place a person can go to: line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line number, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Why bytes cannot be a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// More than [`MAX_BYTES`]; carries the size.
    TooLarge(usize),
    /// Not UTF-8; carries the offset of the first bad byte, its value and its place.
    NotUtf8 {
        /// Offset of the first byte that is not UTF-8.
        offset: usize,
        /// That byte.
        byte: u8,
        /// Its line and column.
        place: Place,
    },
    /// Contains a NUL byte at this offset: a binary file.
    Binary(usize),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => {
                write!(f, "the file has {size} bytes; a runbook may have at most {MAX_BYTES} (16 MiB)")
            }
            Self::NotUtf8 { offset, byte, place } => write!(
                f,
                "byte {offset} (0x{byte:02x}, line {}, column {}) is not UTF-8",
                place.line, place.column
            ),
            Self::Binary(offset) => {
                write!(f, "byte {offset} is NUL: this is a binary file, not Markdown")
            }
        }
    }
}

impl std::error::Error for SourceError {}

/// One Markdown file's text with its line index.
#[derive(Clone, Debug)]
pub struct Source {
    path: Arc<Path>,
    text: Arc<str>,
    /// Byte offset of the start of each line.
    lines: Arc<[usize]>,
}

impl Source {
    /// Checks `bytes` and indexes their lines. A byte order mark is kept in the text, so that
    /// offsets stay those of the file; readers skip it with [`Source::body_start`].
    ///
    /// # Errors
    /// When the bytes are too many, not UTF-8, or binary.
    pub fn new(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, SourceError> {
        if bytes.len() > MAX_BYTES {
            return Err(SourceError::TooLarge(bytes.len()));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let good = String::from_utf8_lossy(&error.as_bytes()[..offset]).into_owned();
            let line_start = good.rfind('\n').map_or(0, |at| at + 1);
            SourceError::NotUtf8 {
                offset,
                byte: error.as_bytes()[offset],
                place: Place {
                    line: good.matches('\n').count() + 1,
                    column: good[line_start..].chars().count() + 1,
                },
            }
        })?;
        if let Some(offset) = text.find('\0') {
            return Err(SourceError::Binary(offset));
        }
        let lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect::<Vec<_>>();
        Ok(Self { path: Arc::from(path.into()), text: Arc::from(text), lines: Arc::from(lines) })
    }

    /// The path as it was given, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text, byte for byte as in the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the text begins behind a byte order mark: 0 or 3.
    pub fn body_start(&self) -> usize {
        if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
    }

    /// The text of `span`.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// The line number (from 1) that holds the byte at `offset`.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset)
    }

    /// The same, looked for near the line `near` first.
    pub fn line_from(&self, near: usize, offset: usize) -> usize {
        let begins = |line: usize| self.lines.get(line.wrapping_sub(1)).copied();
        if begins(near).is_none_or(|start| start > offset) {
            return self.line(offset);
        }
        for line in near..near + 8 {
            if begins(line + 1).is_none_or(|next| next > offset) {
                return line;
            }
        }
        self.line(offset)
    }

    /// Line and column of the byte at `offset`; offsets past the end give the end.
    pub fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.line(offset);
        let start = self.lines[line - 1];
        let column = self.text.get(start..offset).map_or(1, |text| text.chars().count() + 1);
        Place { line, column }
    }

    /// The text of line `number` (from 1) without its line ending.
    pub fn line_text(&self, number: usize) -> &str {
        self.slice(self.line_span(number))
    }

    /// Where line `number` (from 1) stands, without its line ending; empty at the end if there is none.
    pub fn line_span(&self, number: usize) -> Span {
        let length = self.text.len();
        let Some(&start) = self.lines.get(number.wrapping_sub(1)) else { return Span::new(length, length) };
        let end = self.lines.get(number).copied().unwrap_or(length);
        Span::new(start, start + self.text[start..end].trim_end_matches(['\n', '\r']).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("x.md", "a\nüb\r\nc".into()).expect("is UTF-8");
        assert_eq!(source.place(0), Place { line: 1, column: 1 });
        assert_eq!(source.place(4), Place { line: 2, column: 2 });
        assert_eq!(source.line_text(2), "üb");
        assert_eq!(source.line_span(2), Span::new(2, 5));
        assert_eq!(source.line_span(4), Span::new(8, 8));
        assert_eq!(source.place(999), Place { line: 3, column: 2 });
        let long = Source::new("x.md", "ab\n".repeat(30).into()).expect("is UTF-8");
        for (near, offset) in (0..33).flat_map(|near| (0..=91).map(move |offset| (near, offset))) {
            assert_eq!(long.line_from(near, offset), long.line(offset), "{near} {offset}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let bad = Source::new("x.md", b"ok\n\xc3\xa4\xff".to_vec()).expect_err("is not UTF-8");
        assert_eq!(bad.to_string(), "byte 5 (0xff, line 2, column 2) is not UTF-8");
        let bad = Source::new("x.md", b"a\0b".to_vec()).expect_err("is binary");
        assert_eq!(bad.to_string(), "byte 1 is NUL: this is a binary file, not Markdown");
        let bad = Source::new("x.md", vec![b' '; MAX_BYTES + 1]).expect_err("is too large");
        assert_eq!(
            bad.to_string(),
            "the file has 16777217 bytes; a runbook may have at most 16777216 (16 MiB)"
        );
    }
}
