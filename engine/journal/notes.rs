//! What is said about a run beside its journal, in a chain of its own: people's notes, and who was notified.
//!
//! A run's journal belongs to its engine while it lives, and its end stays its end. So these events go to
//! `notes.jsonl`; their chain begins with the hash of the journal's first line, and they cannot be moved to
//! another run unseen.

use super::line::{Chain, decode, hash};
use super::read::Journal;
use super::store::Store;
use super::verify::check_chain;
use crate::event::{Event, EventBody};
use crate::host::Clock;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Longest file of notes that is read, in bytes.
const MAX_NOTES: u64 = 64 << 20;

/// The notes of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Notes {
    /// Every note that can be read, in order.
    pub events: Vec<Event>,
    /// The first line that is not as it was written, from 1, and why.
    pub broken: Option<(u64, String)>,
    /// A head covers the last note, or there is none.
    pub covered: bool,
}

impl Store<'_> {
    /// Adds `text`, said by `user`, to the notes of run `id`; it is on the disk when this returns.
    ///
    /// # Errors
    /// Whatever reading or writing gives; [`ErrorKind::InvalidData`] when the run has no start or its notes
    /// were changed.
    pub fn add_note(&self, id: &str, user: &str, text: &str, clock: &dyn Clock) -> io::Result<()> {
        self.add(id, EventBody::Note { step: None, text: format!("{user}: {text}") }, clock)
    }

    /// Adds `body` to the notes of run `id`; it is on the disk when this returns.
    ///
    /// # Errors
    /// As of [`Store::add_note`].
    pub fn add(&self, id: &str, body: EventBody, clock: &dyn Clock) -> io::Result<()> {
        let mut lock = self
            .files()
            .lock(&self.notes_lock(id))?
            .ok_or_else(|| io::Error::new(ErrorKind::WouldBlock, "somebody is adding a note right now"))?;
        let (start, existing) = self.notes_text(id)?;
        check_chain(&existing, &start, self.head_in(&self.notes_lock(id))?.as_deref()).map_err(
            |(line, why)| {
                io::Error::new(ErrorKind::InvalidData, format!("line {line} of its notes was changed: {why}"))
            },
        )?;
        let (seq, prev) = existing.lines().fold((0, start), |(seq, _), line| (seq + 1, hash(line)));
        let mut chain = Chain::after(Vec::new(), seq, prev);
        let (_, line) = chain.link(body, clock.wall(), 0);
        let mut file = self.files().append(&self.notes(id))?;
        file.append(format!("{line}\n").as_bytes())?;
        file.sync()?;
        // The note is written; without its head, `verify` says that it is covered by nothing.
        let _ = lock.keep(&hash(&line));
        Ok(())
    }

    /// The notes of run `id`, as far as they can be read.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn read_notes(&self, id: &str) -> io::Result<Notes> {
        // A run without a start has nothing that notes could belong to.
        if self.first_line_of(id)?.is_none() {
            return Ok(Notes { events: Vec::new(), broken: None, covered: true });
        }
        // The head first: a note that is added meanwhile must not look changed.
        let kept = self.head_in(&self.notes_lock(id))?;
        let (start, text) = self.notes_text(id)?;
        let events = text.lines().map_while(|line| decode(line, &mut Vec::new()).ok()).collect();
        let chain = check_chain(&text, &start, kept.as_deref());
        Ok(Notes { events, covered: chain == Ok(true), broken: chain.err() })
    }

    /// The hash that the notes of run `id` begin with, and their text; nothing where there are none.
    fn notes_text(&self, id: &str) -> io::Result<(String, String)> {
        let first = self
            .first_line_of(id)?
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "its journal has no start"))?;
        let text = match self.files().read(&self.notes(id), MAX_NOTES) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            bytes => String::from_utf8_lossy(&bytes?).into_owned(),
        };
        Ok((hash(&first), text))
    }

    /// The lock of who adds a note; its file keeps the hash of the last one.
    fn notes_lock(&self, id: &str) -> PathBuf {
        self.directory(id).join("notes.lock")
    }

    fn notes(&self, id: &str) -> PathBuf {
        self.directory(id).join("notes.jsonl")
    }
}

/// The events of `journal` with `notes` among them, each at its time. What the journal says stays in its
/// order, and a note of before its start stands behind it.
pub fn with_notes(journal: &Journal, notes: Vec<Event>) -> Vec<Event> {
    let mut events = journal.events.clone();
    let Some(start) = events.first().map(|event| event.at.clone()) else { return events };
    for mut note in notes {
        note.mono_ms = since(&start, &note.at);
        let at = events.iter().rposition(|event| event.at <= note.at).unwrap_or(0);
        events.insert(at + 1, note);
    }
    events
}

