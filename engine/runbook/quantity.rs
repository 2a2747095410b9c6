//! Numbers with units in prose, and the comparator before or behind them.
//!
//! What is measured is [`super::metric`]'s. Sizes, money and calendar units are not understood: a text
//! that has only those stays a text.

use super::{Comparator, Quantity, Unit};
use std::ops::Range;

/// A quantity found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// The comparator written beside it, if any.
    pub comparator: Option<Comparator>,
    /// The quantity.
    pub quantity: Quantity,
    /// The bytes of the comparator, the number and its unit.
    pub range: Range<usize>,
}

impl Measure {
    /// Whether it is a time.
    pub fn is_time(&self) -> bool {
        self.quantity.duration().is_some()
    }
}

/// Every quantity of a text in order.
///
/// A digit inside a word, a date, a version or a clock time is none: `P1`, `2025-10-15`, `1.2.3`, `5xx`.
pub fn measures(text: &str) -> Vec<Measure> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_word(text, at) {
        let Some((quantity, end)) = quantity(text, start) else {
            at = word_end(text, start);
            continue;
        };
        let (before, comparator_start) = comparator_before(&text[..start]);
        let (behind, end) = match text[start..end].contains('+') {
            true => (Some(Comparator::AtLeast), end),
            false => comparator_behind(text, end),
        };
        let range = if before.is_some() { comparator_start } else { start }..end;
        found.push(Measure { comparator: before.or(behind), quantity, range });
        at = end;
    }
    found
}

/// Where the next word or number begins at or behind `at`.
fn next_word(text: &str, at: usize) -> Option<usize> {
    text[at..].find(char::is_alphanumeric).map(|found| at + found)
}

/// The end of a word with everything that is glued to it, such as `2025-10-15` or `v1.2.3`.
fn word_end(text: &str, start: usize) -> usize {
    let glued = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-' | '–' | '%');
    text[start..].find(|c| !glued(c)).map_or(text.len(), |found| start + found)
}

/// The quantity that begins at `start`, and where it ends.
fn quantity(text: &str, start: usize) -> Option<(Quantity, usize)> {
    if text[..start].ends_with(['$', '€', '#', '_', '.', ':', '/', '@']) {
        return None;
    }
    let (first, end) = number(text, start)?;
    let unit = unit(text, end);
    if let Some((last, range_unit, range_end)) = upper_end(text, unit.as_ref().map_or(end, |(_, end)| *end)) {
        let low = unit.as_ref().map_or(first, |(low_unit, _)| convert(first, *low_unit, range_unit));
        let quantity = Quantity { value: last, low: Some(low), unit: range_unit };
        return ends(text, range_end).then_some((quantity, range_end));
    }
    match unit {
        Some((unit, end)) => {
            let (quantity, end) = compound(text, first, unit, end);
            ends(text, end).then_some((quantity, end))
        }
        None => {
            let bare = text[start..].starts_with(|c: char| c.is_ascii_digit())
                && ends(text, end)
                && !unknown_unit(&text[end..]);
            bare.then_some((Quantity { value: first, low: None, unit: Unit::Count }, end))
        }
    }
}

/// Whether nothing is glued to a quantity that ends at `at`.
fn ends(text: &str, at: usize) -> bool {
    let mut rest = text[at..].chars();
    match rest.next() {
        Some('-' | '–' | ':' | '/' | '.' | ',') => !rest.next().is_some_and(|c| c.is_alphanumeric()),
        Some(c) => !c.is_alphanumeric() && c != '_',
        None => true,
    }
}

const NUMBER_WORDS: &[&str] =
    &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// The number at `start`, in digits or as a word up to ten that a unit of time follows.
fn number(text: &str, start: usize) -> Option<(f64, usize)> {
    let rest = &text[start..];
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let word = rest[..end].to_lowercase();
        let value = NUMBER_WORDS.iter().position(|name| *name == word)? + 1;
        unit(text, start + end).filter(|(unit, _)| scale(*unit).is_some())?;
        return Some((value as f64, start + end));
    }
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let value = rest[..end].replace(',', "").parse().ok()?;
    Some((value, start + end))
}

