//! The scripts of the runbooks: what they do, how they fail, and that they end.

use super::system::LeviBot;

#[test]
fn auto_recovery_starts_what_is_down_and_tells_when_it_cannot() {
    let levibot = LeviBot::start();
    levibot.post("/engines/4/stop", "");
    levibot.break_engine(2);
    let said = levibot.ok("./scripts/auto_recover.sh");
    assert_eq!(said, "starting engine 2\nstarting engine 4\nrecovered: every engine runs\n");
    assert_eq!(levibot.engine_pids().len(), 5);

    levibot.post("/engines/4/stop", "");
    levibot.ok("chmod -x engines/engine");
    let said = levibot.sh("./scripts/auto_recover.sh");
    let reason = "engine 4 did not start: cannot run `engines/engine`: Permission denied (os error 13)\n\
                  auto-recovery failed: engines still down: 4 \n";
    assert_eq!((said.code, said.stderr.as_str()), (1, reason));

    levibot.post("/live/kill", "");
    let said = levibot.sh("./scripts/auto_recover.sh");
    let reason = "auto-recovery refused: the kill switch is on (restore it first)\n";
    assert_eq!((said.code, said.stderr.as_str()), (1, reason));
}

#[test]
fn the_kill_switch_test_leaves_it_on_and_says_so() {
    let levibot = LeviBot::start();
    let said = levibot.ok("./scripts/test_kill_switch.sh");
    let (first, second) = said.split_once('\n').unwrap();
    let url = &levibot.address;
    assert_eq!(
        first,
        format!(
            "the kill switch is ACTIVE and stays so (to restore: curl -X POST http://{url}/live/restore)"
        )
    );
    assert!(
        second.starts_with("kill switch latency: ") && second.ends_with(" ms, within 500 ms\n"),
        "{said}"
    );
    assert_eq!(levibot.get("/live/status").json()["kill_switch"]["active"], true);
}

#[test]
fn a_slow_kill_switch_fails_its_test() {
    let levibot = LeviBot::start();
    // The answer comes when the lock is gone, before the API loses its patience.
    let said = levibot
        .sh("levibot lock 1 >run/lock.log 2>&1 & until grep -qs locked run/lock.log; do sleep 0.01; done
         ./scripts/test_kill_switch.sh");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.ends_with(" ms, more than 500 ms\n"), "{said:?}");
}

#[test]
fn the_health_monitor_waits_and_gives_up() {
    let levibot = LeviBot::start();
    assert_eq!(levibot.ok("./scripts/health_monitor.sh"), "healthy after 0 s\n");
    levibot.ok("docker compose stop api");
    let said = levibot.sh("HEALTH_TIMEOUT=1 ./scripts/health_monitor.sh");
    assert_eq!((said.code, said.stderr.as_str()), (1, "not healthy after 1 s (last answer: 000)\n"));
}

#[test]
fn models_are_listed_and_rolled_back() {
    let levibot = LeviBot::start();
    let rollback = |args: &str| levibot.sh(&format!("./backend/scripts/rollback_model.sh {args}"));
    assert_eq!(rollback("list").stdout, "2025-10-14\n2025-10-15 (current)\n");
    let said = rollback("2025-10-14 all");
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (0, "current model: 2025-10-14 (running engines load it at their next start)\n")
    );
    assert_eq!(rollback("list").stdout, "2025-10-14 (current)\n2025-10-15\n");
    for (args, code, message) in [
        ("2024-01-01 all", 1, "no such snapshot: 2024-01-01 (see: rollback_model.sh list)\n"),
        ("../models/2025-10-15 all", 1, "no such snapshot: ../models/2025-10-15\n"),
        ("2025-10-14", 2, "usage: rollback_model.sh list | <date> all\n"),
        ("", 2, "usage: rollback_model.sh list | <date> all\n"),
    ] {
        let said = rollback(args);
        assert_eq!((said.code, said.stderr.as_str()), (code, message), "{args}");
    }
    assert_eq!(rollback("list").stdout, "2025-10-14 (current)\n2025-10-15\n");
}

#[test]
fn the_last_chaos_suite_can_be_read_and_run_again() {
    let levibot = LeviBot::start();
    let summary: serde_json::Value =
        serde_json::from_str(&levibot.ok("cat backend/reports/chaos/latest/summary.json")).unwrap();
    let results = levibot.ok("cat backend/reports/chaos/latest/results.jsonl");
    let failing = levibot.ok(r#"grep '"status":"fail"' backend/reports/chaos/latest/results.jsonl"#);
    assert_eq!(summary["scenarios"], results.lines().count());
    assert_eq!(summary["failed"], failing.lines().count());
    // What a fresh LeviBot brings along has the form of what the suite writes.
    let has_all = |value: &serde_json::Value, schema: &str| {
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let required = schema["required"].as_array().unwrap();
        let missing: Vec<_> =
            required.iter().filter(|key| value.get(key.as_str().unwrap()).is_none()).collect();
        assert_eq!(missing, Vec::<&serde_json::Value>::new(), "{value}");
    };
    has_all(&summary, include_str!("../../runbooks/reference/schema/chaos.schema.json"));
    for line in results.lines() {
        let trial = serde_json::from_str(line).unwrap();
        has_all(&trial, include_str!("../../runbooks/reference/schema/trial.schema.json"));
    }

    let said = levibot.sh("PATH=/usr/bin:/bin ./scripts/run_chaos_suite.sh");
    let message = "chaos suite not run: the program runbook is not on the PATH\n";
    assert_eq!((said.code, said.stderr.as_str()), (1, message));
    // What it runs is `runbook chaos`, and its verdict is the script's.
    let said = levibot
        .sh(r#"printf '#!/bin/sh\necho "$PWD: $*"; exit 9\n' >bin/runbook; chmod +x bin/runbook
           ./scripts/run_chaos_suite.sh --trials 2"#);
    let dir = levibot.test.path("").canonicalize().unwrap();
    assert_eq!(
        (said.code, said.stdout),
        (9, format!("{}: chaos --output backend/reports/chaos/latest --trials 2\n", dir.display()))
    );
}

#[test]
fn what_the_runbooks_name_in_their_text_is_there() {
    let levibot = LeviBot::start();
    levibot.get("/health");
    for line in [
        "docker logs levibot-api | grep 'api latest is listening on'",
        "grep '\"path\":\"/health\"' backend/data/audit/$(date +%Y-%m-%d).jsonl",
        "curl -fsS $LEVIBOT_URL/metrics | grep '^levibot_up_seconds '",
        "touch backend/data/incidents/$(date +%Y-%m-%d).md && ls backend/data/incidents/*.md",
    ] {
        assert_eq!(levibot.ok(line).lines().count(), 1, "{line}");
    }
}
