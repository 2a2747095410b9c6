//! Runs as a listing needs them: of each journal only the first and the last line is read.

use super::guard::Intruded;
use super::line::decode;
use super::store::Store;
use crate::event::{EventBody, RunFinished, RunStarted};
use std::io::{self, ErrorKind};
use std::path::Path;

/// How much of a journal's ends is read at first, in bytes: most first and last lines fit.
const END: u64 = 4096;

/// A run without its events.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// The run's id.
    pub run: String,
    /// Its first event.
    pub started: Box<RunStarted>,
    /// When that was recorded.
    pub started_at: String,
    /// Its last event, if it is over.
    pub finished: Option<Box<RunFinished>>,
    /// When the last complete event was recorded.
    pub last_at: String,
    /// Milliseconds at the last complete event.
    pub last_ms: u64,
    /// Its engine lives.
    pub running: bool,
}

/// Every run there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Those that started, the newest first.
    pub runs: Vec<RunSummary>,
    /// Ids of records without a complete first event: nothing was started.
    pub empty: Vec<String>,
    /// What is not believed or cannot be read, by the run's id.
    pub left_out: Vec<(String, LeftOut)>,
}

/// Why a listing is without a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Somebody else can write to its record.
    Intruded(Intruded),
    /// What reading it gave.
    Unreadable(String),
}

impl Store<'_> {
    /// Every run, the newest first.
    ///
    /// # Errors
    /// Whatever listing gives; what reading one of them gives is told with the others.
    pub fn listing(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            let summary = match self.intruded_record(&id) {
                Ok(None) => self.summary(&id),
                Ok(Some(intruded)) => {
                    listing.left_out.push((id, LeftOut::Intruded(intruded)));
                    continue;
                }
                Err(error) => Err(error),
            };
            match summary {
                Ok(Some(summary)) => listing.runs.push(summary),
                Ok(None) => listing.empty.push(id),
                Err(error) => listing.left_out.push((id, LeftOut::Unreadable(error.to_string()))),
            }
        }
        Ok(listing)
    }

    /// What a listing says of run `id`. None when it has no complete first event.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn summary(&self, id: &str) -> io::Result<Option<RunSummary>> {
        let journal = self.journal(id);
        let mut ids = Vec::new();
        let first = match self.first_line_of(id) {
            // The directory is made before the journal, and a removed one may be gone.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            line => line?,
        };
        let Some(first) = first.and_then(|line| decode(&line, &mut ids).ok()) else { return Ok(None) };
        let EventBody::RunStarted(started) = first.body else { return Ok(None) };
        let last = self.last_line(&journal)?.and_then(|line| decode(&line, &mut ids).ok());
        let (last_at, last_ms) = match &last {
            Some(event) => (event.at.clone(), event.mono_ms),
            None => (first.at.clone(), 0),
        };
        let finished = match last.map(|event| event.body) {
            Some(EventBody::RunFinished(finished)) => Some(finished),
            _ => None,
        };
        let running = finished.is_none() && self.is_running(id);
        let run = id.to_owned();
        Ok(Some(RunSummary { run, started, started_at: first.at, finished, last_at, last_ms, running }))
    }

    /// The first line of the journal of run `id`, if it is complete.
    pub(super) fn first_line_of(&self, id: &str) -> io::Result<Option<String>> {
        self.first_line(&self.journal(id))
    }

    fn first_line(&self, path: &Path) -> io::Result<Option<String>> {
        let mut length = END;
        loop {
            let bytes = self.files().read_at(path, 0, length)?;
            if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
                return Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned()));
            }
            if (bytes.len() as u64) < length {
                return Ok(None);
            }
            length *= 4;
        }
    }

    /// The last complete line: a torn one behind it is passed over.
    fn last_line(&self, path: &Path) -> io::Result<Option<String>> {
        let size = self.files().size(path)?;
        let mut length = END;
        loop {
            let from = size.saturating_sub(length);
            let bytes = self.files().read_at(path, from, length)?;
            let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
                if from == 0 {
                    return Ok(None);
                }
                length *= 4;
                continue;
            };
            let start = bytes[..end].iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
            match start {
                Some(start) => return Ok(Some(String::from_utf8_lossy(&bytes[start..end]).into_owned())),
                None if from == 0 => return Ok(Some(String::from_utf8_lossy(&bytes[..end]).into_owned())),
                None => length *= 4,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::started;
    use super::super::store::tests::{RUN, stage, written};
    use super::*;
    use crate::host::fake::FakeFiles;
    use crate::host::{Exposed, Files};

    #[test]
    fn a_run_without_an_end_is_running_while_its_engine_lives() {
        let files = FakeFiles::default();
        let writer = written(&files, RUN, vec![started(), stage(&"x".repeat(9000)), stage("up")]);
        let store = Store::new(&files, "/home");
        let summary = || store.summary(RUN).expect("is readable").expect("has started");
        assert!(summary().running);
        assert_eq!((summary().started.pid, summary().last_ms, summary().finished), (42, 2, None));
        drop(writer);
        assert!(!summary().running);
    }

    #[test]
    fn a_listing_tells_runs_from_what_is_none() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        assert_eq!(store.listing().expect("there is nothing"), Listing::default());
        for id in ["1", "2", "3"] {
            drop(written(&files, id, vec![started()]));
        }
        drop(written(&files, "4", vec![]));
        // The record of a rehearsal whose engine is still opening its sandbox.
        files.create_private_dir(&store.directory("5")).expect("memory has room");
        files.create_private_dir(&store.directory(".removed-6")).expect("memory has room");
        files.expose(&store.directory("2"), Exposed::Everyone);
        let listing = store.listing().expect("is readable");
        let runs: Vec<&str> = listing.runs.iter().map(|run| run.run.as_str()).collect();
        assert_eq!((runs, listing.empty), (vec!["3", "1"], vec!["5".to_owned(), "4".to_owned()]));
        let intruded = Intruded { path: store.directory("2"), to: Exposed::Everyone };
        assert_eq!(listing.left_out, [("2".to_owned(), LeftOut::Intruded(intruded))]);
    }
}
