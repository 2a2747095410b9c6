//! What this rehearsal takes from the project: its stage, and the fault.

use crate::cli::Host;
use crate::cli::failure::{Failure, USAGE};
use crate::cli::procedure::Wanted;
use crate::cli::project::Project;
use crate::stage::Fault;
use clap::ArgMatches;

/// The stage, and the fault to rehearse with.
pub(super) struct Declared {
    pub(super) project: Project,
    pub(super) name: String,
    pub(super) fault: Fault,
}

impl Declared {
    /// Reads the stage and chooses the fault.
    pub(super) fn read(wanted: &Wanted, matches: &ArgMatches, host: &Host<'_>) -> Result<Self, Failure> {
        let (_, procedure) = wanted.procedure()?;
        let project = Project::read(&wanted.documents, host)?;
        let given = matches.get_one::<String>("fault").map(String::as_str);
        let chosen = project.file.fault(&procedure.title, given);
        let (name, fault) = chosen.map_err(|none| Failure::new(USAGE, none.message, none.hint))?;
        let (name, fault) = (name.to_owned(), fault.clone());
        Ok(Self { project, name, fault })
    }
}
