//! A run as a story: its moments in order, what was not verified, what did not run.
//!
//! The forms that are read after the incident (Markdown, HTML, the incident file) share it, so that all
//! of them claim the same, and never more than the record shows.

use super::outputs::{Output, outputs};
use super::record::{Record, StepRecord};
use super::style::millis;
use super::timeline::{self, Moment, clock, day};
use super::words;
use crate::event::{Event, JudgedTarget, Outcome, RunStarted, StepHeader, StepResult, TargetVerdict};
use crate::plan::spelt_out;
use crate::runbook::Role;

/// A run, told.
#[derive(Clone, Debug)]
pub struct Story {
    /// The first event.
    pub started: RunStarted,
    /// The run, summed up.
    pub record: Record,
    /// What each attempt of each step printed.
    pub outputs: Vec<Vec<Output>>,
    /// What happened, in order.
    pub moments: Vec<Moment>,
}

impl Story {
    /// The story that `events` tell; none if they do not begin with a run's start.
    pub fn of(events: &[Event]) -> Option<Self> {
        let record = Record::of(events);
        let started = record.started.clone()?;
        let outputs = outputs(events, started.steps.len());
        let moments = timeline::tell(events, &record, &started);
        Some(Self { started, record, outputs, moments })
    }

    /// The outcome in the words every form uses; of a run without an end that it is unknown.
    pub fn outcome(&self) -> &'static str {
        self.record.outcome().map_or("unknown", words::outcome)
    }

    /// What came of the run, in a sentence or two.
    pub fn summary(&self) -> String {
        match &self.record.finished {
            Some(finished) => finished.summary.clone(),
            None => {
                let running = self.running().map(|header| {
                    format!("; step {} {} was running, and what it did is unknown", header.id, header.label)
                });
                format!("this record has no end{}", running.unwrap_or_default())
            }
        }
    }

    /// The step that had started and not ended when the record stops.
    pub fn running(&self) -> Option<&StepHeader> {
        let open = self.steps().find(|(_, step)| step.is_open());
        open.filter(|_| self.record.finished.is_none()).map(|(header, _)| header)
    }

    /// Every step with what came of it, in the plan's order.
    pub fn steps(&self) -> impl Iterator<Item = (&StepHeader, &StepRecord)> {
        self.started.steps.iter().zip(&self.record.steps)
    }

    /// Time to recovery, as far as it was seen.
    pub fn recovery(&self) -> String {
        let Some(finished) = &self.record.finished else { return "unknown".to_owned() };
        if let Some(recovered) = finished.recovered_ms {
            return match self.started.before_ms {
                0 => format!("{}, verified", millis(recovered)),
                before => format!("{} from the alert, verified", millis(recovered + before)),
            };
        }
        match finished.outcome {
            Outcome::Verified | Outcome::RecoveredByFallback => "not recorded".to_owned(),
            Outcome::NotVerified => "not verified".to_owned(),
            Outcome::Observed => "nothing was changed".to_owned(),
            Outcome::Contained
            | Outcome::Failed
            | Outcome::NeedsPerson
            | Outcome::Cancelled
            | Outcome::NotStarted => "not recovered".to_owned(),
        }
    }

    /// What, where, who and when: names and values for the head of every form. Values are texts of
    /// others, not escaped.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let started = &self.started;
        let mut facts =
            vec![("Severity", started.severity.clone().unwrap_or_else(|| "not stated".to_owned()))];
        facts.extend(self.record.targets.iter().map(|target| ("Target", target_line(target))));
        if self.record.targets.is_empty() {
            facts.extend(started.targets.iter().map(|target| ("Target", format!("{target}: not judged"))));
        }
        facts.push(("Time to recovery", self.recovery()));
        facts.push(("Document", format!("{}:{}", started.file, started.line)));
        let parameters: Vec<String> =
            started.parameters.iter().map(|(name, value)| format!("{name} = {}", spelt_out(value))).collect();
        if !parameters.is_empty() {
            facts.push(("Parameters", parameters.join(", ")));
        }
        facts.push(("When (UTC)", self.when()));
        facts.push(("Who", format!("{} on {}", started.user, started.host)));
        facts.push(("Directory", spelt_out(&started.workdir)));
        facts.push(("Run", started.run.clone()));
        let attended = if started.unattended { ", unattended" } else { "" };
        let exit = self.record.finished.as_ref().map(|end| format!(", exit code {}", end.exit));
        facts.push(("How", format!("{}{attended}{}", started.mode, exit.unwrap_or_default())));
        let rehearsal = self.record.finished.as_ref().and_then(|end| end.rehearsal.as_ref());
        facts.extend(rehearsal.map(|rehearsal| ("Rehearsal", words::rehearsal(rehearsal))));
        facts
    }

    fn when(&self) -> String {
        let at = self.record.started_at.as_deref().unwrap_or_default();
        let from = format!("{} {}", day(at), clock(at, day(at)));
        match (&self.record.finished, &self.record.last_at) {
            (Some(finished), Some(end)) => format!(
                "{from} to {}, {} (machines {}, people {})",
                clock(end, day(at)),
                millis(finished.wall_ms),
                millis(finished.machine_ms),
                millis(finished.human_ms),
            ),
            _ => from,
        }
    }

    /// What nobody and nothing verified, one line each.
    pub fn not_verified(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let end = |step: &StepRecord| step.attempts.iter().filter_map(|attempt| attempt.ended_ms).max();
        let passed = |step: &StepRecord| step.result().is_some_and(StepResult::passed);
        let verified = self
            .steps()
            .filter(|(header, step)| header.role == Role::Verify && passed(step))
            .filter_map(|(_, step)| end(step))
            .max();
        // Without a verify step only an expected output can have verified it; the record says up to where.
        let verified = verified.or(self.record.finished.as_ref().and_then(|end| end.recovered_ms));
        for (header, step) in self.steps().filter(|(header, _)| header.role == Role::Act) {
            let Some(ended) = end(step) else { continue };
            match verified {
                Some(verified) if ended > verified => lines.push(format!(
                    "step {} {} ran after the last check that passed",
                    header.id, header.label
                )),
                Some(_) => {}
                None => {
                    lines.push(format!("step {} {}: no check passed after it", header.id, header.label));
                }
            }
        }
        for target in &self.record.targets {
            match target.verdict {
                TargetVerdict::NotMeasured | TargetVerdict::WithinNotVerified => {
                    lines.push(format!("target {}: {}", target.text, words::verdict(target.verdict)));
                }
                TargetVerdict::Met | TargetVerdict::Missed | TargetVerdict::NotReached => {}
            }
        }
        lines
    }

    /// Steps that did not run, with why.
    pub fn not_run(&self) -> Vec<(&StepHeader, String)> {
        self.steps()
            .filter(|(_, step)| step.attempts.is_empty())
            .map(|(header, step)| (header, self.why_not_run(header, step)))
            .collect()
    }

    /// Why `step`, which did not run, did not.
    pub(super) fn why_not_run(&self, header: &StepHeader, step: &StepRecord) -> String {
        let why = words::passed_over(header, step, &self.record.steps);
        why.unwrap_or_else(|| "no start of it is recorded".to_owned())
    }

    /// What a person must not overlook: what may be down, what was left running or still holds on.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(finished) = &self.record.finished {
            warnings.extend(finished.warnings.iter().cloned());
            warnings.extend(finished.left_running.iter().map(|process| format!("left running: {process}")));
        }
        for (header, step) in self.steps() {
            let ends = step.attempts.iter().filter_map(|attempt| attempt.finished.as_ref());
            for process in ends.flat_map(|end| &end.leaked) {
                warnings.push(format!("step {} left a process behind: {process}", header.id));
            }
        }
        warnings
    }
}

