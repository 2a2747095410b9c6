//! Reports of runs, figures over them, notes and incident files, from the command line.

use crate::harness::{Finished, OnTerminal, Test};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;

/// A runbook whose restart fails unless there is a file `well`.
const DOCUMENT: &str = "\
# Bot

## Alert: Engine Restart Failed

**Severity**: Critical
**Target**: Recovery < 30 seconds

1. Check status:
   ```bash
   echo \"status of {engine_id}\"
   ```
2. Force restart:
   ```bash
   echo restarting
   ./restart.sh
   ```
3. If persistent, activate kill switch:
   ```bash
   touch killed
   ```

## Escalation Matrix

| Severity | Response Time | Escalation |
|---|---|---|
| P0 (Critical) | Immediate | On-call engineer + CTO |
| P1 (High) | < 15 min | On-call engineer |

## Post-Incident

1. **Document incident**
2. Chaos test
";

const EXEC: &[&str] = &["exec", "Engine Restart Failed", "--engine-id", "3", "--unattended"];

/// A place where [`DOCUMENT`] or one like it runs.
fn exec(document: &str, args: &[&str]) -> Test {
    Test::on(document, EXEC).args(args).script("restart.sh", "test -e well")
}

/// The run that is contained: the restart fails, the kill switch acts, nothing verifies it.
fn contained(args: &[&str]) -> Finished {
    exec(DOCUMENT, args).run().exit(5)
}

#[test]
fn a_run_is_reported_in_every_form() {
    let test = contained(&[]).test;
    let markdown = test.again(&["report", "last", "--format", "md"]).run().exit(0);
    for part in [
        "# Engine Restart Failed: contained, not recovered\n",
        "- **Document**: `doc.md:3`\n",
        "- **Parameters**: engine_id = 3\n",
        "escalate, since it is contained, not recovered (severity Critical)\n\n- P0 (Critical): Immediate, On-call",
        "**contained: nothing verified a recovery**\n",
        "```text\nstatus of 3\n```\n",
    ] {
        assert!(markdown.stdout.contains(part), "{part} in {}", markdown.stdout);
    }
    let html = markdown.test.again(&["report", "last", "--format", "html"]).run().exit(0);
    assert!(html.stdout.starts_with("<!doctype html>"), "{}", html.stdout);
    assert!(html.stdout.contains("<strong>contained, not recovered</strong>"), "{}", html.stdout);
    let json = html.test.again(&["report", "last", "--format", "json"]).run().exit(0);
    assert_eq!(json.json()["outcome"], "contained");
    let junit = json.test.again(&["report", "last", "--format", "junit"]).run().exit(0);
    assert!(junit.stdout.contains("failures=\"2\""), "{}", junit.stdout);
    let cast = junit.test.again(&["report", "last", "--format", "cast"]).run().exit(0);
    let lines: Vec<Value> =
        cast.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines[0]["version"], 2);
    let said: String = lines[1..].iter().filter_map(|line| line[2].as_str()).collect();
    assert!(said.contains("restarting\r\n") && said.contains("contained, not recovered"), "{said}");
}

#[test]
fn a_replay_says_what_the_live_run_said() {
    let live = contained(&[]);
    let said = live.stdout.split("  record: ").next().expect("has a summary").to_owned();
    let replay = live.test.again(&["replay", "last"]).run().exit(0);
    assert_eq!(replay.stdout, said);
}

#[test]
fn whom_to_tell_is_printed_when_a_run_did_not_recover() {
    let row = "escalate, since it is contained, not recovered (severity Critical)\n  \
               P0 (Critical): Immediate, On-call engineer + CTO\n";
    contained(&[]).says(row);
    contained(&["--quiet"]).says(row);
    contained(&["--format", "json"]).never_says("escalate");
    let unfit = DOCUMENT.replace("**Severity**: Critical", "**Severity**: Gold");
    exec(&unfit, &[]).run().exit(5).says(
        "escalate, since it is contained, not recovered (severity Gold; no row fits it,\nso here is the whole \
         matrix)\n  P0 (Critical): Immediate, On-call engineer + CTO\n  P1 (High): < 15 min",
    );
    exec(DOCUMENT, &[]).file("well", "").run().exit(0).never_says("escalate");
}

