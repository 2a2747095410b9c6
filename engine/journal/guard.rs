//! Records that somebody else could have written are not believed, and nothing is written beside them.
//!
//! Everything of a record is made 0600 in directories of 0700. What is looser now was loosened, or is not
//! ours: the shell's states, which a resumed run executes, lie there too.

use super::store::Store;
use crate::host::Exposed;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Something of a record that another user can write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intruded {
    /// What.
    pub path: PathBuf,
    /// Who.
    pub to: Exposed,
}

impl fmt::Display for Intruded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.to {
            Exposed::Owner(user) => write!(f, "`{path}` belongs to another user, `{user}`"),
            Exposed::Group(group) => write!(f, "everybody in the group `{group}` may write to `{path}`"),
            Exposed::Everyone => write!(f, "everybody may write to `{path}`"),
        }
    }
}

impl Intruded {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.to {
            Exposed::Owner(_) => "set RUNBOOK_HOME to a directory of your own".to_owned(),
            Exposed::Group(_) | Exposed::Everyone => {
                format!(
                    "if nobody changed what is in it: chmod go-w {}; else set RUNBOOK_HOME to another directory",
                    self.path.display()
                )
            }
        }
    }
}

impl Store<'_> {
    /// Whether somebody else can write to the directories that hold the runs.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn intruded(&self) -> io::Result<Option<Intruded>> {
        self.first_intruded([self.home().to_owned(), self.runs()])
    }

    /// Whether somebody else can write to the record of run `id`, or to anything in it.
    ///
    /// # Errors
    /// Whatever asking gives.
    pub fn intruded_run(&self, id: &str) -> io::Result<Option<Intruded>> {
        let directory = self.directory(id);
        let inside = match self.files().list(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            inside => inside?,
        };
        let inside = inside.into_iter().map(|entry| entry.path);
        self.first_intruded(std::iter::once(directory).chain(inside))
    }

    /// Whether somebody else can put anything into the directory of run `id`.
    pub(super) fn intruded_directory(&self, id: &str) -> io::Result<Option<Intruded>> {
        self.first_intruded([self.directory(id)])
    }

    fn first_intruded(&self, paths: impl IntoIterator<Item = PathBuf>) -> io::Result<Option<Intruded>> {
        for path in paths {
            match self.files().exposed(&path) {
                Ok(Some(to)) => return Ok(Some(Intruded { path, to })),
                Ok(None) => {}
                // What is not there, or below a file, nobody has written to.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::{RUN, written};
    use super::*;
    use crate::host::fake::FakeFiles;
    use std::path::Path;

    #[test]
    fn whatever_of_a_record_is_exposed_is_named() {
        let files = FakeFiles::default();
        drop(written(&files, RUN, vec![]));
        let store = Store::new(&files, "/home");
        assert_eq!((store.intruded().unwrap(), store.intruded_run(RUN).unwrap()), (None, None));
        assert_eq!(store.intruded_run("none").unwrap(), None);
        files.expose(&store.directory(RUN).join("document.md"), Exposed::Everyone);
        assert_eq!(store.intruded_directory(RUN).unwrap(), None);
        let found = store.intruded_run(RUN).unwrap().expect("is exposed");
        assert_eq!(found.path, store.directory(RUN).join("document.md"));
        files.expose(Path::new("/home/runs"), Exposed::Owner("eve".into()));
        assert_eq!(store.intruded().unwrap().expect("is exposed").path, Path::new("/home/runs"));
    }

    #[test]
    fn who_may_write_is_said() {
        for (to, said, hint) in [
            (
                Exposed::Owner("eve".into()),
                "`/r` belongs to another user, `eve`",
                "set RUNBOOK_HOME to a directory of your own",
            ),
            (
                Exposed::Group("staff".into()),
                "everybody in the group `staff` may write to `/r`",
                "if nobody changed what is in it: chmod go-w /r; else set RUNBOOK_HOME to another directory",
            ),
            (
                Exposed::Everyone,
                "everybody may write to `/r`",
                "if nobody changed what is in it: chmod go-w /r; else set RUNBOOK_HOME to another directory",
            ),
        ] {
            let intruded = Intruded { path: "/r".into(), to };
            assert_eq!((intruded.to_string().as_str(), intruded.hint().as_str()), (said, hint));
        }
    }
}
