//! Placeholders: `<name>`, `{name}`, `{{name}}`, told from the shell and tool syntax that looks like them.
//!
//! `$NAME` is none of these: the grammar finds variables.

use super::Quoting;
use super::scan::{Scan, scan};
use crate::source::Span;
use std::collections::HashSet;

/// One placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Its bytes, brackets included.
    pub span: Span,
    /// The text between the brackets, as written.
    pub name: String,
    /// How it is written.
    pub form: PlaceholderForm,
}

/// How a placeholder is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaceholderForm {
    /// `<name>`.
    Angle,
    /// `{name}`.
    Brace,
    /// `{{name}}`.
    Mustache,
}

/// The longest name between angle brackets, in characters; beyond it is prose or a redirection.
const MAX_NAME: usize = 48;

/// Words of awk, jsonpath and Go templates that look like `{name}`.
const TEMPLATE_WORDS: &[&str] =
    &["end", "range", "print", "next", "exit", "else", "if", "with", "define", "block", "break", "continue"];

/// HTML elements nobody would name a value after.
const TAGS: &[&str] = &[
    "a", "b", "body", "br", "center", "dd", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5",
    "h6", "head", "hr", "html", "i", "iframe", "img", "kbd", "li", "ol", "p", "pre", "s", "script", "small",
    "span", "strong", "style", "sub", "sup", "svg", "tbody", "td", "th", "thead", "tr", "tt", "u", "ul",
];

/// Programs whose program text is full of `{name}`.
const BRACE_PROGRAMS: &[&str] =
    &["awk", "gawk", "mawk", "nawk", "jq", "yq", "sed", "perl", "python", "python3"];

/// Finds the placeholders of a bash text, in order.
pub fn placeholders(text: &str) -> Vec<Placeholder> {
    if !text.contains(['<', '{']) {
        return Vec::new();
    }
    find(text, &scan(text))
}

/// The text with each placeholder replaced by as many word characters, so that the grammar reads a
/// word there and every span stays.
pub(super) fn neutralise(text: &str, places: &[Placeholder]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for place in places {
        out.push_str(&text[done..place.span.start]);
        out.extend(std::iter::repeat_n('x', place.span.end - place.span.start));
        done = place.span.end;
    }
    out.push_str(&text[done..]);
    out
}

pub(super) fn find(text: &str, scan: &Scan) -> Vec<Placeholder> {
    let bytes = text.as_bytes();
    let closed = closed_tags(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let place = match bytes[at] {
            b'<' => angle(text, scan, at, &closed),
            b'{' if bytes.get(at + 1) == Some(&b'{') => mustache(text, scan, at),
            b'{' => brace(text, scan, at),
            _ => None,
        };
        match place {
            Some(place) => {
                at = place.span.end;
                found.push(place);
            }
            None => at += 1,
        }
    }
    found
}

fn before(text: &str, at: usize) -> u8 {
    at.checked_sub(1).map_or(b'\n', |at| text.as_bytes()[at])
}

fn after(text: &str, at: usize) -> u8 {
    text.as_bytes().get(at).copied().unwrap_or(b'\n')
}

