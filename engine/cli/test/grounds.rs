//! Where the procedures run: a sandbox for each, empty or with the declared stage in it, or a directory of
//! this host.

use super::inside;
use super::select::Test;
use crate::cli::book::Book;
use crate::cli::failure::{CANNOT_START, Failure};
use crate::cli::project::Project;
use crate::cli::staging::{self, no_sandbox, stage_failed};
use crate::cli::{Host, runs};
use crate::host::processes::Command;
use crate::host::surroundings::{Scratch, own_program, port_is_taken, real_path};
use crate::host::watch::Watch;
use crate::stage::enclose::{self, Opened, Wanted};
use crate::stage::sandbox::{HOME, WORKDIR, comes_in};
use clap::ArgMatches;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// How grounds are made.
#[derive(Clone, Copy)]
pub(super) struct Wishes {
    /// In sandboxes.
    pub(super) isolated: bool,
    /// What the stage does on this host comes first.
    pub(super) prepares: bool,
    /// It says so when it does.
    pub(super) talks: bool,
}

impl Wishes {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let json = crate::cli::form(matches) == "json";
        Self {
            isolated: !matches.get_flag("no-isolation"),
            prepares: !matches.get_flag("no-prepare"),
            talks: !json && !matches.get_flag("quiet"),
        }
    }
}

/// Where the procedures run.
pub(super) struct Grounds {
    /// Those without a stage.
    bare: Option<Ground>,
    /// Those with one; or why it cannot be had.
    stage: Option<Result<Ground, String>>,
    /// Removed when all is over.
    _scratch: Scratch,
}

/// Where a procedure runs.
enum Ground {
    /// In a sandbox of its own.
    Sandbox(Box<Opened>),
    /// On this host, in a directory of its own below this one.
    Host(PathBuf),
}

/// What making the grounds came to.
pub(super) enum Made {
    Ready(Grounds),
    /// This signal stopped it.
    Stopped(i32),
}

impl Grounds {
    /// Makes what `tests` need.
    pub(super) fn make<'t>(
        book: &Book,
        tests: impl Iterator<Item = &'t Test<'t>>,
        wishes: Wishes,
        host: &mut Host<'_>,
        watch: &mut Watch,
    ) -> Result<Made, Failure> {
        let (staged, bare): (Vec<_>, Vec<_>) = tests.partition(|test| test.stage.is_some());
        let scratch = scratch(host)?;
        let mut grounds = Self { bare: None, stage: None, _scratch: scratch };
        let below = grounds._scratch.path().to_owned();
        if !wishes.isolated {
            warn_loudly(host);
        }
        let bwrap = match wishes.isolated {
            true => Some(staging::bwrap(watch, host)?),
            false => None,
        };
        if !bare.is_empty() {
            grounds.bare = Some(match &bwrap {
                Some(bwrap) => {
                    sandbox(bwrap.clone(), below.join("empty"), Vec::new(), Vec::new(), &below, host, watch)?
                }
                None => Ground::Host(below.clone()),
            });
        }
        if let (Some(declared), false) = (&book.stage, staged.is_empty()) {
            let source = declared.path_of("workdir", &declared.stage.workdir)?;
            let prepared = match wishes.prepares {
                true => staging::prepare(declared, !wishes.talks, watch, host),
                false => Ok(None),
            };
            grounds.stage = Some(match (prepared, bwrap) {
                (Ok(Some(signal)), _) => return Ok(Made::Stopped(signal)),
                (Err(failure), _) => {
                    Err(failure.text.strip_prefix("error: ").unwrap_or(&failure.text).to_owned())
                }
                (Ok(None), Some(bwrap)) => {
                    let (read, let_in) =
                        (staging::readable(declared, &book.documents, host)?, declared.let_in());
                    Ok(sandbox(bwrap, source, read, let_in, &below, host, watch)?)
                }
                (Ok(None), None) => {
                    refuse_taken_ports(declared)?;
                    Ok(Ground::Host(below))
                }
            });
        }
        Ok(Made::Ready(grounds))
    }

    /// The command that runs `test`, and the directory it needs.
    ///
    /// # Errors
    /// Within, why its stage cannot be had; and whatever making the directory gives.
    pub(super) fn command(
        &self,
        test: &Test<'_>,
        number: &str,
        bless: bool,
        host: &Host<'_>,
    ) -> io::Result<Result<(Command, Option<Scratch>), String>> {
        let ground = match test.stage.is_some() {
            true => self.stage.as_ref(),
            false => None,
        };
        let ground = match (ground, &self.bare) {
            (Some(Err(why)), _) => return Ok(Err(why.clone())),
            (Some(Ok(ground)), _) | (None, Some(ground)) => ground,
            (None, None) => return Err(io::Error::other("there is no place for it")),
        };
        match ground {
            Ground::Sandbox(opened) => {
                let document = host.environment.cwd().join(&test.case.file);
                let command = opened.engine_that_reads(
                    document,
                    &[vec!["test".into()], arguments(test, WORKDIR.as_ref(), bless)].concat(),
                );
                Ok(Ok((command, None)))
            }
            Ground::Host(below) => on_host(below, test, number, bless, host).map(Ok),
        }
    }
}

