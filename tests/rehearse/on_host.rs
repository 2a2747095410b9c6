//! Rehearsals without isolation, on the host itself.

use super::{SOON, site};
use nix::sys::signal::Signal;

#[test]
fn without_isolation_a_taken_port_is_refused_and_nothing_is_left() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("is bound").port();
    let ports = format!("  ports: [{port}]\n  ready:");
    let test = || site("rm broken", &[("  ready:", &ports)], &["--no-isolation"]);
    let finished = test().run().exit(6);
    assert!(finished.stderr.starts_with("warning: NO ISOLATION: "), "{}", finished.stderr);
    finished
        .says(&format!("error: port {port} is taken: the procedure would meet whatever listens there"))
        .says("hint: stop that, or rehearse in the sandbox, where every port is free");
    drop(listener);
    // A daemon that leaves its group and its parent is ended all the same.
    let daemon =
        ("service: echo serving;", "service: setsid bash -c 'sleep 600 & sleep 600' & echo serving;");
    let finished = site("rm broken", &[("  ready:", &ports), daemon], &["--no-isolation"]).run().exit(0);
    assert_eq!(finished.test.read("site/broken"), "");
    let runs = std::fs::read_dir(finished.test.state().join("runs")).expect("a run was recorded");
    for run in runs {
        assert!(!run.expect("is readable").path().join("stage").exists(), "the copy is removed");
    }
    finished.leaves_nothing();
}

#[test]
fn without_isolation_a_killed_engine_takes_the_fault_and_the_service_away() {
    let test = site("echo waiting; sleep 600", &[SOON], &["--no-isolation"]);
    let mut running = test.spawn();
    running.wait_for("    waiting");
    let runs = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let stages: Vec<_> = runs.map(|run| run.expect("is readable").path().join("stage")).collect();
    assert!(stages[0].join("broken").exists(), "{stages:?}");
    running.signal(Signal::SIGKILL);
    assert!(!running.wait().success());
    assert_eq!(test.leftovers(), Vec::<String>::new());
    assert!(!stages[0].join("broken").exists(), "{stages:?}");
}
