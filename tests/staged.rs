//! `runbook test` on a declared stage: every procedure has a service of its own, broken if it says so.

use crate::harness::{Finished, Test, exit_code};
use nix::sys::signal::Signal;
use std::time::Duration;

/// A service that serves a file's text, a program of the copy, and two faults.
const STAGE: &str = "procedures: [site.md]
stage:
  workdir: ../site
  shims: [bin]
  service: echo serving; touch up; exec sleep 600
  ready: test -e up
  parameters:
    page: index.html
faults:
  broken:
    procedures: [Page Gone]
    inject: touch broken
    symptom: test -e broken
    revert: rm -f broken; touch reverted
    passes_when: test ! -e broken
    passes_within: 200ms
    after_within: 200ms
  shy:
    procedures: [Page Gone]
    inject: \"true\"
    symptom: \"false\"
    symptom_within: 200ms
    revert: \"true\"
    passes_when: \"true\"
";

/// A project with that stage, and a document with these procedures.
fn project(document: &str, changes: &[(&str, &str)]) -> Test {
    let mut yaml = STAGE.to_owned();
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replace(from, to);
    }
    Test::new()
        .file("runbooks/runbook.yaml", yaml)
        .file("runbooks/site.md", format!("# Site\n\n{document}"))
        .file("site/index.html", "hello\n")
        .script("site/bin/mend", "if [ \"$1\" = gently ]; then test ! -e broken; else rm broken; fi")
}

/// Where the document has other procedures than those of the faults.
const NO_FAULT: (&str, &str) = ("[Page Gone]", "[]");

fn tested(document: &str, changes: &[(&str, &str)], args: &[&str]) -> Finished {
    project(document, changes).args(&["test"]).args(args).run()
}

/// A procedure with a test directive and numbered steps.
fn procedure(name: &str, directive: &str, steps: &[(&str, &str)]) -> String {
    let mut text = format!("## {name}\n\n<!-- runbook: test {directive} -->\n\n");
    for (number, (label, command)) in (1..).zip(steps) {
        text += &format!("{number}. {label}:\n   ```bash\n   {command}\n   ```\n");
    }
    text + "\n"
}

#[test]
fn every_procedure_has_the_declared_stage_to_itself() {
    let document = |name: &str, output: &str| {
        let script = "cat {page}; ls; echo \"$PWD $HOME $LC_ALL\"; touch mine";
        format!("## {name}\n\n```bash\n{script}\n```\n\n```output\n{output}\n```\n\n")
    };
    let output = "hello\nbin\nindex.html\nup\n/stage /home/stage C.UTF-8";
    let both = document("One", output) + &document("Other", output);
    let finished = tested(&both, &[NO_FAULT], &[]).exit(0).says("2 passed").leaves_nothing();
    let finished =
        finished.says("\n2 procedures passed with nothing broken first: their tests name no fault\n");
    // What is copied stays as it was.
    assert!(!finished.test.path("site/mine").exists());
    let both = document("One", "hello\n...\nup\n[..]/work [..]/home C.UTF-8").replace("One", "Here");
    tested(&both, &[NO_FAULT], &["--no-isolation"]).exit(0).says("1 passed").leaves_nothing();
}

#[test]
fn a_fault_is_injected_seen_cured_and_taken_away() {
    let cured = procedure("Page Gone", "fault=broken", &[("Look", "test -e broken"), ("Mend", "mend")]);
    tested(&cured, &[], &[]).exit(0).says("runbooks/site.md:3 Page Gone (2 steps)").leaves_nothing();
    let passed = tested(&cured, &[], &["--no-isolation"]).exit(0).says("1 passed").leaves_nothing();
    passed.never_says("nothing broken");
    let not_cured = procedure("Page Gone", "fault=broken", &[("Look", "test -e broken")]);
    tested(&not_cured, &[], &[])
        .exit(1)
        .says("but the symptom is still there: `passes_when` does not hold 200 ms later (exit 1) (runbooks/site.md:3)\n")
        .says("1 failed");
    let stays = tested(&cured, &[("rm -f broken;", "touch broken;")], &[]).exit(1);
    stays.says("the symptom is still there 200 ms after the fault was taken away");
}

