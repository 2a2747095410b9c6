//! What a chaos suite came to: a line for each trial, and the sum of them.
//!
//! Pure: trials in, figures and a verdict out. A time to recovery is that of a verified recovery, as in
//! [`super::stats`]; what only looked or only contained has none.

mod json;
mod rate;
mod text;

pub use json::{line, summary, summary_line};
pub use rate::RateTarget;
pub use text::{table, trial};

use super::stats::Times;
use crate::event::{JudgedTarget, Outcome, TargetVerdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A way through a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// No step ran because another had failed.
    Main,
    /// One did.
    Fallback,
}

impl Branch {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Fallback => "fallback",
        }
    }
}

/// Whether a trial was as its scenario says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was.
    Pass,
    /// It was not, or could not be judged.
    Fail,
}

/// One trial of a scenario: a line of `results.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// The scenario's name.
    pub scenario: String,
    /// The procedure's title, or what the scenario calls it.
    pub procedure: String,
    /// The fault.
    pub fault: String,
    /// Which trial of the scenario, from 1.
    pub trial: usize,
    /// What came of it.
    pub status: Status,
    /// It could not be judged, or did not leave the stage as it was: something is wrong with the suite.
    pub error: bool,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// The branch that the scenario expects.
    pub expected: Option<Branch>,
    /// The branch that was taken; none if the procedure did not run.
    pub branch: Option<Branch>,
    /// The exit code that `exec` would have had.
    pub exit: Option<i32>,
    /// What the run said of itself.
    pub outcome: Option<Outcome>,
    /// The run's id, under which it is on record.
    pub run: Option<String>,
    /// Wall time of the whole trial in milliseconds: stage, fault, procedure, revert.
    pub wall_ms: u64,
    /// Milliseconds until the recovery was verified, if it was.
    pub recovered_ms: Option<u64>,
    /// The procedure's targets and their verdicts.
    pub targets: Vec<JudgedTarget>,
}

impl Trial {
    /// Whether its time targets were met; none where it has none that was judged.
    fn target_met(&self) -> Option<bool> {
        let judged = self.targets.iter().filter(|it| it.limit_ms.is_some());
        let mut verdicts =
            judged.map(|it| it.verdict).filter(|it| *it != TargetVerdict::NotMeasured).peekable();
        verdicts.peek()?;
        Some(verdicts.all(|verdict| verdict == TargetVerdict::Met))
    }

    /// The worst verdict on a target.
    fn worst_target(&self) -> Option<TargetVerdict> {
        self.targets.iter().map(|it| it.verdict).max_by_key(|verdict| badness(*verdict))
    }
}

/// How bad a verdict is, among others.
fn badness(verdict: TargetVerdict) -> u8 {
    match verdict {
        TargetVerdict::NotMeasured => 0,
        TargetVerdict::Met => 1,
        TargetVerdict::WithinNotVerified => 2,
        TargetVerdict::NotReached => 3,
        TargetVerdict::Missed => 4,
    }
}

/// A scenario that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub scenario: String,
    /// Why.
    pub reason: String,
}

/// A branch that a procedure has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BranchOf {
    /// The procedure's title.
    pub procedure: String,
    /// The branch.
    pub branch: Branch,
}

/// Everything that a summary is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    /// Every trial, in the order of the scenarios.
    pub trials: Vec<Trial>,
    /// Scenarios that were left out.
    pub skipped: Vec<Skipped>,
    /// Every branch of every procedure that the suite is about.
    pub branches: Vec<BranchOf>,
    /// The pass rate that the documents ask for; none stands for every trial.
    pub target: Option<RateTarget>,
    /// What the order was shuffled by.
    pub seed: u64,
    /// How many trials ran at once.
    pub jobs: usize,
    /// Wall time of the suite in milliseconds.
    pub wall_ms: u64,
}

/// One scenario in sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The scenario's name.
    pub scenario: String,
    /// The procedure.
    pub procedure: String,
    /// How many trials ran.
    pub trials: usize,
    /// Of which passed.
    pub passed: usize,
    /// Times to verified recovery.
    pub mttr_ms: Option<Times>,
    /// The worst verdict on a target of all trials.
    pub target: Option<TargetVerdict>,
    /// The branches that were taken.
    pub branches: BTreeSet<Branch>,
}

impl Suite {
    /// How many trials passed.
    pub fn passed(&self) -> usize {
        self.trials.iter().filter(|it| it.status == Status::Pass).count()
    }

