//! Checks a journal's chain: change, removal, reordering, a cut tail.
//!
//! The chain proves that no line changed after another was written behind it. The head that the engine keeps beside
//! it at a run's end covers the last line, too. Who writes the whole record anew, that head included, is seen only
//! by a head that was kept elsewhere.

use super::line::{FIRST_PREV, hash};
use serde_json::Value;
use std::fmt;

/// What checking a journal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Every line fits, the last one to a head.
    Intact {
        /// Number of lines.
        events: u64,
        /// Hash of the last line.
        head: String,
    },
    /// Every line fits and the run has its end, but no head covers the last line.
    Uncovered {
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
        /// A head covers the last complete line.
        covered: bool,
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
            Self::Uncovered { events, .. } => write!(
                f,
                "finished: {events} events, every hash fits; its last event is covered by nothing: compare it with the \
                 head that was printed (--head HASH)"
            ),
            Self::NotFinished { events, torn, covered, .. } => {
                write!(f, "not finished: {events} events, every hash fits, and no `run_finished`")?;
                if *torn {
                    write!(f, "; the last line is torn")?;
                }
                if !covered {
                    write!(f, "; its last event is covered by nothing")?;
                }
                Ok(())
            }
            Self::Broken { line, why } => write!(f, "broken at line {line}: {why}"),
        }
    }
}

/// Checks the text of a `journal.jsonl`, and its head: the `given` one, else the one that was `kept`. A kept head
/// is of the run's last end; what a resumed part that was killed wrote behind it is covered but for its last line.
pub fn verify(text: &str, given: Option<&str>, kept: Option<&str>) -> Verification {
    let mut links = Links::new(FIRST_PREV, kept);
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
    let covered = match given {
        Some(given) if given.eq_ignore_ascii_case(&links.prev) => Ok(true),
        Some(_) => Err(links.not("the given head")),
        None => links.covered(),
    };
    let Links { prev: head, events, .. } = links;
    match (covered, finished) {
        (Err((line, why)), _) => Verification::Broken { line, why },
        (Ok(true), true) => Verification::Intact { events, head },
        (Ok(false), true) => Verification::Uncovered { events, head },
        (Ok(covered), false) => Verification::NotFinished { events, head, torn, covered },
    }
}

/// Checks lines that are chained to one another, the first to `start`; of notes, which have no end. Gives whether
/// the `kept` head covers the last one.
///
/// # Errors
/// The first line that does not fit, from 1, and why.
pub(super) fn check_chain(text: &str, start: &str, kept: Option<&str>) -> Result<bool, (u64, String)> {
    let mut links = Links::new(start, kept);
    for line in text.lines() {
        let value =
            serde_json::from_str(line).map_err(|_| (links.events + 1, "it is not JSON".to_owned()))?;
        links.link(line, &value)?;
    }
    links.covered()
}

/// How far a chain was followed.
struct Links<'a> {
    prev: String,
    events: u64,
    /// The head that was kept, if one was.
    kept: Option<&'a str>,
    /// A line's hash is the kept head.
    seen: bool,
}

impl<'a> Links<'a> {
    fn new(start: &str, kept: Option<&'a str>) -> Self {
        Self { prev: start.to_owned(), events: 0, kept, seen: false }
    }

    /// Whether the kept head covers the last line; else the line that does not fit it, and why.
    fn covered(&self) -> Result<bool, (u64, String)> {
        match self.kept {
            Some(_) if self.events == 0 => Err((1, "it is missing".to_owned())),
            Some(_) if !self.seen => Err(self.not("the head that was kept")),
            kept => Ok(self.events == 0 || kept == Some(&self.prev)),
        }
    }

    /// The last line is not the one that `head` names.
    fn not(&self, head: &str) -> (u64, String) {
        let hash = &self.prev;
        let why = format!("its hash is {hash}, not {head}: it was changed, or lines behind it are missing");
        (self.events, why)
    }

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
        self.seen |= self.kept == Some(&self.prev);
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
        verify(&text(lines), None, lines.last().map(|line| hash(line)).as_deref()).to_string()
    }

    const UNCOVERED: &str = "finished: 4 events, every hash fits; its last event is covered by nothing: compare it with \
                             the head that was printed (--head HASH)";

    #[test]
    fn a_changed_last_line_is_named_where_a_head_was_kept() {
        let mut lines = journal();
        let kept = hash(&lines[3]);
        lines[3] = lines[3].replace("\"observed\"", "\"verified\"");
        let broken = |head: &str| {
            let hash = hash(&lines[3]);
            format!(
                "broken at line 4: its hash is {hash}, not {head}: it was changed, or lines behind it are missing"
            )
        };
        let changed = text(&lines);
        assert_eq!(verify(&changed, None, Some(&kept)).to_string(), broken("the head that was kept"));
        assert_eq!(verify(&changed, Some(&kept), None).to_string(), broken("the given head"));
        assert_eq!(verify(&changed, None, None).to_string(), UNCOVERED);
        assert_eq!(verify("", None, Some(&kept)).to_string(), "broken at line 1: it is missing");
    }

    #[test]
    fn a_kept_head_covers_what_ended_before_it() {
        let mut bodies = bodies();
        let kept = hash(&lines(bodies.clone())[3]);
        bodies.push(EventBody::Resume {
            after: 4,
            document_sha256: "ab".into(),
            unknown: None,
            from: Some(StepId(0)),
        });
        let resumed = lines(bodies);
        assert_eq!(
            verify(&text(&resumed), None, Some(&kept)).to_string(),
            "not finished: 5 events, every hash fits, and no `run_finished`; its last event is covered by nothing"
        );
        assert_eq!(
            verify(&text(&resumed[..4]), None, Some(&hash(&resumed[4]))).to_string(),
            format!(
                "broken at line 4: its hash is {kept}, not the head that was kept: it was changed, or lines behind it are \
                 missing"
            )
        );
    }

    #[test]
    fn a_journal_as_it_was_written_is_intact() {
        let lines = journal();
        let head = hash(&lines[3]);
        assert_eq!(
            verify(&text(&lines), Some(&head), None),
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
            verify(&text(&lines)[..text(&lines).len() - 5], None, None).to_string(),
            "not finished: 3 events, every hash fits, and no `run_finished`; the last line is torn; its last event is \
             covered by nothing"
        );
        assert_eq!(
            verify(&text(&lines[..3]), Some("ab"), None).to_string(),
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
