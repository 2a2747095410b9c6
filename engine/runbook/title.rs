//! What a heading names: its title without decoration, its kind, its slug, and what it is compared by.
//!
//! This module does not decide whether a heading is a procedure, a phase or a step.

use super::ProcedureKind;
use crate::document::mojibake;

/// A heading as the name of a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// The heading without emoji, number and leading `Alert:`, `Procedure:`, `Operation:`, `Runbook:`.
    pub name: String,
    /// Alert, if it says so or is one CamelCase name; else operation.
    pub kind: ProcedureKind,
}

/// Words that, with a colon, say what a heading is and are no part of its name.
const PREFIXES: &[&str] = &["alert", "procedure", "operation", "runbook"];

/// Reads a heading.
///
/// A heading of nothing but decoration keeps its text, so that a name is empty only if the heading is.
pub fn title(heading: &str) -> Title {
    let text = without_emoji(&without_keycaps(&mojibake::repair(heading)));
    let mut rest = text.as_str();
    let mut kind = ProcedureKind::Operation;
    loop {
        let before = rest;
        rest = without_number(without_remains(rest.trim_start_matches(is_decoration)));
        if let Some((prefix, behind)) = split_prefix(rest) {
            if prefix.eq_ignore_ascii_case("alert") {
                kind = ProcedureKind::Alert;
            }
            rest = behind;
        }
        if rest.len() == before.len() {
            break;
        }
    }
    let name = rest.trim_end_matches(|c: char| c.is_whitespace() || c == ':');
    let name = [name, text.as_str(), heading.trim()].into_iter().find(|name| !name.is_empty());
    let name = name.unwrap_or_default().to_owned();
    if is_alert_name(&name) {
        kind = ProcedureKind::Alert;
    }
    Title { name, kind }
}

/// The name as it stands in a link: lower case, words joined by `-`.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in without_emoji(&mojibake::repair(name)).chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !matches!(c, '\'' | '’') && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { "unnamed".to_owned() } else { slug }
}

/// What names are compared by: case, spaces, hyphens, underscores, CamelCase, emoji, backticks and
/// other punctuation make no difference.
pub fn fold(name: &str) -> String {
    mojibake::repair(name).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The text without emoji and backticks, blanks collapsed.
pub(super) fn without_emoji(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !is_emoji(*c) && *c != '`').collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without numbers drawn as keys (`1️⃣`), which are a digit, a selector and a frame.
pub(super) fn without_keycaps(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        if c == '\u{20e3}' {
            kept.truncate(kept.trim_end_matches('\u{fe0f}').len());
            kept.pop();
        } else {
            kept.push(c);
        }
    }
    kept
}

/// Emoji and what they are made of; also the marks that a broken encoding leaves behind.
pub(super) fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{1f000}'..='\u{1faff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{fe0e}' | '\u{fe0f}' | '\u{200b}'..='\u{200d}' | '\u{20e3}' | '\u{feff}'
            | '\u{e0020}'..='\u{e007f}'
            | '\u{f8ff}' | '\u{fffd}'
    )
}

/// Signs that may stand before a name and are no part of it.
fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '–' | '—' | '•' | '·' | '*' | '|' | '>' | ':' | '!' | '→' | '▶' | '■' | '●')
}

/// Drops a first word that is what is left of an emoji read in another encoding: no ASCII letter or
/// digit, and a sign or a known beginning among its characters.
fn without_remains(text: &str) -> &str {
    let Some((word, behind)) = text.split_once(' ') else { return text };
    let foreign = !word.is_empty() && word.chars().all(|c| !c.is_ascii_alphanumeric() && !c.is_ascii());
    let remains = word.starts_with("ðŸ")
        || word.starts_with("â")
        || word.chars().any(|c| !c.is_alphanumeric())
        || split_prefix(behind).is_some();
    if foreign && remains { behind.trim_start() } else { text }
}

/// Drops `1.`, `2)`, `1.2`, `3 -`; `3 engines down` keeps its number.
pub(super) fn without_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, behind) = text.split_at(end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return text;
    }
    let mut rest = behind.trim_start();
    let marked = number.contains('.')
        || rest.starts_with([')', ':'])
        || rest.starts_with("- ")
        || rest.starts_with("– ");
    rest = rest.trim_start_matches([')', ':', '-', '–']).trim_start();
    let ends_a_word = behind.is_empty() || behind.starts_with([' ', ')', ':']);
    if marked && ends_a_word && !rest.is_empty() { rest } else { text }
}

