//! Which files hold the procedures, and what is in them.

use super::Host;
use super::failure::{DOCUMENT, Failure, USAGE};
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::host::Exposed;
use crate::runbook::yaml::Config;
use crate::runbook::{self, Runbook};
use crate::source::{MAX_BYTES, Source};
use clap::{Arg, ArgAction};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a project says which files hold its procedures, from its own directory on.
const CONFIG: &str = "runbooks/runbook.yaml";
/// Its name.
const FILE: &str = "runbook.yaml";
/// The variable that names its folder, where it is not above.
const FOLDER: &str = "RUNBOOK_DIR";

/// Longest configuration that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// The documents a command works on.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// What was understood, in the order of the files.
    pub(super) runbooks: Vec<Runbook>,
    /// For each runbook: what is odd about it.
    pub(super) diagnostics: Vec<Vec<Diagnostic>>,
    /// Files that could not be read.
    pub(super) failures: Vec<Failure>,
    /// The project's configuration and the file it is in.
    pub(super) config: Option<(PathBuf, Config)>,
    /// Why there is none, where there should be one.
    no_config: Option<Failure>,
}

/// `--file`.
pub(super) fn file() -> Arg {
    Arg::new("file")
        .long("file")
        .value_name("FILE")
        .action(ArgAction::Append)
        .help("Read this file instead of those the project names (repeatable)")
}

impl Documents {
    /// Reads the given files, or else those that the nearest `runbooks/runbook.yaml` upwards and
    /// `RUNBOOK_PATH` name.
    pub(super) fn load(files: &[String], host: &Host<'_>) -> Self {
        Self::load_named(files, files, host)
    }

    /// The same, where the caller named `places`, files or directories, which hold the files.
    pub(super) fn load_named(places: &[String], files: &[String], host: &Host<'_>) -> Self {
        let mut documents = Self::default();
        let config = match nearest_config(places, host) {
            Ok(config) => config,
            Err(failure) => {
                documents.no_config = Some(failure.clone());
                documents.failures.push(failure);
                None
            }
        };
        let mut paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        if files.is_empty() {
            paths.extend(config.iter().flat_map(|(file, config)| named(file, config, host)));
            paths.extend(from_environment(host));
            if paths.is_empty() && documents.failures.is_empty() {
                documents.failures.push(Failure::new(
                    USAGE,
                    "no runbook is named",
                    format!(
                        "give --file FILE, list files under `procedures:` in `{CONFIG}`, or set RUNBOOK_PATH"
                    ),
                ));
            }
        }
        documents.config = config;
        for path in paths {
            match read(&path, host) {
                Ok((runbook, diagnostics)) => {
                    documents.runbooks.push(runbook);
                    documents.diagnostics.push(diagnostics);
                }
                Err(failure) => documents.failures.push(failure),
            }
        }
        documents
    }

    /// No document, only the configuration of the project that the document at `place` belongs to.
    pub(super) fn configured(place: &Path, host: &Host<'_>) -> Self {
        match nearest_config(&[place.display().to_string()], host) {
            Ok(config) => Self { config, ..Self::default() },
            Err(failure) => {
                Self { failures: vec![failure.clone()], no_config: Some(failure), ..Self::default() }
            }
        }
    }

    /// Warns where the work goes on without the project's configuration, which is there and cannot be heeded.
    pub(super) fn warn_without_config(&self, host: &mut Host<'_>) {
        if let Some(failure) = &self.no_config {
            let warning = failure.text.replacen("error: ", "warning: ", 1);
            let left_out =
                "what the project sets (working directory, notifiers, escalation) is left out here";
            // A closed standard error must not stop a recovery.
            let _ = host.err.write_all(format!("{warning}warning: {left_out}\n").as_bytes());
        }
    }

    /// The first thing that could not be read.
    pub(super) fn failure(&self) -> Option<Failure> {
        let code = self.failures.iter().map(|failure| failure.code).max()?;
        Some(Failure { code, text: self.failures.iter().map(|failure| failure.text.as_str()).collect() })
    }

