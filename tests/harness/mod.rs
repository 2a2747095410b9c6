//! The one builder every black-box test uses, and what it returns.

mod process;
mod redact;
pub(crate) mod rehearsal;
mod service;
pub(crate) mod site;
mod snapshot;
mod terminal;

pub(crate) use process::{Running, leftovers};
pub(crate) use service::{Reply, Service};
pub(crate) use terminal::OnTerminal;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// The program under test.
pub(crate) const RUNBOOK: &str = env!("CARGO_BIN_EXE_runbook");

/// Our own LeviBot runbook, as it stands in the repository.
pub(crate) const LEVIBOT: &str = include_str!("../../runbooks/levibot.md");

/// Longest time one invocation may take before the harness kills it and fails the test.
const LIMIT: Duration = Duration::from_secs(90);

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Our LeviBot runbook for a service on `address`, with the wait between stop and start shortened.
pub(crate) fn levibot_on(address: &str) -> String {
    LEVIBOT.replace("localhost:8000", address).replace("sleep 5", "sleep 0.1")
}

/// One invocation of `runbook` in a directory of its own, which is also its home.
///
/// The environment is cleared: what the machine or the caller has set cannot change a result.
pub(crate) struct Test {
    place: tempfile::TempDir,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    marker: String,
    /// The program, where it is a copy that an ordinary user can reach.
    program: Option<PathBuf>,
    directory: Option<PathBuf>,
}

/// The user called nobody, on every Linux.
const NOBODY: u32 = 65534;

impl Test {
    /// A fresh directory and no arguments.
    pub(crate) fn new() -> Self {
        let place = tempfile::Builder::new().prefix("runbook-test-").tempdir().expect("/tmp is writable");
        let marker = place.path().file_name().expect("has a name").to_string_lossy().into_owned();
        for part in ["work", "home"] {
            std::fs::create_dir(place.path().join(part)).expect("is fresh");
        }
        Self { place, args: Vec::new(), env: Vec::new(), stdin: None, marker, program: None, directory: None }
    }

    /// A fresh directory with `text` as `doc.md`, and `args` applied to it by `--file doc.md`.
    pub(crate) fn on(text: &str, args: &[&str]) -> Self {
        Self::new().file("doc.md", text).args(args).args(&["--file", "doc.md"])
    }

    /// Writes a file below the working directory, with the directories above it.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("is below the working directory")).expect("is ours");
        std::fs::write(path, contents).expect("is ours");
        self
    }

    /// Writes an executable bash script below the working directory.
    pub(crate) fn script(self, path: &str, body: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let this = self.file(path, format!("#!/usr/bin/env bash\n{body}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(this.path(path), mode).expect("is ours");
        this
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Replaces the arguments, for a second invocation in the same place.
    pub(crate) fn again(mut self, args: &[&str]) -> Self {
        self.args.clear();
        self.args(args)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Feeds standard input; without this it is `/dev/null`.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Starts in `directory` instead of the test's own.
    pub(crate) fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs as a user without privileges, whoever runs the suite. To be called when all files are there.
    pub(crate) fn by_ordinary_user(mut self) -> Self {
        if nix::unistd::geteuid().is_root() {
            // The repository may lie where only its owner may look.
            let program = self.place.path().join("runbook");
            std::fs::copy(RUNBOOK, &program).expect("there is room");
            self.program = Some(program);
            give_away(self.place.path());
        }
        self
    }

    /// The directory that is given to this test and holds all of it.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// A path below the working directory.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.place.path().join("work").join(path)
    }

    /// The text of a file below the working directory; empty if there is none.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// The engine's state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// The only run's journal, one JSON value a line.
    pub(crate) fn journal(&self) -> Vec<serde_json::Value> {
        let runs = std::fs::read_dir(self.state().join("runs")).expect("a run was recorded");
        let runs: Vec<_> = runs.map(|entry| entry.expect("is readable").path()).collect();
        assert_eq!(runs.len(), 1, "exactly one run: {runs:?}");
        let text = std::fs::read_to_string(runs[0].join("journal.jsonl")).expect("every run has a journal");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// The processes that still carry this test's mark.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        leftovers(&self.marker)
    }

    /// The processes that carry this test's mark now, as `pid: command line`.
    pub(crate) fn marked(&self) -> Vec<String> {
        process::marked(&self.marker)
    }

    /// The command, ready to start.
    pub(crate) fn command(&self) -> Command {
        let mut command = match &self.program {
            None => Command::new(RUNBOOK),
            Some(copy) => {
                let mut command = Command::new(copy);
                std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
                std::os::unix::process::CommandExt::gid(&mut command, NOBODY);
                command
            }
        };
        self.prepare(&mut command);
        command.args(&self.args);
        command
    }

    /// Another program in the same place and environment.
    pub(crate) fn other(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        let inherited = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        command
            .env_clear()
            .env("PATH", inherited)
            .env("HOME", self.place.path().join("home"))
            .env("RUNBOOK_HOME", self.state())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("RUNBOOK_TEST_MARKER", &self.marker)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.clone().unwrap_or_else(|| self.place.path().join("work")))
            .stdin(Stdio::null());
    }

    /// Starts it and returns at once.
    pub(crate) fn spawn(&self) -> Running {
        Running::start(self.command(), self.stdin.clone())
    }

    /// Starts it so that a hang-up ends it, even where the tests themselves run under `nohup`.
    pub(crate) fn spawn_heeding_hangups(&self) -> Running {
        let mut command = self.other("env");
        command.args(["--default-signal=HUP", RUNBOOK]).args(&self.args);
        Running::start(command, self.stdin.clone())
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        let (status, stdout, stderr) = self.spawn().finish(LIMIT);
        let code = exit_code(status);
        let stdout = String::from_utf8(stdout).expect("machine and human output is UTF-8");
        let stderr = String::from_utf8(stderr).expect("machine and human output is UTF-8");
        Finished { test: self, code, stdout, stderr }
    }
}

/// Makes everything in `path` nobody's.
fn give_away(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).expect("is ours");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("is ours") {
            give_away(&entry.expect("is readable").path());
        }
    }
}