#[test]
fn a_target_counts_from_the_alert_where_its_time_is_known() {
    let document = "# Bot\n\n**Target**: Recovery < 2 minutes\n\n1. Restart:\n   ```bash\n   touch x\n   ```\n\
                    2. Verify:\n   ```bash\n   test -e x\n   ```\n";
    let args = ["exec", "Bot", "--unattended", "--incident=log"];
    let late = Test::on(document, &args).args(&["--detected-at", "10m ago"]).run().exit(4);
    let late = late.says("  alert fired 10 min before the start (").says("missed (10 min of 2 min)\n");
    let markdown = late.test.again(&["report", "last", "--format", "md"]).run().exit(0);
    let markdown = markdown.says("- **Time to recovery**: 10 min from the alert, verified\n");
    let lines: Vec<&str> = markdown.stdout.lines().filter(|line| line.contains("**")).collect();
    let order: Vec<usize> =
        ["**detected: ", "**run started**", "**mitigated**", "**resolved: ", "**run finished: "]
            .into_iter()
            .map(|moment| lines.iter().position(|line| line.contains(moment)).expect(moment))
            .collect();
    assert!(order.is_sorted(), "{lines:?}");
    let json = markdown.test.again(&["report", "last", "--format", "json"]).run().exit(0);
    let recovered = json.json()["recovered_ms"].as_u64().expect("is a number");
    assert!((600_000..720_000).contains(&recovered), "{recovered}");
    let stats = json.test.again(&["stats", "--format", "json"]).run().exit(0);
    let median = stats.json()["procedures"][0]["recovery_ms"]["median"].as_u64();
    assert_eq!(median, Some(recovered), "{}", stats.stdout);
    let day = crate::expected::files(&stats.test.path("log"), "md").pop().expect("was written");
    let incident = std::fs::read_to_string(day).expect("is ours");
    assert!(
        incident.contains("**detected: the alert fired**") && incident.contains("24 hours after the alert")
    );
    let soon = Test::on(document, &args).args(&["--detected-at", "1s"]).run().exit(0);
    soon.says("alert fired 1.0 s before the start");
    let future = Test::on(document, &args).args(&["--detected-at", "2999-01-01T00:00:00Z"]).run().exit(2);
    let future = future.says("error: --detected-at 2999-01-01T00:00:00Z is in the future: it is ");
    assert!(!future.test.path("x").exists());
    Test::on(document, &args)
        .args(&["--detected-at", "03:04"])
        .run()
        .exit(2)
        .says("invalid value '03:04' for '--detected-at <TIME>': it is no time such as 2026-01-02T03:04:05Z");
}

#[test]
fn a_team_names_the_row_of_a_severity_and_one_without_a_row_is_warned_of() {
    let yaml = "procedures: [../doc.md]\nescalation: {Critical: P1}\n";
    let run = exec(DOCUMENT, &[]).file("runbooks/runbook.yaml", yaml).run().exit(5);
    let run = run.says(
        "escalate, since it is contained, not recovered (severity Critical, row P1)\n  P1 (High): < 15 min, On-call engineer\n",
    );
    // What was said then is what the report says later, whatever the file says now.
    let test =
        run.test.file("runbooks/runbook.yaml", "procedures: [../doc.md]\nescalation: {Critical: P9}\n");
    let report = test.again(&["report", "last", "--format", "md"]).run().exit(0);
    let test = report.says("- P1 (High): < 15 min, On-call engineer\n").test;
    let warning = "warning: `runbook.yaml` gives the severity `Critical` the row `P9`, which the escalation matrix does not have\n  --> doc.md:5:15\n";
    let hint = "hint: its rows are `P0 (Critical)`, `P1 (High)`\n";
    let test = test.again(&["list"]).run().exit(0).says(warning).says(hint).test;
    let args = ["test", "--no-run", "-v", "--param", "engine_id=3", "doc.md"];
    test.again(&args).run().exit(0).says(warning).says(hint);
}

