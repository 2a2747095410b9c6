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
        user_name(nix::unistd::geteuid().as_raw())
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
/// The name of the user with this number, or the number. The file of the users is read first: the system's own way
/// asks around for a daemon, at each start of a run.
pub(super) fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if let Some(name) = named(&users, uid) {
        return name.to_owned();
    }
    nix::unistd::User::from_uid(uid.into()).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// The first user with this number in a file like `/etc/passwd`: `name:password:number:…`.
fn named(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# a comment\n+::::::\nada:x:1000:1000::/home/ada:\n";
        for (uid, name) in [(0, Some("root")), (1000, Some("ada")), (7, None)] {
            assert_eq!(named(users, uid), name);
        }
        assert_eq!(user_name(4_000_000_001), "4000000001");
    }
}
