//! What every stage needs of the host before it opens: its preparation, and what its sandbox may see.

use super::Host;
use super::documents::{Documents, tidy};
use super::failure::{CANNOT_START, Failure};
use super::project::Project;
use crate::host::processes::End;
use crate::host::surroundings::{own_program, real_path};
use crate::host::watch::{Heed, Outcome as Ended, Waited, Watch};
use crate::journal::Store;
use crate::report::progress::Progress;
use crate::stage::enclose::{self, INSIDE, USER, Wanted as WantedSandbox};
use crate::stage::{Place, Unavailable};
use std::io;
use std::path::{Path, PathBuf};

/// How many of the last lines of a preparation that failed are shown.
const LAST_LINES: usize = 20;
/// The live line is not wider than this.
const MAX_COLUMNS: usize = 120;

/// Runs the stage's `prepare`; answers the signal that stopped it, if one did.
pub(super) fn prepare(
    project: &Project,
    quiet: bool,
    watch: &mut Watch,
    host: &mut Host<'_>,
) -> Result<Option<i32>, Failure> {
    let Some(script) = &project.stage.prepare else { return Ok(None) };
    let path = host.environment.var("PATH").unwrap_or_default();
    let bash = host.processes.find_program("bash", &path, project.folder());
    let place = Place {
        bash: bash.unwrap_or_else(|| "bash".into()),
        directory: project.folder().to_owned(),
        variables: project.variables(&own_program().map_err(|error| stage_failed(&error))?, None),
        without: of_cargo(host.environment.vars()),
    };
    let mut progress = live_line(quiet, host);
    if let Some(progress) = &mut progress {
        progress.begin("preparing the stage");
    } else if !quiet {
        // A closed standard error leaves nobody to be told.
        let _ = host.err.write_all(b"preparing the stage\n");
    }
    let ended = watch.run(place.command(&script.value), None, Heed::Signals, &mut |line| {
        if let Some(progress) = &progress {
            progress.say(line);
        }
    });
    if let Some(progress) = &mut progress {
        progress.hide();
    }
    let Ended { waited, said } = ended.map_err(|error| stage_failed(&error))?;
    match waited {
        Waited::Ended(End::Exited(0)) => Ok(None),
        Waited::Signal(signal) => Ok(Some(signal)),
        Waited::Ended(end) => Err(not_prepared(end, &said)),
        Waited::TimedOut => Err(not_prepared(End::Signaled(9), &said)),
    }
}

/// The variables that `cargo run` sets for what it runs. With them another `cargo` would build again what is there.
fn of_cargo(variables: Vec<(String, String)>) -> Vec<String> {
    let names = variables.into_iter().map(|(name, _)| name);
    let described = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    names.filter(|name| described.iter().any(|start| name.starts_with(start))).collect()
}

/// A line that moves, where there is a terminal for it.
pub(super) fn live_line(quiet: bool, host: &Host<'_>) -> Option<Progress> {
    let moves = host.environment.stderr_is_terminal()
        && host.environment.var("TERM").is_some_and(|term| term != "dumb")
        && !quiet;
    let columns = usize::from(host.environment.columns()).min(MAX_COLUMNS);
    moves.then(|| Progress::new(columns, None))
}

fn not_prepared(end: End, said: &str) -> Failure {
    let lines: Vec<&str> = said.lines().collect();
    let last: String =
        lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| format!("  {line}\n")).collect();
    let text = format!(
        "error: `prepare` ended with {}; it said last:\n{last}hint: run it by hand, or rehearse what was built \
         before with --no-prepare\n",
        end.status()
    );
    Failure { code: CANNOT_START, text }
}

/// Where `bwrap` is, or why there is no sandbox.
pub(super) fn bwrap(watch: &mut Watch, host: &Host<'_>) -> Result<PathBuf, Failure> {
    try_bwrap(watch, host)?.map_err(|why| no_sandbox(&why))
}

/// Where `bwrap` is; within, why there is no sandbox.
pub(super) fn try_bwrap(watch: &mut Watch, host: &Host<'_>) -> Result<Result<PathBuf, Unavailable>, Failure> {
    let tried = enclose::try_out(host.environment, host.processes, watch);
    tried.map_err(|error| stage_failed(&error))
}

/// Makes the directory of run `run`, which is all that its sandbox may write.
pub(super) fn run_directory(home: &Path, run: &str, host: &Host<'_>) -> Result<PathBuf, Failure> {
    let directory = Store::new(host.files, home).directory(run);
    host.files.create_private_dir(&directory).map_err(|error| {
        let message = format!("the record below `{}` cannot be written: {error}", home.display());
        Failure::new(CANNOT_START, message, "make room or set RUNBOOK_HOME to a directory of your own")
    })?;
    Ok(directory)
}

/// Files and directories of the project that its sandboxes can read.
pub(super) fn readable(
    project: &Project,
    documents: &Documents,
    host: &Host<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    let mut read = project.readable()?;
    // A suite that the procedure runs on the stage needs all of the project.
    let named =
        documents.config.iter().flat_map(|(_, config)| config.procedures.iter().chain(&config.scenarios));
    let named = named.map(|name| tidy(&project.folder().join(&name.value)));
    read.extend(named.filter(|path| host.files.exists(path)));
    Ok(read)
}

/// The sandbox for run `run` below `home`, whose directory exists. It sees the documents, what the stage
/// names and `more`.
pub(super) fn sandbox(
    project: &Project,
    documents: &Documents,
    workdir: PathBuf,
    more: Vec<PathBuf>,
    home: &Path,
    run: &str,
    host: &Host<'_>,
) -> Result<WantedSandbox, Failure> {
    let mut read = readable(project, documents, host)?;
    let cwd = host.environment.cwd();
    read.extend(documents.runbooks.iter().map(|runbook| cwd.join(runbook.source.path())));
    read.extend(more);
    let directory = Store::new(host.files, home).directory(run);
    Ok(WantedSandbox {
        engine: own_program().map_err(|error| stage_failed(&error))?,
        workdir,
        read,
        run_directory: real_path(&directory).map_err(|error| stage_failed(&error))?,
        run: run.to_owned(),
        cwd,
        set: vec![
            (INSIDE.to_owned(), run.to_owned()),
            (USER.to_owned(), host.environment.user()),
            ("RUNBOOK_HOME".to_owned(), home.display().to_string()),
        ],
        let_in: project.let_in(),
    })
}

pub(super) fn stage_failed(error: &io::Error) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("the stage cannot be made: {error}"),
        "is there room for processes and files?",
    )
}

pub(super) fn no_sandbox(why: &Unavailable) -> Failure {
    let hint = format!("{}; or, at your own risk, --no-isolation", why.hint());
    Failure::new(CANNOT_START, why.to_string(), hint)
}
