//! Text of others as Markdown that shows it and nothing else: escapes, code spans, fences.

use super::style::one_line;

/// `text` on one line, with every character escaped that Markdown would read as markup.
pub fn escape(text: &str) -> String {
    let text = one_line(text);
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (at, &c) in chars.iter().enumerate() {
        let within_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
        let next = chars.get(at + 1);
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => true,
            // A tag, a closing tag, a comment; `< 30 seconds` is none.
            '<' => next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
            '&' => next.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '#'),
            // Within a word an underscore is no emphasis, and `engine_id` stays readable.
            '_' => !(within_word(at.checked_sub(1).and_then(|at| chars.get(at))) && within_word(next)),
            '#' | '>' => at == 0,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(if c == '\t' { ' ' } else { c });
    }
    out
}

/// `text` on one line as a code span that the text cannot end.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    // A blank at both ends is taken away again by every reader of Markdown.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// `lines` as a fence that no line can close.
pub fn fence<T: AsRef<str>>(language: &str, lines: &[T]) -> String {
    let longest = lines.iter().map(|line| longest_run(line.as_ref(), '`')).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let mut out = format!("{ticks}{language}\n");
    for line in lines {
        out.push_str(line.as_ref());
        out.push('\n');
    }
    out + &ticks + "\n"
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_names_stay_readable() {
        for (text, escaped) in [
            ("engine_id is 3", "engine_id is 3"),
            ("# _not_ *bold* `code`", r"\# \_not\_ \*bold\* \`code\`"),
            ("<script>alert(1)</script>", r"\<script>alert(1)\</script>"),
            ("a | b & c $x$ < 3 &lt;", r"a \| b & c \$x\$ < 3 \&lt;"),
            ("[link](http://x)\nsecond\u{1b}[31m line\u{7}", r"\[link\](http://x) second line"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn code_spans_and_fences_cannot_be_ended_from_within() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("a ``b"), "```a ``b```");
        assert_eq!(code(" \n"), "(empty)");
        assert_eq!(fence("bash", &["a"]), "```bash\na\n```\n");
        assert_eq!(fence("", &["````", "x"]), "`````\n````\nx\n`````\n");
    }
}
