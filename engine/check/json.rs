//! Expected JSON: what it has must be in the output; objects of the output may have more.
//!
//! Arrays have the same length, unless the last expected element is `"..."`. Numbers are compared by
//! value. Strings may hold markers; `"[..]"` alone is any value. Key order never matters.

use super::Captures;
use super::json_text::{self, Node, NodeKind};
use super::pattern::{Escapes, Malformed, Names, Piece, captures, has_marker, match_pieces, pieces, reuses};
use crate::source::Span;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Differences that are collected, at most.
const MAX_DIFFERENCES: usize = 1_000;
/// Characters of a value that are shown.
const SHOWN: usize = 200;

/// Expected JSON and the captures it may use.
#[derive(Debug)]
pub(super) struct Json {
    text: String,
    expected: Value,
    known: BTreeMap<String, String>,
}

/// One place where the output is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Such as `$.engines[0].status`.
    pub(super) path: String,
    /// Where the expected value stands in the expected text.
    pub(super) span: Span,
    pub(super) expected: String,
    pub(super) actual: String,
    pub(super) fix: Fix,
}

/// What would make the place right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fix {
    /// This JSON in place of the value.
    Replace(String),
    /// The member of this key is not there; its object stands at the difference's span.
    Remove(String),
    /// Nothing: the output is not JSON at all.
    None,
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

/// JSON that, as an expectation, means just `value`.
pub(super) fn spell(value: &Value) -> String {
    fn escaped(value: &Value) -> Value {
        match value {
            Value::String(text) if text == "..." => Value::String("\\...".to_owned()),
            Value::String(text) if has_marker(text) || text.contains("\\[") => {
                Value::String(text.replace('[', "\\["))
            }
            Value::Array(values) => values.iter().map(escaped).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), escaped(value))).collect(),
            other => other.clone(),
        }
    }
    escaped(value).to_string()
}

impl Json {
    pub(super) fn parse(text: &str, captures: &Captures) -> Result<Self, Malformed> {
        Ok(Self { text: text.to_owned(), expected: read(text)?, known: captures.values.clone() })
    }

    /// What was captured, or where `output` differs.
    pub(super) fn compare(&self, output: &str) -> Result<BTreeMap<String, String>, Vec<Difference>> {
        let actual: Value = serde_json::from_str(output).map_err(|error| {
            vec![Difference {
                path: "$".to_owned(),
                span: Span::new(0, self.text.len()),
                expected: "JSON".to_owned(),
                actual: format!("the output is not JSON: {error}"),
                fix: Fix::None,
            }]
        })?;
        let mut comparison = Comparison {
            known: &self.known,
            captured: BTreeMap::new(),
            differences: Vec::new(),
            path: "$".to_owned(),
        };
        if let Some(node) = json_text::read(&self.text) {
            comparison.value(&self.expected, &node, &actual);
        }
        if comparison.differences.is_empty() { Ok(comparison.captured) } else { Err(comparison.differences) }
    }
}

struct Comparison<'a> {
    known: &'a BTreeMap<String, String>,
    captured: BTreeMap<String, String>,
    differences: Vec<Difference>,
    path: String,
}

impl Comparison<'_> {
    fn value(&mut self, expected: &Value, node: &Node, actual: &Value) {
        match (expected, &node.kind, actual) {
            (Value::String(text), ..) => self.string(text, node, actual),
            (Value::Object(expected), NodeKind::Object(members), Value::Object(actual)) => {
                let node_of = |key: &str| members.iter().rfind(|member| member.key == key);
                for (key, expected) in expected {
                    let Some(member) = node_of(key) else { continue };
                    self.member(expected, node, &member.value, key, actual);
                }
            }
            (Value::Array(expected), NodeKind::Array(nodes), Value::Array(values)) => {
                self.array(expected, node, nodes, values, actual);
            }
            (Value::Number(a), _, Value::Number(b)) if same_number(a, b) => {}
            (Value::Null | Value::Bool(_), ..) if expected == actual => {}
            _ => self.differ(node, &show(expected), &show(actual), Fix::Replace(spell(actual))),
        }
    }

    fn string(&mut self, text: &str, node: &Node, actual: &Value) {
        let pieces = string_pieces(text).unwrap_or_default();
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
        let known = |name: &str| self.known.get(name).cloned();
        let found: Option<Vec<(String, String)>> = scalar.and_then(|scalar| {
            let found = match_pieces(&pieces, &scalar, &known)?;
            Some(found.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        });
        match found {
            Some(found) => self.captured.extend(found),
            None => {
                let expected = show(&Value::String(text.to_owned()));
                self.differ(node, &expected, &show(actual), Fix::Replace(spell(actual)));
            }
        }
    }

    fn member(
        &mut self,
        expected: &Value,
        object: &Node,
        node: &Node,
        key: &str,
        actual: &Map<String, Value>,
    ) {
        let length = self.path.len();
        if key.chars().all(|c| c.is_alphanumeric() || c == '_') && !key.is_empty() {
            self.path.push('.');
            self.path.push_str(key);
        } else {
            self.path.push_str(&format!("[{key:?}]"));
        }
        match actual.get(key) {
            Some(actual) => self.value(expected, node, actual),
            None => {
                self.differ(node, &show(expected), "nothing", Fix::Remove(key.to_owned()));
                if let Some(last) = self.differences.last_mut() {
                    last.span = object.span;
                }
            }
        }
        self.path.truncate(length);
    }

    fn array(&mut self, expected: &[Value], node: &Node, nodes: &[Node], values: &[Value], actual: &Value) {
        let (expected, open) = match expected {
            [first @ .., last] if last == "..." => (first, true),
            all => (all, false),
        };
        if values.len() < expected.len() || (!open && values.len() > expected.len()) {
            let at_least = if open { "at least " } else { "" };
            let wanted = format!("{at_least}{} elements", expected.len());
            let found = format!("{} elements: {}", values.len(), show(actual));
            self.differ(node, &wanted, &found, Fix::Replace(spell(actual)));
            return;
        }
        for (index, ((expected, node), actual)) in expected.iter().zip(nodes).zip(values).enumerate() {
            let length = self.path.len();
            self.path.push_str(&format!("[{index}]"));
            self.value(expected, node, actual);
            self.path.truncate(length);
        }
    }

    fn differ(&mut self, node: &Node, expected: &str, actual: &str, fix: Fix) {
        if self.differences.len() < MAX_DIFFERENCES {
            let (path, span) = (self.path.clone(), node.span);
            let (expected, actual) = (expected.to_owned(), actual.to_owned());
            self.differences.push(Difference { path, span, expected, actual, fix });
        }
    }
}

/// Numbers are the same by value: `1` is `1.0`. Whole numbers are compared without rounding.
fn same_number(a: &Number, b: &Number) -> bool {
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
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
