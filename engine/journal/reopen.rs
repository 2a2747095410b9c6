//! Opens a run's journal again, so that a resumed run is recorded behind what is there.

use super::line::{Chain, hash};
use super::read::{Journal, Tail, read};
use super::store::{Store, Writer};
use super::verify::{Verification, verify};
use std::io::{self, ErrorKind};

impl Store<'_> {
    /// What run `id` recorded, and a writer that goes on behind it. A torn last line is taken out of the journal
    /// and kept beside it.
    ///
    /// # Errors
    /// Whatever reading or writing gives; [`ErrorKind::WouldBlock`] while its engine lives, and
    /// [`ErrorKind::InvalidData`] when a line of it is no event.
    pub fn reopen(&self, id: &str) -> io::Result<(Journal, Writer)> {
        // The lock first: what is read must be what is written behind.
        let lock = self.lock(id)?;
        let text = self.text(id)?;
        let journal = read(&text);
        if let Tail::Unreadable { line, why } = &journal.tail {
            let why = format!("line {line} of its journal: {why}");
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        // What does not fit its head would be covered by what is written behind it.
        if let Verification::Broken { line, why } = verify(&text, None, self.kept_head(id)?.as_deref()) {
            let why = format!("line {line} of its journal: {why}");
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            let torn = format!("torn-{}", journal.events.len());
            let kept = self.files().create(&self.directory(id).join(torn), &text.as_bytes()[whole..]);
            match kept {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => self.files().replace(&self.journal(id), &text.as_bytes()[..whole])?,
            }
        }
        let ids = journal.started().map(|started| started.steps.iter().map(|step| step.id.clone()).collect());
        let prev = text[..whole].lines().next_back().map(hash);
        let chain = match prev {
            Some(prev) => Chain::after(ids.unwrap_or_default(), journal.events.len() as u64, prev),
            None => Chain::default(),
        };
        let writer = self.writer(id, chain, lock)?;
        Ok((journal, writer))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::started;
    use super::*;
    use crate::event::EventBody;
    use crate::host::Files;
    use crate::host::fake::{FakeClock, FakeFiles};

    const RUN: &str = "20260102T030405Z-abcdef";

    fn stage(text: &str) -> EventBody {
        EventBody::Stage { text: text.into() }
    }

    #[test]
    fn a_journal_goes_on_behind_its_last_whole_line() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        let mut writer = store.create(RUN, b"").expect("memory has room");
        let clock = FakeClock::default();
        for body in [started(), stage("up")] {
            writer.record(&clock, body, 0, false).2.expect("memory has room");
        }
        assert_eq!(store.reopen(RUN).expect_err("its engine lives").kind(), ErrorKind::WouldBlock);
        drop(writer);
        let path = store.directory(RUN).join("journal.jsonl");
        files.append(&path).and_then(|mut file| file.append(b"{\"v\":1,\"se")).expect("memory has room");
        let (journal, mut writer) = store.reopen(RUN).expect("goes on");
        assert_eq!((journal.events.len(), journal.tail), (2, Tail::Torn));
        let resume = EventBody::Resume { after: 2, document_sha256: "ab".into(), unknown: None, from: None };
        writer.record(&clock, resume, 0, true).2.expect("memory has room");
        let text = store.text(RUN).expect("is there");
        let head = writer.head().to_owned();
        assert_eq!(
            verify(&text, None, None),
            Verification::NotFinished { events: 3, head, torn: false, covered: false }
        );
        let torn = files.read(&store.directory(RUN).join("torn-2"), 99).expect("is there");
        assert_eq!(torn, b"{\"v\":1,\"se");
    }

    #[test]
    fn a_damaged_journal_is_not_gone_on_with() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        drop(store.create(RUN, b"").expect("memory has room"));
        let path = store.directory(RUN).join("journal.jsonl");
        files.append(&path).and_then(|mut file| file.append(b"hello\n")).expect("memory has room");
        let error = store.reopen(RUN).expect_err("is damaged");
        assert_eq!(error.to_string(), "line 1 of its journal: it is not JSON");
    }
}
