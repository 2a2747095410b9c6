//! The value of a word that needs no expansion: quotes and backslashes removed.

use tree_sitter::Node;

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
