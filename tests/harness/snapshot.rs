//! Expected output in files, and how it is brought up to date.

use super::root;
use std::path::PathBuf;

/// Set to `1`, every expected file is rewritten with what came.
pub(crate) const UPDATE: &str = "RUNBOOK_UPDATE_EXPECTED";

/// The file of `name`.
pub(crate) fn path(name: &str) -> PathBuf {
    root().join("tests/expected").join(format!("{name}.txt"))
}

/// Compares `actual` with the expected file of `name`.
#[track_caller]
pub(super) fn compare(name: &str, actual: &str) {
    let path = path(name);
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().expect("names have a folder"))
            .expect("the checkout is writable");
        std::fs::write(&path, actual).expect("the checkout is writable");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
        let diff = diff.unified_diff().context_radius(4).header("expected", "actual").to_string();
        panic!("{} does not match; if the new text is right, set {UPDATE}=1\n{diff}", path.display());
    }
}
