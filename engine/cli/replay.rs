//! `runbook replay`: a run once more through the reporter of the live run, at once. Runs nothing.

use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, evidence, exec, output_style, runs};
use crate::report::terminal::Terminal;
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("replay").about("Show a run as it was shown live").arg(runs::name())
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find(matches, host)?;
    let events = evidence::events(&store, &id)?;
    let style = output_style(matches, host);
    let mut terminal = Terminal::new(&mut host.out, style, exec::verbosity(matches));
    for event in &events {
        terminal.event(event).map_err(|error| Failure::output(&error))?;
    }
    Ok(0)
}
