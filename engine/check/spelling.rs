//! How a line of output is written in a document, so that it means just that line.
//!
//! Most lines are written as they are. One that would be read as a marker, or that holds what nobody
//! can see (trailing blanks, control characters), is written with escapes and ends in ` (esc)`.

use std::fmt::Write as _;

/// The ending that switches escapes on.
pub(super) const ESC: &str = " (esc)";

/// `line` as an expectation writes it.
pub(super) fn spell(line: &str) -> String {
    if is_plain(line) {
        return line.to_owned();
    }
    let mut out: String = line.chars().fold(String::with_capacity(line.len() + ESC.len()), push_escaped);
    out.push_str(ESC);
    out
}

/// An expected line that begins with a character which would mean something else in its block, with
/// that character escaped.
pub(super) fn spell_escaped(written: &str) -> String {
    let mut chars = written.chars();
    let Some(first) = chars.next() else { return String::new() };
    let rest = chars.as_str();
    let rest = match rest.strip_suffix(ESC) {
        Some(escaped) => escaped.to_owned(),
        None => rest.chars().fold(String::new(), push_escaped),
    };
    format!("\\u{{{:x}}}{rest}{ESC}", first as u32)
}

fn push_escaped(mut out: String, c: char) -> String {
    match c {
        '\\' => out.push_str("\\\\"),
        '[' => out.push_str("\\["),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\u{1b}' => out.push_str("\\e"),
        c if is_invisible(c) => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
        c => out.push(c),
    }
    out
}

/// Whether `line`, written as it is, would be read as just itself by everybody.
fn is_plain(line: &str) -> bool {
    !line.chars().any(|c| c != '\t' && is_invisible(c))
        && line.trim_end() == line
        && line != "..."
        && line != "(unordered)"
        && line != "(esc)"
        && !line.ends_with(ESC)
        && !line.ends_with(super::pattern::RE)
        && !super::pattern::has_marker(line)
}

/// Control characters, and those that would make a line look like another one.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{a0}' | '\u{ad}')
}

/// One character of an escaped text: itself, or what its escape means.
///
/// `text` begins with the backslash. Gives the character and the bytes it took.
pub(super) fn escape(text: &str) -> Result<(char, usize), String> {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some(c @ ('\\' | '[')) => Ok((c, 2)),
        Some('t') => Ok(('\t', 2)),
        Some('r') => Ok(('\r', 2)),
        Some('e') => Ok(('\u{1b}', 2)),
        Some('u') => {
            let digits = text[2..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let c = digits
                .filter(|(digits, _)| digits.len() <= 6)
                .and_then(|(digits, _)| u32::from_str_radix(digits, 16).ok())
                .and_then(char::from_u32)
                .filter(|&c| c != '\n');
            match (c, digits) {
                (Some(c), Some((digits, _))) => Ok((c, digits.len() + 4)),
                _ => Err("`\\u` needs the number of a character, such as `\\u{7}`".to_owned()),
            }
        }
        Some(c) => Err(format!("`\\{c}` is no escape; a backslash itself is `\\\\`")),
        None => Err("nothing follows `\\`; a backslash itself is `\\\\`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_means_itself_is_written_as_it_is() {
        for line in ["", "ok", "  two  words", "a\tb", "[info] x", "C:\\dir", "{\"a\": [1]}", "....", "(re)"]
        {
            assert_eq!(spell(line), line);
        }
    }

    #[test]
    fn a_line_that_would_mislead_is_escaped() {
        let cases = [
            ("...", "... (esc)"),
            ("x [..]", "x \\[..] (esc)"),
            ("[a=..]", "\\[a=..] (esc)"),
            ("[=a] \\", "\\[=a] \\\\ (esc)"),
            ("x (re)", "x (re) (esc)"),
            ("x (esc)", "x (esc) (esc)"),
            ("(esc)", "(esc) (esc)"),
            ("(unordered)", "(unordered) (esc)"),
            ("a\r", "a\\r (esc)"),
            ("a ", "a  (esc)"),
            ("\t", "\\t (esc)"),
            ("\u{1b}[1mx", "\\e\\[1mx (esc)"),
            ("a\u{7}\u{202e}", "a\\u{7}\\u{202e} (esc)"),
        ];
        for (line, written) in cases {
            assert_eq!(spell(line), written);
        }
    }
}
