//! Expected JSON: what it has must be in the output; objects of the output may have more.
//!
//! Arrays have the same length, unless the last expected element is `"..."`. Numbers are compared by
//! value. Strings may hold markers; `"[..]"` alone is any value. Key order never matters.

use super::Captures;
use super::pattern::{Escapes, Malformed, Names, Piece, captures, match_pieces, pieces, reuses};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Differences that are collected, at most.
const MAX_DIFFERENCES: usize = 20;
/// Characters of a value that are shown.
const SHOWN: usize = 200;

/// Expected JSON and the captures it may use.
#[derive(Debug)]
pub(super) struct Json {
    expected: Value,
    known: BTreeMap<String, String>,
}

/// One place where the output is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Such as `$.engines[0].status`.
    pub(super) path: String,
    pub(super) expected: String,
    pub(super) actual: String,
}

/// Names in the strings of expected JSON.
pub(super) fn names(text: &str) -> Result<Names, Malformed> {
    let mut names = Names::default();
    visit(&read(text)?, &mut |string| {
        let pieces = string_pieces(string)?;
        for name in reuses(&pieces) {
            // Keys have no order, so a name is never known from the same text.
            names.wanted.push((name.to_owned(), 0));
        }
        names.captured.extend(captures(&pieces).map(str::to_owned));
        Ok(())
    })?;
    Ok(names)
}

fn read(text: &str) -> Result<Value, Malformed> {
    serde_json::from_str(text).map_err(|error| {
        let line = error.line().saturating_sub(1);
        let offset = text.split_inclusive('\n').take(line).map(str::len).sum();
        Malformed { offset, why: format!("the expected text is not JSON: {error}") }
    })
}

fn visit(value: &Value, each: &mut impl FnMut(&str) -> Result<(), Malformed>) -> Result<(), Malformed> {
    match value {
        Value::String(string) => each(string),
        Value::Array(values) => values.iter().try_for_each(|value| visit(value, each)),
        Value::Object(map) => map.values().try_for_each(|value| visit(value, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn string_pieces(string: &str) -> Result<Vec<Piece>, Malformed> {
    if string == "\\..." {
        // The escape of the element that leaves an array open.
        return Ok(vec![Piece::Text("...".to_owned())]);
    }
    pieces(string, 0, Escapes::Bracket).map_err(|malformed| Malformed { offset: 0, ..malformed })
}

impl Json {
    pub(super) fn parse(text: &str, captures: &Captures) -> Result<Self, Malformed> {
        Ok(Self { expected: read(text)?, known: captures.values.clone() })
    }

    /// What was captured, or where `output` differs.
    pub(super) fn compare(&self, output: &str) -> Result<BTreeMap<String, String>, Vec<Difference>> {
        let actual: Value = serde_json::from_str(output).map_err(|error| {
            vec![Difference {
                path: "$".to_owned(),
                expected: "JSON".to_owned(),
                actual: format!("the output is not JSON: {error}"),
            }]
        })?;
        let mut comparison = Comparison { json: self, captured: BTreeMap::new(), differences: Vec::new() };
        comparison.value(&self.expected, &actual, &mut "$".to_owned());
        if comparison.differences.is_empty() { Ok(comparison.captured) } else { Err(comparison.differences) }
    }
}

struct Comparison<'a> {
    json: &'a Json,
    captured: BTreeMap<String, String>,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn value(&mut self, expected: &Value, actual: &Value, path: &mut String) {
        if self.differences.len() >= MAX_DIFFERENCES {
            return;
        }
        match (expected, actual) {
            (Value::String(expected_text), _) => self.string(expected_text, expected, actual, path),
            (Value::Object(expected), Value::Object(actual)) => self.object(expected, actual, path),
            (Value::Array(expected), Value::Array(actual)) => self.array(expected, actual, path),
            (Value::Number(a), Value::Number(b)) if same_number(a, b) => {}
            (Value::Null | Value::Bool(_), _) if expected == actual => {}
            _ => self.differ(path, &show(expected), &show(actual)),
        }
    }

    fn string(&mut self, text: &str, expected: &Value, actual: &Value, path: &str) {
        let Ok(pieces) = string_pieces(text) else { return self.differ(path, text, &show(actual)) };
        if pieces == [Piece::Any] {
            return;
        }
        let scalar = match actual {
            Value::String(actual) => Some(actual.clone()),
            // A marker alone stands for a number or a truth value as well.
            Value::Number(_) | Value::Bool(_)
                if matches!(&pieces[..], [Piece::Capture(_) | Piece::Reuse(_)]) =>
            {
                Some(actual.to_string())
            }
            _ => None,
        };
        let known = |name: &str| self.json.known.get(name).cloned();
        let found: Option<Vec<(String, String)>> = scalar.and_then(|scalar| {
            let found = match_pieces(&pieces, &scalar, &known)?;
            Some(found.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        });
        match found {
            Some(found) => self.captured.extend(found),
            None => self.differ(path, &show(expected), &show(actual)),
        }
    }

    fn object(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>, path: &mut String) {
        for (key, expected) in expected {
            let length = path.len();
            if key.chars().all(|c| c.is_alphanumeric() || c == '_') && !key.is_empty() {
                path.push('.');
                path.push_str(key);
            } else {
                path.push_str(&format!("[{key:?}]"));
            }
            match actual.get(key) {
                Some(actual) => self.value(expected, actual, path),
                None => self.differ(path, &show(expected), "nothing"),
            }
            path.truncate(length);
        }
    }

    fn array(&mut self, expected: &[Value], actual: &[Value], path: &mut String) {
        let (expected, open) = match expected {
            [first @ .., last] if last == "..." => (first, true),
            all => (all, false),
        };
        if actual.len() < expected.len() || (!open && actual.len() > expected.len()) {
            let at_least = if open { "at least " } else { "" };
            let wanted = format!("{at_least}{} elements", expected.len());
            self.differ(path, &wanted, &format!("{} elements", actual.len()));
        }
        for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
            let length = path.len();
            path.push_str(&format!("[{index}]"));
            self.value(expected, actual, path);
            path.truncate(length);
        }
    }

    fn differ(&mut self, path: &str, expected: &str, actual: &str) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(Difference {
                path: path.to_owned(),
                expected: expected.to_owned(),
                actual: actual.to_owned(),
            });
        }
    }
}

/// Numbers are the same by value: `1` is `1.0`. Whole numbers are compared without rounding.
fn same_number(a: &Number, b: &Number) -> bool {
    match (
        a.as_i64().map(i128::from).or(a.as_u64().map(i128::from)),
        b.as_i64().map(i128::from).or(b.as_u64().map(i128::from)),
    ) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

fn show(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
