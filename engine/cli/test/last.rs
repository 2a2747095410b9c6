//! What failed the last time, kept for `--failed` in the engine's state directory.

use super::select::Selected;
use crate::check::outcome::{TestCase, TestFinished, TestStatus};
use crate::cli::{Host, runs};
use std::path::PathBuf;

/// Longest list that is read, in bytes.
const MAX: u64 = 8 << 20;

fn path(host: &Host<'_>) -> Option<PathBuf> {
    runs::place(host).ok().map(|home| home.join("failed-tests.json"))
}

/// What a test is known by from one time to the next.
pub(super) fn name(case: &TestCase, host: &Host<'_>) -> String {
    format!("{}#{}", host.environment.cwd().join(&case.file).display(), case.procedure)
}

/// Names of the tests that failed the last time they ran.
pub(super) fn failed(host: &Host<'_>) -> Vec<String> {
    let bytes = path(host).and_then(|path| host.files.read(&path, MAX).ok());
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Keeps which of `selected` failed; what was not tested stays as it was. A state directory that cannot
/// be written loses a convenience, not a result.
pub(super) fn keep(selected: &Selected<'_>, finished: &[TestFinished], host: &mut Host<'_>) {
    let Some(path) = path(host) else { return };
    let mut failed = failed(host);
    let before = failed.clone();
    for finished in finished {
        let Some(test) = selected.tests.get(finished.test) else { continue };
        let name = name(&test.case, host);
        match finished.status {
            TestStatus::Passed | TestStatus::Flaky | TestStatus::Ignored { .. } => {
                failed.retain(|known| *known != name);
            }
            TestStatus::Failed | TestStatus::Error { .. } if !failed.contains(&name) => failed.push(name),
            TestStatus::Failed | TestStatus::Error { .. } | TestStatus::NotRun { .. } => {}
        }
    }
    if failed == before {
        return;
    }
    let written = path
        .parent()
        .map_or(Ok(()), |directory| host.files.create_private_dir(directory))
        .and_then(|()| host.files.replace(&path, &serde_json::to_vec(&failed).unwrap_or_default()));
    if let Err(error) = written {
        // A closed standard error leaves nobody to be told.
        let _ = writeln!(host.err, "warning: what failed cannot be kept for --failed: {error}");
    }
}
