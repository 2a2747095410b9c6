//! The database: copied while it is written, restored, and kept over restarts.

use super::system::{LeviBot, ask_at};
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_backup_taken_while_it_is_written_can_be_restored() {
    let levibot = LeviBot::start();
    levibot.post("/engines/3/stop", "");
    levibot.post("/live/kill", r#"{"reason":"before the backup"}"#);
    let (done, address) = (AtomicBool::new(false), &levibot.address);
    let said = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let pressed = ask_at(address, "POST", "/live/kill", r#"{"reason":"before the backup"}"#);
                assert_eq!(pressed.unwrap().status, 200);
            }
        });
        let said = levibot.sh("./scripts/db_backup.sh && ./scripts/db_backup.sh");
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        said.stdout
    });
    let copies: Vec<_> = said.lines().map(|line| line.strip_prefix("backup written: ").unwrap()).collect();
    assert_eq!(copies.len(), 2);
    assert_ne!(copies[0], copies[1]);
    for copy in &copies {
        let copy = Connection::open(levibot.test.path(copy)).unwrap();
        let verdict: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }

    // What happens after the backup is undone by restoring it.
    levibot.post("/live/restore", "");
    levibot.post("/engines/3/start", "");
    levibot.ok(&format!(
        "docker compose down && rm backend/data/levibot.db* && cp {} backend/data/levibot.db && docker compose up -d",
        copies[0]
    ));
    let status = levibot.get("/live/status").json();
    assert_eq!(status["kill_switch"]["reason"], "before the backup");
    assert_eq!(levibot.post("/live/restore", "").status, 200);
    assert_eq!(
        (&levibot.engine(3)["status"], &levibot.engine(3)["wanted"]),
        (&"stopped".into(), &false.into())
    );
    assert_eq!(levibot.engine_pids().len(), 4);
}

#[test]
fn a_backup_that_cannot_be_written_leaves_no_file() {
    let levibot = LeviBot::start();
    levibot.ok("docker compose down && rm backend/data/levibot.db*");
    let said = levibot.sh("levibot backup copy.db");
    let message = "error: cannot copy `backend/data/levibot.db` to `copy.db`: \
                   unable to open database file: backend/data/levibot.db\n";
    assert_eq!((said.code, said.stderr.as_str()), (1, message));
    assert!(!levibot.test.path("copy.db").exists());
    let said = levibot.sh("echo mine >copy.db; levibot backup copy.db");
    assert_eq!((said.code, said.stderr.as_str()), (1, "error: `copy.db` is there already\n"));
    assert_eq!(levibot.test.read("copy.db"), "mine\n");

    // A copy of a database that is broken is found out, and not kept.
    levibot.ok("docker compose up -d && docker compose down");
    // What is still in its log would stand in for what is broken.
    let database = Connection::open(levibot.test.path("backend/data/levibot.db")).unwrap();
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(database);
    levibot.ok("cd backend/data &&
         dd if=/dev/urandom of=levibot.db bs=4096 seek=1 count=9 conv=notrunc");
    let said = levibot.sh("levibot backup second.db");
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.starts_with("error: cannot copy `backend/data/levibot.db` to `second.db`: "),
        "{said:?}"
    );
    assert!(!levibot.test.path("second.db").exists());
}

#[test]
fn what_was_decided_survives_a_restart() {
    let mut levibot = LeviBot::start();
    levibot.post("/engines/5/stop", "");
    levibot.post("/live/kill", r#"{"reason":"overnight"}"#);
    levibot.supervisor().signal(nix::sys::signal::Signal::SIGKILL);
    levibot.ended();
    levibot.up();
    assert_eq!(levibot.get("/live/status").json()["kill_switch"]["reason"], "overnight");
    assert_eq!(levibot.get("/health").status, 200);
    assert_eq!(levibot.engine_pids(), [0; 0]);
    levibot.post("/live/restore", "");
    assert_eq!(levibot.engine_pids().len(), 4);
    assert_eq!(levibot.engine(5)["wanted"], false);
}
