//! A chaos suite for people, in 80 columns: a line for each trial as it ends, then a table.

use super::{Row, Status, Suite, Trial};
use crate::event::TargetVerdict;
use crate::report::stats::Times;
use crate::report::style::{Style, WIDTH, fit, millis, one_line, pad, wrap};
use std::io::{self, Write};

/// Columns of the table, but its last.
const COLUMNS: [usize; 7] = [24, 6, 5, 7, 7, 7, 9];

/// Writes the line of a trial that is over, why it did not pass, and, where `findable`, under which name it
/// is on record.
///
/// # Errors
/// Whatever writing gives.
pub fn trial(
    out: &mut dyn Write,
    trial: &Trial,
    trials: usize,
    findable: bool,
    style: Style,
) -> io::Result<()> {
    let word = match (trial.status, trial.error) {
        (Status::Pass, _) => style.good("pass "),
        (Status::Fail, false) => style.bad("FAIL "),
        (Status::Fail, true) => style.bad("ERROR"),
    };
    let number = if trials > 1 { format!(" {}/{trials}", trial.trial) } else { String::new() };
    let name = pad(&format!("{}{number}", one_line(&trial.scenario)), 34);
    let branch = trial.branch.map_or("-", super::Branch::name);
    writeln!(out, "{word} {name} {} {}", pad(branch, 8), millis(trial.wall_ms))?;
    for line in trial.reason.iter().flat_map(|reason| wrap(&printed(reason), WIDTH - 6)) {
        writeln!(out, "      {line}")?;
    }
    match &trial.run {
        Some(run) if findable && trial.status == Status::Fail => {
            writeln!(out, "      record: runbook report {run}")
        }
        _ => Ok(()),
    }
}

/// Nothing of what a program said reaches the terminal as it is.
fn printed(reason: &str) -> String {
    reason.lines().map(one_line).collect::<Vec<_>>().join("\n")
}

/// Writes the table and the verdict.
///
/// # Errors
/// Whatever writing gives.
pub fn table(out: &mut dyn Write, suite: &Suite, style: Style) -> io::Result<()> {
    let head = ["scenario", "passed", "rate", "median", "p90", "max", "target", "branch"];
    writeln!(out, "{}", style.bold(&cells(&head.map(str::to_owned))))?;
    for row in suite.rows() {
        let line = cells(&figures(&row));
        writeln!(out, "{}", if row.passed < row.trials { style.bad(&line) } else { line })?;
    }
    if suite.rows().iter().any(|row| row.target == Some(TargetVerdict::WithinNotVerified)) {
        writeln!(out, "* within the target, and nothing verified that")?;
    }
    for skipped in suite.skipped.chunk_by(|one, other| one.reason == other.reason) {
        let names = match skipped {
            [only] => one_line(&only.scenario),
            many => format!("{} scenarios", many.len()),
        };
        let text = format!("skipped {names}: {}", one_line(&skipped[0].reason));
        for line in wrap(&text, WIDTH) {
            writeln!(out, "{}", style.dim(&line))?;
        }
    }
    writeln!(out)?;
    sum(out, suite, style)
}

