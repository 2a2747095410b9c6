//! What the project's `runbook.yaml` declares of its stage, and where its paths lead.

use super::Host;
use super::documents::{Documents, tidy};
use super::failure::{CANNOT_START, Failure};
use crate::diagnostic::Diagnostic;
use crate::host::surroundings::real_path;
use crate::plan::{Plan, fold_name};
use crate::runbook::yaml::Located;
use crate::source::Source;
use crate::stage::sandbox::comes_in;
use crate::stage::{Stage, StageFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The stage of a project.
pub(super) struct Project {
    source: Source,
    /// The file, absolute.
    pub(super) path: PathBuf,
    pub(super) stage: Stage,
    pub(super) file: StageFile,
}

impl Project {
    /// Reads the sections of the file that belong to the stage, which there must be.
    pub(super) fn read(documents: &Documents, host: &Host<'_>) -> Result<Self, Failure> {
        Self::find(documents, host)?.map_err(|why| {
            Failure::new(
                CANNOT_START,
                format!("nothing can be rehearsed: {why}"),
                "declare a stage; the book's page `Rehearse your own system` shows one of ten lines",
            )
        })
    }

    /// Reads the sections of the file that belong to the stage; within, why there is none.
    pub(super) fn find(documents: &Documents, host: &Host<'_>) -> Result<Result<Self, String>, Failure> {
        let Some((path, _)) = &documents.config else {
            return match documents.failures.first() {
                Some(failure) => Err(failure.clone()),
                None => Ok(Err("there is no `runbooks/runbook.yaml` above the document or here".to_owned())),
            };
        };
        let cwd = host.environment.cwd();
        let shown = path.strip_prefix(&cwd).unwrap_or(path);
        let unreadable = |why: String| {
            Failure::new(
                CANNOT_START,
                format!("`{}` cannot be read: {why}", shown.display()),
                "may you read it?",
            )
        };
        let bytes = host.files.read(path, MAX_FILE).map_err(|error| unreadable(error.to_string()))?;
        let source = Source::new(shown, bytes).map_err(|error| unreadable(error.to_string()))?;
        let file = StageFile::read(&source).map_err(|mistakes| Failure::document(&source, &mistakes))?;
        if let Some(titles) = documents.titles(host) {
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
            let unknown = file.unknown_procedures(&titles);
            if !unknown.is_empty() {
                return Err(Failure::document(&source, &unknown));
            }
        }
        Ok(match file.stage.clone() {
            Some(stage) => Ok(Self { path: path.clone(), source, stage, file }),
            None => Err(format!("`{}` declares no `stage`", shown.display())),
        })
    }

    /// The folder of the file, from which its paths count.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The real path of something the file names, or where the file names what is not there.
    pub(super) fn path_of(&self, key: &str, name: &Located<String>) -> Result<PathBuf, Failure> {
        real_path(&self.folder().join(&name.value)).map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("`{key}` names `{}`, which does not exist", name.value)
                }
                _ => format!("`{key}` names `{}`, which cannot be reached: {error}", name.value),
            };
            let hint =
                "paths count from the folder of this file; what `prepare` builds is there only after it";
            let diagnostic = Diagnostic::error("bad-stage", name.span, message).with_hint(hint);
            Failure { code: CANNOT_START, text: diagnostic.render(&self.source) }
        })
    }

    /// Files and directories of the host that its sandboxes can read: the file and what it names.
    pub(super) fn readable(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut read = vec![self.path.clone()];
        for path in &self.stage.read {
            self.path_of("read", path)?;
            read.push(tidy(&self.folder().join(&path.value)));
        }
        Ok(read)
    }

    /// Names of variables that the stage lets in.
    pub(super) fn let_in(&self) -> Vec<String> {
        self.stage.environment.iter().map(|name| name.value.clone()).collect()
    }

    /// Variables of the caller that a sandbox would not have let in.
    pub(super) fn kept_out(&self, host: &Host<'_>) -> Vec<String> {
        let let_in = self.let_in();
        let names = host.environment.vars().into_iter().map(|(name, _)| name);
        names.filter(|name| name != "HOME" && !comes_in(name) && !let_in.contains(name)).collect()
    }

    /// Names and values of parameters that make sense on the stage.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let parameters = self.stage.parameters.0.iter();
        parameters.map(|(name, value)| (name.value.as_str(), value.value.as_str()))
    }

    /// The stage's values for parameters that are open.
    pub(super) fn values_for(&self, plan: &Plan) -> BTreeMap<String, String> {
        let given: BTreeMap<String, &str> =
            self.values().map(|(name, value)| (fold_name(name), value)).collect();
        plan.open_parameters()
            .filter_map(|parameter| {
                Some((parameter.name.clone(), (*given.get(&fold_name(&parameter.name))?).to_owned()))
            })
            .collect()
    }

    /// Variables for the stage's commands: the engine, the folder, and the procedure's values.
    pub(super) fn variables(&self, engine: &Path, plan: Option<&Plan>) -> Vec<(String, String)> {
        let mut variables = vec![
            ("RUNBOOK".to_owned(), engine.display().to_string()),
            ("RUNBOOK_DIR".to_owned(), self.folder().display().to_string()),
        ];
        for parameter in plan.iter().flat_map(|plan| &plan.parameters) {
            if let (Some(value), false) = (&parameter.value, parameter.secret) {
                variables.push((format!("RUNBOOK_PARAM_{}", parameter.name.to_uppercase()), value.clone()));
            }
        }
        variables
    }
}
