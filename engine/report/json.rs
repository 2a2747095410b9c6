//! The report of a run as JSON: stable keys, versioned, made from the journal alone.

use super::escalation::{Escalation, Reason};
use super::notification::Rows;
use super::outputs::{Output, outputs};
use super::record::{Record, Settled, StepRecord};
use crate::event::{Event, EventBody, Outcome, Purpose, SkipReason, StepHeader, StepResult, TargetVerdict};
use crate::runbook::Role;
use crate::shell::Effect;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the report's keys.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    v: u32,
    run: &'a str,
    mode: &'a str,
    procedure: &'a str,
    title: &'a str,
    file: &'a str,
    line: usize,
    document_sha256: &'a str,
    severity: Option<&'a str>,
    detected_at: Option<&'a str>,
    parameters: &'a BTreeMap<String, String>,
    started_at: Option<&'a str>,
    unattended: bool,
    workdir: &'a str,
    user: &'a str,
    host: &'a str,
    engine: &'a str,
    /// `null` while the run has no end.
    outcome: Option<Outcome>,
    exit: Option<i32>,
    summary: Option<&'a str>,
    wall_ms: u64,
    machine_ms: Option<u64>,
    human_ms: Option<u64>,
    recovered_ms: Option<u64>,
    targets: Vec<TargetJson<'a>>,
    steps: Vec<StepJson<'a>>,
    warnings: &'a [String],
    left_running: &'a [String],
    /// `null` where nobody must be told.
    escalation: Option<Told<'a>>,
    notifications: Vec<NotificationJson<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    reason: Reason,
    #[serde(flatten)]
    rows: Rows<'a>,
}

#[derive(Serialize)]
struct NotificationJson<'a> {
    at: &'a str,
    notifier: &'a str,
    result: &'a str,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    text: &'a str,
    verdict: TargetVerdict,
    elapsed_ms: Option<u64>,
    limit_ms: Option<u64>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    id: &'a str,
    slug: &'a str,
    label: &'a str,
    line: usize,
    role: Role,
    effect: Effect,
    fallback_of: Option<&'a str>,
    /// `passed`, `failed`, …, `skipped`, `not_run`, or `unknown` where the engine died.
    status: &'a str,
    skipped: Option<SkipReason>,
    detail: Option<&'a str>,
    /// What a person said of its failure.
    settled: Option<SettledJson<'a>>,
    /// A person wrote the command of its last attempt.
    edited: bool,
    wall_ms: u64,
    attempts: Vec<AttemptJson<'a>>,
}

#[derive(Serialize)]
struct SettledJson<'a> {
    how: &'static str,
    note: &'a str,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    purpose: Purpose,
    started_ms: u64,
    result: Option<&'a StepResult>,
    wall_ms: Option<u64>,
    stdout: String,
    stderr: String,
    dropped_bytes: [u64; 2],
}

/// The report of the run that `events` tell, with whom to tell; none if they do not begin with a run's start.
pub fn render(events: &[Event], escalation: Option<&Escalation>) -> Option<String> {
    let record = Record::of(events);
    let outputs = outputs(events, record.steps.len());
    let started = record.started.as_ref()?;
    let finished = record.finished.as_ref();
    let steps = started
        .steps
        .iter()
        .zip(record.steps.iter().zip(outputs))
        .map(|(header, (step, output))| step_json(header, step, output, &started.steps))
        .collect();
    let report = Report {
        v: VERSION,
        run: &started.run,
        mode: &started.mode,
        procedure: &started.procedure,
        title: &started.title,
        file: &started.file,
        line: started.line,
        document_sha256: &started.document_sha256,
        severity: started.severity.as_deref(),
        detected_at: started.detected_at.as_deref(),
        parameters: &started.parameters,
        started_at: record.started_at.as_deref(),
        unattended: started.unattended,
        workdir: &started.workdir,
        user: &started.user,
        host: &started.host,
        engine: &started.engine,
        outcome: record.outcome(),
        exit: finished.map(|end| end.exit),
        summary: finished.map(|end| end.summary.as_str()),
        wall_ms: finished.map_or(record.last_ms, |end| end.wall_ms),
        machine_ms: finished.map(|end| end.machine_ms),
        human_ms: finished.map(|end| end.human_ms),
        recovered_ms: finished.and_then(|end| end.recovered_ms).map(|ms| ms + started.before_ms),
        targets: record
            .targets
            .iter()
            .map(|target| TargetJson {
                text: &target.text,
                verdict: target.verdict,
                elapsed_ms: target.elapsed_ms,
                limit_ms: target.limit_ms,
            })
            .collect(),
        steps,
        warnings: finished.map_or(&[], |end| &end.warnings),
        left_running: finished.map_or(&[], |end| &end.left_running),
        escalation: escalation.map(|due| Told { reason: due.reason, rows: Rows::of(due) }),
        notifications: events
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::Notification { notifier, result } => {
                    Some(NotificationJson { at: &event.at, notifier, result })
                }
                _ => None,
            })
            .collect(),
    };
    Some(serde_json::to_string_pretty(&report).expect("a report has only string keys") + "\n")
}

