//! The audit log: a line for every request, under load, over kills, and when it cannot be written.

use super::system::{LeviBot, ask, until};
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 32;

#[test]
fn no_answered_request_is_lost_although_the_api_is_killed_in_between() {
    let levibot = LeviBot::start();
    let (next, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let lists = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut paths = Vec::new();
                let mut stream = None;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        break;
                    }
                    let path = format!("/engines/{number}");
                    if answered_once(&mut stream, &levibot.address, &path) {
                        paths.push(path);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
                lists.lock().unwrap().extend(paths);
            });
        }
        until("a third is answered", || answered.load(Ordering::Relaxed) > REQUESTS / 3);
        levibot.ok("kill -9 $(cat run/api.pid)");
        levibot.ok("docker compose up -d api");
    });
    let answered = lists.into_inner().unwrap();
    // Some fell into the hole that the kill made: they were not answered.
    assert!(answered.len() < REQUESTS && answered.len() > REQUESTS / 2, "{}", answered.len());
    let lines = levibot.audit();
    let written: BTreeSet<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("every line is whole"))
        .map(|entry| entry["path"].as_str().expect("every entry has a path").to_owned())
        .collect();
    let lost: Vec<_> = answered.iter().filter(|path| !written.contains(*path)).collect();
    assert_eq!(lost, Vec::<&String>::new());
}

/// Asks once, on the connection there is or a new one; answers whether an answer came.
fn answered_once(stream: &mut Option<TcpStream>, address: &str, path: &str) -> bool {
    if stream.is_none() {
        // While the API is down the numbers are not used up in a rush.
        until("the API listens", || {
            *stream = TcpStream::connect(address).ok();
            stream.is_some()
        });
    }
    let connection = stream.as_mut().expect("it was just opened");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("is an ordinary socket");
    let answered = ask(connection, "GET", path, "", "keep-alive").is_ok();
    if !answered {
        *stream = None;
    }
    answered
}

#[test]
fn every_kind_of_request_is_written_down() {
    let levibot = LeviBot::start();
    let asked = [
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/live/kill", 405),
        ("POST", "/engines/9/stop", 404),
    ];
    for (method, path, status) in asked {
        assert_eq!(levibot.ask(method, path, "").unwrap().status, status);
    }
    let day = levibot.ok("cat backend/data/audit/$(date +%Y-%m-%d).jsonl");
    let entries: Vec<serde_json::Value> =
        day.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (entry, (method, path, status)) in entries.iter().zip(asked) {
        assert_eq!(
            (&entry["method"], &entry["path"], &entry["status"]),
            (&method.into(), &path.into(), &status.into())
        );
    }
    assert_eq!(entries.len(), asked.len());
}

#[test]
fn a_caller_that_hangs_up_is_written_down_too() {
    let levibot = LeviBot::start();
    // The lock keeps the answer back for longer than the caller waits.
    let said = levibot
        .sh("levibot lock 1 >run/lock.log 2>&1 & until grep -qs locked run/lock.log; do sleep 0.01; done
         curl -s --max-time 0.2 -d '{\"reason\":\"impatient\"}' $LEVIBOT_URL/live/kill");
    assert_eq!(said.code, 28);
    until("it is written down", || levibot.audit().iter().any(|line| line.contains("/live/kill")));
    assert_eq!(levibot.get("/live/status").json()["kill_switch"]["reason"], "impatient");
}

#[test]
fn a_log_that_cannot_be_written_is_shown_and_stops_nothing() {
    let levibot = LeviBot::start();
    let trouble = || levibot.get("/health").json()["audit"].as_str().unwrap().to_owned();
    assert_eq!(trouble(), "ok");
    levibot.ok("mv backend/data/audit backend/data/aside && touch backend/data/audit");
    levibot.get("/engines");
    assert!(trouble().ends_with(".jsonl: Not a directory (os error 20)"), "{}", trouble());
    assert_eq!(levibot.get("/health").status, 200);
    assert!(levibot.metric("levibot_audit_lost_total") > Some(1.0));

    levibot.ok("rm backend/data/audit && mkdir backend/data/audit && ln -s /dev/full backend/data/audit/$(date +%Y-%m-%d).jsonl");
    levibot.get("/engines");
    assert!(trouble().ends_with(".jsonl: No space left on device (os error 28)"), "{}", trouble());

    levibot.ok("rm -r backend/data/audit && mv backend/data/aside backend/data/audit");
    levibot.get("/engines");
    assert_eq!(trouble(), "ok");
    levibot.ok("grep -q /engines backend/data/audit/$(date +%Y-%m-%d).jsonl");
}

#[test]
fn the_age_of_the_log_outlives_the_api() {
    let levibot = LeviBot::start();
    levibot.get("/health");
    levibot.ok("touch -d '2 hours ago' backend/data/audit/*.jsonl && docker compose restart api");
    assert!(levibot.metric("levibot_audit_log_age_seconds") > Some(7000.0));
    assert!(levibot.metric("levibot_audit_log_age_seconds") < Some(60.0));
}