/// The unit that follows at `at`, and where it ends.
fn unit(text: &str, at: usize) -> Option<(Unit, usize)> {
    let rest = &text[at..];
    let blank = rest.len() - rest.trim_start_matches([' ', '\u{a0}', '-', '+']).len();
    if blank > 2 {
        return None;
    }
    let word = &rest[blank..];
    if word.starts_with('%') {
        return Some((Unit::Percent, at + blank + 1));
    }
    let end = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
    let unit = match word[..end].to_lowercase().as_str() {
        // A lone `M` counts millions.
        "m" if word.starts_with('M') => return None,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Unit::Milliseconds,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minutes,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hours,
        "d" | "day" | "days" => Unit::Days,
        "percent" | "pct" => Unit::Percent,
        _ => return None,
    };
    Some((unit, at + blank + end))
}

/// Units that are known not to be understood: the number before them is no count.
fn unknown_unit(rest: &str) -> bool {
    let word: String = rest.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
    matches!(
        word.to_lowercase().as_str(),
        "b" | "kb"
            | "mb"
            | "gb"
            | "tb"
            | "kib"
            | "mib"
            | "gib"
            | "tib"
            | "bytes"
            | "bps"
            | "kbps"
            | "mbps"
            | "gbps"
            | "week"
            | "weeks"
            | "month"
            | "months"
            | "year"
            | "years"
            | "business"
            | "working"
            | "us"
            | "ns"
            | "k"
            | "m"
            | "x"
    )
}

/// The upper end of a range: `–10 minutes`, ` to 10 min`.
fn upper_end(text: &str, at: usize) -> Option<(f64, Unit, usize)> {
    let rest = &text[at..];
    let dash = rest.trim_start();
    let behind = dash.strip_prefix(['-', '–', '—']).or_else(|| dash.strip_prefix("to "))?.trim_start();
    let start = text.len() - behind.len();
    let (value, end) = number(text, start)?;
    let (unit, end) = unit(text, end)?;
    Some((value, unit, end))
}

/// Adds smaller units: `1h30m`, `1 hour and 30 minutes`.
fn compound(text: &str, value: f64, unit: Unit, end: usize) -> (Quantity, usize) {
    let mut sum = (Quantity { value, low: None, unit }, end);
    loop {
        let rest = text[sum.1..].trim_start();
        let rest = rest.strip_prefix("and ").unwrap_or(rest);
        let start = text.len() - rest.len();
        let next = number(text, start).and_then(|(value, end)| Some((value, self::unit(text, end)?)));
        let Some((value, (unit, end))) = next else { return sum };
        match (scale(sum.0.unit), scale(unit)) {
            (Some(larger), Some(smaller)) if smaller < larger => {
                let total = convert(sum.0.value, sum.0.unit, unit) + value;
                sum = (Quantity { value: total, low: None, unit }, end);
            }
            _ => return sum,
        }
    }
}

/// Seconds of a unit of time.
fn scale(unit: Unit) -> Option<f64> {
    Quantity { value: 1.0, low: None, unit }.duration().map(|time| time.as_secs_f64())
}

fn convert(value: f64, from: Unit, to: Unit) -> f64 {
    match (scale(from), scale(to)) {
        (Some(from), Some(to)) => value * from / to,
        _ => value,
    }
}

