//! The `stage:` and `faults:` of `runbooks/runbook.yaml`: what is rehearsed, and what can break.
//!
//! Only text becomes types here; whether a path exists or a command works is seen when the stage
//! comes up. Commands are bash texts. Secrets never stand in the file, only names of variables.

use crate::diagnostic::Diagnostic;
use crate::runbook::near::near;
use crate::runbook::title::{fold, title};
use crate::runbook::yaml::{Located, Mapping, Time, read};
use crate::source::Source;
use serde::Deserialize;
use std::collections::HashSet;
use std::time::Duration;

/// The sections of the file that belong to this room; the others are left to theirs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StageFile {
    /// What is rehearsed; none where nothing can be.
    pub stage: Option<Stage>,
    /// What can be broken, by name, in order.
    pub faults: Mapping<Fault>,
}

/// A service, and the place it runs in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Run on the host, in the project's directory, before the sandbox opens: builds what is rehearsed.
    #[serde(default)]
    pub prepare: Option<Located<String>>,
    /// Directory that is copied into the sandbox; everything else runs in the copy.
    pub workdir: Located<String>,
    /// Files and directories of the host that are visible in the sandbox, read-only, at their own paths.
    #[serde(default)]
    pub read: Vec<Located<String>>,
    /// Directories of the copy that come first on PATH.
    #[serde(default)]
    pub shims: Vec<Located<String>>,
    /// Names of variables that are let in, besides PATH, the locale and the like.
    #[serde(default)]
    pub environment: Vec<Located<String>>,
    /// Ports on which the service listens. Without isolation they must be free.
    #[serde(default)]
    pub ports: Vec<Located<u16>>,
    /// Runs for as long as the stage is up.
    #[serde(default)]
    pub service: Option<Located<String>>,
    /// A URL that answers, or a command that succeeds, once the service is ready.
    #[serde(default)]
    pub ready: Option<Located<String>>,
    /// Longest time that may take.
    #[serde(default = "ready_within")]
    pub ready_within: Time,
    /// Values of parameters that make sense on this stage, for procedures that need them.
    #[serde(default)]
    pub parameters: Mapping<String>,
    /// How targets other than times to recovery are measured here.
    #[serde(default)]
    pub targets: Vec<TargetProbe>,
}

/// A command that measures a target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetProbe {
    /// The procedure that states the target.
    pub procedure: Located<String>,
    /// Prints the measured quantity, such as `120ms`.
    pub probe: Located<String>,
}

/// Something that can be broken, seen, and put right again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// One line for a person.
    pub description: Option<String>,
    /// The procedures it is rehearsed with. The first fault that names a procedure is its own.
    pub procedures: Vec<Located<String>>,
    /// Breaks it.
    pub inject: Located<String>,
    /// Succeeds while it is broken, and only then.
    pub symptom: Located<String>,
    /// How long it may take until the symptom is seen.
    #[serde(default = "within")]
    pub symptom_within: Time,
    /// Takes the fault away again. Runs always, perhaps twice.
    pub revert: Located<String>,
    /// Succeeds if the procedure did what it should.
    pub passes_when: Option<Located<String>>,
    /// A text that must be in the output of a step: what a procedure that only looks must have shown.
    pub shows: Option<Located<String>>,
    /// How long what the procedure did may take until it shows.
    #[serde(default = "within")]
    pub passes_within: Time,
    /// Succeeds once the fault is taken away, besides the symptom being gone.
    pub after: Option<Located<String>>,
    /// How long that may take.
    #[serde(default = "within")]
    pub after_within: Time,
    /// The fault is taken away by itself after this time, whatever happens.
    #[serde(default = "expires")]
    pub expires: Time,
}

fn ready_within() -> Time {
    Time(Duration::from_secs(30))
}

fn within() -> Time {
    Time(Duration::from_secs(10))
}

fn expires() -> Time {
    Time(Duration::from_secs(600))
}

