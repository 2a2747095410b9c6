//! `runbook test`: documents are tests, and never pass by accident.

use crate::harness::{Finished, Test, exit_code};
use nix::sys::signal::Signal;
use serde_json::Value;

/// `runbook test doc.md` on this host, in scratch directories.
fn on_host(document: &str, args: &[&str]) -> Finished {
    Test::new().file("doc.md", document).args(&["test", "doc.md", "--no-isolation"]).args(args).run()
}

/// The events of `--format json`.
fn events(finished: &Finished) -> Vec<Value> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn steps(finished: &Finished) -> Vec<(String, String)> {
    let events = events(finished);
    let test = events.iter().find(|event| event["type"] == "finished").expect("a procedure is over");
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    let steps = test["steps"].as_array().expect("is a list");
    steps.iter().map(|step| (text(&step["id"]), text(&step["status"]))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

const GOOD: &str = "\
# Good

```bash
state=up
cd /
```

```bash
echo \"$state in $PWD\"
echo id 17
```

```output
up in /
id [id=..]
```

<!-- runbook: exit=3 -->
```bash
echo '{\"id\": 17, \"more\": [1, 2]}'
exit 3
```

<!-- runbook: expect=json -->
```json
{\"id\": \"[=id]\", \"more\": [1, \"...\"]}
```
";

#[test]
fn a_document_that_works_passes_in_a_sandbox() {
    let document = format!(
        "{GOOD}\n```bash\necho $HOME $TMPDIR $LC_ALL $COLUMNS; ls -A /stage\n```\n\n```output\n/home/stage /tmp C.UTF-8 80\n```\n"
    );
    let test = Test::new().file("doc.md", document).args(&["test", "doc.md"]).run().exit(0);
    test.says("PASS")
        .says("doc.md:1 Good (4 steps)")
        .says("1 procedure tested")
        .says("1 passed")
        .leaves_nothing();
}

#[test]
fn a_sandbox_sees_neither_files_nor_ports_of_the_host() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let port = listener.local_addr().expect("is bound").port();
    let look = format!(
        "test -e \"${{RUNBOOK_HOME:-none}}/secret\"\n(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null"
    );
    let document =
        |look: &str| format!("# Look\n\n<!-- runbook: should-fail options=none -->\n```bash\n{look}\n```\n");
    for look in look.lines() {
        let test = Test::new().file("doc.md", document(look));
        std::fs::create_dir_all(test.state()).expect("is ours");
        std::fs::write(test.state().join("secret"), "x").expect("is ours");
        let finished = test.args(&["test", "doc.md"]).run().exit(0);
        // The same on the host finds them.
        finished.test.again(&["test", "doc.md", "--no-isolation"]).run().exit(1);
    }
}

#[test]
fn status_and_output_are_judged_apart_and_both_shown() {
    let document = "# Bad\n\n```bash\necho one; echo oops >&2\nfalse\n```\n\n```output\ntwo\n```\n\n```bash\necho never\n```\n\n<!-- runbook: always=yes -->\n```bash\necho cleaned\n```\n";
    on_host(document, &[])
        .exit(1)
        .says("step 1, Bad (doc.md:3)")
        .says("it ended with status 1, expected status 0 (doc.md:5)")
        .says("the output is not the expected one (doc.md:9)\n           -two\n           +one\n")
        .says("standard error:\n           oops\n")
        .says("NOT RUN: step 2\n")
        .says("run it again: runbook test doc.md --procedure bad --no-isolation\n");
    let finished = on_host(document, &["--format", "json"]).exit(1);
    assert_eq!(steps(&finished), pairs(&[("1", "failed"), ("2", "not_run"), ("3", "passed")]));
}

#[test]
fn what_a_test_leaves_out_is_counted_aloud() {
    let document = "# Mixed\n\n1. Call somebody.\n\n```bash\ntrue\n```\n\n<!-- runbook: ignore reason=\"destroys\" -->\n```bash\nfalse\n```\n\n<!-- runbook: no-run -->\n```bash\nfalse\n```\n\n<!-- runbook: should-fail -->\n```bash\nexit 7\n```\n";
    let finished = on_host(document, &[]).exit(0);
    finished
        .says("2 steps were left out, as the documents say\n")
        .says("1 manual step was not done: a test has no person to do them\n");
    on_host("# A\n\n<!-- runbook: should-fail -->\n```bash\ntrue\n```\n", &[])
        .exit(1)
        .says("it ended with status 0, expected a failure (status 1 to 125)");
    on_host("# A\n\n<!-- runbook: should-fail -->\n```bash\nno-such-program-here\n```\n", &[])
        .exit(1)
        .says("it ended with status 127 (command not found)");
}

#[test]
fn nothing_is_green_by_accident() {
    Test::new().args(&["test", "gone.md"]).run().exit(2).says("error: `gone.md` does not exist");
    Test::new()
        .file("empty/x.txt", "")
        .args(&["test", "empty"])
        .run()
        .exit(2)
        .says("error: there is no Markdown file in `empty`");
    on_host("# Prose\n\nNothing to do.\n", &[]).exit(2).says("error: `doc.md` has no procedure");
    on_host("# A\n\n1. Call somebody.\n", &[]).exit(2).says("nothing was tested");
    on_host("# A\n\n```bash\ntrue\n", &[]).exit(3).says("error: this code block is never closed");
    on_host("# A\n\n```output\nx\n```\n\n```bash\ntrue\n```\n", &[]).exit(3).says("belongs to no command");
    on_host("# A\n\n```bash\necho x\n```\n\n```output\n[1=..]\n```\n", &[]).exit(3).says("`1` is no name");
    on_host("# A\n\n```bash\ncurl {host}\n```\n", &[]).exit(3).says("has no value for `host`");
    on_host("# A\n\n```bash\nif true\n```\n", &[]).exit(3).says("does not parse as bash: it is never run");
    on_host("# A\n\n```bash\ntrue\n```\n\nSee [b](#c).\n", &[]).exit(3).says("leads to no heading");
}

#[test]
fn the_static_tier_runs_nothing() {
    Test::new()
        .file("docs/a.md", "# A\n\n```bash\ntouch ran\n```\n\nSee [b](b.md#b).\n")
        .file("docs/b.md", "# B\n\nJust text.\n")
        .args(&["test", "--no-run", "docs"])
        .run()
        .exit(0)
        .stdout("checked 1 procedure of 2 documents without running anything: nothing is wrong\n")
        .stderr("");
    Test::new()
        .file("a.md", "# A\n\n```bash\ntrue\n```\n\n[b](b.md)\n")
        .args(&["test", "--no-run", "a.md"])
        .run()
        .exit(3)
        .stdout("checked 1 procedure of 1 document without running anything: 1 error\n")
        .says("error: the link to `b.md` leads nowhere\n  --> a.md:7:1\n");
}

#[test]
fn where_a_file_is_missing_the_report_says_that_the_directory_was_empty() {
    let hint = "hint: a procedure without a stage runs in an empty directory; declare `stage:`\n  in \
                `runbooks/runbook.yaml` (the book's page `Rehearse your own system`)\n";
    for (script, said) in
        [("./restart.sh", true), ("cat config.ini", true), ("restart-it-all", true), ("false", false)]
    {
        let finished = on_host(&format!("# A\n\n```bash\n{script}\n```\n"), &[]).exit(1);
        assert_eq!(finished.stdout.matches(hint).count(), usize::from(said), "{}", finished.stdout);
    }
}

#[test]
fn one_bad_procedure_leaves_the_others_to_be_tested() {
    let document = "# Book\n\n## A\n\n```bash\ncurl {host}\n```\n\n## B\n\n```bash\ntrue\n```\n";
    on_host(document, &[]).exit(3).says("doc.md:6:6: a test of `a` has no value for `host`").says("1 passed");
    on_host(document, &["--procedure", "B"]).exit(0);
    on_host(document, &["--param", "host=x", "--procedure", "A"]).says("expected status 0");
    on_host(document, &["--param", "nope=x"]).exit(2).says("error: no procedure has a parameter `nope`");
}

#[test]
fn values_come_from_the_document() {
    on_host("# A\n\n<!-- runbook: test name=\"two words\" -->\n\n```bash\nprintf '%s\\n' {name}\n```\n\n```output\ntwo words\n```\n", &[])
        .exit(0);
}

#[test]
fn what_is_only_watched_is_watched_for_a_moment() {
    let finished = on_host("# A\n\n```bash\nwatch -n 1 'echo x'\n```\n", &["--format", "json"]).exit(0);
    let events = events(&finished);
    let wall = events.iter().find_map(|event| event["steps"][0]["wall_ms"].as_u64()).expect("it ran");
    assert!((2_900..20_000).contains(&wall), "{wall}");
}

#[test]
fn retries_make_a_flaky_procedure_known() {
    // The directory of each attempt is fresh, so the count is kept beside it.
    let document = "# Flaky\n\n```bash\nflag=${RUNBOOK_HOME:-none}/second\ntest -e $flag || { touch $flag; false; }\n```\n";
    on_host(document, &["--retries", "1"])
        .exit(0)
        .says("FLAKY")
        .says("(passed at attempt 2)")
        .says("1 flaky");
}

#[test]
fn only_what_failed_is_tested_again() {
    let document = "# Book\n\n## A\n\n```bash\nfalse\n```\n\n## B\n\n```bash\ntrue\n```\n";
    let finished = on_host(document, &[]).exit(1);
    let again = finished.test.again(&["test", "doc.md", "--no-isolation", "--failed"]).run().exit(1);
    again.says("testing 1 procedure of 1 document").says("doc.md:3 A").never_says("doc.md:9 B");
    on_host("# A\n\n```bash\ntrue\n```\n", &["--failed"])
        .exit(2)
        .says("nothing that was tested here the last time failed");
}

#[test]
fn fail_fast_names_what_did_not_run() {
    let document = "# Book\n\n## A\n\n```bash\nfalse\n```\n\n## B\n\n```bash\ntrue\n```\n";
    on_host(document, &["--fail-fast", "--jobs", "1"])
        .exit(1)
        .says("doc.md:9 B: --fail-fast")
        .says("1 not run");
}

#[test]
fn blessing_rewrites_what_differs_and_the_next_test_passes() {
    let document = "# A\r\n\r\n- Look:\r\n\r\n  ```bash\r\n  echo id 17; echo up\r\n  ```\r\n\r\n  ```output\r\n  id [..]\r\n  down\r\n  ```\r\n";
    let finished =
        on_host(document, &["--bless"]).exit(0).says("rewritten: doc.md:10\n   id [..]\n  -down\n  +up\n");
    assert_eq!(finished.test.read("doc.md"), document.replace("down", "up"));
    finished.test.again(&["test", "doc.md", "--no-isolation"]).run().exit(0);
    let ci = Test::new()
        .file("doc.md", document)
        .env("CI", "true")
        .args(&["test", "doc.md", "--bless"])
        .run()
        .exit(2);
    assert_eq!(ci.test.read("doc.md"), document);
    on_host(
        "# A\n\n```bash\necho a\n```\n\n<!-- runbook: expect=contains -->\n```text\nb\n```\n",
        &["--bless"],
    )
    .exit(1)
    .says("warning: doc.md:9 is left as it is: which part of the output is meant cannot be known");
}

#[test]
fn blessing_says_what_a_failed_step_keeps_it_from() {
    let document = "# A\n\n```bash\necho a; false\n```\n\n```output\nb\n```\n\n```bash\necho c\n```\n\n```output\nd\n```\n";
    let finished = on_host(document, &["--bless"]).exit(1);
    let finished = finished
        .says("warning: doc.md:8 is left as it is: step 1: it ended with status 1, expected status 0\n")
        .says("warning: doc.md:16 is left as it is: step 2 did not run\n");
    assert_eq!(finished.test.read("doc.md"), document);
    let slow =
        "# A\n\n<!-- runbook: timeout=100ms -->\n```bash\necho a; sleep 60\n```\n\n```output\nb\n```\n";
    let finished = on_host(slow, &["--bless"]).exit(1);
    let finished = finished.says("is left as it is: step 1: it ended with a time-out after 100 ms");
    assert_eq!(finished.test.read("doc.md"), slow);
}

#[test]
fn a_transcript_is_compared_in_a_test() {
    on_host("# A\n\n```console\n$ echo a\na\n$ echo b\nc\n```\n", &[]).exit(1).says("-c\n           +b\n");
}

#[test]
fn junit_and_json_are_written() {
    let finished =
        on_host("# A\n\n```bash\necho 'a\u{1b}[1mb'\nfalse\n```\n", &["--junit", "out.xml"]).exit(1);
    let xml = finished.test.read("out.xml");
    assert!(xml.contains("<testcase name=\"A\" classname=\"doc\""), "{xml}");
    assert!(xml.contains("<failure message=\"step 1, A: it ended with status 1"), "{xml}");
    let finished = on_host(GOOD, &["--format", "json"]).exit(0);
    let events = events(&finished);
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["discovered", "started", "finished", "summary"]);
}

#[test]
fn a_procedure_that_is_stopped_leaves_nothing_running() {
    let test = Test::new()
        .file("doc.md", "# A\n\n```bash\nsleep 600\n```\n")
        .args(&["test", "doc.md", "--format", "json"]);
    let mut running = test.spawn();
    running.wait_for("\"started\"");
    running.signal(Signal::SIGTERM);
    let (status, stdout, _) = running.finish(std::time::Duration::from_secs(60));
    assert_eq!(exit_code(status), 143);
    assert!(String::from_utf8_lossy(&stdout).contains("\"status\":\"not_run\""));
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn an_output_that_a_child_holds_does_not_hold_the_test() {
    on_host("# A\n\n```bash\nsleep 600 &\necho a\n```\n", &[])
        .exit(0)
        .says("step 1 left its output to sleep (")
        .leaves_nothing();
}
