//! Observable conditions, from the bullets of a symptoms phase.

use super::metric::metric;
use super::quantity::{Measure, measures};
use super::{Condition, Metric, Symptom};
use crate::document::{Block, Inline};
use std::ops::Range;
use std::time::Duration;

/// Words before a time that make it the window of a condition.
const WINDOW: &[&str] = &[
    "in",
    "over",
    "for",
    "within",
    "during",
    "in the last",
    "over the last",
    "for the last",
    "in the past",
    "over the past",
    "every",
    "per",
];

/// Words at the end of a subject that belong to the comparison.
const JOINING: &[&str] =
    &["for", "in", "is", "are", "of", "at", "by", "was", "has been", "being", "goes", "rises"];

/// Every list item, nested ones too, as a symptom; typed where it compares something with a number.
pub fn symptoms(blocks: &[Block]) -> Vec<Symptom> {
    let mut found = Vec::new();
    for block in blocks {
        match block {
            Block::List(list) => {
                for item in &list.items {
                    found.extend(item.lead().map(symptom));
                    found.extend(symptoms(item.rest()));
                }
            }
            Block::Quote(quote) => found.extend(symptoms(&quote.blocks)),
            Block::Paragraph(_) | Block::Fence(_) | Block::Table(_) | Block::Comment(_) | Block::Rule(_) => {}
        }
    }
    found
}

fn symptom(inline: &Inline) -> Symptom {
    let text = inline.text.split_whitespace().collect::<Vec<_>>().join(" ");
    Symptom { condition: condition(&text), text, span: inline.span }
}

/// The typed part of a text such as `Engine restart failures > 0 in 5m`.
pub fn condition(text: &str) -> Option<Condition> {
    let found = measures(text);
    let index = found.iter().position(|measure| measure.comparator.is_some())?;
    let measure = &found[index];
    let window = found[index + 1..].iter().find_map(|next| window(text, measure, next));
    let end = window.as_ref().map_or(text.len(), |(range, _)| range.start);
    let before = without_joining(&text[..measure.range.start]);
    let behind = text[measure.range.end..end].trim().trim_end_matches(['.', ',']);
    let subject = if before.is_empty() { behind } else { before };
    let around = format!("{} {}", &text[..measure.range.start], &text[measure.range.end..end]);
    Some(Condition {
        subject: subject.to_owned(),
        metric: metric(&around, measure.quantity).unwrap_or(Metric::Other),
        comparator: measure.comparator?,
        quantity: measure.quantity,
        window: window.map(|(_, time)| time),
    })
}

/// The time a condition is about, with the words that introduce it, if `next` is that.
fn window(text: &str, measure: &Measure, next: &Measure) -> Option<(Range<usize>, Duration)> {
    let time = next.quantity.duration()?;
    let ends = |text: &str| {
        let word = WINDOW.iter().filter(|word| text.ends_with(*word)).max_by_key(|word| word.len())?;
        Some(text.len() - word.len())
    };
    // The introducing word may have been read as a comparator (`within 5m`), or stand before one
    // (`for more than 5m`).
    let digit = text[next.range.clone()].find(|c: char| c.is_ascii_digit())? + next.range.start;
    let between = |end: usize| text[measure.range.end..end].trim_end();
    let start = ends(between(digit)).or_else(|| ends(between(next.range.start)))? + measure.range.end;
    text[..start].ends_with(' ').then_some((start..next.range.end, time))
}

