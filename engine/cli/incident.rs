//! `--incident[=DIR]`: writes the day's incident file after the run, from the team's template or ours.
//!
//! A template that cannot be used stops before the run; what goes wrong with the file afterwards is said, and
//! never changes the run's result.

use super::Host;
use super::evidence;
use super::failure::{Failure, USAGE};
use crate::event::Event;
use crate::report::incident;
use crate::runbook::Runbook;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Where incidents go when no directory is given.
const DIRECTORY: &str = "incidents";

/// A team's own template, in the directory of its incidents.
const TEMPLATE: &str = "template.hbs";

/// Longest template and incident file that is read, in bytes.
const MAX: u64 = 16 << 20;

/// The argument.
pub(super) fn arg() -> Arg {
    Arg::new("incident")
        .long("incident")
        .value_name("DIR")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(DIRECTORY)
        .help("Add the run to the day's incident file in DIR (`incidents`)")
}

/// What to say where the directory stands behind a blank, as those of other options do.
pub(super) fn apart(error: &clap::Error, args: &[OsString]) -> Option<Failure> {
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else { return None };
    let pair = [OsStr::new("--incident"), OsStr::new(unexpected)];
    if error.kind() != ErrorKind::UnknownArgument || !args.windows(2).any(|words| words == pair) {
        return None;
    }
    let message = format!("unexpected argument `{unexpected}`");
    let hint = format!("the directory of `--incident` goes behind `=`: `--incident={unexpected}`");
    Some(Failure::new(USAGE, message, hint))
}

/// Where to write the incident, and with which template.
pub(super) struct Incident {
    directory: PathBuf,
    template: Option<String>,
}

impl Incident {
    /// What the arguments ask for, checked; none if they do not.
    pub(super) fn of(matches: &ArgMatches, host: &Host<'_>) -> Result<Option<Self>, Failure> {
        let Some(directory) = matches.get_one::<String>("incident") else { return Ok(None) };
        let directory = host.environment.cwd().join(directory);
        let path = directory.join(TEMPLATE);
        let template = match host.files.read(&path, MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(&path, &error.to_string())),
            Ok(bytes) => Some(String::from_utf8(bytes).map_err(|_| unusable(&path, "it is not UTF-8 text"))?),
        };
        if let Some(template) = &template {
            incident::check(template).map_err(|error| unusable(&path, &error.to_string()))?;
        }
        Ok(Some(Self { directory, template }))
    }

    /// Adds the incident of `events`, whose document is `runbook`, and says where it is.
    pub(super) fn write(&self, events: &[Event], runbook: Option<&Runbook>, host: &mut Host<'_>) {
        let said = match self.add(events, runbook, host) {
            Ok(path) => format!("incident: {}\n", path.display()),
            Err(error) => {
                format!(
                    "warning: the incident cannot be written to `{}`: {error}\n",
                    self.directory.display()
                )
            }
        };
        // Where standard error is closed nobody is there to be told.
        let _ = host.err.write_all(said.as_bytes());
    }

    fn add(&self, events: &[Event], runbook: Option<&Runbook>, host: &Host<'_>) -> io::Result<PathBuf> {
        let escalation = evidence::escalation(events, runbook);
        let list = runbook.map_or(&[][..], |runbook| &runbook.post_incident);
        let incident = incident::incident(events, escalation.as_ref(), list)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the record has no start"))?;
        let path = self.directory.join(format!("{}.md", incident.date));
        if !host.files.is_dir(&self.directory) {
            host.files.create_private_dir(&self.directory)?;
        }
        let existing = match host.files.read(&path, MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            bytes => String::from_utf8(bytes?).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "the file of that day is not UTF-8 text")
            })?,
        };
        let text = incident::append(&existing, &incident, self.template.as_deref())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        if let Some(text) = text {
            // Only what is new is written: what people write meanwhile is not lost.
            let mut file = host.files.append(&path)?;
            file.append(&text.as_bytes()[existing.len()..])?;
            file.sync()?;
        }
        Ok(path)
    }
}

fn unusable(path: &Path, why: &str) -> Failure {
    let message = format!("`{}`: {why}", path.display());
    Failure::new(USAGE, message, "repair it, or take it away to use the built-in one")
}
