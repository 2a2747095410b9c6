//! A LeviBot of one's own: in a fresh directory, on a free port, gone when the test ends.

use crate::harness::{Running, Test, exit_code};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(10);

/// The built program; cargo puts examples beside the directory of the test binaries.
pub(super) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let build = test.parent().and_then(Path::parent).expect("is target/<profile>/deps/<test>");
    let program = build.join("examples/levibot");
    assert!(program.is_file(), "`{}` is missing: cargo build --example levibot", program.display());
    program
}

/// A LeviBot that runs.
pub(super) struct LeviBot {
    up: Option<Running>,
    pub(super) test: Test,
    pub(super) address: String,
}

/// What a command said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// What the API answered.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

impl LeviBot {
    /// Starts one in a fresh directory and waits until it is ready.
    pub(super) fn start() -> Self {
        Self::start_in(Test::new())
    }

    /// Starts one in the directory of `test`.
    pub(super) fn start_in(test: Test) -> Self {
        let mut levibot = Self { up: None, test, address: String::new() };
        levibot.up();
        levibot
    }

    /// The command that starts one here, on any free port.
    pub(super) fn command(test: &Test) -> Command {
        let mut command = test.other(program());
        command.args(["up", "--port", "0", "--dir", "."]);
        command
    }

    /// Starts it, again if it ran before, and waits until it is ready.
    pub(super) fn up(&mut self) {
        let mut up = Running::start(Self::command(&self.test), None);
        up.wait_for("levibot is ready on http://");
        let url = self.test.read("run/url");
        url.trim_start_matches("http://").clone_into(&mut self.address);
        self.up = Some(up);
    }

    /// The supervisor.
    pub(super) fn supervisor(&self) -> &Running {
        self.up.as_ref().expect("it was started")
    }

    /// Waits for the supervisor's end.
    pub(super) fn ended(&mut self) -> i32 {
        exit_code(self.up.take().expect("it was started").finish(PATIENCE).0)
    }

    /// Runs a shell line where the runbooks' commands work.
    #[track_caller]
    pub(super) fn sh(&self, line: &str) -> Said {
        let mut command = self.test.other(program());
        command.args(["shell", "--dir", ".", "--", "sh", "-c", line]);
        let (status, stdout, stderr) = Running::start(command, None).finish(PATIENCE);
        let text = |bytes| String::from_utf8(bytes).expect("LeviBot speaks UTF-8");
        Said { code: exit_code(status), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs a shell line that must succeed; answers its standard output.
    #[track_caller]
    pub(super) fn ok(&self, line: &str) -> String {
        let said = self.sh(line);
        assert_eq!(said.code, 0, "{line}: {said:?}");
        said.stdout
    }

    /// Asks the API.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        ask_at(&self.address, method, path, body)
    }

    /// Gets what must be there.
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Posts, as `curl -d` does, to what must be there.
    #[track_caller]
    pub(super) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, body).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// One engine as the API sees it.
    #[track_caller]
    pub(super) fn engine(&self, id: u8) -> Value {
        self.get(&format!("/engines/{id}")).json()
    }

    /// The process ids of the engines that run.
    #[track_caller]
    pub(super) fn engine_pids(&self) -> Vec<u64> {
        let engines = self.get("/engines").json();
        engines["engines"].as_array().expect("a list").iter().filter_map(|one| one["pid"].as_u64()).collect()
    }

    /// The market connection as the API sees it.
    #[track_caller]
    pub(super) fn ws(&self) -> Value {
        self.get("/live/status").json()["ws"].clone()
    }

    /// A sample of `/metrics`.
    #[track_caller]
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        let page = self.get("/metrics").body;
        let line =
            page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.map(|line| line[name.len() + 1..].parse().expect("a sample is a number"))
    }

    /// The audit log of every day, line by line.
    pub(super) fn audit(&self) -> Vec<String> {
        let directory = self.test.path("backend/data/audit");
        let days = std::fs::read_dir(directory).expect("the log has a directory");
        let days =
            days.map(|day| std::fs::read_to_string(day.expect("is readable").path()).expect("is text"));
        days.flat_map(|day| day.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Replaces the engines' program by a shell script.
    pub(super) fn replace_engine(&self, body: &str) {
        std::fs::write(self.test.path("engines/engine"), format!("#!/bin/sh\n{body}\n")).expect("is ours");
    }

    /// Leaves an engine down that could be started: it crashes while its program cannot be run.
    pub(super) fn break_engine(&self, id: u8) {
        let pid = &self.engine(id)["pid"];
        self.ok(&format!("chmod -x engines/engine && kill -9 {pid}"));
        until("the engine is given up", || self.engine(id)["status"] == "failed");
        self.ok("chmod +x engines/engine");
    }
}

impl Drop for LeviBot {
    fn drop(&mut self) {
        drop(self.up.take());
        if !thread::panicking() {
            assert_eq!(self.test.leftovers(), Vec::<String>::new(), "left by a killed LeviBot");
        }
    }
}

/// Asks over a connection of its own.
pub(super) fn ask_at(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(&mut stream, method, path, body, "close")
}

/// Asks over a connection that is there.
pub(super) fn ask(
    stream: &mut TcpStream,
    method: &str,
    path: &str,
    body: &str,
    connection: &str,
) -> std::io::Result<Answer> {
    let length = body.len();
    let form = "Content-Type: application/x-www-form-urlencoded";
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: levibot\r\nConnection: {connection}\r\n{form}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes())?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(answer) = whole(&bytes) {
            return Ok(answer);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The answer in `bytes`, once its body is complete.
fn whole(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length is a number"));
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (body.len() == length).then(|| Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// Asks again and again until the answer is yes.
#[track_caller]
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        // Asking without a pause would keep what is asked from getting on.
        thread::park_timeout(PAUSE);
    }
}

/// Whether a process is alive; a zombie is not.
pub(super) fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
