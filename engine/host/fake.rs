//! Hosts that exist in memory, for tests: nothing outside is touched and time moves when told.

use super::locks::Held;
use super::processes::Process;
use super::{Append, Clock, Ends, Entry, Environment, Exposed, Files, Lock, Processes};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that moves when told.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClock(Arc<Mutex<Duration>>);

impl FakeClock {
    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        *lock(&self.0) += by;
    }
}

impl Clock for FakeClock {
    fn wall(&self) -> String {
        let start = jiff::Timestamp::from_second(1_700_000_000).expect("is in range");
        let now = start + jiff::SignedDuration::try_from(*lock(&self.0)).expect("is in range");
        format!("{now:.3}")
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.0)
    }
}

/// An environment that holds what a test puts in.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeEnvironment {
    /// Variables.
    pub(crate) vars: BTreeMap<String, String>,
    /// Whether the three standard descriptors are a terminal.
    pub(crate) terminal: bool,
}

impl Environment for FakeEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn vars(&self) -> Vec<(String, String)> {
        self.vars.clone().into_iter().collect()
    }

    fn cwd(&self) -> PathBuf {
        PathBuf::from("/work")
    }

    fn user(&self) -> String {
        "operator".to_owned()
    }

    fn hostname(&self) -> String {
        "host".to_owned()
    }

    fn pid(&self) -> u32 {
        4711
    }

    fn stdin_is_terminal(&self) -> bool {
        self.terminal
    }

    fn stdout_is_terminal(&self) -> bool {
        self.terminal
    }

    fn stderr_is_terminal(&self) -> bool {
        self.terminal
    }

    fn columns(&self) -> u16 {
        80
    }
}

/// Files in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeFiles(Arc<Mutex<Tree>>);

#[derive(Debug, Default)]
struct Tree {
    directories: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Vec<u8>>,
    executable: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    exposed: BTreeMap<PathBuf, Exposed>,
    /// What every write answers instead of writing, for tests of full disks.
    refusal: Option<io::ErrorKind>,
}

impl Tree {
    fn writable(&self, path: &Path) -> io::Result<()> {
        match self.refusal {
            Some(kind) => Err(kind.into()),
            None if path.parent().is_some_and(|parent| self.directories.contains(parent)) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl FakeFiles {
    /// Makes a file executable.
    pub(crate) fn make_executable(&self, path: &Path) {
        lock(&self.0).executable.insert(path.to_owned());
    }

    /// Lets somebody else write there.
    pub(crate) fn expose(&self, path: &Path, to: Exposed) {
        lock(&self.0).exposed.insert(path.to_owned(), to);
    }

    /// Makes every write from now on fail like this.
    pub(crate) fn refuse_writes(&self, kind: io::ErrorKind) {
        lock(&self.0).refusal = Some(kind);
    }
}

impl FakeFiles {
    fn take(&self, path: &Path, passing: bool) -> io::Result<Option<Lock>> {
        let mut tree = lock(&self.0);
        tree.writable(path)?;
        tree.files.entry(path.to_owned()).or_default();
        let free = tree.locked.insert(path.to_owned());
        Ok(free.then(|| Lock::new(FakeLock { files: self.clone(), path: path.to_owned(), passing })))
    }
}

impl Files for FakeFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let tree = lock(&self.0);
        let bytes = tree.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")));
        }
        Ok(bytes.clone())
    }

