//! A run whose texts would do harm where they are not taken as text.

use super::{chained, finished, started};
use crate::event::{
    Answer, CancelCause, Choice, Event, EventBody, JudgedTarget, Outcome, Purpose, RehearsalVerdict,
    RunFinished, SkipReason, StatementStatus, StepFinished, StepResult, Stream, TargetVerdict,
};
use crate::plan::StepId;
use std::collections::BTreeMap;

/// A run in which every text that comes from elsewhere is `text`.
pub(crate) fn hostile(text: &str) -> Vec<Event> {
    let own = || text.to_owned();
    let mut head = started();
    (head.run, head.title, head.file, head.workdir) = (own(), own(), own(), own());
    (head.user, head.host, head.mode, head.procedure) = (own(), own(), "exec".into(), own());
    (head.severity, head.detected_at) = (Some(own()), Some(own()));
    (head.targets, head.parameters) = (vec![own()], BTreeMap::from([(own(), own())]));
    for step in &mut head.steps {
        (step.label, step.slug) = (own(), own());
    }
    let step = Some(StepId(0));
    let end = StepFinished {
        not_run: vec![own()],
        leaked: vec![own()],
        statements: vec![StatementStatus { line: 1, status: 1 }],
        ..finished(0, StepResult::Mismatched { diff: own() }, 1)
    };
    let target =
        JudgedTarget { text: own(), verdict: TargetVerdict::NotMeasured, elapsed_ms: None, limit_ms: None };
    let bodies = vec![
        EventBody::RunStarted(Box::new(head)),
        EventBody::StepStarted {
            step: StepId(0),
            attempt: 1,
            purpose: Purpose::Plan,
            script: Some(own()),
            timeout_ms: 1,
        },
        EventBody::Output { step: StepId(0), stream: Stream::Stdout, text: own(), late: false },
        EventBody::StepFinished(Box::new(end)),
        EventBody::StepRetrying { step: StepId(0), attempt: 2, after_ms: 1, reason: own() },
        EventBody::StepFinished(Box::new(finished(1, StepResult::CouldNotStart { reason: own() }, 1))),
        EventBody::StepFinished(Box::new(finished(2, StepResult::Done { note: Some(own()) }, 1))),
        EventBody::StepSkipped { step: StepId(3), reason: SkipReason::Operator, detail: Some(own()) },
        EventBody::Decision { step: StepId(0), answer: Answer::Yes, by: own() },
        EventBody::Confirmation {
            step,
            question: own(),
            answer: Choice::Yes,
            by: own(),
            waited_ms: 1,
            note: Some(own()),
        },
        EventBody::Target {
            text: own(),
            verdict: TargetVerdict::NotMeasured,
            elapsed_ms: None,
            limit_ms: None,
        },
        EventBody::Stage { text: own() },
        EventBody::Fault { fault: own(), what: own() },
        EventBody::Note { step: None, text: own() },
        EventBody::Notification { notifier: own(), result: own() },
        EventBody::Cancel { cause: CancelCause::JournalFailed { reason: own() } },
        EventBody::RunFinished(Box::new(RunFinished {
            outcome: Outcome::Failed,
            summary: own(),
            exit: 1,
            wall_ms: 1,
            machine_ms: 1,
            human_ms: 0,
            recovered_ms: None,
            targets: vec![target],
            rehearsal: Some(RehearsalVerdict {
                fault: own(),
                passed: false,
                exec_exit: Some(1),
                reasons: vec![own()],
            }),
            warnings: vec![own()],
            left_running: vec![own()],
            exercised: None,
            events: 16,
        })),
    ];
    chained((0..).zip(bodies).collect())
}
