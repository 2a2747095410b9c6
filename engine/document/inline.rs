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
    /// Where the first piece of `text` comes from, which is most often all of it.
    first: Option<Span>,
    /// Where the others come from, in order: offset in `text`, range in the file.
    others: Vec<(usize, Span)>,
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
        if text.len() != span.end - span.start {
            self.push_piece(&mojibake::repair(text), span);
            return;
        }
        // Each repaired character is a piece of its own, so that the text around it keeps exact places.
        let mut end = 0;
        for garble in mojibake::find(text) {
            self.push_exact(&text[end..garble.range.start], span.start + end);
            self.push_piece(
                garble.meant.encode_utf8(&mut [0; 4]),
                Span::from(garble.range.clone()).shifted(span.start),
            );
            end = garble.range.end;
        }
        self.push_exact(&text[end..], span.start + end);
    }

    /// Appends text that stands unchanged in the file at `start`.
    fn push_exact(&mut self, text: &str, start: usize) {
        if !text.is_empty() {
            self.push_piece(text, Span::new(start, start + text.len()));
        }
    }

    /// Appends inline code whose backticks and text stand at `span`.
    pub(super) fn push_code(&mut self, code: &str, span: Span, raw: &str) {
        let start = self.text.len();
        let offset = span.start + raw.find(code).unwrap_or(0);
        self.push_piece(code, span);
        self.code.push(CodeSpan { text: code.to_owned(), offset, range: start..self.text.len() });
    }

    /// Appends text that stands at `span`, as it is.
    pub(super) fn push_piece(&mut self, text: &str, span: Span) {
        let at = self.text.len();
        self.text.push_str(text);
        let (last_at, last) = match (&mut self.first, self.others.last_mut()) {
            (None, _) => {
                self.first = Some(span);
                self.span = span;
                return;
            }
            (Some(first), None) => (0, first),
            (Some(_), Some((at, last))) => (*at, last),
        };
        self.span.end = self.span.end.max(span.end);
        let is_exact = |length: usize, span: Span| length == span.end - span.start;
        if span.start == last.end && is_exact(text.len(), span) && is_exact(at - last_at, *last) {
            last.end = span.end;
        } else {
            self.others.push((at, span));
        }
    }

    /// The file offset of byte `at` of the text: exact where the file has the text unchanged, else
    /// where the repaired or unescaped piece begins.
    pub fn offset(&self, at: usize) -> usize {
        self.place(at).start
    }

    /// The place in the file of a part of the text.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let start = self.offset(range.start);
        let end = range.end.checked_sub(1).map_or(start, |last| self.place(last).end);
        Span::new(start, end.max(start))
    }

    /// Where byte `at` of the text stands: one byte of the file, or all of a piece that was altered.
    fn place(&self, at: usize) -> Span {
        let index = self.others.partition_point(|(start, _)| *start <= at);
        let Some(first) = self.first else { return Span::new(self.span.start, self.span.start) };
        let (start, span) = index.checked_sub(1).map_or((0, first), |index| self.others[index]);
        let next = self.others.get(index).map_or(self.text.len(), |(next, _)| *next);
        if next - start != span.end - span.start {
            return span;
        }
        let place = (span.start + (at - start)).min(span.end);
        Span::new(place, (place + 1).min(span.end))
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

    /// Whether nothing was ever put into it.
    pub(super) fn is_untouched(&self) -> bool {
        self.first.is_none() && self.bold.is_empty()
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
