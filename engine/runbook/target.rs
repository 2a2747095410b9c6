//! Objectives stated in metadata and headings.
//!
//! Nothing is judged here. A target without a number is kept as text.

use super::metric::{metric, words};
use super::quantity::{Measure, measures};
use super::title::{fold, without_emoji};
use super::{Comparator, Metadata, MetadataEntry, Metric, Target, Unit};
use crate::document::Inline;
use crate::source::Span;
use std::ops::Range;

/// Keys whose values are targets of whatever their words say, folded.
const GENERAL_KEYS: &[&str] = &["target", "targets", "slo", "sla", "slatarget"];

/// Keys that say themselves what is measured, folded.
const EXACT_KEYS: &[&str] = &[
    "rto",
    "rpo",
    "mttr",
    "mttrtarget",
    "targetmttr",
    "recoverytimeobjective",
    "recoverypointobjective",
    "recoverytarget",
    "recoverytime",
    "targetrecoverytime",
    "timetorecovery",
    "timetorecover",
    "timetoresolve",
    "timetoresolution",
    "resolutiontime",
    "expectedresolutiontime",
    "targetresolutiontime",
    "timetomitigate",
    "timetomitigation",
    "mitigationtime",
    "timetorestore",
    "restoretime",
    "responsetime",
    "responsetimetarget",
    "targetresponsetime",
    "duration",
    "expectedduration",
    "estimatedduration",
    "estimatedtime",
    "expectedtime",
    "esttime",
    "eta",
];

/// Values that say there is no target, folded.
const NONE: &[&str] = &["", "na", "none", "no", "tbd", "todo", "unknown"];

/// Words that say nothing about what is measured.
const SILENT: &[&str] = &[
    "a",
    "an",
    "the",
    "of",
    "to",
    "in",
    "for",
    "from",
    "after",
    "per",
    "all",
    "time",
    "total",
    "target",
    "alert",
    "incident",
    "is",
    "be",
    "per",
    "about",
    "approximately",
    "or",
    "and",
    "max",
    "less",
    "than",
    "under",
    "within",
];

/// Whether a folded key states a target.
pub(super) fn is_target_key(folded: &str) -> bool {
    GENERAL_KEYS.contains(&folded) || EXACT_KEYS.contains(&folded)
}

/// The targets of a section's metadata and of the headings given, in that order.
///
/// A heading states one by a time in brackets at its end: `Immediate Actions (0-5 minutes)`. A bare
/// duration is an upper limit. A value such as `Recovery < 2 min, latency < 500 ms` is two targets.
pub fn targets(metadata: &Metadata, headings: &[&Inline]) -> Vec<Target> {
    let stated = metadata.entries.iter().filter(|entry| is_target_key(&fold(&entry.key))).flat_map(of_entry);
    stated.chain(headings.iter().filter_map(|heading| of_heading(heading))).collect()
}

fn of_entry(entry: &MetadataEntry) -> Vec<Target> {
    if NONE.contains(&fold(&entry.value).as_str()) {
        return Vec::new();
    }
    let parts = parts(&entry.value);
    let exact = entry.value_span.end - entry.value_span.start == entry.value.len();
    parts
        .into_iter()
        .map(|range| {
            // Repaired or unescaped text has no exact inner places: its target stands where the value does.
            let part = Span::from(range.clone()).shifted(entry.value_span.start);
            let span = if exact { part } else { entry.value_span };
            target(&entry.value[range], &entry.key, span)
        })
        .collect()
}

/// The parts of a value that state a target each; the whole value unless all parts have a number.
fn parts(value: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for separator in value.match_indices([',', ';', '/', '&']).map(|(at, mark)| at..at + mark.len()) {
        parts.push(start..separator.start);
        start = separator.end;
    }
    parts.push(start..value.len());
    let trimmed: Vec<Range<usize>> = parts
        .into_iter()
        .map(|part| {
            let text = &value[part.clone()];
            let start = part.start + (text.len() - text.trim_start().len());
            start..start + text.trim().len()
        })
        .collect();
    let all = trimmed.iter().all(|part| limit(&value[part.clone()]).is_some());
    if all { trimmed } else { std::iter::once(0..value.len()).collect() }
}

