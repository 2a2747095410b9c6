//! Which runs may be forgotten, and their removal. Asks nobody: the caller has shown what goes.

use super::store::Store;
use super::summary::{Listing, RunSummary};
use crate::host::REMOVED;
use std::io::{self, ErrorKind};

/// What becomes of the runs when those before some moment are removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pruning {
    /// To be removed, the newest first.
    pub runs: Vec<RunSummary>,
    /// To be removed, too: records of nothing.
    pub empty: Vec<String>,
    /// Kept, since the last thing on record is not older.
    pub recent: usize,
    /// Kept, since their engines live.
    pub running: Vec<String>,
    /// Kept, since they have no end and may still be resumed.
    pub unfinished: Vec<String>,
}

impl Pruning {
    /// What of `listing` goes when nothing of it was recorded at or after `cutoff` (as events have their time).
    /// What is running never goes; what may still be resumed only with `unfinished`.
    pub fn of(listing: Listing, cutoff: &str, unfinished: bool) -> Self {
        let mut pruning = Self::default();
        for run in listing.runs {
            if run.running {
                pruning.running.push(run.run);
            } else if run.last_at.as_str() >= cutoff {
                pruning.recent += 1;
            } else if run.finished.is_none() && run.started.mode == "exec" && !unfinished {
                pruning.unfinished.push(run.run);
            } else {
                pruning.runs.push(run);
            }
        }
        let stamp: String = cutoff.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        // What is not named like a run is not ours to remove.
        let old = |id: &String| is_run_id(id) && id[..15] < stamp[..];
        pruning.empty = listing.empty.into_iter().filter(old).collect();
        pruning
    }
}

