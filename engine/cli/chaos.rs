//! `runbook chaos`: rehearses scenarios many times, side by side, and judges the whole.
//!
//! Each trial is a rehearsal like any other, in a sandbox of its own, and is on record like one.

mod nested;
mod pool;
mod select;
mod write;

use super::documents::{Documents, file};
use super::failure::{CANNOT_START, Failure, Outcome};
use super::procedure::Wanted;
use super::project::Project;
use super::staging::{self, stage_failed};
use super::{Host, flag, form, format, output_style, runs, texts};
use crate::host::surroundings::cores;
use crate::host::watch::Watch;
use crate::journal::hash;
use crate::report::chaos::{self, BranchOf, RateTarget, Suite, Trial};
use crate::report::progress::Progress;
use crate::runbook::Runbook;
use crate::stage::Unavailable;
use crate::stage::scenario::has_fallback;
use clap::{Arg, ArgAction, ArgMatches, Command};
use nested::Nested;
use select::Selected;
use std::num::NonZero;

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("chaos")
        .about("Rehearse scenarios many times, each on a stage of its own, and judge the whole")
        .arg(
            Arg::new("paths")
                .value_name("PATH")
                .action(ArgAction::Append)
                .help("Scenarios, or directories of them; without any, those the project names"),
        )
        .arg(text("scenario", "NAME", "Rehearse only this scenario (repeatable)").action(ArgAction::Append))
        .arg(
            text("trials", "N", "How often each scenario is rehearsed")
                .value_parser(clap::value_parser!(u32).range(1..=1000))
                .default_value("1"),
        )
        .arg(
            text("seed", "N", "Shuffle as this number says; without it, another one each time")
                .value_parser(clap::value_parser!(u64)),
        )
        .arg(
            text("jobs", "N", "How many trials run side by side; without it, one a core")
                .value_parser(clap::value_parser!(NonZero<usize>)),
        )
        .arg(text("output", "DIR", "Write results.jsonl and summary.json there"))
        .arg(flag("no-prepare", "Leave out what the stage does on this host to prepare"))
        .arg(file())
        .arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let documents = Documents::load(&texts(matches, "file"), host);
    if let Some(failure) = documents.failure() {
        return Err(failure);
    }
    let project = Project::read(&documents, host)?;
    let mut selected = Selected::new(&documents, &project, matches, host)?;
    let mut watch = Watch::new().map_err(|error| stage_failed(&error))?;
    let nested = Nested::find(host)?;
    if let Some(nested) = &nested {
        selected.leave_out(nested.procedure.as_deref(), &documents);
        nested::warn(host);
    }
    let ground = pool::Ground {
        bwrap: staging::try_bwrap(&mut watch, host)?.map_err(|why| no_sandbox(&why))?,
        source: match &nested {
            Some(nested) => nested.source(),
            None => project.path_of("workdir", &project.stage.workdir)?,
        },
        home: match &nested {
            Some(nested) => nested.home.clone(),
            None => runs::home(host)?,
        },
        level: if nested.is_some() { "2" } else { "1" },
    };
    let output = write::directory(matches, &ground.home, host)?;
    let quiet = form(matches) == "json" || matches.get_flag("quiet");
    // What is on a stage was prepared before.
    if nested.is_none()
        && !matches.get_flag("no-prepare")
        && let Some(signal) = staging::prepare(&project, quiet, &mut watch, host)?
    {
        return Ok(128 + signal);
    }
    let settings = pool::Settings {
        trials: matches.get_one::<u32>("trials").map_or(1, |trials| *trials as usize),
        jobs: matches.get_one::<NonZero<usize>>("jobs").map_or_else(cores, |jobs| jobs.get()),
        seed: matches.get_one("seed").copied().unwrap_or_else(|| some_seed(host)),
    };
    let progress = staging::live_line(quiet, host);
    let mut shown = Shown { matches, trials: settings.trials, findable: nested.is_none(), progress, host };
    let begun = shown.host.clock.monotonic();
    let ran = pool::run(&documents, &project, &selected, settings, &ground, &mut watch, &mut shown)?;
    let wall = shown.host.clock.monotonic().saturating_sub(begun);
    let suite = Suite {
        trials: ran.trials,
        skipped: selected.skipped.clone(),
        branches: branches(&documents.runbooks, &selected),
        target: RateTarget::of(&documents.runbooks),
        seed: settings.seed,
        jobs: settings.jobs,
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
    };
    if ran.signal.is_none() {
        write::write(&output, &suite, shown.host)?;
    }
    shown.end(&suite, &output, ran.signal)?;
    Ok(match ran.signal {
        Some(signal) => 128 + signal,
        None if suite.is_good() => 0,
        None => 1,
    })
}

