//! Every path of the API, the kill switch, and the metrics.

use super::system::{LeviBot, ask_at, lives, until};
use crate::expected::files;
use crate::harness::root;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[test]
fn every_path_answers_as_the_runbooks_expect() {
    let levibot = LeviBot::start();
    let reason = r#"{"reason":"drill"}"#;
    for (method, path, body, status) in [
        ("GET", "/health", "", 200),
        ("GET", "/live/status", "", 200),
        ("GET", "/engines", "", 200),
        ("GET", "/engines/3", "", 200),
        ("GET", "/metrics", "", 200),
        ("GET", "/engines/33", "", 404),
        ("GET", "/engines/300", "", 404),
        ("GET", "/engines/x", "", 404),
        ("POST", "/engines/33/start", "", 404),
        ("POST", "/engines/33/stop", "", 404),
        ("GET", "/nowhere", "", 404),
        ("GET", "/live/kill", "", 405),
        ("POST", "/engines/3/start", "", 200),
        ("POST", "/engines/3/stop", "", 200),
        ("POST", "/engines/3/stop", "", 200),
        // An engine that was stopped on purpose is not missing.
        ("GET", "/health", "", 200),
        ("POST", "/engines/3/start", "", 200),
        ("POST", "/live/kill", "drill", 400),
        ("POST", "/live/kill", reason, 200),
        ("POST", "/live/kill", reason, 200),
        ("GET", "/health", "", 200),
        ("POST", "/engines/3/start", "", 409),
        ("POST", "/live/restore", "", 200),
        ("POST", "/live/restore", "", 200),
        ("GET", "/health", "", 200),
        // Without a reason it is pressed all the same.
        ("POST", "/live/kill", "", 200),
    ] {
        let answer = levibot.ask(method, path, body).expect("is there");
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    }
    assert_eq!(levibot.get("/live/status").json()["kill_switch"]["reason"], "no reason given");
    let unknown = levibot.get("/engines/33").json();
    assert_eq!(unknown["error"], "no such engine: 33");
}

#[test]
fn the_status_tells_what_the_runbooks_ask_for() {
    let levibot = LeviBot::start();
    until("the feed is found", || levibot.ws()["status"] == "connected");
    assert_eq!(levibot.ok("curl -s $LEVIBOT_URL/live/status | jq '.ws_status'"), "\"connected\"\n");
    let status = levibot.get("/live/status").json();
    assert_eq!(status["engines"]["running"], 5);
    assert_eq!(status["kill_switch"]["active"], false);
    assert_eq!(status["image"], "latest");
}

