//! `runbook verify`: whether a run's record is as it was written.

use super::failure::{Failure, Outcome};
use super::procedure::Wanted;
use super::{Host, runs};
use crate::journal::{Verification, verify};
use clap::{Arg, ArgMatches, Command};

pub(super) fn command() -> Command {
    Command::new("verify").about("Check that the record of a run was not changed").arg(runs::name()).arg(
        Arg::new("head")
            .long("head")
            .value_name("HASH")
            .help("The hash that was printed at the end of the run"),
    )
}

pub(super) fn run(matches: &ArgMatches, host: &mut Host<'_>, _wanted: Option<Wanted>) -> Outcome {
    let (store, id) = runs::find(matches, host)?;
    // The head first: a run that ends meanwhile must not look changed.
    let kept = store.kept_head(&id).map_err(|error| runs::unreadable(&id, &error))?;
    let text = store.text(&id).map_err(|error| runs::unreadable(&id, &error))?;
    let given = matches.get_one::<String>("head").map(String::as_str);
    let verification = verify(&text, given, kept.as_deref());
    let mut said = format!("run {id} is {verification}\n");
    if let Verification::Intact { head, .. }
    | Verification::Uncovered { head, .. }
    | Verification::NotFinished { head, .. } = &verification
    {
        said.push_str(&format!("head {head}\n"));
    }
    host.out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
    if !matches!(verification, Verification::Broken { .. }) {
        let notes = store.read_notes(&id).map_err(|error| runs::unreadable(&id, &error))?;
        if let Some((line, why)) = notes.broken {
            let said = format!("its notes are broken at line {line}: {why}\n");
            host.out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
            return Ok(1);
        }
        if !notes.covered {
            let said = "its notes fit one another; the last one is covered by nothing\n";
            host.out.write_all(said.as_bytes()).map_err(|error| Failure::output(&error))?;
            return Ok(1);
        }
    }
    Ok(match verification {
        Verification::Intact { .. } => 0,
        Verification::Uncovered { .. } | Verification::NotFinished { .. } | Verification::Broken { .. } => 1,
    })
}
