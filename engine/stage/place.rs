//! Where the commands of a stage run: directory, variables, and how a command is run there.

use crate::host::processes::{Command, End};
use crate::host::watch::{Heed, Outcome, Waited, Watch};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Longest part of what a command said that is quoted, in characters.
const QUOTED: usize = 200;

/// Where the commands of a stage run.
#[derive(Clone, Debug)]
pub struct Place {
    /// The bash that runs them.
    pub bash: PathBuf,
    /// The copy of the working directory.
    pub directory: PathBuf,
    /// Variables set for them.
    pub variables: Vec<(String, String)>,
    /// Variables of the engine that they do not get.
    pub without: Vec<String>,
}

impl Place {
    /// `script` as a command. A line that fails ends it.
    pub fn command(&self, script: &str) -> Command {
        let arguments = ["-e", "-o", "pipefail", "-c", script];
        self.bash(&arguments)
    }

    /// Bash with these arguments.
    pub fn bash(&self, arguments: &[&str]) -> Command {
        Command {
            program: self.bash.clone().into(),
            arguments: arguments.iter().map(Into::into).collect(),
            directory: self.directory.clone(),
            variables: self.variables.clone(),
            without: self.without.clone(),
            descriptors: Vec::new(),
        }
    }

    /// Whether `script` succeeds within `limit`, and what it said.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn look(&self, script: &str, limit: Duration, watch: &mut Watch) -> io::Result<Looked> {
        let outcome = watch.run(self.command(script), Some(limit), Heed::Signals, &mut |_| {})?;
        Ok(match outcome.waited {
            Waited::Signal(signal) => Looked::Signal(signal),
            Waited::Ended(End::Exited(0)) => Looked::Holds { said: outcome.said },
            Waited::Ended(_) | Waited::TimedOut => Looked::Fails { how: how_it_failed(&outcome, limit) },
        })
    }
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It succeeded.
    Holds {
        /// What it said.
        said: String,
    },
    /// It failed.
    Fails {
        /// How, in a few words.
        how: String,
    },
    /// The engine got this signal.
    Signal(i32),
}

/// How a command failed, with the last line it wrote.
pub fn how_it_failed(outcome: &Outcome, limit: Duration) -> String {
    let how = match outcome.waited {
        Waited::Ended(End::Exited(status)) => format!("exit {status}"),
        Waited::Ended(End::Signaled(signal)) => format!("killed by signal {signal}"),
        Waited::TimedOut => format!("no end within {:.1} s", limit.as_secs_f64()),
        Waited::Signal(signal) => format!("stopped by signal {signal}"),
    };
    match last_line(&outcome.said) {
        Some(line) => format!("{how}: {line}"),
        None => how,
    }
}

/// The last line that says something, cut to what a person reads.
pub fn last_line(said: &str) -> Option<String> {
    let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let mut quoted: String = line.chars().take(QUOTED).collect();
    if quoted.len() < line.len() {
        quoted.push('…');
    }
    Some(quoted)
}

/// A script that succeeds once `ready` does: a URL answers, or a command succeeds. Without it, the ports
/// accept connections.
pub fn readiness(ready: Option<&str>, ports: &[u16]) -> String {
    match ready.map(str::trim) {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            format!("curl -fsS -o /dev/null --max-time 5 '{}'", url.replace('\'', r"'\''"))
        }
        Some(command) => command.to_owned(),
        None => ports.iter().map(|port| format!("(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>&1\n")).collect(),
    }
}

/// `directories` first on a PATH whose rest is `path`.
pub fn path_with(directories: &[PathBuf], path: &str) -> String {
    let mut all: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
    all.push(path.to_owned());
    all.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            bash: "bash".into(),
            directory: "/".into(),
            variables: vec![("GREETING".to_owned(), "hello".to_owned())],
            without: vec!["HOME".to_owned()],
        }
    }

    #[test]
    fn a_look_succeeds_or_says_how_it_failed() {
        let mut watch = Watch::new().unwrap();
        let mut look = |script| place().look(script, Duration::from_millis(1500), &mut watch).unwrap();
        let fails = |how: &str| Looked::Fails { how: how.to_owned() };
        assert_eq!(look("echo $GREETING ${HOME-none}"), Looked::Holds { said: "hello none\n".to_owned() });
        assert_eq!(look("echo one; echo two >&2; echo; exit 7"), fails("exit 7: two"));
        assert_eq!(look("false\ntrue"), fails("exit 1"));
        assert_eq!(look("false | true"), fails("exit 1"));
        assert_eq!(look("! true | false"), Looked::Holds { said: String::new() });
        assert_eq!(look("kill -9 $$"), fails("killed by signal 9"));
        assert_eq!(look("echo waiting; exec sleep 60"), fails("no end within 1.5 s: waiting"));
    }

    #[test]
    fn a_service_is_ready_as_it_is_declared() {
        for (ready, ports, script) in [
            (
                Some("http://localhost:1/it's"),
                &[][..],
                r"curl -fsS -o /dev/null --max-time 5 'http://localhost:1/it'\''s'",
            ),
            (Some(" test -e ready\n"), &[8000], "test -e ready"),
            (
                None,
                &[8000, 1],
                "(exec 3<>/dev/tcp/127.0.0.1/8000) 2>&1\n(exec 3<>/dev/tcp/127.0.0.1/1) 2>&1\n",
            ),
            (None, &[], ""),
        ] {
            assert_eq!(readiness(ready, ports), script);
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut watch = Watch::new().unwrap();
        let script = readiness(None, &[port.local_addr().unwrap().port()]);
        let mut look = || place().look(&script, Duration::from_secs(9), &mut watch).unwrap();
        assert_eq!(look(), Looked::Holds { said: String::new() });
        drop(port);
        assert!(matches!(look(), Looked::Fails { .. }));
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(last_line("a\n\n  \n"), Some("a".to_owned()));
        assert_eq!(last_line("\n"), None);
        assert_eq!(last_line(&"ü".repeat(300)).map(|line| line.chars().count()), Some(201));
    }
}
