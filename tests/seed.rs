//! The document that the project was drawn from, on a stage, exactly as it is: each of its procedures with the
//! faults that it is for. Where that document is not at hand our own runbook, its twin, stands in for it.

use crate::harness::rehearsal::{judge_passed, rehearsal, run_all, seed};
use crate::harness::{Test, root};
use std::path::Path;

/// A procedure with a fault: the code that `exec` ends with, and what it says then.
struct Case(&'static str, &'static str, i32, &'static str);

const CASES: [Case; 12] = [
    Case("MTTR Exceeded", "engine-stopped", 0, "succeeded, verified by step 4"),
    Case("MTTR Exceeded", "api-down", 0, "recovered by fallback step 3, verified by step 4"),
    Case("Engine Restart Failed", "engine-stopped", 0, NOT_VERIFIED),
    Case("Engine Restart Failed", "engine-not-executable", 5, CONTAINED),
    Case("WS Reconnect Slow", "feed-outage", 0, NOT_VERIFIED),
    Case("Kill Switch Latency High", "engine-locks-database", 0, NOT_VERIFIED),
    Case("Kill Switch Latency High", "database-locked", 5, CONTAINED),
    Case("Audit Log Missing", "audit-no-space", 0, "observed: nothing was changed"),
    Case("Chaos Test Failed", "cure-broken", 1, "failed: step 3 `"),
    Case(
        "Full System Restart",
        "engines-stalled",
        0,
        "succeeded, verified by step 5; not verified after it: step 6",
    ),
    Case("Rollback Deployment", "bad-model", 0, ROLLED_BACK),
    Case("Rollback Deployment", "bad-image", 0, ROLLED_BACK),
];

const NOT_VERIFIED: &str = "every step succeeded, not verified: the document has no verify step";
const CONTAINED: &str = "contained, not recovered: fallback step 3 ran and nothing verified it";
const ROLLED_BACK: &str = "succeeded, verified by step 4; not verified after it: step 5";

#[test]
fn every_procedure_runs_to_its_end_as_it_is_written() {
    let document = seed().unwrap_or_else(|| root().join("runbooks/levibot.md"));
    let test = |Case(procedure, fault, ..): &Case| {
        rehearsal(Test::new(), procedure, &["--fault", fault]).args(&[Path::new("--file"), &document])
    };
    for (finished, Case(_, fault, exit, summary)) in
        run_all(CASES.iter().map(test).collect()).into_iter().zip(&CASES)
    {
        judge_passed(finished, fault, *exit, summary);
    }
}