    /// How many trials could not be judged, or left the stage broken.
    pub fn errors(&self) -> usize {
        self.trials.iter().filter(|it| it.error).count()
    }

    /// The share of trials that passed, from 0 to 1; none if none ran.
    pub fn pass_rate(&self) -> Option<f64> {
        (!self.trials.is_empty()).then(|| self.passed() as f64 / self.trials.len() as f64)
    }

    /// Whether the pass rate is what the documents ask for and every trial could be judged.
    pub fn is_good(&self) -> bool {
        let Some(rate) = self.pass_rate() else { return false };
        let reached = match &self.target {
            Some(target) if target.above => rate > target.rate,
            Some(target) => rate >= target.rate,
            None => self.passed() == self.trials.len(),
        };
        reached && self.errors() == 0
    }

    /// Times to verified recovery.
    pub fn mttr(&self) -> Option<Times> {
        recoveries(self.trials.iter())
    }

    /// How many trials met their time targets, and how many had one that was judged.
    pub fn targets(&self) -> (usize, usize) {
        let judged: Vec<bool> = self.trials.iter().filter_map(Trial::target_met).collect();
        (judged.iter().filter(|met| **met).count(), judged.len())
    }

    /// Branches that no trial took and passed.
    pub fn branches_left(&self) -> Vec<&BranchOf> {
        let took = |it: &&BranchOf| {
            self.trials.iter().any(|trial| {
                trial.status == Status::Pass
                    && trial.branch == Some(it.branch)
                    && trial.procedure == it.procedure
            })
        };
        self.branches.iter().filter(|branch| !took(branch)).collect()
    }

    /// The scenarios that ran, in order.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<(Row, Vec<&Trial>)> = Vec::new();
        for trial in &self.trials {
            let at = rows.iter().position(|(row, _)| row.scenario == trial.scenario).unwrap_or_else(|| {
                rows.push((Row::of(trial), Vec::new()));
                rows.len() - 1
            });
            rows[at].1.push(trial);
        }
        let sum = |(mut row, trials): (Row, Vec<&Trial>)| {
            row.trials = trials.len();
            row.passed = trials.iter().filter(|it| it.status == Status::Pass).count();
            row.mttr_ms = recoveries(trials.iter().copied());
            row.target =
                trials.iter().filter_map(|it| it.worst_target()).max_by_key(|verdict| badness(*verdict));
            row.branches = trials.iter().filter_map(|it| it.branch).collect();
            row
        };
        rows.into_iter().map(sum).collect()
    }
}

impl Row {
    /// A row without figures.
    fn of(trial: &Trial) -> Self {
        Self {
            scenario: trial.scenario.clone(),
            procedure: trial.procedure.clone(),
            trials: 0,
            passed: 0,
            mttr_ms: None,
            target: None,
            branches: BTreeSet::new(),
        }
    }
}