/// Trials run in sandboxes or not at all: side by side they would meet.
fn no_sandbox(why: &Unavailable) -> Failure {
    Failure::new(CANNOT_START, why.to_string(), why.hint())
}

/// A number that nobody chose, short enough to be typed again.
fn some_seed(host: &Host<'_>) -> u64 {
    let text = format!("{} {} {:?}", host.clock.wall(), host.environment.pid(), host.clock.monotonic());
    u64::from_str_radix(&hash(&text)[..8], 16).unwrap_or_default()
}

/// Every branch of every procedure; where scenarios were chosen or left out, of the procedures of the rest.
fn branches(runbooks: &[Runbook], selected: &Selected) -> Vec<BranchOf> {
    let mut found = Vec::new();
    for procedure in runbooks.iter().flat_map(|runbook| &runbook.procedures) {
        if !selected.is_whole && !selected.rehearses(procedure, runbooks) {
            continue;
        }
        let branch = |branch| BranchOf { procedure: procedure.title.clone(), branch };
        found.push(branch(chaos::Branch::Main));
        found.extend(has_fallback(procedure).then(|| branch(chaos::Branch::Fallback)));
    }
    found
}

/// Shows trials as they end.
struct Shown<'m, 'h, 'a> {
    matches: &'m ArgMatches,
    trials: usize,
    /// Its records are where `runbook report` looks for them.
    findable: bool,
    /// The line that moves, where there is a terminal.
    progress: Option<Progress>,
    host: &'h mut Host<'a>,
}

impl Shown<'_, '_, '_> {
    /// Says on the line that moves what runs now.
    fn busy(&mut self, scenarios: &[String], over: usize, of: usize) {
        if let Some(progress) = &mut self.progress {
            progress.begin(&format!("{over} of {of} trials; now {}", scenarios.join(", ")));
        }
    }

    fn hide(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.hide();
        }
    }

    fn trial(&mut self, trial: &Trial) -> Result<(), Failure> {
        self.hide();
        let style = output_style(self.matches, self.host);
        let out = &mut self.host.out;
        let shown = match form(self.matches) {
            "json" => writeln!(out, "{}", chaos::line(trial)),
            _ if self.matches.get_flag("quiet") && trial.status == chaos::Status::Pass => Ok(()),
            _ => chaos::trial(out, trial, self.trials, self.findable, style),
        };
        shown.and_then(|()| self.host.out.flush()).map_err(|error| Failure::output(&error))
    }

    fn end(&mut self, suite: &Suite, output: &std::path::Path, signal: Option<i32>) -> Result<(), Failure> {
        self.hide();
        let style = output_style(self.matches, self.host);
        let out = &mut self.host.out;
        let shown = match (form(self.matches), signal) {
            ("json", _) => writeln!(out, "{}", chaos::summary_line(suite)),
            (_, Some(signal)) => {
                let ran = suite.trials.len();
                let trials = if ran == 1 { "trial" } else { "trials" };
                writeln!(out, "stopped by signal {signal} after {ran} {trials}: nothing is judged or written")
            }
            _ => {
                let cwd = self.host.environment.cwd();
                let results = output.strip_prefix(&cwd).unwrap_or(output).join("results.jsonl");
                writeln!(out)
                    .and_then(|()| chaos::table(out, suite, style))
                    .and_then(|()| writeln!(out, "  results: {}", results.display()))
            }
        };
        shown.map_err(|error| Failure::output(&error))
    }
}
