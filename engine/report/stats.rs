//! Figures over many runs: how often, what came of them, how long until recovery.
//!
//! One group for each procedure of each document and each mode: incidents and rehearsals are never mixed.
//! Only a verified recovery has a time to recovery. Needs a run's first and last event and nothing between.

mod json;
mod prometheus;
mod text;

pub use json::json;
pub use prometheus::prometheus;
pub use text::text;

use crate::event::{Outcome, TargetVerdict};
use crate::journal::RunSummary;
use serde::Serialize;
use std::collections::BTreeMap;

/// The runs of one procedure in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The document, as it was given.
    pub file: String,
    /// The procedure's slug.
    pub procedure: String,
    /// Its title, from the last run.
    pub title: String,
    /// `exec`, `rehearse`, …
    pub mode: String,
    /// How many runs started.
    pub runs: usize,
    /// Of which are running now.
    pub running: usize,
    /// Of which have no end and no engine any more: what came of them is unknown.
    pub unknown: usize,
    /// Runs by what came of them.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// Times to verified recovery, in milliseconds, sorted.
    pub recoveries: Vec<u64>,
    /// Wall times of the runs that are over, in milliseconds, sorted.
    pub durations: Vec<u64>,
    /// Runs that met their time target, verified.
    pub target_met: usize,
    /// Runs that are over and met or missed one.
    pub target_of: usize,
    /// Besides these, runs that ended within theirs, which nothing verified.
    pub target_not_verified: usize,
    /// The last run's id.
    pub last_run: String,
    /// When it started.
    pub last_at: String,
}

/// Some times in sum, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How many.
    pub n: usize,
    /// The middle one, or half way between the two in the middle.
    pub median: u64,
    /// The smallest that is not exceeded in nine of ten cases (nearest rank).
    pub p90: u64,
    /// The longest.
    pub max: u64,
    /// The mean.
    pub mean: u64,
}

impl Times {
    /// The sum of `sorted`; none if there are none.
    pub fn of(sorted: &[u64]) -> Option<Self> {
        let n = sorted.len();
        let max = *sorted.last()?;
        let (low, high) = (sorted[(n - 1) / 2], sorted[n / 2]);
        let sum: u128 = sorted.iter().map(|ms| u128::from(*ms)).sum();
        Some(Self {
            n,
            median: low + (high - low) / 2,
            p90: sorted[(n * 9).div_ceil(10) - 1],
            max,
            mean: (sum / n as u128) as u64,
        })
    }
}

/// The groups of `runs`, by document, procedure and mode: incidents first.
pub fn groups<'a>(runs: impl IntoIterator<Item = &'a RunSummary>) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, &str, (usize, &str)), Group> = BTreeMap::new();
    for run in runs {
        let started = &run.started;
        let key =
            (started.file.as_str(), started.procedure.as_str(), (rank(&started.mode), started.mode.as_str()));
        let group = groups.entry(key).or_insert_with(|| Group {
            file: started.file.clone(),
            procedure: started.procedure.clone(),
            title: started.title.clone(),
            mode: started.mode.clone(),
            runs: 0,
            running: 0,
            unknown: 0,
            outcomes: BTreeMap::new(),
            recoveries: Vec::new(),
            durations: Vec::new(),
            target_met: 0,
            target_of: 0,
            target_not_verified: 0,
            last_run: String::new(),
            last_at: String::new(),
        });
        group.add(run);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group.recoveries.sort_unstable();
        group.durations.sort_unstable();
    }
    groups
}

