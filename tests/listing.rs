//! `list`, `show` and `plan` on our own LeviBot runbook: every line they print.

use crate::harness::{LEVIBOT, Test};

#[track_caller]
fn matches(args: &[&str], name: &str) {
    Test::on(LEVIBOT, args).run().exit(0).matches(name);
}

#[test]
fn the_procedures_are_listed() {
    // What is overdue today is not overdue for ever.
    let old = LEVIBOT.replace("2026-11-24", "2025-11-24");
    assert_ne!(old, LEVIBOT);
    Test::on(&old, &["list"]).run().exit(0).matches("list");
    Test::on(&old, &["list", "-v"]).run().exit(0).matches("list-verbose");
    Test::on(&old, &["list", "--format", "json"]).run().exit(0).matches("list-json");
}

#[test]
fn a_procedure_reads_like_its_document() {
    matches(&["show", "MTTR Exceeded"], "show-mttr-exceeded");
}

#[test]
fn plans_show_both_branches_and_every_inference() {
    let bare = ["--workdir", "/"];
    for (procedure, name) in [
        ("MTTR Exceeded", "plan-mttr-exceeded"),
        ("Engine Restart Failed", "plan-engine-restart-failed"),
        ("Kill Switch Latency High", "plan-kill-switch-latency-high"),
        ("Full System Restart", "plan-full-system-restart"),
        ("Rollback Deployment", "plan-rollback-deployment"),
    ] {
        // Which programs this machine has is no part of the plan.
        let args = ["plan", procedure, "--workdir", "/"];
        Test::on(LEVIBOT, &args).env("PATH", "/nowhere").run().exit(0).matches(name);
    }
    matches(&[&["plan", "MTTR Exceeded", "--format", "mermaid"][..], &bare].concat(), "plan-mermaid");
    matches(&[&["plan", "MTTR Exceeded", "--format", "dot"][..], &bare].concat(), "plan-dot");
}

#[test]
fn a_plan_says_which_blocks_are_no_steps() {
    let text = "# Restart\n\n```bash\ntrue\n```\n\nOr so:\n\n```\nreboot\n```\n";
    let finished = Test::on(text, &["plan", "Restart"]).run().exit(0);
    let end = "\nnot run: line 9 (a block without a language)\nhint: tag a block as `bash` to make it a step, as \
               `output` if the step before it\nprints it\n";
    assert!(finished.stdout.ends_with(end), "{}", finished.stdout);
    let dry = finished.test.again(&["exec", "Restart", "--dry-run", "--file", "doc.md"]).run().exit(0);
    assert!(dry.stdout.ends_with(end), "{}", dry.stdout);
    let json =
        dry.test.again(&["plan", "Restart", "--file", "doc.md", "--format", "json"]).run().exit(0).json();
    assert_eq!(json["not_run"], serde_json::json!([{"line": 9, "language": null}]));
}
