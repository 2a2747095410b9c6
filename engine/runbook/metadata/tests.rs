use super::*;
use crate::document;
use crate::source::Source;

fn read(text: &str) -> (Source, Document) {
    let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
    let document = document::read(&source).0;
    (source, document)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let found = metadata(&read(text).1.preamble);
    found.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

#[test]
fn every_way_to_write_an_entry_is_understood() {
    for (text, wanted) in [
        (
            "**Severity**: Critical  \n**Target**: Recovery < 2 minutes",
            &[("Severity", "Critical"), ("Target", "Recovery < 2 minutes")][..],
        ),
        ("**Severity:** Critical\n**Target:** x", &[("Severity", "Critical"), ("Target", "x")]),
        ("**Severity** : Critical", &[("Severity", "Critical")]),
        ("🚨 **Severity:** 🔴 Critical", &[("Severity", "Critical")]),
        ("**Severity**: High | **Owner**: DevOps", &[("Severity", "High"), ("Owner", "DevOps")]),
        ("**RTO:** 1 hour", &[("RTO", "1 hour")]),
        ("**Blast radius**: one zone", &[("Blast radius", "one zone")]),
        ("Severity: warning\nOwner: DevOps Team", &[("Severity", "warning"), ("Owner", "DevOps Team")]),
        ("Last Updated: 2025-10-15", &[("Last Updated", "2025-10-15")]),
        ("last_reviewed_on: 2025-10-15", &[("last_reviewed_on", "2025-10-15")]),
        (
            "- **Severity**: P1 (SLO breach imminent)\n- **Pager**: yes",
            &[("Severity", "P1 (SLO breach imminent)"), ("Pager", "yes")],
        ),
        ("- Severity: P1\n- Owner: x", &[("Severity", "P1"), ("Owner", "x")]),
        ("> **SLA**: 15 minutes to resolution", &[("SLA", "15 minutes to resolution")]),
        (
            "| Field | Value |\n|---|---|\n| Severity | P1 |\n| **RTO** | < 15 min |\n| Pager | `x` |",
            &[("Severity", "P1"), ("RTO", "< 15 min"), ("Pager", "x")],
        ),
        ("| Severity | P1 |\n|---|---|\n| Owner | DevOps |", &[("Severity", "P1"), ("Owner", "DevOps")]),
        (
            "| Severity | Owner | SLA |\n|---|---|---|\n| P1 | DevOps | 4 h |",
            &[("Severity", "P1"), ("Owner", "DevOps"), ("SLA", "4 h")],
        ),
        ("**Target**: ‚â• 90% pass rate", &[("Target", "≥ 90% pass rate")]),
        ("**Severity**: Critical\nThis alert fires when it hurts.", &[("Severity", "Critical")]),
        (
            "**Impact**: a value that is so long that it has to be wrapped at the edge\nof the page, ≥ once\n**Owner**: x",
            &[
                (
                    "Impact",
                    "a value that is so long that it has to be wrapped at the edge of the page, ≥ once",
                ),
                ("Owner", "x"),
            ],
        ),
    ] {
        let wanted: Vec<_> =
            wanted.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(pairs(text), wanted, "{text:?}");
    }
}

#[test]
fn prose_is_no_metadata() {
    for text in [
        "Note: this takes a while",
        "**WARNING/DANGER**: this deletes data",
        "- `status: x` says so",
        "**Note**: this takes a while",
        "**If it fails**: restart",
        "**Step 1**: look",
        "**Resolution:**",
        "Status: run this and look at the output:",
        "**Severity**:",
        "We look at severity: it matters",
        "Look first.\n**Severity**: Critical",
        "Check the logs: `docker logs x`",
        "1. **Severity**: set it",
        "- **Network issues**: look at the network\n- **Disk**: look at the disk",
        "| Severity | Response Time |\n|---|---|\n| P0 | Immediate |\n| P1 | 15 min |",
        "| Step | What |\n|---|---|\n| 1 | look |",
        "```\nSeverity: x\n```",
    ] {
        assert_eq!(pairs(text), [], "{text:?}");
    }
}

#[test]
fn a_block_is_metadata_only_when_nothing_else_is_in_it() {
    for (text, wanted) in [
        ("**Severity**: Critical  \n**Target**: x", true),
        ("**Severity**: Critical  \n**Blast radius**: x", true),
        ("Severity: High", true),
        ("> **Severity**: High", true),
        ("- Severity: High\n- Owner: x", true),
        ("| Severity | P1 |\n|---|---|\n| Owner | DevOps |", true),
        ("**Blast radius**: x", false),
        ("**Severity**: Critical\nThis alert fires when it hurts.", false),
        ("- Severity: High\n- look at it", false),
        ("- Severity: High\n\n  and more", false),
        ("text", false),
        ("---", false),
    ] {
        let blocks = read(&format!("x\n\n{text}\n")).1.preamble;
        assert_eq!(blocks[1..].iter().all(is_metadata), wanted, "{text:?}");
    }
}

#[test]
fn entries_keep_their_places() {
    let (source, document) = read("**Severity:** High  \n**Target**: ‚â• 90% pass ‚â•\n");
    let found = metadata(&document.preamble);
    let places: Vec<(&str, &str)> = found
        .entries
        .iter()
        .map(|entry| (source.slice(entry.span), source.slice(entry.value_span)))
        .collect();
    assert_eq!(places, [("Severity:** High", "High"), ("Target**: ‚â• 90% pass ‚â•", "‚â• 90% pass ‚â•")]);
}

#[test]
fn a_documents_metadata_stands_at_its_top_and_behind_its_last_rule() {
    let (_, document) = read(
        "**Owner**: DevOps\n\n# Title\n\n**Tags**: a, b\n\n## A\n\n**Severity**: High\n\n## Last\n\n\
         **Trigger**: x\n\n---\n\n**Last Updated**: 2025-10-15  \n**Review Cycle**: Monthly\n",
    );
    let keys: Vec<String> = of_document(&document).entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["Owner", "Tags", "Last Updated", "Review Cycle"]);
}
