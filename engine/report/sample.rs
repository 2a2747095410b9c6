//! A run as events, for the tests of every form.

mod answered;
mod hostile;

use crate::event::{
    Choice, Event, EventBody, JudgedTarget, Outcome, Purpose, RunFinished, RunStarted, SkipReason,
    StatementStatus, StepFinished, StepHeader, StepResult, Stream, TargetVerdict,
};
use crate::journal::Chain;
use crate::plan::{
    BoundParameter, Plan, PlanReach, PlanStep, ProcedureHeader, RunMode, ShellWork, StepId, Work,
};
use crate::runbook::{
    Action, ChecklistItem, CommandBlock, CommandMode, Comparator, EscalationRow, Inference, Metadata, Metric,
    Parameter, ParameterDeclaration, Phase, Procedure, ProcedureKind, Quantity, Reach, Role, Runbook,
    Severity, Step, StepDirective, Symptom, Target, Unit,
};
use crate::shell::Effect;
use crate::source::{Source, Span};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use answered::answered;
pub(crate) use hostile::hostile;

pub(crate) fn finished(step: u32, result: StepResult, wall_ms: u64) -> StepFinished {
    StepFinished {
        step: StepId(step),
        attempt: 1,
        result,
        wall_ms,
        human_ms: 0,
        output_bytes: [0, 0],
        dropped_bytes: [0, 0],
        statements: vec![],
        not_run: vec![],
        http: vec![],
        shell_ended: false,
        leaked: vec![],
        state: None,
    }
}

pub(crate) fn started() -> RunStarted {
    let step = |id: &str, label: &str, line, role, effect, fallback_of| StepHeader {
        id: id.into(),
        slug: label.to_lowercase().replace(' ', "-"),
        label: label.into(),
        line,
        role,
        effect,
        fallback_of,
    };
    RunStarted {
        run: "20260102T030405Z-abcdef".into(),
        procedure: "engine-restart-failed".into(),
        title: "Engine Restart Failed".into(),
        file: "bot.md".into(),
        line: 49,
        document_sha256: "ab".into(),
        severity: Some("Critical".into()),
        escalation_row: None,
        detected_at: None,
        before_ms: 0,
        verify_timeout_ms: None,
        targets: vec!["Auto-restart < 30 seconds".into()],
        parameters: BTreeMap::from([("engine_id".into(), "3".into())]),
        mode: "exec".into(),
        unattended: true,
        workdir: "/srv/bot".into(),
        user: "ann".into(),
        host: "box".into(),
        engine: "0.1.0".into(),
        pid: 42,
        steps: vec![
            step("1", "Check engine status", 60, Role::Observe, Effect::Reads, None),
            step("2", "Force restart", 65, Role::Act, Effect::Changes, None),
            step("3", "If persistent, activate kill switch", 72, Role::Act, Effect::Changes, Some(StepId(1))),
            step("4", "Verify recovery", 80, Role::Verify, Effect::Reads, None),
        ],
    }
}

pub(crate) fn events() -> Vec<Event> {
    let start = |step, purpose, script: &str| EventBody::StepStarted {
        step: StepId(step),
        attempt: 1,
        purpose,
        script: Some(script.into()),
        timeout_ms: 60_000,
    };
    let failed = StepFinished {
        statements: vec![StatementStatus { line: 66, status: 0 }, StatementStatus { line: 67, status: 22 }],
        not_run: vec!["sleep 5".into()],
        ..finished(1, StepResult::Failed { status: 22, not_tried: None }, 5_200)
    };
    let bodies = vec![
        (0, EventBody::RunStarted(Box::new(started()))),
        (1, start(0, Purpose::Plan, "curl -s http://localhost/engines/3\n")),
        (
            20,
            EventBody::Output {
                step: StepId(0),
                stream: Stream::Stdout,
                text: "{\"id\":3,\"sta".into(),
                late: false,
            },
        ),
        (
            21,
            EventBody::Output {
                step: StepId(0),
                stream: Stream::Stdout,
                text: "tus\":\"stopped\"}".into(),
                late: false,
            },
        ),
        (40, EventBody::StepFinished(Box::new(finished(0, StepResult::Passed, 39)))),
        (41, start(1, Purpose::Plan, "curl -X POST …\nsleep 5")),
        (5_241, EventBody::StepFinished(Box::new(failed))),
        (5_242, start(2, Purpose::Fallback, "curl -X POST …/kill")),
        (5_342, EventBody::StepFinished(Box::new(finished(2, StepResult::Passed, 100)))),
        (5_343, EventBody::StepSkipped { step: StepId(3), reason: SkipReason::Blocked, detail: None }),
        (
            5_344,
            EventBody::Target {
                text: "Auto-restart < 30 seconds".into(),
                verdict: TargetVerdict::NotReached,
                elapsed_ms: Some(5_344),
                limit_ms: Some(30_000),
            },
        ),
        (
            5_345,
            EventBody::RunFinished(Box::new(RunFinished {
                outcome: Outcome::Contained,
                summary: "step 3 acted as the fallback of step 2, and nothing verified it".into(),
                exit: 5,
                wall_ms: 5_345,
                machine_ms: 5_345,
                human_ms: 0,
                recovered_ms: None,
                targets: vec![],
                rehearsal: None,
                warnings: vec![],
                left_running: vec![],
                exercised: None,
                events: 11,
            })),
        ),
    ];
    chained(bodies)
}

