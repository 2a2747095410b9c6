//! The rehearsal itself: in the sandbox, or on the host where isolation was declined.

use super::declared::Declared;
use super::{plan, warn};
use crate::cli::exec::{self, Settings};
use crate::cli::failure::{CANNOT_START, Failure, Outcome};
use crate::cli::procedure::Wanted;
use crate::cli::recorder::Recorder;
use crate::cli::{Host, ask, runs};
use crate::event::EventBody;
use crate::host::processes::become_subreaper;
use crate::host::surroundings::{inherited_line, own_program};
use crate::host::watch::Watch;
use crate::host::{Environment, Files as _, SystemFiles};
use crate::journal::{Exercises, Store};
use crate::plan::Plan;
use crate::report::terminal::Verbosity;
use crate::run::{Recorder as Record, Run, execute};
use crate::stage::enclose::{INSIDE, PID_FD};
use crate::stage::place::path_with;
use crate::stage::sandbox::{self, PROGRAMS, SOURCE, WORKDIR};
use crate::stage::{Place, Rehearsal, Rehearsed, rehearse as rehearse_on};
use clap::ArgMatches;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A script that opens a shell in the stage.
const ENTER: &str = "/run/runbook/enter";

/// The run to rehearse as, if this is the engine in a sandbox that [`super::outside`] opened.
pub(super) fn run_id(host: &Host<'_>) -> Option<String> {
    let run = host.environment.var(INSIDE).filter(|run| !run.is_empty() && !run.contains('/'))?;
    // A variable alone can be set anywhere; on the host a fault must never be injected by that.
    let inside = host.environment.pid() == 1 && host.files.is_dir(&Path::new(sandbox::INSIDE).join(&run));
    inside.then_some(run)
}

/// Where a rehearsal happens.
pub(super) struct Theatre {
    /// The run's id.
    pub(super) run: String,
    /// Where the working directory is copied to; empty.
    pub(super) directory: PathBuf,
    /// What is copied.
    pub(super) source: PathBuf,
    /// Directories first on PATH, besides the stage's.
    pub(super) programs: Vec<PathBuf>,
    /// Variables that the stage's commands and the procedure do not get.
    pub(super) without: Vec<String>,
    /// It is a sandbox.
    pub(super) isolated: bool,
}

/// Rehearses in the sandbox.
pub(super) fn rehearse(
    wanted: &Wanted,
    declared: &Declared,
    run: &str,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    let theatre = Theatre {
        run: run.to_owned(),
        directory: WORKDIR.into(),
        source: SOURCE.into(),
        programs: vec![PROGRAMS.into()],
        without: vec![INSIDE.to_owned()],
        isolated: true,
    };
    let plan = plan(wanted, declared, Path::new(WORKDIR), settings, matches, host)?;
    perform(wanted, declared, plan, theatre, settings, matches, host)
}

/// The host's environment with another PATH.
struct Staged<'a> {
    inner: &'a dyn Environment,
    path: String,
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

