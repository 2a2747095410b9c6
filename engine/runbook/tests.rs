//! What is understood of whole documents, also of mangled ones. The lowering has tests of its own.

use super::metadata::{self, metadata};
use super::{Metric, SeverityLevel, checklist, escalation, review, severity, symptom, target, title};
use crate::document::mojibake::{Encoding, misread};
use crate::document::{self, Document, Section};
use crate::source::Source;
use std::fmt::Write as _;

fn read(text: &str) -> Document {
    let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
    document::read(&source).0
}

/// Everything that this room's functions say of a document, in words.
fn facts(document: &Document) -> String {
    let mut out = String::new();
    for section in &document.sections {
        of_section(document, section, &mut out);
    }
    let whole = metadata::of_document(document);
    let entries = whole.entries.iter().map(|entry| format!("{}={}", entry.key, entry.value));
    let _ = writeln!(out, "document {}", entries.collect::<Vec<_>>().join(" "));
    let _ = writeln!(out, "review {:?}", review::review(&whole));
    out
}

fn of_section(document: &Document, section: &Section, out: &mut String) {
    let title = title::title(&section.title.text);
    let metadata = metadata(&section.blocks);
    let severity = severity::severity(&metadata).and_then(|severity| severity.level);
    let _ = writeln!(out, "{} {:?} {severity:?}", title.name, title.kind);
    for target in target::targets(&metadata, &[&section.title]) {
        let _ = writeln!(out, "  target {} {:?} {:?}", target.text, target.metric, target.quantity);
    }
    if title.name == "Symptoms" {
        for symptom in symptom::symptoms(&section.blocks) {
            let condition = symptom.condition.map(|condition| (condition.metric, condition.quantity));
            let _ = writeln!(out, "  symptom {} {condition:?}", symptom.text);
        }
    }
    for row in escalation::escalation(&section.blocks) {
        let _ = writeln!(out, "  escalation {} / {} / {}", row.severity, row.response, row.people);
    }
    if title.name == "Post-Incident" {
        for item in checklist::checklist(&document.source, &section.blocks) {
            let _ = writeln!(out, "  item {}", item.text);
        }
    }
    for child in &section.children {
        of_section(document, child, out);
    }
}

/// The facts of the LeviBot alerts, by heading of the second level.
fn check_alerts(document: &Document) {
    let sections = document.sections.iter().flat_map(|section| &section.children);
    let alerts: Vec<_> = sections
        .filter_map(|section| {
            let metadata = metadata(&section.blocks);
            let severity = severity::severity(&metadata)?.level;
            let title = title::title(&section.title.text);
            let targets = target::targets(&metadata, &[&section.title]);
            assert_eq!(targets.len(), 1, "{}", title.name);
            let target = &targets[0];
            let symptoms = section.children.iter().find(|child| child.title.text == "Symptoms")?;
            let symptoms = symptom::symptoms(&symptoms.blocks);
            let typed = symptoms.iter().filter(|symptom| symptom.condition.is_some()).count();
            assert_eq!((symptoms.len(), typed), (3, 1), "{}", title.name);
            let number = target.quantity.map(|quantity| quantity.value);
            Some((title.name, severity, target.text.clone(), target.metric, number))
        })
        .collect();
    let alert = |name: &str, level, target: &str, metric, number| {
        (name.to_owned(), Some(level), target.to_owned(), metric, number)
    };
    use SeverityLevel::{Critical, Warning};
    assert_eq!(
        alerts,
        [
            alert("MTTR Exceeded", Critical, "Recovery < 2 minutes", Metric::Recovery, Some(2.0)),
            alert(
                "Engine Restart Failed",
                Critical,
                "Auto-restart < 30 seconds",
                Metric::Recovery,
                Some(30.0)
            ),
            alert("WS Reconnect Slow", Warning, "Reconnect < 5 seconds", Metric::Reconnect, Some(5.0)),
            alert(
                "Kill Switch Latency High",
                Critical,
                "< 500ms response time",
                Metric::Latency,
                Some(500.0)
            ),
            alert("Audit Log Missing", Warning, "Continuous logging", Metric::Other, None),
            alert("Chaos Test Failed", Warning, "≥ 90% pass rate", Metric::Rate, Some(90.0)),
        ]
    );
}

const LEVIBOT: &str = include_str!("../../runbooks/levibot.md");

