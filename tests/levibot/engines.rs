//! Engines that crash, hang and cannot be started, and what LeviBot does about it.

use super::system::{LeviBot, lives, until};

#[test]
fn a_crashed_engine_is_started_again() {
    let levibot = LeviBot::start();
    let before = levibot.engine(3)["pid"].as_u64().unwrap();
    levibot.ok(&format!("kill -9 {before}"));
    until("another one runs", || {
        let engine = levibot.engine(3);
        engine["status"] == "running" && engine["pid"].as_u64() != Some(before)
    });
    // Crashes in a row are forgotten once it has run for a while; starts are not.
    assert_eq!(levibot.engine(3)["restarts"], 1);
    assert_eq!(levibot.get("/health").status, 200);
    assert_eq!(levibot.metric("levibot_engine_restarts_total{engine=\"3\"}"), Some(1.0));
}

#[test]
fn an_engine_that_crashes_again_and_again_is_given_up() {
    let levibot = LeviBot::start();
    levibot.replace_engine("echo ready; exit 3");
    levibot.ok(&format!("kill -9 {}", levibot.engine(3)["pid"]));
    until("it is given up", || levibot.engine(3)["status"] == "failed");
    let reason = "it ended with exit status: 3; given up after 4 crashes in a row";
    assert_eq!(levibot.engine(3)["reason"], reason);
    assert_eq!(levibot.engine(3)["restarts"], 3);
    let health = levibot.get("/health");
    assert_eq!((health.status, &health.json()["engines_missing"]), (503, &serde_json::json!([3])));
}

#[test]
fn a_program_that_cannot_be_run_fails_the_start() {
    let levibot = LeviBot::start();
    assert_eq!(levibot.post("/engines/3/stop", "").status, 200);
    levibot.ok("chmod -x engines/engine");
    let answer = levibot.post("/engines/3/start", "");
    assert_eq!(answer.status, 500);
    let reason = "engine 3 did not start: cannot run `engines/engine`: Permission denied (os error 13)";
    assert_eq!(answer.json()["error"], reason);
    assert_eq!(levibot.get("/health").status, 503);
    assert_eq!(levibot.get("/engines/4").json()["status"], "running");
    levibot.ok("chmod +x engines/engine");
    assert_eq!(levibot.post("/engines/3/start", "").status, 200);
    assert_eq!(levibot.get("/health").status, 200);
}

#[test]
fn a_program_that_ends_at_once_fails_the_start() {
    let levibot = LeviBot::start();
    levibot.replace_engine("exit 1");
    levibot.post("/engines/3/stop", "");
    let answer = levibot.post("/engines/3/start", "");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"], "engine 3 did not start: it ended with exit status: 1");
    assert_eq!(levibot.metric("levibot_engine_restart_failures_total{engine=\"3\"}"), Some(1.0));
}

#[test]
fn a_program_that_hangs_is_accepted_and_never_runs() {
    let levibot = LeviBot::start();
    levibot.replace_engine("sleep 600 & sleep 600");
    levibot.post("/engines/3/stop", "");
    let answer = levibot.post("/engines/3/start", "");
    assert_eq!((answer.status, &answer.json()["status"]), (202, &"starting".into()));
    assert_eq!(levibot.get("/health").json()["engines_missing"], serde_json::json!([3]));
    // A kill finds it, and what it started, although it never said a word.
    let pid = answer.json()["pid"].as_u64().unwrap();
    levibot.post("/live/kill", r#"{"reason":"drill"}"#);
    assert!(!lives(pid));
    let left = format!("! ps -eo pgid=,stat= | grep -v Z | grep -q '^ *{pid} '");
    until("what it started is dead", || levibot.sh(&left).code == 0);
}

#[test]
fn a_stopped_process_is_a_stalled_engine_until_somebody_starts_it() {
    let levibot = LeviBot::start();
    let pid = levibot.engine(3)["pid"].as_u64().unwrap();
    levibot.ok(&format!("kill -STOP {pid}"));
    until("the stall is seen", || levibot.get("/health").status == 503);
    assert_eq!(levibot.engine(3)["status"], "stalled");
    assert!(lives(pid));
    assert_eq!(levibot.post("/engines/3/start", "").status, 200);
    assert_eq!(levibot.get("/health").status, 200);
    assert!(!lives(pid));
}

#[test]
fn a_bad_model_keeps_every_engine_down_until_it_is_rolled_back() {
    let levibot = LeviBot::start();
    levibot.ok(r#"mkdir backend/models/2025-10-16
           echo '{"version": "2025-10-16", "threshold": 65}' >backend/models/2025-10-16/model.json
           ./backend/scripts/rollback_model.sh 2025-10-16 all && docker compose restart api"#);
    let health = levibot.get("/health");
    assert_eq!(
        (health.status, &health.json()["engines_missing"]),
        (503, &serde_json::json!([1, 2, 3, 4, 5]))
    );
    let why = "backend/models/current/model.json: the threshold 65 is not between 0 and 1";
    assert!(levibot.ok("docker logs levibot-api").contains(why));
    levibot.ok("./scripts/test_kill_switch.sh && ./backend/scripts/rollback_model.sh 2025-10-14 all");
    assert_eq!(levibot.post("/live/restore", "").status, 200);
    assert_eq!(levibot.get("/health").status, 200);
    assert!(levibot.ok("docker logs levibot-api").contains("model 2025-10-14 with threshold 0.62"));
}
