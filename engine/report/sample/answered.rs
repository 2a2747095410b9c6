//! The sample run with a person who says what to do about a failure.

use super::{chained, events, finished};
use crate::event::{Choice, Event, EventBody, Purpose, StepFinished, StepResult};
use crate::plan::StepId;

/// The contained run up to the failure of step 2, about which a person says `answer`; with an edited command, `note`,
/// it passes then.
pub(crate) fn answered(answer: Choice, note: &str) -> Vec<Event> {
    let events = events();
    let mut bodies: Vec<(u64, EventBody)> =
        events.iter().map(|event| (event.mono_ms, event.body.clone())).collect();
    let mut said = vec![(
        5_241,
        EventBody::Confirmation {
            step: Some(StepId(1)),
            question: "step 2 `Force restart` failed".into(),
            answer,
            by: "operator".into(),
            waited_ms: 0,
            note: Some(note.into()),
        },
    )];
    if answer == Choice::Edit {
        let start = EventBody::StepStarted {
            step: StepId(1),
            attempt: 2,
            purpose: Purpose::Plan,
            script: Some(note.into()),
            timeout_ms: 60_000,
        };
        let passed = StepFinished { attempt: 2, ..finished(1, StepResult::Passed, 1_000) };
        said.extend([(5_241, start), (5_241, EventBody::StepFinished(Box::new(passed)))]);
    }
    bodies.splice(7..7, said);
    chained(bodies)
}
