//! `runbooks/runbook.yaml`: which files hold procedures, and where commands run.

use super::{Located, Mapping, read};
use crate::diagnostic::Diagnostic;
use crate::source::Source;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The file, once: every top-level key is a field here, so that an unknown one is an error.
///
/// Sections that belong to other rooms are only located here. Their room reads them from the same text
/// with [`read`] and a type that has just its own keys and ignores the others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files with procedures, relative to the file's folder, in order.
    pub procedures: Vec<Located<String>>,
    /// Where commands run, relative to the file's folder; else the caller's directory.
    pub workdir: Option<Located<String>>,
    /// A place to rehearse.
    pub stage: Option<Elsewhere>,
    /// What can be broken in a rehearsal.
    pub faults: Option<Elsewhere>,
    /// Scenarios of the chaos suite: files, or directories of them, relative to the file's folder.
    pub scenarios: Vec<Located<String>>,
    /// Which row of a document's escalation matrix a severity has, where its words do not say it.
    pub escalation: Option<Mapping<String>>,
    /// Who is told about a run.
    pub notifiers: Option<Elsewhere>,
}

/// A section that another room reads; only its place is known here.
pub type Elsewhere = Located<Anything>;

/// A value of any shape that is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Config {
    /// Reads the file. An empty one is an empty configuration.
    ///
    /// # Errors
    /// When it is not YAML, a key is unknown, or a value has the wrong shape.
    pub fn read(source: &Source) -> Result<Self, Diagnostic> {
        let start = source.body_start();
        read::<Option<Self>>(&source.text()[start..], start).map(Option::unwrap_or_default)
    }

    /// The rows of the escalation matrix that the team gives severities: pairs of a severity and a row.
    pub fn escalation_rows(&self) -> Vec<(String, String)> {
        let pairs = self.escalation.iter().flat_map(|mapping| &mapping.0);
        pairs.map(|(severity, row)| (severity.value.clone(), row.value.clone())).collect()
    }
}
