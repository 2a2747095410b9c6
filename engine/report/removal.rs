//! What of the record is about to be removed: shown before anybody is asked.

use super::style::{Style, fit, one_line, size};
use super::terminal::row;
use super::words;
use crate::event::Outcome;
use std::io::{self, Write};

/// How many runs are listed one by one unless all are asked for.
const FEW: usize = 20;

/// A run that is to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its id.
    pub run: String,
    /// The procedure's title; none of a record of nothing.
    pub title: Option<String>,
    /// The day of the last event.
    pub day: String,
    /// Bytes.
    pub size: u64,
    /// What came of it; none where that is unknown.
    pub outcome: Option<Outcome>,
}

/// Writes what is to be removed, 80 columns: one line a run, and the sum. Of many runs only the newest are
/// listed, unless `all`.
///
/// # Errors
/// Whatever writing gives.
pub fn removal(out: &mut dyn Write, runs: &[Removed], all: bool, style: Style) -> io::Result<()> {
    let cells = [("run", 23), ("procedure", 23), ("last event", 10), ("size", 7)];
    writeln!(out, "{}", style.bold(&row(&cells, "outcome")))?;
    let shown = if all || runs.len() <= FEW { runs.len() } else { FEW };
    for run in &runs[..shown] {
        let title = run.title.as_deref().map_or_else(|| "nothing was started".to_owned(), one_line);
        let size = size(run.size);
        let cells = [(&*run.run, 23), (&*title, 23), (&*run.day, 10), (&*size, 7)];
        let outcome = match (&run.title, run.outcome) {
            (_, Some(outcome)) => words::short_outcome(outcome),
            (Some(_), None) => "unknown",
            (None, None) => "-",
        };
        writeln!(out, "{}", row(&cells, &fit(outcome, 9)))?;
    }
    if shown < runs.len() {
        writeln!(out, "… and {} more (-v lists them)", runs.len() - shown)?;
    }
    let days = || runs.iter().map(|run| run.day.as_str());
    if let (Some(first), Some(last)) = (days().min(), days().max()) {
        let sum = size(runs.iter().map(|run| run.size).sum());
        let when = if first == last { format!("of {first}") } else { format!("from {first} to {last}") };
        let runs = count(runs.len());
        writeln!(out, "{}", style.bold(&format!("to be removed: {runs} {when}, {sum}")))?;
    }
    Ok(())
}

/// `1 run`, `3 runs`.
pub fn count(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(day: &str) -> Removed {
        Removed {
            run: "20260102T030405Z-abcdef".into(),
            title: Some("Engine Restart Failed, again and again".into()),
            day: day.into(),
            size: 23_456,
            outcome: Some(Outcome::NotVerified),
        }
    }

    fn said(runs: &[Removed], all: bool) -> String {
        let mut out = Vec::new();
        removal(&mut out, runs, all, Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn what_goes_is_listed_with_its_sum() {
        let empty = Removed { title: None, outcome: None, size: 0, ..removed("2026-01-01") };
        assert_eq!(
            said(&[removed("2026-01-02"), empty], false),
            "run                      procedure                last event  size     outcome\n\
             20260102T030405Z-abcdef  Engine Restart Failed,…  2026-01-02  23 kB    not veri…\n\
             20260102T030405Z-abcdef  nothing was started      2026-01-01  0 B      -\n\
             to be removed: 2 runs from 2026-01-01 to 2026-01-02, 23 kB\n"
        );
        assert!(said(&[removed("2026-01-02")], false).ends_with("removed: 1 run of 2026-01-02, 23 kB\n"));
    }

    #[test]
    fn of_many_the_newest_are_listed() {
        let many = vec![removed("2026-01-02"); 23];
        let few = said(&many, false);
        assert_eq!(few.matches("20260102T").count(), 20);
        assert!(few.contains("… and 3 more (-v lists them)\nto be removed: 23 runs"), "{few}");
        assert_eq!(said(&many, true).matches("20260102T").count(), 23);
    }
}
