//! Figures in the Prometheus text format, for the node exporter's textfile collector.
//!
//! Gauges and summaries, no counters: journals may be pruned, and then a figure falls.

use super::{Group, Times};
use std::fmt::Write;

/// `groups` as metrics.
pub fn prometheus(groups: &[Group]) -> String {
    let mut out = String::new();
    family(&mut out, "runbook_runs", "gauge", "Recorded runs by what came of them.");
    for group in groups {
        let ends = group.outcomes.iter().map(|(outcome, count)| (*outcome, *count));
        let open = [("running", group.running), ("unknown", group.unknown)];
        for (outcome, count) in ends.chain(open.into_iter().filter(|(_, count)| *count > 0)) {
            let labels = format!("{},outcome=\"{outcome}\"", labels(group));
            let _ = writeln!(out, "runbook_runs{{{labels}}} {count}");
        }
    }
    times(&mut out, groups, "runbook_recovery", "time to verified recovery", |group| &group.recoveries);
    times(&mut out, groups, "runbook_run", "wall time of a run that is over", |group| &group.durations);
    family(
        &mut out,
        "runbook_target_met_ratio",
        "gauge",
        "Share of runs that met their time target, verified, of those that met or missed it.",
    );
    for group in groups.iter().filter(|group| group.target_of > 0) {
        let ratio = group.target_met as f64 / group.target_of as f64;
        let _ = writeln!(out, "runbook_target_met_ratio{{{}}} {ratio}", labels(group));
    }
    family(&mut out, "runbook_last_run_timestamp_seconds", "gauge", "When the last run started.");
    for group in groups {
        if let Ok(at) = group.last_at.parse::<jiff::Timestamp>() {
            let at = at.as_second();
            let _ = writeln!(out, "runbook_last_run_timestamp_seconds{{{}}} {at}", labels(group));
        }
    }
    out
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A summary `<name>_seconds` and a gauge `<name>_max_seconds`.
fn times(out: &mut String, groups: &[Group], name: &str, what: &str, sorted: impl Fn(&Group) -> &[u64]) {
    family(out, &format!("{name}_seconds"), "summary", &format!("Quantiles of the {what}."));
    let known = || {
        groups.iter().filter_map(|group| {
            let sorted = sorted(group);
            let sum = sorted.iter().fold(0, |sum: u64, ms| sum.saturating_add(*ms));
            Some((labels(group), Times::of(sorted)?, sum))
        })
    };
    for (labels, times, sum) in known() {
        for (quantile, ms) in [("0.5", times.median), ("0.9", times.p90)] {
            let _ = writeln!(out, "{name}_seconds{{{labels},quantile=\"{quantile}\"}} {}", seconds(ms));
        }
        let _ = writeln!(out, "{name}_seconds_sum{{{labels}}} {}", seconds(sum));
        let _ = writeln!(out, "{name}_seconds_count{{{labels}}} {}", times.n);
    }
    family(out, &format!("{name}_max_seconds"), "gauge", &format!("Longest {what}."));
    for (labels, times, _) in known() {
        let _ = writeln!(out, "{name}_max_seconds{{{labels}}} {}", seconds(times.max));
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn labels(group: &Group) -> String {
    format!(
        "file=\"{}\",procedure=\"{}\",mode=\"{}\"",
        escape(&group.file),
        escape(&group.procedure),
        escape(&group.mode)
    )
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::groups;
    use super::super::tests::{run, runs};
    use super::*;

    #[test]
    fn metrics_have_help_type_and_labels() {
        let text = prometheus(&groups(&runs()));
        let group = "file=\"bot.md\",procedure=\"engine-restart-failed\",mode=\"exec\"";
        for line in [
            "# HELP runbook_runs Recorded runs by what came of them.".to_owned(),
            "# TYPE runbook_recovery_seconds summary".to_owned(),
            format!("runbook_runs{{{group},outcome=\"verified\"}} 2"),
            format!("runbook_runs{{{group},outcome=\"unknown\"}} 1"),
            format!("runbook_recovery_seconds{{{group},quantile=\"0.5\"}} 20"),
            format!("runbook_recovery_seconds_sum{{{group}}} 80"),
            format!("runbook_recovery_seconds_count{{{group}}} 3"),
            format!("runbook_recovery_max_seconds{{{group}}} 50"),
            format!("runbook_target_met_ratio{{{group}}} 0.5"),
            format!("runbook_last_run_timestamp_seconds{{{group}}} 1767582245"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        let named: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(named.len(), 7, "{text}");
    }

    #[test]
    fn a_label_cannot_end_early() {
        let mut odd = run("exec", "2026-01-02T03:04:05.000Z", None, None);
        odd.started.file = "a\"b\\c\nd.md".into();
        assert!(prometheus(&groups(&[odd])).contains("{file=\"a\\\"b\\\\c\\nd.md\",procedure="));
    }
}