fn without_joining(text: &str) -> &str {
    let mut text = text.trim().trim_end_matches([':', ',']);
    while let Some(shorter) = JOINING.iter().find_map(|word| text.strip_suffix(word)?.strip_suffix(' ')) {
        text = shorter.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::runbook::{Comparator, Quantity, Unit};
    use crate::source::Source;
    use Comparator::{Less, More};

    #[test]
    fn conditions_are_typed() {
        for (text, subject, metric, comparator, (value, unit), window) in [
            (
                "Recovery duration > 120 seconds",
                "Recovery duration",
                Metric::Recovery,
                More,
                (120.0, Unit::Seconds),
                None,
            ),
            (
                "Engine restart failures > 0 in 5m",
                "Engine restart failures",
                Metric::Count,
                More,
                (0.0, Unit::Count),
                Some(300),
            ),
            (
                "WS reconnect duration > 5s",
                "WS reconnect duration",
                Metric::Reconnect,
                More,
                (5.0, Unit::Seconds),
                None,
            ),
            (
                "Kill switch API latency > 500ms",
                "Kill switch API latency",
                Metric::Latency,
                More,
                (500.0, Unit::Milliseconds),
                None,
            ),
            ("No audit logs for > 1 hour", "No audit logs", Metric::Other, More, (1.0, Unit::Hours), None),
            (
                "Chaos test pass rate < 90%",
                "Chaos test pass rate",
                Metric::Rate,
                Less,
                (90.0, Unit::Percent),
                None,
            ),
            (
                "A recovery has been going on for > 120 seconds",
                "A recovery has been going on",
                Metric::Recovery,
                More,
                (120.0, Unit::Seconds),
                None,
            ),
            (
                "More than 0 failed engine restarts in 5m",
                "failed engine restarts",
                Metric::Count,
                More,
                (0.0, Unit::Count),
                Some(300),
            ),
            (
                "Reconnecting the WebSocket takes > 5s",
                "Reconnecting the WebSocket takes",
                Metric::Reconnect,
                More,
                (5.0, Unit::Seconds),
                None,
            ),
            (
                "The kill switch API answers in > 500ms",
                "The kill switch API answers",
                Metric::Latency,
                More,
                (500.0, Unit::Milliseconds),
                None,
            ),
            (
                "No audit log entry for > 1 hour",
                "No audit log entry",
                Metric::Other,
                More,
                (1.0, Unit::Hours),
                None,
            ),
            (
                "The chaos suite passes < 90% of its scenarios",
                "The chaos suite passes",
                Metric::Rate,
                Less,
                (90.0, Unit::Percent),
                None,
            ),
            (
                "Error rate is above 5% over the last 10 minutes",
                "Error rate",
                Metric::Rate,
                More,
                (5.0, Unit::Percent),
                Some(600),
            ),
            (
                "CPU usage is greater than 90% for more than 1h",
                "CPU usage",
                Metric::Rate,
                More,
                (90.0, Unit::Percent),
                Some(3600),
            ),
            (
                "Error rate >5% within 2 minutes",
                "Error rate",
                Metric::Rate,
                More,
                (5.0, Unit::Percent),
                Some(120),
            ),
        ] {
            let found = condition(text).unwrap_or_else(|| panic!("{text} is typed"));
            assert_eq!(
                (found.subject.as_str(), found.metric, found.comparator),
                (subject, metric, comparator),
                "{text}"
            );
            assert_eq!(found.quantity, Quantity { value, low: None, unit }, "{text}");
            assert_eq!(found.window, window.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn texts_without_a_comparison_are_not_typed() {
        for text in
            ["System not auto-recovering", "HTTP 500 from the API", "Disk at 100%", "Delayed emergency stop"]
        {
            assert_eq!(condition(text), None, "{text}");
        }
    }

    #[test]
    fn every_bullet_is_a_symptom_with_its_place() {
        let text = "Seen:\n\n- **Latency** ‚â• 5s\n  - nested\n\n> * quoted\n";
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
        let found = symptoms(&document::read(&source).0.preamble);
        let seen: Vec<(&str, bool, &str)> = found
            .iter()
            .map(|symptom| (symptom.text.as_str(), symptom.condition.is_some(), source.slice(symptom.span)))
            .collect();
        assert_eq!(
            seen,
            [
                ("Latency ≥ 5s", true, "Latency** ‚â• 5s"),
                ("nested", false, "nested"),
                ("quoted", false, "quoted")
            ]
        );
    }
}
