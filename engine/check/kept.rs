//! What is kept of an output for showing: its beginning, and the lines around the place where the
//! comparison last got further. Constant memory, whatever the output's size.

use super::sequence::OutputLine;
use std::collections::VecDeque;

/// Bytes kept of the beginning.
const HEAD_BYTES: usize = 64 * 1024;
/// Lines kept of the beginning.
const HEAD_LINES: usize = 1_000;
/// Lines kept before the place.
pub(super) const BEFORE: usize = 3;
/// Lines kept behind the place.
pub(super) const BEHIND: usize = 40;
/// Bytes kept of one line.
const LINE_BYTES: usize = 1_000;

/// One kept line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeptLine {
    /// Its text, or the beginning of it.
    pub(super) text: String,
    /// It is longer than what was kept.
    pub(super) is_cut: bool,
}

/// The kept part of an output.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<KeptLine>,
    head_bytes: usize,
    /// The lines before the next one.
    recent: VecDeque<KeptLine>,
    /// Lines from a little before the place to a little behind it.
    window: Vec<KeptLine>,
    /// Number of the first line of the window, from 0.
    window_first: usize,
    /// Lines that still go into the window.
    room: usize,
    /// Lines so far.
    lines: usize,
}

/// Lines of an output that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Number of its first line, from 0.
    pub(super) first: usize,
    pub(super) lines: Vec<KeptLine>,
    /// How many lines the output has.
    pub(super) of: usize,
}

impl Part {
    /// Whether it is all of the output.
    pub(super) fn is_whole(&self) -> bool {
        self.lines.len() == self.of
    }
}

impl Kept {
    /// Takes the next line; `advanced` says that the comparison got further with it.
    pub(super) fn push(&mut self, line: OutputLine<'_>, advanced: bool) {
        let kept = keep(line);
        if self.head.len() == self.lines && self.lines < HEAD_LINES && self.head_bytes < HEAD_BYTES {
            self.head_bytes += kept.text.len() + 1;
            self.head.push(kept.clone());
        }
        if advanced || self.lines == 0 {
            self.window = self.recent.iter().cloned().collect();
            self.window_first = self.lines - self.window.len();
            self.room = BEHIND;
        }
        if self.room > 0 {
            self.window.push(kept.clone());
            self.room -= 1;
        }
        // The line at the place is the last of those before it.
        if self.recent.len() + 1 == BEFORE {
            self.recent.pop_front();
        }
        self.recent.push_back(kept);
        self.lines += 1;
    }

    /// All of the output if it is small and wanted, else the part around the place.
    pub(super) fn part(self, all_wanted: bool) -> Part {
        if all_wanted && self.head.len() == self.lines {
            return Part { first: 0, lines: self.head, of: self.lines };
        }
        Part { first: self.window_first, lines: self.window, of: self.lines }
    }
}

fn keep(line: OutputLine<'_>) -> KeptLine {
    if line.text.len() <= LINE_BYTES {
        return KeptLine { text: line.text.to_owned(), is_cut: !line.is_whole };
    }
    let end = floor(line.text, LINE_BYTES);
    KeptLine { text: line.text[..end].to_owned(), is_cut: true }
}

/// `at`, or the end of the text, moved back to where a character begins.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
