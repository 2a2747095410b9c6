//! Steps and plans for tests, in a word or two each.

use super::{Plan, PlanReach, PlanStep, ProcedureHeader, RunMode, ShellWork, StepId, Work};
use crate::runbook::{Comparator, Metric, Note, Phase, ProcedureKind, Quantity, Role, Target, Unit};
use crate::shell::Effect;
use crate::source::Span;
use std::time::Duration;

pub(crate) fn step(id: &str, role: Role) -> PlanStep {
    let effect = if role == Role::Act { Effect::Changes } else { Effect::Reads };
    PlanStep {
        id: id.into(),
        slug: format!("s{id}"),
        label: format!("Step {id}"),
        line: 1,
        phase: Phase::Act,
        role,
        effect,
        reach: PlanReach::Plain,
        optional: false,
        emergency: false,
        needs: Vec::new(),
        work: Work::Shell(ShellWork {
            script: String::new(),
            shown: String::new(),
            open: false,
            statements: Vec::new(),
            mode: RunMode::Once,
            options: Vec::new(),
            programs: Vec::new(),
            remote_lines: Vec::new(),
            traceless: false,
        }),
        always: false,
        retry: 0,
        every: Duration::from_secs(2),
        timeout: Duration::from_secs(10),
        exit: None,
        expectation: None,
        notes: Vec::new(),
        inferred: Vec::new(),
        parameters: Vec::new(),
        ignored: None,
    }
}

pub(crate) fn observe(id: &str) -> PlanStep {
    step(id, Role::Observe)
}
pub(crate) fn act(id: &str) -> PlanStep {
    step(id, Role::Act)
}
pub(crate) fn verify(id: &str) -> PlanStep {
    step(id, Role::Verify)
}
pub(crate) fn manual(id: &str) -> PlanStep {
    PlanStep { work: Work::Manual { text: "do it".into(), assumed_done: false }, ..step(id, Role::Manual) }
}
pub(crate) fn fallback(id: &str, of: u32) -> PlanStep {
    PlanStep { reach: PlanReach::Fallback { of: StepId(of) }, ..act(id) }
}
pub(crate) fn decision(id: &str, known_by: Option<u32>) -> PlanStep {
    let reach = PlanReach::Decision {
        question: "If so".into(),
        known_by: known_by.map(StepId),
        otherwise_of: None,
        given: None,
    };
    PlanStep { reach, ..act(id) }
}
pub(crate) fn notes(id: &str, known_by: Option<u32>) -> PlanStep {
    PlanStep {
        work: Work::Notes,
        notes: vec![Note { text: "look".into(), line: 1 }],
        ..decision(id, known_by)
    }
}
pub(crate) fn destroying(step: PlanStep) -> PlanStep {
    PlanStep { effect: Effect::Destroys, ..step }
}
pub(crate) fn optional(step: PlanStep) -> PlanStep {
    PlanStep { optional: true, ..step }
}
pub(crate) fn always(step: PlanStep) -> PlanStep {
    PlanStep { always: true, ..step }
}

/// A time to recovery of so many seconds.
pub(crate) fn target(seconds: u64) -> Target {
    Target {
        text: format!("Recovery < {seconds} s"),
        metric: Metric::Recovery,
        comparator: Some(Comparator::Less),
        quantity: Some(Quantity { value: seconds as f64, low: None, unit: Unit::Seconds }),
        span: Span::default(),
        probe: None,
    }
}

pub(crate) fn plan(steps: Vec<PlanStep>) -> Plan {
    Plan {
        procedure: ProcedureHeader {
            id: "p".into(),
            title: "P".into(),
            kind: ProcedureKind::Operation,
            file: "p.md".into(),
            line: 1,
            severity: None,
            targets: Vec::new(),
        },
        steps,
        parameters: Vec::new(),
        not_run: Vec::new(),
        notes: Vec::new(),
        document_sha256: String::new(),
        workdir: "/".into(),
        verify_timeout: None,
    }
}
