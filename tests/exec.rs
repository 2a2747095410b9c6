//! `runbook exec` against a LeviBot whose answers the test chooses: outcomes and exit codes.

use crate::harness::{Finished, Reply, Service, Test, levibot_on};

const ENGINE: &[&str] = &["exec", "Engine Restart Failed"];

fn engine_restart(service: &Service, id: &str) -> Finished {
    Test::on(&levibot_on(&service.address()), ENGINE).args(&["--engine-id", id]).run()
}

#[test]
fn a_healthy_system_is_restarted_and_nothing_is_claimed_that_was_not_seen() {
    let service = Service::start(|_| Reply::Status(200, "{\"id\":3,\"status\":\"running\"}"));
    let ran = engine_restart(&service, "3").exit(0).says("within target, not verified").leaves_nothing();
    let stats = ran.test.again(&["stats"]).run().exit(0);
    stats.says("  target      1 within target, not verified\n");
    assert_eq!(
        service.requests(),
        [
            "GET /engines/3",
            "POST /engines/3/stop",
            "POST /engines/3/start",
            // Nothing verified it: what was looked at before is looked at again.
            "GET /engines/3",
        ]
    );
}

#[test]
fn a_start_that_fails_takes_the_kill_switch_and_is_contained_not_recovered() {
    let service = Service::start(|request| match request {
        "POST /engines/3/start" => Reply::Status(500, "cannot start"),
        _ => Reply::Status(200, "{}"),
    });
    engine_restart(&service, "3")
        .exit(5)
        .says("contained, not recovered")
        .says("cannot start")
        .never_says("recovered by")
        .leaves_nothing();
    assert!(service.requests().contains(&"POST /live/kill".to_owned()), "{:?}", service.requests());
}

#[test]
fn a_mistyped_engine_presses_no_kill_switch() {
    let service = Service::start(|request| match request {
        "GET /engines/33" | "POST /engines/33/stop" | "POST /engines/33/start" => {
            Reply::Status(404, "no such engine")
        }
        _ => Reply::Status(200, "{}"),
    });
    engine_restart(&service, "33").exit(1).says("it could not really be tried").says("404").leaves_nothing();
    assert!(!service.requests().contains(&"POST /live/kill".to_owned()), "{:?}", service.requests());
}

#[test]
fn an_api_that_is_down_fails_and_its_looking_is_only_information() {
    let text = levibot_on(&Service::nowhere());
    let finished = Test::on(&text, ENGINE).args(&["--engine-id", "3"]).run();
    finished.exit(1).says("[1] failed with status 7").says("[2] failed with status 7").leaves_nothing();
}

#[test]
fn an_api_that_hangs_is_given_up_on() {
    let service = Service::start(|request| match request {
        "GET /slow" => Reply::Hang,
        _ => Reply::Status(200, "{}"),
    });
    let text = format!(
        "# Hang\n\n1. Look:\n   <!-- runbook: timeout=300ms -->\n   ```bash\n   curl http://{0}/slow\n   ```\n\
         2. Change:\n   <!-- runbook: timeout=300ms -->\n   ```bash\n   curl -X POST http://{0}/x\n   curl -s -X POST http://{0}/slow || sleep 60\n   ```\n",
        service.address()
    );
    let service_requests = || service.requests();
    Test::on(&text, &["exec", "Hang"]).run().exit(0).says("[1] timed out, stopped at 0.3 s").leaves_nothing();
    assert!(service_requests().contains(&"POST /x".to_owned()));
}

#[test]
fn a_timed_out_act_fails() {
    let text = "# Slow\n\n1. Change:\n   <!-- runbook: timeout=300ms effect=changes -->\n   ```bash\n   (trap '' TERM; sleep 60) | sleep 60\n   ```\n";
    Test::on(text, &["exec", "Slow"]).run().exit(1).says("timed out, stopped at 0.3 s").leaves_nothing();
}

#[test]
fn every_exit_code_has_its_run() {
    let acts = |script: &str| {
        format!(
            "# Deploy\n\n**Target**: Recovery < 1 minute\n\n1. Deploy:\n   ```bash\n   {script}\n   ```\n"
        )
    };
    // 0: the act succeeded, nothing verified it. 1: it failed.
    Test::on(&acts("touch done"), &["exec", "Deploy"]).run().exit(0).says("not verified");
    Test::on(&acts("touch no/such/dir"), &["exec", "Deploy"]).run().exit(1).says("failed");
    // 2: a procedure that is not there, a parameter without a value.
    Test::on(&acts("true"), &["exec", "Rollback"]).run().exit(2);
    Test::on(&acts("touch {name}"), &["exec", "Deploy"]).run().exit(2).says("--name VALUE");
    // 3: the document is wrong.
    let broken = "# Deploy\n\n<!-- runbook: timeuot=3s -->\n```bash\ntouch x\n```\n";
    Test::on(broken, &["exec", "Deploy"]).run().exit(3).says("timeuot");
    // 4: it all worked, too late.
    let late = "# Deploy\n\n**Target**: Recovery < 100 ms\n\n1. Deploy:\n   ```bash\n   touch x; sleep 0.3\n   ```\n2. Verify it:\n   ```bash\n   test -e x\n   ```\n";
    Test::on(late, &["exec", "Deploy"]).run().exit(4).says("missed");
    // 5: it needs a person.
    Test::on(
        "# Deploy\n\n1. Call the vendor\n2. Deploy:\n   ```bash\n   touch x\n   ```\n",
        &["exec", "Deploy"],
    )
    .run()
    .exit(5)
    .says("--assume-done 1");
    Test::on(&acts("rm -rf old"), &["exec", "Deploy"]).run().exit(5).says("--yes");
    // 6: it could not start.
    Test::on(&acts("no-such-program-here"), &["exec", "Deploy"]).run().exit(6).says("no-such-program-here");
}