/// Whether `id` begins with a moment: `20260102T030405Z-…`.
fn is_run_id(id: &str) -> bool {
    let pattern = id.bytes().take(17).enumerate().all(|(at, byte)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        16 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    pattern && id.len() > 17
}

impl Store<'_> {
    /// Bytes on record of run `id`.
    ///
    /// # Errors
    /// Whatever looking gives.
    pub fn size(&self, id: &str) -> io::Result<u64> {
        self.files().tree_size(&self.directory(id))
    }

    /// Removes run `id` for good, if it is still as `was`: none for a record of nothing.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] while an engine has it, also one that goes on with it since; and whatever
    /// removing gives.
    pub fn forget(&self, id: &str, was: Option<&RunSummary>) -> io::Result<()> {
        let _lock = self.lock(id)?;
        // The engine that has the lock is this one.
        let now = self.summary(id)?.map(|run| RunSummary { running: false, ..run });
        if now.as_ref() != was {
            return Err(io::Error::new(ErrorKind::WouldBlock, "it went on meanwhile"));
        }
        self.files().remove_tree(&self.directory(id))
    }

    /// Removes what earlier removals that were broken off left, and engines that were killed.
    ///
    /// # Errors
    /// Whatever listing, locking or removing gives.
    pub fn forget_rest(&self) -> io::Result<()> {
        for entry in self.files().list(&self.runs())? {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            if entry.directory && name.starts_with(REMOVED) {
                self.files().remove_tree(&entry.path)?;
            }
        }
        let claims = match self.files().list(&self.active()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            claims => claims?,
        };
        for claim in claims.into_iter().filter(|entry| !entry.directory) {
            if !self.files().is_locked(&claim.path)? {
                // Given back at once, which removes its file.
                drop(self.files().claim(&claim.path)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::started;
    use super::super::store::tests::{stage, written};
    use super::super::summary::{End, Start};
    use super::*;
    use crate::event::{EventBody, Outcome};
    use crate::host::Files;
    use crate::host::fake::FakeFiles;

    const CUTOFF: &str = "2026-03-01T00:00:00.000Z";

    fn summary(run: &str, last_at: &str) -> RunSummary {
        let EventBody::RunStarted(started) = started() else { unreachable!() };
        let started = Start::from(&*started);
        let finished = Some(End {
            outcome: Outcome::Verified,
            exit: 0,
            wall_ms: 1,
            recovered_ms: None,
            targets: vec![],
            rehearsal: None,
        });
        let started_at = "2026-01-02T03:04:05.000Z".into();
        let last_at = last_at.into();
        RunSummary { run: run.into(), started, started_at, finished, last_at, last_ms: 1, running: false }
    }

    fn ids(pruning: &Pruning) -> Vec<&str> {
        pruning.runs.iter().map(|run| &*run.run).chain(pruning.empty.iter().map(|id| &**id)).collect()
    }

    #[test]
    fn the_last_event_decides_and_what_lives_or_may_go_on_stays() {
        let old = summary("old", "2026-02-28T23:59:59.999Z");
        let resumed_since = summary("resumed", "2026-03-01T00:00:00.000Z");
        let crashed = RunSummary { run: "crashed".into(), finished: None, ..old.clone() };
        let running = RunSummary { run: "running".into(), running: true, ..crashed.clone() };
        let mut rehearsal = RunSummary { run: "rehearsal".into(), ..crashed.clone() };
        rehearsal.started.mode = "rehearse".into();
        let listing =
            Listing { runs: vec![old, resumed_since, crashed, running, rehearsal], ..Listing::default() };
        let pruning = Pruning::of(listing.clone(), CUTOFF, false);
        assert_eq!(ids(&pruning), ["old", "rehearsal"]);
        assert_eq!((pruning.recent, pruning.running.len(), pruning.unfinished.len()), (1, 1, 1));
        let pruning = Pruning::of(listing, CUTOFF, true);
        assert_eq!(ids(&pruning), ["old", "crashed", "rehearsal"]);
        assert_eq!(pruning.running, ["running"]);
    }

    #[test]
    fn of_what_holds_no_run_only_what_is_named_like_an_old_one_goes() {
        let empty =
            ["20260228T235959Z-abcdef", "20260301T000000Z-abcdef", "20260228T235959Z", "notes", "ä2026", ""];
        let listing = Listing { empty: empty.map(str::to_owned).to_vec(), ..Listing::default() };
        assert_eq!(ids(&Pruning::of(listing, CUTOFF, true)), ["20260228T235959Z-abcdef"]);
    }

    #[test]
    fn a_run_that_an_engine_has_or_that_went_on_is_not_removed() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        let writer = written(&files, "1", vec![started()]);
        let was = store.summary("1").expect("is readable");
        let why = |result: io::Result<()>| result.expect_err("is refused").to_string();
        assert_eq!(why(store.forget("1", was.as_ref())), "its engine is still running");
        drop(writer);
        assert_eq!(why(store.forget("1", was.as_ref())), "it went on meanwhile");
        let was = store.summary("1").expect("is readable");
        store.forget("1", was.as_ref()).expect("is ours");
        assert_eq!(store.ids().expect("is readable"), Vec::<String>::new());
        drop(written(&files, "2", vec![]));
        assert_eq!(why(store.forget("2", was.as_ref())), "it went on meanwhile");
        store.forget("2", None).expect("is ours");
        assert_eq!(store.size("2").unwrap_or_default(), 0);
    }

    #[test]
    fn what_a_broken_off_removal_left_goes_with_the_next() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        drop(written(&files, "1", vec![started(), stage("up")]));
        files.create_private_dir(&store.directory(".removed-0")).expect("memory has room");
        store.forget_rest().expect("is ours");
        assert!(!files.exists(&store.directory(".removed-0")) && files.exists(&store.directory("1")));
    }

    #[test]
    fn the_lock_of_a_killed_engine_goes_and_that_of_a_living_one_stays() {
        let files = FakeFiles::default();
        let store = Store::new(&files, "/home");
        drop(written(&files, "1", vec![started()]));
        let held = store.claim("deploy").expect("memory has room");
        let locks = files.list(&store.active()).expect("is there");
        files.create(&store.active().join("killed"), b"").expect("memory has room");
        store.forget_rest().expect("is ours");
        assert!(held.is_some());
        assert_eq!(files.list(&store.active()).expect("is there"), locks);
    }
}
