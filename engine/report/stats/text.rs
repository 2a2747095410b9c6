//! Figures for people, 80 columns, with a histogram of the times to recovery.

use super::{Group, Times};
use crate::event::{Outcome, TargetVerdict};
use crate::report::scale::{mark, round_step};
use crate::report::style::{Style, WIDTH, fit, millis, one_line, pad, wrap};
use crate::report::timeline::{clock, day};
use crate::report::words;
use std::io::{self, Write};

/// Columns of the longest bar.
const BAR: usize = 40;

/// Writes `groups`.
///
/// # Errors
/// Whatever writing gives.
pub fn text(out: &mut dyn Write, groups: &[Group], style: Style) -> io::Result<()> {
    if groups.is_empty() {
        writeln!(out, "no run is recorded")?;
    }
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_group(out, group, style)?;
    }
    Ok(())
}

fn write_group(out: &mut dyn Write, group: &Group, style: Style) -> io::Result<()> {
    let tail = format!("{} · {}", mode(&group.mode), one_line(&group.file));
    let room = WIDTH.saturating_sub(tail.chars().count() + 3).max(20);
    let head = fit(&one_line(&group.title), room);
    writeln!(out, "{} · {tail}", style.bold(&head))?;
    let day = day(&group.last_at);
    let mut runs = format!("{}, the last one {day} {} UTC", group.runs, clock(&group.last_at, day));
    if group.running > 0 {
        runs.push_str(&format!("; {} running", group.running));
    }
    if group.unknown > 0 {
        runs.push_str(&format!("; {} without an end", group.unknown));
    }
    row(out, "runs", &runs)?;
    let outcomes: Vec<String> =
        group.outcomes.iter().map(|(key, count)| format!("{count} {}", said(key))).collect();
    if !outcomes.is_empty() {
        row(out, "outcomes", &outcomes.join("; "))?;
    }
    match group.recovery() {
        Some(times) => row(out, "recovery", &format!("{} verified: {}", times.n, sum(times)))?,
        None => row(out, "recovery", "never verified")?,
    }
    if let Some(times) = group.duration() {
        row(out, "run time", &sum(times))?;
    }
    let mut targets = Vec::new();
    if group.target_of > 0 {
        targets.push(format!("{} of {}", group.target_met, group.target_of));
    }
    if group.target_not_verified > 0 {
        let verdict = words::verdict(TargetVerdict::WithinNotVerified);
        targets.push(format!("{} {verdict}", group.target_not_verified));
    }
    if !targets.is_empty() {
        row(out, if group.target_of > 0 { "target met" } else { "target" }, &targets.join("; "))?;
    }
    histogram(out, &group.recoveries)
}

fn row(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    for (index, line) in wrap(text, WIDTH - 14).into_iter().enumerate() {
        writeln!(out, "  {}{line}", pad(if index == 0 { name } else { "" }, 12))?;
    }
    Ok(())
}

fn sum(times: Times) -> String {
    if times.n == 1 {
        return millis(times.max);
    }
    format!(
        "median {}, p90 {}, max {}, mean {}",
        millis(times.median),
        millis(times.p90),
        millis(times.max),
        millis(times.mean)
    )
}

/// Bars of equal width in time; a single time needs none.
fn histogram(out: &mut dyn Write, sorted: &[u64]) -> io::Result<()> {
    let Some(max) = sorted.last().filter(|_| sorted.len() > 1) else { return Ok(()) };
    let step = round_step(*max, 9, 1);
    let mut bins = vec![0_usize; (max / step + 1) as usize];
    for ms in sorted {
        bins[(ms / step) as usize] += 1;
    }
    let most = bins.iter().copied().max().unwrap_or(1).max(1);
    let first = bins.iter().position(|count| *count > 0).unwrap_or(0);
    for (index, count) in bins.iter().enumerate().skip(first) {
        let index = index as u64;
        let range =
            format!("{} to {}", mark(index * step, step), mark((index + 1).saturating_mul(step), step));
        // Whatever is there is seen.
        let bar = (count * BAR).div_ceil(most);
        let line = format!("  {}{} {count}", pad(&range, 24), "█".repeat(bar));
        writeln!(out, "{}", if *count == 0 { line.trim_end_matches(" 0").trim_end() } else { &line })?;
    }
    Ok(())
}