#[test]
fn a_document_has_the_stage_of_its_own_project_wherever_it_is_tested_from() {
    let cured = procedure("Page Gone", "fault=broken", &[("Look", "test -e broken"), ("Mend", "mend")]);
    let test = project(&cured, &[]).file("elsewhere/x", "");
    let elsewhere = test.path("elsewhere");
    let test = test.in_directory(elsewhere);
    let listed =
        test.again(&["test", "../runbooks"]).run().exit(0).says("../runbooks/site.md:3 Page Gone (2 steps)");
    let on_host = listed.test.again(&["test", "../runbooks/site.md", "--no-isolation"]).run().exit(0);
    on_host.says("1 passed").leaves_nothing();
}

#[test]
fn the_way_that_was_taken_is_the_one_that_is_tested() {
    let steps: &[(&str, &str)] =
        &[("Mend it", "mend gently"), ("If that fails, mend harder", "mend"), ("Verify", "test ! -e broken")];
    let test = |directive: &str| tested(&procedure("Page Gone", directive, steps), &[], &[]);
    test("fault=broken branch=fallback").exit(0).says("Page Gone (3 steps, 1 fell back)");
    test("fault=broken").exit(0).says("(3 steps, 1 fell back)");
    test("branch=main").exit(0).says("(3 steps, 1 not needed)");
    test("branch=fallback")
        .exit(1)
        .says("no fallback was taken, and the test asks for one (runbooks/site.md:5)");
    test("fault=broken branch=main").exit(1).says("it ended with status 1, expected status 0");
    test("branch=2").exit(1).says("step `2` was not taken, and the test asks for it (runbooks/site.md:5)");
    test("fault=broken branch=if-that-fails-mend-harder").exit(0);
}

#[test]
fn a_decision_is_made_by_a_test_of_its_branch_and_else_counted() {
    let steps: &[(&str, &str)] = &[("Look", "true"), ("If the disk is full, empty it", "touch emptied")];
    let test = |directive: &str| tested(&procedure("Page Gone", directive, steps), &[], &[]);
    test("branch=main")
        .exit(0)
        .says("(2 steps, 1 undecided)")
        .says("1 decision was not taken: a test has no person to decide\n");
    test("branch=2").exit(0).says("(2 steps)").never_says("decision");
}

#[test]
fn a_stage_that_fails_is_an_error_and_no_failure() {
    let good = procedure("Page Gone", "page=index.html", &[("Read", "cat {page}")]);
    let failing = |from: &str, to: &str, said: &str| {
        let finished = tested(&good, &[(from, to)], &[]).exit(6);
        finished.says(" ERROR").says(said).says("1 error").leaves_nothing();
    };
    failing(
        "service: echo serving; touch up; exec sleep 600",
        "service: echo no port >&2; exit 3",
        "       the service ended before it was ready (exit 3: no port)\n",
    );
    failing(
        "ready: test -e up",
        "ready: test -e down\n  ready_within: 200ms",
        "       the service was not ready within 200 ms (exit 1)\n       the service said: serving\n",
    );
    failing(
        "stage:\n",
        "stage:\n  prepare: echo no compiler; exit 9\n",
        "       `prepare` ended with 9; it said last:\n         no compiler\n",
    );
    let shy = procedure("Page Gone", "fault=shy", &[("Read", "cat {page}")]);
    tested(&shy, &[], &[]).exit(6).says("the symptom was never seen within 200 ms");
    // A document without a stage is tested all the same.
    project(&good, &[("stage:\n", "stage:\n  prepare: exit 9\n")])
        .file("other.md", "# Other\n\n```bash\nls -A\n```\n")
        .args(&["test", "runbooks/site.md", "other.md"])
        .run()
        .exit(6)
        .says("other.md:1 Other (1 step)")
        .says("1 passed, 1 error");
}