fn recoveries<'a>(trials: impl Iterator<Item = &'a Trial>) -> Option<Times> {
    let mut sorted: Vec<u64> = trials.filter_map(|it| it.recovered_ms).collect();
    sorted.sort_unstable();
    Times::of(&sorted)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::report) fn trial(scenario: &str, number: usize, recovered_ms: Option<u64>) -> Trial {
        Trial {
            scenario: scenario.to_owned(),
            procedure: "MTTR Exceeded".to_owned(),
            fault: "api-down".to_owned(),
            trial: number,
            status: Status::Pass,
            error: false,
            reason: None,
            expected: Some(Branch::Main),
            branch: Some(Branch::Main),
            exit: Some(0),
            outcome: Some(Outcome::Verified),
            run: Some(format!("{scenario}-{number}")),
            wall_ms: 3_000,
            recovered_ms,
            targets: vec![JudgedTarget {
                text: "Recovery < 2 minutes".to_owned(),
                verdict: recovered_ms.map_or(TargetVerdict::WithinNotVerified, |_| TargetVerdict::Met),
                elapsed_ms: recovered_ms,
                limit_ms: Some(120_000),
            }],
        }
    }

    pub(in crate::report) fn failed(trial: Trial, reason: &str) -> Trial {
        Trial { status: Status::Fail, reason: Some(reason.to_owned()), ..trial }
    }

    /// Ten trials of three scenarios, one of which failed.
    pub(in crate::report) fn suite() -> Suite {
        let mut trials: Vec<Trial> =
            (1..=4).map(|n| trial("engine-stopped", n, Some(n as u64 * 1000))).collect();
        trials.extend((1..=3).map(|n| Trial {
            branch: Some(Branch::Fallback),
            expected: Some(Branch::Fallback),
            ..trial("api-down", n, Some(9_000))
        }));
        trials.extend((1..=3).map(|n| Trial {
            procedure: "Audit Log Missing".to_owned(),
            targets: Vec::new(),
            ..trial("a-scenario-with-quite-a-long-name-that-does-not-fit", n, None)
        }));
        let last = trials.pop().expect("there are some");
        trials.push(failed(last, "no step showed the fault in its output"));
        let branch = |procedure: &str, branch| BranchOf { procedure: procedure.to_owned(), branch };
        Suite {
            trials,
            skipped: vec![Skipped { scenario: "self".to_owned(), reason: "it runs this suite".to_owned() }],
            branches: vec![
                branch("MTTR Exceeded", Branch::Main),
                branch("MTTR Exceeded", Branch::Fallback),
                branch("Audit Log Missing", Branch::Main),
                branch("Kill Switch Latency High", Branch::Fallback),
            ],
            target: Some(target(0.9, false)),
            seed: 42,
            jobs: 2,
            wall_ms: 65_432,
        }
    }

    fn target(rate: f64, above: bool) -> RateTarget {
        let text = "≥ 90% pass rate".to_owned();
        RateTarget { text, file: "runbooks/levibot.md".to_owned(), line: 181, rate, above }
    }

    #[test]
    fn the_verdict_is_that_of_the_documents_pass_rate() {
        let nine_of_ten = suite();
        assert_eq!((nine_of_ten.passed(), nine_of_ten.pass_rate()), (9, Some(0.9)));
        for (wanted, good) in [
            (Some(target(0.9, false)), true),
            (Some(target(0.9, true)), false),
            (Some(target(0.91, false)), false),
            (None, false),
        ] {
            assert_eq!(Suite { target: wanted.clone(), ..suite() }.is_good(), good, "{wanted:?}");
        }
        let mut broken = suite();
        broken.trials[9].error = true;
        assert!(!broken.is_good(), "what cannot be judged is red at any rate");
        broken.trials.clear();
        assert_eq!((broken.is_good(), broken.pass_rate()), (false, None));
        let all = Suite { trials: vec![trial("a", 1, None)], target: None, ..suite() };
        assert!(all.is_good());
    }

    #[test]
    fn figures_are_those_of_verified_recoveries_and_judged_targets() {
        let suite = suite();
        let times = suite.mttr().expect("some recovered");
        assert_eq!((times.n, times.median, times.p90, times.max), (7, 4_000, 9_000, 9_000));
        assert_eq!(suite.targets(), (7, 7));
        let mut missed = suite.clone();
        missed.trials[0].targets[0].verdict = TargetVerdict::Missed;
        missed.trials[1].targets[0].verdict = TargetVerdict::NotMeasured;
        assert_eq!(missed.targets(), (5, 6));
        assert_eq!(missed.rows()[0].target, Some(TargetVerdict::Missed));
    }

    #[test]
    fn scenarios_are_summed_up_in_order() {
        let rows = suite().rows();
        let heads: Vec<_> = rows.iter().map(|row| (&*row.scenario, row.trials, row.passed)).collect();
        assert_eq!(
            heads,
            [
                ("engine-stopped", 4, 4),
                ("api-down", 3, 3),
                ("a-scenario-with-quite-a-long-name-that-does-not-fit", 3, 2)
            ]
        );
        assert_eq!(rows[0].mttr_ms.expect("recovered").median, 2_500);
        assert_eq!((rows[2].mttr_ms, rows[2].target), (None, None));
        assert_eq!(rows[1].branches, BTreeSet::from([Branch::Fallback]));
    }

    #[test]
    fn a_branch_is_covered_by_a_trial_that_passed() {
        let mut suite = suite();
        let left = |suite: &Suite| -> Vec<String> {
            suite.branches_left().iter().map(|it| format!("{} {}", it.procedure, it.branch.name())).collect()
        };
        assert_eq!(left(&suite), ["Kill Switch Latency High fallback"]);
        for trial in suite.trials.iter_mut().filter(|it| it.scenario == "api-down") {
            trial.status = Status::Fail;
        }
        assert_eq!(left(&suite), ["MTTR Exceeded fallback", "Kill Switch Latency High fallback"]);
    }
}
