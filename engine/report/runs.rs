//! The runs of this host, as a table and as JSON.

use super::style::{Style, fit, millis};
use super::terminal::row;
use super::words;
use crate::event::Outcome;
use serde::Serialize;
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
    /// Where it stands.
    pub state: RunState,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// Its exit code.
    pub exit: Option<i32>,
    /// Its wall time so far.
    pub wall_ms: u64,
}

/// Writes the table, 80 columns.
///
/// # Errors
/// Whatever writing gives.
pub fn table(out: &mut dyn Write, runs: &[RunLine], style: Style) -> io::Result<()> {
    let head = row(&[("run", 23), ("procedure", 26), ("time", 8)], "outcome");
    writeln!(out, "{}", style.bold(&head))?;
    for run in runs {
        let outcome = match (run.state, run.outcome) {
            (RunState::Running, _) => "running".to_owned(),
            (RunState::Unknown, _) | (RunState::Finished, None) => "unknown".to_owned(),
            (RunState::Finished, Some(outcome)) => words::short_outcome(outcome).to_owned(),
        };
        let time = millis(run.wall_ms);
        let line = row(&[(&run.run, 23), (&run.title, 26), (&time, 8)], &fit(&outcome, 17));
        writeln!(out, "{line}")?;
    }
    Ok(())
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
            state,
            outcome,
            exit: None,
            wall_ms: 5_345,
        };
        let runs = [
            run(RunState::Finished, Some(Outcome::Contained)),
            run(RunState::Running, None),
            run(RunState::Unknown, None),
        ];
        let mut out = Vec::new();
        table(&mut out, &runs, Style::Plain).expect("writes to memory");
        assert_eq!(
            String::from_utf8(out).expect("is text"),
            "run                      procedure                   time      outcome\n\
             20260102T030405Z-abcdef  Engine Restart Failed       5.3 s     contained\n\
             20260102T030405Z-abcdef  Engine Restart Failed       5.3 s     running\n\
             20260102T030405Z-abcdef  Engine Restart Failed       5.3 s     unknown\n"
        );
        assert!(json(&runs).contains("\"state\": \"unknown\""));
    }
}