#[test]
fn the_kill_switch_stops_every_engine_within_half_a_second() {
    let levibot = LeviBot::start();
    let pids = levibot.engine_pids();
    assert_eq!(pids.len(), 5);
    // A process that does not listen is killed all the same.
    levibot.ok(&format!("kill -STOP {}", pids[1]));
    let pressed = Instant::now();
    assert_eq!(levibot.post("/live/kill", r#"{"reason":"drill"}"#).status, 200);
    let took = pressed.elapsed();
    assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 0);
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(levibot.engine_pids(), [0; 0]);
    assert_eq!(levibot.post("/live/restore", "").status, 200);
    assert_eq!(levibot.engine_pids().len(), 5);
}

#[test]
fn a_locked_database_delays_the_answer_to_a_kill_and_not_the_kill() {
    let levibot = LeviBot::start();
    let pids = levibot.engine_pids();
    levibot.ok("levibot lock 600 >run/lock.log 2>&1 & echo $! >run/lock.pid
         until grep -qs locked run/lock.log; do sleep 0.01; done");
    let address = &levibot.address;
    let (answer, stopped) = std::thread::scope(|scope| {
        let pressed = Instant::now();
        let kill =
            scope.spawn(|| ask_at(address, "POST", "/live/kill", r#"{"reason":"drill"}"#).expect("is there"));
        until("every engine is dead", || !pids.iter().any(|pid| lives(*pid)));
        let stopped = pressed.elapsed();
        (kill.join().expect("is there"), stopped)
    });
    assert!(stopped < Duration::from_millis(500), "{stopped:?}");
    assert_eq!(answer.status, 500);
    let reason = "every engine is stopped, but a restart would not know it yet: \
                  database: database is locked";
    assert_eq!(answer.json()["error"], reason);
    assert!(levibot.metric("levibot_kill_switch_latency_seconds").expect("is there") > 0.5);

    // Once the lock is gone the switch is written down by itself.
    levibot.ok("kill $(cat run/lock.pid)");
    until("the switch is kept", || kept_reason(&levibot).as_deref() == Some("drill"));
    levibot.ok("docker compose restart api");
    assert_eq!(levibot.get("/live/status").json()["kill_switch"]["active"], true);
}

fn kept_reason(levibot: &LeviBot) -> Option<String> {
    let database =
        rusqlite::Connection::open(levibot.test.path("backend/data/levibot.db")).expect("is there");
    database.query_row("SELECT reason FROM kill_switch", [], |row| row.get(0)).ok()
}

#[test]
fn every_symptom_with_a_number_is_a_metric() {
    let levibot = LeviBot::start();
    until("the feed is found", || levibot.ws()["status"] == "connected");
    levibot.post("/live/kill", r#"{"reason":"drill"}"#);
    levibot.post("/live/restore", "");
    levibot.break_engine(2);
    assert_eq!(levibot.metric("levibot_engines_missing"), Some(1.0));
    until("the outage counts", || levibot.metric("levibot_recovery_duration_seconds") > Some(0.0));
    assert_eq!(levibot.post("/engines/2/start", "").status, 200);
    until("it is over", || levibot.metric("levibot_recovery_duration_seconds") == Some(0.0));

    let names = samples(&levibot.get("/metrics"));
    for name in [
        "levibot_recovery_duration_seconds",
        "levibot_last_recovery_duration_seconds",
        "levibot_engine_restart_failures_total{engine=\"3\"}",
        "levibot_ws_reconnect_duration_seconds",
        "levibot_kill_switch_latency_seconds",
        "levibot_audit_log_age_seconds",
        "levibot_chaos_pass_ratio",
    ] {
        assert!(names.contains(name), "{name} is missing in {names:#?}");
    }
}

/// The samples of a page, which must be valid text format: each family described once, before its samples.
fn samples(page: &super::system::Answer) -> BTreeSet<String> {
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(page.head.contains(kind), "{}", page.head);
    let (mut families, mut names) = (BTreeSet::new(), BTreeSet::new());
    let mut family = String::new();
    for line in page.body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split(' ').next().expect("is there").clone_into(&mut family);
            assert!(families.insert(family.clone()), "{family} is described twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let kinds = [format!("{family} gauge"), format!("{family} counter")];
            assert!(kinds.contains(&kind.to_owned()), "{line}");
            assert_eq!(kind.ends_with("counter"), family.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("is there");
            assert_eq!(name.split('{').next(), Some(family.as_str()), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(names.insert(name.to_owned()), "{name} stands twice");
        }
    }
    names
}

#[test]
fn no_source_of_levibot_knows_the_name_of_a_fault() {
    let yaml = std::fs::read_to_string(root().join("runbooks/runbook.yaml")).unwrap();
    let faults = yaml.split_once("\nfaults:\n").unwrap().1;
    let name =
        |line: &str| line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).map(str::to_owned);
    let names: Vec<String> = faults.lines().filter_map(name).filter(|name| !name.starts_with(' ')).collect();
    assert!(names.contains(&"api-down".to_owned()), "{names:?}");
    for path in files(&root().join("fixtures/levibot"), "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let known: Vec<_> = names.iter().filter(|name| text.contains(name.as_str())).collect();
        assert_eq!(known, Vec::<&String>::new(), "{}", path.display());
    }
}