/// A run with a person, in which the restart works at once and its verify at the second attempt.
pub(crate) fn recovered() -> Vec<Event> {
    let start = |step, attempt, script: &str| EventBody::StepStarted {
        step: StepId(step),
        attempt,
        purpose: Purpose::Plan,
        script: Some(script.into()),
        timeout_ms: 60_000,
    };
    let output = |step, stream, text: &str| EventBody::Output {
        step: StepId(step),
        stream,
        text: text.into(),
        late: false,
    };
    let failed = |status| StepResult::Failed { status, not_tried: None };
    let restarted =
        StepFinished { leaked: vec!["sleep (99)".into()], ..finished(1, StepResult::Passed, 5_000) };
    let target = JudgedTarget {
        text: "Auto-restart < 30 seconds".into(),
        verdict: TargetVerdict::Met,
        elapsed_ms: Some(26_241),
        limit_ms: Some(30_000),
    };
    let head = RunStarted {
        detected_at: Some("2026-01-02T03:03:50Z".into()),
        before_ms: 15_000,
        unattended: false,
        ..started()
    };
    chained(vec![
        (0, EventBody::RunStarted(Box::new(head))),
        (1, start(0, 1, "curl http://localhost/engines/3")),
        (20, output(0, Stream::Stderr, "curl: (7) Failed to connect\n")),
        (40, EventBody::StepFinished(Box::new(finished(0, failed(7), 39)))),
        (
            4_040,
            EventBody::Confirmation {
                step: Some(StepId(1)),
                question: "run step 2 `Force restart`".into(),
                answer: Choice::Yes,
                by: "operator".into(),
                waited_ms: 4_000,
                note: None,
            },
        ),
        (4_041, start(1, 1, "docker compose restart api")),
        (9_041, EventBody::StepFinished(Box::new(restarted))),
        (9_042, start(3, 1, "curl -f http://localhost/health")),
        (9_142, EventBody::StepFinished(Box::new(finished(3, failed(22), 100)))),
        (
            9_143,
            EventBody::StepRetrying {
                step: StepId(3),
                attempt: 2,
                after_ms: 2_000,
                reason: "not verified yet".into(),
            },
        ),
        (11_143, start(3, 2, "curl -f http://localhost/health")),
        (11_200, output(3, Stream::Stdout, "{\"status\":\"ok\"}\n")),
        (
            11_241,
            EventBody::StepFinished(Box::new(StepFinished {
                attempt: 2,
                ..finished(3, StepResult::Passed, 98)
            })),
        ),
        (11_242, EventBody::StepSkipped { step: StepId(2), reason: SkipReason::NotNeeded, detail: None }),
        (11_243, EventBody::Note { step: None, text: "the disk was full".into() }),
        (
            11_244,
            EventBody::Target {
                text: target.text.clone(),
                verdict: target.verdict,
                elapsed_ms: target.elapsed_ms,
                limit_ms: target.limit_ms,
            },
        ),
        (
            11_245,
            EventBody::RunFinished(Box::new(RunFinished {
                outcome: Outcome::Verified,
                summary: "succeeded, verified by step 4".into(),
                exit: 0,
                wall_ms: 11_245,
                machine_ms: 5_237,
                human_ms: 4_000,
                recovered_ms: Some(11_241),
                targets: vec![target],
                rehearsal: None,
                warnings: vec![],
                left_running: vec!["tail (4711)".into()],
                exercised: None,
                events: 16,
            })),
        ),
    ])
}

/// The events of a run that started at 03:04:05.
pub(crate) fn chained(bodies: Vec<(u64, EventBody)>) -> Vec<Event> {
    let mut chain = Chain::default();
    let start: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().expect("is a time");
    let linked = bodies.into_iter().map(|(ms, body)| {
        let at = format!("{:.3}", start + jiff::SignedDuration::from_millis(ms as i64));
        let (event, line) = chain.link(body, at, ms);
        chain.accept(&line);
        event
    });
    linked.collect()
}

