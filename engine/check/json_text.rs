//! JSON with the place of every value in its text, for pointing at and rewriting parts of it.
//!
//! It is read only after serde_json has accepted the text, so it reports no errors of its own.

use crate::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    /// A string, number, truth value or null.
    Scalar,
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// Reads a text that is known to be JSON; its depth is bounded by serde_json's limit.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut reader = Reader { text, at: 0 };
    reader.value()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Node> {
        let start = self.next_place();
        let kind = match self.text.as_bytes().get(start)? {
            b'[' => {
                let mut values = Vec::new();
                self.items(b']', |reader| {
                    values.push(reader.value()?);
                    Some(())
                })?;
                NodeKind::Array(values)
            }
            b'{' => {
                let mut members = Vec::new();
                self.items(b'}', |reader| {
                    members.push(reader.member()?);
                    Some(())
                })?;
                NodeKind::Object(members)
            }
            b'"' => {
                self.string()?;
                NodeKind::Scalar
            }
            _ => {
                let rest = &self.text[start..];
                let end = rest.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_whitespace());
                self.at = start + end.unwrap_or(rest.len());
                NodeKind::Scalar
            }
        };
        Some(Node { span: Span::new(start, self.at), kind })
    }

    /// Items between brackets, up to and with `close`.
    fn items(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        loop {
            let at = self.next_place();
            match self.text.as_bytes().get(at)? {
                found if *found == close => {
                    self.at = at + 1;
                    return Some(());
                }
                b',' => self.at = at + 1,
                _ => item(self)?,
            }
        }
    }

    fn member(&mut self) -> Option<Member> {
        let start = self.next_place();
        self.string()?;
        let key_span = Span::new(start, self.at);
        let key = serde_json::from_str(&self.text[key_span.range()]).ok()?;
        let colon = self.next_place();
        self.at = colon + 1;
        Some(Member { key, key_span, value: self.value()? })
    }

    fn string(&mut self) -> Option<()> {
        self.at = self.next_place() + 1;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn next_place(&mut self) -> usize {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_place() {
        let text = r#" {"a\"": [1, -2e3 ,"x]"], "b" : {}, "c": null } "#;
        let node = read(text).expect("is JSON");
        let NodeKind::Object(members) = node.kind else { panic!("is an object") };
        let shown: Vec<_> =
            members.iter().map(|member| (member.key.as_str(), &text[member.value.span.range()])).collect();
        assert_eq!(shown, [("a\"", r#"[1, -2e3 ,"x]"]"#), ("b", "{}"), ("c", "null")]);
        let NodeKind::Array(values) = &members[0].value.kind else { panic!("is an array") };
        let shown: Vec<_> = values.iter().map(|value| &text[value.span.range()]).collect();
        assert_eq!(shown, ["1", "-2e3", r#""x]""#]);
    }
}
