//! What is left behind: the journal, `runs`, `report`, `verify`.

use crate::harness::{RUNBOOK, Test, exit_code};
use std::os::unix::fs::PermissionsExt;

const DEPLOY: &str = "# Deploy\n\n**Severity**: High\n\n1. Deploy:\n   ```bash\n   touch x; echo deployed; echo careful >&2\n   ```\n2. Verify:\n   ```bash\n   test -e x\n   ```\n";

#[test]
fn a_run_is_recorded_for_its_owner_alone_and_can_be_checked() {
    let finished = Test::on(DEPLOY, &["exec", "Deploy"]).run().exit(0);
    let head = finished
        .stdout
        .lines()
        .chain(finished.stderr.lines())
        .find_map(|line| line.trim().strip_prefix("head "))
        .map(str::to_owned)
        .expect("the head is printed");
    let runs = finished.test.state().join("runs");
    let run =
        std::fs::read_dir(&runs).expect("is there").next().expect("one run").expect("is readable").path();
    let mode = |path: &std::path::Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&run), 0o700);
    for file in std::fs::read_dir(&run).expect("is ours") {
        let path = file.expect("is readable").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(std::fs::read_to_string(run.join("document.md")).expect("is there"), DEPLOY);
    let id = run.file_name().expect("has a name").to_string_lossy().into_owned();
    let finished = finished.test.again(&["verify", &id, "--head", &head]).run().exit(0).says("intact");
    let finished =
        finished.test.again(&["verify", "last", "--head", &"0".repeat(64)]).run().exit(1).says("head");
    let finished = finished.test.again(&["runs"]).run().exit(0).says(&id).says("Deploy").says("verified");
    let finished = finished.test.again(&["report", &id]).run().exit(0).says("deployed").says("careful");
    let finished = finished.test.again(&["report", &id[..12], "--format", "json"]).run().exit(0);
    assert_eq!(finished.json()["outcome"], "verified");
    // Any change to any line is found.
    let journal = run.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("is there");
    std::fs::write(&journal, text.replacen("deployed", "deplored", 1)).expect("is ours");
    Test::new()
        .env("RUNBOOK_HOME", runs.parent().expect("has one"))
        .args(&["verify", "last"])
        .run()
        .exit(1)
        .says("broken at line");
}

#[test]
fn a_falsified_last_line_is_found_by_the_head_that_the_engine_kept() {
    let finished = Test::on(DEPLOY, &["exec", "Deploy", "--yes"]).run().exit(0);
    let head =
        finished.stdout.lines().find_map(|line| line.strip_prefix("  head ")).expect("is printed").to_owned();
    let test = finished.test.again(&["note", "last", "it was the disk"]).run().exit(0).test;
    let test = test.again(&["verify", "last"]).run().exit(0).says("is intact").test;
    let run = std::fs::read_dir(test.state().join("runs")).expect("is there").next().expect("one run");
    let run = run.expect("is readable").path();
    let id = run.file_name().expect("has a name").to_string_lossy().into_owned();
    let change = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(run.join(file)).expect("is there");
        let (at, _) = text.rmatch_indices(from).next().expect("is in it");
        std::fs::write(run.join(file), format!("{}{to}{}", &text[..at], &text[at + from.len()..]))
            .expect("is ours");
    };
    let events = test.journal().len();
    let broken = format!("run {id} is broken at line {events}: its hash is ");
    let why = ", not the head that was kept: it was changed, or lines behind it are missing\n";
    change("journal.jsonl", "\"verified\"", "\"observed\"");
    let test = test.again(&["verify", "last"]).run().exit(1).says(&broken).says(why).test;
    // Without a head nothing covers the last line but the head that was printed.
    std::fs::write(run.join("lock"), "").expect("is ours");
    let uncovered = format!(
        "run {id} is finished: {events} events, every hash fits; its last event is covered by nothing: compare it with \
         the head that was printed (--head HASH)\n"
    );
    let test = test.again(&["verify", "last"]).run().exit(1).says(&uncovered).test;
    let test =
        test.again(&["verify", "last", "--head", &head]).run().exit(1).says(", not the given head: ").test;
    change("journal.jsonl", "\"observed\"", "\"verified\"");
    let test = test.again(&["verify", "last", "--head", &head]).run().exit(0).says("is intact").test;
    change("notes.jsonl", "it was the disk", "it was ann's disk");
    let test = test.again(&["verify", "last", "--head", &head]).run().exit(1);
    let test = test.says("its notes are broken at line 1: its hash is ").says(why).test;
    std::fs::write(run.join("notes.lock"), "").expect("is ours");
    let uncovered = "its notes fit one another; the last one is covered by nothing\n";
    test.again(&["verify", "last", "--head", &head]).run().exit(1).says(uncovered);
}

#[test]
fn a_run_that_is_not_there_is_named() {
    Test::new()
        .args(&["report", "2026"])
        .run()
        .exit(2)
        .stderr("error: there is no run `2026`\nhint: `runbook runs` lists them\n");
    Test::new()
        .args(&["verify", "last"])
        .run()
        .exit(2)
        .stderr("error: there is no run yet\nhint: `runbook runs` lists them\n");
    Test::new().args(&["runs"]).run().exit(0);
}

