//! Whom to tell, from the document's escalation matrix, and when: a run that failed, was contained, or
//! missed its target. Tells nobody itself.

use super::record::Record;
use super::style::{Style, WIDTH, wrap};
use crate::event::{Outcome, TargetVerdict};
use crate::runbook::EscalationRow;
use crate::runbook::escalation::row_for;
use std::io::{self, Write};

/// Why somebody must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An act or a verify failed and nothing made up for it.
    Failed,
    /// The damage is contained and the cause still stands.
    Contained,
    /// It succeeded, too late.
    TargetMissed,
}

/// Whom to tell, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Why.
    pub reason: Reason,
    /// The severity as the document has it.
    pub severity: Option<String>,
    /// The row that the team gives this severity, if it does.
    pub row: Option<String>,
    /// The row that fits the severity, or the whole matrix where none does.
    pub rows: Vec<EscalationRow>,
    /// Whether a row fits.
    pub fits: bool,
}

/// The escalation that is due after the run of `record`, if one is.
///
/// Only an incident escalates: a rehearsal or a test that fails is a finding, not an outage.
pub fn due(record: &Record, matrix: &[EscalationRow]) -> Option<Escalation> {
    let started = record.started.as_ref().filter(|started| started.mode == "exec")?;
    let missed = record.targets.iter().any(|target| target.verdict == TargetVerdict::Missed);
    let reason = match record.outcome()? {
        Outcome::Failed => Reason::Failed,
        Outcome::Contained => Reason::Contained,
        Outcome::Verified
        | Outcome::RecoveredByFallback
        | Outcome::NotVerified
        | Outcome::Observed
        | Outcome::NeedsPerson
        | Outcome::Cancelled
        | Outcome::NotStarted => missed.then_some(Reason::TargetMissed)?,
    };
    // What the team says counts, also where no row has that name: another one would be a guess.
    let wanted = started.escalation_row.as_ref().or(started.severity.as_ref());
    let fitting = wanted.and_then(|wanted| row_for(matrix, wanted));
    let rows = fitting.map_or_else(|| matrix.to_vec(), |row| vec![row.clone()]);
    let (severity, row) = (started.severity.clone(), started.escalation_row.clone());
    Some(Escalation { reason, severity, row, rows, fits: fitting.is_some() })
}

impl Escalation {
    /// Why, and how the rows were found: `escalate, since it failed (severity Critical)`.
    pub fn head(&self) -> String {
        let why = match self.reason {
            Reason::Failed => "it failed",
            Reason::Contained => "it is contained, not recovered",
            Reason::TargetMissed => "the target was missed",
        };
        let severity = match &self.severity {
            Some(severity) => {
                let row = self.row.as_ref().map(|row| format!(", row {row}")).unwrap_or_default();
                format!("severity {severity}{row}")
            }
            None => "no severity is stated".to_owned(),
        };
        let found = if self.fits { "" } else { "; no row fits it, so here is the whole matrix" };
        format!("escalate, since {why} ({severity}{found})")
    }

    /// One line for each row: `P0 (Critical): Immediate, On-call engineer + CTO`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| format!("{}: {}, {}", row.severity, row.response, row.people))
    }
}

/// Writes the escalation below a run's summary.
///
/// # Errors
/// Whatever writing gives.
pub fn write(out: &mut dyn Write, escalation: &Escalation, style: Style) -> io::Result<()> {
    for line in wrap(&escalation.head(), WIDTH) {
        writeln!(out, "{}", style.warn(&line))?;
    }
    for line in escalation.lines() {
        for line in wrap(&line, WIDTH - 2) {
            writeln!(out, "  {}", style.bold(&line))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::event::JudgedTarget;

    fn matrix() -> Vec<EscalationRow> {
        [
            ("P0 (Critical)", "Immediate", "On-call engineer + CTO"),
            ("P1 (High)", "< 15 min", "On-call engineer"),
        ]
        .into_iter()
        .map(|(severity, response, people)| EscalationRow {
            severity: severity.into(),
            response: response.into(),
            people: people.into(),
            line: 1,
        })
        .collect()
    }

    fn record(outcome: Outcome, verdict: TargetVerdict) -> Record {
        let mut record = Record::of(&sample::events());
        record.finished.as_mut().expect("is over").outcome = outcome;
        record.targets =
            vec![JudgedTarget { text: "Recovery < 1 s".into(), verdict, elapsed_ms: None, limit_ms: None }];
        record
    }

    #[test]
    fn it_is_due_when_a_run_failed_was_contained_or_missed_its_target() {
        let reason = |outcome, verdict| due(&record(outcome, verdict), &[]).map(|due| due.reason);
        for (outcome, verdict, expected) in [
            (Outcome::Failed, TargetVerdict::NotReached, Some(Reason::Failed)),
            (Outcome::Contained, TargetVerdict::Missed, Some(Reason::Contained)),
            (Outcome::Verified, TargetVerdict::Missed, Some(Reason::TargetMissed)),
            (Outcome::NeedsPerson, TargetVerdict::Missed, Some(Reason::TargetMissed)),
            (Outcome::Verified, TargetVerdict::Met, None),
            (Outcome::NotVerified, TargetVerdict::WithinNotVerified, None),
            (Outcome::Cancelled, TargetVerdict::NotReached, None),
        ] {
            assert_eq!(reason(outcome, verdict), expected, "{outcome:?} {verdict:?}");
        }
    }

    #[test]
    fn the_row_that_the_team_gives_a_severity_counts() {
        let mut run = record(Outcome::Failed, TargetVerdict::Missed);
        let mut given = |row: &str| {
            run.started.as_mut().expect("has started").escalation_row = Some(row.into());
            let due = due(&run, &matrix()).expect("is due");
            (due.head(), due.lines().collect::<Vec<_>>())
        };
        let high = "P1 (High): < 15 min, On-call engineer".to_owned();
        let (head, lines) = given("P1");
        assert_eq!(head, "escalate, since it failed (severity Critical, row P1)");
        assert_eq!(lines, [high]);
        let (head, lines) = given("Gold");
        assert_eq!(
            head,
            "escalate, since it failed (severity Critical, row Gold; no row fits it, so here is the whole matrix)"
        );
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_rehearsal_or_a_run_without_an_end_tells_nobody() {
        let mut rehearsal = record(Outcome::Failed, TargetVerdict::Missed);
        rehearsal.started.as_mut().expect("has started").mode = "rehearse".into();
        assert_eq!(due(&rehearsal, &matrix()), None);
        assert_eq!(due(&Record::of(&sample::events()[..6]), &matrix()), None);
    }

    fn shown(matrix: &[EscalationRow]) -> String {
        let due = due(&record(Outcome::Contained, TargetVerdict::NotReached), matrix);
        let mut out = Vec::new();
        write(&mut out, &due.expect("is due"), Style::Plain).expect("writes to memory");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn the_row_that_fits_is_shown_or_else_the_whole_matrix() {
        assert_eq!(
            shown(&matrix()),
            "escalate, since it is contained, not recovered (severity Critical)\n  \
             P0 (Critical): Immediate, On-call engineer + CTO\n"
        );
        let mut unfit = matrix();
        unfit[0].severity = "Gold".into();
        assert_eq!(
            shown(&unfit),
            "escalate, since it is contained, not recovered (severity Critical; no row fits\n\
             it, so here is the whole matrix)\n  \
             Gold: Immediate, On-call engineer + CTO\n  \
             P1 (High): < 15 min, On-call engineer\n"
        );
    }
}