impl Group {
    fn add(&mut self, run: &RunSummary) {
        self.runs += 1;
        if run.started_at >= self.last_at {
            self.last_at.clone_from(&run.started_at);
            self.last_run.clone_from(&run.run);
            self.title.clone_from(&run.started.title);
        }
        let Some(finished) = &run.finished else {
            if run.running {
                self.running += 1;
            } else {
                self.unknown += 1;
            }
            return;
        };
        *self.outcomes.entry(key(finished.outcome)).or_default() += 1;
        // A run that never started took no time that says anything.
        if finished.outcome == Outcome::NotStarted {
            return;
        }
        self.durations.push(finished.wall_ms);
        self.recoveries.extend(finished.recovered_ms.map(|ms| ms + run.started.before_ms));
        let timed = finished.targets.iter().filter(|target| target.limit_ms.is_some());
        let judged = timed.map(|it| it.verdict).filter(|verdict| *verdict != TargetVerdict::NotMeasured);
        // One that was missed decides, and what was not verified was neither met nor missed.
        match judged.max_by_key(|verdict| weight(*verdict)) {
            Some(TargetVerdict::WithinNotVerified) => self.target_not_verified += 1,
            Some(verdict) => {
                self.target_of += 1;
                self.target_met += usize::from(verdict == TargetVerdict::Met);
            }
            None => {}
        }
    }

    /// Times to verified recovery, in sum.
    pub fn recovery(&self) -> Option<Times> {
        Times::of(&self.recoveries)
    }

    /// Wall times, in sum.
    pub fn duration(&self) -> Option<Times> {
        Times::of(&self.durations)
    }
}

/// Incidents first, then what is closest to them.
fn rank(mode: &str) -> usize {
    ["exec", "rehearse", "chaos", "test"].iter().position(|known| *known == mode).unwrap_or(4)
}

/// The outcome as machines read it, as in the event.
fn key(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "verified",
        Outcome::RecoveredByFallback => "recovered_by_fallback",
        Outcome::NotVerified => "not_verified",
        Outcome::Observed => "observed",
        Outcome::Contained => "contained",
        Outcome::Failed => "failed",
        Outcome::NeedsPerson => "needs_person",
        Outcome::Cancelled => "cancelled",
        Outcome::NotStarted => "not_started",
    }
}

