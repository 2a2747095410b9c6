//! `runbook rehearse`: runs a procedure on a stage, with a fault, where nothing can reach production.
//!
//! Outside, everything that can be wrong is found, the stage is prepared and the sandbox opened; inside,
//! this same command runs again and rehearses.

mod declared;
mod inside;
mod outside;

use super::exec::{self, Settings};
use super::failure::{Failure, Outcome, USAGE};
use super::opinion::refuse_broken;
use super::procedure::{Wanted, choices, open_parameters, planning, required};
use super::prose::refuse_prose;
use super::{Host, flag, format, plan as plan_command};
use crate::plan::Plan;
use clap::{Arg, ArgMatches, Command};
use declared::Declared;
use std::path::Path;

pub(super) fn command() -> Command {
    planning(Command::new("rehearse").about("Rehearse a procedure on a stage, with a fault to cure"))
        .arg(
            Arg::new("fault")
                .long("fault")
                .value_name("FAULT")
                .help("Inject this fault instead of the procedure's own"),
        )
        .arg(flag("keep", "Leave the stage up afterwards, until Ctrl-C, and say how to enter it"))
        .arg(flag("no-prepare", "Leave out what the stage does on this host to prepare"))
        .arg(flag("no-isolation", "Rehearse on this host itself: nothing is protected from the procedure"))
        .arg(flag("unattended", "Ask nothing, as where there is no terminal"))
        .arg(flag("no-preflight", "Start although programs are missing"))
        .arg(format(&["text", "json"]))
        // It would start somewhere on the host, which is what a stage is there to prevent.
        .mut_arg("workdir", |workdir| workdir.hide(true))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, wanted: Option<Wanted>) -> Outcome {
    let wanted = required(wanted)?;
    if matches.get_one::<String>("workdir").is_some() {
        let message = "a rehearsal starts in the stage's own working directory";
        return Err(Failure::new(
            USAGE,
            message,
            "leave out --workdir; the stage's `workdir` says what is copied",
        ));
    }
    refuse_prose(&wanted)?;
    let settings = Settings::of_rehearsal(matches, host);
    let declared = Declared::read(&wanted, matches, host)?;
    match inside::run_id(host) {
        Some(run) => inside::rehearse(&wanted, &declared, &run, settings, matches, host),
        None => outside::rehearse(&wanted, &declared, settings, matches, host),
    }
}

/// The plan of a rehearsal in `workdir`: values that nobody gave are the stage's own, then asked for.
fn plan(
    wanted: &Wanted,
    declared: &Declared,
    workdir: &Path,
    settings: Settings,
    matches: &ArgMatches,
    host: &mut Host<'_>,
) -> Result<Plan, Failure> {
    let mut choices = choices(matches);
    choices.terminal = false;
    let plan = wanted.plan(matches, host, &choices)?;
    choices.asked = declared.project.values_for(&plan);
    let mut plan = wanted.plan(matches, host, &choices)?;
    if !settings.policy.unattended {
        plan = exec::ask_for_values(plan, wanted, matches, host, &mut choices)?;
    }
    if let Some(failure) = open_parameters(&plan) {
        return Err(failure);
    }
    plan.workdir = workdir.to_owned();
    let (runbook, procedure) = wanted.procedure()?;
    refuse_broken(&plan, runbook, procedure, host)?;
    exec::refuse_unattended(&plan, settings)?;
    Ok(plan)
}

/// Says what is odd about the procedure.
fn warn(wanted: &Wanted, host: &mut Host<'_>) -> Result<(), Failure> {
    plan_command::warn(wanted, host)
}