    /// The titles of all procedures of the project, if its configuration names its documents and each of them
    /// can be read; besides those of the documents themselves.
    pub(super) fn titles(&self, host: &Host<'_>) -> Option<Vec<String>> {
        let (file, config) = self.config.as_ref().filter(|(_, config)| !config.procedures.is_empty())?;
        let of = |runbook: &Runbook| -> Vec<String> {
            runbook.procedures.iter().map(|procedure| procedure.title.clone()).collect()
        };
        let mut titles: Vec<String> = self.runbooks.iter().flat_map(of).collect();
        let known: HashSet<&Path> = self.runbooks.iter().map(|runbook| runbook.source.path()).collect();
        for path in named(file, config, host) {
            if !known.contains(path.as_path()) {
                titles.extend(of(&read(&path, host).ok()?.0));
            }
        }
        Some(titles)
    }

    /// Why there is nothing to do, where none of them has a procedure.
    pub(super) fn without_procedure(&self) -> Failure {
        let message = match self.runbooks.as_slice() {
            [] => "there are no documents here".to_owned(),
            [only] => format!("`{}` has no procedure", only.source.path().display()),
            many => format!("none of the {} documents has a procedure", many.len()),
        };
        let hint =
            "a procedure is a section with steps to run; the book's page `What is understood` says how";
        Failure::new(USAGE, message, hint)
    }

    /// The rows of escalation matrices that the project gives severities.
    pub(super) fn escalation_rows(&self) -> Vec<(String, String)> {
        self.config.as_ref().map(|(_, config)| config.escalation_rows()).unwrap_or_default()
    }

    /// Directory that the project's sessions start in, if it names one.
    pub(super) fn workdir(&self) -> Option<PathBuf> {
        let (file, config) = self.config.as_ref()?;
        let workdir = config.workdir.as_ref()?;
        Some(tidy(&file.parent().unwrap_or(Path::new("")).join(&workdir.value)))
    }
}

/// Reads one file and takes it apart.
pub(super) fn read(path: &Path, host: &Host<'_>) -> Result<(Runbook, Vec<Diagnostic>), Failure> {
    let shown = path.display();
    let absolute = host.environment.cwd().join(path);
    if host.files.is_dir(&absolute) {
        let hint = "name the files in it with --file FILE";
        return Err(Failure::new(USAGE, format!("`{shown}` is a directory"), hint));
    }
    let bytes = host.files.read(&absolute, MAX_BYTES as u64).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::new(USAGE, format!("`{shown}` does not exist"), "is the path right? it counts from here")
        }
        ErrorKind::FileTooLarge => {
            let size = host.files.size(&absolute).unwrap_or_default();
            let message =
                format!("`{shown}` cannot be read: the file has {size} bytes; a runbook may have at most {MAX_BYTES} (16 MiB)");
            Failure::new(DOCUMENT, message, "a runbook is prose: is this the right file?")
        }
        _ => Failure::new(USAGE, format!("`{shown}` cannot be read: {error}"), "may you read it?"),
    })?;
    let source = Source::new(path, bytes).map_err(|error| {
        let hint = "save it as UTF-8 text, or name another file";
        Failure::new(DOCUMENT, format!("`{shown}` cannot be read: {error}"), hint)
    })?;
    if source.text().trim_start_matches('\u{feff}').trim().is_empty() {
        let hint = "a runbook has a heading and steps: is this the right file?";
        return Err(Failure::new(DOCUMENT, format!("`{shown}` is empty"), hint));
    }
    let (document, mut diagnostics) = document::read(&source);
    let (runbook, more) = runbook::lower(&document);
    diagnostics.extend(more);
    Ok((runbook, diagnostics))
}

/// The nearest configuration upwards from what was named, else from the caller's directory, shown from there.
fn nearest_config(places: &[String], host: &Host<'_>) -> Result<Option<(PathBuf, Config)>, Failure> {
    let cwd = host.environment.cwd();
    // On a stage the project is not above the directory, which is a copy.
    let told = || host.environment.var(FOLDER).map(|folder| cwd.join(folder).join(FILE));
    let told = || told().filter(|path| host.files.exists(path));
    let own = config_of(places, host)?;
    let Some(path) = own.or_else(|| config_above(&cwd, host)).or_else(told) else {
        return Ok(None);
    };
    let shown = path.strip_prefix(&cwd).unwrap_or(&path).to_owned();
    let unreadable = |why: String| {
        Failure::new(
            DOCUMENT,
            format!("`{}` cannot be read: {why}", shown.display()),
            "repair it, or give --file FILE",
        )
    };
    let bytes = host.files.read(&path, MAX_CONFIG).map_err(|error| unreadable(error.to_string()))?;
    let source = Source::new(&shown, bytes).map_err(|error| unreadable(error.to_string()))?;
    match Config::read(&source) {
        Ok(config) => Ok(Some((path, config))),
        Err(diagnostic) => Err(Failure::document(&source, [&diagnostic])),
    }
}