/// The number a text's target is about: the first with a comparator, or a bare time before it.
fn limit(text: &str) -> Option<Measure> {
    let mut found = measures(text);
    let compared = found.iter().position(|measure| measure.comparator.is_some());
    let bare = found.iter().position(Measure::is_time);
    let share = found.iter().position(|measure| measure.quantity.unit == Unit::Percent);
    let index = match (compared, bare) {
        (Some(compared), Some(bare)) => compared.min(bare),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => share?,
    };
    Some(found.swap_remove(index))
}

fn target(text: &str, key: &str, span: Span) -> Target {
    let text = without_emoji(text);
    let Some(limit) = limit(&text) else {
        return Target { text, metric: Metric::Other, comparator: None, quantity: None, span, probe: None };
    };
    let around = format!("{} {}", &text[..limit.range.start], &text[limit.range.end..]);
    let from_words = metric(&around, limit.quantity);
    let from_key = metric(key, limit.quantity);
    let general = GENERAL_KEYS.contains(&fold(key).as_str());
    let silent = words(&around.to_lowercase()).all(|word| SILENT.contains(&word));
    let metric = match (general, from_words, from_key) {
        (true, Some(metric), _) | (false, _, Some(metric)) => metric,
        // A general key with unknown words measures something that is not known here.
        (true, None, _) if !silent => Metric::Other,
        // What is left is a bare time under `Target`, or under a key such as `Estimated time`.
        _ => Metric::Recovery,
    };
    let comparator = limit.comparator.or(limit.quantity.duration().map(|_| Comparator::AtMost));
    Target { text, metric, comparator, quantity: Some(limit.quantity), span, probe: None }
}