/// `Recovery < 2 minutes: met (12 s of 2 min)`.
pub fn target_line(target: &JudgedTarget) -> String {
    let times = match (target.elapsed_ms, target.limit_ms) {
        (Some(elapsed), Some(limit)) => format!(" ({} of {})", millis(elapsed), millis(limit)),
        (Some(elapsed), None) => format!(" ({})", millis(elapsed)),
        (None, _) => String::new(),
    };
    format!("{}: {}{times}", target.text, words::verdict(target.verdict))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::event::EventBody;

    fn told(events: &[Event]) -> Vec<String> {
        let story = Story::of(events).expect("has started");
        story.moments.iter().map(|moment| format!("{} {}", moment.clock, moment.text)).collect()
    }

    #[test]
    fn a_contained_run_is_never_called_resolved() {
        let story = Story::of(&sample::events()).expect("has started");
        assert_eq!(
            told(&sample::events()),
            [
                "03:04:05 run started",
                "03:04:05 step 1 Check engine status (observe): passed in 39 ms",
                "03:04:05 step 2 Force restart (act): failed with status 22 in 5.2 s",
                "03:04:10 step 3 If persistent, activate kill switch (act), as fallback: passed in 0.1 s",
                "03:04:10 contained: nothing verified a recovery",
                "03:04:10 run finished: contained, not recovered",
            ]
        );
        assert_eq!(story.outcome(), "contained, not recovered");
        assert_eq!(story.recovery(), "not recovered");
        assert_eq!(
            story.not_verified(),
            [
                "step 2 Force restart: no check passed after it",
                "step 3 If persistent, activate kill switch: no check passed after it",
            ]
        );
        let not_run: Vec<_> = story.not_run().into_iter().map(|(header, why)| (&*header.id, why)).collect();
        assert_eq!(not_run, [("4", "not run, a step before it failed".to_owned())]);
    }

    #[test]
    fn a_recovered_run_says_when_it_was_mitigated_and_when_resolved() {
        let story = Story::of(&sample::recovered()).expect("has started");
        assert_eq!(
            told(&sample::recovered()),
            [
                "03:03:50 detected: the alert fired",
                "03:04:05 run started",
                "03:04:05 step 1 Check engine status (observe): failed with status 7 in 39 ms",
                "03:04:09 run step 2 Force restart: yes (operator, after 4.0 s)",
                "03:04:09 step 2 Force restart (act): passed in 5.0 s",
                "03:04:14 mitigated",
                "03:04:14 step 4 Verify recovery (verify): passed in 98 ms (attempt 2, 2.2 s in all)",
                "03:04:16 resolved: the recovery was verified",
                "03:04:16 note: the disk was full",
                "03:04:16 run finished: succeeded, verified",
            ]
        );
        assert_eq!(story.recovery(), "26 s from the alert, verified");
        assert_eq!(story.not_verified(), Vec::<String>::new());
        assert_eq!(
            story.record.targets.iter().map(target_line).collect::<Vec<_>>(),
            ["Auto-restart < 30 seconds: met (26 s of 30 s)"]
        );
        assert_eq!(
            story.warnings(),
            ["left running: tail (4711)", "step 2 left a process behind: sleep (99)"]
        );
    }

    #[test]
    fn every_prefix_of_a_run_is_unknown_and_names_the_step_that_was_running() {
        for events in [sample::events(), sample::recovered()] {
            for end in 1..events.len() {
                let story = Story::of(&events[..end]).expect("has started");
                assert_eq!(story.outcome(), "unknown");
                assert_eq!(story.recovery(), "unknown");
                assert!(!told(&events[..end]).iter().any(|line| line.contains("resolved")), "{end}");
                let open = matches!(
                    events[..end].iter().rev().find_map(|event| match &event.body {
                        EventBody::StepStarted { .. } => Some(true),
                        EventBody::StepFinished(_) => Some(false),
                        _ => None,
                    }),
                    Some(true)
                );
                assert_eq!(story.running().is_some(), open, "{end}");
                assert_eq!(story.summary().contains("was running, and what it did is unknown"), open);
            }
        }
        let story = Story::of(&sample::events()[..6]).expect("has started");
        assert_eq!(
            story.summary(),
            "this record has no end; step 2 Force restart was running, and what it did is unknown"
        );
        assert_eq!(
            told(&sample::events()[..6]).last().map(String::as_str),
            Some("03:04:05 the record stops here: what came of the run is unknown")
        );
    }
}
