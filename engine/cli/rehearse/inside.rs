//! The rehearsal itself: in the sandbox, or on the host where isolation was declined.

use super::declared::Declared;
use super::{plan, warn};
use crate::cli::exec::{self, Settings};
use crate::cli::failure::{CANNOT_START, Failure, Outcome};
use crate::cli::opening::run_started;
use crate::cli::procedure::Wanted;
use crate::cli::recorder::Recorder;
use crate::cli::theatre::{Staged, Theatre, is_inside, session_at};
use crate::cli::{Host, ask, runs};
use crate::event::EventBody;
use crate::host::processes::become_subreaper;
use crate::host::surroundings::{group_number, inherited_line, user_number};
use crate::host::watch::Watch;
use crate::host::{Files as _, SystemFiles};
use crate::journal::{Exercises, Store};
use crate::plan::Plan;
use crate::report::terminal::Verbosity;
use crate::run::{Recorder as Record, Run, execute};
use crate::stage::enclose::{INSIDE, PID_FD, USER};
use crate::stage::sandbox::{self, WORKDIR};
use crate::stage::{Place, Rehearsal, Rehearsed, rehearse as rehearse_on};
use clap::ArgMatches;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A script that opens a shell in the stage.
const ENTER: &str = "/run/runbook/enter";

/// The run to rehearse as, if this is the engine in a sandbox that [`super::outside`] opened.
pub(super) fn run_id(host: &Host<'_>) -> Option<String> {
    let run = host.environment.var(INSIDE).filter(|run| !run.is_empty() && !run.contains('/'))?;
    is_inside(&run, host).then_some(run)
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
    let plan = plan(wanted, declared, Path::new(WORKDIR), settings, matches, host)?;
    let scene = Scene { run, theatre: &Theatre::in_sandbox() };
    perform(wanted, declared, plan, scene, settings, matches, host)
}

/// Where a rehearsal happens, and as which run.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) run: &'a str,
    pub(super) theatre: &'a Theatre,
}

/// Performs the rehearsal.
pub(super) fn perform(
    wanted: &Wanted,
    declared: &Declared,
    plan: Plan,
    Scene { run, theatre }: Scene<'_>,
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
    let writer = store.create(run, runbook.source.text().as_bytes()).map_err(unwritable)?;
    let failed = |error: io::Error| {
        Failure::new(
            CANNOT_START,
            format!("the stage failed: {error}"),
            format!("what is on record: runbook report {run}"),
        )
    };
    let mut watch = Watch::new().map_err(failed)?;
    become_subreaper().map_err(failed)?;

    let place = theatre.place(&declared.project, &plan, host).map_err(failed)?;
    let environment = Staged::new(host.environment, &place);
    let mut started = run_started(&plan, settings, host);
    run.clone_into(&mut started.run);
    "rehearse".clone_into(&mut started.mode);
    // In a sandbox root has another number, which says nothing.
    started.user = rehearser(theatre, host);
    let is_root = started.user == "root";
    let Host { files, environment: outer, clock, processes, out, err, person, command_line } = host;
    let (files, clock, processes, outer) = (*files, *clock, *processes, *outer);
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
    let session = session_at(&place, exec::session(&plan, settings, depth, &staged));
    let live = exec::live(&plan, settings, outer, &mut **out);
    let exercises = Exercises::default();
    let mut recorder = Recorder { writer, clock, live, exercises, states: None, closed: false, told: false };
    let targets = plan.procedure.targets.clone();
    let plan = Arc::new(plan);
    let mut asker = Some(ask::Asker::new(person.take(), &plan, 0));
    let opening = EventBody::RunStarted(Box::new(started.clone()));
    let mut carry_out = |recorder: &mut dyn Record| {
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
            begun: None,
            recorder,
            ask: Box::new(asker.take().unwrap_or_else(|| ask::Asker::new(None, &plan, 0))),
            clock,
        })
    };
    let rehearsal = Rehearsal {
        stage: &declared.project.stage,
        fault: Some((&declared.name, &declared.fault)),
        place: place.clone(),
        source: &theatre.source,
        log: store.directory(run).join("service.log"),
        started,
        targets: &targets,
        run: &mut carry_out,
        recorder: &mut recorder,
        clock,
    };
    let rehearsed = rehearse_on(rehearsal, &mut watch);
    if rehearsed.is_err() && !theatre.ends_alone {
        watch.end_everything();
    }
    let Rehearsed { finished, service, .. } = rehearsed.map_err(failed)?;
    let head = recorder.writer.head().to_owned();
    let silent = settings.json || recorder.closed;
    drop(recorder);
    if !silent && (settings.verbosity > Verbosity::Quiet || finished.exit != 0) {
        let said = format!("  record: runbook report {run}\n  head {head}\n");
        out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
    }
    if matches.get_flag("keep") && finished.exit < 128 && service.is_some() {
        out.flush().map_err(|error| Failure::output(&error))?;
        keep(&place, theatre, is_root, &mut watch, *err)?;
    }
    if !theatre.ends_alone {
        if let Some(service) = service {
            service.stop(&mut watch).map_err(failed)?;
        }
        // A sandbox ends what is left by ending; here it may have left its group.
        watch.end_everything();
    }
    Ok(finished.exit)
}

/// Who rehearses.
fn rehearser(theatre: &Theatre, host: &Host<'_>) -> String {
    let told = host.environment.var(USER).filter(|_| theatre.isolated);
    told.unwrap_or_else(|| host.environment.user())
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
        let (user, group) = (user_number(), group_number());
        format!("{sudo}nsenter -a -S {user} -G {group} -t {} bash {ENTER}", pid.trim())
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
