//! Which step a run that is resumed turns to first: the machine is asked, ahead of the run.
//!
//! Nothing is recorded or run here; the run itself asks the same machine again.

use super::machine::{Machine, Next};
use super::mask::runnable;
use super::policy::Policy;
use crate::event::{Event, EventBody, Purpose};
use crate::plan::{Plan, StepId};
use std::sync::Arc;

/// The first step that a run of `plan` starts or asks about, after what is recorded in `past` and the events of its
/// `opening`, on its clock at `clock_ms`; none where no step is left.
pub fn comes_next(
    plan: &Arc<Plan>,
    policy: Policy,
    past: &[Event],
    opening: &[EventBody],
    clock_ms: u64,
) -> Option<StepId> {
    let mut machine = Machine::new(Arc::clone(plan), policy);
    for event in past {
        machine.apply(&runnable(&event.body), event.mono_ms);
    }
    for event in opening {
        machine.apply(event, clock_ms);
    }
    first(&mut machine, clock_ms)
}

fn first(machine: &mut Machine, now: u64) -> Option<StepId> {
    // Each round settles a step or judges a target, or is the last.
    loop {
        match machine.next(now) {
            Next::Start(start) => return (start.purpose != Purpose::Evidence).then_some(start.step),
            Next::Ask(question) => return Some(question.step),
            Next::Wait { .. } => return machine.waiting(),
            Next::Finish(_) => return None,
            Next::Record(events) => {
                for event in events {
                    if let EventBody::StepStarted { step, .. } | EventBody::StepRetrying { step, .. } = event
                    {
                        return Some(step);
                    }
                    machine.apply(&event, now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfirmPolicy, FailurePolicy};
    use super::*;
    use crate::event::{Answer, CancelCause, SkipReason, StepFinished, StepResult};
    use crate::plan::testing::{act, destroying, fallback, observe, plan, verify};

    #[test]
    fn what_comes_next_is_what_the_run_turns_to() {
        let policy = Policy {
            confirm: ConfirmPolicy::Changes,
            yes: false,
            unattended: false,
            stage: false,
            failing: FailurePolicy::ByRole,
        };
        let ended = |step: u32, result| {
            EventBody::StepFinished(Box::new(StepFinished { result, ..StepFinished::blank(StepId(step), 1) }))
        };
        let failed = || StepResult::Failed { status: 1, not_tried: None };
        let declined = |step: u32| EventBody::StepSkipped {
            step: StepId(step),
            reason: SkipReason::Declined,
            detail: None,
        };
        let resumed =
            || EventBody::Resume { after: 1, document_sha256: String::new(), unknown: None, from: None };
        let steps =
            || Arc::new(plan(vec![observe("1"), act("2"), destroying(act("3")), verify("4"), act("5")]));
        let next = |opening: Vec<EventBody>| comes_next(&steps(), policy, &[], &opening, 0);
        let passed = |step| ended(step, StepResult::Passed);
        assert_eq!(next(vec![]), Some(StepId(0)));
        assert_eq!(next(vec![passed(0)]), Some(StepId(1)), "which is asked about");
        // What was declined comes before what came to nothing behind it.
        assert_eq!(next(vec![passed(0), passed(1), declined(2), resumed()]), Some(StepId(2)));
        let all = (0..5).map(passed);
        assert_eq!(next(all.collect()), None);
        let stopped = EventBody::Cancel { cause: CancelCause::Operator };
        assert_eq!(next(vec![stopped]), None, "nothing is left of a run that is stopped");
        let no = EventBody::Decision { step: StepId(0), answer: Answer::No, by: "operator".into() };
        assert_eq!(next(vec![no, passed(0)]), Some(StepId(1)));
        let taken = Arc::new(plan(vec![act("1"), destroying(fallback("2", 0)), verify("3")]));
        let opening = vec![passed(0), declined(1), ended(2, failed()), resumed()];
        assert_eq!(comes_next(&taken, policy, &[], &opening, 0), Some(StepId(2)));
    }
}
