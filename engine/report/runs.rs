//! The runs of this host, as a table and as JSON.

use super::style::{Style, WIDTH, fit, millis, one_line};
use super::terminal::row;
use super::words;
use crate::event::Outcome;
use crate::plan::spelt_out;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its last event is its end.
    Finished,
    /// Its engine lives.
    Running,
    /// It has no end and its engine is gone: what it did last is not known.
    Unknown,
}

/// One run in the listing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub run: String,
    /// When it started.
    pub started_at: String,
    /// `exec`, `rehearse`, …
    pub mode: String,
    /// The procedure's title.
    pub title: String,
    /// Parameters, secrets masked.
    pub parameters: BTreeMap<String, String>,
    /// Where it stands.
    pub state: RunState,
    /// Whether it passed, if it was a rehearsal that is over.
    pub rehearsal: Option<bool>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// Its exit code.
    pub exit: Option<i32>,
    /// Its wall time so far.
    pub wall_ms: u64,
}

/// Columns of a parameter's value at most.
const VALUE: usize = 20;

/// Writes the table, 80 columns: of each run one line, and below it when it started (UTC), in which mode, and with
/// which parameters, as far as they go.
///
/// # Errors
/// Whatever writing gives.
pub fn table(out: &mut dyn Write, runs: &[RunLine], style: Style) -> io::Result<()> {
    let head = row(&[("run", 23), ("procedure", 23), ("time", 11)], "outcome");
    writeln!(out, "{}", style.bold(&head))?;
    if !runs.is_empty() {
        writeln!(out, "{}", style.dim(&row(&[("  started (UTC)", 18), ("mode", 4)], "parameters")))?;
    }
    for run in runs {
        let outcome = match (run.state, run.outcome) {
            (RunState::Running, _) => "running".to_owned(),
            (RunState::Unknown, _) | (RunState::Finished, None) => "unknown".to_owned(),
            (RunState::Finished, Some(outcome)) => words::short_outcome(outcome).to_owned(),
        };
        let time = millis(run.wall_ms);
        let line = row(&[(&run.run, 23), (&one_line(&run.title), 23), (&time, 11)], &fit(&outcome, 17));
        writeln!(out, "{line}")?;
        writeln!(out, "{}", style.dim(&fit(&below(run), WIDTH)))?;
    }
    Ok(())
}

/// When, how and with what a run was started.
fn below(run: &RunLine) -> String {
    let at = run.started_at.get(..16).unwrap_or(&run.started_at).replace('T', " ");
    let verdict = match run.rehearsal {
        Some(true) => ", passed",
        Some(false) => ", did not pass",
        None => "",
    };
    // A long value leaves room for the others.
    let given =
        run.parameters.iter().map(|(name, value)| format!("{name} = {}", fit(&spelt_out(value), VALUE)));
    let given: Vec<String> = given.collect();
    one_line(&format!("  {at}  {}{verdict}  {}", run.mode, given.join(", "))).trim_end().to_owned()
}

#[derive(Serialize)]
struct Runs<'a> {
    v: u32,
    runs: &'a [RunLine],
}

/// The same as JSON.
pub fn json(runs: &[RunLine]) -> String {
    serde_json::to_string_pretty(&Runs { v: 1, runs }).expect("a listing has only string keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crashed_run_is_unknown() {
        let run = |state, outcome| RunLine {
            run: "20260102T030405Z-abcdef".into(),
            started_at: "2026-01-02T03:04:05.000Z".into(),
            mode: "exec".into(),
            title: "Engine Restart Failed".into(),
            parameters: BTreeMap::from([
                ("engine_id".into(), "3".into()),
                ("reason".into(), "a long\none of two lines that does not fit in here".into()),
                ("token".into(), "******".into()),
            ]),
            state,
            rehearsal: None,
            outcome,
            exit: None,
            wall_ms: 5_345,
        };
        let rehearsed = RunLine {
            mode: "rehearse".into(),
            rehearsal: Some(false),
            parameters: BTreeMap::new(),
            wall_ms: 3_599_000,
            ..run(RunState::Finished, Some(Outcome::NotVerified))
        };
        let runs = [
            run(RunState::Finished, Some(Outcome::Contained)),
            run(RunState::Running, None),
            run(RunState::Unknown, None),
            rehearsed,
        ];
        let mut out = Vec::new();
        table(&mut out, &runs, Style::Plain).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "run                      procedure                time         outcome\n  \
             started (UTC)     mode  parameters\n\
             20260102T030405Z-abcdef  Engine Restart Failed    5.3 s        contained\n  \
             2026-01-02 03:04  exec  engine_id = 3, reason = a long\\none of two…, token =…\n\
             20260102T030405Z-abcdef  Engine Restart Failed    5.3 s        running\n  \
             2026-01-02 03:04  exec  engine_id = 3, reason = a long\\none of two…, token =…\n\
             20260102T030405Z-abcdef  Engine Restart Failed    5.3 s        unknown\n  \
             2026-01-02 03:04  exec  engine_id = 3, reason = a long\\none of two…, token =…\n\
             20260102T030405Z-abcdef  Engine Restart Failed    59 min 59 s  not verified\n  \
             2026-01-02 03:04  rehearse, did not pass\n"
        );
        assert!(json(&runs).contains("\"state\": \"unknown\""));
    }
}
