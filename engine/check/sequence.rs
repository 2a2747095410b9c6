//! Expected lines in their order, compared while the output arrives.
//!
//! All ways in which the lines so far can match are followed side by side, so that matching is not
//! greedy and never goes back: an output of any length needs constant memory. Ways differ by their
//! place in the pattern and, where captures are used again in the same block, by what they captured.

use super::Captures;
use super::pattern::{LineKind, Pattern};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

type Bindings = Rc<BTreeMap<String, String>>;

/// One way to match the lines so far.
#[derive(Clone, Debug)]
struct Thread {
    /// Index of the pattern line that is next.
    at: usize,
    bound: Bindings,
}

/// The comparison so far.
#[derive(Debug)]
pub(super) struct Sequence {
    threads: Vec<Thread>,
    /// The ways to match one line more, while it is being compared.
    spare: Vec<Thread>,
    seen: Seen,
    /// The furthest pattern line that any way has reached.
    furthest: usize,
}

/// Which ways there are already at the line in hand.
#[derive(Debug)]
enum Seen {
    /// Ways at the same place are the same: for each place, the last line that reached it.
    Places { last: Vec<usize>, line: usize },
    /// They differ also by what they captured, since it is used again.
    Captures(HashSet<(usize, Bindings)>),
}

impl Seen {
    fn next_line(&mut self) {
        match self {
            Self::Places { line, .. } => *line += 1,
            Self::Captures(seen) => seen.clear(),
        }
    }

    /// Whether `thread` is new.
    fn insert(&mut self, thread: &Thread) -> bool {
        match self {
            Self::Places { last, line } => std::mem::replace(&mut last[thread.at], *line) != *line,
            Self::Captures(seen) => seen.insert((thread.at, thread.bound.clone())),
        }
    }

    /// What keeping one more way costs.
    fn cost(&self) -> Work {
        match self {
            Self::Places { .. } => 1,
            Self::Captures(_) => WAY,
        }
    }
}

/// What a line did to the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// A pattern line further on was reached.
    Advanced,
    /// Nothing new.
    Stayed,
    /// No way is left: the output does not match.
    Over,
    /// The line is too long to be compared with this pattern.
    TooLong,
}

/// Steps that are left before the comparison gives up.
pub(super) type Work = u64;

/// Steps that keeping one more way costs, where captures tell ways apart: it copies and compares them.
const WAY: Work = 500;

/// A line of output. An overlong one has only its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputLine<'a> {
    pub(super) text: &'a str,
    pub(super) is_whole: bool,
}

impl Sequence {
    pub(super) fn new(pattern: &Pattern, captures: &Captures) -> Self {
        let is_captured_here = |name: &str| !pattern.names.wanted.iter().any(|(wanted, _)| wanted == name);
        let seen = if pattern.lines.iter().flat_map(|line| line.kind.reuses()).any(is_captured_here) {
            Seen::Captures(HashSet::new())
        } else {
            Seen::Places { last: vec![0; pattern.lines.len() + 1], line: 1 }
        };
        let mut sequence = Self { threads: Vec::new(), spare: Vec::new(), seen, furthest: 0 };
        let bound = Rc::new(captures.values.clone());
        sequence.push(pattern, Thread { at: 0, bound });
        sequence.threads = std::mem::take(&mut sequence.spare);
        sequence
    }

    /// Takes the next line. Every comparison costs some of `work`; at 0 the caller stops.
    pub(super) fn line(&mut self, pattern: &Pattern, line: OutputLine<'_>, work: &mut Work) -> Progress {
        let before = self.furthest;
        self.seen.next_line();
        let mut threads = std::mem::take(&mut self.threads);
        for thread in threads.drain(..) {
            let Some(expected) = pattern.lines.get(thread.at) else { continue };
            *work = work.saturating_sub(expected.kind.cost(line.text.len()) + self.seen.cost());
            if *work == 0 {
                break;
            }
            match &expected.kind {
                LineKind::AnyLines => self.push(pattern, thread),
                LineKind::Text(text) if !line.is_whole && text.len() <= line.text.len() => {}
                _ if !line.is_whole => return Progress::TooLong,
                kind => {
                    let known = |name: &str| thread.bound.get(name).cloned();
                    let Some(found) = kind.matches(line.text, &known) else { continue };
                    let mut bound = thread.bound.clone();
                    if !found.is_empty() {
                        let bindings = Rc::make_mut(&mut bound);
                        for (name, value) in found {
                            *work = work.saturating_sub(1 + value.len() as u64);
                            bindings.insert(name.to_owned(), value.to_owned());
                        }
                    }
                    self.push(pattern, Thread { at: thread.at + 1, bound });
                }
            }
        }
        // The two vectors change places, so that no line allocates one.
        self.threads = std::mem::replace(&mut self.spare, threads);
        match self.threads.is_empty() {
            true => Progress::Over,
            false if self.furthest > before => Progress::Advanced,
            false => Progress::Stayed,
        }
    }

    /// Adds `thread`, and the way that passes over a `...` it stands at, unless they are there already.
    fn push(&mut self, pattern: &Pattern, mut thread: Thread) {
        while self.seen.insert(&thread) {
            self.furthest = self.furthest.max(thread.at);
            let line = pattern.lines.get(thread.at);
            let at_any = matches!(line.map(|line| &line.kind), Some(LineKind::AnyLines));
            if !at_any {
                self.spare.push(thread);
                return;
            }
            self.spare.push(thread.clone());
            thread.at += 1;
        }
    }

    /// Whether nothing more is expected, and what was captured on the way.
    pub(super) fn end(&self, pattern: &Pattern) -> Option<&BTreeMap<String, String>> {
        let done = self.threads.iter().find(|thread| thread.at == pattern.lines.len())?;
        Some(&done.bound)
    }

    /// Index of the furthest pattern line that was reached.
    pub(super) fn furthest(&self) -> usize {
        self.furthest
    }
}