/// Comparators as people write them before a number; a longer one stands before those it ends with.
const BEFORE: &[(&str, Comparator)] = &[
    ("<=", Comparator::AtMost),
    ("=<", Comparator::AtMost),
    ("≤", Comparator::AtMost),
    ("⩽", Comparator::AtMost),
    (">=", Comparator::AtLeast),
    ("≥", Comparator::AtLeast),
    ("⩾", Comparator::AtLeast),
    ("<", Comparator::Less),
    (">", Comparator::More),
    ("==", Comparator::Equal),
    ("=", Comparator::Equal),
    ("less than or equal to", Comparator::AtMost),
    ("more than or equal to", Comparator::AtLeast),
    ("greater than or equal to", Comparator::AtLeast),
    ("no more than", Comparator::AtMost),
    ("not more than", Comparator::AtMost),
    ("no longer than", Comparator::AtMost),
    ("no later than", Comparator::AtMost),
    ("no less than", Comparator::AtLeast),
    ("not less than", Comparator::AtLeast),
    ("no fewer than", Comparator::AtLeast),
    ("in less than", Comparator::Less),
    ("less than", Comparator::Less),
    ("fewer than", Comparator::Less),
    ("lower than", Comparator::Less),
    ("faster than", Comparator::Less),
    ("more than", Comparator::More),
    ("greater than", Comparator::More),
    ("higher than", Comparator::More),
    ("longer than", Comparator::More),
    ("slower than", Comparator::More),
    ("at most", Comparator::AtMost),
    ("up to", Comparator::AtMost),
    ("at least", Comparator::AtLeast),
    ("maximum of", Comparator::AtMost),
    ("minimum of", Comparator::AtLeast),
    ("maximum", Comparator::AtMost),
    ("minimum", Comparator::AtLeast),
    ("max", Comparator::AtMost),
    ("in under", Comparator::Less),
    ("under", Comparator::Less),
    ("below", Comparator::Less),
    ("within", Comparator::AtMost),
    ("over", Comparator::More),
    ("above", Comparator::More),
    ("beyond", Comparator::More),
    ("exceeds", Comparator::More),
    ("exceeding", Comparator::More),
    ("exceeded", Comparator::More),
    ("exceed", Comparator::More),
    ("exactly", Comparator::Equal),
    ("equal to", Comparator::Equal),
    ("equals", Comparator::Equal),
];

/// Words between a comparator and its number that change nothing.
const FILLERS: &[&str] =
    &["~", "≈", "about", "approximately", "approx.", "approx", "roughly", "around", "a", "the"];

/// The comparator a text ends with, and where it begins.
fn comparator_before(text: &str) -> (Option<Comparator>, usize) {
    let mut text = text.trim_end_matches([' ', '\u{a0}', '\t']);
    while let Some(filler) = FILLERS.iter().find(|filler| ends_with_word(text, filler)) {
        text = text[..text.len() - filler.len()].trim_end();
    }
    // An arrow is no comparator.
    if ["->", "=>", "→", ">>", "<<", "!="].iter().any(|arrow| text.ends_with(arrow)) {
        return (None, text.len());
    }
    let found = BEFORE.iter().find(|(written, _)| ends_with_word(text, written));
    match found {
        Some((written, comparator)) => (Some(*comparator), text.len() - written.len()),
        None => (None, text.len()),
    }
}

/// Whether a text ends with `word`, in any case, and the word is not the end of a longer one.
fn ends_with_word(text: &str, word: &str) -> bool {
    let Some(start) = text.len().checked_sub(word.len()) else { return false };
    let Some(end) = text.get(start..) else { return false };
    let glued = word.starts_with(char::is_alphabetic) && text[..start].ends_with(char::is_alphanumeric);
    end.eq_ignore_ascii_case(word) && !glued
}

const BEHIND: &[(&str, Comparator)] = &[
    ("+", Comparator::AtLeast),
    ("or less", Comparator::AtMost),
    ("or fewer", Comparator::AtMost),
    ("or faster", Comparator::AtMost),
    ("or lower", Comparator::AtMost),
    ("or more", Comparator::AtLeast),
    ("or higher", Comparator::AtLeast),
    ("or longer", Comparator::AtLeast),
    ("or better", Comparator::AtLeast),
    ("maximum", Comparator::AtMost),
    ("max", Comparator::AtMost),
    ("minimum", Comparator::AtLeast),
];

/// The comparator that follows a quantity, and where both end.
fn comparator_behind(text: &str, at: usize) -> (Option<Comparator>, usize) {
    let rest = text[at..].trim_start();
    let start = text.len() - rest.len();
    for (written, comparator) in BEHIND {
        let there = rest.get(..written.len()).is_some_and(|word| word.eq_ignore_ascii_case(written));
        if there && !rest[written.len()..].starts_with(char::is_alphanumeric) {
            return (Some(*comparator), start + written.len());
        }
    }
    (None, at)
}

#[cfg(test)]
mod tests;
