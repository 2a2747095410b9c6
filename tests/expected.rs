//! Expected files that no test names fail the suite: they would look like coverage and be none.

use crate::harness::root;
use std::path::{Path, PathBuf};

#[test]
fn every_expected_file_is_named_by_a_test() {
    let sources: String = files(&root().join("tests"), "rs")
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("is readable"))
        .collect();
    let folder = root().join("tests/expected");
    let unused: Vec<_> = files(&folder, "")
        .into_iter()
        .filter(|path| {
            let name = path.strip_prefix(&folder).expect("is below").with_extension("");
            !sources.contains(&format!("\"{}\"", name.display()))
        })
        .collect();
    assert_eq!(unused, Vec::<PathBuf>::new(), "remove them, or name them in a test");
}

/// The files below `folder` with this extension (any, if it is empty), in order.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("is readable").path();
            if path.is_dir() {
                todo.push(path);
            } else if extension.is_empty() || path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
