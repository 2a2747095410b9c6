//! Whether a procedure is kept up: reviewed in time, and rehearsed since it changed.
//!
//! What the document says of its reviews is judged against a day that the caller names; what was rehearsed is
//! told by the caller, who has the record.

use crate::diagnostic::Diagnostic;
use crate::runbook::review::{self, Review};
use crate::runbook::{Procedure, Runbook};
use jiff::civil::Date;

/// How a procedure is kept up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// What is stated of its reviews.
    pub review: Review,
    /// When the next one is due.
    pub due: Option<Date>,
    /// It should have been before today.
    pub overdue: bool,
    /// Its last rehearsal.
    pub rehearsed: Rehearsed,
}

/// What the record says of rehearsals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// Nothing: the record cannot be read or is not believed.
    Unknown,
    /// There was none on this host.
    Never,
    /// The last one.
    Last(Rehearsal),
}

/// A rehearsal that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// The run's id.
    pub run: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// It passed.
    pub passed: bool,
    /// What the procedure does has changed since.
    pub changed_since: bool,
}

impl Upkeep {
    /// How `procedure` is kept up on the day `today`, if the record says this of its rehearsals.
    pub fn of(runbook: &Runbook, procedure: &Procedure, today: Date, rehearsed: Rehearsed) -> Self {
        let review = review::of_procedure(runbook, procedure);
        let overdue = review::overdue(&review, today).is_some();
        Self { review, due: review::due(&review), overdue, rehearsed }
    }

    /// What a linter says of it. That a procedure was never rehearsed counts only where rehearsals are
    /// recorded at all (`rehearsing`): elsewhere it says nothing about the procedure.
    pub fn findings(&self, runbook: &Runbook, procedure: &Procedure, rehearsing: bool) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if let Some(due) = self.due.filter(|_| self.overdue) {
            let place = review::stated_at(runbook, procedure).unwrap_or(procedure.heading);
            let message = format!("the review was due on {due}");
            let hint = "read it, try it, and write down the day";
            found.push(Diagnostic::warning("review-overdue", place, message).with_hint(hint));
        }
        let title = &procedure.title;
        let stale = match &self.rehearsed {
            Rehearsed::Never if rehearsing => Some(format!("`{title}` was never rehearsed")),
            Rehearsed::Last(last) if last.changed_since => {
                Some(format!("`{title}` has changed since it was rehearsed on {}", day(&last.at)))
            }
            Rehearsed::Last(last) if !last.passed => {
                Some(format!("the last rehearsal of `{title}`, on {}, did not pass", day(&last.at)))
            }
            Rehearsed::Unknown | Rehearsed::Never | Rehearsed::Last(_) => None,
        };
        found.extend(stale.map(|message| {
            let hint = format!("runbook rehearse {}", procedure.id);
            Diagnostic::warning("not-rehearsed", procedure.heading, message).with_hint(hint)
        }));
        found
    }
}

fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read;
    use crate::runbook::lower;
    use crate::source::Source;
    use jiff::civil::date;

    fn said(today: Date, rehearsed: Rehearsed, rehearsing: bool) -> Vec<String> {
        let text = "# Bot\n\n## Restart\n\n```bash\ntrue\n```\n\n---\n\n**Last Updated**: 2026-01-01\n\
                    **Review Cycle**: Monthly\n";
        let source = Source::new("bot.md", text.as_bytes().to_vec()).expect("is text");
        let runbook = lower(&read(&source).0).0;
        let procedure = &runbook.procedures[0];
        let upkeep = Upkeep::of(&runbook, procedure, today, rehearsed);
        let found = upkeep.findings(&runbook, procedure, rehearsing).into_iter();
        let line = |it: Diagnostic| {
            let line = source.line(it.span.start);
            format!("{line}: {} ({}) {}", it.message, it.code, it.hint.unwrap_or_default())
        };
        found.map(line).collect()
    }

    fn last(passed: bool, changed_since: bool) -> Rehearsed {
        let at = "2026-01-02T03:04:05.000Z".into();
        Rehearsed::Last(Rehearsal { run: "r".into(), at, passed, changed_since })
    }

    #[test]
    fn what_is_late_or_was_not_tried_is_said() {
        let in_time = date(2026, 2, 1);
        for (today, rehearsed, rehearsing, expected) in [
            (in_time, Rehearsed::Unknown, true, vec![]),
            (in_time, Rehearsed::Never, false, vec![]),
            (in_time, last(true, false), true, vec![]),
            (
                date(2026, 2, 2),
                Rehearsed::Unknown,
                true,
                vec![
                    "11: the review was due on 2026-02-01 (review-overdue) read it, try it, and write down the day",
                ],
            ),
            (
                in_time,
                Rehearsed::Never,
                true,
                vec!["3: `Restart` was never rehearsed (not-rehearsed) runbook rehearse restart"],
            ),
            (
                in_time,
                last(true, true),
                true,
                vec![
                    "3: `Restart` has changed since it was rehearsed on 2026-01-02 (not-rehearsed) runbook rehearse \
                     restart",
                ],
            ),
            (
                in_time,
                last(false, false),
                true,
                vec![
                    "3: the last rehearsal of `Restart`, on 2026-01-02, did not pass (not-rehearsed) runbook \
                     rehearse restart",
                ],
            ),
        ] {
            assert_eq!(said(today, rehearsed.clone(), rehearsing), expected, "{rehearsed:?}");
        }
    }
}
