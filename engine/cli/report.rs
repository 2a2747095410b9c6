//! `runbook report`: a run's record, in one of its forms.

use super::failure::{CANNOT_START, Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, runs};
use crate::report::{json, text};
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("report").about("Print the record of a run").arg(runs::name()).arg(format(&["text", "json"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find(matches, host)?;
    let journal = store.read(&id).map_err(|error| runs::unreadable(&id, &error))?;
    let style = output_style(matches, host);
    let written = match form(matches) {
        "json" => {
            let Some(text) = json::render(&journal.events) else {
                let hint = "its engine died before the first event was complete: nothing had been started";
                return Err(Failure::new(CANNOT_START, format!("the record of run `{id}` is empty"), hint));
            };
            host.out.write_all(text.as_bytes())
        }
        _ => text::render(&mut host.out, &journal.events, style),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(0)
}
