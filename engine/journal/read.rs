//! Reads a journal's text, as far as it goes.
//!
//! A crash may leave the last line torn: everything before it counts. Types of a later version are
//! passed over as [`EventBody::Unknown`].

use super::line::decode;
use crate::event::{Event, EventBody, RunFinished, RunStarted};

/// The events of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Every complete event, in order.
    pub events: Vec<Event>,
    /// How the text ends.
    pub tail: Tail,
}

/// How a journal's text ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a complete line.
    Whole,
    /// In the middle of a line: the engine died while it wrote, or the disk was full.
    Torn,
    /// With lines that are no events.
    Unreadable {
        /// The first such line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

impl Journal {
    /// The first event, if it is what it should be.
    pub fn started(&self) -> Option<&RunStarted> {
        match self.events.first().map(|event| &event.body) {
            Some(EventBody::RunStarted(started)) => Some(started),
            _ => None,
        }
    }

    /// The last event, if the run is over.
    pub fn finished(&self) -> Option<&RunFinished> {
        match self.events.last().map(|event| &event.body) {
            Some(EventBody::RunFinished(finished)) => Some(finished),
            _ => None,
        }
    }
}

/// Reads the text of a `journal.jsonl`.
pub fn read(text: &str) -> Journal {
    let mut events = Vec::new();
    let mut ids = Vec::new();
    let mut tail = Tail::Whole;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(line) = line.strip_suffix('\n') else {
            tail = Tail::Torn;
            break;
        };
        match decode(line, &mut ids) {
            Ok(event) => events.push(event),
            Err(why) => {
                tail = Tail::Unreadable { line: number, why };
                break;
            }
        }
    }
    Journal { events, tail }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{lines, started};
    use super::*;

    #[test]
    fn a_torn_last_line_loses_nothing_before_it() {
        let text = lines(vec![started(), EventBody::Stage { text: "up".into() }]).join("\n");
        let journal = read(&text);
        assert_eq!(journal.events.len(), 1);
        assert_eq!(journal.tail, Tail::Torn);
        assert_eq!(journal.started().map(|started| started.pid), Some(42));
        assert_eq!(journal.finished(), None);
    }

    #[test]
    fn a_type_of_a_later_version_is_passed_over() {
        let text = lines(vec![started(), EventBody::Stage { text: "up".into() }]).join("\n")
            + "\n{\"v\":1,\"seq\":2,\"at\":\"x\",\"mono_ms\":5,\"type\":\"weather\",\"rain\":3,\"prev\":\"\"}\n";
        let journal = read(&text);
        assert_eq!(journal.tail, Tail::Whole);
        assert_eq!(journal.events[2].body, EventBody::Unknown);
        assert_eq!(journal.events[2].mono_ms, 5);
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let text = lines(vec![started()]).join("\n") + "\nhello\n";
        assert_eq!(read(&text).tail, Tail::Unreadable { line: 2, why: "it is not JSON".into() });
    }
}
