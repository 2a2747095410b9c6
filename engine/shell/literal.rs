//! The value of a word: all of it when it needs no expansion, else as far as it is known.

use super::UNKNOWN;
use crate::source::Span;
use tree_sitter::Node;

/// The word's value with quotes removed and [`UNKNOWN`] for each of its expansions and of `places`.
pub(super) fn shape(node: Node<'_>, text: &str, places: &[Span]) -> String {
    let mut unknown = places.to_vec();
    expansions(node, 0, &mut unknown);
    unknown.sort_unstable();
    let raw = &text[..node.end_byte()];
    let mut out = String::new();
    let mut holes = unknown.into_iter().peekable();
    let mut quote = None;
    let mut at = node.start_byte();
    while let Some(c) = raw[at..].chars().next() {
        while holes.next_if(|hole| hole.end <= at).is_some() {}
        if let Some(hole) = holes.next_if(|hole| hole.start <= at) {
            out.push(UNKNOWN);
            at = hole.end.min(raw.len());
            continue;
        }
        let next = raw[at + c.len_utf8()..].chars().next();
        at += c.len_utf8();
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if open == c => quote = None,
            (_, Some('\'')) => out.push(c),
            ('\\', _) => {
                let kept = quote.is_some() && !next.is_some_and(|next| "\"\\$`\n".contains(next));
                out.extend(kept.then_some(c));
                out.extend(next.filter(|next| *next != '\n'));
                at += next.map_or(0, char::len_utf8);
            }
            ('`', _) => {
                out.push(UNKNOWN);
                at += raw[at..].find('`').map_or(raw.len() - at, |length| length + 1);
            }
            ('$', None) if matches!(next, Some('\'' | '"')) => {}
            _ => out.push(c),
        }
    }
    out
}

/// The spans of the outermost expansions in a word.
fn expansions(node: Node<'_>, depth: usize, found: &mut Vec<Span>) {
    match node.kind() {
        "simple_expansion"
        | "expansion"
        | "command_substitution"
        | "process_substitution"
        | "arithmetic_expansion" => found.push(Span::from(node.byte_range())),
        _ if depth > 8 => found.push(Span::from(node.byte_range())),
        _ => {
            let mut cursor = node.walk();
            for child in node.named_children(&mut cursor) {
                expansions(child, depth + 1, found);
            }
        }
    }
}

/// The literal value of a word node; none when an expansion, glob or brace list is in it.
pub(super) fn value(node: Node<'_>, text: &str, depth: usize) -> Option<String> {
    let raw = &text[node.byte_range()];
    match node.kind() {
        "raw_string" => raw.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned),
        "string" => {
            let mut cursor = node.walk();
            let plain = node.named_children(&mut cursor).all(|child| child.kind() == "string_content");
            // Backticks the grammar overlooked would be an expansion.
            let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
            plain.then(|| unescape_double(inner)).flatten()
        }
        "ansi_c_string" => unescape_ansi(raw.strip_prefix("$'")?.strip_suffix('\'')?),
        "command_name" if depth < 3 => value(node.child(0)?, text, depth + 1),
        "concatenation" if depth < 3 => {
            let mut joined = String::new();
            let mut end = node.start_byte();
            let mut cursor = node.walk();
            for child in node.children(&mut cursor) {
                joined.push_str(&unescape_bare(&text[end..child.start_byte()], false)?);
                joined.push_str(&value(child, text, depth + 1)?);
                end = child.end_byte();
            }
            joined.push_str(&unescape_bare(&text[end..node.end_byte()], false)?);
            (!is_brace_list(raw)).then_some(joined)
        }
        "expansion"
        | "simple_expansion"
        | "command_substitution"
        | "process_substitution"
        | "arithmetic_expansion"
        | "translated_string"
        | "brace_expression"
        | "array"
        | "extglob_pattern" => None,
        _ if node.named_child_count() > 0 => None,
        _ => unescape_bare(raw, true).filter(|_| !is_brace_list(raw)),
    }
}

fn is_brace_list(raw: &str) -> bool {
    raw.contains('{') && (raw.contains(',') || raw.contains("..")) && raw.contains('}') && !raw.contains('"')
}

fn unescape_bare(raw: &str, whole: bool) -> Option<String> {
    if whole && raw.starts_with('~') {
        return None;
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(escaped) => out.push(escaped),
            },
            '*' | '?' | '$' | '`' | '\'' | '"' => return None,
            // A lone `[` is the test command.
            '[' if raw.contains(']') && raw.len() > 1 => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

fn unescape_double(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next()? {
                escaped @ ('"' | '\\' | '$' | '`') => out.push(escaped),
                '\n' => {}
                other => out.extend(['\\', other]),
            },
            '`' => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

/// The common escapes of `$'…'`; numeric ones are left to bash.
fn unescape_ansi(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match rest.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            escaped @ ('\\' | '\'' | '"' | '?') => escaped,
            _ => return None,
        });
    }
    Some(out)
}
