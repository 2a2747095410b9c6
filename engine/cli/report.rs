//! `runbook report`: a run's record, in one of its forms.

use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, evidence, form, format, output_style, runs};
use crate::event::{Event, EventBody};
use crate::report::{cast, escalation, html, json, md, run_junit, text};
use clap::{ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("report")
        .about("Print the record of a run")
        .arg(runs::name())
        .arg(format(&["text", "md", "html", "json", "cast", "junit"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find(matches, host)?;
    let events = evidence::events(&store, &id)?;
    let style = output_style(matches, host);
    let told = |host: &Host<'_>| {
        let runbook = evidence::document(&store, host, &id, file(&events));
        evidence::escalation(&events, runbook.as_ref())
    };
    // Events that begin with a start give every form.
    let written = match form(matches) {
        "md" => write(host, md::render(&events, told(host).as_ref())),
        "html" => write(host, html::render(&events, told(host).as_ref())),
        "json" => write(host, json::render(&events, told(host).as_ref())),
        "cast" => cast::render(&mut host.out, &events),
        "junit" => run_junit::render(&mut host.out, &events),
        _ => text::render(&mut host.out, &events, style).and_then(|()| match told(host) {
            Some(due) => escalation::write(&mut host.out, &due, style),
            None => Ok(()),
        }),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(0)
}

fn write(host: &mut Host<'_>, text: Option<String>) -> std::io::Result<()> {
    host.out.write_all(text.unwrap_or_default().as_bytes())
}

fn file(events: &[Event]) -> &str {
    match events.first().map(|event| &event.body) {
        Some(EventBody::RunStarted(started)) => &started.file,
        _ => "document.md",
    }
}
