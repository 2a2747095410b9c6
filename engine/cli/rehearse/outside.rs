//! The host's side of a rehearsal: prepares, opens the sandbox, waits, and tidies up.

use super::declared::Declared;
use super::inside::{Theatre, perform};
use super::plan;
use crate::cli::exec::{self, Settings};
use crate::cli::failure::{CANNOT_START, Failure, Outcome};
use crate::cli::procedure::Wanted;
use crate::cli::{Host, runs};
use crate::host::processes::End;
use crate::host::surroundings::{Scratch, own_program, port_is_taken, real_path, remove_empty_dir};
use crate::host::watch::{Heed, Outcome as Ended, Waited, Watch};
use crate::journal::Store;
use crate::report::progress::Progress;
use crate::report::terminal::Verbosity;
use crate::stage::enclose::{self, INSIDE, Opened, Wanted as WantedSandbox};
use crate::stage::sandbox::WORKDIR;
use crate::stage::{Place, Unavailable};
use clap::ArgMatches;
use std::io;
use std::path::{Path, PathBuf};

/// How many of the last lines of a preparation that failed are shown.
const LAST_LINES: usize = 20;
/// Exit code of an engine that was killed.
const KILLED: i32 = 128 + 9;
/// The live line is not wider than this.
const MAX_COLUMNS: usize = 120;

/// Finds everything that is wrong, prepares, and rehearses in a sandbox.
pub(super) fn rehearse(
    wanted: &Wanted,
    declared: &Declared,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    let planned = plan(wanted, declared, Path::new(WORKDIR), settings, matches, host)?;
    let source = declared.path_of("workdir", &declared.stage.workdir)?;
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    // Before a long preparation, not after it.
    let bwrap = match matches.get_flag("no-isolation") {
        true => None,
        false => {
            let tried = enclose::try_out(host.environment, host.processes, &mut watch);
            Some(tried.map_err(|error| stage_failed(&error))?.map_err(|why| no_sandbox(&why))?)
        }
    };
    if !matches.get_flag("no-prepare")
        && let Some(signal) = prepare(declared, settings, &mut watch, host)?
    {
        return Ok(128 + signal);
    }
    let run = exec::run_started(&planned, settings, host).run;
    let Some(bwrap) = bwrap else {
        return unprotected(wanted, declared, run, source, settings, matches, host);
    };
    let mut read = vec![declared.path.clone()];
    for path in &declared.stage.read {
        declared.path_of("read", path)?;
        read.push(tidy(&declared.folder().join(&path.value)));
    }
    let cwd = host.environment.cwd();
    read.extend(wanted.documents.runbooks.iter().map(|runbook| cwd.join(runbook.source.path())));
    read.extend(matches.get_one::<String>("params").map(|path| cwd.join(path)));
    let home = runs::home(host)?;
    let directory = Store::new(host.files, &home).directory(&run);
    host.files.create_private_dir(&directory).map_err(|error| {
        let message = format!("the record below `{}` cannot be written: {error}", home.display());
        Failure::new(CANNOT_START, message, "make room or set RUNBOOK_HOME to a directory of your own")
    })?;
    let (id, files) = (run.clone(), host.files);
    let outcome = in_sandbox(
        bwrap,
        WantedSandbox {
            engine: own_program().map_err(|error| stage_failed(&error))?,
            workdir: source,
            read,
            run_directory: real_path(&directory).map_err(|error| stage_failed(&error))?,
            run: run.clone(),
            cwd,
            set: vec![(INSIDE.to_owned(), run), ("RUNBOOK_HOME".to_owned(), home.display().to_string())],
            let_in: declared.stage.environment.iter().map(|name| name.value.clone()).collect(),
        },
        host,
        &mut watch,
    );
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

/// Runs the stage's `prepare`; answers the signal that stopped it, if one did.
fn prepare(
    declared: &Declared,
    settings: Settings,
    watch: &mut Watch,
    host: &mut Host<'_>,
) -> Result<Option<i32>, Failure> {
    let Some(script) = &declared.stage.prepare else { return Ok(None) };
    let path = host.environment.var("PATH").unwrap_or_default();
    let bash = host.processes.find_program("bash", &path, declared.folder());
    let place = Place {
        bash: bash.unwrap_or_else(|| "bash".into()),
        directory: declared.folder().to_owned(),
        variables: declared.variables(&own_program().map_err(|error| stage_failed(&error))?, None),
        without: Vec::new(),
    };
    let moves = host.environment.stderr_is_terminal()
        && host.environment.var("TERM").is_some_and(|term| term != "dumb")
        && settings.verbosity > Verbosity::Quiet
        && !settings.json;
    let columns = usize::from(host.environment.columns()).min(MAX_COLUMNS);
    let mut progress = moves.then(|| Progress::new(columns, None));
    if let Some(progress) = &mut progress {
        progress.begin("preparing the stage");
    } else if settings.verbosity > Verbosity::Quiet && !settings.json {
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
    if let Some(port) = declared.stage.ports.iter().find(|port| port_is_taken(port.value)) {
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
    let theatre = Theatre {
        run,
        directory: scratch.path().to_owned(),
        source,
        programs: Vec::new(),
        without: kept_out(declared, host),
        isolated: false,
    };
    perform(wanted, declared, planned, theatre, settings, matches, host)
}

fn warn_loudly(host: &mut Host<'_>) {
    let text = "warning: NO ISOLATION: the procedure, the service and the fault run on this host, with your\n\
                warning: files, your network and your permissions; they can reach production\n";
    // A closed standard error leaves nobody to be warned.
    let _ = host.err.write_all(text.as_bytes());
}

/// Variables of the caller that a sandbox would not have let in.
fn kept_out(declared: &Declared, host: &Host<'_>) -> Vec<String> {
    let names = host.environment.vars().into_iter().map(|(name, _)| name);
    let let_in = |name: &String| {
        name == "HOME"
            || crate::stage::sandbox::comes_in(name)
            || declared.stage.environment.iter().any(|declared| declared.value == *name)
    };
    names.filter(|name| !let_in(name)).collect()
}

/// The path without `.` and `..`.
fn tidy(path: &Path) -> PathBuf {
    crate::cli::documents::tidy(path)
}

fn stage_failed(error: &io::Error) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("the stage cannot be made: {error}"),
        "is there room for processes and files?",
    )
}

fn no_sandbox(why: &Unavailable) -> Failure {
    let hint = format!("{}; or, at your own risk, --no-isolation", why.hint());
    Failure::new(CANNOT_START, why.to_string(), hint)
}
