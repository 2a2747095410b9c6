//! Figures as JSON: stable keys, versioned.

use super::{Group, Times};
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the keys.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Stats<'a> {
    v: u32,
    procedures: Vec<Procedure<'a>>,
}

#[derive(Serialize)]
struct Procedure<'a> {
    file: &'a str,
    procedure: &'a str,
    title: &'a str,
    mode: &'a str,
    runs: usize,
    running: usize,
    unknown: usize,
    outcomes: &'a BTreeMap<&'static str, usize>,
    recovery_ms: Option<Times>,
    duration_ms: Option<Times>,
    target_met: usize,
    target_of: usize,
    target_not_verified: usize,
    last_run: &'a str,
    last_at: &'a str,
}

/// `groups` as JSON.
pub fn json(groups: &[Group]) -> String {
    let procedures = groups
        .iter()
        .map(|group| Procedure {
            file: &group.file,
            procedure: &group.procedure,
            title: &group.title,
            mode: &group.mode,
            runs: group.runs,
            running: group.running,
            unknown: group.unknown,
            outcomes: &group.outcomes,
            recovery_ms: group.recovery(),
            duration_ms: group.duration(),
            target_met: group.target_met,
            target_of: group.target_of,
            target_not_verified: group.target_not_verified,
            last_run: &group.last_run,
            last_at: &group.last_at,
        })
        .collect();
    let stats = Stats { v: VERSION, procedures };
    serde_json::to_string_pretty(&stats).expect("figures have only string keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::groups;
    use super::super::tests::runs;
    use crate::report::schema;
    use serde_json::{Value, json};

    #[test]
    fn every_figure_has_its_key() {
        let stats: Value = serde_json::from_str(&super::json(&groups(&runs()))).expect("is JSON");
        assert_eq!(stats["v"], 1);
        assert_eq!(
            stats["procedures"][0],
            json!({
                "file": "bot.md", "procedure": "engine-restart-failed", "title": "Engine Restart Failed",
                "mode": "exec", "runs": 5, "running": 0, "unknown": 1,
                "outcomes": {"failed": 1, "recovered_by_fallback": 1, "verified": 2},
                "recovery_ms": {"n": 3, "median": 20000, "p90": 50000, "max": 50000, "mean": 26666},
                "duration_ms": {"n": 4, "median": 36000, "p90": 61000, "max": 61000, "mean": 36000},
                "target_met": 2, "target_of": 4, "target_not_verified": 0,
                "last_run": "run-2026-01-05T03:04:05.000Z", "last_at": "2026-01-05T03:04:05.000Z",
            })
        );
    }

    #[test]
    fn figures_fit_their_schema() {
        let schema = include_str!("../../../runbooks/reference/schema/stats.schema.json");
        let mut runs = runs();
        runs[0].finished = None;
        for runs in [&runs[..], &runs[..1]] {
            let text = super::json(&groups(runs));
            assert_eq!(schema::misfits(schema, &text), Vec::<String>::new(), "{text}");
        }
    }
}
