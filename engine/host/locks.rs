//! Locks that stand on files: taken by one process at a time, and free when it dies.
//!
//! A lock belongs to the file that was opened, not to its name. So whoever got one looks whether the name still
//! stands for that file: otherwise its holder removed it meanwhile, and somebody else may hold its successor.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a lock may seem to be held that is not: by a process that was killed, or by one that only looks.
const DYING: Duration = Duration::from_millis(100);

/// A lock that is held.
pub struct Lock {
    /// Dropping it gives the lock back.
    held: Box<dyn Held>,
}

/// What holds a lock: the file that stands for it.
pub(crate) trait Held: Send {
    /// Writes `text` over the beginning of the file.
    fn keep(&mut self, text: &str) -> io::Result<()>;
}

impl Lock {
    pub(crate) fn new(held: impl Held + 'static) -> Self {
        Self { held: Box::new(held) }
    }

    /// Writes `text` over what the lock's file holds; texts of one lock are of one length.
    ///
    /// # Errors
    /// Whatever writing gives.
    pub fn keep(&mut self, text: &str) -> io::Result<()> {
        self.held.keep(text)
    }
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

impl Held for File {
    fn keep(&mut self, text: &str) -> io::Result<()> {
        self.write_all_at(text.as_bytes(), 0)
    }
}

/// A lock whose file goes when it is given back.
pub(super) struct Passing {
    file: File,
    path: PathBuf,
}

impl Held for Passing {
    fn keep(&mut self, text: &str) -> io::Result<()> {
        self.file.keep(text)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // The lock is still held: nobody else removes the file or trusts another one of this name.
        if is_named(&self.file, &self.path).unwrap_or(false) {
            // What stays is an empty file, which the next holder removes.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes the lock that `path` stands for, as [`super::Files::lock`] says.
pub(super) fn take(path: &Path) -> io::Result<Option<File>> {
    // What an engine was just starting when it was killed has its files for a moment, until it is started.
    let until = Instant::now() + DYING;
    loop {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(Duration::from_millis(2)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        if is_named(&file, path)? {
            return Ok(Some(file));
        }
    }
}

/// Takes the lock that `path` stands for, as [`super::Files::claim`] says.
pub(super) fn take_passing(path: &Path) -> io::Result<Option<Passing>> {
    Ok(take(path)?.map(|file| Passing { file, path: path.to_owned() }))
}

/// Whether somebody holds the lock that `path` stands for. Those who look at the same time do not see each other.
pub(super) fn is_taken(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether `path` stands for `file`.
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let named = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        named => named?,
    };
    let own = file.metadata()?;
    Ok((own.dev(), own.ino()) == (named.dev(), named.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_removed_file_is_no_longer_what_its_name_stands_for() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("lock");
        let old = File::create(&path).expect("is ours");
        assert!(is_named(&old, &path).expect("is there"));
        std::fs::remove_file(&path).expect("is ours");
        assert!(!is_named(&old, &path).expect("may be asked"));
        let new = File::create(&path).expect("is ours");
        assert!(!is_named(&old, &path).expect("is there") && is_named(&new, &path).expect("is there"));
    }

    #[test]
    fn a_lock_whose_file_somebody_replaced_leaves_the_other_file() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("lock");
        let held = take_passing(&path).expect("is ours");
        std::fs::remove_file(&path).expect("is ours");
        let other = take_passing(&path).expect("is ours");
        assert!(held.is_some() && other.is_some());
        drop(held);
        assert!(path.exists() && is_taken(&path).expect("is there"));
        drop(other);
        assert!(!path.exists());
    }

    #[test]
    fn while_files_come_and_go_there_is_one_holder_at_a_time() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("lock");
        let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let contend = || {
            for _ in 0..100 {
                let Some(held) = take_passing(&path).expect("is ours") else { continue };
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                std::thread::yield_now();
                holders.fetch_sub(1, Ordering::SeqCst);
                taken.fetch_add(1, Ordering::SeqCst);
                drop(held);
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(contend))));
        assert!(taken.into_inner() >= 100 && !path.exists());
    }

    #[test]
    fn who_only_looks_hinders_nobody_who_looks_and_for_a_moment_who_takes() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("lock");
        drop(take(&path).expect("is ours"));
        let looking = File::open(&path).expect("is there");
        looking.try_lock_shared().expect("nobody holds it");
        assert!(!is_taken(&path).expect("is there"));
        std::thread::scope(|scope| {
            let taking = scope.spawn(|| take(&path).expect("is ours").is_some());
            drop(looking);
            assert!(taking.join().expect("does not panic"));
        });
    }
}
