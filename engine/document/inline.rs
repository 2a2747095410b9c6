//! Running text: plain, as meant, with its bold runs and inline code.

use super::mojibake;
use crate::source::Span;
use std::ops::Range;

/// The text of a paragraph, heading or table cell.
///
/// Markup is removed and mis-decoded characters are repaired; [`Inline::span_of`] leads from any part
/// of the text back to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inline {
    /// The plain text; a line break of either kind is `\n`.
    pub text: String,
    /// Where it stands in the file.
    pub span: Span,
    /// Bold runs, as byte ranges of `text`.
    pub bold: Vec<Range<usize>>,
    /// Inline code in order.
    pub code: Vec<CodeSpan>,
    /// Where the pieces of `text` come from, in order: offset in `text`, range in the file.
    pieces: Vec<(usize, Span)>,
}

/// Inline code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSpan {
    /// Its bytes, never altered.
    pub text: String,
    /// Where the text begins in the file, behind the backticks.
    pub offset: usize,
    /// Its place in the text around it.
    pub range: Range<usize>,
}

impl Inline {
    /// Appends prose found at `span`, repaired.
    pub(super) fn push_text(&mut self, text: &str, span: Span) {
        self.push_piece(&mojibake::repair(text), span);
    }

    /// Appends inline code whose backticks and text stand at `span`.
    pub(super) fn push_code(&mut self, code: &str, span: Span, raw: &str) {
        let start = self.text.len();
        let offset = span.start + raw.find(code).unwrap_or(0);
        self.push_piece(code, span);
        self.code.push(CodeSpan { text: code.to_owned(), offset, range: start..self.text.len() });
    }

    fn push_piece(&mut self, text: &str, span: Span) {
        if self.pieces.is_empty() {
            self.span.start = span.start;
        }
        self.span.end = self.span.end.max(span.end);
        self.pieces.push((self.text.len(), span));
        self.text.push_str(text);
    }

    /// The file offset of byte `at` of the text, exact where the file has the text unchanged.
    pub fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(start, _)| *start <= at);
        let Some((start, span)) = index.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return self.span.start;
        };
        (span.start + (at - start)).min(span.end)
    }

    /// The place in the file of a part of the text.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let start = self.offset(range.start);
        let end = range.end.checked_sub(1).map_or(start, |last| self.offset(last) + 1);
        Span::new(start, end.max(start))
    }

    /// The lines of the text, each as a byte range of it.
    pub fn lines(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let base = self.text.as_ptr() as usize;
        self.text.split('\n').map(move |line| {
            let start = line.as_ptr() as usize - base;
            start..start + line.len()
        })
    }

    /// Whether nothing but blanks is in it.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether all of its text, but for blanks and a final colon, is bold.
    pub fn is_all_bold(&self) -> bool {
        let mut end = 0;
        for run in &self.bold {
            if !self.text[end..run.start].trim().is_empty() {
                return false;
            }
            end = run.end;
        }
        end > 0 && self.text[end..].trim().trim_end_matches(':').is_empty()
    }
}
