//! Headings: which name a phase, a numbered step, a group of procedures, or what comes after an incident.
//!
//! Only the words count, in English. Which of these a heading is in its place is decided in
//! [`super::outline`].

use super::Phase;
use super::title::{without_emoji, without_keycaps, without_number};
use crate::document::mojibake;

/// What a heading's words say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// All its words but stop words are phase vocabulary.
    Phase(Phase),
    /// It begins with a number: `1. Check X`, `Step 2: …`.
    Step {
        /// The heading without its number.
        label: String,
        /// It says `Step`, so that it can be nothing else.
        explicit: bool,
    },
    /// A phase of nothing to run: post-incident work.
    PostIncident,
    /// Anything else.
    Other,
}

/// Words of phases. The last one in a heading decides, but [`WEAK`] only where no other stands.
const VOCABULARY: &[(Phase, &[&str])] = &[
    (
        Phase::Context,
        &[
            "symptom",
            "symptoms",
            "meaning",
            "impact",
            "overview",
            "summary",
            "description",
            "background",
            "context",
            "prerequisite",
            "prerequisites",
            "requirements",
            "introduction",
            "about",
            "purpose",
            "scope",
            "definition",
            "indicators",
            "information",
            "details",
            "notes",
            "note",
            "reference",
            "references",
            "resources",
            "links",
            "architecture",
            "glossary",
            "appendix",
            "changelog",
            "contents",
            "documentation",
            "metadata",
            "severity",
            "faq",
        ],
    ),
    (
        Phase::Diagnose,
        &[
            "diagnosis",
            "diagnostic",
            "diagnostics",
            "diagnose",
            "investigation",
            "investigate",
            "investigating",
            "root",
            "cause",
            "causes",
            "analysis",
            "triage",
            "assessment",
            "detection",
            "checks",
            "inspection",
        ],
    ),
    (
        Phase::Act,
        &[
            "mitigation",
            "mitigations",
            "mitigate",
            "response",
            "containment",
            "contain",
            "workaround",
            "workarounds",
            "troubleshooting",
            "troubleshoot",
        ],
    ),
    (
        Phase::Recover,
        &[
            "recovery",
            "recover",
            "resolution",
            "resolve",
            "resolving",
            "remediation",
            "remediate",
            "fix",
            "fixes",
            "solution",
            "solutions",
            "repair",
            "eradication",
        ],
    ),
    (Phase::Verify, &["verification", "verify", "validation", "validate", "confirmation"]),
    (Phase::Rollback, &["rollback", "revert", "backout"]),
    (
        Phase::Prevent,
        &["prevention", "prevent", "preventive", "preventative", "preventing", "hardening", "lessons"],
    ),
    (Phase::Escalate, &["escalation", "escalations", "escalate", "contacts", "contact"]),
];

/// Words that make an act phase where no other word names a phase.
const WEAK: &[&str] = &[
    "action",
    "actions",
    "step",
    "steps",
    "procedure",
    "commands",
    "instructions",
    "execution",
    "remedy",
    "activities",
];

/// Words that change nothing about what a heading means.
const STOP: &[&str] = &[
    "a",
    "an",
    "the",
    "of",
    "for",
    "and",
    "or",
    "to",
    "in",
    "on",
    "with",
    "at",
    "by",
    "how",
    "what",
    "when",
    "this",
    "is",
    "if",
    "it",
    "do",
    "immediate",
    "immediately",
    "quick",
    "initial",
    "first",
    "possible",
    "potential",
    "common",
    "recommended",
    "suggested",
    "general",
    "detailed",
    "basic",
    "manual",
    "additional",
    "further",
    "next",
    "final",
    "short",
    "long",
    "term",
    "temporary",
    "permanent",
    "required",
    "plan",
    "process",
    "guide",
    "matrix",
    "path",
    "policy",
    "level",
    "levels",
    "criteria",
    "measures",
    "measure",
    "strategy",
    "section",
    "alert",
    "incident",
    "issue",
    "problem",
    "likely",
    "learned",
    "related",
    "table",
    "guidelines",
    "probable",
    "rapid",
    "known",
    "technical",
    "post",
    "after",
    "follow",
    "up",
    "roll",
    "rolling",
];

