//! The programs that a stage puts first on PATH. One that cannot be executed would be passed over silently,
//! and another of the same name be run.

use crate::host::{Files, SystemFiles};
use crate::runbook::yaml::Located;
use std::path::Path;

/// How programs begin: as a script, or as the machine's own.
const PROGRAM: [&[u8]; 2] = [b"#!", b"\x7fELF"];

/// Whether every shim in the directories `shims` of the copy can be executed; why not.
pub(super) fn usable(shims: &[Located<String>], copy: &Path) -> Result<(), String> {
    for shim in shims {
        let directory = copy.join(&shim.value);
        let entries = SystemFiles
            .list(&directory)
            .map_err(|error| format!("`shims` names `{}`, which cannot be read: {error}", shim.value))?;
        for entry in
            entries.iter().filter(|entry| !entry.directory && !SystemFiles.is_executable(&entry.path))
        {
            // A file that explains the others need not be one.
            let begins = SystemFiles.read_at(&entry.path, 0, 4).unwrap_or_default();
            if PROGRAM.iter().any(|program| begins.starts_with(program)) {
                let name = entry.path.strip_prefix(copy).unwrap_or(&entry.path);
                return Err(format!("the shim `{}` is not executable", name.display()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_executed_is_named() {
        let copy = tempfile::tempdir().unwrap();
        let shims = [Located { value: "bin".to_owned(), ..Located::default() }];
        let missing = usable(&shims, copy.path()).unwrap_err();
        assert_eq!(
            missing,
            "`shims` names `bin`, which cannot be read: No such file or directory (os error 2)"
        );
        SystemFiles.create_private_dir(&copy.path().join("bin/more")).unwrap();
        SystemFiles.create(&copy.path().join("bin/README"), b"what these are").unwrap();
        assert_eq!(usable(&shims, copy.path()), Ok(()));
        SystemFiles.create(&copy.path().join("bin/docker"), b"#!/bin/sh\n").unwrap();
        assert_eq!(usable(&shims, copy.path()), Err("the shim `bin/docker` is not executable".to_owned()));
        assert_eq!(usable(&[], copy.path()), Ok(()));
    }
}
