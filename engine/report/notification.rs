//! What a notifier is told when somebody must be told: the payload and its signature.
//!
//! Sends nothing. A command gets the payload on its standard input; a webhook gets it as the body of a POST
//! with [`SIGNATURE_HEADER`]. Whatever comes of it never changes a run's result.

use super::escalation::{Escalation, Reason};
use super::record::Record;
use crate::event::{JudgedTarget, Outcome};
use crate::runbook::EscalationRow;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use std::collections::BTreeMap;

/// Version of the payload's keys.
pub const VERSION: u32 = 1;

/// Header that carries [`signature`].
pub const SIGNATURE_HEADER: &str = "X-Runbook-Signature";

#[derive(Serialize)]
struct Payload<'a> {
    v: u32,
    kind: &'static str,
    /// The same for every attempt at this end of the run: a receiver drops what it has seen.
    id: String,
    reason: Reason,
    run: &'a str,
    mode: &'a str,
    procedure: &'a str,
    title: &'a str,
    file: &'a str,
    line: usize,
    severity: Option<&'a str>,
    parameters: &'a BTreeMap<String, String>,
    user: &'a str,
    host: &'a str,
    /// When the alert fired, if the caller said so.
    detected_at: Option<&'a str>,
    started_at: Option<&'a str>,
    outcome: Option<Outcome>,
    exit: Option<i32>,
    summary: Option<&'a str>,
    targets: &'a [JudgedTarget],
    escalation: Rows<'a>,
}

/// Whom to tell, as JSON has it.
#[derive(Serialize)]
pub(super) struct Rows<'a> {
    /// Whether the severity has a row; else these are all.
    fits: bool,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    severity: &'a str,
    response: &'a str,
    people: &'a str,
}

impl<'a> Rows<'a> {
    /// Those of `escalation`.
    pub(super) fn of(escalation: &'a Escalation) -> Self {
        let row = |row: &'a EscalationRow| Row {
            severity: &row.severity,
            response: &row.response,
            people: &row.people,
        };
        Self { fits: escalation.fits, rows: escalation.rows.iter().map(row).collect() }
    }
}

/// The payload, as JSON on one line; none for a record without a start.
pub fn payload(record: &Record, escalation: &Escalation) -> Option<String> {
    let started = record.started.as_ref()?;
    let finished = record.finished.as_ref();
    let reason = match escalation.reason {
        Reason::Failed => "failed",
        Reason::Contained => "contained",
        Reason::TargetMissed => "target_missed",
    };
    let payload = Payload {
        v: VERSION,
        kind: "escalation",
        id: format!("{}:{reason}:{}", started.run, finished.map_or(0, |end| end.events)),
        reason: escalation.reason,
        run: &started.run,
        mode: &started.mode,
        procedure: &started.procedure,
        title: &started.title,
        file: &started.file,
        line: started.line,
        severity: started.severity.as_deref(),
        parameters: &started.parameters,
        user: &started.user,
        host: &started.host,
        detected_at: started.detected_at.as_deref(),
        started_at: record.started_at.as_deref(),
        outcome: record.outcome(),
        exit: finished.map(|end| end.exit),
        summary: finished.map(|end| end.summary.as_str()),
        targets: &record.targets,
        escalation: Rows::of(escalation),
    };
    Some(serde_json::to_string(&payload).expect("a payload has only string keys"))
}

/// HMAC-SHA256 of `body` with `secret`: `sha256=` and 64 hex digits.
pub fn signature(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::super::{escalation, sample, schema};
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_payload_says_what_happened_and_whom_to_tell() {
        let record = Record::of(&sample::events());
        let matrix = [EscalationRow {
            severity: "P0 (Critical)".into(),
            response: "Immediate".into(),
            people: "CTO".into(),
            line: 3,
        }];
        let due = escalation::due(&record, &matrix).expect("is due");
        let text = payload(&record, &due).expect("has started");
        assert!(!text.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("is JSON"),
            json!({
                "v": 1, "kind": "escalation", "id": "20260102T030405Z-abcdef:contained:11", "reason": "contained",
                "run": "20260102T030405Z-abcdef", "mode": "exec", "procedure": "engine-restart-failed",
                "title": "Engine Restart Failed", "file": "bot.md", "line": 49, "severity": "Critical",
                "parameters": {"engine_id": "3"}, "user": "ann", "host": "box",
                "detected_at": null, "started_at": "2026-01-02T03:04:05.000Z", "outcome": "contained", "exit": 5,
                "summary": "step 3 acted as the fallback of step 2, and nothing verified it",
                "targets": [{"text": "Auto-restart < 30 seconds", "verdict": "not_reached",
                             "elapsed_ms": 5344, "limit_ms": 30000}],
                "escalation": {"fits": true, "rows": [{"severity": "P0 (Critical)", "response": "Immediate",
                                                        "people": "CTO"}]},
            })
        );
        assert_eq!(payload(&Record::default(), &due), None);
    }

    #[test]
    fn the_signature_is_the_one_of_rfc_4231() {
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        // Test case 6: a key longer than a block.
        assert_eq!(
            signature(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "sha256=60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_payload_fits_its_schema() {
        let schema = include_str!("../../runbooks/reference/schema/notification.schema.json");
        for events in [sample::events(), sample::hostile("x")] {
            let record = Record::of(&events);
            let due = escalation::due(&record, &[]).expect("is due");
            let text = payload(&record, &due).expect("has started");
            assert_eq!(schema::misfits(schema, &text), Vec::<String>::new(), "{text}");
        }
    }
}