/// What the engine that runs `test` in `directory` is told.
fn arguments(test: &Test<'_>, directory: &Path, bless: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--procedure".into(), test.case.procedure.clone().into()];
    arguments.extend(bless.then(|| format!("--{}", inside::BLESS).into()));
    arguments.extend(test.stage.is_some().then(|| format!("--{}", inside::ON_STAGE).into()));
    for (name, value) in &test.given {
        arguments.push(format!("--param={name}={value}").into());
    }
    arguments.push(format!("--{}", inside::ARGUMENT).into());
    arguments.push(directory.into());
    arguments.push("--".into());
    arguments.push(test.case.file.clone().into());
    arguments
}

/// A directory of this run, below the engine's own.
fn scratch(host: &Host<'_>) -> Result<Scratch, Failure> {
    let home = runs::home(host)?;
    let unwritable = |error: io::Error| {
        let message = format!("the state below `{}` cannot be written: {error}", home.display());
        Failure::new(CANNOT_START, message, "make room or set RUNBOOK_HOME to a directory of your own")
    };
    let directory = home.join("tests");
    host.files.create_private_dir(&directory).map_err(unwritable)?;
    let scratch = Scratch::create(directory.join(host.environment.pid().to_string())).map_err(unwritable)?;
    for part in ["run", "empty"] {
        host.files.create_private_dir(&scratch.path().join(part)).map_err(unwritable)?;
    }
    Ok(scratch)
}

fn warn_loudly(host: &mut Host<'_>) {
    let text = "warning: NO ISOLATION: the procedures run on this host, with your files, your network and\n\
                warning: your permissions; they can reach production\n";
    // A closed standard error leaves nobody to be warned.
    let _ = host.err.write_all(text.as_bytes());
}

fn refuse_taken_ports(declared: &Project) -> Result<(), Failure> {
    let Some(port) = declared.stage.ports.iter().find(|port| port_is_taken(port.value)) else {
        return Ok(());
    };
    let message = format!("port {} is taken: the procedures would meet whatever listens there", port.value);
    let hint = "stop that, or test in sandboxes, where every port is free";
    Err(Failure::new(CANNOT_START, message, hint))
}

/// A sandbox in which `workdir` is seen.
fn sandbox(
    bwrap: PathBuf,
    workdir: PathBuf,
    read: Vec<PathBuf>,
    let_in: Vec<String>,
    scratch: &Path,
    host: &Host<'_>,
    watch: &mut Watch,
) -> Result<Ground, Failure> {
    let real = |path: PathBuf| real_path(&path).map_err(|error| stage_failed(&error));
    let mut set = fixed();
    // What a procedure itself records has its place in the sandbox, too.
    set.push(("RUNBOOK_HOME".to_owned(), format!("{HOME}/.local/state/runbook")));
    let wanted = Wanted {
        engine: own_program().map_err(|error| stage_failed(&error))?,
        workdir: real(workdir)?,
        read,
        run_directory: real(scratch.join("run"))?,
        run: inside::RUN.to_owned(),
        cwd: host.environment.cwd(),
        set,
        let_in,
    };
    let opened = enclose::open(bwrap, wanted, host.environment, watch);
    let opened = opened.map_err(|error| stage_failed(&error))?.map_err(|why| no_sandbox(&why))?;
    Ok(Ground::Sandbox(Box::new(opened)))
}

/// Variables that are the same on every machine.
fn fixed() -> Vec<(String, String)> {
    let pairs =
        [("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("COLUMNS", "80"), ("TMPDIR", "/tmp"), ("TERM", "dumb")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The command that runs `test` on this host, in a directory of its own below `below`.
fn on_host(
    below: &Path,
    test: &Test<'_>,
    number: &str,
    bless: bool,
    host: &Host<'_>,
) -> io::Result<(Command, Option<Scratch>)> {
    let scratch = Scratch::create(below.join(number))?;
    let directory = |name: &str| {
        let path = scratch.path().join(name);
        host.files.create_private_dir(&path).map(|()| path)
    };
    let (work, home, temporary) = (directory("work")?, directory("home")?, directory("tmp")?);
    let let_in = test.stage.map(Project::let_in).unwrap_or_default();
    let mut variables = host.environment.vars();
    variables.retain(|(name, _)| comes_in(name) || let_in.contains(name));
    variables.extend(fixed());
    variables.retain(|(name, _)| name != "TMPDIR");
    for (name, path) in [("HOME", &home), ("TMPDIR", &temporary)] {
        variables.push((name.to_owned(), path.display().to_string()));
    }
    let command = Command {
        program: own_program()?.into(),
        arguments: [vec!["test".into(), "--no-isolation".into()], arguments(test, &work, bless)].concat(),
        directory: host.environment.cwd(),
        variables,
        without: Vec::new(),
        descriptors: Vec::new(),
    };
    Ok((command, Some(scratch)))
}