/// Milliseconds from `start` to `at`; 0 where that cannot be told.
fn since(start: &str, at: &str) -> u64 {
    let parse = |at: &str| at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    match (parse(start), parse(at)) {
        (Some(start), Some(at)) => u64::try_from(at.saturating_sub(start)).unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::started;
    use super::*;
    use crate::host::Files;
    use crate::host::fake::{FakeClock, FakeFiles};
    use std::time::Duration;

    const RUN: &str = "20260102T030405Z-abcdef";

    fn texts(events: &[Event]) -> Vec<String> {
        let text = |event: &Event| match &event.body {
            EventBody::Note { text, .. } => text.clone(),
            EventBody::Stage { text } => text.clone(),
            _ => "start".into(),
        };
        events.iter().map(text).collect()
    }

    #[test]
    fn notes_are_kept_beside_the_journal_and_shown_in_their_place() {
        let (files, clock) = (FakeFiles::default(), FakeClock::default());
        let store = Store::new(&files, "/home");
        let mut writer = store.create(RUN, b"# Doc\n").expect("memory has room");
        writer.record(&clock, started(), 0, true).2.expect("memory has room");
        clock.advance(Duration::from_secs(2));
        store.add_note(RUN, "ann", "it is the disk", &clock).expect("memory has room");
        clock.advance(Duration::from_secs(2));
        writer.record(&clock, EventBody::Stage { text: "up".into() }, 4000, true).2.expect("memory has room");
        clock.advance(Duration::from_secs(2));
        store.add_note(RUN, "ben", "it was", &clock).expect("memory has room");
        let notes = store.read_notes(RUN).expect("is there");
        assert_eq!(notes.broken, None);
        let journal = store.read(RUN).expect("is there");
        let events = with_notes(&journal, notes.events);
        assert_eq!(texts(&events), ["start", "ann: it is the disk", "up", "ben: it was"]);
        let times: Vec<u64> = events.iter().map(|event| event.mono_ms).collect();
        assert_eq!(times, [0, 2000, 4000, 6000]);
    }

    #[test]
    fn a_note_that_was_changed_or_comes_from_another_run_is_seen() {
        let (files, clock) = (FakeFiles::default(), FakeClock::default());
        let store = Store::new(&files, "/home");
        let other = "20260102T030405Z-other";
        for (id, text) in [(RUN, "a"), (other, "b")] {
            let mut writer = store.create(id, b"").expect("memory has room");
            let EventBody::RunStarted(mut head) = started() else { unreachable!() };
            head.run = id.into();
            writer.record(&clock, EventBody::RunStarted(head), 0, true).2.expect("memory has room");
            store.add_note(id, "ann", text, &clock).expect("memory has room");
            store.add_note(id, "ann", "more", &clock).expect("memory has room");
        }
        let path = store.notes(RUN);
        let text = String::from_utf8(files.read(&path, 9999).expect("is there")).expect("is text");
        let broken = |text: &str| {
            files.replace(&path, text.as_bytes()).expect("memory has room");
            store.read_notes(RUN).expect("is there").broken
        };
        assert_eq!(broken(&text), None);
        let why = "its hash is not the one that line 2 carries: one of them was changed";
        assert_eq!(broken(&text.replacen("ann: a", "ann: A", 1)), Some((1, why.to_owned())));
        let last = text.replacen("ann: more", "ann: less", 1);
        let hash = hash(last.lines().next_back().expect("has two"));
        let why = format!(
            "its hash is {hash}, not the head that was kept: it was changed, or lines behind it are missing"
        );
        assert_eq!(broken(&last), Some((2, why)));
        assert_eq!(broken(""), Some((1, "it is missing".to_owned())));
        let foreign = files.read(&store.notes(other), 9999).expect("is there");
        let foreign = String::from_utf8(foreign).expect("is text");
        assert_eq!(broken(&foreign), Some((1, "its `prev` is not the start of a chain".to_owned())));
        let error = store.add_note(RUN, "ann", "c", &clock).expect_err("was changed");
        assert_eq!(
            error.to_string(),
            "line 1 of its notes was changed: its `prev` is not the start of a chain"
        );
        assert_eq!(store.read_notes("none").expect_err("is none").kind(), ErrorKind::NotFound);
    }
}
