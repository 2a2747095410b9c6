//! YAML whose keys nobody knows beforehand: an ordered mapping that keeps places.

use super::Located;
use crate::source::Span;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Keys and values in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<T = Value>(pub Vec<(Located<String>, Located<T>)>);

impl<T> Default for Mapping<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mapping<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Mapping<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of keys to values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Mapping(entries))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Mapping::default())
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

/// A value of any shape, as far as a person would print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, with its quotes resolved.
    Text(String),
    /// A number, a truth value or nothing: printed as it is written.
    Plain,
    /// A list.
    List(Vec<Located<Value>>),
    /// A mapping, which nobody prints on one line.
    Nested,
}

impl Value {
    /// The value on one line: lists joined by `, `. None for nothing and for nested values.
    ///
    /// `file` is the text of the file, in which `span` is the value's place.
    pub fn on_one_line(&self, file: &str, span: Span) -> Option<String> {
        let text = match self {
            Self::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Plain => file.get(span.range()).map(str::trim).filter(|text| *text != "~")?.to_owned(),
            Self::List(items) => items
                .iter()
                .filter_map(|item| item.value.on_one_line(file, item.span))
                .collect::<Vec<_>>()
                .join(", "),
            Self::Nested => return None,
        };
        (!text.is_empty() && text != "null").then_some(text)
    }

    /// The value's place, given where it begins: of a list, from its first item to its last.
    pub fn span(&self, start: Span) -> Span {
        match self {
            Self::List(items) => match (items.first(), items.last()) {
                (Some(first), Some(last)) => Span::new(first.span.start, last.value.span(last.span).end),
                _ => start,
            },
            Self::Text(_) | Self::Plain | Self::Nested => start,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_i128<E: de::Error>(self, _: i128) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_u128<E: de::Error>(self, _: u128) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_none<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Plain)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Nested)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
