//! Checks a journal's chain: change, removal, reordering, a cut tail.
//!
//! The chain proves that no line changed after another was written behind it. Only the head's hash,
//! kept elsewhere, proves that the last line is the one that was written.

use super::line::{FIRST_PREV, hash};
use serde_json::Value;
use std::fmt;

/// What checking a journal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Every line fits.
    Intact {
        /// Number of lines.
        events: u64,
        /// Hash of the last line.
        head: String,
    },
    /// Every line fits and the run has no end: it is running, or its engine died.
    NotFinished {
        /// Number of complete lines.
        events: u64,
        /// Hash of the last complete line.
        head: String,
        /// A torn line follows.
        torn: bool,
    },
    /// A line does not fit.
    Broken {
        /// The first line that does not, from 1.
        line: u64,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intact { events, .. } => write!(f, "intact: {events} events, every hash fits"),
            Self::NotFinished { events, torn, .. } => {
                write!(f, "not finished: {events} events, every hash fits, and no `run_finished`")?;
                if *torn {
                    write!(f, "; the last line is torn")?;
                }
                Ok(())
            }
            Self::Broken { line, why } => write!(f, "broken at line {line}: {why}"),
        }
    }
}

/// Checks the text of a `journal.jsonl`, and its head if one is given.
pub fn verify(text: &str, head: Option<&str>) -> Verification {
    let mut links = Links { prev: FIRST_PREV.to_owned(), events: 0 };
    let mut finished = false;
    let mut torn = false;
    for line in text.split_inclusive('\n') {
        let number = links.events + 1;
        let broken = |why: String| Verification::Broken { line: number, why };
        let Some(line) = line.strip_suffix('\n') else {
            if finished {
                return broken("text was added behind `run_finished`".to_owned());
            }
            torn = true;
            break;
        };
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return broken("it is not JSON".to_owned());
        };
        let is = |kind: &str| value.get("type").and_then(Value::as_str) == Some(kind);
        if finished {
            // A run that was stopped may be resumed; nothing else may follow its end.
            if !is("resume") {
                return broken("an event was added behind `run_finished`".to_owned());
            }
            finished = false;
        }
        let before = links.events;
        if let Err((line, why)) = links.link(line, &value) {
            return Verification::Broken { line, why };
        }
        if is("run_finished") {
            finished = true;
            let count = value.get("events").and_then(Value::as_u64);
            if count != Some(before) {
                return broken(format!("`run_finished` does not count the {before} events before it"));
            }
        }
    }
    let Links { prev, events } = links;
    if let Some(head) = head
        && !head.eq_ignore_ascii_case(&prev)
    {
        return Verification::Broken {
            line: events,
            why: format!(
                "its hash is {prev}, not the given head: it was changed, or lines behind it are missing"
            ),
        };
    }
    if finished {
        Verification::Intact { events, head: prev }
    } else {
        Verification::NotFinished { events, head: prev, torn }
    }
}

/// Checks lines that are chained to one another, the first to `start`; of notes, which have no end.
///
/// # Errors
/// The first line that does not fit, from 1, and why.
pub(super) fn check_chain(text: &str, start: &str) -> Result<(), (u64, String)> {
    let mut links = Links { prev: start.to_owned(), events: 0 };
    for line in text.lines() {
        let value =
            serde_json::from_str(line).map_err(|_| (links.events + 1, "it is not JSON".to_owned()))?;
        links.link(line, &value)?;
    }
    Ok(())
}

/// How far a chain was followed.
struct Links {
    prev: String,
    events: u64,
}