/// The one configuration upwards from `places`, files or directories; some may have none.
fn config_of(places: &[String], host: &Host<'_>) -> Result<Option<PathBuf>, Failure> {
    let cwd = host.environment.cwd();
    let mut found: Option<(&String, PathBuf)> = None;
    for place in places {
        let absolute = tidy(&cwd.join(place));
        let is_directory = host.files.is_dir(&absolute);
        let directory = absolute.parent().filter(|_| !is_directory).unwrap_or(&absolute);
        match (config_above(directory, host), &found) {
            (Some(path), Some((first, other))) if path != *other => {
                let (other, path) = (other.display(), path.display());
                let message = format!(
                    "`{first}` and `{place}` belong to different projects, whose files are `{other}` and `{path}`"
                );
                return Err(Failure::new(USAGE, message, "name what belongs to one of them at a time"));
            }
            (Some(path), None) => {
                if let Some(user) = stranger(&path, &absolute, host) {
                    let message = format!(
                        "`{}` belongs to another user, `{user}`, and `{place}` does not",
                        path.display()
                    );
                    let hint =
                        format!("copy `{place}` to a directory of your own, or have that file removed");
                    return Err(Failure::new(USAGE, message, hint));
                }
                found = Some((place, path));
            }
            _ => {}
        }
    }
    Ok(found.map(|(_, path)| path))
}

/// The other user whose configuration this is, where what was named is not theirs. Whoever runs somebody's document
/// trusts them; what lies above it, as in a directory that all may write to, may be anybody's.
fn stranger(config: &Path, named: &Path, host: &Host<'_>) -> Option<String> {
    let owner = |path: &Path| match host.files.exposed(path) {
        Ok(Some(Exposed::Owner(user))) => Some(user),
        _ => None,
    };
    owner(config).filter(|user| owner(named).as_ref() != Some(user))
}

/// The nearest configuration in `directory` or above.
fn config_above(directory: &Path, host: &Host<'_>) -> Option<PathBuf> {
    directory.ancestors().map(|directory| directory.join(CONFIG)).find(|path| host.files.exists(path))
}

/// The files a configuration names, as the caller would type them.
fn named(file: &Path, config: &Config, host: &Host<'_>) -> Vec<PathBuf> {
    let cwd = host.environment.cwd();
    let directory = file.parent().unwrap_or(Path::new(""));
    let shown = |path: PathBuf| path.strip_prefix(&cwd).map(Path::to_owned).unwrap_or(path);
    config.procedures.iter().map(|name| shown(tidy(&directory.join(&name.value)))).collect()
}

/// Files and directories of `RUNBOOK_PATH`, separated by colons; of a directory its Markdown files.
fn from_environment(host: &Host<'_>) -> Vec<PathBuf> {
    let value = host.environment.var("RUNBOOK_PATH").unwrap_or_default();
    let entries = value.split(':').filter(|entry| !entry.is_empty()).map(PathBuf::from);
    entries
        .flat_map(|entry| {
            let absolute = host.environment.cwd().join(&entry);
            if !host.files.is_dir(&absolute) {
                return vec![entry];
            }
            let listed = host.files.list(&absolute).unwrap_or_default();
            let markdown = |path: &PathBuf| path.extension().is_some_and(|it| it == "md" || it == "markdown");
            let files = listed.into_iter().filter(|it| !it.directory).map(|it| it.path).filter(markdown);
            // As the caller wrote the directory, so that messages show what a person would type.
            files.filter_map(|path| Some(entry.join(path.file_name()?))).collect()
        })
        .collect()
}

/// The path without `.` and with `x/..` taken out, so that messages show what a person would type.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir
                if out
                    .components()
                    .next_back()
                    .is_some_and(|last| matches!(last, std::path::Component::Normal(_))) =>
            {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