#[test]
fn a_procedure_of_prose_alone_is_no_success() {
    let text = "# Alerts\n\n## Alert: Disk full\n\n**Severity**: Critical\n\n### Resolution\n\n- Call the vendor.\n\n## Alert: CPU\n\n```bash\ntrue\n```\n";
    let said = "error: nothing in `Disk full` (doc.md:3) can be run: a person must read it and do what it says\n\
                hint: nothing was started; read it with `runbook show \"Disk full\"`\n";
    for args in [
        &["exec", "Disk full"][..],
        &["exec", "Disk full", "--dry-run"],
        &["exec", "Disk full", "--yes", "--quiet", "--format", "json"],
        &["rehearse", "Disk full"],
    ] {
        let finished = Test::on(text, args).run().exit(5).stdout("").stderr(said);
        assert!(!finished.test.state().exists(), "nothing is recorded");
    }
    Test::on(text, &["plan", "Disk full"]).run().exit(0).stdout(
        "Disk full · Critical · doc.md:3\n  in [WORK]\n  note: - Call the vendor.\n\n\
         nothing to run: a person must read it and do what it says\n",
    );
    // An alert without even a phase is no procedure, and neither unknown.
    let alone =
        "# Alerts\n\n## Alert: Disk full\n\nCall the vendor.\n\n## Alert: CPU\n\n```bash\ntrue\n```\n";
    for args in [&["exec", "Disk Full", "--dry-run"][..], &["plan", "disk-full"], &["rehearse", "DiskFull"]] {
        Test::on(alone, args).run().exit(5).stdout("").stderr(
            "error: nothing in `Disk full` (doc.md:3) can be run: a person must read it and do what it says\n\
             hint: nothing was started; read doc.md\n",
        );
    }
    Test::on(alone, &["exec", "Alerts and more"])
        .run()
        .exit(2)
        .says("no procedure is called `Alerts and more`");
    // What the document says is not to be run leaves nothing to run, too.
    let ignored = "# Disk full\n\n<!-- runbook: ignore=\"old\" -->\n```bash\ntouch x\n```\n";
    Test::on(ignored, &["exec", "Disk full"])
        .run()
        .exit(5)
        .says("nothing in `Disk full` (doc.md:1) can be run");
}

#[test]
fn what_nobody_decided_is_said_once() {
    let text = "# Call\n\n1. If the vendor agrees, switch over:\n   ```bash\n   touch switched\n   ```\n2. Look:\n   ```bash\n   true\n   ```\n";
    let finished = Test::on(text, &["exec", "Call"]).run().exit(5);
    let said = "\n[1] If the vendor agrees, switch over: undecided, not taken (nobody was asked)\n\n[2] Look";
    finished.says(said).never_says("skipped, nobody decided");
    let finished = Test::on(text, &["exec", "Call", "--decide", "1=no"]).run().exit(0);
    finished.says("\n[1] If the vendor agrees, switch over: no (--decide)\n\n[2] Look").says("not needed");
}

#[test]
fn a_verify_that_fails_keeps_the_rest_from_running() {
    let text = "# Deploy\n\n1. Deploy:\n   ```bash\n   touch x\n   ```\n2. Verify:\n   ```bash\n   test -e y\n   ```\n3. Restore:\n   ```bash\n   touch restored\n   ```\n";
    let finished = Test::on(text, &["exec", "Deploy", "--verify-timeout", "200ms"]).run().exit(1);
    assert!(finished.says("[3] not run, a step before it failed").test.read("restored").is_empty());
}

#[test]
fn a_fallback_that_is_verified_has_recovered() {
    let text = "# Deploy\n\n1. Deploy:\n   ```bash\n   touch no/such/dir\n   ```\n2. If this fails, deploy by hand:\n   ```bash\n   touch x\n   ```\n3. Verify:\n   ```bash\n   test -e x\n   ```\n";
    Test::on(text, &["exec", "Deploy"])
        .run()
        .exit(0)
        .says("recovered by fallback step 2, verified by step 3");
}