/// Why no fault is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoFault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl StageFile {
    /// Reads the sections and checks what the types do not say; every mistake that is found.
    ///
    /// # Errors
    /// When it is not YAML, a key is unknown or missing, or a value makes no sense.
    pub fn read(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let start = source.body_start();
        let file = read::<Option<Self>>(&source.text()[start..], start).map_err(|error| vec![error])?;
        let file = file.unwrap_or_default();
        let mistakes = file.mistakes();
        if mistakes.is_empty() { Ok(file) } else { Err(mistakes) }
    }

    fn mistakes(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for name in self.stage.iter().flat_map(|stage| &stage.environment) {
            if !is_variable(&name.value) {
                found.push(
                    Diagnostic::error(
                        "bad-stage",
                        name.span,
                        format!("`{}` is no name of a variable", name.value),
                    )
                    .with_hint(
                        "only names stand here; the values come from the environment of whoever rehearses",
                    ),
                );
            }
        }
        for path in self.stage.iter().flat_map(|stage| &stage.read) {
            if let Some(whole) = too_much(&path.value) {
                found.push(
                    Diagnostic::error(
                        "bad-stage",
                        path.span,
                        format!("`read` may not open all of `{whole}`"),
                    )
                    .with_hint("name the files and directories in it that the service needs"),
                );
            }
        }
        if let Some(port) = self.stage.iter().flat_map(|stage| &stage.ports).find(|port| port.value == 0) {
            found.push(Diagnostic::error("bad-stage", port.span, "a port of the stage cannot be 0"));
        }
        for (name, fault) in &self.faults.0 {
            if fault.value.passes_when.is_none() && fault.value.shows.is_none() {
                found.push(
                    Diagnostic::error(
                        "bad-fault",
                        name.span,
                        format!("fault `{}` does not say when a rehearsal passes", name.value),
                    )
                    .with_hint(
                        "add `passes_when: COMMAND`, or `shows: TEXT` for a procedure that only looks",
                    ),
                );
            }
        }
        if let (None, Some((name, _))) = (&self.stage, self.faults.0.first()) {
            found.push(
                Diagnostic::error("bad-stage", name.span, "there are faults and no stage to inject them on")
                    .with_hint("add `stage:` with at least a `workdir`"),
            );
        }
        found
    }

    /// Names of procedures in the file that none of `titles` is.
    pub fn unknown_procedures(&self, titles: &[&str]) -> Vec<Diagnostic> {
        let of_faults = self.faults.0.iter().flat_map(|(_, fault)| &fault.value.procedures);
        let of_probes = self.stage.iter().flat_map(|stage| &stage.targets).map(|target| &target.procedure);
        let all = of_faults.map(|name| ("bad-fault", name)).chain(of_probes.map(|name| ("bad-stage", name)));
        let known: HashSet<String> = titles.iter().map(|title| name_of(title)).collect();
        let unknown = all.filter(|(_, name)| !known.contains(&name_of(&name.value)));
        let found = unknown.map(|(code, name)| {
            let hint = match near(&name.value, titles.iter().copied()).first() {
                Some(meant) => format!("a procedure named `{meant}` exists"),
                None => "`runbook list` shows all procedures".to_owned(),
            };
            Diagnostic::error(code, name.span, format!("no procedure is called `{}`", name.value))
                .with_hint(hint)
        });
        found.collect()
    }

    /// The fault to rehearse `procedure` with: the one called `wanted`, else the first that names the
    /// procedure.
    ///
    /// # Errors
    /// When there is none; a near miss is named, not taken.
    pub fn fault(&self, procedure: &str, wanted: Option<&str>) -> Result<(&str, &Fault), NoFault> {
        let mut all = self.faults.0.iter().map(|(name, fault)| (name.value.as_str(), &fault.value));
        let names: Vec<&str> = self.faults.0.iter().map(|(name, _)| name.value.as_str()).collect();
        let list =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let Some(wanted) = wanted else {
            let own = |fault: &Fault| {
                fault.procedures.iter().any(|name| name_of(&name.value) == name_of(procedure))
            };
            return all.find(|(_, fault)| own(fault)).ok_or_else(|| NoFault {
                message: format!("no fault belongs to `{procedure}`"),
                hint: match names.is_empty() {
                    true => "declare one under `faults:` in `runbook.yaml`".to_owned(),
                    false => format!("choose one with --fault: {}", list(&names)),
                },
            });
        };
        all.find(|(name, _)| *name == wanted).ok_or_else(|| NoFault {
            message: format!("there is no fault `{wanted}`"),
            hint: match near(wanted, names.iter().copied()).first() {
                Some(meant) => format!("a fault named `{meant}` exists"),
                None if names.is_empty() => "declare one under `faults:` in `runbook.yaml`".to_owned(),
                None => format!("declared faults: {}", list(&names)),
            },
        })
    }
}

/// A procedure's name in the form in which names are compared.
pub(super) fn name_of(procedure: &str) -> String {
    fold(&title(procedure).name)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The directory that `path` names, if it holds what a sandbox must keep out.
fn too_much(path: &str) -> Option<&str> {
    let trimmed = path.trim_end_matches('/');
    let whole = ["", "/dev", "/home", "/proc", "/root", "/run", "/sys", "/tmp", "/var", "/var/run", "~"];
    (path.starts_with(['/', '~']) && whole.contains(&trimmed)).then_some(path)
}

#[cfg(test)]
mod tests;
