//! What a step is called, with the values of its parameters: for people only, nothing of it is run.
//!
//! A text is a sentence and not bash: nothing is quoted here, and a value that would not look like itself in
//! a line of text is left out, as are secrets. Where a value stands by itself, such characters are written out.

use super::BoundParameter;
use crate::runbook::parameter_name;

/// Longest value that is written into a text, in characters.
const MAX_VALUE: usize = 60;

/// The ways to write a placeholder.
const FORMS: [(&str, &str); 3] = [("<", ">"), ("{{", "}}"), ("{", "}")];

/// `text` with the values that are known in place of `<name>`, `{{name}}` and `{name}`.
pub(super) fn filled(text: &str, parameters: &[BoundParameter]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = placeholder(rest).and_then(|(name, end)| Some((value(name, parameters)?, end)));
        let (written, end) = found.unwrap_or((&rest[..1], 1));
        out.push_str(written);
        rest = &rest[end..];
    }
    out + rest
}

/// The name in the placeholder that `text` begins with, and where that ends.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let (open, close) = FORMS.into_iter().find(|(open, _)| text.starts_with(open))?;
    let inside = &text[open.len()..];
    let name = &inside[..inside.find(['<', '>', '{', '}'])?];
    inside[name.len()..].starts_with(close).then_some((name, open.len() + name.len() + close.len()))
}

/// The value to show for the parameter that is written `name`.
fn value<'p>(name: &str, parameters: &'p [BoundParameter]) -> Option<&'p str> {
    let name = parameter_name(name);
    let parameter = parameters.iter().find(|parameter| parameter.name == name && !parameter.secret)?;
    parameter.value.as_deref().filter(|value| is_plain(value))
}

/// Whether `value` is a short piece of one line in which every character is seen.
fn is_plain(value: &str) -> bool {
    !value.trim().is_empty() && value.chars().count() <= MAX_VALUE && value.chars().all(is_seen)
}

fn is_seen(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` on one line: what would break it, move the cursor or hide a part is written out, as in `a\nb`.
pub fn spelt_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\t' || is_seen(c) {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(name: &str, value: Option<&str>, secret: bool) -> BoundParameter {
        let flag = format!("--{}", name.replace('_', "-"));
        let value = value.map(str::to_owned);
        BoundParameter { name: name.into(), flag, value, origin: None, secret, variable: None, line: 1 }
    }

    #[test]
    fn nothing_of_a_value_breaks_a_line_or_is_hidden() {
        for (value, shown) in [
            ("web-1 é\t\\n", "web-1 é\t\\n"),
            ("web\n  run 1\r\n", "web\\n  run 1\\r\\n"),
            (
                "\u{1b}[2J\u{202e}\u{2028}\u{feff}\0\u{85}",
                "\\u{1b}[2J\\u{202e}\\u{2028}\\u{feff}\\u{0}\\u{85}",
            ),
        ] {
            assert_eq!(spelt_out(value), shown);
        }
    }

    #[test]
    fn known_values_stand_in_a_text_and_nothing_else_changes() {
        let parameters = [
            bound("service", Some("web<host>"), false),
            bound("engine_id", Some("3"), false),
            bound("host", None, false),
            bound("token", Some("hush"), true),
            bound("lines", Some("a\nb"), false),
            bound("turned", Some("a\u{202e}b"), false),
            bound("long", Some(&"x".repeat(61)), false),
        ];
        for (text, expected) in [
            ("Restart <service>", "Restart web<host>"),
            ("<Engine ID>, {engine-id}, {{ENGINE_ID}}", "3, 3, 3"),
            ("Look at <host> with <token>", "Look at <host> with <token>"),
            ("<lines> <turned> <long>", "<lines> <turned> <long>"),
            ("<< {service <service <service>", "<< {service <service web<host>"),
            ("a < b {} <> {{engine_id} é<engine_id>é", "a < b {} <> {3 é3é"),
            ("{{{engine_id}}}", "{3}"),
            ("<", "<"),
            ("", ""),
        ] {
            assert_eq!(filled(text, &parameters), expected, "{text}");
        }
    }
}
