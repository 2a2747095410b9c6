//! The word of a real bash on whether a text is bash: `bash -n`, which runs nothing.
//!
//! It is asked only about texts that the grammar cannot read, for the grammar does not know all of bash.

use super::Host;
use super::failure::Failure;
use crate::check::static_tier;
use crate::diagnostic::Diagnostic;
use crate::host::processes::{Command, End};
use crate::host::watch::{Heed, Waited, Watch};
use crate::plan::Plan;
use crate::runbook::{Action, Procedure, Runbook};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long bash may take to read a text.
const LIMIT: Duration = Duration::from_secs(10);

/// What bash says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It reads the text.
    Bash,
    /// It does not, and why, in its own words.
    Not(String),
    /// It could not be asked.
    Silent,
}

/// A bash that can be asked.
pub(super) struct Opinion {
    bash: Option<PathBuf>,
    watch: Option<Watch>,
}

impl Opinion {
    pub(super) fn new(host: &Host<'_>) -> Self {
        let path = host.environment.var("PATH").unwrap_or_default();
        Self { bash: host.processes.find_program("bash", &path, Path::new("/")), watch: None }
    }

    /// What bash says of `text`.
    pub(super) fn on(&mut self, text: &str) -> Word {
        self.asked(&["-n", "-c", text])
    }

    fn asked(&mut self, arguments: &[&str]) -> Word {
        let Some(bash) = &self.bash else { return Word::Silent };
        if self.watch.is_none() {
            self.watch = Watch::new().ok();
        }
        let Some(watch) = &mut self.watch else { return Word::Silent };
        let command = Command {
            program: bash.clone().into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            directory: "/".into(),
            // So that its words are the same everywhere.
            variables: vec![("LC_MESSAGES".into(), "C".into())],
            // A text is read as the document has it, whatever the caller's shell is set to.
            without: ["BASH_ENV", "SHELLOPTS", "BASHOPTS", "LC_ALL"].map(str::to_owned).to_vec(),
            descriptors: Vec::new(),
        };
        match watch.run(command, Some(LIMIT), Heed::Nothing, &mut |_| {}) {
            Ok(outcome) => match outcome.waited {
                Waited::Ended(End::Exited(0)) => Word::Bash,
                Waited::Ended(_) => Word::Not(first_words(&outcome.said)),
                Waited::TimedOut | Waited::Signal(_) => Word::Silent,
            },
            Err(_) => Word::Silent,
        }
    }
}

/// bash's message without its own name and its count of lines, which begins at 0 in some versions.
fn first_words(said: &str) -> String {
    let line = said.lines().find(|line| !line.contains(": warning: ")).unwrap_or_default();
    let message = line.split_once(": line ").and_then(|(_, rest)| rest.split_once(": "));
    message.map_or(line, |(_, message)| message).to_owned()
}

/// Refuses a plan of which a block is not bash: otherwise the steps before it would have run already.
pub(super) fn refuse_broken(
    plan: &Plan,
    runbook: &Runbook,
    procedure: &Procedure,
    host: &Host<'_>,
) -> Result<(), Failure> {
    let mut opinion = None;
    let mut broken: Vec<Diagnostic> = Vec::new();
    // `bash -n` does not carry out the `shopt` that makes these patterns valid.
    let extended = procedure
        .steps
        .iter()
        .any(|step| matches!(&step.action, Action::Command(block) if block.script.contains("extglob")));
    for (step, planned) in procedure.steps.iter().zip(&plan.steps) {
        let Action::Command(block) = &step.action else { continue };
        if planned.shell().is_none() || planned.ignored.is_some() {
            continue;
        }
        let Some(unread) = static_tier::unread(&runbook.source, step) else { continue };
        let text = static_tier::with_words(&block.script);
        let opinion = opinion.get_or_insert_with(|| Opinion::new(host));
        let word = match opinion.on(&text) {
            Word::Not(_) if extended => opinion.asked(&["-O", "extglob", "-n", "-c", &text]),
            word => word,
        };
        if let Word::Not(why) = word {
            let message = format!("step {} is not valid bash: {why}", step.id);
            broken.push(
                Diagnostic::error("bash-syntax", unread.span, message)
                    .with_hint("nothing was run; correct the block in the document"),
            );
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Failure::document(&runbook.source, &broken)) }
}

#[cfg(test)]
mod tests {
    use super::first_words;

    #[test]
    fn the_words_of_every_bash_are_understood() {
        for (said, expected) in [
            (
                "bash: -c: line 1: unexpected EOF while looking for matching `\"'\n",
                "unexpected EOF while looking for matching `\"'",
            ),
            (
                "/usr/bin/bash: -c: line 0: syntax error near unexpected token `)'\nbash: -c: line 0: `echo )'\n",
                "syntax error near unexpected token `)'",
            ),
            (
                "bash: warning: here-document at line 1 delimited by end-of-file (wanted `E')\n\
                 bash: -c: line 3: syntax error: unexpected end of file\n",
                "syntax error: unexpected end of file",
            ),
            ("killed", "killed"),
            ("", ""),
        ] {
            assert_eq!(first_words(said), expected);
        }
    }
}
