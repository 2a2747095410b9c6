//! What the caller says about a procedure, besides its name.

use super::bind::Values;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What the caller says about a procedure, besides its name.
pub struct Arguments<'a> {
    /// Values for its parameters.
    pub values: Values<'a>,
    /// `--decide STEP=ANSWER`, as typed.
    pub decisions: Vec<(String, String)>,
    /// `--assume-done STEP`, as typed.
    pub assume_done: Vec<String>,
    /// Directory the session starts in.
    pub workdir: PathBuf,
    /// There is a terminal for steps that need one; without it a person does those by hand.
    pub terminal: bool,
    /// `--verify-timeout`.
    pub verify_timeout: Option<Duration>,
}

impl Arguments<'_> {
    /// Nothing at all, where only the document is looked at.
    pub fn none() -> Self {
        let values = Values {
            flags: BTreeMap::new(),
            params: Vec::new(),
            file: Vec::new(),
            asked: BTreeMap::new(),
            environment: &|_| None,
        };
        let (decisions, assume_done) = (Vec::new(), Vec::new());
        Self {
            values,
            decisions,
            assume_done,
            workdir: PathBuf::new(),
            terminal: false,
            verify_timeout: None,
        }
    }
}
