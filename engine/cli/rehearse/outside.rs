//! The host's side of a rehearsal: prepares, opens the sandbox, waits, and tidies up.

use super::declared::Declared;
use super::inside::{Scene, perform};
use super::plan;
use crate::cli::exec::Settings;
use crate::cli::failure::{CANNOT_START, Failure, Outcome};
use crate::cli::opening::run_started;
use crate::cli::procedure::Wanted;
use crate::cli::staging::{self, no_sandbox, stage_failed};
use crate::cli::theatre::Theatre;
use crate::cli::{Host, runs};
use crate::host::surroundings::{Scratch, port_is_taken, remove_empty_dir};
use crate::host::watch::Watch;
use crate::journal::Store;
use crate::report::terminal::Verbosity;
use crate::stage::enclose::{self, Opened, Wanted as WantedSandbox};
use crate::stage::sandbox::WORKDIR;
use clap::ArgMatches;
use std::path::{Path, PathBuf};

/// Exit code of an engine that was killed.
const KILLED: i32 = 128 + 9;

/// Finds everything that is wrong, prepares, and rehearses in a sandbox.
pub(super) fn rehearse(
    wanted: &Wanted,
    declared: &Declared,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    let planned = plan(wanted, declared, Path::new(WORKDIR), settings, matches, host)?;
    let project = &declared.project;
    let source = project.path_of("workdir", &project.stage.workdir)?;
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    let prepares = project.stage.prepare.is_some() && !matches.get_flag("no-prepare");
    let bwrap = match (matches.get_flag("no-isolation"), prepares) {
        (true, _) => None,
        // Before a long preparation, not after it.
        (false, true) => Some(staging::bwrap(&mut watch, host)?),
        // Opening it will show whether it can be had.
        (false, false) => {
            Some(enclose::find(host.environment, host.processes).map_err(|why| no_sandbox(&why))?)
        }
    };
    let quiet = settings.json || settings.verbosity == Verbosity::Quiet;
    if prepares && let Some(signal) = staging::prepare(project, quiet, &mut watch, host)? {
        return Ok(128 + signal);
    }
    let run = run_started(&planned, settings, host).run;
    let Some(bwrap) = bwrap else {
        return unprotected(wanted, declared, run, source, settings, matches, host);
    };
    let home = runs::home(host)?;
    let directory = staging::run_directory(&home, &run, host)?;
    let cwd = host.environment.cwd();
    let more = matches.get_one::<String>("params").map(|path| cwd.join(path)).into_iter().collect();
    let sandbox = staging::sandbox(project, &wanted.documents, source, more, &home, &run, host);
    let (id, files) = (run.clone(), host.files);
    let outcome = sandbox.and_then(|sandbox| in_sandbox(bwrap, sandbox, host, &mut watch));
    // Where nothing was recorded there is no run.
    remove_empty_dir(&directory);
    if matches!(outcome, Ok(KILLED)) && files.exists(&directory) {
        let text = format!(
            "error: the engine in the sandbox was killed; nothing that it started is left\n\
             hint: what it recorded until then: runbook report {id}\n"
        );
        return Err(Failure { code: KILLED, text });
    }
    outcome
}

fn in_sandbox(bwrap: PathBuf, wanted: WantedSandbox, host: &mut Host<'_>, watch: &mut Watch) -> Outcome {
    let opened = enclose::open(bwrap, wanted, host.environment, watch);
    let opened: Opened = opened.map_err(|error| stage_failed(&error))?.map_err(|why| no_sandbox(&why))?;
    let arguments = host.command_line.get(1..).unwrap_or_default().to_vec();
    host.out.flush().map_err(|error| Failure::output(&error))?;
    let ended = opened.run(&arguments, watch).map_err(|error| stage_failed(&error))?;
    ended.map_err(|why| no_sandbox(&why))
}

/// Rehearses on the host itself, as it was asked to.
fn unprotected(
    wanted: &Wanted,
    declared: &Declared,
    run: String,
    source: PathBuf,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    warn_loudly(host);
    if let Some(port) = declared.project.stage.ports.iter().find(|port| port_is_taken(port.value)) {
        let message =
            format!("port {} is taken: the procedure would meet whatever listens there", port.value);
        return Err(Failure::new(
            CANNOT_START,
            message,
            "stop that, or rehearse in the sandbox, where every port is free",
        ));
    }
    let home = runs::home(host)?;
    let directory = Store::new(host.files, &home).directory(&run);
    let scratch = host
        .files
        .create_private_dir(&directory)
        .and_then(|()| Scratch::create(directory.join("stage")))
        .map_err(|error| stage_failed(&error))?;
    let planned = plan(wanted, declared, scratch.path(), settings, matches, host)?;
    let theatre = Theatre::on_host(scratch.path().to_owned(), source, &declared.project, host);
    let scene = Scene { run: &run, theatre: &theatre };
    perform(wanted, declared, planned, scene, settings, matches, host)
}

fn warn_loudly(host: &mut Host<'_>) {
    let text = "warning: NO ISOLATION: the procedure, the service and the fault run on this host, with your\n\
                warning: files, your network and your permissions; they can reach production\n";
    // A closed standard error leaves nobody to be warned.
    let _ = host.err.write_all(text.as_bytes());
}
