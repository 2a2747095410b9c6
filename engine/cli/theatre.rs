//! Where a stage's commands and a procedure run once the stage is there: the sandbox, or a directory of
//! this host.

use super::project::Project;
use super::{Host, exec};
use crate::host::Environment;
use crate::host::surroundings::own_program;
use crate::plan::Plan;
use crate::run::SessionSetup;
use crate::stage::Place;
use crate::stage::enclose::{self, INSIDE, USER};
use crate::stage::place::path_with;
use crate::stage::sandbox::{self, PROGRAMS, SOURCE, WORKDIR};
use std::io;
use std::path::{Path, PathBuf};

/// Whether this is the engine in a sandbox that was opened for `run`.
pub(super) fn is_inside(run: &str, host: &Host<'_>) -> bool {
    // A variable or an argument alone can come from anywhere; on the host a fault must never be injected by
    // that.
    let is_first = host.environment.pid() == 1 || enclose::shares_processes(run);
    is_first && host.files.is_dir(&Path::new(sandbox::INSIDE).join(run))
}

/// Where a procedure is run on a stage.
pub(super) struct Theatre {
    /// Where the working directory is copied to; empty.
    pub(super) directory: PathBuf,
    /// What is copied.
    pub(super) source: PathBuf,
    /// Directories first on PATH, behind the stage's own.
    programs: Vec<PathBuf>,
    /// Variables that the stage's commands and the procedure do not get.
    without: Vec<String>,
    /// It is a sandbox.
    pub(super) isolated: bool,
    /// What is left at the end ends with the sandbox.
    pub(super) ends_alone: bool,
}

impl Theatre {
    /// The sandbox that this process is in.
    pub(super) fn in_sandbox() -> Self {
        Self {
            directory: WORKDIR.into(),
            source: SOURCE.into(),
            programs: vec![PROGRAMS.into()],
            without: vec![INSIDE.to_owned(), USER.to_owned()],
            isolated: true,
            ends_alone: !enclose::around().is_some_and(|run| enclose::shares_processes(&run)),
        }
    }

    /// `directory` of this host, without what a sandbox would have kept out of the environment.
    pub(super) fn on_host(directory: PathBuf, source: PathBuf, project: &Project, host: &Host<'_>) -> Self {
        let without = project.kept_out(host);
        Self { directory, source, programs: Vec::new(), without, isolated: false, ends_alone: false }
    }

    /// Where the stage's commands run.
    ///
    /// # Errors
    /// When this program was removed.
    pub(super) fn place(&self, project: &Project, plan: &Plan, host: &Host<'_>) -> io::Result<Place> {
        let shims = project.stage.shims.iter().map(|shim| self.directory.join(&shim.value));
        let first: Vec<PathBuf> = shims.chain(self.programs.iter().cloned()).collect();
        let path = path_with(&first, &host.environment.var("PATH").unwrap_or_default());
        let mut variables = project.variables(&own_program()?, Some(plan));
        variables.push(("RUNBOOK_PROCEDURE".to_owned(), plan.procedure.id.clone()));
        variables.push(("PATH".to_owned(), path));
        Ok(Place {
            bash: exec::bash(host, plan),
            directory: self.directory.clone(),
            variables,
            without: self.without.clone(),
        })
    }
}

/// The session of a procedure with what the commands of its stage have at `place`.
pub(super) fn session_at(place: &Place, mut session: SessionSetup) -> SessionSetup {
    let common = place.variables.iter().filter(|(name, _)| !name.starts_with("RUNBOOK_PARAM_"));
    session.set.extend(common.cloned());
    session.without.extend(place.without.iter().cloned());
    session.terminal = false;
    session
}

/// The file, of the sandbox or else below `directory`, that takes what the service says.
pub(super) fn service_log(theatre: &Theatre, directory: &Path) -> PathBuf {
    match theatre.isolated {
        true => "/run/runbook/service.log".into(),
        false => directory.join("service.log"),
    }
}

/// The host's environment with another PATH.
pub(super) struct Staged<'a> {
    inner: &'a dyn Environment,
    path: String,
}

impl<'a> Staged<'a> {
    /// The environment as the procedure at `place` has it.
    pub(super) fn new(inner: &'a dyn Environment, place: &Place) -> Self {
        let path = place.variables.iter().rfind(|(name, _)| name == "PATH");
        Self { inner, path: path.map(|(_, path)| path.clone()).unwrap_or_default() }
    }
}

impl Environment for Staged<'_> {
    fn var(&self, name: &str) -> Option<String> {
        if name == "PATH" { Some(self.path.clone()) } else { self.inner.var(name) }
    }

    fn vars(&self) -> Vec<(String, String)> {
        let mut vars = self.inner.vars();
        vars.retain(|(name, _)| name != "PATH");
        vars.push(("PATH".to_owned(), self.path.clone()));
        vars.sort();
        vars
    }

    fn cwd(&self) -> PathBuf {
        self.inner.cwd()
    }

    fn user(&self) -> String {
        self.inner.user()
    }

    fn hostname(&self) -> String {
        self.inner.hostname()
    }

    fn pid(&self) -> u32 {
        self.inner.pid()
    }

    fn columns(&self) -> u16 {
        self.inner.columns()
    }

    fn stdin_is_terminal(&self) -> bool {
        self.inner.stdin_is_terminal()
    }

    fn stdout_is_terminal(&self) -> bool {
        self.inner.stdout_is_terminal()
    }

    fn stderr_is_terminal(&self) -> bool {
        self.inner.stderr_is_terminal()
    }
}