fn angle(text: &str, scan: &Scan, at: usize, closed: &HashSet<String>) -> Option<Placeholder> {
    let (quoting, _) = scan.at(at);
    let previous = before(text, at);
    if previous == b'<' || previous == b'\\' && quoting == Quoting::Bare {
        return None;
    }
    let inner = &text.as_bytes()[at + 1..];
    let length = inner.iter().take(MAX_NAME + 1).position(|&byte| byte == b'>')?;
    let name = &text[at + 1..at + 1 + length];
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _.,:/+-".contains(&byte);
    if !name.bytes().next()?.is_ascii_alphabetic() || name.ends_with(' ') || !name.bytes().all(plain) {
        return None;
    }
    let end = at + length + 2;
    if quoting == Quoting::Bare && name.contains(' ') {
        // `sort <in 2>err` and `<in tr a b>out` are redirections.
        let last = name.rsplit(' ').next().unwrap_or_default();
        let glued = after(text, end);
        if last.bytes().all(|byte| byte.is_ascii_digit())
            || glued.is_ascii_alphanumeric()
            || b"/.~$\"'&>_".contains(&glued)
        {
            return None;
        }
    }
    if quoting == Quoting::Bare && after(text, end) == b'>' {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let element = lower.split([' ', '/']).next().unwrap_or_default();
    let is_tag = TAGS.contains(&element) || quoting != Quoting::Bare && closed.contains(element);
    if is_tag || text[..at].trim_end().ends_with("#include") {
        return None;
    }
    Some(Placeholder { span: Span::new(at, end), name: name.to_owned(), form: PlaceholderForm::Angle })
}

/// Names of the closing tags in the text, in lower case: where `</title>` stands, `<title>` is a tag.
fn closed_tags(text: &str) -> HashSet<String> {
    let tags = text.match_indices("</").filter_map(|(at, _)| {
        let rest = &text[at + 2..];
        let length = rest.bytes().take(MAX_NAME).position(|byte| byte == b'>')?;
        rest.get(..length).map(str::to_ascii_lowercase)
    });
    tags.collect()
}

/// The identifier that begins at `at`.
fn identifier(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?;
    let length =
        rest.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_')).unwrap_or(rest.len());
    let name = &rest[..length];
    let first = name.bytes().next()?;
    (!first.is_ascii_digit() && length <= MAX_NAME).then_some(name)
}

fn brace(text: &str, scan: &Scan, at: usize) -> Option<Placeholder> {
    let name = identifier(text, at + 1)?;
    let end = at + name.len() + 2;
    if after(text, end - 1) != b'}' || after(text, end) == b'}' && before(text, at) == b'{' {
        return None;
    }
    // `${x}` is a variable, `%{http_code}` curl's, `@{u}` git's, `#{x}` Ruby's, `\{` an escape.
    if b"$%@#\\{".contains(&before(text, at)) || TEMPLATE_WORDS.contains(&name) {
        return None;
    }
    let (quoting, hole) = scan.at(at);
    let literal = matches!(quoting, Quoting::Single | Quoting::AnsiC | Quoting::HeredocLiteral);
    if literal || hole.is_some() || in_template(text, scan, at, quoting) {
        return None;
    }
    Some(Placeholder { span: Span::new(at, end), name: name.to_owned(), form: PlaceholderForm::Brace })
}

/// The text of the command that holds `at`, up to it: at most a few hundred bytes of it.
fn command_before<'t>(text: &'t str, scan: &Scan, at: usize) -> &'t str {
    let start = scan.command_start(at);
    let head = &text[start..at];
    if head.len() <= 4096 { head } else { "" }
}

/// Whether the braces at `at` belong to an awk, jq or sed program, a jsonpath or a Go template.
fn in_template(text: &str, scan: &Scan, at: usize, quoting: Quoting) -> bool {
    if matches!(quoting, Quoting::Heredoc | Quoting::Comment) {
        return false;
    }
    let head = command_before(text, scan, at);
    let program = head
        .split_ascii_whitespace()
        .find(|word| !matches!(*word, "sudo" | "env" | "time" | "command") && !word.contains('='))
        .unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    BRACE_PROGRAMS.contains(&program)
        || ["jsonpath", "go-template", "custom-columns", "--template", "--format"]
            .iter()
            .any(|word| last_argument(head).contains(word))
}

/// The last word of a command's head, with the option before it (`--format "{{…`).
fn last_argument(head: &str) -> &str {
    let opening = head.find(['"', '\'']).unwrap_or(head.len());
    let mut blanks = head[..opening].trim_end().rmatch_indices([' ', '\t']);
    let start = blanks.next().map_or(0, |(at, _)| at);
    &head[start..]
}

