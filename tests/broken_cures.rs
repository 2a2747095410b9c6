//! It can fail: every procedure of LeviBot's runbook with its cure broken in the worst way, by something that
//! does nothing and says that all is well. The rehearsal must not believe it, and say why like a person would.

use crate::harness::Test;
use crate::harness::rehearsal::{QUICK, our_stage_of_its_own, reasons, run_all, story};

/// A script of the working directory that does nothing where a step calls it. What injects, looks and reverts
/// is no step, and gets what it asks for.
struct Broken {
    path: &'static str,
    /// A condition of bash on the arguments, for those that are ignored.
    ignores: &'static str,
    says: &'static str,
    /// The real one, which does all the rest.
    real: &'static str,
}

const DOCKER: Broken = Broken {
    path: "bin/docker",
    ignores: "true",
    says: " Container levibot-api  Started",
    real: "cd /stage && exec bin/levibot docker",
};

const SUITE: Broken = Broken {
    path: "scripts/run_chaos_suite.sh",
    ignores: "true",
    says: "the suite is good",
    real: REAL_SUITE,
};

const REAL_SUITE: &str = "cd /stage && exec runbook chaos --output backend/reports/chaos/latest";

const RECOVERY: Broken = Broken {
    path: "scripts/auto_recover.sh",
    ignores: "true",
    says: "recovered: every engine runs",
    real: ":",
};

const POSTS: Broken = Broken {
    path: "bin/curl",
    ignores: r#"[[ "$*" = *"-X POST"* ]]"#,
    says: r#"{"status":"running"}"#,
    real: "PATH=${PATH#*:} exec curl",
};

const RELEASE: Broken = Broken { ignores: r#"[[ "$*" = *"/live/restore"* ]]"#, says: "{}", ..POSTS };

const LOOKS: Broken = Broken { path: "bin/curl", ignores: "true", says: r#"{"audit":"ok"}"#, ..POSTS };

const ROLLBACK: Broken = Broken {
    path: "backend/scripts/rollback_model.sh",
    ignores: "true",
    says: "current model: 2025-10-14",
    real: r#"cd backend/models && rm -f current && ln -s "$1" current; :"#,
};

/// A procedure with a fault, what is broken, and what the rehearsal says.
struct Case {
    procedure: &'static str,
    fault: &'static str,
    broken: &'static [Broken],
    exec_exit: i32,
    reason: &'static str,
}

#[test]
fn a_cure_that_does_nothing_and_says_that_all_is_well_is_not_believed() {
    let case =
        |procedure, fault, broken, exec_exit, reason| Case { procedure, fault, broken, exec_exit, reason };
    let cases = [
        case(
            "MTTR Exceeded",
            "engine-stopped",
            &[DOCKER, RECOVERY],
            1,
            "the procedure says `failed: step 4 `Verify that the system has recovered` ended with status 22` and the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        case(
            "Engine Restart Failed",
            "engine-stopped",
            &[POSTS],
            0,
            "the procedure says `every step succeeded, not verified: the document has no verify step`, but the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        case(
            "WS Reconnect Slow",
            "feed-outage",
            &[DOCKER],
            0,
            "the procedure says `every step succeeded, not verified: the document has no verify step`, but the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        case(
            "Kill Switch Latency High",
            "api-hangs",
            &[DOCKER],
            5,
            "the procedure says `contained, not recovered: fallback step 3 ran and nothing verified it` and the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        case(
            "Audit Log Missing",
            "audit-unwritable",
            &[LOOKS],
            0,
            "no step showed the fault in its output: `cannot write to backend/data/audit/`",
        ),
        // What the fault itself has the suite find is seen; that it was not run again is noticed.
        case(
            "Chaos Test Failed",
            "cure-broken",
            &[SUITE],
            0,
            "the procedure says `every step succeeded, not verified: the document has no verify step`, but the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        // The kill switch stays on: healthy, and nobody trades.
        case(
            "Full System Restart",
            "engines-stalled",
            &[RELEASE],
            0,
            "the procedure says `succeeded, verified by step 5; not verified after it: step 6` and the symptom is \
             gone, but `passes_when` does not hold 100 ms later",
        ),
        case(
            "Rollback Deployment",
            "bad-model",
            &[ROLLBACK],
            1,
            "the procedure says `failed: step 5 `Release the kill switch` ended with status 22` and the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
        case(
            "Rollback Deployment",
            "bad-image",
            &[DOCKER],
            1,
            "the procedure says `failed: step 5 `Release the kill switch` ended with status 22` and the \
             symptom is still there: `passes_when` does not hold 100 ms later",
        ),
    ];
    for (finished, case) in run_all(cases.iter().map(rehearsal).collect()).into_iter().zip(&cases) {
        let finished = finished.exit(1);
        let end = finished.test.journal().pop().expect("has an end");
        assert_eq!(end["rehearsal"]["exec_exit"], case.exec_exit, "{}", finished.stdout);
        assert!(reasons(&finished).starts_with(case.reason), "{}: {}", case.fault, reasons(&finished));
        assert!(story(&finished).contains(&"stage: well again without the fault".to_owned()));
        finished.says(&format!("rehearsal failed with fault `{}` (exit 1)", case.fault)).leaves_nothing();
    }
}

fn rehearsal(case: &Case) -> Test {
    let mut test = our_stage_of_its_own(QUICK);
    for Broken { path, ignores, says, real } in case.broken {
        let ignored = format!(r#"[ -n "$RUNBOOK_DEPTH" ] && {ignores}"#);
        let body = format!("if {ignored}; then echo '{says}'; exit 0; fi\n{real} \"$@\"");
        test = test.script(&format!("work/{path}"), &body);
    }
    test.args(&[
        "rehearse",
        case.procedure,
        "--no-prepare",
        "--fault",
        case.fault,
        "--verify-timeout",
        "300ms",
    ])
}
