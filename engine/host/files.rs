//! Files and directories, with the modes and syncs that a record of an incident needs.

use super::exposed::{Exposed, exposed, exposed_of};
use super::locks::{self, Lock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The file system.
pub trait Files {
    /// Reads the whole file.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] beyond `limit` bytes, and whatever opening or reading gives.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Reads up to `length` bytes from `offset` on; fewer where the file ends, none beyond its end.
    ///
    /// # Errors
    /// Whatever opening or reading gives.
    fn read_at(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>>;

    /// Reads up to `length` bytes of each end of a file, and looks at it, in one opening.
    ///
    /// # Errors
    /// Whatever opening or reading gives.
    fn ends(&self, path: &Path, length: u64) -> io::Result<Ends>;

    /// The file's size in bytes.
    ///
    /// # Errors
    /// Whatever asking gives.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Whether anything is there, symbolic links followed.
    fn exists(&self, path: &Path) -> bool;

    /// Whether a directory is there.
    fn is_dir(&self, path: &Path) -> bool;

    /// Whether a file is there that this user may execute.
    fn is_executable(&self, path: &Path) -> bool;

    /// Makes `path` a directory that only its owner may enter (0700); missing parents are made, too.
    /// A directory that is there already is taken as it is.
    ///
    /// # Errors
    /// Whatever making it gives.
    fn create_private_dir(&self, path: &Path) -> io::Result<()>;

    /// Writes a new file that only its owner may read (0600).
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if it is there, and whatever writing gives.
    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Opens a file (made 0600 if need be) for appending.
    ///
    /// # Errors
    /// Whatever opening gives.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Puts `content` in place of whatever `path` was, all or nothing: readers see the old or the
    /// new file, also after a crash. An old file's mode is kept.
    ///
    /// # Errors
    /// Whatever writing gives; the old file then stands.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// What is in a directory, sorted by name.
    ///
    /// # Errors
    /// Whatever reading it gives.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// Removes one file.
    ///
    /// # Errors
    /// Whatever removing gives.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all that is in it. It is gone at once under its name; what could not be removed,
    /// also because of a crash, stays beside it under a name that begins with [`REMOVED`].
    ///
    /// # Errors
    /// Whatever renaming or removing gives.
    fn remove_tree(&self, path: &Path) -> io::Result<()>;

    /// Size of all files in a directory, in bytes; symbolic links are not followed.
    ///
    /// # Errors
    /// Whatever listing gives.
    fn tree_size(&self, path: &Path) -> io::Result<u64>;

    /// Who besides this user and root may write to what is at `path`; symbolic links are followed.
    ///
    /// # Errors
    /// Whatever asking gives.
    fn exposed(&self, path: &Path) -> io::Result<Option<Exposed>>;

    /// Takes the lock that `path` stands for, or says within a moment that another process has it. It ends
    /// with the returned guard or with this process, however that dies.
    ///
    /// # Errors
    /// Whatever opening gives.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;

    /// The same for a lock whose file holds nothing: it is removed when the lock is given back.
    ///
    /// # Errors
    /// Whatever opening gives.
    fn claim(&self, path: &Path) -> io::Result<Option<Lock>>;

    /// Whether a process has the lock that `path` stands for, as it is at this moment: nothing is waited for.
    ///
    /// # Errors
    /// Whatever opening gives; not where there is no such file.
    fn is_locked(&self, path: &Path) -> io::Result<bool>;
}

/// How the name of a directory begins that is being removed.
pub const REMOVED: &str = ".removed-";

/// A file that is only appended to.
pub trait Append: Send {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// Whatever writing gives.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything appended so far is on the disk.
    ///
    /// # Errors
    /// Whatever syncing gives.
    fn sync(&mut self) -> io::Result<()>;
}

/// The two ends of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The file's size in bytes when it was opened.
    pub size: u64,
    /// Its first bytes.
    pub first: Vec<u8>,
    /// Its last bytes; the same as the first where these are all.
    pub last: Vec<u8>,
    /// Who besides this user and root may write to it.
    pub exposed: Option<Exposed>,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path: the directory's with its own name.
    pub path: PathBuf,
    /// Whether it is a directory.
    pub directory: bool,
}

/// The host's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn read_at(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn ends(&self, path: &Path, length: u64) -> io::Result<Ends> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let size = metadata.len();
        let part = |offset: u64| {
            let mut bytes = vec![0; usize::try_from(size.min(length)).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut bytes, offset).map(|()| bytes)
        };
        let first = part(0)?;
        let last = if size > length { part(size - length)? } else { first.clone() };
        Ok(Ends { size, first, last, exposed: exposed_of(&metadata) })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(path.metadata()?.len())
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_executable(&self, path: &Path) -> bool {
        path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
    }

    fn create_private_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Box::new(AppendFile(file)))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = directory.join(format!(".{name}.{}", std::process::id()));
        let mode = path.metadata().map_or(0o600, |old| old.permissions().mode() & 0o7777);
        let written = (|| {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
            file.write_all(content)?;
            file.set_permissions(std::fs::Permissions::from_mode(mode))?;
            file.sync_data()?;
            std::fs::rename(&temporary, path)?;
            File::open(directory)?.sync_all()
        })();
        if written.is_err() {
            // The failure to write is what the caller must hear of, not the failure to tidy up.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = std::fs::read_dir(path)?
            .map(|entry| {
                let entry = entry?;
                let path = entry.path();
                // Of most entries the listing itself says what they are.
                let directory = match entry.file_type() {
                    Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                    _ => path.is_dir(),
                };
                Ok(Entry { path, directory })
            })
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let aside = match name.strip_prefix(REMOVED) {
            Some(_) => path.to_owned(),
            None => path.with_file_name(format!("{REMOVED}{name}")),
        };
        if aside != path {
            std::fs::rename(path, &aside)?;
        }
        std::fs::remove_dir_all(&aside)
    }

    fn tree_size(&self, path: &Path) -> io::Result<u64> {
        std::fs::read_dir(path)?.try_fold(0, |sum, entry| {
            let entry = entry?;
            // Of a link this is the link's own.
            let metadata = entry.metadata()?;
            Ok(sum + if metadata.is_dir() { self.tree_size(&entry.path())? } else { metadata.len() })
        })
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<Exposed>> {
        exposed(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        Ok(locks::take(path)?.map(Lock::new))
    }

    fn claim(&self, path: &Path) -> io::Result<Option<Lock>> {
        Ok(locks::take_passing(path)?.map(Lock::new))
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        locks::is_taken(path)
    }
}

struct AppendFile(File);

impl Append for AppendFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