#[test]
fn an_incident_is_added_to_the_file_of_its_day() {
    let first = contained(&["--incident=log"]);
    let path = |stderr: &str| stderr.trim().rsplit('/').next().expect("names a file").to_owned();
    let file = format!("log/{}", path(&first.stderr));
    let text = first.test.read(&file);
    for part in [
        "# Incidents of ",
        "Engine Restart Failed: contained, not recovered\n",
        "- P0 (Critical): Immediate, On-call engineer + CTO\n",
        "\n### Root cause\n\nDue ",
        "- [ ] **Document incident**\n- [ ] Chaos test\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let written = format!("{text}It was the disk.\n");
    let test = first.test.file(&file, &written).file("well", "");
    let args: Vec<&str> = EXEC.iter().copied().chain(["--file", "doc.md", "--incident=log"]).collect();
    let second = test.again(&args).run().exit(0);
    let both = second.test.read(&file);
    assert!(both.starts_with(&written), "{both}");
    assert_eq!(both.matches("# Incidents of ").count(), 1, "{both}");
    assert_eq!(both.matches("<!-- incident of run ").count(), 2, "{both}");
    assert!(both.contains("Engine Restart Failed: succeeded, not verified\n"), "{both}");
}

#[test]
fn a_run_that_is_resumed_is_added_to_the_incident_file_as_it_went_on() {
    let first = exec(&DOCUMENT.replace("touch killed", "false"), &["--incident=log"]).run().exit(1);
    let test = first.test.file("well", "");
    let args = ["resume", "last", "--unattended", "--from", "2", "--incident=log"];
    let second = test.again(&args).run().exit(0);
    let day = crate::expected::files(&second.test.path("log"), "md").pop().expect("was written");
    let text = std::fs::read_to_string(day).expect("is ours");
    assert_eq!(text.matches("<!-- incident of run ").count(), 2, "{text}");
    let (before, after) = text.split_once(", continued 1 -->\n").expect("is marked");
    assert!(before.contains("Engine Restart Failed: failed\n"), "{before}");
    assert!(after.contains("Engine Restart Failed, continued: succeeded, not verified\n"), "{after}");
    assert!(after.contains("continued by another engine"), "{after}");
}

#[test]
fn a_recording_is_played_by_asciinema() {
    let test = contained(&[]).test.again(&["report", "last", "--format", "cast"]).run().exit(0);
    let (test, recording) = (test.test, test.stdout);
    let test = test.file("run.cast", recording);
    let mut asciinema = test.other("asciinema");
    asciinema.args(["cat", "run.cast"]);
    let (code, screen) = OnTerminal::start(&asciinema).finish();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("restarting\r\n") && screen.contains("contained, not recovered"), "{screen}");
}

#[test]
fn a_team_has_its_own_template_and_a_bad_one_stops_before_the_run() {
    let own = exec(DOCUMENT, &["--incident"]).file("incidents/template.hbs", "{{title}}!\n");
    let ran = own.run().exit(5);
    let name = ran.stderr.trim().rsplit('/').next().expect("names a file").to_owned();
    let text = ran.test.read(&format!("incidents/{name}"));
    assert!(text.ends_with("-->\nEngine Restart Failed!\n"), "{text}");
    let bad = exec(DOCUMENT, &["--incident"]).file("incidents/template.hbs", "{{#if x}}");
    let stopped = bad.run().exit(2).says("the incident template cannot be used: line 1");
    assert!(!stopped.test.path("killed").exists(), "something ran");
}

#[test]
fn an_incident_that_cannot_be_written_changes_no_result() {
    let blocked = exec(DOCUMENT, &["--incident=log"]).file("log", "a file in the way");
    blocked.run().exit(2).says("error: ");
    let year = exec(DOCUMENT, &["--incident=log"]).file("log/x", "");
    let name = contained(&["--incident=log"]);
    let day = name.stderr.trim().rsplit('/').next().expect("names a file").to_owned();
    year.file(&format!("log/{day}"), [0xff, 0xfe])
        .run()
        .exit(5)
        .says("warning: the incident cannot be written");
}

#[test]
fn a_note_is_part_of_every_report_and_cannot_be_changed_unseen() {
    let test = contained(&[]).test;
    let test = test.again(&["note", "last", "it was the *disk*"]).run().exit(0);
    let run = test.test.journal()[0]["run"].as_str().expect("has an id").to_owned();
    let test = test.stdout(&format!("noted in run {run}\n")).test;
    let test = test.again(&["note", "last", "and the network"]).run().exit(0).test;
    let test = test.again(&["report", "last"]).run().exit(0).says(": it was the *disk*\n").test;
    let markdown = test.again(&["report", "last", "--format", "md"]).run().exit(0);
    let test = markdown.says("it was the \\*disk\\*\n").test;
    let test = test.again(&["note", "last", " "]).run().exit(2).says("error: the note is empty").test;
    let test = test.again(&["note", "none", "x"]).run().exit(2).says("there is no run `none`").test;
    let test = test.again(&["verify", "last"]).run().exit(0).says("is intact").test;
    let runs = std::fs::read_dir(test.state().join("runs")).expect("a run was recorded");
    let notes = runs.map(|run| run.expect("is readable").path().join("notes.jsonl")).next().expect("is one");
    let text = std::fs::read_to_string(&notes).expect("is there").replace("*disk*", "*DISK*");
    std::fs::write(&notes, text).expect("is ours");
    let broken = "its notes are broken at line 1: its hash is not the one that line 2 carries";
    let test = test.again(&["verify", "last"]).run().exit(1).says(broken).test;
    test.again(&["note", "last", "x"]).run().exit(6).says("line 1 of its notes was changed");
}

