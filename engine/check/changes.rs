//! The difference between two texts of a document, for a person who must say whether it matters.

use similar::TextDiff;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Lines of a difference that are shown.
const LINES: usize = 200;

/// What changed from `old` to `new`, as a unified diff of bounded length; empty if nothing did.
pub fn changes(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(CONTEXT).header("as it ran", "as it is now").to_string();
    let all = text.lines().count();
    if all <= LINES {
        return text;
    }
    let shown: String = text.split_inclusive('\n').take(LINES).collect();
    format!("{shown}[… {} lines left out …]\n", all - LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_stands_between_what_did_not() {
        assert_eq!(
            changes("a\nb\nc\n", "a\nB\nc\n"),
            "--- as it ran\n+++ as it is now\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        );
        assert_eq!(changes("a", "a"), "");
        let long: String = (0..500).map(|number| format!("{number}\n")).collect();
        let text = changes("", &long);
        assert_eq!(text.lines().count(), LINES + 1);
        assert!(text.ends_with("[… 303 lines left out …]\n"), "{text}");
    }
}
