//! What `runbook.yaml` declares of the stage, as far as this rehearsal needs it.

use crate::cli::Host;
use crate::cli::failure::{CANNOT_START, Failure, USAGE};
use crate::cli::procedure::Wanted;
use crate::diagnostic::Diagnostic;
use crate::host::surroundings::real_path;
use crate::plan::{Plan, fold_name};
use crate::runbook::yaml::Located;
use crate::source::Source;
use crate::stage::{Fault, Stage, StageFile};
use clap::ArgMatches;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The stage, and the fault to rehearse with.
pub(super) struct Declared {
    source: Source,
    /// The file, absolute.
    pub(super) path: PathBuf,
    pub(super) stage: Stage,
    pub(super) name: String,
    pub(super) fault: Fault,
}

impl Declared {
    /// Reads the stage and chooses the fault.
    pub(super) fn read(wanted: &Wanted, matches: &ArgMatches, host: &Host<'_>) -> Result<Self, Failure> {
        let (_, procedure) = wanted.procedure()?;
        let Some((path, _)) = &wanted.documents.config else {
            return Err(match wanted.documents.failures.first() {
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
        let chosen = file.fault(&procedure.title, matches.get_one::<String>("fault").map(String::as_str));
        let stage = file.stage.clone();
        let stage = stage.ok_or_else(|| no_stage(&format!("`{}` declares no `stage`", shown.display())))?;
        let (name, fault) = chosen.map_err(|none| Failure::new(USAGE, none.message, none.hint))?;
        let (name, fault) = (name.to_owned(), fault.clone());
        Ok(Self { path: path.clone(), source, stage, name, fault })
    }

    /// The folder of the file, from which its paths count.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The real path of something the stage names, or where the file names what is not there.
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

    /// The stage's values for parameters that are open.
    pub(super) fn values_for(&self, plan: &Plan) -> BTreeMap<String, String> {
        let given: BTreeMap<String, &String> = self
            .stage
            .parameters
            .0
            .iter()
            .map(|(name, value)| (fold_name(&name.value), &value.value))
            .collect();
        plan.open_parameters()
            .filter_map(|parameter| {
                Some((parameter.name.clone(), (*given.get(&fold_name(&parameter.name))?).clone()))
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

fn no_stage(why: &str) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("nothing can be rehearsed: {why}"),
        "declare a stage; the book's page `Rehearse your own system` shows one of ten lines",
    )
}
