//! Where a run that is resumed goes on: what is done and kept, and which step is looked at next.
//!
//! What is done is told from the record alone. Which step is next the machine says; a record that is read back shows
//! it in the lines that follow.

use crate::event::{RunStarted, StepHeader, StepResult};
use crate::journal::resume::made_up_for;
use crate::plan::StepId;
use crate::report::record::{Record, StepRecord};
use crate::report::words;
use crate::runbook::Role;

/// The lines for a run that goes on with the step `unknown`, if one was running when the engine died, and in which all
/// from step `from` on is done again, if that is named. It turns to step `next` first.
pub(super) fn lines(
    record: &Record,
    unknown: Option<StepId>,
    from: Option<StepId>,
    next: Option<StepId>,
) -> Vec<String> {
    let Some(started) = &record.started else { return Vec::new() };
    let anew = from.map_or(usize::MAX, StepId::index);
    let steps = || started.steps.iter().zip(&record.steps).enumerate();
    let kept: Vec<&str> = steps()
        .filter(|(index, (header, step))| *index < anew && is_kept(header, step))
        .map(|(_, (header, _))| header.id.as_str())
        .collect();
    let mut lines = vec![match kept.as_slice() {
        [] => "resumed; no step is done yet".to_owned(),
        [one] => format!("resumed; done and kept: step {one}"),
        all => format!("resumed; done and kept: steps {}", all.join(", ")),
    }];
    let named = |id: StepId| started.steps.get(id.index()).map(|header| header.id.as_str()).unwrap_or("?");
    if let Some(step) = unknown {
        let result = record.steps.get(step.index()).and_then(StepRecord::result);
        let how = match result {
            Some(StepResult::Cancelled) => "was stopped half way",
            _ => "was running when the engine died",
        };
        lines.push(format!("[{}] {how}: what it did is unknown", named(step)));
    }
    if let Some(step) = from {
        lines.push(format!("everything from step {} on is done again", named(step)));
    }
    lines.extend(next.and_then(|next| next_line(started, &record.steps, next.index())));
    lines
}

fn next_line(started: &RunStarted, steps: &[StepRecord], index: usize) -> Option<String> {
    let (header, step) = (started.steps.get(index)?, steps.get(index)?);
    let came = match step.result() {
        Some(result) if has_failed(header, step) && !made_good(started, steps, index) => {
            format!(", last time: {}", words::result(result))
        }
        _ => String::new(),
    };
    Some(format!("next: step {} `{}` ({}:{}){came}", header.id, header.label, started.file, header.line))
}

/// Whether a fallback did what step `index` did not.
fn made_good(started: &RunStarted, steps: &[StepRecord], index: usize) -> bool {
    let did = |id: StepId| steps.get(id.index()).is_some_and(is_done);
    made_up_for(StepId(index as u32), &started.steps, did)
}

fn is_done(step: &StepRecord) -> bool {
    step.settled.is_some() || step.result().is_some_and(StepResult::passed)
}

/// What ran and is not run again.
fn is_kept(header: &StepHeader, step: &StepRecord) -> bool {
    match step.result() {
        // What observing found is not looked up again.
        Some(StepResult::Failed { .. } | StepResult::Mismatched { .. } | StepResult::TimedOut { .. })
            if header.role == Role::Observe =>
        {
            true
        }
        Some(_) | None => is_done(step),
    }
}

/// A step that stopped the run, about which a person is asked again.
fn has_failed(header: &StepHeader, step: &StepRecord) -> bool {
    let left_open = matches!(step.result(), Some(StepResult::LeftOpen));
    let failed = step.result().is_some_and(|result| !result.passed()) && !is_kept(header, step);
    failed && !left_open && header.fallback_of.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::event::{Choice, EventBody};

    /// The lines after `body` as the last event of the contained run's first `count`.
    fn told(
        count: usize,
        body: Option<EventBody>,
        unknown: Option<u32>,
        from: Option<u32>,
        next: Option<u32>,
    ) -> Vec<String> {
        let events = &sample::events()[..count];
        let mut bodies: Vec<(u64, EventBody)> =
            events.iter().map(|event| (event.mono_ms, event.body.clone())).collect();
        bodies.extend(body.map(|body| (6_000, body)));
        lines(&Record::of(&sample::chained(bodies)), unknown.map(StepId), from.map(StepId), next.map(StepId))
    }

    #[test]
    fn what_is_done_and_what_is_next_is_said() {
        let ended = |step, result| Some(EventBody::StepFinished(Box::new(sample::finished(step, result, 1))));
        let said = |answer| {
            Some(EventBody::Confirmation {
                step: Some(StepId(1)),
                question: String::new(),
                answer,
                by: "operator".into(),
                waited_ms: 0,
                note: Some("x".into()),
            })
        };
        let nothing = "resumed; no step is done yet";
        let first = "resumed; done and kept: step 1";
        let failed = "next: step 2 `Force restart` (bot.md:65), last time: failed with status 22";
        let verify = "next: step 4 `Verify recovery` (bot.md:80)";
        let looked = StepResult::Failed { status: 7, not_tried: None };
        for (count, body, unknown, from, expected) in [
            (1, None, None, None, vec![nothing, "next: step 1 `Check engine status` (bot.md:60)"]),
            (5, None, None, None, vec![first, "next: step 2 `Force restart` (bot.md:65)"]),
            // What observing found stays found.
            (4, ended(0, looked), None, None, vec![first, "next: step 2 `Force restart` (bot.md:65)"]),
            (
                6,
                None,
                Some(1),
                None,
                vec![
                    first,
                    "[2] was running when the engine died: what it did is unknown",
                    "next: step 2 `Force restart` (bot.md:65)",
                ],
            ),
            (
                6,
                ended(1, StepResult::Cancelled),
                Some(1),
                None,
                vec![
                    first,
                    "[2] was stopped half way: what it did is unknown",
                    "next: step 2 `Force restart` (bot.md:65), last time: stopped",
                ],
            ),
            (7, None, None, None, vec![first, failed]),
            (7, said(Choice::DoneByHand), None, None, vec!["resumed; done and kept: steps 1, 2", verify]),
            (7, said(Choice::Skip), None, None, vec!["resumed; done and kept: steps 1, 2", verify]),
            // The fallback has made good what step 2 did not do.
            (9, None, None, None, vec!["resumed; done and kept: steps 1, 3", verify]),
            (10, None, None, None, vec!["resumed; done and kept: steps 1, 3", verify]),
            (
                10,
                None,
                None,
                Some(1),
                vec![
                    first,
                    "everything from step 2 on is done again",
                    "next: step 2 `Force restart` (bot.md:65)",
                ],
            ),
            (9, ended(3, StepResult::Passed), None, None, vec!["resumed; done and kept: steps 1, 3, 4"]),
        ] {
            let what = format!("{count} {body:?}");
            let steps = ["step 1 ", "step 2 ", "step 3 ", "step 4 "];
            let named = |line: &&str| {
                steps
                    .iter()
                    .position(|step| line.strip_prefix("next: ").is_some_and(|it| it.starts_with(step)))
            };
            let next = expected.iter().find_map(named).map(|index| index as u32);
            assert_eq!(told(count, body, unknown, from, next), expected, "{what}");
        }
        assert_eq!(lines(&Record::default(), None, None, None), Vec::<String>::new());
    }
}