/// Which of a run's verdicts stands for all of them: the greatest.
fn weight(verdict: TargetVerdict) -> u8 {
    match verdict {
        TargetVerdict::NotMeasured => 0,
        TargetVerdict::Met => 1,
        TargetVerdict::WithinNotVerified => 2,
        TargetVerdict::NotReached | TargetVerdict::Missed => 3,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sample;
    use super::*;
    use crate::event::{EventBody, JudgedTarget};
    use crate::journal::{End, Start};

    pub(in crate::report) fn run(
        mode: &str,
        at: &str,
        outcome: Option<Outcome>,
        recovered_ms: Option<u64>,
    ) -> RunSummary {
        let mut started = sample::started();
        started.mode = mode.into();
        let Some(EventBody::RunFinished(mut finished)) = sample::recovered().pop().map(|event| event.body)
        else {
            unreachable!("a sample run ends")
        };
        if let Some(outcome) = outcome {
            finished.outcome = outcome;
        }
        finished.recovered_ms = recovered_ms;
        finished.wall_ms = recovered_ms.unwrap_or(60_000) + 1_000;
        let verdict = match recovered_ms {
            Some(ms) if ms <= 30_000 => TargetVerdict::Met,
            Some(_) => TargetVerdict::Missed,
            None => TargetVerdict::NotReached,
        };
        let text = "Auto-restart < 30 seconds".to_owned();
        finished.targets =
            vec![JudgedTarget { text, verdict, elapsed_ms: recovered_ms, limit_ms: Some(30_000) }];
        RunSummary {
            run: format!("run-{at}"),
            started: Start::from(&started),
            started_at: at.into(),
            last_at: at.into(),
            finished: outcome.map(|_| End::from(&*finished)),
            last_ms: 1,
            running: false,
        }
    }

    /// A run whose targets came to these verdicts.
    pub(in crate::report) fn judged(verdicts: &[TargetVerdict]) -> RunSummary {
        let mut run = run("exec", "2026-01-02T03:04:05.000Z", Some(Outcome::NotVerified), None);
        let end = run.finished.as_mut().expect("it ended");
        let target = end.targets[0].clone();
        end.targets = verdicts.iter().map(|&verdict| JudgedTarget { verdict, ..target.clone() }).collect();
        run
    }

    /// Five incidents, one of them without an end, and a rehearsal.
    pub(in crate::report) fn runs() -> Vec<RunSummary> {
        vec![
            run("exec", "2026-01-02T03:04:05.000Z", Some(Outcome::Verified), Some(10_000)),
            run("exec", "2026-01-05T03:04:05.000Z", Some(Outcome::RecoveredByFallback), Some(50_000)),
            run("exec", "2026-01-03T03:04:05.000Z", Some(Outcome::Verified), Some(20_000)),
            run("exec", "2026-01-04T03:04:05.000Z", Some(Outcome::Failed), None),
            run("exec", "2026-01-01T03:04:05.000Z", None, None),
            run("rehearse", "2026-01-06T03:04:05.000Z", Some(Outcome::Verified), Some(2_000)),
        ]
    }

    #[test]
    fn incidents_and_rehearsals_are_not_mixed() {
        let groups = groups(&runs());
        let heads: Vec<_> = groups.iter().map(|group| (&*group.mode, group.runs, group.unknown)).collect();
        assert_eq!(heads, [("exec", 5, 1), ("rehearse", 1, 0)]);
        let incidents = &groups[0];
        assert_eq!(incidents.last_at, "2026-01-05T03:04:05.000Z");
        assert_eq!(incidents.recoveries, [10_000, 20_000, 50_000]);
        assert_eq!((incidents.target_met, incidents.target_of), (2, 4));
        let counts = [("failed", 1), ("recovered_by_fallback", 1), ("verified", 2)];
        assert_eq!(incidents.outcomes, BTreeMap::from(counts));
    }

    #[test]
    fn a_time_is_counted_only_where_it_says_something() {
        let mut running = run("exec", "a", None, None);
        running.running = true;
        let not_started = run("exec", "b", Some(Outcome::NotStarted), None);
        let groups = groups(&[running, not_started]);
        assert_eq!((groups[0].runs, groups[0].running, groups[0].unknown), (2, 1, 0));
        assert_eq!((groups[0].duration(), groups[0].recovery(), groups[0].target_of), (None, None, 0));
    }

    #[test]
    fn what_was_not_verified_was_neither_met_nor_missed() {
        use TargetVerdict::{Met, Missed, NotMeasured, NotReached, WithinNotVerified};
        for (verdicts, met, of, not_verified) in [
            (&[Met][..], 1, 1, 0),
            (&[Met, NotMeasured], 1, 1, 0),
            (&[Missed], 0, 1, 0),
            (&[Met, NotReached], 0, 1, 0),
            (&[WithinNotVerified], 0, 0, 1),
            (&[WithinNotVerified, Met], 0, 0, 1),
            (&[WithinNotVerified, Missed], 0, 1, 0),
            (&[NotMeasured], 0, 0, 0),
            (&[], 0, 0, 0),
        ] {
            let groups = groups(&[judged(verdicts)]);
            let found = (groups[0].target_met, groups[0].target_of, groups[0].target_not_verified);
            assert_eq!(found, (met, of, not_verified), "{verdicts:?}");
        }
    }

    #[test]
    fn documents_of_the_same_procedure_are_apart() {
        let mut other = run("exec", "a", Some(Outcome::Verified), Some(1));
        other.started.file = "other.md".into();
        assert_eq!(groups(runs().iter().chain([&other])).len(), 3);
    }

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        assert_eq!(Times::of(&[]), None);
        assert_eq!(Times::of(&[7]), Some(Times { n: 1, median: 7, p90: 7, max: 7, mean: 7 }));
        assert_eq!(Times::of(&[1, 4]), Some(Times { n: 2, median: 2, p90: 4, max: 4, mean: 2 }));
        let ten: Vec<u64> = (1..=10).collect();
        assert_eq!(Times::of(&ten), Some(Times { n: 10, median: 5, p90: 9, max: 10, mean: 5 }));
        let huge = Times { n: 2, median: u64::MAX, p90: u64::MAX, max: u64::MAX, mean: u64::MAX };
        assert_eq!(Times::of(&[u64::MAX; 2]), Some(huge));
    }
}