fn sum(out: &mut dyn Write, suite: &Suite, style: Style) -> io::Result<()> {
    let mut lines = Vec::new();
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    if let Some(times) = suite.mttr() {
        let Times { n, median, p90, max, .. } = times;
        lines.push(format!(
            "time to verified recovery: n {n}, median {}, p90 {}, max {}",
            millis(median),
            millis(p90),
            millis(max)
        ));
    }
    let (met, judged) = suite.targets();
    if judged > 0 {
        lines.push(format!("time targets: met in {met} of {}", of(judged, "trial")));
    }
    let left = suite.branches_left();
    lines.push(format!(
        "branches: {} of {} covered",
        suite.branches.len() - left.len(),
        suite.branches.len()
    ));
    for branch in left {
        lines.push(format!(
            "  not covered: {} branch of {}",
            branch.branch.name(),
            one_line(&branch.procedure)
        ));
    }
    let jobs = suite.jobs;
    lines.push(format!("seed {}, {jobs} at a time, {}", suite.seed, millis(suite.wall_ms)));
    for line in lines.iter().flat_map(|line| wrapped(line)) {
        writeln!(out, "{line}")?;
    }
    let passed = format!("{} of {} passed", suite.passed(), of(suite.trials.len(), "trial"));
    let rate = suite.pass_rate().map(|rate| format!(" ({})", percent(rate))).unwrap_or_default();
    let wanted = match &suite.target {
        Some(target) => format!("target `{}` ({}:{})", one_line(&target.text), target.file, target.line),
        None => "no document states a pass rate: all must pass".to_owned(),
    };
    let verdict = match (suite.is_good(), suite.errors()) {
        (true, _) => style.good("good"),
        (false, 0) => style.bad("bad"),
        (false, errors) => style.bad(&format!("bad: {} could not be judged", of(errors, "trial"))),
    };
    for line in wrap(&format!("{passed}{rate}; {wanted}"), WIDTH) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "the suite is {verdict}")
}

/// Keeps what a line is indented by.
fn wrapped(line: &str) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    wrap(line, WIDTH - indent).into_iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
}

fn figures(row: &Row) -> [String; 8] {
    let time = |of: fn(Times) -> u64| row.mttr_ms.map_or_else(|| "-".to_owned(), |times| short(of(times)));
    let branches: Vec<&str> = row.branches.iter().map(|branch| branch.name()).collect();
    let branches = match branches.as_slice() {
        [] => "-",
        [only] => only,
        _ => "both",
    };
    [
        one_line(&row.scenario),
        format!("{}/{}", row.passed, row.trials),
        percent(row.passed as f64 / row.trials.max(1) as f64),
        time(|times| times.median),
        time(|times| times.p90),
        time(|times| times.max),
        row.target.map_or("-", target).to_owned(),
        branches.to_owned(),
    ]
}

fn cells(cells: &[String; 8]) -> String {
    let (last, rest) = cells.split_last().expect("there are eight");
    let mut line = String::new();
    for (index, (cell, width)) in rest.iter().zip(COLUMNS).enumerate() {
        let cell = fit(cell, width);
        // Figures stand under one another by their last digit.
        let blanks = " ".repeat(width - cell.chars().count().min(width));
        line.push_str(&if (1..6).contains(&index) { format!("{blanks}{cell}") } else { pad(&cell, width) });
        line.push(' ');
    }
    line.push_str(last);
    line.trim_end().to_owned()
}

/// A share; never rounded up to all or down to none.
fn percent(rate: f64) -> String {
    let tenths = (rate * 1000.0).round();
    let tenths = if rate < 1.0 { tenths.min(999.0) } else { tenths };
    let tenths = if rate > 0.0 { tenths.max(1.0) } else { tenths };
    if tenths % 10.0 == 0.0 { format!("{:.0} %", tenths / 10.0) } else { format!("{:.1}%", tenths / 10.0) }
}

