//! Where the results of a suite go: all of them or none.

use crate::cli::Host;
use crate::cli::failure::{CANNOT_START, Failure};
use crate::report::chaos::{Suite, line, summary};
use clap::ArgMatches;
use std::io;
use std::path::{Path, PathBuf};

/// The directory for the results, which can be written.
pub(super) fn directory(matches: &ArgMatches, home: &Path, host: &Host<'_>) -> Result<PathBuf, Failure> {
    let directory = match matches.get_one::<String>("output") {
        Some(given) => host.environment.cwd().join(given),
        None => home.join("chaos"),
    };
    host.files.create_private_dir(&directory).map_err(|error| unwritable(&directory, &error))?;
    Ok(directory)
}

/// Writes `results.jsonl` and `summary.json`, each in place of the old one.
pub(super) fn write(directory: &Path, suite: &Suite, host: &Host<'_>) -> Result<(), Failure> {
    let results: String = suite.trials.iter().map(|trial| line(trial) + "\n").collect();
    for (name, text) in [("results.jsonl", results), ("summary.json", summary(suite))] {
        let written = host.files.replace(&directory.join(name), text.as_bytes());
        written.map_err(|error| unwritable(directory, &error))?;
    }
    Ok(())
}

fn unwritable(directory: &Path, error: &io::Error) -> Failure {
    Failure::new(
        CANNOT_START,
        format!("the results in `{}` cannot be written: {error}", directory.display()),
        "give another directory with --output DIR",
    )
}