/// The same run's plan, without its verify.
pub(crate) fn plan() -> Plan {
    let step = |index: usize, reach, needs: &[u32], script: &str, timeout| {
        let header = &started().steps[index];
        PlanStep {
            id: header.id.clone(),
            slug: header.slug.clone(),
            label: header.label.clone(),
            line: header.line,
            phase: Phase::Act,
            role: header.role,
            effect: header.effect,
            reach,
            optional: false,
            emergency: false,
            needs: needs.iter().copied().map(StepId).collect(),
            work: Work::Shell(ShellWork {
                script: script.into(),
                shown: script.into(),
                open: script.contains('{'),
                statements: vec![],
                mode: RunMode::Once,
                options: vec![],
                programs: vec![],
                remote_lines: vec![],
                traceless: false,
            }),
            always: false,
            retry: 0,
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(timeout),
            exit: None,
            expectation: None,
            notes: vec![],
            inferred: vec![],
            parameters: vec![],
            ignored: None,
        }
    };
    let mut steps = vec![
        step(0, PlanReach::Plain, &[], "curl http://localhost:8000/engines/{engine_id}", 60),
        step(
            1,
            PlanReach::Plain,
            &[0],
            "curl -X POST http://localhost:8000/engines/{engine_id}/stop\nsleep 5\n",
            600,
        ),
        step(
            2,
            PlanReach::Fallback { of: StepId(1) },
            &[],
            "curl -X POST http://localhost:8000/live/kill",
            600,
        ),
    ];
    steps[2].inferred = vec![Inference { what: "fallback of step 2, from `If persistent`".into(), line: 71 }];
    Plan {
        procedure: ProcedureHeader {
            id: "engine-restart-failed".into(),
            title: "Engine Restart Failed".into(),
            kind: ProcedureKind::Alert,
            file: "bot.md".into(),
            line: 49,
            severity: Some(Severity { text: "Critical".into(), level: None }),
            targets: vec![],
        },
        steps,
        parameters: vec![BoundParameter {
            name: "engine_id".into(),
            flag: "--engine-id".into(),
            value: None,
            origin: None,
            secret: false,
            variable: None,
            line: 61,
        }],
        not_run: Vec::new(),
        notes: vec![],
        document_sha256: "ab".into(),
        workdir: "/srv/bot".into(),
        verify_timeout: None,
    }
}

/// A small runbook.
pub(crate) fn runbook() -> Runbook {
    let source = Source::new("bot.md", b"# Bot\n\n## Engine Restart Failed\n".to_vec()).expect("is text");
    let step = Step {
        id: "1".into(),
        slug: "check-engine-status".into(),
        label: "Check engine status".into(),
        line: 5,
        span: Span::default(),
        phase: Phase::Act,
        role: Role::Observe,
        effect: Effect::Reads,
        reach: Reach::Plain,
        optional: false,
        emergency: false,
        action: Action::Command(CommandBlock {
            script: "curl localhost/engines/{engine_id}\n".into(),
            lines: vec![],
            mode: CommandMode::Once,
            remote_lines: vec![],
        }),
        notes: vec![],
        directive: StepDirective::default(),
        expectation: None,
        inferred: vec![],
    };
    let procedure = Procedure {
        id: "engine-restart-failed".into(),
        title: "Engine Restart Failed".into(),
        kind: ProcedureKind::Alert,
        heading: Span::default(),
        line: 3,
        aliases: vec![],
        metadata: Metadata::default(),
        severity: Some(Severity { text: "Critical".into(), level: None }),
        targets: vec![Target {
            text: "Auto-restart < 30 seconds".into(),
            metric: Metric::Recovery,
            comparator: Some(Comparator::Less),
            quantity: Some(Quantity { value: 30.0, low: None, unit: Unit::Seconds }),
            span: Span::default(),
            probe: None,
        }],
        symptoms: vec![Symptom {
            text: "Position stuck open".into(),
            condition: None,
            span: Span::default(),
        }],
        steps: vec![step],
        possible: vec![],
        notes: vec![],
        parameters: vec![Parameter {
            name: "engine_id".into(),
            flag: "--engine-id".into(),
            places: vec![],
            declaration: ParameterDeclaration::default(),
        }],
        test: Default::default(),
    };
    Runbook {
        source,
        title: "Bot".into(),
        front_title: None,
        metadata: Metadata::default(),
        procedures: vec![procedure],
        escalation: vec![EscalationRow {
            severity: "P0".into(),
            response: "Immediate".into(),
            people: "CTO".into(),
            line: 9,
        }],
        post_incident: vec![ChecklistItem { text: "Write it down".into(), line: 12 }],
    }
}
