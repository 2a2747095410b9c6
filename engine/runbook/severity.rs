//! How bad the document says it is.

use super::title::{is_emoji, without_emoji};
use super::{Metadata, MetadataEntry, Severity, SeverityLevel};

/// Keys that state a severity, the most telling first.
const KEYS: &[&str] = &["severity", "alert severity", "severity level", "sev", "priority", "urgency"];

/// The severity of a section or document; none where no key states one.
///
/// A text that names no known level is kept without one.
pub fn severity(metadata: &Metadata) -> Option<Severity> {
    let entry = entry(metadata)?;
    let text = without_emoji(&entry.value);
    let text = if text.is_empty() { entry.value.trim_matches(is_emoji).to_owned() } else { text };
    (!text.trim().is_empty()).then(|| Severity { level: level(&text), text })
}

/// The entry that states a severity.
pub fn entry(metadata: &Metadata) -> Option<&MetadataEntry> {
    KEYS.iter().find_map(|key| metadata.get(key))
}

/// The level of a text such as `Critical`, `P1 (SLO breach imminent)` or `sev-0`: the first word that
/// names one decides.
pub fn level(text: &str) -> Option<SeverityLevel> {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        // Behind a negation the next word is not what is meant.
        if matches!(word, "not" | "non" | "no") {
            words.next();
            continue;
        }
        let joined = match (word, words.peek()) {
            ("sev" | "severity" | "p" | "priority", Some(digit)) => format!("p{digit}"),
            _ => word.replacen("sev", "p", 1),
        };
        if let Some(level) = of_word(&joined) {
            return Some(level);
        }
    }
    None
}

fn of_word(word: &str) -> Option<SeverityLevel> {
    match word {
        "critical" | "crit" | "p0" | "page" | "emergency" | "fatal" | "blocker" | "disaster" => {
            Some(SeverityLevel::Critical)
        }
        "high" | "error" | "major" | "p1" | "urgent" => Some(SeverityLevel::High),
        "warning" | "warn" | "medium" | "moderate" | "p2" => Some(SeverityLevel::Warning),
        "low" | "info" | "informational" | "information" | "minor" | "notice" | "ticket" | "trivial" => {
            Some(SeverityLevel::Low)
        }
        _ => {
            let number: u32 = word.strip_prefix('p')?.parse().ok()?;
            (number >= 3).then_some(SeverityLevel::Low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn of(entries: &[(&str, &str)]) -> Option<Severity> {
        let entry = |(key, value): &(&str, &str)| MetadataEntry {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            span: Span::default(),
            value_span: Span::default(),
        };
        severity(&Metadata { entries: entries.iter().map(entry).collect() })
    }

    #[test]
    fn texts_are_understood_as_levels() {
        use SeverityLevel::{Critical, High, Low, Warning};
        for (text, wanted) in [
            ("Critical", Some(Critical)),
            ("CRITICAL", Some(Critical)),
            ("P0", Some(Critical)),
            ("P0 (Critical)", Some(Critical)),
            ("sev0", Some(Critical)),
            ("SEV-0", Some(Critical)),
            ("page", Some(Critical)),
            ("P1 (SLO breach imminent)", Some(High)),
            ("High (Mitigated)", Some(High)),
            ("error", Some(High)),
            ("Sev 1", Some(High)),
            ("severity 2", Some(Warning)),
            ("Warning", Some(Warning)),
            ("P2 (Medium)", Some(Warning)),
            ("P3 (Low)", Some(Low)),
            ("P5", Some(Low)),
            ("sev4", Some(Low)),
            ("info", Some(Low)),
            ("not critical", None),
            ("Non-critical, low", Some(Low)),
            ("depends", None),
            ("pages", None),
            ("p", None),
        ] {
            assert_eq!(level(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_most_telling_key_states_the_severity() {
        let critical =
            |text: &str| Some(Severity { text: text.into(), level: Some(SeverityLevel::Critical) });
        assert_eq!(of(&[("Severity", "🚨 CRITICAL")]), critical("CRITICAL"));
        assert_eq!(of(&[("Priority", "P1"), ("severity", "Critical")]), critical("Critical"));
        assert_eq!(of(&[("Severity", "varies")]), Some(Severity { text: "varies".into(), level: None }));
        assert_eq!(of(&[("Owner", "critical team")]), None);
        assert_eq!(of(&[("Severity", "🚨")]), None);
    }
}