fn mustache(text: &str, scan: &Scan, at: usize) -> Option<Placeholder> {
    let name = identifier(text, at + 2)?;
    let end = at + name.len() + 4;
    if text.get(end - 2..end) != Some("}}") || after(text, end) == b'}' {
        return None;
    }
    let (quoting, hole) = scan.at(at);
    if b"${%\\".contains(&before(text, at)) || TEMPLATE_WORDS.contains(&name) || hole.is_some() {
        return None;
    }
    // A line with another action of a Go template on it is one.
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let is_go = ["{{.", "{{ ", "{{range", "{{if", "{{end", "{{$", "{{json", "{{-"]
        .iter()
        .any(|action| line.len() <= 4096 && line.contains(action));
    if is_go || in_template(text, scan, at, quoting) {
        return None;
    }
    Some(Placeholder { span: Span::new(at, end), name: name.to_owned(), form: PlaceholderForm::Mustache })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        placeholders(text).into_iter().map(|place| text[place.span.range()].to_owned()).collect()
    }

    #[test]
    fn placeholders_are_found_in_every_form() {
        for (text, expected) in [
            ("kubectl logs <pod-name> -n <namespace>", vec!["<pod-name>", "<namespace>"]),
            ("curl http://localhost:8000/engines/{engine_id}/stop", vec!["{engine_id}"]),
            ("deploy {{version}}", vec!["{{version}}"]),
            ("curl -H \"Authorization: <your_api_key>\"", vec!["<your_api_key>"]),
            ("top -p <PID1>,<PID2>", vec!["<PID1>", "<PID2>"]),
            ("kubectl scale --replicas=<original-count> deploy/x", vec!["<original-count>"]),
            (
                "mysql -e \"<SQL Statement>\" > <output file e.g. output.csv>",
                vec!["<SQL Statement>", "<output file e.g. output.csv>"],
            ),
            ("sudo mv /etc/chef /etc/chef.{reason}", vec!["{reason}"]),
            ("N='<instance label from alert>'", vec!["<instance label from alert>"]),
            ("grep -E \"<vm-1>|<vm-2>\" f", vec!["<vm-1>", "<vm-2>"]),
            ("while read p; do curl http://h:<port>/x; done < list.txt", vec!["<port>"]),
            ("curl \"http://x?a=<a1>&b=<b1>\"", vec!["<a1>", "<b1>"]),
            ("cat <<EOF\nname: <name>\nid: {id}\nEOF", vec!["<name>", "{id}"]),
            ("# look at <pod>", vec!["<pod>"]),
            ("ssh <user>@<host> uptime", vec!["<user>", "<host>"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn syntax_that_looks_like_placeholders_is_left_alone() {
        for text in [
            "oc get pods -o jsonpath='{range .items[*]}{.metadata.name}{\"\\t\"}{end}'",
            "oc get pods -o jsonpath=\"{items}\"",
            "oc get pods -o jsonpath={..metadata.name}",
            "docker ps --format \"table {{.Names}}\\t{{.Status}}\"",
            "docker ps --format '{{json .}}' | head",
            "gh x --template '{{name}}{{end}}'",
            "awk '{print}' f",
            "awk \"{next}\" f",
            "ps aux | awk \"{x}\"",
            "jq \"{a}\" f",
            "echo us-east1-{b,c,d} {1..3} {}",
            "echo ${HOME} \"${X}\"",
            "curl -w \"%{http_code}\" x",
            "git log @{u}",
            "sort <in >out",
            "sort <in 2>err",
            "sort <in 2>&1",
            "cat <in tr a b>out",
            "diff <(a) <(b)",
            "cat <<EOF > out\nx\nEOF",
            "cat <<<x >y",
            "psql < dump.sql > out",
            "grep '<title>x</title>' f",
            "echo \"<b>x</b><br>\"",
            "git commit --author \"Jane <jane@example.com>\"",
            "curl -d '{\"a\": {x}}' u",
            "cat <<'EOF'\nf\"{x}\"\nEOF",
            "cat <<'EOF'\n#include <stdio.h>\nEOF",
            "a && b || c; d > f",
            "f() { ls; }",
            "{ls}x <1> < a> <a >",
        ] {
            let found = names(text);
            let expected: Vec<String> = if text.starts_with("{ls}") { vec!["{ls}".into()] } else { vec![] };
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn neutral_text_keeps_every_offset() {
        let text = "a <pod> é {id}";
        assert_eq!(neutralise(text, &placeholders(text)), "a xxxxx é xxxx");
    }
}
