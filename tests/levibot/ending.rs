//! Starting where it cannot, and ending without leaving anything.

use super::system::{LeviBot, until};
use crate::harness::{Running, Test, exit_code, root};
use nix::sys::signal::Signal;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

#[track_caller]
fn refused(command: std::process::Command) -> String {
    let (status, _, stderr) = Running::start(command, None).finish(LIMIT);
    assert_eq!(exit_code(status), 1);
    String::from_utf8(stderr).expect("is there")
}

#[test]
fn a_second_levibot_in_the_directory_is_refused() {
    let levibot = LeviBot::start();
    let message = refused(LeviBot::command(&levibot.test));
    let expected = "error: cannot prepare the working directory `.`: another LeviBot runs in it\n";
    assert_eq!(message, expected);
    assert_eq!(levibot.get("/health").status, 200);
    assert!(levibot.ok("docker compose ps").contains("levibot-api"));
}

#[test]
fn a_port_in_use_is_named_also_while_its_api_is_down() {
    let levibot = LeviBot::start();
    let port = levibot.address.rsplit_once(':').expect("is there").1;
    let test = Test::new();
    let again = || {
        let mut command = test.other(super::system::program());
        command.args(["up", "--dir", ".", "--port", port]);
        refused(command)
    };
    let expected = format!("error: port {port} of 127.0.0.1 is in use (choose another: --port N)\n");
    assert_eq!(again(), expected);
    levibot.ok("docker compose stop api");
    assert_eq!(again(), expected);
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut levibot = LeviBot::start();
        levibot.supervisor().signal(signal);
        assert_eq!(levibot.ended(), 0, "{signal}");
        assert_eq!(levibot.test.leftovers(), Vec::<String>::new(), "{signal}");
        assert!(!levibot.test.path("run/supervisor.sock").exists(), "{signal}");
        assert!(levibot.test.read("run/logs/api.log").ends_with("api is stopping\n"), "{signal}");
    }
}

#[test]
fn killed_it_leaves_nothing_not_even_what_is_stopped_or_foreign() {
    let mut levibot = LeviBot::start();
    levibot.replace_engine("echo ready; sleep 600 & sleep 600");
    levibot.post("/engines/3/stop", "");
    assert_eq!(levibot.post("/engines/3/start", "").status, 200);
    levibot.ok(&format!("kill -STOP {} $(cat run/api.pid) $(cat run/feed.pid)", levibot.engine(2)["pid"]));
    levibot.supervisor().signal(Signal::SIGKILL);
    levibot.ended();
    assert_eq!(levibot.test.leftovers(), Vec::<String>::new());
    // And it starts again where it was.
    levibot.ok("printf '#!/bin/sh\\nexec bin/levibot engine \"$@\"\\n' >engines/engine");
    levibot.up();
    assert_eq!(levibot.get("/health").status, 200);
}

#[test]
fn an_api_that_never_answers_is_an_error_and_leaves_nothing() {
    let test = Test::new().script("images/levibot-api/latest", "echo cannot start >&2; exit 4");
    let message = refused(LeviBot::command(&test));
    let expected =
        "error: container levibot-api ended at once: Exited (4); its log ends:\n    cannot start\n";
    assert_eq!(message, expected);
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn a_supervisor_that_is_busy_ends_when_told_to() {
    let mut levibot = LeviBot::start();
    let before = levibot.test.read("run/api.pid");
    levibot
        .ok("printf '#!/bin/sh\\nsleep 600\\n' >images/levibot-api/hangs; chmod +x images/levibot-api/hangs
         docker compose pull levibot/api:hangs; docker compose up -d api >/dev/null 2>&1 &");
    until("the new one hangs", || !["", &before].contains(&levibot.test.read("run/api.pid").as_str()));
    levibot.supervisor().signal(Signal::SIGTERM);
    assert_eq!(levibot.ended(), 0);
    assert_eq!(levibot.test.leftovers(), Vec::<String>::new());
}

#[test]
fn the_default_directory_is_the_one_that_runbook_yaml_names_and_git_ignores() {
    let test = Test::new();
    let mut command = test.other(super::system::program());
    command.args(["up", "--help"]);
    let (_, help, _) = Running::start(command, None).finish(LIMIT);
    assert!(String::from_utf8(help).expect("is there").contains("[default: target/levibot]"));
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("is there");
    assert!(read("runbooks/runbook.yaml").lines().any(|line| line == "workdir: ../target/levibot"));
    assert!(read(".gitignore").lines().any(|line| line == "/target"));
}

#[test]
fn a_shell_without_a_directory_says_what_to_do() {
    let test = Test::new();
    let mut command = test.other(super::system::program());
    command.args(["shell", "--dir", "none", "--", "true"]);
    let expected = "error: cannot open `none` (start LeviBot with `levibot up` first): \
                    No such file or directory (os error 2)\n";
    assert_eq!(refused(command), expected);
    let levibot = LeviBot::start();
    let said = levibot.ok("echo $PWD; command -v docker; command -v levibot; echo $LEVIBOT_URL");
    let dir = levibot.test.path("").canonicalize().expect("is there");
    let dir = dir.display();
    assert_eq!(said, format!("{dir}\n{dir}/bin/docker\n{dir}/bin/levibot\nhttp://{}\n", levibot.address));
    until("it answers", || levibot.sh("exit 7").code == 7);
}