#[test]
fn figures_are_by_procedure_and_mode() {
    let test = contained(&[]).test.file("well", "");
    let args: Vec<&str> = EXEC.iter().copied().chain(["--file", "doc.md"]).collect();
    let test = test.again(&args).run().exit(0).test;
    let stats = test.again(&["stats", "--format", "json"]).run().exit(0);
    let group = &stats.json()["procedures"][0];
    assert_eq!((&group["runs"], &group["mode"]), (&Value::from(2), &Value::from("exec")));
    assert_eq!(group["outcomes"], serde_json::json!({"contained": 1, "not_verified": 1}));
    assert_eq!((&group["recovery_ms"], &group["target_met"]), (&Value::Null, &Value::from(0)));
    let text = stats.test.again(&["stats", "enginerestartfailed"]).run().exit(0);
    let text =
        text.says("Engine Restart Failed · incidents · doc.md\n").says("  recovery    never verified\n");
    let prometheus = text.test.again(&["stats", "--format", "prometheus"]).run().exit(0);
    let line = "runbook_runs{file=\"doc.md\",procedure=\"engine-restart-failed\",mode=\"exec\",outcome=\"contained\"} 1\n";
    let test = prometheus.says(line).test;
    test.again(&["stats", "other"]).run().exit(2).says("error: no run of `other` is recorded\n");
    Test::new().args(&["stats"]).run().exit(0).stdout("no run is recorded\n");
}

#[test]
fn prometheus_accepts_the_figures() {
    let odd = "o\"dd\\.md";
    let args = ["exec", "Engine Restart Failed", "--engine-id", "3", "--unattended", "--file", odd];
    let ran = Test::new().file(odd, DOCUMENT).script("restart.sh", "test -e well").args(&args).run().exit(5);
    let figures = ran.test.again(&["stats", "--format", "prometheus"]).run().exit(0);
    let labels = "{file=\"o\\\"dd\\\\.md\",procedure=\"engine-restart-failed\",mode=\"exec\"";
    assert!(figures.stdout.contains(labels), "{}", figures.stdout);
    let none = Test::new().args(&["stats", "--format", "prometheus"]).run().exit(0);
    for figures in [figures, none] {
        let mut promtool = figures.test.other("promtool");
        promtool
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Where the package `prometheus` is not installed nobody can be asked; `tests/run` installs it.
        let Ok(mut promtool) = promtool.spawn() else { return };
        promtool.stdin.take().expect("is piped").write_all(figures.stdout.as_bytes()).expect("it reads");
        let output = promtool.wait_with_output().expect("it ends");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "{said}\n{}", figures.stdout);
    }
}

#[test]
fn coverage_names_what_was_never_exercised() {
    let test = exec(DOCUMENT, &[]).file("well", "").run().exit(0).test;
    let coverage = test.again(&["coverage", "--file", "doc.md"]).run().exit(0);
    let coverage = coverage
        .says("Engine Restart Failed · 2 of 3 exercised · doc.md:3\n")
        .says("never exercised: 1\n  doc.md:18 fallback 3: If persistent, activate kill switch\n");
    let test = coverage.test;
    std::fs::remove_file(test.path("well")).expect("is ours");
    let args: Vec<&str> = EXEC.iter().copied().chain(["--file", "doc.md"]).collect();
    let test = test.again(&args).run().exit(5).test;
    let coverage = test.again(&["coverage", "--file", "doc.md", "--format", "json"]).run().exit(0);
    let parts = &coverage.json()["procedures"][0]["parts"];
    assert_eq!((&parts[2]["part"], &parts[2]["count"]), (&Value::from("fallback"), &Value::from(1)));
    coverage.test.again(&["coverage", "--file", "none.md"]).run().exit(2).says("`none.md` does not exist");
}

#[test]
fn a_secret_is_in_no_report() {
    let document = DOCUMENT.replace("status of {engine_id}", "the token is {api_token}");
    let front = "---\nparameters:\n  api_token: {secret: true}\n---\n";
    let args = ["exec", "Engine Restart Failed", "--unattended", "--incident=log"];
    let secret = "s3cr3t-value-0123456789";
    let mut run = Test::on(&format!("{front}{document}"), &args)
        .script("restart.sh", "test -e well")
        .env("RUNBOOK_PARAM_API_TOKEN", secret)
        .run()
        .exit(5)
        .never_says(secret)
        .says("the token is ******");
    for form in ["text", "md", "html", "json", "cast", "junit"] {
        run = run.test.again(&["report", "last", "--format", form]).run().exit(0).never_says(secret);
    }
    let mut folders = vec![run.test.state(), run.test.path("log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("is readable") {
            let path = entry.expect("is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("is readable");
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "the secret is in {}", path.display());
            }
        }
    }
}