fn step_json<'a>(
    header: &'a StepHeader,
    step: &'a StepRecord,
    output: Vec<Output>,
    headers: &'a [StepHeader],
) -> StepJson<'a> {
    let status = match (step.result(), &step.skipped) {
        (Some(result), _) => status(result),
        (None, _) if step.is_open() => "unknown",
        (None, Some(_)) => "skipped",
        (None, None) => "not_run",
    };
    let mut output = output.into_iter();
    StepJson {
        id: &header.id,
        slug: &header.slug,
        label: &header.label,
        line: header.line,
        role: header.role,
        effect: header.effect,
        fallback_of: header.fallback_of.and_then(|of| headers.get(of.index())).map(|of| of.id.as_str()),
        status,
        skipped: step.skipped.as_ref().map(|(reason, _)| *reason),
        detail: step.skipped.as_ref().and_then(|(_, detail)| detail.as_deref()),
        settled: step.settled.as_ref().map(|settled| match settled {
            Settled::ByHand(note) => SettledJson { how: "by_hand", note },
            Settled::Skipped(note) => SettledJson { how: "skipped", note },
        }),
        edited: step.edited,
        wall_ms: step.wall_ms(),
        attempts: step
            .attempts
            .iter()
            .map(|attempt| {
                let Output { stdout, stderr, .. } = output.next().unwrap_or_default();
                let end = attempt.finished.as_ref();
                AttemptJson {
                    purpose: attempt.purpose,
                    started_ms: attempt.started_ms,
                    result: end.map(|end| &end.result),
                    wall_ms: end.map(|end| end.wall_ms),
                    stdout,
                    stderr,
                    dropped_bytes: end.map_or([0, 0], |end| end.dropped_bytes),
                }
            })
            .collect(),
    }
}

fn status(result: &StepResult) -> &'static str {
    match result {
        StepResult::Passed => "passed",
        StepResult::Failed { .. } => "failed",
        StepResult::Mismatched { .. } => "mismatched",
        StepResult::TimedOut { .. } => "timed_out",
        StepResult::Signaled { .. } => "signaled",
        StepResult::Cancelled => "cancelled",
        StepResult::Done { .. } => "done",
        StepResult::LeftOpen => "left_open",
        StepResult::CouldNotStart { .. } => "could_not_start",
        StepResult::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{sample, schema};
    use super::*;
    use crate::event::Choice;
    use crate::report::escalation;
    use crate::runbook::EscalationRow;
    use serde_json::{Value, json};

    #[test]
    fn the_report_has_every_step_with_its_output() {
        let text = render(&sample::events(), None).expect("has a start");
        let report: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(report["outcome"], "contained");
        assert_eq!(report["exit"], 5);
        assert_eq!(report["parameters"], json!({"engine_id": "3"}));
        assert_eq!(report["steps"][0]["attempts"][0]["stdout"], "{\"id\":3,\"status\":\"stopped\"}");
        assert_eq!(report["steps"][1]["status"], "failed");
        assert_eq!(report["steps"][1]["attempts"][0]["result"], json!({"result": "failed", "status": 22}));
        assert_eq!(report["steps"][2]["fallback_of"], "2");
        assert_eq!(report["steps"][3]["status"], "skipped");
        assert_eq!(report["steps"][3]["skipped"], "blocked");
        assert_eq!(
            report["targets"],
            json!([{"text": "Auto-restart < 30 seconds", "verdict": "not_reached", "elapsed_ms": 5344, "limit_ms": 30000}])
        );
    }

    #[test]
    fn what_a_person_did_about_a_step_stands_beside_its_status() {
        for (answer, settled, edited, status) in [
            (Choice::DoneByHand, json!({"how": "by_hand", "note": "x"}), false, "failed"),
            (Choice::Skip, json!({"how": "skipped", "note": "x"}), false, "failed"),
            (Choice::Edit, Value::Null, true, "passed"),
        ] {
            let text = render(&sample::answered(answer, "x"), None).expect("has a start");
            let step = &serde_json::from_str::<Value>(&text).expect("is JSON")["steps"][1];
            assert_eq!(
                (&step["settled"], &step["edited"], &step["status"]),
                (&settled, &json!(edited), &json!(status))
            );
        }
    }

    #[test]
    fn a_run_without_an_end_is_unknown() {
        let events = sample::events();
        let text = render(&events[..6], None).expect("has a start");
        let report: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(report["outcome"], Value::Null);
        assert_eq!(report["steps"][1]["status"], "unknown");
        assert_eq!(report["steps"][2]["status"], "not_run");
        assert_eq!(render(&[], None), None);
    }

    #[test]
    fn every_report_fits_its_schema() {
        let schema = include_str!("../../runbooks/reference/schema/report.schema.json");
        let row =
            EscalationRow { severity: "P0".into(), response: "now".into(), people: "CTO".into(), line: 1 };
        let answered = sample::answered(Choice::DoneByHand, "restarted it");
        for events in [sample::events(), sample::recovered(), answered, sample::hostile("x")] {
            for end in 1..=events.len() {
                let due = escalation::due(&Record::of(&events[..end]), std::slice::from_ref(&row));
                let text = render(&events[..end], due.as_ref()).expect("has a start");
                assert_eq!(schema::misfits(schema, &text), Vec::<String>::new(), "{text}");
            }
        }
    }
}
