//! YAML with places: front matter, `runbook.yaml`, and whatever other rooms read with types of their own.
//!
//! The only module that knows the YAML package. It opens no files; every error is a [`Diagnostic`]
//! whose span is one of the file that holds the text.

mod config;
mod front_matter;
mod time;
mod value;

pub use config::{Config, Elsewhere};
pub use front_matter::{Declarations, FrontMatter};
pub use time::Time;
pub use value::{Mapping, Value};

use super::near::near;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_yaml::Error;

/// A value and where it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place in the file.
    pub span: Span,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_yaml::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.referenced.span();
        let start = span.byte_offset().unwrap_or_default() as usize;
        let len = span.byte_len().unwrap_or_default() as usize;
        Ok(Self { value: spanned.value, span: Span::new(start, start + len) })
    }
}

/// Reads a YAML text that begins at byte `offset` of its file.
///
/// Give the bytes of the file as they are (CRLF included), so that places fit. A type that rejects
/// unknown keys (`deny_unknown_fields`) gets a near miss as the hint. Inside a flattened or untagged
/// type [`Located`] knows no place.
///
/// # Errors
/// One diagnostic `bad-yaml`: what, where, and what to do.
pub fn read<T: DeserializeOwned>(text: &str, offset: usize) -> Result<T, Diagnostic> {
    // Line ends before the text move every place the parser reports to the text's place in the file.
    let shifted = format!("{}{text}", "\n".repeat(offset));
    serde_yaml::from_str_with_options(&shifted, options())
        .map_err(|error| diagnose(error.without_snippet(), &shifted, offset))
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! { with_snippet: false, strict_booleans: true }
}

/// Puts an error into our words.
fn diagnose(error: &Error, text: &str, offset: usize) -> Diagnostic {
    let span = place(error, text, offset);
    let at = |message: String| Diagnostic::error("bad-yaml", span, message);
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let hint = match near(field, expected.iter().copied()).first() {
                Some(meant) => format!("a key named `{meant}` exists"),
                None => format!("known keys: {}", listed(expected)),
            };
            at(format!("unknown key `{field}`")).with_hint(hint)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            at(format!("`{variant}` is no value for this key"))
                .with_hint(format!("allowed: {}", listed(expected)))
        }
        Error::SerdeMissingField { field, .. } => at(format!("the key `{field}` is missing")),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            at(format!("the key `{key}` stands here a second time"))
                .with_hint("keep one of them: which of them counts would be a guess")
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            at(format!("expected {expected}, found {unexpected}"))
        }
        Error::SerdeInvalidLength { len, expected, .. } => at(format!("expected {expected}, found {len}")),
        Error::Unexpected { expected, .. } => at(format!("expected {}", shape(expected))),
        Error::MultipleDocuments { .. } => at("a second document begins here".to_owned())
            .with_hint("leave out the `---` before it: one file is one document"),
        Error::InvalidBooleanStrict { .. } => at("expected `true` or `false`".to_owned()),
        Error::InvalidScalar { ty, .. } => at(format!("expected {ty}")),
        Error::Message { msg, .. } | Error::ExternalMessage { msg, .. } => at(lower_first(msg)),
        other => at(lower_first(without_place(&other.render()))),
    }
}

/// The error's place in the file: what the parser says, else the beginning of the text.
fn place(error: &Error, text: &str, offset: usize) -> Span {
    let Some(span) = error.location().map(|location| location.span()) else {
        return Span::new(offset, offset);
    };
    let end = text.len();
    let start = match span.byte_offset() {
        Some(at) => at as usize,
        None => text.char_indices().nth(span.offset() as usize).map_or(end, |(at, _)| at),
    };
    let start = start.clamp(offset.min(end), end);
    let len = span.byte_len().map_or(0, |len| len as usize);
    Span::new(start, (start + len).min(end))
}

/// A shape in words: the parser names what it saw while reading.
fn shape(expected: &'static str) -> &'static str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "keys with values",
        "string scalar" => "one text",
        other => other,
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The message without its first letter's case and its final period.
fn lower_first(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    let second_is_lower = message.chars().nth(1).is_some_and(|c| !c.is_uppercase());
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => message.to_owned(),
    }
}

/// The message without the `line 3, column 4: ` before it or ` at line 3, column 4` behind it.
fn without_place(message: &str) -> &str {
    let message = message.lines().next().unwrap_or_default();
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.contains("line ") && place.contains("column ") => rest,
        _ => message,
    };
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests;