/// The target a heading states by a time in brackets at its end.
fn of_heading(heading: &Inline) -> Option<Target> {
    let text = heading.text.trim_end().trim_end_matches(':');
    let open = text.rfind('(')?;
    let inside = text[open + 1..].strip_suffix(')')?;
    let limit = limit(inside).filter(Measure::is_time)?;
    let rest = format!("{} {}", &inside[..limit.range.start], &inside[limit.range.end..]).to_lowercase();
    if !words(&rest).all(|word| SILENT.contains(&word) || is_target_key(word)) {
        return None;
    }
    let said = text[..open].to_lowercase();
    let early = words(&said).any(|word| matches!(word, "immediate" | "immediately" | "initial" | "first"));
    // Early actions are due within the time; how long the recovery may take is not said.
    let metric = match metric(&format!("{said} {rest}"), limit.quantity) {
        Some(metric) => metric,
        None if early => Metric::Response,
        None => Metric::Other,
    };
    Some(Target {
        text: without_emoji(text),
        metric,
        comparator: limit.comparator.or(Some(Comparator::AtMost)),
        quantity: Some(limit.quantity),
        span: heading.span_of(open + 1..open + 1 + inside.len()),
        probe: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Document};
    use crate::runbook::metadata::metadata;
    use crate::source::Source;
    use Comparator::{AtLeast, AtMost, Less};
    use Metric::{Latency, Other, Rate, Reconnect, Recovery, Response};

    fn read(text: &str) -> (Source, Document) {
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
        let document = document::read(&source).0;
        (source, document)
    }

    #[test]
    fn values_of_keys_are_typed() {
        for (text, metric, comparator, quantity) in [
            ("**Target**: Recovery < 2 minutes", Recovery, Some(Less), Some((2.0, Unit::Minutes))),
            ("**Target**: Auto-restart < 30 seconds", Recovery, Some(Less), Some((30.0, Unit::Seconds))),
            ("**Target**: Reconnect < 5 seconds", Reconnect, Some(Less), Some((5.0, Unit::Seconds))),
            ("**Target**: < 500ms response time", Latency, Some(Less), Some((500.0, Unit::Milliseconds))),
            ("**Target**: Continuous logging", Other, None, None),
            ("**Target**: ≥ 90% pass rate", Rate, Some(AtLeast), Some((90.0, Unit::Percent))),
            ("**Target**: < 2 minutes", Recovery, Some(Less), Some((2.0, Unit::Minutes))),
            (
                "**Target**: within 15 minutes of the alert",
                Recovery,
                Some(AtMost),
                Some((15.0, Unit::Minutes)),
            ),
            ("**Target**: Detection < 1 minute", Other, Some(Less), Some((1.0, Unit::Minutes))),
            ("**Target**: Engines stop < 2 seconds", Other, Some(Less), Some((2.0, Unit::Seconds))),
            ("**Target**: 99% of requests < 200ms", Latency, Some(Less), Some((200.0, Unit::Milliseconds))),
            ("**RTO:** 1 hour", Recovery, Some(AtMost), Some((1.0, Unit::Hours))),
            ("**RTO:** 1 hour (response within 15 min)", Recovery, Some(AtMost), Some((1.0, Unit::Hours))),
            ("**RPO:** 5 minutes", Other, Some(AtMost), Some((5.0, Unit::Minutes))),
            ("**SLA**: 15 minutes to resolution", Recovery, Some(AtMost), Some((15.0, Unit::Minutes))),
            ("**SLA**: 99.9% uptime", Rate, None, Some((99.9, Unit::Percent))),
            ("**Response Time:** 5 minutes", Response, Some(AtMost), Some((5.0, Unit::Minutes))),
            ("**Response Time:** < 500ms", Latency, Some(Less), Some((500.0, Unit::Milliseconds))),
            ("**Response Time:** Immediate", Other, None, None),
            ("**Duration**: 5-10 minutes", Recovery, Some(AtMost), Some((10.0, Unit::Minutes))),
            ("**Estimated time**: 24h", Recovery, Some(AtMost), Some((24.0, Unit::Hours))),
            ("**Duration**: Variable (depends on backup availability)", Other, None, None),
            ("**MTTR target**: under 30 min", Recovery, Some(Less), Some((30.0, Unit::Minutes))),
        ] {
            let (source, document) = read(text);
            let found = targets(&metadata(&document.preamble), &[]);
            let [only] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert_eq!(only.metric, metric, "{text}");
            assert_eq!(only.comparator, comparator, "{text}");
            assert_eq!(only.quantity.map(|quantity| (quantity.value, quantity.unit)), quantity, "{text}");
            assert_eq!(source.slice(only.span), only.text, "{text}");
        }
    }

    #[test]
    fn several_limits_are_several_targets() {
        let (source, document) = read("**Target**: Recovery < 2 min, API latency < 500 ms");
        let found = targets(&metadata(&document.preamble), &[]);
        let texts: Vec<_> = found.iter().map(|target| (target.text.as_str(), target.metric)).collect();
        assert_eq!(texts, [("Recovery < 2 min", Recovery), ("API latency < 500 ms", Latency)]);
        assert_eq!(source.slice(found[1].span), "API latency < 500 ms");
        let (_, document) = read("**Target**: Recovery < 2 min, no data lost");
        assert_eq!(targets(&metadata(&document.preamble), &[]).len(), 1);
    }

    #[test]
    fn other_keys_and_empty_values_state_none() {
        for text in ["**Owner**: 5 minutes", "**Target**: N/A", "**SLA**: none", "**Status**: < 5 s"] {
            assert_eq!(targets(&metadata(&read(text).1.preamble), &[]), [], "{text}");
        }
    }

    #[test]
    fn headings_state_a_time_in_brackets() {
        for (heading, wanted) in [
            ("Immediate Actions (0-5 minutes)", Some((Response, "0-5 minutes"))),
            ("🔧 Recovery (within 15 min)", Some((Recovery, "within 15 min"))),
            ("Full System Restart (RTO: 10 minutes)", Some((Recovery, "RTO: 10 minutes"))),
            ("Investigation (30 min)", Some((Other, "30 min"))),
            ("Disk full (> 90%)", None),
            ("Restart (if down for 5 minutes)", None),
            ("Restart (twice)", None),
            ("Restart", None),
        ] {
            let (source, document) = read(&format!("# {heading}\n"));
            let found = targets(&Metadata::default(), &[&document.sections[0].title]);
            let found = found.first().map(|target| (target.metric, source.slice(target.span)));
            assert_eq!(found, wanted, "{heading}");
        }
    }
}
