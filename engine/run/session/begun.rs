//! A shell that has been started and was not listened to yet.

use crate::host::pipes::{MemoryFile, Pipe, path_of};
use crate::host::processes::{Command, Started, become_subreaper};
use crate::run::setup::SessionSetup;
use std::io;
use std::path::PathBuf;

/// The code of the session's side in bash: what every step needs, and the rest.
const CODE: [&str; 2] = [include_str!("boot.bash"), include_str!("more.bash")];

/// Variables that would make bash run something else, or differently, before its first step.
const NEVER: [&str; 3] = ["BASH_ENV", "ENV", "SHELLOPTS"];

/// A shell that begins while the engine is busy with other things. It has been told nothing of a document, and
/// where the engine ends before it says a word to it, it ends, too.
#[derive(Debug)]
pub struct Begun {
    pub(super) started: Started,
    pub(super) bash: PathBuf,
    pub(super) commands: Pipe,
    pub(super) wake: Pipe,
    pub(super) control: Pipe,
    pub(super) snapshots: Pipe,
    pub(super) headers: Pipe,
    pub(super) script: MemoryFile,
    pub(super) boot: MemoryFile,
    pub(super) states: Option<[MemoryFile; 2]>,
}

impl Begun {
    /// Starts the shell.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(setup: &SessionSetup) -> io::Result<Self> {
        become_subreaper()?;
        let (commands, wake) = (Pipe::new()?, Pipe::new()?);
        let (control, snapshots, headers) = (Pipe::new()?, Pipe::new()?, Pipe::new()?);
        let (script, boot) = (MemoryFile::new()?, MemoryFile::new()?);
        let states = match setup.keeps_state {
            true => Some([MemoryFile::new()?, MemoryFile::new()?]),
            false => None,
        };
        let mut text = String::new();
        for (name, path) in [
            ("commands", path_of(&commands.reader)),
            ("script", script.path().to_owned()),
            ("control", path_of(&control.writer)),
            ("snapshots", path_of(&snapshots.writer)),
            ("wake", path_of(&wake.reader)),
            ("headers", path_of(&headers.writer)),
        ] {
            text.push_str(&format!("__rb_{name}={path}\n"));
        }
        for code in CODE {
            // What is meant for people stays here.
            let code = code.lines().filter(|line| !line.trim_start().starts_with('#'));
            code.for_each(|line| text.extend([line, "\n"]));
            text.push('\0');
        }
        boot.replace(text.as_bytes())?;
        let begin = format!(
            "builtin mapfile -d '' -t __rb <{}; builtin eval \"${{__rb[0]}}\"; builtin eval \"$__rb_loop\"",
            boot.path()
        );
        let arguments = ["--norc", "--noprofile", "-c", &begin, &setup.name];
        let started = Command {
            program: setup.bash.clone().into(),
            arguments: arguments.map(Into::into).to_vec(),
            directory: setup.workdir.clone(),
            variables: setup.set.clone(),
            without: NEVER.map(str::to_owned).into_iter().chain(setup.without.clone()).collect(),
            descriptors: Vec::new(),
        }
        .start()?;
        let bash = setup.bash.clone();
        Ok(Self { started, bash, commands, wake, control, snapshots, headers, script, boot, states })
    }
}
