//! A suite that a procedure runs on a stage: one level deep, two scenarios, and never the one it runs in.
//!
//! It rehearses the system as it stands on the stage: what the working directory was copied from, with each
//! file as it is there now. So a cure that a fault has broken is broken in the suite, too.

use crate::cli::failure::{CANNOT_START, Failure};
use crate::cli::{Host, runs};
use crate::host::copy_present;
use crate::host::surroundings::Scratch;
use crate::journal::Store;
use crate::stage::enclose;
use crate::stage::sandbox::{SOURCE, WORKDIR};
use std::path::{Path, PathBuf};

/// The variable that tells a suite how many are around it.
pub(super) const LEVEL: &str = "RUNBOOK_CHAOS";
/// The variable that names the procedure under rehearsal.
const PROCEDURE: &str = "RUNBOOK_PROCEDURE";
/// How many scenarios run on a stage.
pub(super) const SCENARIOS: usize = 2;
/// Largest working directory that is copied, in bytes.
const MAX_COPY: u64 = 1 << 30;

/// The stage around a suite.
pub(super) struct Nested {
    /// The procedure that runs the suite, if it is one.
    pub(super) procedure: Option<String>,
    /// Where the records go: with the one of the rehearsal around.
    pub(super) home: PathBuf,
    /// The system as it stands on the stage. Removed when the suite is over.
    work: Scratch,
}

/// Says what a suite on this stage shares with it.
pub(super) fn warn(host: &mut Host<'_>) {
    if enclose::is_root_on_stage() {
        let text = "warning: where root rehearses, the stages on this one share its process table\n";
        // A closed standard error leaves nobody to be warned.
        let _ = host.err.write_all(text.as_bytes());
    }
}

impl Nested {
    /// The stage around this process, if there is one.
    pub(super) fn find(host: &Host<'_>) -> Result<Option<Self>, Failure> {
        let Some(run) = enclose::around() else { return Ok(None) };
        if host.environment.var(LEVEL).is_some_and(|level| level != "1") {
            let message = "this stage is within another, and a chaos suite goes one level deep";
            return Err(Failure::new(
                CANNOT_START,
                message,
                "rehearse the scenario alone to see what it does",
            ));
        }
        let home = Store::new(host.files, runs::place(host)?).directory(&run).join("chaos");
        let failed = |error: std::io::Error| {
            let message = format!("the system on this stage cannot be copied: {error}");
            Failure::new(CANNOT_START, message, "is there room in /tmp?")
        };
        let work = Scratch::create(PathBuf::from(format!("/tmp/chaos-{}", host.environment.pid())));
        let work = work.map_err(failed)?;
        copy_present(Path::new(SOURCE), Path::new(WORKDIR), work.path(), MAX_COPY).map_err(failed)?;
        let procedure = host.environment.var(PROCEDURE).filter(|procedure| !procedure.is_empty());
        Ok(Some(Self { procedure, home, work }))
    }

    /// What each stage copies.
    pub(super) fn source(&self) -> PathBuf {
        self.work.path().to_owned()
    }
}