#[test]
fn a_preparation_runs_once_on_the_host_and_is_left_out_on_request() {
    let two = "## A\n\n```bash\ncat built\n```\n\n## B\n\n```bash\ncat built\n```\n";
    let prepare = ("stage:\n", "stage:\n  prepare: echo built >>../site/built\n");
    let finished = tested(two, &[prepare, NO_FAULT], &[]).exit(0).stderr("preparing the stage\n");
    assert_eq!(finished.test.read("site/built"), "built\n");
    finished.test.again(&["test", "--no-prepare"]).run().exit(0).stderr("");
}

#[test]
fn what_a_directive_asks_of_the_stage_is_checked_before_anything_runs() {
    let document = procedure("Page Gone", "fault=brokn", &[("Look", "true")]);
    tested(&document, &[], &["--no-run"])
        .exit(3)
        .says("error: there is no fault `brokn`\n  --> runbooks/site.md:5:1\n")
        .says("hint: a fault named `broken` exists\n");
    Test::new()
        .file("doc.md", procedure("Page Gone", "fault=broken", &[("Look", "true")]))
        .args(&["test", "--no-run", "doc.md"])
        .run()
        .exit(3)
        .says("error: a test of `page-gone` injects `broken`, and there is no stage for it\n");
    tested(&procedure("Page Gone", "ignore reason=\"costs money\"", &[("Look", "true")]), &[], &[])
        .exit(2)
        .says("Page Gone: costs money\n")
        .says("nothing was tested\n");
    let twice = "## Page Gone\n\n<!-- runbook: test fault=broken -->\n<!-- runbook: test branch=main -->\n\n```bash\ntrue\n```\n";
    tested(twice, &[], &["--no-run"]).exit(3).says("error: `Page Gone` has a `test` directive already");
}

#[test]
fn of_a_directory_the_named_documents_are_tested_and_of_the_others_the_links() {
    let site = "## Page Gone\n\n```bash\ntrue\n```\n";
    let page = "# Page\n\nAn example:\n\n```bash\nexit 7\n```\n\nSee [the site](site.md#page-gone).\n";
    let test = project(site, &[]).file("runbooks/page.md", page);
    let finished = test.args(&["test", "runbooks"]).run().exit(0);
    let finished = finished
        .says("testing 1 procedure of 1 document\n1 other document is not named under `procedures`: only its links are checked\n")
        .says("1 passed");
    let finished = finished.test.again(&["test", "--no-run", "runbooks"]).run().exit(0);
    let finished = finished.says("checked 1 procedure of 1 document and the links of 1 other without running anything: nothing is wrong\n");
    // Whoever names a file means it.
    let finished = finished.test.again(&["test", "runbooks", "runbooks/page.md"]).run().exit(1);
    finished.says("it ended with status 7");
    let broken = project(site, &[]).file("runbooks/page.md", page.replace("#page-gone", "#mend"));
    broken
        .args(&["test", "runbooks"])
        .run()
        .exit(3)
        .says("error: the link to `site.md#mend` leads to no heading");
    project(site, &[("site.md", "gone.md")])
        .args(&["test", "runbooks"])
        .run()
        .exit(2)
        .says("error: `procedures` of `runbooks/runbook.yaml` names none of these documents\n");
}

#[test]
fn a_test_that_is_stopped_takes_its_fault_away_and_leaves_nothing() {
    let document = procedure("Page Gone", "fault=broken", &[("Wait", "touch waiting; sleep 600")]);
    // Outside the copy, so that it can be seen from here.
    let inject = ("inject: touch broken", "inject: touch broken \"$RUNBOOK_DIR/injected\"");
    let revert = ("revert: rm -f broken;", "revert: rm -f broken \"$RUNBOOK_DIR/injected\";");
    let test = project(&document, &[inject, revert]).args(&["test", "--no-isolation"]);
    let injected = test.path("runbooks/injected");
    let running = test.spawn();
    while !injected.exists() {
        std::thread::yield_now();
    }
    running.signal(Signal::SIGTERM);
    let (status, stdout, _) = running.finish(Duration::from_secs(60));
    assert_eq!(exit_code(status), 143);
    assert!(String::from_utf8_lossy(&stdout).contains("NOTRUN"), "{}", String::from_utf8_lossy(&stdout));
    assert!(!injected.exists(), "the fault is still there");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}
