//! Where runs are kept: one directory a run, below `$RUNBOOK_HOME/runs/`.
//!
//! `journal.jsonl` is the record; the document as it was lies beside it, and a lock that the engine
//! holds while it lives, so that a crashed run can be told from one that goes on. When the run ends, the lock's
//! file keeps the head of the record's chain. Nothing else here interprets an event.

use super::line::Chain;
use super::read::{Journal, read};
use crate::event::{Event, EventBody};
use crate::host::{Append, Clock, Files, Lock, REMOVED};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Longest journal that is read whole, in bytes.
const MAX_JOURNAL: u64 = 1 << 30;

/// Length of a head in a lock's file, in bytes.
const HEAD_LENGTH: u64 = 64;

/// All runs of this host and user.
#[derive(Clone)]
pub struct Store<'a> {
    files: &'a dyn Files,
    home: PathBuf,
}

/// Why a run cannot be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// No run has this id or begins like it.
    Missing(String),
    /// Several begin like it.
    Ambiguous(String, Vec<String>),
}

impl fmt::Display for Unnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(wanted) if wanted == LAST => write!(f, "there is no run yet"),
            Self::Missing(wanted) => write!(f, "there is no run `{wanted}`"),
            Self::Ambiguous(wanted, runs) => {
                write!(f, "`{wanted}` is the beginning of {} runs: {}", runs.len(), runs.join(", "))
            }
        }
    }
}

/// Names the newest run.
pub const LAST: &str = "last";

impl<'a> Store<'a> {
    /// The store below `home`.
    pub fn new(files: &'a dyn Files, home: impl Into<PathBuf>) -> Self {
        Self { files, home: home.into() }
    }

    /// The directory of run `id`.
    pub fn directory(&self, id: &str) -> PathBuf {
        self.runs().join(id)
    }

    /// The directory that holds every run's.
    pub fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn files(&self) -> &dyn Files {
        self.files
    }

    pub(super) fn journal(&self, id: &str) -> PathBuf {
        self.directory(id).join("journal.jsonl")
    }

    /// Makes the directory of a new run, with the document as it is now, and opens its journal.
    ///
    /// # Errors
    /// Whatever making or writing gives; [`ErrorKind::AlreadyExists`] if there is a run of this id.
    pub fn create(&self, id: &str, document: &[u8]) -> io::Result<Writer> {
        let directory = self.directory(id);
        self.files.create_private_dir(&directory)?;
        self.files.create(&self.journal(id), b"")?;
        self.files.create(&directory.join("document.md"), document)?;
        self.open(id, Chain::default())
    }

    fn open(&self, id: &str, chain: Chain) -> io::Result<Writer> {
        let lock = self.lock(id)?;
        self.writer(id, chain, lock)
    }

    /// The lock that an engine holds while it records run `id`.
    pub(super) fn lock(&self, id: &str) -> io::Result<Lock> {
        let lock = self.files.lock(&self.directory(id).join("lock"))?;
        lock.ok_or_else(|| io::Error::new(ErrorKind::WouldBlock, "its engine is still running"))
    }

    pub(super) fn writer(&self, id: &str, chain: Chain, lock: Lock) -> io::Result<Writer> {
        let journal = self.files.append(&self.journal(id))?;
        Ok(Writer { journal, chain, broken: false, lock })
    }

