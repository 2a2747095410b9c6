//! `docker` as the runbooks write it: what it does to the processes, and what it says.

use super::system::{LeviBot, ask_at, lives, until};
use crate::harness::root;
use serde_json::Value;
use std::net::TcpListener;

fn api_pid(levibot: &LeviBot) -> u64 {
    levibot.test.read("run/api.pid").parse().expect("a pid is a number")
}

#[test]
fn a_killed_api_is_seen_by_everyone() {
    let levibot = LeviBot::start();
    let (api, engines) = (api_pid(&levibot), levibot.engine_pids());
    assert!(levibot.ok("docker compose ps").contains(&format!("(pid {api})")));
    assert!(levibot.metric("levibot_up_seconds").is_some());

    levibot.ok(&format!("kill -9 {api}; while docker compose ps | grep levibot-api; do sleep 0.01; done"));
    assert!(levibot.ok("docker compose ps -a").contains("levibot/api:latest     api      Exited (137)"));
    assert_eq!(levibot.ask("GET", "/metrics", "").unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(levibot.sh("curl -s $LEVIBOT_URL/health").code, 7);
    assert_eq!(levibot.sh("./scripts/auto_recover.sh").code, 1);
    assert_eq!(levibot.sh("./scripts/test_kill_switch.sh").code, 1);
    until("its engines are dead", || !engines.iter().any(|pid| lives(*pid)));

    levibot.ok("docker compose up -d");
    assert_eq!(levibot.get("/health").status, 200);
    assert_ne!(api_pid(&levibot), api);
}

#[test]
fn every_command_of_the_runbooks_does_what_it_says() {
    let levibot = LeviBot::start();
    let first = api_pid(&levibot);
    let restarted = levibot.sh("docker compose restart api");
    assert_eq!((restarted.code, restarted.stderr.as_str()), (0, " Container levibot-api  Started\n"));
    let second = api_pid(&levibot);
    assert!(!lives(first) && lives(second));

    levibot.ok("docker compose stop api");
    assert!(!lives(second));
    let listed = levibot.ok("docker compose ps");
    assert!(!listed.contains("levibot-api") && listed.contains("levibot-feed"), "{listed}");
    levibot.ok("docker compose start api");

    // What runs its image already is left alone.
    let third = api_pid(&levibot);
    levibot.ok("docker compose up -d");
    assert_eq!(api_pid(&levibot), third);
    levibot.ok("docker compose pull levibot/api:previous && docker compose up -d api");
    assert_eq!(levibot.get("/live/status").json()["image"], "previous");
    assert!(levibot.ok("docker compose ps").contains("levibot/api:previous"));
    assert!(!lives(third));
    assert!(levibot.ok("docker logs --tail 1 levibot-api").starts_with("api previous is listening on "));
    assert!(levibot.ok("docker compose logs feed").contains("feed is listening on "));

    levibot.ok("docker compose down");
    assert_eq!(levibot.ok("docker compose ps -a").lines().count(), 1);
    levibot.ok("./scripts/db_backup.sh");
    levibot.ok("docker compose up -d && ./scripts/health_monitor.sh");
}

#[test]
fn a_stopped_api_is_restarted_all_the_same() {
    let levibot = LeviBot::start();
    levibot.ok("kill -STOP $(cat run/api.pid)");
    // Connections are accepted by the kernel, and nobody answers.
    assert_eq!(levibot.sh("curl -s --max-time 0.3 $LEVIBOT_URL/health").code, 28);
    levibot.ok("docker compose restart api");
    assert_eq!(levibot.get("/health").status, 200);
}

#[test]
fn a_broken_image_is_replaced_by_the_previous_one() {
    let levibot = LeviBot::start();
    let image = |tag: &str, body: &str| {
        let path = format!("images/levibot-api/{tag}");
        levibot.ok(&format!("printf '#!/bin/sh\\n%s\\n' '{body}' >{path} && chmod +x {path}"));
    };
    // One that serves and does not bring its engines along.
    image("next", "exec bin/levibot serve --engine engines/next \"$@\"");
    levibot.ok("docker compose pull levibot/api:next && docker compose up -d api");
    assert_eq!(levibot.get("/health").json()["engines_missing"].as_array().map(Vec::len), Some(5));
    // One that does not even start.
    image("worse", "echo no such library >&2; exit 1");
    levibot.ok("docker compose pull levibot/api:worse");
    let said = levibot.sh("docker compose up -d api");
    let expected = "container levibot-api ended at once: Exited (1); its log ends:";
    assert!(said.code == 1 && said.stderr.starts_with(expected), "{said:?}");
    assert!(said.stderr.ends_with("    no such library\n"), "{said:?}");
    levibot.ok("docker compose pull levibot/api:previous && docker compose up -d api");
    assert_eq!(levibot.get("/health").status, 200);
}

#[test]
fn what_it_does_not_know_it_refuses_in_dockers_words() {
    let levibot = LeviBot::start();
    for (line, message) in [
        (
            "docker frobnicate",
            "docker: unknown command: docker frobnicate\n\nRun 'docker --help' for more information\n",
        ),
        ("docker compose frobnicate", "unknown docker command: \"compose frobnicate\"\n"),
        ("docker compose restart web", "no such service: web\n"),
        (
            "docker compose pull levibot/api:none",
            "Error response from daemon: manifest for levibot/api:none not found\n",
        ),
        ("docker logs web", "Error response from daemon: No such container: web\n"),
    ] {
        let said = levibot.sh(line);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (1, "", message), "{line}");
    }
}

