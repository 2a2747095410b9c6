//! The documents that `test` and `lint` are about: which files, whose procedures, and which stage they have.

use super::documents::{Documents, tidy};
use super::failure::{Failure, USAGE};
use super::project::Project;
use super::{Host, texts};
use crate::report::lint::Extent;
use clap::{Arg, ArgAction, ArgMatches};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Documents in one directory tree, at most.
const MAX_FILES: usize = 20_000;

/// Which documents.
pub(super) fn paths() -> Arg {
    Arg::new("paths")
        .value_name("PATH")
        .action(ArgAction::Append)
        .help("Documents, or directories of them; without any, those the project names")
}

/// The documents, and what the project says of them.
pub(super) struct Book {
    pub(super) documents: Documents,
    /// For each document: it is a page, of which only the links are checked.
    pages: Vec<bool>,
    /// For each document: its procedures are tested on the declared stage.
    staged: Vec<bool>,
    /// The declared stage.
    pub(super) stage: Option<Project>,
}

impl Book {
    /// Reads the documents; one that cannot be read stops everything.
    pub(super) fn load(matches: &ArgMatches, host: &Host<'_>) -> Result<Self, Failure> {
        let places = texts(matches, "paths");
        let files = files(&places, host)?;
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let documents = Documents::load_named(&places, &paths, host);
        if let Some(failure) = documents.failure() {
            return Err(failure);
        }
        let stage = Project::find(&documents, host)?.ok();
        let project = Named::of(&documents);
        let cwd = host.environment.cwd();
        let path = |index: usize| tidy(&cwd.join(documents.runbooks[index].source.path()));
        let all = 0..documents.runbooks.len();
        let is_page = |index: usize| {
            // Whoever names a file means it.
            let found = files.get(index).is_some_and(|(_, from_directory)| *from_directory);
            found && project.as_ref().is_some_and(|project| project.leaves_out(&path(index)))
        };
        let is_staged = |index: usize| {
            stage.is_some() && project.as_ref().is_some_and(|project| project.holds(&path(index)))
        };
        let (pages, staged) = (all.clone().map(is_page).collect(), all.map(is_staged).collect());
        Ok(Self { documents, pages, staged, stage })
    }

    /// Whether only the links of this document are checked.
    pub(super) fn is_page(&self, document: usize) -> bool {
        self.pages[document]
    }

    /// The stage that the procedures of this document are tested on.
    pub(super) fn stage_of(&self, document: usize) -> Option<&Project> {
        self.stage.as_ref().filter(|_| self.staged[document])
    }

    /// How many documents are tested, and how many are pages.
    pub(super) fn counts(&self) -> (usize, usize) {
        let pages = self.pages.iter().filter(|&&is_page| is_page).count();
        (self.pages.len() - pages, pages)
    }

    /// How much is looked at, when it is `procedures` of them.
    pub(super) fn extent(&self, procedures: usize) -> Extent {
        let (documents, pages) = self.counts();
        Extent { procedures, documents, pages }
    }

    /// Why there is nothing to look at: no document has a procedure that counts.
    pub(super) fn without_procedure(&self) -> Failure {
        if self.counts().0 > 0 {
            return self.documents.without_procedure();
        }
        let message = "`procedures` of `runbooks/runbook.yaml` names none of these documents";
        Failure::new(USAGE, message, "name them there, or give a file instead of its directory")
    }
}

/// What `runbook.yaml` says of files.
struct Named {
    folder: PathBuf,
    /// Files it names under `procedures`.
    named: HashSet<PathBuf>,
}

impl Named {
    fn of(documents: &Documents) -> Option<Self> {
        let (file, config) = documents.config.as_ref()?;
        let folder = tidy(file.parent()?);
        let named = config.procedures.iter().map(|name| tidy(&folder.join(&name.value))).collect();
        Some(Self { folder, named })
    }

    /// Whether `path` belongs to it.
    fn holds(&self, path: &PathBuf) -> bool {
        path.starts_with(&self.folder) || self.named.contains(path)
    }

    /// Whether it names other files, and not this one.
    fn leaves_out(&self, path: &PathBuf) -> bool {
        !self.named.is_empty() && path.starts_with(&self.folder) && !self.named.contains(path)
    }
}

/// The documents `paths` name, and whether each was found in a directory: files as they are, of
/// directories every Markdown file below.
fn files(paths: &[String], host: &Host<'_>) -> Result<Vec<(String, bool)>, Failure> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for path in paths {
        let absolute = host.environment.cwd().join(path);
        if !host.files.is_dir(&absolute) {
            found.push((path.clone(), false));
            continue;
        }
        let before = found.len();
        // `./x.md` is `x.md` to a person.
        let mut rest = vec![tidy(path.as_ref())];
        while let Some(directory) = rest.pop() {
            let listed = host.files.list(&host.environment.cwd().join(&directory)).map_err(|error| {
                let message = format!("`{}` cannot be read: {error}", directory.display());
                Failure::new(USAGE, message, "may you read it?")
            })?;
            let mut below = Vec::new();
            for entry in listed {
                let Some(name) = entry.path.file_name() else { continue };
                // Hidden directories are a tool's, not a person's.
                if name.to_string_lossy().starts_with('.') {
                    continue;
                }
                let path = directory.join(name);
                match entry.directory {
                    true => below.push(path),
                    false if is_markdown(&path) => found.push((path.display().to_string(), true)),
                    false => {}
                }
            }
            if found.len() + below.len() > MAX_FILES {
                let message = format!("`{path}` holds more than {MAX_FILES} files and directories");
                return Err(Failure::new(USAGE, message, "name a directory further down"));
            }
            rest.extend(below.into_iter().rev());
        }
        found[before..].sort();
        if found.len() == before {
            let message = format!("there is no Markdown file in `{path}`");
            return Err(Failure::new(USAGE, message, "name a directory that has some"));
        }
    }
    // Named and found, it is named.
    let named: HashSet<String> =
        found.iter().filter(|(_, from_directory)| !from_directory).map(|(path, _)| path.clone()).collect();
    let mut seen = HashSet::new();
    found.retain(|(path, _)| seen.insert(path.clone()));
    for (path, from_directory) in &mut found {
        *from_directory &= !named.contains(path);
    }
    Ok(found)
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "markdown")
}