/// The exit code as a shell shows it: 128+n for signal n.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().expect("an ended process has one of both"))
}

/// An invocation that has ended.
pub(crate) struct Finished {
    /// The place it ran in.
    pub(crate) test: Test,
    /// Its exit code; 128+n for signal n.
    pub(crate) code: i32,
    /// All it wrote to standard output.
    pub(crate) stdout: String,
    /// All it wrote to standard error.
    pub(crate) stderr: String,
}

impl Finished {
    /// Expects this exit code and shows everything if it is another.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code of\n{}", self.transcript());
        assert!(!self.stderr.contains("panicked at"), "a panic in\n{}", self.transcript());
        self
    }

    /// Expects exactly this standard output, after redaction.
    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        assert_eq!(self.redacted(&self.stdout), expected, "stdout of\n{}", self.transcript());
        self
    }

    /// Expects exactly this standard error, after redaction.
    #[track_caller]
    pub(crate) fn stderr(self, expected: &str) -> Self {
        assert_eq!(self.redacted(&self.stderr), expected, "stderr of\n{}", self.transcript());
        self
    }

    /// Expects that standard output and error together hold `part`.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        let said = self.stdout.contains(part) || self.stderr.contains(part);
        assert!(said, "`{part}` is missing in\n{}", self.transcript());
        self
    }

    /// Expects that neither stream holds `part`.
    #[track_caller]
    pub(crate) fn never_says(self, part: &str) -> Self {
        let said = self.stdout.contains(part) || self.stderr.contains(part);
        assert!(!said, "`{part}` should not be in\n{}", self.transcript());
        self
    }

    /// Compares command line, exit code and both streams with `tests/expected/<name>.txt`.
    #[track_caller]
    pub(crate) fn matches(self, name: &str) -> Self {
        snapshot::compare(name, &self.redacted(&self.transcript()));
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not JSON ({error}) in\n{}", self.transcript()))
    }

    /// Expects that no process started by this test is alive.
    #[track_caller]
    pub(crate) fn leaves_nothing(self) -> Self {
        assert_eq!(self.test.leftovers(), Vec::<String>::new(), "left by\n{}", self.transcript());
        self
    }

    fn redacted(&self, text: &str) -> String {
        redact::redact(text, self.test.place.path())
    }

    fn transcript(&self) -> String {
        let args: Vec<_> = self.test.args.iter().map(|arg| quoted(&arg.to_string_lossy())).collect();
        format!(
            "$ runbook {}\nexit {}\n--- stdout\n{}--- stderr\n{}",
            args.join(" "),
            self.code,
            self.stdout,
            self.stderr
        )
    }
}

fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{arg}'") }
}
