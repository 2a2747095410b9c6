//! What a run exercised of its plan, added up event by event.
//!
//! Exercised means that it ran to an end, passed or failed; a decision has two sides, and one that nobody
//! answered has none. A step that was repeated as evidence shows nothing new.

use crate::event::{Answer, Event, EventBody, Exercised, PlanPart, Purpose, StepResult};
use crate::plan::StepId;
use std::collections::BTreeMap;

/// The sum so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exercises {
    purposes: BTreeMap<StepId, Purpose>,
    found: BTreeMap<(StepId, PlanPart), Exercised>,
}

impl Exercises {
    /// The sum of `events`.
    pub fn of(events: &[Event]) -> Self {
        let mut exercises = Self::default();
        for event in events {
            exercises.add(event);
        }
        exercises
    }

    /// Adds one more event.
    pub fn add(&mut self, event: &Event) {
        match &event.body {
            EventBody::StepStarted { step, purpose, .. } => {
                self.purposes.insert(*step, *purpose);
            }
            EventBody::StepFinished(end) => {
                let part = match self.purposes.get(&end.step) {
                    Some(Purpose::Fallback) => PlanPart::Fallback,
                    Some(Purpose::Plan | Purpose::Always) => PlanPart::Step,
                    Some(Purpose::Evidence) | None => return,
                };
                if ran_to_its_end(&end.result) {
                    self.count(end.step, part, &event.at, end.result.passed());
                }
            }
            EventBody::Decision { step, answer, .. } => match answer {
                Answer::Yes => self.count(*step, PlanPart::DecidedYes, &event.at, true),
                Answer::No => self.count(*step, PlanPart::DecidedNo, &event.at, true),
                Answer::Undecided => {}
            },
            EventBody::RunStarted(_)
            | EventBody::Output { .. }
            | EventBody::StepRetrying { .. }
            | EventBody::StepSkipped { .. }
            | EventBody::Confirmation { .. }
            | EventBody::Target { .. }
            | EventBody::Stage { .. }
            | EventBody::Fault { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::Resume { .. }
            | EventBody::Cancel { .. }
            | EventBody::RunFinished(_)
            | EventBody::Unknown => {}
        }
    }

    fn count(&mut self, step: StepId, part: PlanPart, at: &str, passed: bool) {
        let blank = || Exercised { step, part, times: 0, at: String::new(), passed };
        let exercised = self.found.entry((step, part)).or_insert_with(blank);
        exercised.times += 1;
        at.clone_into(&mut exercised.at);
        exercised.passed = passed;
    }

    /// The sum, in the plan's order.
    pub fn list(&self) -> Vec<Exercised> {
        self.found.values().cloned().collect()
    }
}

fn ran_to_its_end(result: &StepResult) -> bool {
    match result {
        StepResult::Passed
        | StepResult::Failed { .. }
        | StepResult::Mismatched { .. }
        | StepResult::TimedOut { .. }
        | StepResult::Signaled { .. }
        | StepResult::Done { .. } => true,
        StepResult::Cancelled
        | StepResult::LeftOpen
        | StepResult::CouldNotStart { .. }
        | StepResult::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{StepFinished, VERSION};

    fn start(step: u32, purpose: Purpose) -> EventBody {
        EventBody::StepStarted { step: StepId(step), attempt: 1, purpose, script: None, timeout_ms: 1 }
    }

    fn end(step: u32, result: StepResult) -> EventBody {
        EventBody::StepFinished(Box::new(StepFinished { result, ..StepFinished::blank(StepId(step), 1) }))
    }

    fn decision(step: u32, answer: Answer) -> EventBody {
        EventBody::Decision { step: StepId(step), answer, by: String::new() }
    }

    fn sum(bodies: Vec<EventBody>) -> Vec<(u32, PlanPart, u32, String, bool)> {
        let event = |(seq, body): (u64, _)| Event {
            v: VERSION,
            seq,
            at: format!("at {seq}"),
            mono_ms: 0,
            body,
            prev: String::new(),
        };
        let events: Vec<Event> = (0..).zip(bodies).map(event).collect();
        let list = Exercises::of(&events).list().into_iter();
        list.map(|it| (it.step.0, it.part, it.times, it.at, it.passed)).collect()
    }

    #[test]
    fn attempts_and_answers_add_up_and_the_last_one_stands() {
        let failed = || StepResult::Failed { status: 1, not_tried: None };
        let events = vec![
            decision(3, Answer::No),
            start(2, Purpose::Plan),
            end(2, failed()),
            start(2, Purpose::Plan),
            end(2, StepResult::Passed),
            start(0, Purpose::Fallback),
            end(0, failed()),
            decision(3, Answer::Yes),
        ];
        assert_eq!(
            sum(events),
            [
                (0, PlanPart::Fallback, 1, "at 6".into(), false),
                (2, PlanPart::Step, 2, "at 4".into(), true),
                (3, PlanPart::DecidedYes, 1, "at 7".into(), true),
                (3, PlanPart::DecidedNo, 1, "at 0".into(), true),
            ]
        );
    }

    #[test]
    fn what_shows_nothing_is_not_counted() {
        let events = vec![
            start(0, Purpose::Evidence),
            end(0, StepResult::Passed),
            start(1, Purpose::Plan),
            end(1, StepResult::Cancelled),
            end(2, StepResult::Passed),
            decision(3, Answer::Undecided),
            start(4, Purpose::Always),
        ];
        assert_eq!(sum(events), []);
    }
}
