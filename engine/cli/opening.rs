//! What a run records first: the plan, the parameters and where it happens.

use super::Host;
use super::exec::Settings;
use super::run_id::run_id;
use crate::event::{Event, EventBody, RunStarted, StepHeader};
use crate::plan::{BoundParameter, Plan};

/// The first event of a run of `plan` that begins now.
pub(super) fn run_started(plan: &Plan, settings: Settings, host: &Host<'_>) -> RunStarted {
    let at = host.clock.wall();
    let masked = |parameter: &BoundParameter| match (&parameter.value, parameter.secret) {
        (_, true) => "******".to_owned(),
        (value, false) => value.clone().unwrap_or_default(),
    };
    let header = &plan.procedure;
    RunStarted {
        run: run_id(&at, host),
        procedure: header.id.clone(),
        title: header.title.clone(),
        file: header.file.display().to_string(),
        line: header.line,
        document_sha256: plan.document_sha256.clone(),
        escalation_row: None,
        detected_at: None,
        before_ms: 0,
        verify_timeout_ms: plan
            .verify_timeout
            .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        severity: header.severity.as_ref().map(|severity| severity.text.clone()),
        targets: header.targets.iter().map(|target| target.text.clone()).collect(),
        parameters: plan.parameters.iter().map(|it| (it.name.clone(), masked(it))).collect(),
        mode: "exec".to_owned(),
        unattended: settings.policy.unattended,
        workdir: plan.workdir.display().to_string(),
        user: host.environment.user(),
        host: host.environment.hostname(),
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        pid: host.environment.pid(),
        steps: plan.steps.iter().map(StepHeader::from).collect(),
    }
}

/// How long before the start of the run the alert fired.
pub(super) fn before_ms(opening: &[EventBody], past: &[Event]) -> u64 {
    let bodies = past.iter().map(|event| &event.body).chain(opening);
    let mut before = bodies.filter_map(|body| match body {
        EventBody::RunStarted(started) => Some(started.before_ms),
        _ => None,
    });
    before.next_back().unwrap_or(0)
}
