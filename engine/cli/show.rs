//! `runbook show`: one procedure as its document has it.

use super::failure::{Failure, Outcome};
use super::procedure::{Wanted, arguments, required};
use super::{Host, form, format, output_style};
use crate::report::show;
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    arguments(Command::new("show").about("Show a procedure")).arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, wanted: Option<Wanted>) -> Outcome {
    let wanted = required(wanted)?;
    let (runbook, procedure) = wanted.procedure()?;
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => host.out.write_all(show::json(runbook, procedure).as_bytes()),
        _ => show::render(&mut host.out, runbook, procedure, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(0)
}