#[test]
fn without_a_supervisor_docker_says_so() {
    let mut levibot = LeviBot::start();
    levibot.supervisor().signal(nix::sys::signal::Signal::SIGKILL);
    levibot.ended();
    let said = levibot.sh("docker compose ps");
    let expected = "Cannot connect to the Docker daemon of LeviBot. Is `levibot up` running?\n";
    assert_eq!((said.code, said.stderr.as_str()), (1, expected));
}

/// What is written in `compose.yaml`, its merge keys carried out.
fn compose() -> Value {
    let text = std::fs::read_to_string(root().join("fixtures/levibot/compose.yaml"));
    serde_yaml::from_str(&text.expect("is there")).expect("is YAML")
}

fn words(command: &Value) -> Vec<String> {
    let words = command.as_array().expect("a list of words").iter();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("has one").port()
}

#[test]
fn the_compose_file_describes_the_same_system() {
    let services = compose()["services"].clone();
    for name in ["api", "feed"] {
        assert_eq!(services[name]["container_name"], format!("levibot-{name}"));
        assert_eq!(services[name]["image"], "levibot/api:${LEVIBOT_TAG:-latest}");
        assert_eq!(services[name]["stdin_open"], true);
    }
    assert_eq!(services["api"]["ports"][0], "127.0.0.1:8000:8000");

    // Its commands work as they are, but for the names and ports that only a real engine gives them.
    let levibot = LeviBot::start();
    levibot.ok("docker compose down");
    let (feed, api) = (free_port(), free_port());
    let here = |service: &str| {
        let command = words(&services[service]["command"]).join(" ").replace("0.0.0.0:", "127.0.0.1:");
        let command = command.replace("feed:9000", &format!("localhost:{feed}"));
        command.replace(":9000", &format!(":{feed}")).replace(":8000", &format!(":{api}"))
    };
    let health =
        words(&services["api"]["healthcheck"]["test"])[1..].join(" ").replace(":8000", &format!(":{api}"));
    // Without a standard input that stays open they would end.
    let status = levibot.ok(&format!(
        "mkfifo open; {} <open >feed.log 2>&1 & {} <open >api.log 2>&1 & exec 3>open
         until curl -fsS http://127.0.0.1:{api}/live/status | grep '\"ws_status\":\"connected\"'; do sleep 0.02; done 2>/dev/null
         {health} >/dev/null",
        here("feed"),
        here("api"),
    ));
    assert!(status.contains("\"running\":5"), "{status}");
    until("both have ended", || ask_at(&format!("127.0.0.1:{api}"), "GET", "/health", "").is_err());
}

#[test]
fn the_image_is_built_from_what_is_there() {
    let text = std::fs::read_to_string(root().join("fixtures/levibot/Dockerfile")).unwrap();
    let instruction = |name: &'static str| text.lines().filter_map(move |line| line.strip_prefix(name));
    for copied in instruction("COPY ") {
        let from = copied.split(' ').next().expect("is there");
        assert!(from.starts_with("--from=build") || root().join(from).exists(), "{copied}");
    }
    let command: Value = serde_yaml::from_str(instruction("CMD ").next().expect("has one")).unwrap();
    assert_eq!(words(&command), words(&compose()["services"]["api"]["command"]));
    let model = text.split_once("ln -sfn ").and_then(|(_, rest)| rest.split(' ').next()).expect("links one");
    assert!(root().join("fixtures/levibot/work/backend/models").join(model).is_dir(), "{model}");
}