    /// Every run's id, the newest first. None where there is no directory yet.
    ///
    /// # Errors
    /// Whatever listing gives.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match self.files.list(&self.runs()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        Ok(entries
            .iter()
            .rev()
            .filter(|entry| entry.directory)
            .filter_map(|entry| name(&entry.path))
            .filter(|name| !name.starts_with(REMOVED))
            .collect())
    }

    /// The run that `wanted` names: its id, the beginning of just one id, or [`LAST`].
    ///
    /// # Errors
    /// Whatever listing gives; within, why nothing is named.
    pub fn find(&self, wanted: &str) -> io::Result<Result<String, Unnamed>> {
        let ids = self.ids()?;
        if wanted == LAST {
            return Ok(ids.into_iter().next().ok_or_else(|| Unnamed::Missing(LAST.to_owned())));
        }
        let mut like: Vec<String> = ids.into_iter().filter(|id| id.starts_with(wanted)).collect();
        if let Some(exact) = like.iter().position(|id| id == wanted) {
            return Ok(Ok(like.swap_remove(exact)));
        }
        Ok(match like.len() {
            _ if wanted.is_empty() => Err(Unnamed::Missing(wanted.to_owned())),
            0 => Err(Unnamed::Missing(wanted.to_owned())),
            1 => Ok(like.swap_remove(0)),
            _ => Err(Unnamed::Ambiguous(wanted.to_owned(), like)),
        })
    }

    /// The text of a run's journal; bytes that are no text are replaced, which its hashes then show.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn text(&self, id: &str) -> io::Result<String> {
        let bytes = self.files.read(&self.journal(id), MAX_JOURNAL)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A run's events, as far as they go.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn read(&self, id: &str) -> io::Result<Journal> {
        Ok(read(&self.text(id)?))
    }

    /// The head of run `id` that its engine wrote down when it recorded the run's end, if it did.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn kept_head(&self, id: &str) -> io::Result<Option<String>> {
        self.head_in(&self.directory(id).join("lock"))
    }

    /// The head that was kept in a lock's file, if it is one.
    pub(super) fn head_in(&self, lock: &Path) -> io::Result<Option<String>> {
        let bytes = match self.files.read_at(lock, 0, HEAD_LENGTH) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let head = String::from_utf8(bytes).ok();
        Ok(head
            .filter(|head| head.len() as u64 == HEAD_LENGTH && head.bytes().all(|b| b.is_ascii_hexdigit())))
    }

    /// Whether the engine of run `id` lives: it holds the run's lock, or seems to for a moment when it was killed.
    pub fn is_running(&self, id: &str) -> bool {
        self.files.is_locked(&self.directory(id).join("lock")).unwrap_or(false)
    }

    /// The same, but one that was killed does not seem to live: for that, a moment is waited where it does.
    pub fn keeps_running(&self, id: &str) -> bool {
        self.is_running(id) && matches!(self.files.lock(&self.directory(id).join("lock")), Ok(None))
    }

    /// Takes the lock of everything `key` names, or nothing if another process has it.
    ///
    /// # Errors
    /// Whatever making or opening it gives.
    pub fn claim(&self, key: &str) -> io::Result<Option<Lock>> {
        self.files.create_private_dir(&self.active())?;
        self.files.claim(&self.active().join(super::hash(key)))
    }

    /// The directory of the locks of what is being run.
    pub(super) fn active(&self) -> PathBuf {
        self.home.join("active")
    }
}

/// Appends events to a run's journal.
pub struct Writer {
    journal: Box<dyn Append>,
    chain: Chain,
    broken: bool,
    lock: Lock,
}

impl Writer {
    /// Appends one event; with `durable`, returns only when it and all before it are on the disk.
    /// Gives the event, its line, and whether it could be written: once one could not, it is no link
    /// of the chain, nothing is appended any more, and the disk may end in a part of it.
    pub fn record(
        &mut self,
        clock: &dyn Clock,
        body: EventBody,
        mono_ms: u64,
        durable: bool,
    ) -> (Event, String, io::Result<()>) {
        let ends = matches!(body, EventBody::RunFinished(_));
        let (event, mut line) = self.chain.link(body, clock.wall(), mono_ms);
        line.push('\n');
        let written = self.write(line.as_bytes(), durable);
        self.broken |= written.is_err();
        line.pop();
        if written.is_ok() {
            self.chain.accept(&line);
            if ends {
                // The record is whole without it; `verify` says that its last event is covered by nothing.
                let _ = self.lock.keep(self.chain.head());
            }
        }
        (event, line, written)
    }