impl Links {
    /// Follows the chain over one more line; else the line that does not fit, from 1, and why.
    fn link(&mut self, line: &str, value: &Value) -> Result<(), (u64, String)> {
        let number = self.events + 1;
        let Some(seq) = value.get("seq").and_then(Value::as_u64) else {
            return Err((number, "it has no `seq`".to_owned()));
        };
        if seq != self.events {
            let events = self.events;
            let why =
                format!("its `seq` is {seq} where {events} is next: lines were removed, added or reordered");
            return Err((number, why));
        }
        if value.get("prev").and_then(Value::as_str) != Some(&self.prev) {
            return Err(match self.events {
                0 => (number, "its `prev` is not the start of a chain".to_owned()),
                before => (
                    before,
                    format!("its hash is not the one that line {number} carries: one of them was changed"),
                ),
            });
        }
        self.prev = hash(line);
        self.events += 1;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::line::tests::{lines, started};
    use super::*;
    use crate::event::{EventBody, Outcome, RunFinished};
    use crate::plan::StepId;

    pub(in crate::journal) fn end(events: u64) -> EventBody {
        EventBody::RunFinished(Box::new(RunFinished {
            outcome: Outcome::Observed,
            summary: "observed".into(),
            exit: 0,
            wall_ms: 1,
            machine_ms: 1,
            human_ms: 0,
            recovered_ms: None,
            targets: vec![],
            rehearsal: None,
            warnings: vec![],
            left_running: vec![],
            exercised: None,
            events,
        }))
    }

    fn bodies() -> Vec<EventBody> {
        let note = |text: &str| EventBody::Note { step: None, text: text.into() };
        vec![started(), note("a"), note("b"), end(3)]
    }

    fn journal() -> Vec<String> {
        lines(bodies())
    }

    fn text(lines: &[String]) -> String {
        lines.join("\n") + "\n"
    }

    fn said(lines: &[String]) -> String {
        verify(&text(lines), None).to_string()
    }

    #[test]
    fn a_journal_as_it_was_written_is_intact() {
        let lines = journal();
        let head = hash(&lines[3]);
        assert_eq!(
            verify(&text(&lines), Some(&head)),
            Verification::Intact { events: 4, head: head.clone() }
        );
        assert_eq!(said(&lines), "intact: 4 events, every hash fits");
    }

    #[test]
    fn a_changed_line_is_named() {
        let mut lines = journal();
        lines[1] = lines[1].replace("\"a\"", "\"A\"");
        assert_eq!(
            said(&lines),
            "broken at line 2: its hash is not the one that line 3 carries: one of them was changed"
        );
    }

    #[test]
    fn removal_and_reordering_are_named() {
        let mut lines = journal();
        lines.remove(1);
        assert_eq!(
            said(&lines),
            "broken at line 2: its `seq` is 2 where 1 is next: lines were removed, added or reordered"
        );
        let mut lines = journal();
        lines.swap(1, 2);
        assert_eq!(
            said(&lines),
            "broken at line 2: its `seq` is 2 where 1 is next: lines were removed, added or reordered"
        );
    }

    #[test]
    fn a_cut_tail_is_seen() {
        let lines = journal();
        assert_eq!(said(&lines[..3]), "not finished: 3 events, every hash fits, and no `run_finished`");
        assert_eq!(
            verify(&text(&lines)[..text(&lines).len() - 5], None).to_string(),
            "not finished: 3 events, every hash fits, and no `run_finished`; the last line is torn"
        );
        assert_eq!(
            verify(&text(&lines[..3]), Some("ab")).to_string(),
            format!(
                "broken at line 3: its hash is {}, not the given head: it was changed, or lines behind it are missing",
                hash(&lines[2])
            )
        );
    }

    #[test]
    fn an_addition_behind_the_end_is_seen() {
        let mut lines = journal();
        lines.push(lines[1].clone());
        assert_eq!(said(&lines), "broken at line 5: an event was added behind `run_finished`");
    }

    #[test]
    fn a_resumed_run_may_go_on_behind_its_end_and_end_again() {
        let mut bodies = bodies();
        bodies.push(EventBody::Resume {
            after: 4,
            document_sha256: "ab".into(),
            unknown: None,
            from: Some(StepId(0)),
        });
        assert_eq!(
            said(&lines(bodies.clone())),
            "not finished: 5 events, every hash fits, and no `run_finished`"
        );
        bodies.push(end(5));
        assert_eq!(said(&lines(bodies.clone())), "intact: 6 events, every hash fits");
        bodies.push(end(6));
        assert_eq!(said(&lines(bodies)), "broken at line 7: an event was added behind `run_finished`");
    }
}
