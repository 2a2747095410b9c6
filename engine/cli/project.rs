//! What the project's `runbook.yaml` declares of its stage, and where its paths lead.

use super::Host;
use super::documents::Documents;
use super::failure::{CANNOT_START, Failure};
use crate::diagnostic::Diagnostic;
use crate::host::surroundings::real_path;
use crate::plan::Plan;
use crate::runbook::yaml::Located;
use crate::source::Source;
use crate::stage::{Stage, StageFile};
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
    /// Reads the sections of the file that belong to the stage.
    pub(super) fn read(documents: &Documents, host: &Host<'_>) -> Result<Self, Failure> {
        let Some((path, _)) = &documents.config else {
            return Err(match documents.failures.first() {
                Some(failure) => failure.clone(),
                None => no_stage("there is no `runbooks/runbook.yaml` here or above"),
            });
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
        let stage = file.stage.clone();
        let stage = stage.ok_or_else(|| no_stage(&format!("`{}` declares no `stage`", shown.display())))?;
        Ok(Self { path: path.clone(), source, stage, file })
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

fn no_stage(why: &str) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("nothing can be rehearsed: {why}"),
        "declare a stage; the book's page `Rehearse your own system` shows one of ten lines",
    )
}
