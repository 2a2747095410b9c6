//! A chaos suite as JSON: `results.jsonl` and `summary.json`, with stable keys.

use super::{BranchOf, RateTarget, Row, Skipped, Suite, Trial};
use crate::report::stats::Times;
use serde::Serialize;

/// Version of the summary's keys.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Summary<'a> {
    v: u32,
    verdict: &'static str,
    scenarios: usize,
    trials: usize,
    passed: usize,
    failed: usize,
    errors: usize,
    pass_rate: Option<f64>,
    pass_rate_target: Option<&'a RateTarget>,
    mttr_ms: Option<Times>,
    targets: Met,
    branches: Branches<'a>,
    seed: u64,
    jobs: usize,
    wall_ms: u64,
    skipped: &'a [Skipped],
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Met {
    met: usize,
    of: usize,
}

#[derive(Serialize)]
struct Branches<'a> {
    covered: usize,
    of: usize,
    left: Vec<&'a BranchOf>,
}

/// A trial as one line, without its end.
pub fn line(trial: &Trial) -> String {
    serde_json::to_string(trial).expect("a trial has only string keys")
}

/// The sum of the suite on one line, without its end.
pub fn summary_line(suite: &Suite) -> String {
    serde_json::to_string(&sum(suite)).expect("a summary has only string keys")
}

/// The sum of the suite for a file, which people read, too.
pub fn summary(suite: &Suite) -> String {
    serde_json::to_string_pretty(&sum(suite)).expect("a summary has only string keys") + "\n"
}

fn sum(suite: &Suite) -> Summary<'_> {
    let rows = suite.rows();
    let (met, of) = suite.targets();
    let left = suite.branches_left();
    Summary {
        v: VERSION,
        verdict: if suite.is_good() { "pass" } else { "fail" },
        scenarios: rows.len(),
        trials: suite.trials.len(),
        passed: suite.passed(),
        failed: suite.trials.len() - suite.passed(),
        errors: suite.errors(),
        pass_rate: suite.pass_rate(),
        pass_rate_target: suite.target.as_ref(),
        mttr_ms: suite.mttr(),
        targets: Met { met, of },
        branches: Branches { covered: suite.branches.len() - left.len(), of: suite.branches.len(), left },
        seed: suite.seed,
        jobs: suite.jobs,
        wall_ms: suite.wall_ms,
        skipped: &suite.skipped,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{failed, suite, trial};
    use super::*;
    use crate::report::schema;
    use serde_json::{Value, json};

    const SCHEMA: &str = include_str!("../../../runbooks/reference/schema/chaos.schema.json");
    const TRIAL: &str = include_str!("../../../runbooks/reference/schema/trial.schema.json");

    #[test]
    fn a_trial_is_one_line_in_which_a_failure_can_be_found() {
        let text = line(&failed(trial("api-down", 2, Some(1_000)), "no \"step\"\nshowed it"));
        assert!(text.contains(r#""status":"fail""#) && !text.contains('\n'), "{text}");
        let value: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(
            value,
            json!({
                "scenario": "api-down", "procedure": "MTTR Exceeded", "fault": "api-down", "trial": 2,
                "status": "fail", "error": false, "reason": "no \"step\"\nshowed it", "expected": "main",
                "branch": "main", "exit": 0, "outcome": "verified", "run": "api-down-2", "wall_ms": 3000,
                "recovered_ms": 1000, "targets": [{"text": "Recovery < 2 minutes", "verdict": "met",
                "elapsed_ms": 1000, "limit_ms": 120000}],
            })
        );
        assert!(line(&trial("a", 1, None)).contains(r#""status":"pass""#));
    }

    #[test]
    fn every_figure_of_the_summary_has_its_key() {
        let value: Value = serde_json::from_str(&summary(&suite())).expect("is JSON");
        assert_eq!((&value["verdict"], &value["scenarios"]), (&json!("pass"), &json!(3)));
        let counts =
            ["trials", "passed", "failed", "errors"].map(|key| value[key].as_u64().expect("is a number"));
        assert_eq!(counts, [10, 9, 1, 0]);
        assert_eq!(
            (&value["pass_rate"], &value["seed"], &value["jobs"]),
            (&json!(0.9), &json!(42), &json!(2))
        );
        assert_eq!(value["mttr_ms"], json!({"n": 7, "median": 4000, "p90": 9000, "max": 9000, "mean": 5285}));
        assert_eq!(value["targets"], json!({"met": 7, "of": 7}));
        assert_eq!(
            value["branches"],
            json!({"covered": 3, "of": 4, "left": [{"procedure": "Kill Switch Latency High", "branch": "fallback"}]})
        );
        assert_eq!(value["skipped"], json!([{"scenario": "self", "reason": "it runs this suite"}]));
        assert_eq!(value["rows"][1]["branches"], json!(["fallback"]));
    }

    #[test]
    fn what_is_written_fits_its_schemas() {
        for suite in [suite(), Suite::default()] {
            assert_eq!(schema::misfits(SCHEMA, &summary(&suite)), Vec::<String>::new());
            assert!(!summary_line(&suite).contains('\n') && summary(&suite).contains("\n  \"pass_rate\": "));
            for trial in &suite.trials {
                assert_eq!(schema::misfits(TRIAL, &line(trial)), Vec::<String>::new());
            }
        }
    }
}