fn mode(mode: &str) -> &str {
    match mode {
        "exec" => "incidents",
        "rehearse" => "rehearsals",
        "test" => "doc-tests",
        other => other,
    }
}

fn said(key: &str) -> &str {
    let all = [
        Outcome::Verified,
        Outcome::RecoveredByFallback,
        Outcome::NotVerified,
        Outcome::Observed,
        Outcome::Contained,
        Outcome::Failed,
        Outcome::NeedsPerson,
        Outcome::Cancelled,
        Outcome::NotStarted,
    ];
    all.into_iter().find(|outcome| super::key(*outcome) == key).map_or("unknown", words::outcome)
}

#[cfg(test)]
mod tests {
    use super::super::groups;
    use super::super::tests::{judged, run, runs};
    use super::*;
    use crate::journal::RunSummary;

    fn shown(groups: &[Group]) -> String {
        let mut out = Vec::new();
        text(&mut out, groups, Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn figures_fit_a_narrow_terminal() {
        let text = shown(&groups(&runs()));
        assert_eq!(
            text,
            "Engine Restart Failed · incidents · bot.md\n  \
             runs        5, the last one 2026-01-05 03:04:05 UTC; 1 without an end\n  \
             outcomes    1 failed; 1 recovered by a fallback, verified; 2 succeeded,\n              \
                         verified\n  \
             recovery    3 verified: median 20 s, p90 50 s, max 50 s, mean 27 s\n  \
             run time    median 36 s, p90 1 min 1 s, max 1 min 1 s, mean 36 s\n  \
             target met  2 of 4\n  \
             10 s to 20 s            ████████████████████████████████████████ 1\n  \
             20 s to 30 s            ████████████████████████████████████████ 1\n  \
             30 s to 40 s\n  \
             40 s to 50 s\n  \
             50 s to 1 min           ████████████████████████████████████████ 1\n\
             \n\
             Engine Restart Failed · rehearsals · bot.md\n  \
             runs        1, the last one 2026-01-06 03:04:05 UTC\n  \
             outcomes    1 succeeded, verified\n  \
             recovery    1 verified: 2.0 s\n  \
             run time    3.0 s\n  \
             target met  1 of 1\n"
        );
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn a_run_within_its_target_that_nothing_verified_is_not_called_missed() {
        let said = |runs: &[RunSummary]| {
            let shown = shown(&groups(runs));
            shown.lines().find(|line| line.starts_with("  target")).map(str::to_owned)
        };
        let (met, within) = (judged(&[TargetVerdict::Met]), judged(&[TargetVerdict::WithinNotVerified]));
        assert_eq!(
            said(std::slice::from_ref(&within)).as_deref(),
            Some("  target      1 within target, not verified")
        );
        assert_eq!(
            said(&[met, within]).as_deref(),
            Some("  target met  1 of 1; 1 within target, not verified")
        );
    }

    #[test]
    fn no_two_bars_have_the_same_bounds() {
        let mut out = Vec::new();
        histogram(&mut out, &[90, 110, 130, 150]).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "  80 ms to 100 ms         ████████████████████████████████████████ 1\n  \
             100 ms to 120 ms        ████████████████████████████████████████ 1\n  \
             120 ms to 140 ms        ████████████████████████████████████████ 1\n  \
             140 ms to 160 ms        ████████████████████████████████████████ 1\n"
        );
        for max in (1..200_000).step_by(37).chain([1_000_000, 3_600_000, 86_400_000, 172_800_000]) {
            let mut out = Vec::new();
            histogram(&mut out, &[0, max]).expect("writes to memory");
            let text = String::from_utf8(out).expect("is text");
            let bounds = text.lines().map(|line| line.trim_start().split("  ").next().unwrap_or_default());
            for bound in bounds {
                let (low, high) = bound.split_once(" to ").expect("has two bounds");
                assert_ne!(low, high, "{max}: {text}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(shown(&[]), "no run is recorded\n");
        let text = shown(&groups(&[run("chaos", "2026-01-05T03:04:05.000Z", None, None)]));
        assert_eq!(
            text,
            "Engine Restart Failed · chaos · bot.md\n  \
             runs        1, the last one 2026-01-05 03:04:05 UTC; 1 without an end\n  \
             recovery    never verified\n"
        );
    }
}
