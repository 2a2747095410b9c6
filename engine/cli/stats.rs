//! `runbook stats`: figures over the recorded runs.

use super::failure::{Failure, Outcome, USAGE};
use super::procedure::Wanted;
use super::{Host, form, format, output_style, runs};
use crate::report::stats::{self, Group};
use crate::runbook::title::fold;
use clap::{Arg, ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("stats")
        .about("Sum up the recorded runs: how often, what came of them, how long until recovery")
        .arg(Arg::new("only").value_name("PROCEDURE").help("Only this one, by its name"))
        .arg(format(&["text", "json", "prometheus"]))
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let home = runs::home(host)?;
    let summaries = runs::listing(&home, host)?.runs;
    let mut groups = stats::groups(&summaries);
    if let Some(wanted) = matches.get_one::<String>("only") {
        groups.retain(|group| fold(&group.title) == fold(wanted) || fold(&group.procedure) == fold(wanted));
        if groups.is_empty() {
            let hint = "`runbook stats` shows every procedure that was run";
            return Err(Failure::new(USAGE, format!("no run of `{wanted}` is recorded"), hint));
        }
    }
    write(&groups, matches, host).map_err(|error| Failure::output(&error))?;
    Ok(0)
}

fn write(groups: &[Group], matches: &ArgMatches, host: &mut Host<'_>) -> std::io::Result<()> {
    let style = output_style(matches, host);
    match form(matches) {
        "json" => host.out.write_all(stats::json(groups).as_bytes()),
        "prometheus" => host.out.write_all(stats::prometheus(groups).as_bytes()),
        _ => stats::text(&mut host.out, groups, style),
    }
}
