//! LeviBot's faults, each with the procedure that it belongs to, and with one that has nothing to do with it.

use crate::harness::rehearsal::{
    ONLY_LOOKED_AT, QUICK, judge_passed, our_stage, our_stage_elsewhere, ours, reasons, run_all, story,
};
use crate::harness::{Test, root};
use std::collections::BTreeSet;

/// A fault, the procedure it is rehearsed with and its arguments, the code that `exec` would end with, and what
/// it would say.
struct Case(&'static str, &'static str, &'static [&'static str], i32, &'static str);

const CURED: &str = "every step succeeded, not verified: the document has no verify step";
const CONTAINED: &str = "contained, not recovered: fallback step 3 ran and nothing verified it";
const OBSERVED: &str = "observed: nothing was changed";
const RESTARTED: &str = "succeeded, verified by step 5; not verified after it: step 6";
const ROLLED_BACK: &str = "succeeded, verified by step 4; not verified after it: step 5";

const CASES: [Case; 18] = [
    Case("engine-stopped", "MTTR Exceeded", &[], 0, "succeeded, verified by step 4"),
    Case("api-down", "MTTR Exceeded", &[], 0, "recovered by fallback step 3, verified by step 4"),
    Case("engine-stopped", "Engine Restart Failed", &["--engine-id", "5"], 0, CURED),
    Case("engine-start-hangs", "Engine Restart Failed", &["--engine-id", "2"], 0, CURED),
    Case("engine-not-executable", "Engine Restart Failed", &["--engine-id", "4"], 5, CONTAINED),
    Case("engine-crash-loop", "Engine Restart Failed", &["--engine-id", "1"], 5, CONTAINED),
    Case("feed-outage", "WS Reconnect Slow", &[], 0, CURED),
    Case("feed-slow", "WS Reconnect Slow", &[], 0, CURED),
    Case("engine-locks-database", "Kill Switch Latency High", &[], 0, CURED),
    Case("database-locked", "Kill Switch Latency High", &[], 5, CONTAINED),
    Case("api-hangs", "Kill Switch Latency High", &[], 5, CONTAINED),
    Case("audit-unwritable", "Audit Log Missing", &[], 0, OBSERVED),
    Case("audit-read-only", "Audit Log Missing", &[], 0, OBSERVED),
    Case("audit-no-space", "Audit Log Missing", &[], 0, OBSERVED),
    Case(
        "cure-broken",
        "Chaos Test Failed",
        &[],
        1,
        "failed: step 3 `Run the suite again` ended with status 1",
    ),
    Case("engines-stalled", "Full System Restart", &[], 0, RESTARTED),
    Case("bad-model", "Rollback Deployment", &[], 0, ROLLED_BACK),
    Case("bad-image", "Rollback Deployment", &[], 0, ROLLED_BACK),
];

/// Targets that a probe of the stage measures: the document only states them.
const MEASURED: [(&str, &str); 2] = [
    ("feed-outage", "target `Reconnect < 5 seconds`: met"),
    ("engine-locks-database", "target `< 500ms response time`: met"),
];

#[test]
fn each_fault_is_met_by_its_procedures_and_these_leave_nothing_unexercised() {
    assert_eq!(names(), CASES.iter().map(|case| case.0.to_owned()).collect::<BTreeSet<_>>());
    let test = |Case(fault, procedure, args, ..): &Case| ours(procedure, args).args(&["--fault", fault]);
    let together = Test::new();
    std::fs::create_dir_all(together.state().join("runs")).expect("is ours");
    let mut document = String::new();
    for (finished, Case(fault, _, _, exit, summary)) in
        run_all(CASES.iter().map(test).collect()).into_iter().zip(&CASES)
    {
        let finished = judge_passed(finished, fault, *exit, summary);
        for (_, said) in MEASURED.iter().filter(|(measured, _)| measured == fault) {
            assert!(finished.stdout.contains(said), "{}", finished.stdout);
        }
        document = finished.test.read("levibot.md");
        for run in std::fs::read_dir(finished.test.state().join("runs")).expect("a run was recorded") {
            let run = run.expect("is readable");
            std::fs::rename(run.path(), together.state().join("runs").join(run.file_name()))
                .expect("is ours");
        }
    }
    let finished =
        together.file("levibot.md", document).args(&["coverage", "--file", "levibot.md"]).run().exit(0);
    assert!(!finished.stdout.contains("never"), "{}", finished.stdout);
}

#[test]
fn an_ordinary_user_sees_the_same_faults_of_permissions_and_mounts() {
    let faults = ["engine-not-executable", "audit-unwritable", "audit-read-only", "audit-no-space"];
    let cases: Vec<&Case> = CASES.iter().filter(|case| faults.contains(&case.0)).collect();
    let test = |Case(fault, procedure, args, ..): &&Case| {
        let test = our_stage_elsewhere(&[]).args(&["rehearse", procedure, "--no-prepare", "--fault", fault]);
        test.args(args).by_ordinary_user()
    };
    for (finished, Case(fault, _, _, exit, summary)) in
        run_all(cases.iter().map(test).collect()).into_iter().zip(cases)
    {
        judge_passed(finished, fault, *exit, summary);
    }
}

#[test]
fn a_wrong_procedure_meets_none_of_the_faults() {
    let faults = names();
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

#[test]
fn the_book_says_of_every_fault_what_it_shows() {
    let page = include_str!("../runbooks/reference/levibot.md");
    let untold: Vec<String> =
        names().into_iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert_eq!(untold, Vec::<String>::new());
}

#[test]
fn a_fault_and_a_scenario_are_added_as_the_readme_shows() {
    let readme = include_str!("../fixtures/levibot/README.md");
    let block = |first: &str| {
        let (_, rest) = readme.split_once(&format!("    {first}\n")).expect("is shown");
        let lines = rest.lines().take_while(|line| line.starts_with("    "));
        lines.map(|line| format!("{}\n", &line[4..])).collect::<String>()
    };
    let name = "name: mttr-engine-stalled";
    let (fault, scenario) = (block("faults:"), format!("{name}\n{}", block(name)));
    assert_eq!((fault.lines().count(), scenario.lines().count()), (6, 5));
    let test = our_stage(Test::new(), root(), &[("\nfaults:\n", &format!("\nfaults:\n{fault}"))]);
    let finished =
        test.file("scenario.yaml", scenario).args(&["chaos", "scenario.yaml", "--no-prepare"]).run().exit(0);
    finished.says("1 of 1 trial passed (100 %)").leaves_nothing();
}

/// The names of all of LeviBot's faults.
fn names() -> BTreeSet<String> {
    let yaml = include_str!("../runbooks/runbook.yaml");
    let (_, faults) = yaml.split_once("\nfaults:\n").expect("has faults");
    let name = |line: &str| line.strip_prefix("  ")?.strip_suffix(':').map(str::to_owned);
    faults.lines().filter_map(name).filter(|name| !name.starts_with(' ')).collect()
}
