//! Copies a directory with everything in it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;

/// Copies what is in `from` into the directory `to`, which is made if need be: files with their modes and
/// times, symbolic links as they are. Sockets, pipes and devices are left out.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] beyond `limit` bytes in all, and whatever reading or writing gives,
/// with the path.
pub fn copy_tree(from: &Path, to: &Path, limit: u64) -> io::Result<()> {
    copy_present(from, from, to, limit)
}

/// Copies what is in `known` as it is in `from`: what is only in one of them is left out.
///
/// # Errors
/// As [`copy_tree`].
pub fn copy_present(known: &Path, from: &Path, to: &Path, limit: u64) -> io::Result<()> {
    let mut left = limit;
    copy_into(known, from, to, &mut left).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("there are more than {} MiB in it", limit >> 20),
        ),
        _ => error,
    })
}

fn copy_into(known: &Path, from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("`{path}`: {error}"))
    };
    if !to.is_dir() {
        DirBuilder::new().mode(0o700).create(to).map_err(at(to))?;
    }
    for entry in fs::read_dir(known).map_err(at(known))? {
        let entry = entry.map_err(at(known))?;
        let (source, target) = (from.join(entry.file_name()), to.join(entry.file_name()));
        let kind = match fs::symlink_metadata(&source) {
            Ok(meta) => meta.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(&source)(error)),
        };
        if kind.is_dir() {
            // What became a directory is not known.
            if entry.path().is_dir() {
                copy_into(&entry.path(), &source, &target, left)?;
            }
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).map_err(at(&source))?, &target).map_err(at(&target))?;
        } else if kind.is_file() {
            copy_file(&source, &target, left).map_err(at(&source))?;
        }
    }
    // Last, so that a directory that may not be written can be filled.
    fs::set_permissions(to, fs::metadata(from).map_err(at(from))?.permissions()).map_err(at(to))
}

fn copy_file(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    let mut source = File::open(from)?;
    let meta = source.metadata()?;
    *left = left.checked_sub(meta.len()).ok_or(io::ErrorKind::FileTooLarge)?;
    let mut target = File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    target.set_permissions(Permissions::from_mode(meta.permissions().mode() & 0o7777))?;
    target.set_modified(meta.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_tree_is_copied_as_it_is() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/run.sh"), "x").unwrap();
        fs::set_permissions(from.join("a/run.sh"), Permissions::from_mode(0o750)).unwrap();
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o555)).unwrap();
        symlink("../nowhere", from.join("link")).unwrap();
        let _socket = UnixListener::bind(from.join("socket")).unwrap();
        copy_tree(&from, &to, 1 << 20).unwrap();
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a/run.sh"), mode("a")), (0o750, 0o555));
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("../nowhere"));
        assert!(to.join("a/b").is_dir() && !to.join("socket").exists());
        let times = [&from, &to].map(|at| fs::metadata(at.join("a/run.sh")).unwrap().modified().unwrap());
        assert_eq!(times[0], times[1]);
    }

    #[test]
    fn what_is_known_is_copied_as_it_is_now() {
        let scratch = tempfile::tempdir().unwrap();
        let [known, from, to] = ["known", "from", "to"].map(|name| scratch.path().join(name));
        for directory in ["known/a/gone", "known/b", "from/a", "from/run", "from/c"] {
            fs::create_dir_all(scratch.path().join(directory)).unwrap();
        }
        for (path, text) in
            [("known/a/x", "old"), ("known/c", "a file"), ("from/a/x", "new"), ("from/a/y", "data")]
        {
            fs::write(scratch.path().join(path), text).unwrap();
        }
        fs::write(from.join("b"), "in the way").unwrap();
        copy_present(&known, &from, &to, 1 << 20).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/x")).unwrap(), "new");
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "in the way");
        let mut names: Vec<_> = ["", "a"]
            .iter()
            .flat_map(|at| fs::read_dir(to.join(at)).unwrap())
            .map(|it| it.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["a", "b", "x"]);
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        let error = copy_tree(&from, &to, 1).unwrap_err().to_string();
        assert_eq!(error, format!("`{}`: No such file or directory (os error 2)", from.display()));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("large"), vec![0; 2 << 20]).unwrap();
        let error = copy_tree(&from, &to, 1 << 20).unwrap_err().to_string();
        assert_eq!(error, "there are more than 1 MiB in it");
    }
}