/// Splits a leading `Alert:` or the like, which may carry a number (`Procedure 3: …`).
fn split_prefix(text: &str) -> Option<(&str, &str)> {
    PREFIXES.iter().find_map(|prefix| {
        let (word, behind) = text.split_at_checked(prefix.len())?;
        if !word.eq_ignore_ascii_case(prefix) {
            return None;
        }
        let behind = behind.trim_start_matches(|c: char| c == ' ' || c == '#' || c.is_ascii_digit());
        let behind = behind.strip_prefix(':')?.trim_start();
        (!behind.is_empty()).then_some((word, behind))
    })
}

/// Whether a name is one CamelCase word, such as `KubePodCrashLooping` or `etcdMembersDown`.
fn is_alert_name(name: &str) -> bool {
    let humps = name
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let acronym = name.as_bytes().windows(3).any(|three| {
        three[0].is_ascii_uppercase() && three[1].is_ascii_uppercase() && three[2].is_ascii_lowercase()
    });
    name.chars().all(|c| c.is_ascii_alphanumeric()) && (humps.count() > 0 || acronym)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProcedureKind::{Alert, Operation};

    #[test]
    fn titles_lose_decoration_and_keep_their_words() {
        for (heading, name, kind) in [
            ("🚨 Alert: MTTR Exceeded", "MTTR Exceeded", Alert),
            ("\u{f8ff}üö® Alert: MTTR Exceeded", "MTTR Exceeded", Alert),
            ("üîå Alert: Engine Restart Failed", "Engine Restart Failed", Alert),
            ("ðŸ” Alert: Disk Full", "Disk Full", Alert),
            ("ðŸš¨ Disk Full", "Disk Full", Operation),
            ("Alert: 🔴 Disk Full", "Disk Full", Alert),
            ("alert : disk full", "disk full", Alert),
            ("Runbook: Alert: Disk Full", "Disk Full", Alert),
            ("Procedure: Restore the database", "Restore the database", Operation),
            ("Procedure 3: Restore", "Restore", Operation),
            ("Operation: Rotate keys ✅", "Rotate keys", Operation),
            ("1. Full System Restart", "Full System Restart", Operation),
            ("1.2 Full System Restart", "Full System Restart", Operation),
            ("2) Restart", "Restart", Operation),
            ("3 - Restart", "Restart", Operation),
            ("1️⃣ Restart", "Restart", Operation),
            ("3 engines down", "3 engines down", Operation),
            ("24h review", "24h review", Operation),
            ("1.5x load", "1.5x load", Operation),
            ("`KubePodCrashLooping`", "KubePodCrashLooping", Alert),
            ("MTTRExceeded", "MTTRExceeded", Alert),
            ("etcdMembersDown", "etcdMembersDown", Alert),
            ("Restart", "Restart", Operation),
            ("ETCD", "ETCD", Operation),
            ("Перезапуск сервиса", "Перезапуск сервиса", Operation),
            ("Überlast beheben", "Überlast beheben", Operation),
            ("Alerting rules", "Alerting rules", Operation),
            ("Runbook:", "Runbook", Operation),
            ("🚨", "🚨", Operation),
            ("", "", Operation),
            ("Rollback → previous version:", "Rollback → previous version", Operation),
        ] {
            assert_eq!(title(heading), Title { name: name.into(), kind }, "{heading:?}");
        }
    }

    #[test]
    fn slugs_are_words_joined_by_hyphens() {
        for (name, wanted) in [
            ("Engine Restart Failed", "engine-restart-failed"),
            ("Don't panic!", "dont-panic"),
            ("  a_b / c  ", "a-b-c"),
            ("Überlast", "überlast"),
            ("🚨", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(slug(name), wanted);
        }
    }

    #[test]
    fn names_fold_to_the_same() {
        for name in [
            "Engine Restart Failed",
            "EngineRestartFailed",
            "engine-restart_failed",
            "🔌 `Engine` restart failed",
        ] {
            assert_eq!(fold(name), "enginerestartfailed");
        }
    }
}