/// Words of headings that hold procedures.
const GROUP: &[&str] = &[
    "procedures",
    "operations",
    "runbooks",
    "playbooks",
    "alerts",
    "scenarios",
    "issues",
    "problems",
    "incidents",
    "tasks",
    "recipes",
    "failures",
    "errors",
];

/// What the words of a heading say.
pub(super) fn heading(text: &str) -> Heading {
    let text = plain(text);
    let (numbered, rest) = unnumbered(&text);
    if is_post_incident(rest) {
        return Heading::PostIncident;
    }
    let bare = numbered.is_some() && rest == text;
    if let Some(phase) = phase(rest).filter(|_| !bare) {
        return Heading::Phase(phase);
    }
    match numbered {
        Some(explicit) => Heading::Step { label: rest.to_owned(), explicit },
        None => Heading::Other,
    }
}

/// The text of a heading without what decorates it.
pub(super) fn plain(text: &str) -> String {
    let text = without_emoji(&without_keycaps(&mojibake::repair(text)));
    text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '<' && c != '[').to_owned()
}

/// The phase a heading without number and emoji names, if all its words but stop words are such.
pub(super) fn phase(text: &str) -> Option<Phase> {
    let mut found = None;
    let mut weak = false;
    for word in words(without_aside(text)) {
        let of_word = VOCABULARY.iter().find(|(_, words)| words.contains(&word.as_str()));
        match of_word {
            // Who verifies a fix verifies, wherever the word stands.
            Some(_) if found == Some(Phase::Verify) => {}
            Some((phase, _)) => found = Some(*phase),
            None if WEAK.contains(&word.as_str()) => weak = true,
            None if word == "back" => found = Some(Phase::Rollback),
            None if STOP.contains(&word.as_str()) => {}
            None => return None,
        }
    }
    found.or(weak.then_some(Phase::Act))
}

/// Whether a phase only gives context although its fences could be run: everything but prerequisites.
pub(super) fn is_prerequisite(text: &str) -> bool {
    words(text).any(|word| matches!(word.as_str(), "prerequisite" | "prerequisites" | "requirements"))
}

/// Whether a heading's sections are symptoms, so that its bullets are conditions.
pub(super) fn is_symptoms(text: &str) -> bool {
    phase(text) == Some(Phase::Context)
        && words(text).any(|word| matches!(word.as_str(), "symptom" | "symptoms" | "indicators"))
}

/// Whether a heading announces procedures, such as `General Recovery Procedures`.
pub(super) fn is_group(text: &str) -> bool {
    words(without_aside(text)).any(|word| GROUP.contains(&word.as_str()))
}

fn is_post_incident(text: &str) -> bool {
    let words: Vec<String> =
        words(without_aside(text)).filter(|word| word != "the" && word != "an").collect();
    let mut pairs = words.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
    words.iter().any(|word| matches!(word.as_str(), "postmortem" | "postincident" | "retrospective"))
        || pairs.any(|pair| {
            matches!(
                pair,
                ("post", "incident" | "mortem" | "recovery" | "restoration") | ("after", "incident")
            )
        })
}

/// A heading without its number, and whether it had one that says `Step`.
fn unnumbered(text: &str) -> (Option<bool>, &str) {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("step") || first.eq_ignore_ascii_case("phase") {
        let behind = text[first.len()..].trim_start();
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let is_end = !behind[digits..].starts_with(|c: char| c.is_alphanumeric());
        if digits > 0 && is_end {
            let rest = behind[digits..].trim_start_matches(['.', ')', ':', '-', '–', '—', ' ']);
            return (Some(true), if rest.is_empty() { text } else { rest });
        }
    }
    let rest = without_number(text);
    if rest.len() == text.len() { (None, text) } else { (Some(false), rest) }
}