#[test]
fn one_session_carries_everything_from_step_to_step() {
    let text = "# Carry\n\n\
        ```bash\ncd sub; X=1; f() { echo in-f-$1; }; umask 027; exec 7>log; sleep 60 & JOB=$!\n```\n\
        ```bash\necho \"$X $(basename \"$PWD\") $(umask)\"; f a; echo seven >&7; kill $JOB; wait $JOB || echo waited\n```\n";
    let test = Test::on(text, &["exec", "Carry", "--yes"]).file("sub/x", "");
    let finished = test.run().exit(0).says("1 sub 0027").says("in-f-a").says("waited").leaves_nothing();
    assert_eq!(finished.test.read("sub/log"), "seven\n");
}

#[test]
fn a_step_that_ends_the_shell_leaves_the_state_from_before_it() {
    for (script, code) in [
        ("exit 3", 1),
        ("exec true", 0),
        ("set -u; eval 'echo $no_such_thing'", 1),
        ("kill -9 $$", 1),
        ("trap 'echo trapped' EXIT; true", 0),
    ] {
        let text = format!(
            "# End\n\n```bash\nX=before; touch a\n```\n<!-- runbook: id=ends effect=changes -->\n```bash\nX=after; {script}\n```\n\
             <!-- runbook: always=yes effect=changes -->\n```bash\necho \"X is $X\"\n```\n"
        );
        let finished = Test::on(&text, &["exec", "End", "--yes"]).run().exit(code).leaves_nothing();
        let kept = if script.contains("trap") { "X is after" } else { "X is before" };
        let finished = finished.says(kept);
        let lost = "\n    it ended the shell: what it set there (variables, functions, directory) is lost\n";
        match script.contains("trap") {
            true => finished.never_says("ended the shell"),
            false => finished.says(lost),
        };
    }
    // What had set nothing loses nothing.
    for script in ["test -e no-such-file", "exit 3", "if true; then exit 1; fi"] {
        let text = format!("# End\n\n<!-- runbook: effect=changes -->\n```bash\n{script}\n```\n");
        Test::on(&text, &["exec", "End", "--yes"]).run().exit(1).never_says("ended the shell");
    }
}

#[test]
fn a_child_that_holds_the_output_is_named_and_does_not_hang_the_run() {
    let text = "# Leak\n\n```bash\ntouch x; sleep 60 & echo started\n```\n```bash\ntouch y; kill %1\n```\n";
    Test::on(text, &["exec", "Leak", "--yes"])
        .run()
        .exit(0)
        .says("still holds its output: sleep")
        .leaves_nothing();
}

#[test]
fn errors_of_the_shell_point_into_the_markdown() {
    let text = "# Lines\n\nSome text.\n\n1. Change:\n   ```bash\n   touch x\n   if true; then\n     no_such_function\n   fi\n   ```\n";
    Test::on(text, &["exec", "Lines", "--no-preflight"]).run().exit(1).says("line 9: no_such_function");
}

#[test]
fn standard_input_is_nobodys() {
    let text = "# Input\n\n```bash\ntouch x; cat; read line || echo nothing to read\n```\n```bash\ntouch y; echo second\n```\n";
    Test::on(text, &["exec", "Input"])
        .stdin("swallow me\n")
        .run()
        .exit(0)
        .says("nothing to read")
        .says("second");
}

#[test]
fn one_run_of_a_procedure_at_a_time() {
    let text = "# Long\n\n```bash\ntouch x; echo begun; sleep 30\n```\n";
    let test = Test::on(text, &["exec", "Long"]);
    let mut first = test.spawn();
    first.wait_for("    begun");
    let second = test.command().output().expect("it can start");
    assert_eq!(second.status.code(), Some(6));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("error: `Long` is already running on this host"), "{said}");
    let locks = || std::fs::read_dir(test.state().join("active")).expect("is there").count();
    assert_eq!(locks(), 1);
    first.signal(nix::sys::signal::Signal::SIGTERM);
    let (status, ..) = first.finish(std::time::Duration::from_secs(30));
    assert_eq!(crate::harness::exit_code(status), 143);
    assert_eq!(locks(), 0);
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn the_notes_of_a_step_are_said_at_its_start_and_once() {
    let text = "# Deploy\n\n1. Deploy:\n   - Log on to the box first, as the user that deploys, and tell the channel that it begins\n   ```bash\n   touch new\n   ```\n";
    let shown = "(act, changes, line 5)\n    $ touch new\n    • Log on to the box first, as the user that deploys, and tell the channel\n      that it begins\n[1] passed";
    Test::on(text, &["exec", "Deploy", "--yes"]).run().exit(0).says(shown);
    Test::on(text, &["exec", "Deploy", "--yes", "--quiet"]).run().exit(0).never_says("Log on");
}