#[test]
fn the_levibot_runbook_is_understood() {
    let document = read(LEVIBOT);
    check_alerts(&document);
    let facts = facts(&document);
    for line in [
        "  escalation P0 (Critical) / Immediate / On-call engineer + CTO",
        "  item **Find the root cause** within 24h",
        "Full System Restart Operation None",
    ] {
        assert!(facts.lines().any(|found| found == line), "{line}\n{facts}");
    }
    assert_eq!(facts.matches("  escalation ").count(), 4);
    assert_eq!(facts.matches("  item ").count(), 5);
    assert!(facts.contains("Owner=DevOps Team Review Cycle=Monthly\n"), "{facts}");
    assert!(facts.contains("every: Some(Months(1))"), "{facts}");
}

#[test]
fn a_mangled_document_is_understood_as_it_was_meant() {
    let clean = facts(&read(LEVIBOT));
    for encoding in [Encoding::MacRoman, Encoding::Windows1252] {
        let mangled = misread(LEVIBOT, encoding);
        assert_ne!(mangled, LEVIBOT);
        assert_eq!(facts(&read(&mangled)), clean, "{encoding}");
    }
}

/// The document that the LeviBot runbook was written after, where it lies beside the repository.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may look for a document outside the repository")]
fn the_seed_document_is_understood() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/seed/chaos-recovery-runbook.md");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let document = read(&text);
    check_alerts(&document);
    let facts = facts(&document);
    assert_eq!((facts.matches("  escalation ").count(), facts.matches("  item ").count()), (4, 5), "{facts}");
    assert!(
        facts.contains("document Last Updated=2025-10-15 Owner=DevOps Team Review Cycle=Monthly\n"),
        "{facts}"
    );
}

/// Pieces that the parsers of this room look for, in any order and neighbourhood.
const PIECES: &[&str] = &[
    "**Severity**",
    "**Target:**",
    ": ",
    "Critical",
    "P1",
    " < ",
    "≥",
    "‚â•",
    "500ms",
    "5–10 minutes",
    "1h30m",
    "+",
    "%",
    "5",
    ",",
    "or less",
    "within",
    " in 5m",
    "\n",
    "  \n",
    "\n\n",
    "- ",
    "1. ",
    "> ",
    "# ",
    "## Symptoms\n",
    "| a | b |\n",
    "|---|---|\n",
    "(0-5 minutes)",
    "🚨",
    "\u{f8ff}üö®",
    "ðŸ",
    "1️⃣",
    "Alert:",
    "`",
    "[ ] ",
    "Last Updated: ",
    "2025-10-15",
    "monthly",
    "é",
    "\u{a0}",
    "---\n",
    "title: x\n",
    "parameters:\n",
    "  x: [",
    "~",
    "(",
    ")",
    "\u{20e3}",
    "\u{fe0f}",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Any text is understood as something, and every place lies in the file.
    #[test]
    fn nothing_panics_and_places_fit(
        pieces in proptest::collection::vec((0..PIECES.len(), proptest::option::weighted(0.2, ".{0,6}")), 0..40)
    ) {
        let mut text = String::new();
        for (piece, other) in pieces {
            text.push_str(PIECES[piece]);
            text.push_str(other.as_deref().unwrap_or_default());
        }
        let text = text.replace('\0', "");
        let document = read(&text);
        let _ = facts(&document);
        let mut spans = Vec::new();
        let sections = document.sections.iter().map(|section| section.blocks.as_slice());
        for blocks in sections.chain([document.preamble.as_slice()]) {
            let metadata = metadata(blocks);
            spans.extend(target::targets(&metadata, &[]).iter().map(|target| target.span));
            spans.extend(metadata.entries.iter().flat_map(|entry| [entry.span, entry.value_span]));
            spans.extend(symptom::symptoms(blocks).iter().map(|symptom| symptom.span));
            let _ = escalation::escalation(blocks);
            let _ = checklist::checklist(&document.source, blocks);
            let _: Vec<bool> = blocks.iter().map(metadata::is_metadata).collect();
        }
        let (front, diagnostics) = super::yaml::FrontMatter::read(&document);
        spans.extend(front.metadata.entries.iter().flat_map(|entry| [entry.span, entry.value_span]));
        spans.extend(diagnostics.iter().map(|diagnostic| diagnostic.span));
        for span in spans {
            proptest::prop_assert!(text.get(span.range()).is_some(), "{span:?} of {text:?}");
        }
        for line in text.lines() {
            let title = title::title(line);
            proptest::prop_assert_eq!(title.name.is_empty(), line.trim().is_empty(), "{:?}", line);
            proptest::prop_assert!(!title::slug(&title.name).is_empty());
            let _ = (severity::level(line), title::fold(line));
        }
    }
}