/// The text without a bracketed remark at its end: `Immediate Actions (0-5 minutes)`.
fn without_aside(text: &str) -> &str {
    let text = text.trim().trim_end_matches(':').trim_end();
    match text.strip_suffix(')').and_then(|inner| inner.rfind('(')) {
        Some(open) if open > 0 => text[..open].trim_end(),
        _ => text,
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'))
        .filter(|word| !word.is_empty() && !word.bytes().all(|b| b.is_ascii_digit()))
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Phase::{Act, Context, Diagnose, Escalate, Prevent, Recover, Rollback, Verify};

    #[test]
    fn headings_of_phase_words_are_phases() {
        for (text, wanted) in [
            ("Symptoms", Context),
            ("Meaning", Context),
            ("Overview", Context),
            ("Prerequisites", Context),
            ("📋 Prerequisites", Context),
            ("Table of Contents", Context),
            ("Additional Resources", Context),
            ("Diagnosis", Diagnose),
            ("Root Cause", Diagnose),
            ("Root Cause Investigation", Diagnose),
            ("Possible Causes", Diagnose),
            ("🔍 Quick diagnosis", Diagnose),
            ("2. Investigation", Diagnose),
            ("Immediate Actions", Act),
            ("Immediate Actions (0-5 minutes)", Act),
            ("Phase 2: Immediate Response (5-15 min)", Act),
            ("Steps", Act),
            ("Procedure", Act),
            ("Mitigation", Act),
            ("Resolution steps", Recover),
            ("Recovery:", Recover),
            ("How to fix", Recover),
            ("Verification", Verify),
            ("Recovery Verification", Verify),
            ("Verify the fix", Verify),
            ("Rollback", Rollback),
            ("Rollback Procedure", Rollback),
            ("Roll back", Rollback),
            ("Prevention", Prevent),
            ("Lessons Learned", Prevent),
            ("Escalation", Escalate),
            ("Escalation Matrix", Escalate),
        ] {
            assert_eq!(heading(text), Heading::Phase(wanted), "{text:?}");
        }
    }

    #[test]
    fn other_headings_are_none() {
        for text in [
            "Rollback Deployment",
            "Full System Restart",
            "MTTR Exceeded",
            "General etcd health",
            "General Recovery Procedures",
            "Fix alerts before continuing",
            "If the node is unreachable",
            "3 engines down",
            "Phased rollout",
            "Stepwise",
            "",
        ] {
            assert_eq!(heading(text), Heading::Other, "{text:?}");
        }
    }

    #[test]
    fn numbered_headings_are_steps_and_lose_their_number() {
        for (text, label, explicit) in [
            ("1. Check the pods", "Check the pods", false),
            ("2) Restart", "Restart", false),
            ("2️⃣ Step 2: Restart", "Restart", true),
            ("Step 2: Restart", "Restart", true),
            ("Step 3 - Look at the logs", "Look at the logs", true),
            ("Step 4", "Step 4", true),
            ("2.1 Check disk", "Check disk", false),
        ] {
            assert_eq!(heading(text), Heading::Step { label: label.into(), explicit }, "{text:?}");
        }
    }

    #[test]
    fn post_incident_work_and_groups_are_told_apart() {
        for text in ["Post-Incident", "📊 Post-Incident Actions", "Post-mortem", "After the Incident"] {
            assert_eq!(heading(text), Heading::PostIncident, "{text:?}");
        }
        for (text, wanted) in [
            ("General Recovery Procedures", true),
            ("Common Issues", true),
            ("Procedure", false),
            ("Rollback Deployment", false),
        ] {
            assert_eq!(is_group(text), wanted, "{text:?}");
        }
        assert!(is_symptoms("🔥 Symptoms") && !is_symptoms("Impact"));
        assert!(is_prerequisite("Prerequisites") && !is_prerequisite("Overview"));
    }
}
