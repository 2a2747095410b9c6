//! Expected lines in any order: each is one line of the output, and none is left over.
//!
//! Lines that are plain text are counted off first, since equal lines are as good as each other; the
//! others are assigned by augmenting paths, so that a match is found if there is one.

use super::Captures;
use super::pattern::{LineKind, LinePattern, Pattern};
use super::sequence::{OutputLine, Work};
use std::collections::{BTreeMap, HashMap};

/// Lines held for the patterns that are not plain text, at most.
const MAX_HELD: usize = 10_000;
/// Bytes of them, at most.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;

/// The comparison so far.
#[derive(Debug)]
pub(super) struct Unordered {
    /// How often each plain text is still to come.
    texts: HashMap<String, usize>,
    missing_texts: usize,
    /// Indices of the lines with markers.
    marked: Vec<usize>,
    /// Other lines may come too: the block has a `...`.
    open: bool,
    held: Vec<String>,
    held_bytes: usize,
    known: Captures,
}

impl Unordered {
    pub(super) fn new(pattern: &Pattern, captures: &Captures) -> Self {
        let mut texts: HashMap<String, usize> = HashMap::new();
        let mut marked = Vec::new();
        let mut open = false;
        for (index, line) in pattern.lines.iter().enumerate() {
            match &line.kind {
                LineKind::AnyLines => open = true,
                LineKind::Text(text) => *texts.entry(text.clone()).or_default() += 1,
                LineKind::Pieces(_) | LineKind::Regex(_) => marked.push(index),
            }
        }
        let missing_texts = texts.values().sum();
        let known = captures.clone();
        Self { texts, missing_texts, marked, open, held: Vec::new(), held_bytes: 0, known }
    }

    /// Takes the next line; says whether a match is still possible, or why it cannot be known.
    pub(super) fn line(
        &mut self,
        pattern: &Pattern,
        line: OutputLine<'_>,
        work: &mut Work,
    ) -> Result<bool, String> {
        if line.is_whole
            && let Some(count) = self.texts.get_mut(line.text)
            && *count > 0
        {
            *count -= 1;
            self.missing_texts -= 1;
            return Ok(true);
        }
        if self.marked.is_empty() {
            return Ok(self.open);
        }
        if !line.is_whole {
            return Err("a line of the output is too long to be compared".to_owned());
        }
        if !self.open && self.held.len() == self.marked.len() {
            return Ok(false);
        }
        let wanted = self.marked.iter().any(|&index| self.fits(&pattern.lines[index], line.text, work));
        if !wanted {
            return Ok(self.open);
        }
        self.held_bytes += line.text.len();
        if self.held.len() >= MAX_HELD || self.held_bytes > MAX_HELD_BYTES {
            return Err("too many lines could be the expected ones".to_owned());
        }
        self.held.push(line.text.to_owned());
        Ok(true)
    }

    fn fits(&self, expected: &LinePattern, line: &str, work: &mut Work) -> bool {
        *work = work.saturating_sub(expected.kind.cost(line.len()));
        expected.kind.matches(line, &|name| self.known.get(name).map(str::to_owned)).is_some()
    }

    /// What was captured, if every expected line has its own line of output; `None` also when `work`
    /// ran out, which the caller sees.
    pub(super) fn end(&self, pattern: &Pattern, work: &mut Work) -> Option<BTreeMap<String, String>> {
        if self.missing_texts > 0
            || self.held.len() < self.marked.len()
            || (!self.open && self.held.len() > self.marked.len())
        {
            return None;
        }
        let mut owner: Vec<Option<usize>> = vec![None; self.held.len()];
        for expected in 0..self.marked.len() {
            if !self.assign(pattern, expected, &mut owner, work) {
                return None;
            }
        }
        let mut captured = BTreeMap::new();
        let by_pattern: BTreeMap<usize, usize> =
            owner.iter().enumerate().filter_map(|(line, expected)| Some(((*expected)?, line))).collect();
        for (expected, line) in by_pattern {
            let kind = &pattern.lines[self.marked[expected]].kind;
            let found = kind.matches(&self.held[line], &|name| self.known.get(name).map(str::to_owned))?;
            captured.extend(found.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Some(captured)
    }

    /// Finds a line for `expected`, moving others if need be: breadth first, so that no stack grows.
    fn assign(
        &self,
        pattern: &Pattern,
        expected: usize,
        owner: &mut [Option<usize>],
        work: &mut Work,
    ) -> bool {
        // For each line that was reached: the expected line it was reached from.
        let mut from: Vec<Option<usize>> = vec![None; self.held.len()];
        let mut queue = std::collections::VecDeque::from([expected]);
        while let Some(current) = queue.pop_front() {
            for line in 0..self.held.len() {
                if *work == 0 {
                    return false;
                }
                if from[line].is_some()
                    || !self.fits(&pattern.lines[self.marked[current]], &self.held[line], work)
                {
                    continue;
                }
                from[line] = Some(current);
                match owner[line] {
                    Some(next) => queue.push_back(next),
                    None => {
                        Self::augment(line, expected, &from, owner);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Gives `line` and those on the way to it to the expected lines they were reached from.
    fn augment(mut line: usize, first: usize, from: &[Option<usize>], owner: &mut [Option<usize>]) {
        while let Some(expected) = from[line] {
            let had = owner.iter().position(|owned| *owned == Some(expected));
            owner[line] = Some(expected);
            match had {
                Some(previous) if expected != first => line = previous,
                _ => return,
            }
        }
    }
}