    fn write(&mut self, line: &[u8], durable: bool) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an event before this one could not be written"));
        }
        self.journal.append(line)?;
        if durable { self.journal.sync() } else { Ok(()) }
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.chain.events()
    }

    /// Hash of the last event's line.
    pub fn head(&self) -> &str {
        self.chain.head()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("chain", &self.chain).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::line::tests::started;
    use super::*;
    use crate::host::fake::{FakeClock, FakeFiles};
    use crate::journal::{Tail, Verification, verify};

    pub(in crate::journal) const RUN: &str = "20260102T030405Z-abcdef";

    pub(in crate::journal) fn stage(text: &str) -> EventBody {
        EventBody::Stage { text: text.into() }
    }

    pub(in crate::journal) fn written(files: &FakeFiles, id: &str, bodies: Vec<EventBody>) -> Writer {
        let mut writer = Store::new(files, "/home").create(id, b"# Doc\n").expect("memory has room");
        for (at, body) in (0..).zip(bodies) {
            writer.record(&FakeClock::default(), body, at, at == 0).2.expect("memory has room");
        }
        writer
    }

    #[test]
    fn a_run_is_written_and_read_back() {
        let files = FakeFiles::default();
        let writer = written(&files, RUN, vec![started(), stage("up")]);
        let store = Store::new(&files, "/home");
        let journal = store.read(RUN).expect("is there");
        assert_eq!((journal.events.len(), journal.tail), (2, Tail::Whole));
        let text = store.text(RUN).expect("is there");
        let head = writer.head().to_owned();
        assert_eq!(
            verify(&text, None, None),
            Verification::NotFinished { events: 2, head, torn: false, covered: false }
        );
        assert_eq!(files.read(&store.directory(RUN).join("document.md"), 99).expect("is there"), b"# Doc\n");
        assert_eq!(writer.events(), 2);
    }

    #[test]
    fn runs_are_named_by_id_by_its_beginning_or_as_the_last() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        assert_eq!(store.find("last").expect("is readable").unwrap_err().to_string(), "there is no run yet");
        for id in ["20260102T030405Z-aa", "20260102T030405Z-ab", "20260203T030405Z-aa"] {
            drop(written(&files, id, vec![]));
        }
        let find = |wanted| store.find(wanted).expect("is readable").map_err(|why| why.to_string());
        assert_eq!(find("last"), Ok("20260203T030405Z-aa".into()));
        assert_eq!(find("202602"), Ok("20260203T030405Z-aa".into()));
        assert_eq!(find("20260102T030405Z-ab"), Ok("20260102T030405Z-ab".into()));
        assert_eq!(find("2027"), Err("there is no run `2027`".into()));
        assert_eq!(
            find("20260102"),
            Err("`20260102` is the beginning of 2 runs: 20260102T030405Z-ab, 20260102T030405Z-aa".into())
        );
    }

    #[test]
    fn a_full_disk_leaves_what_was_written() {
        let files = FakeFiles::default();
        let mut writer = written(&files, RUN, vec![started()]);
        files.refuse_writes(ErrorKind::StorageFull);
        let (event, _, written) = writer.record(&FakeClock::default(), stage("up"), 1, false);
        assert_eq!((written.expect_err("is full").kind(), event.seq), (ErrorKind::StorageFull, 1));
        assert!(writer.record(&FakeClock::default(), stage("up"), 2, true).2.is_err());
        assert_eq!(writer.events(), 1);
        assert_eq!(Store::new(&files, "/home").read(RUN).expect("is there").events.len(), 1);
    }

    #[test]
    fn what_is_claimed_is_claimed_once() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        let held = store.claim("deploy").expect("memory has room");
        assert!(held.is_some() && store.claim("deploy").expect("memory has room").is_none());
        assert!(store.claim("other").expect("memory has room").is_some());
        drop(held);
        assert_eq!(files.list(&store.active()).expect("is there"), []);
    }
}
