//! What a session starts with.

use std::path::PathBuf;
use std::time::Duration;

/// What a session starts with. The rest comes from the plan.
#[derive(Clone, Debug)]
pub struct SessionSetup {
    /// The bash to run.
    pub bash: PathBuf,
    /// Where it starts.
    pub workdir: PathBuf,
    /// What it calls itself in its error messages: the document, as given.
    pub name: String,
    /// Environment variables to set: bound `$NAME` parameters, depth limit and the like.
    pub set: Vec<(String, String)>,
    /// Environment variables of the engine that it does not get.
    pub without: Vec<String>,
    /// Values that are masked as `******` in everything that is recorded.
    pub secrets: Vec<String>,
    /// How much of a step's output is recorded.
    pub output: OutputLimit,
    /// Time between TERM and KILL when a step is stopped.
    pub grace: Duration,
    /// There is a terminal that interactive steps may have.
    pub terminal: bool,
    /// What the shell is like is kept after each step, so that the run can be resumed.
    pub keeps_state: bool,
    /// What was kept last, when the run is resumed.
    pub restore: Option<String>,
}

impl SessionSetup {
    /// A session of `bash` in `workdir` that reports errors as `name`, everything else as usual.
    pub fn new(bash: impl Into<PathBuf>, workdir: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            bash: bash.into(),
            workdir: workdir.into(),
            name: name.into(),
            set: Vec::new(),
            without: Vec::new(),
            secrets: Vec::new(),
            output: OutputLimit::default(),
            grace: Duration::from_secs(5),
            terminal: false,
            keeps_state: false,
            restore: None,
        }
    }
}

/// How much of a step's output, standard output and error together, is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes from its beginning.
    pub head: usize,
    /// Bytes up to its end.
    pub tail: usize,
}

impl Default for OutputLimit {
    fn default() -> Self {
        Self { head: 256 << 10, tail: 64 << 10 }
    }
}
