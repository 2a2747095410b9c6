//! LeviBot's faults, each with the procedure that it belongs to, and with one that has nothing to do with it.

use crate::harness::rehearsal::{
    ONLY_LOOKED_AT, QUICK, judge_passed, our_stage, ours, reasons, run_all, story,
};
use crate::harness::{Test, root};

/// A fault, the procedure it is rehearsed with and its parameters, and what comes of that.
struct Case(&'static str, &'static str, &'static [&'static str], i32, &'static str);

const CASES: [Case; 9] = [
    Case(
        "engine-crash-loop",
        "Engine Restart Failed",
        &["--engine-id", "2"],
        5,
        "contained, not recovered: fallback step 3",
    ),
    Case("feed-outage", "WS Reconnect Slow", &[], 0, "every step succeeded, not verified"),
    Case("feed-slow", "WS Reconnect Slow", &[], 0, "every step succeeded, not verified"),
    Case("audit-unwritable", "Audit Log Missing", &[], 0, "observed: nothing was changed"),
    Case("audit-read-only", "Audit Log Missing", &[], 0, "observed: nothing was changed"),
    Case("audit-no-space", "Audit Log Missing", &[], 0, "observed: nothing was changed"),
    Case("engines-stalled", "Full System Restart", &[], 0, "succeeded, verified by step 5"),
    Case("bad-model", "Rollback Deployment", &[], 0, "succeeded, verified by step 4"),
    Case("bad-image", "Rollback Deployment", &[], 0, "succeeded, verified by step 4"),
];

#[test]
fn each_fault_is_met_by_its_procedure_as_far_as_that_goes() {
    let test = |Case(fault, procedure, args, ..): &Case| ours(procedure, args).args(&["--fault", fault]);
    for (finished, Case(fault, .., exit, summary)) in
        run_all(CASES.iter().map(test).collect()).into_iter().zip(&CASES)
    {
        if *fault == "feed-outage" {
            // The stage's own probe measures what the document only states.
            assert!(finished.stdout.contains("target `Reconnect < 5 seconds`: met"), "{}", finished.stdout);
        }
        judge_passed(finished, fault, *exit, summary);
    }
}

#[test]
fn a_wrong_procedure_meets_none_of_the_faults() {
    let faults: Vec<String> = names();
    let test =
        |fault: &String| {
            our_stage(Test::new(), root(), QUICK)
                .file("wrong.md", "# Wrong\n\n```bash\nls -l\n```\n")
                .args(&["rehearse", "Wrong", "--no-prepare", "--file", "wrong.md", "--fault", fault])
        };
    for (finished, fault) in run_all(faults.iter().map(test).collect()).into_iter().zip(&faults) {
        let finished = finished.exit(1);
        let story = story(&finished);
        assert!(story.contains(&format!("fault `{fault}`: the symptom is there")), "{story:?}");
        assert!(story.contains(&"stage: well again without the fault".to_owned()), "{story:?}");
        let reasons = reasons(&finished);
        let reason = match ONLY_LOOKED_AT.contains(&fault.as_str()) {
            true => "no step showed the fault in its output: `",
            false => "but the symptom is still there: `passes_when` does not hold",
        };
        assert!(reasons.contains(reason), "{fault}: {reasons}");
        finished.leaves_nothing();
    }
}

/// The names of all of LeviBot's faults.
fn names() -> Vec<String> {
    let yaml = include_str!("../runbooks/runbook.yaml");
    let (_, faults) = yaml.split_once("\nfaults:\n").expect("has faults");
    let name = |line: &str| line.strip_prefix("  ")?.strip_suffix(':').map(str::to_owned);
    let names: Vec<String> = faults.lines().filter_map(name).filter(|name| !name.starts_with(' ')).collect();
    assert!(names.len() > 15, "{names:?}");
    names
}