    fn read_at(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let bytes = self.read(path, u64::MAX)?;
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let to = bytes.len().min(from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)));
        Ok(bytes[from..to].to_vec())
    }

    fn ends(&self, path: &Path, length: u64) -> io::Result<Ends> {
        let size = self.size(path)?;
        let first = self.read_at(path, 0, length)?;
        let last = self.read_at(path, size.saturating_sub(length), length)?;
        Ok(Ends { size, first, last, exposed: self.exposed(path)? })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(self.read(path, u64::MAX)?.len() as u64)
    }

    fn exists(&self, path: &Path) -> bool {
        let tree = lock(&self.0);
        tree.files.contains_key(path) || tree.directories.contains(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        lock(&self.0).directories.contains(path)
    }

    fn is_executable(&self, path: &Path) -> bool {
        let tree = lock(&self.0);
        tree.files.contains_key(path) && tree.executable.contains(path)
    }

    fn create_private_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = lock(&self.0);
        if let Some(kind) = tree.refusal {
            return Err(kind.into());
        }
        tree.directories.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut tree = lock(&self.0);
        tree.writable(path)?;
        if tree.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        tree.files.insert(path.to_owned(), content.to_owned());
        Ok(())
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut tree = lock(&self.0);
        tree.writable(path)?;
        tree.files.entry(path.to_owned()).or_default();
        Ok(Box::new(FakeAppend { files: self.clone(), path: path.to_owned() }))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut tree = lock(&self.0);
        tree.writable(path)?;
        tree.files.insert(path.to_owned(), content.to_owned());
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let tree = lock(&self.0);
        if !tree.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = |other: &&PathBuf| other.parent() == Some(path);
        let files = tree.files.keys().filter(inside).map(|file| (file.clone(), false));
        let directories = tree.directories.iter().filter(inside).map(|dir| (dir.clone(), true));
        let mut entries: Vec<Entry> =
            files.chain(directories).map(|(path, directory)| Entry { path, directory }).collect();
        entries.sort();
        Ok(entries)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut tree = lock(&self.0);
        tree.files.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        let mut tree = lock(&self.0);
        if !tree.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        tree.directories.retain(|other| !other.starts_with(path));
        tree.files.retain(|other, _| !other.starts_with(path));
        Ok(())
    }

    fn tree_size(&self, path: &Path) -> io::Result<u64> {
        let tree = lock(&self.0);
        let inside = tree.files.iter().filter(|(other, _)| other.starts_with(path));
        Ok(inside.map(|(_, bytes)| bytes.len() as u64).sum())
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<Exposed>> {
        let tree = lock(&self.0);
        match tree.files.contains_key(path) || tree.directories.contains(path) {
            true => Ok(tree.exposed.get(path).cloned()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.take(path, false)
    }

    fn claim(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.take(path, true)
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        Ok(lock(&self.0).locked.contains(path))
    }
}

struct FakeAppend {
    files: FakeFiles,
    path: PathBuf,
}

impl Append for FakeAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut tree = lock(&self.files.0);
        tree.writable(&self.path)?;
        tree.files.entry(self.path.clone()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        lock(&self.files.0).writable(&self.path)
    }
}

struct FakeLock {
    files: FakeFiles,
    path: PathBuf,
    /// Its file goes with it.
    passing: bool,
}

impl Held for FakeLock {
    fn keep(&mut self, text: &str) -> io::Result<()> {
        let mut tree = lock(&self.files.0);
        tree.writable(&self.path)?;
        tree.files.insert(self.path.clone(), text.as_bytes().to_vec());
        Ok(())
    }
}

impl Drop for FakeLock {
    fn drop(&mut self) {
        let mut tree = lock(&self.files.0);
        tree.locked.remove(&self.path);
        if self.passing {
            tree.files.remove(&self.path);
        }
    }
}

/// A process table that a test fills.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeProcesses(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    programs: BTreeSet<PathBuf>,
    groups: BTreeMap<i32, Vec<Process>>,
}

impl FakeProcesses {
    /// Puts an executable file in place.
    pub(crate) fn add_program(&self, path: &Path) {
        lock(&self.0).programs.insert(path.to_owned());
    }

    /// Lets a process live in a group; it dies of any signal but 0.
    pub(crate) fn add_process(&self, group: i32, process: Process) {
        lock(&self.0).groups.entry(group).or_default().push(process);
    }
}

impl Processes for FakeProcesses {
    fn find_program(&self, name: &str, path: &str, cwd: &Path) -> Option<PathBuf> {
        let table = lock(&self.0);
        if name.contains('/') {
            return Some(cwd.join(name)).filter(|found| table.programs.contains(found));
        }
        path.split(':').map(|entry| cwd.join(entry).join(name)).find(|found| table.programs.contains(found))
    }

    fn group(&self, group: i32) -> Vec<Process> {
        lock(&self.0).groups.get(&group).cloned().unwrap_or_default()
    }

    fn signal_group(&self, group: i32, signal: i32) -> io::Result<()> {
        nix::sys::signal::Signal::try_from(signal)?;
        lock(&self.0).groups.remove(&group);
        Ok(())
    }
}
