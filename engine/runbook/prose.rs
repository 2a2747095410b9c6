//! Running text as lines for a person: sentences, labels, one-line texts.
//!
//! Nothing is decided here; [`super::branch`] reads what the sentences mean.

use crate::document::Inline;

/// Shortened words whose full stop ends no sentence.
const SHORTENED: &[&str] = &["e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "no.", "resp.", "incl."];

/// The text on one line, blanks collapsed.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of a text that stands on one line.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, mark) in text.match_indices(['.', '!', '?']) {
        let end = at + mark.len();
        let behind = &text[end..];
        let Some(next) = behind.strip_prefix(' ').and_then(|rest| rest.chars().next()) else { continue };
        let word = text[start..end].rsplit(' ').next().unwrap_or_default().trim_start_matches('(');
        let shortened = SHORTENED.iter().any(|known| known.eq_ignore_ascii_case(word)) || is_enumerator(word);
        let begins = next.is_uppercase() || next.is_ascii_digit() || next == '`';
        if begins && !shortened {
            found.push(text[start..end].trim());
            start = end;
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        found.push(rest);
    }
    found
}

/// `1.`, `a.`: the start of an item, not the end of a sentence.
fn is_enumerator(word: &str) -> bool {
    let inner = word.trim_end_matches('.');
    inner.len() <= 2 && !inner.is_empty() && (inner.len() == 1 || inner.bytes().all(|b| b.is_ascii_digit()))
}

/// A sentence as a label: without the colon or full stop at its end.
pub(super) fn label(sentence: &str) -> String {
    let text = sentence.trim().trim_end_matches([':', ' ']);
    let text = text.strip_suffix('.').filter(|rest| !rest.ends_with('.')).unwrap_or(text);
    text.trim_start_matches(['-', '–', '•', ' ']).trim().to_owned()
}

/// Whether a text leads to what stands below it.
pub(super) fn leads_on(text: &str) -> bool {
    text.trim_end().ends_with(':')
}

/// Whether a text says that what stands below it is an output rather than a command.
pub(super) fn announces_output(text: &str) -> bool {
    let text = one_line(text).to_lowercase();
    let Some(last) = sentences(&text).last().copied() else { return false };
    let last = last.trim_end_matches([':', '.', ' ']);
    let ends = [
        "output",
        "output is",
        "result",
        "response",
        "error",
        "errors",
        "message",
        "messages",
        "log",
        "logs",
    ];
    let kinds = ["example", "sample", "expected", "similar", "following", "like this", "should", "will"];
    ["example", "for example", "e.g", "looks like", "look like", "looks like this", "similar to"]
        .iter()
        .any(|end| last.ends_with(end))
        || kinds.iter().any(|kind| last.contains(kind)) && ends.iter().any(|end| last.ends_with(end))
        || ["example ", "sample ", "expected ", "output"].iter().any(|start| last.starts_with(start))
}

/// Whether a paragraph is nothing but links, as in a table of contents.
pub(super) fn is_link(inline: &Inline, raw: &str) -> bool {
    let raw = raw.trim();
    !inline.is_blank() && raw.starts_with('[') && raw.ends_with(')') && raw.matches("](").count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_another_begins() {
        for (text, wanted) in [
            ("Check the pods:", &["Check the pods:"][..]),
            ("Wait. Then check the pods:", &["Wait.", "Then check the pods:"]),
            ("Use e.g. Grafana. Then stop", &["Use e.g. Grafana.", "Then stop"]),
            ("Is it up? If not, start it.", &["Is it up?", "If not, start it."]),
            ("See version 4.13 or foo.Bar", &["See version 4.13 or foo.Bar"]),
            ("a. Stop it", &["a. Stop it"]),
            ("Note: Stop it", &["Note: Stop it"]),
            ("", &[]),
        ] {
            assert_eq!(sentences(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn labels_lose_what_ends_them() {
        for (text, wanted) in [
            ("Check the pods:", "Check the pods"),
            ("Check the pods.", "Check the pods"),
            ("And so on...", "And so on..."),
            ("Verify", "Verify"),
            (" : ", ""),
        ] {
            assert_eq!(label(text), wanted);
        }
        for (text, wanted) in [
            ("Example output:", true),
            ("Look at it. The output should look like this error:", true),
            ("You should see the following error:", true),
            ("The result looks like:", true),
            ("Example Ceph OSD error:", true),
            ("Check the output:", false),
            ("Run the following command:", false),
            ("Delete the pod:", false),
        ] {
            assert_eq!(announces_output(text), wanted, "{text}");
        }
        assert!(leads_on("If it fails, run: ") && !leads_on("Run: it"));
    }
}