#[test]
fn runs_are_listed_with_their_date_mode_and_parameters() {
    let text = "# Say\n\n1. Say it:\n   ```bash\n   echo {word} {api_token}\n   ```\n";
    let test =
        Test::on(text, &["exec", "Say", "--word", "hello"]).env("RUNBOOK_PARAM_API_TOKEN", "correct-horse");
    let test = test.run().exit(0).test;
    let start = test.journal()[0].clone();
    let (run, at) = (start["run"].as_str().expect("a text"), start["at"].as_str().expect("a text"));
    let listed = test.again(&["runs"]).run().exit(0);
    let (head, rest) = listed.stdout.split_once(run).expect("is listed");
    assert_eq!(
        head,
        "run                      procedure                time         outcome\n  \
         started (UTC)     mode  parameters\n"
    );
    let (line, below) = rest.split_once('\n').expect("two lines");
    assert!(line.starts_with("  Say  ") && line.ends_with("  observed"), "{line}");
    assert_eq!(below, format!("  {} {}  exec  api_token = ******, word = hello\n", &at[..10], &at[11..16]));
    let json = listed.test.again(&["runs", "--format", "json"]).run().exit(0).json();
    assert_eq!(json["runs"][0]["parameters"]["api_token"], "******", "{json}");
    assert_eq!(json["runs"][0]["rehearsal"], serde_json::Value::Null, "{json}");
}

#[test]
fn secrets_are_nowhere() {
    let secret = "correct-horse-battery";
    let text = "# Login\n\n```bash\ntouch x; echo \"token is {api_token}.\"; printf '%s' '{api_token}' | sed 's/./&\\n/5' | tr -d '\\n'; echo {api_token} >&2\n```\n";
    for format in ["text", "json"] {
        let finished = Test::on(text, &["exec", "Login", "-v", "--format", format])
            .env("RUNBOOK_PARAM_API_TOKEN", secret)
            .run()
            .exit(0)
            .never_says(secret)
            .says("******");
        let mut files = 0;
        for path in crate::expected::files(&finished.test.state(), "") {
            let bytes = std::fs::read(&path).expect("is ours");
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
            files += 1;
        }
        assert!(files >= 2);
        finished
            .test
            .again(&["exec", "Login", "--dry-run", "--file", "doc.md"])
            .run()
            .exit(0)
            .never_says(secret);
    }
}

#[test]
fn a_large_output_is_recorded_by_its_ends() {
    let text = "# Large\n\n```bash\ntouch x; seq 1 400000; echo the very end\n```\n";
    let finished = Test::on(text, &["exec", "Large", "-q"]).run().exit(0);
    let journal = finished.test.journal();
    let kept: usize = journal
        .iter()
        .filter(|event| event["type"] == "output")
        .map(|event| event["text"].as_str().expect("is text").len())
        .sum();
    let ended = journal.iter().find(|event| event["type"] == "step_finished").expect("it ended");
    let total = ended["output_bytes"][0].as_u64().expect("is a number");
    let dropped = ended["dropped_bytes"][0].as_u64().expect("is a number");
    assert_eq!(total - dropped, kept as u64);
    assert!(kept < 1_000_000 && dropped > 1_000_000, "{kept} {dropped}");
    let last = journal.iter().rfind(|event| event["type"] == "output").expect("has output");
    assert!(last["text"].as_str().expect("is text").ends_with("the very end\n"));
}

#[test]
fn a_full_disk_stops_the_run_before_the_next_step() {
    let text = "# Full\n\n1. First:\n   ```bash\n   echo x >> first; head -c 300000 /dev/zero | tr '\\0' a\n   ```\n\
                2. Second:\n   ```bash\n   echo x >> second\n   ```\n\n<!-- runbook: always=yes effect=changes -->\n```bash\ntouch always\n```\n";
    let test = Test::new().file("doc.md", text);
    std::fs::create_dir(test.state()).expect("is ours");
    // A disk of 64 kB, where the record is kept; what is left of it is copied to where it lasts.
    let script = "\"$0\" exec Full --file doc.md; code=$?; cp -rp \"$RUNBOOK_HOME\" kept; exit $code";
    let mut command = test.other("bwrap");
    command.args(["--dev-bind", "/", "/", "--size", "65536", "--tmpfs"]).arg(test.state());
    let output = command.args(["--", "bash", "-c", script, RUNBOOK]).output().expect("bwrap is there");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(exit_code(output.status), 6, "{said}");
    assert!(said.contains("stopping: the journal cannot be written: No space left on device"), "{said}");
    assert!(said.contains("  2     Second                               not run\n"), "{said}");
    // Not even what always runs: its start could not be recorded.
    assert!(!said.contains("in any case"), "{said}");
    let there = ["first", "second", "always"].map(|file| test.path(file).exists());
    assert_eq!(there, [true, false, false], "{said}");
    let kept = test.path("kept");
    let test = test.env("RUNBOOK_HOME", kept).again(&["runs"]).run().exit(0).says("unknown").test;
    let verified = test.again(&["verify", "last"]).run().exit(1);
    verified.says("every hash fits, and no `run_finished`; the last line is torn; its last event is covered by nothing\n");
}