/// A time in at most seven columns.
fn short(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{}h{:02}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

fn target(verdict: TargetVerdict) -> &'static str {
    match verdict {
        TargetVerdict::Met => "met",
        TargetVerdict::Missed => "missed",
        TargetVerdict::WithinNotVerified => "within*",
        TargetVerdict::NotReached => "unreached",
        TargetVerdict::NotMeasured => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Skipped;
    use super::super::tests::{failed, suite};
    use super::*;

    fn shown(suite: &Suite) -> String {
        let mut out = Vec::new();
        table(&mut out, suite, Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    fn line(of: &Trial, trials: usize) -> String {
        let mut out = Vec::new();
        trial(&mut out, of, trials, true, Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn a_suite_is_a_table_of_80_columns() {
        let text = shown(&suite());
        assert_eq!(
            text,
            "scenario                 passed  rate  median     p90     max target    branch\n\
             engine-stopped              4/4 100 %   2.5 s   4.0 s   4.0 s met       main\n\
             api-down                    3/3 100 %   9.0 s   9.0 s   9.0 s met       fallback\n\
             a-scenario-with-quite-a…    2/3 66.7%       -       -       - -         main\n\
             skipped self: it runs this suite\n\
             \n\
             time to verified recovery: n 7, median 4.0 s, p90 9.0 s, max 9.0 s\n\
             time targets: met in 7 of 7 trials\n\
             branches: 3 of 4 covered\n  \
             not covered: fallback branch of Kill Switch Latency High\n\
             seed 42, 2 at a time, 1 min 5 s\n\
             9 of 10 trials passed (90 %); target `≥ 90% pass rate` (runbooks/levibot.md:181)\n\
             the suite is good\n"
        );
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn a_target_that_nothing_verified_is_explained() {
        let mut suite = suite();
        suite.trials[0].targets[0].verdict = TargetVerdict::WithinNotVerified;
        let text = shown(&suite);
        assert!(
            text.contains("4.0 s within*   main\n")
                && text.contains("\n* within the target, and nothing verified")
        );
    }

    #[test]
    fn scenarios_that_are_left_out_for_one_reason_are_one_line() {
        let mut suite = suite();
        let more =
            ["a", "b", "c"].map(|name| Skipped { scenario: name.into(), reason: "two are enough".into() });
        suite.skipped.extend(more);
        let text = shown(&suite);
        assert!(
            text.contains("\nskipped self: it runs this suite\nskipped 3 scenarios: two are enough\n\n"),
            "{text}"
        );
    }

    #[test]
    fn a_suite_that_cannot_be_judged_is_bad() {
        let mut broken = suite();
        broken.trials[9].error = true;
        assert!(shown(&broken).ends_with("the suite is bad: 1 trial could not be judged\n"));
        broken.target = None;
        broken.trials[9].error = false;
        assert!(shown(&broken).ends_with(
            "9 of 10 trials passed (90 %); no document states a pass rate: all must pass\nthe suite is bad\n"
        ));
        assert!(shown(&Suite::default()).ends_with(
            "0 of 0 trials passed; no document states a pass rate: all must pass\nthe suite is bad\n"
        ));
    }

    #[test]
    fn a_trial_is_a_line_and_its_reason() {
        let trials = suite().trials;
        assert_eq!(line(&trials[0], 4), "pass  engine-stopped 1/4                 main     3.0 s\n");
        let reason = "the procedure says `every step succeeded`, but the symptom is still there: `passes_when` does \
                      not hold 10 s later\nand \u{1b}[31mmore";
        let bad = Trial { branch: None, ..failed(trials[4].clone(), reason) };
        assert_eq!(
            line(&bad, 1),
            "FAIL  api-down                           -        3.0 s\n      \
             the procedure says `every step succeeded`, but the symptom is still there:\n      \
             `passes_when` does not hold 10 s later\n      \
             and more\n      \
             record: runbook report api-down-1\n"
        );
        assert!(line(&Trial { error: true, ..bad }, 1).starts_with("ERROR api-down "));
    }

    #[test]
    fn shares_and_times_are_short_and_never_better_than_they_are() {
        for (rate, text) in [
            (1.0, "100 %"),
            (0.0, "0 %"),
            (0.9, "90 %"),
            (2.0 / 3.0, "66.7%"),
            (0.9999, "99.9%"),
            (0.0001, "0.1%"),
        ] {
            assert_eq!(percent(rate), text);
        }
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_050, "1.0 s"),
            (59_999, "59.9 s"),
            (61_000, "1m01s"),
            (3_600_000, "1h00m"),
        ] {
            assert_eq!(short(ms), text);
        }
    }
}
