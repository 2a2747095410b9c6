//! Who runs the engine, where, and with which variables.

use std::io::IsTerminal as _;
use std::path::PathBuf;

/// What the process was given by whoever started it.
pub trait Environment {
    /// The variable `name`; `None` also when its value is not UTF-8.
    fn var(&self, name: &str) -> Option<String>;

    /// Every variable that is UTF-8, sorted by name.
    fn vars(&self) -> Vec<(String, String)>;

    /// The current directory; `/` if it was removed.
    fn cwd(&self) -> PathBuf;

    /// The user's name, or their number if they have no name.
    fn user(&self) -> String;

    /// The host's name.
    fn hostname(&self) -> String;

    /// The engine's process id.
    fn pid(&self) -> u32;

    /// Whether standard input is a terminal.
    fn stdin_is_terminal(&self) -> bool;

    /// Whether standard output is a terminal.
    fn stdout_is_terminal(&self) -> bool;

    /// Whether standard error is a terminal.
    fn stderr_is_terminal(&self) -> bool;

    /// Width of the terminal behind standard error in columns; 80 where there is none.
    fn columns(&self) -> u16;
}

/// The real environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn vars(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        all.sort();
        all
    }

    fn cwd(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    fn user(&self) -> String {
        let uid = nix::unistd::geteuid();
        nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
    }

    fn hostname(&self) -> String {
        nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "localhost".to_owned())
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn stdin_is_terminal(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn stdout_is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    fn stderr_is_terminal(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    fn columns(&self) -> u16 {
        console::Term::stderr().size_checked().map_or(80, |(_, columns)| columns)
    }
}
