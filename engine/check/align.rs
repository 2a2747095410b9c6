//! Lines of an output beside the expected lines they stand for: what a diff shows and a bless keeps.
//!
//! It is for people: the verdict is decided elsewhere and before. Time is bounded by the number of
//! lines given and by a number of steps; beyond them, lines count as different.

use super::Captures;
use super::kept::KeptLine;
use super::pattern::{LineKind, LinePattern, Piece, match_pieces, reuses};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::HashMap;
use std::ops::Range;

/// Steps of comparing lines with patterns.
const WORK: u64 = 20_000_000;

/// A stretch of both sides; ranges are indices into the slices that were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The output line is the expected one.
    Same { expected: usize, actual: usize },
    /// `...` stands for these lines.
    AnyLines { expected: usize, actual: Range<usize> },
    /// These expected lines are not there; these output lines are in their place.
    Changed { expected: Range<usize>, actual: Range<usize> },
}

/// Puts `actual` beside `expected`, from the beginning of both to their ends.
pub(super) fn align(expected: &[LinePattern], actual: &[KeptLine], captures: &Captures) -> Vec<Op> {
    let (old, new) = keys(expected, actual, captures);
    let mut ops = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                ops.extend((0..len).map(|at| Op::Same { expected: old_index + at, actual: new_index + at }))
            }
            op => {
                let (old, new) = (op.old_range(), op.new_range());
                push_changed(&mut ops, old, new);
            }
        }
    }
    let ops = demote_wrong_captures(expected, actual, captures, ops);
    ops.into_iter().flat_map(|op| spread_any_lines(expected, op)).collect()
}

/// Adds changed lines, joined with those just before.
fn push_changed(ops: &mut Vec<Op>, old: Range<usize>, new: Range<usize>) {
    if let Some(Op::Changed { expected, actual }) = ops.last_mut() {
        expected.end = old.end;
        actual.end = new.end;
    } else {
        ops.push(Op::Changed { expected: old, actual: new });
    }
}

/// A number for each line, equal where an output line is what an expected line promises.
fn keys(expected: &[LinePattern], actual: &[KeptLine], captures: &Captures) -> (Vec<u32>, Vec<u32>) {
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        count
    };
    let mut texts: HashMap<&str, u32> = HashMap::new();
    let mut marked: HashMap<&str, u32> = HashMap::new();
    let mut patterns: Vec<(LineKind, u32)> = Vec::new();
    let old = expected
        .iter()
        .map(|line| match &line.kind {
            LineKind::AnyLines => fresh(),
            LineKind::Text(text) => *texts.entry(text).or_insert_with(&mut fresh),
            kind => *marked.entry(&line.written).or_insert_with(|| {
                let key = fresh();
                patterns.push((loosened(kind, captures), key));
                key
            }),
        })
        .collect();
    let known = |name: &str| captures.get(name).map(str::to_owned);
    let mut work = WORK;
    let new = actual
        .iter()
        .map(|line| {
            if line.is_cut {
                return fresh();
            }
            if let Some(key) = texts.get(line.text.as_str()) {
                return *key;
            }
            let found = patterns.iter().find(|(kind, _)| {
                work = work.saturating_sub(kind.cost(line.text.len()));
                work > 0 && kind.matches(&line.text, &known).is_some()
            });
            found.map_or_else(&mut fresh, |(_, key)| *key)
        })
        .collect();
    (old, new)
}

/// The pattern with captures of the same block, which are not known yet, standing for anything.
fn loosened(kind: &LineKind, captures: &Captures) -> LineKind {
    let LineKind::Pieces(pieces) = kind else { return kind.clone() };
    if reuses(pieces).all(|name| captures.get(name).is_some()) {
        return kind.clone();
    }
    let mut loose: Vec<Piece> = Vec::new();
    for piece in pieces {
        let open = match piece {
            Piece::Reuse(name) => captures.get(name).is_none(),
            Piece::Any | Piece::Capture(_) => true,
            Piece::Text(_) => false,
        };
        match (open, loose.last()) {
            (true, Some(Piece::Any)) => {}
            (true, _) => loose.push(Piece::Any),
            (false, _) => loose.push(piece.clone()),
        }
    }
    LineKind::Pieces(loose)
}

/// Walks down both sides with the captures so far; a line that uses another text than was captured
/// is a changed line.
fn demote_wrong_captures(
    expected: &[LinePattern],
    actual: &[KeptLine],
    captures: &Captures,
    ops: Vec<Op>,
) -> Vec<Op> {
    let mut known = captures.clone();
    let mut out = Vec::with_capacity(ops.len());
    for op in ops {
        match op {
            Op::Same { expected: old, actual: new } => {
                let text = &actual[new].text;
                let found = match &expected[old].kind {
                    LineKind::Pieces(pieces) => {
                        match_pieces(pieces, text, &|name| known.get(name).map(str::to_owned))
                    }
                    kind => kind.matches(text, &|name| known.get(name).map(str::to_owned)),
                };
                match found {
                    Some(found) => {
                        let found: Vec<_> = found
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value.to_owned()))
                            .collect();
                        found.into_iter().for_each(|(name, value)| known.set(name, value));
                        out.push(op);
                    }
                    None => push_changed(&mut out, old..old + 1, new..new + 1),
                }
            }
            Op::Changed { expected, actual } => push_changed(&mut out, expected, actual),
            op @ Op::AnyLines { .. } => out.push(op),
        }
    }
    out
}

/// Lets the `...` among changed lines stand for what they can: the lines above it are put beside the
/// first output lines, those below the last one beside the last ones.
fn spread_any_lines(expected: &[LinePattern], op: Op) -> Vec<Op> {
    let Op::Changed { expected: old, actual: new } = op else { return vec![op] };
    let is_any = |index: &usize| matches!(expected[*index].kind, LineKind::AnyLines);
    let (Some(first), Some(last)) = (old.clone().find(is_any), old.clone().rev().find(is_any)) else {
        return vec![Op::Changed { expected: old, actual: new }];
    };
    let above = old.start..first;
    let below = last + 1..old.end;
    if above.len() + below.len() > new.len() {
        // Too few lines to say which is which: those above come first.
        let split = new.start + above.len().min(new.len());
        let ops = [
            Op::Changed { expected: above, actual: new.start..split },
            Op::AnyLines { expected: first, actual: split..split },
            Op::Changed { expected: first + 1..old.end, actual: split..new.end },
        ];
        return ops.into_iter().filter(is_something).collect();
    }
    let from = new.start + above.len();
    let to = new.end - below.len();
    let ops = [
        Op::Changed { expected: above, actual: new.start..from },
        Op::AnyLines { expected: first, actual: from..to },
        // What stood between two `...` is not there.
        Op::Changed { expected: first + 1..last + 1, actual: to..to },
        Op::Changed { expected: below, actual: to..new.end },
    ];
    ops.into_iter().filter(is_something).collect()
}

fn is_something(op: &Op) -> bool {
    !matches!(op, Op::Changed { expected, actual } if expected.is_empty() && actual.is_empty())
}