/// Performs the rehearsal in `theatre`.
pub(super) fn perform(
    wanted: &Wanted,
    declared: &Declared,
    plan: Plan,
    theatre: Theatre,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Outcome {
    warn(wanted, host)?;
    let depth = exec::depth(host)?;
    // Who may write there was looked at outside: here everybody else is nobody.
    let home = runs::place(host)?;
    let store = Store::new(host.files, &home);
    let (runbook, _) = wanted.procedure()?;
    let unwritable = |error: io::Error| {
        let message = format!("the record below `{}` cannot be written: {error}", home.display());
        Failure::new(CANNOT_START, message, "make room or set RUNBOOK_HOME to a directory of your own")
    };
    let writer = store.create(&theatre.run, runbook.source.text().as_bytes()).map_err(unwritable)?;
    let failed = |error: io::Error| {
        Failure::new(
            CANNOT_START,
            format!("the stage failed: {error}"),
            format!("what is on record: runbook report {}", theatre.run),
        )
    };
    let mut watch = Watch::new().map_err(failed)?;
    become_subreaper().map_err(failed)?;

    let shims: Vec<PathBuf> =
        declared.project.stage.shims.iter().map(|shim| theatre.directory.join(&shim.value)).collect();
    let path = host.environment.var("PATH").unwrap_or_default();
    let path = path_with(&[shims, theatre.programs.clone()].concat(), &path);
    let environment = Staged { inner: host.environment, path: path.clone() };
    let bash = exec::bash(host, &plan);
    let mut variables = declared.project.variables(&own_program().map_err(failed)?, Some(&plan));
    variables.push(("PATH".to_owned(), path));
    let place =
        Place { bash, directory: theatre.directory.clone(), variables, without: theatre.without.clone() };

    let mut started = exec::run_started(&plan, settings, host);
    started.run.clone_from(&theatre.run);
    "rehearse".clone_into(&mut started.mode);
    let Host { files, clock, processes, out, err, person, command_line, .. } = host;
    let (files, clock, processes) = (*files, *clock, *processes);
    let mut unheard = io::sink();
    let mut staged = Host {
        files,
        environment: &environment,
        clock,
        processes,
        out: &mut unheard,
        err: &mut **err,
        person: None,
        command_line: command_line.clone(),
    };
    let mut session = exec::session(&plan, settings, depth, &staged);
    session
        .set
        .extend(place.variables.iter().filter(|(name, _)| !name.starts_with("RUNBOOK_PARAM_")).cloned());
    session.without.extend(place.without.iter().cloned());
    session.terminal = false;
    let live = exec::live(&plan, settings, environment.inner, &mut **out);
    let exercises = Exercises::default();
    let mut recorder = Recorder { writer, clock, live, exercises, states: None, closed: false, told: false };
    let targets = plan.procedure.targets.clone();
    let plan = Arc::new(plan);
    let mut asker = Some(ask::Asker::new(person.take(), &plan));
    let opening = EventBody::RunStarted(Box::new(started.clone()));
    let mut run = |recorder: &mut dyn Record| {
        exec::preflight(&plan, settings, &mut staged).map_err(|failure| {
            let first = failure.text.lines().next().unwrap_or_default();
            io::Error::other(first.trim_start_matches("error: ").to_owned())
        })?;
        execute(Run {
            plan: Arc::clone(&plan),
            policy: settings.policy,
            opening: vec![opening.clone()],
            past: &[],
            clock_ms: 0,
            session: session.clone(),
            recorder,
            ask: Box::new(asker.take().unwrap_or_else(|| ask::Asker::new(None, &plan))),
            clock,
        })
    };
    let rehearsal = Rehearsal {
        stage: &declared.project.stage,
        name: &declared.name,
        fault: &declared.fault,
        place: place.clone(),
        source: &theatre.source,
        log: store.directory(&theatre.run).join("service.log"),
        started,
        targets: &targets,
        run: &mut run,
        recorder: &mut recorder,
        clock,
    };
    let rehearsed = rehearse_on(rehearsal, &mut watch);
    if rehearsed.is_err() && !theatre.isolated {
        watch.end_everything();
    }
    let Rehearsed { finished, service } = rehearsed.map_err(failed)?;
    let head = recorder.writer.head().to_owned();
    let quiet = settings.json || settings.verbosity == Verbosity::Quiet || recorder.closed;
    drop(recorder);
    if !quiet {
        let said = format!("  record: runbook report {}\n  head {head}\n", theatre.run);
        out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
    }
    if matches.get_flag("keep") && finished.exit < 128 && service.is_some() {
        out.flush().map_err(|error| Failure::output(&error))?;
        keep(&place, &theatre, environment.user() == "root", &mut watch, *err)?;
    }
    if !theatre.isolated {
        if let Some(service) = service {
            service.stop(&mut watch).map_err(failed)?;
        }
        // A sandbox ends what is left by ending; here it may have left its group.
        watch.end_everything();
    }
    Ok(finished.exit)
}

/// Leaves the stage up until a signal comes, and says how to enter it.
fn keep(
    place: &Place,
    theatre: &Theatre,
    is_root: bool,
    watch: &mut Watch,
    err: &mut dyn io::Write,
) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::new(CANNOT_START, format!("the stage cannot be kept: {error}"), "rehearse without --keep")
    };
    let how = if theatre.isolated {
        write_enter_script(place).map_err(failed)?;
        let pid = inherited_line(PID_FD).map_err(failed)?;
        // Joining needs root, also where the sandbox did not: its namespaces are nested.
        let sudo = if is_root { "" } else { "sudo " };
        format!("{sudo}nsenter --all --target {} bash {ENTER}", pid.trim())
    } else {
        format!("cd {}", place.directory.display())
    };
    let said = format!("the stage stays up until Ctrl-C; to enter it from another terminal:\n  {how}\n");
    // A closed standard error leaves nobody to be told.
    let _ = err.write_all(said.as_bytes());
    while watch.pause(Duration::from_secs(3600)).is_none() {}
    Ok(())
}

/// A script that opens a shell as the stage's commands have it.
fn write_enter_script(place: &Place) -> io::Result<()> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut script = format!("cd {}\n", quoted(&place.directory.display().to_string()));
    script.push_str("exec env -i TERM=\"$TERM\" LANG=\"$LANG\"");
    let home = [("HOME".to_owned(), sandbox::HOME.to_owned())];
    for (name, value) in place.variables.iter().chain(&home) {
        script.push_str(&format!(" {name}={}", quoted(value)));
    }
    script.push_str(" bash --norc -i\n");
    SystemFiles.create(Path::new(ENTER), script.as_bytes())
}
