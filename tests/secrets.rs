//! A secret's value is in nothing that is left or seen: journal, states, reports, incident file, notifications,
//! terminal, listings, messages, and the command lines of our processes while they run.
//!
//! The value has parts that no form of quoting or escaping changes, and each of them is looked for.

use crate::harness::{Finished, OnTerminal, Reply, Service, Test};
use std::path::Path;

const SECRET: &str = "c0rrect'h\"or$e b4ttery-staple";

/// Whatever is done to the value, these stay as they are. Output is also cut right between them.
const PARTS: [&str; 2] = ["c0rrect", "b4ttery-staple"];

/// With a pattern, so that the value may stand wherever a pattern allows it.
const FRONT: &str = "---\nparameters:\n  api_token: {secret: true, pattern: '.+'}\n---\n";

/// Prints the secret in every way that a step can, and fails with one more way ahead.
const DOCUMENT: &str = r#"
# Rotate

**Severity**: Critical

1. Look:
   ```bash
   printf '%s\n' {api_token} "({api_token})" "[{api_token}]" >&2
   cat <<END
   heredoc {api_token}
   END
   ```
2. Print it in pieces, with time between them:
   ```bash
   token={api_token}
   printf %s "${token:0:9}"; sleep 0.05; printf '%s\n' "${token:9}"
   for ((i = 0; i < ${#token}; i++)); do printf %s "${token:i:1}"; done; echo
   ```
3. Print it where the record is cut:
   ```bash
   printf '%*s' $((256 * 1024 - 9)) ''; printf %s {api_token}
   printf '%*s' 400000 ''; printf %s {api_token}; printf '%*s' $((64 * 1024 - 9)) ''
   ```
4. Keep it in the shell:
   ```bash
   export KEPT={api_token}
   list=(a {api_token})
   helper() { echo {api_token}; }
   alias rotate="echo $KEPT"
   set -x; : {api_token} "$KEPT"; set +x
   ```
5. Leave something behind that prints it:
   ```bash
   { sleep 0.2; printf '%s\n' "$KEPT"; } &
   ```
6. Wait for the job:
   ```bash
   touch waiting; read -r _ <go; wait
   ```
7. Rotate:
   ```bash
   touch tried; test -e well
   echo {api_token}
   ```

## Escalation Matrix

| Severity | Response Time | Escalation |
|---|---|---|
| P0 (Critical) | Immediate | CTO |
"#;

/// Fails if a part of the secret is in `text`.
#[track_caller]
fn clean(what: &str, text: &[u8]) {
    for part in PARTS {
        let found = text.windows(part.len()).position(|window| window == part.as_bytes());
        if let Some(at) = found {
            let around = &text[at.saturating_sub(200)..(at + 200).min(text.len())];
            panic!("`{part}` is in {what}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

#[track_caller]
fn clean_files(folder: &Path) -> usize {
    let files = crate::expected::files(folder, "");
    for path in &files {
        clean(&path.display().to_string(), &std::fs::read(path).expect("is ours"));
    }
    files.len()
}

#[track_caller]
fn clean_run(run: Finished) -> Test {
    clean("standard output", run.stdout.as_bytes());
    clean("standard error", run.stderr.as_bytes());
    run.test
}

/// The command lines of every process of this host that can be looked at.
fn command_lines() -> Vec<u8> {
    let entries = std::fs::read_dir("/proc").expect("is Linux").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.flat_map(|line| line.into_iter().chain([b'\n'])).collect()
}

#[test]
fn no_record_report_message_or_command_line_has_it() {
    let service = Service::start(|_| Reply::Status(200, ""));
    let yaml = format!(
        "procedures: [../doc.md]\nnotifiers:\n  hook: {{webhook: 'http://{}/'}}\n  \
         spill: {{command: 'cat >told.json; printenv SPILL; exit 1'}}\n",
        service.address()
    );
    let test = Test::new()
        .file("doc.md", format!("{FRONT}{DOCUMENT}"))
        .file("runbooks/runbook.yaml", yaml)
        .env("RUNBOOK_PARAM_API_TOKEN", SECRET)
        .env("SPILL", SECRET)
        .args(&["exec", "Rotate", "--unattended", "-v", "--incident=log"]);
    nix::unistd::mkfifo(&test.path("go"), nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("is ours");
    let mut running = test.spawn();
    running.wait_for("[6] Wait for the job");
    while !test.path("waiting").exists() {
        std::thread::yield_now();
    }
    clean("a command line", &command_lines());
    // Half way, too: an engine that is killed now leaves what is there.
    clean_files(&test.state());
    std::fs::write(test.path("go"), "\n").expect("the step reads it");
    let (status, stdout, stderr) = running.finish(std::time::Duration::from_secs(60));
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("is UTF-8"));
    let code = crate::harness::exit_code(status);
    let run = Finished { test, code, stdout, stderr }.exit(1);
    let run = run.says("heredoc ******").says("not run: echo ******").says("[5, late] ******");
    let run = run.says("warning: could not notify `spill`: the command failed with status 1: ******, 1\n");
    let mut test = clean_run(run);
    clean("the webhook's body", service.received()[0].body.as_bytes());
    clean("what the command got", test.read("runbooks/told.json").as_bytes());
    for form in ["text", "md", "html", "json", "cast", "junit"] {
        test = clean_run(test.again(&["report", "last", "--format", form]).run().exit(0));
    }
    for form in ["text", "json", "mermaid", "dot"] {
        test = clean_run(test.again(&["plan", "Rotate", "--format", form]).run().exit(0));
    }
    for args in [
        &["replay", "last", "-v"][..],
        &["runs"],
        &["stats", "--format", "json"],
        &["coverage"],
        &["list"],
        &["show", "Rotate"],
        &["exec", "Rotate", "--dry-run"],
        &["exec", "Rotate", "--dry-run", "--format", "json"],
    ] {
        test = clean_run(test.again(args).run().exit(0));
    }
    // Going on in the shell as it was, from what is on record.
    let resumed =
        test.file("well", "").again(&["resume", "last", "--unattended", "--from", "7", "--format", "json"]);
    let test = clean_run(resumed.run().exit(0).says("******"));
    assert!(clean_files(&test.state()) >= 5);
    assert_eq!(clean_files(&test.path("log")), 1);
}

#[test]
fn a_rehearsal_takes_it_into_its_sandbox_on_no_command_line() {
    let yaml = "procedures: [site.md]\nstage:\n  workdir: ../site\nfaults:\n  broken:\n    procedures: [Repair]\n    \
                inject: touch broken\n    symptom: test -e broken\n    revert: rm -f broken\n    \
                passes_when: test ! -e broken\n";
    let text = "# Repair\n\n```bash\necho \"it is {api_token}\"; sleep 0.3; rm broken\n```\n";
    let test = Test::new()
        .file("runbooks/runbook.yaml", yaml)
        .file("runbooks/site.md", format!("{FRONT}{text}"))
        .file("site/index.html", "hello")
        .env("RUNBOOK_PARAM_API_TOKEN", SECRET)
        .args(&["rehearse", "Repair"]);
    let mut running = test.spawn();
    running.wait_for("it is ******");
    clean("a command line", &command_lines());
    let (_, stdout, stderr) = running.finish(std::time::Duration::from_secs(60));
    clean("standard output", &stdout);
    clean("standard error", &stderr);
    assert!(String::from_utf8_lossy(&stdout).contains("rehearsal passed"), "{stdout:?} {stderr:?}");
    clean_files(&test.state());
}

#[test]
fn a_difference_from_what_was_promised_does_not_show_it() {
    let text = format!(
        "{FRONT}# Check\n\n```bash\necho \"the token is {{api_token}}\"\n```\n\n```output\nthe token is new\n```\n"
    );
    let run = Test::on(&text, &["exec", "Check", "--unattended"])
        .env("RUNBOOK_PARAM_API_TOKEN", SECRET)
        .run()
        .says("+the token is ******");
    let test = clean_run(run);
    clean_files(&test.state());
}

#[test]
fn what_a_person_types_into_a_note_or_an_edited_command_is_masked_on_record() {
    let text =
        format!("{FRONT}# Rotate\n\n1. Rotate:\n   ```bash\n   touch x; test -z {{api_token}}\n   ```\n");
    let test = Test::on(&text, &["exec", "Rotate", "--yes"])
        .env("RUNBOOK_PARAM_API_TOKEN", SECRET)
        .env("EDITOR", "./edit")
        .script("edit", &format!("cat >$1 <<'END'\ntest -z \"${{BASH_VERSION#{}}}\" # {SECRET}\nEND", "x"));
    let mut terminal = OnTerminal::start(&test.command());
    terminal.wait_for("what now?");
    terminal.type_in("e\n");
    terminal.wait_for("it is now:");
    terminal.wait_for("what now?");
    terminal.type_in("r\n");
    terminal.wait_for("what now?");
    terminal.type_in("d\n");
    let screen = terminal.so_far();
    clean("the screen", screen.as_bytes());
    assert!(screen.contains("# ******"), "{screen}");
    terminal.wait_for("what was done");
    terminal.type_in(&format!("used {SECRET} in the console\n"));
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
    clean_files(&test.state());
    test.again(&["report", "last"]).run().exit(0).says("used ****** in the console");
}

#[test]
fn one_that_is_asked_for_is_not_on_the_screen() {
    let text =
        format!("{FRONT}# Rotate\n\n1. Rotate:\n   ```bash\n   touch x; echo got {{api_token}}\n   ```\n");
    let test = Test::on(&text, &["exec", "Rotate", "--yes"]);
    let mut terminal = OnTerminal::start(&test.command());
    terminal.wait_for("`Rotate` needs api_token (line 9, not shown): ");
    terminal.type_in(&format!("{SECRET}\n"));
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("got ******"), "{screen}");
    clean("the screen", screen.as_bytes());
    clean_files(&test.state());
}

#[test]
fn a_ctrl_c_where_one_is_asked_for_leaves_the_terminal_as_it_was() {
    let text =
        format!("{FRONT}# Rotate\n\n1. Rotate:\n   ```bash\n   touch x; echo got {{api_token}}\n   ```\n");
    let test = Test::on(&text, &["exec", "Rotate", "--yes"]);
    let inner = test.command();
    let mut shell = test.other("bash");
    shell.args(["-c", "\"$@\"; echo code $?; stty -a", "-"]).arg(inner.get_program()).args(inner.get_args());
    let mut terminal = OnTerminal::start(&shell);
    terminal.wait_for("not shown");
    terminal.type_in("c0rrect\x03");
    let (_, screen) = terminal.finish();
    assert!(screen.contains("code 130"), "{screen}");
    assert!(screen.contains(" icanon ") && screen.contains(" echo "), "{screen}");
    clean("the screen", screen.as_bytes());
    assert!(!test.path("x").exists());
}

#[test]
fn no_message_about_a_wrong_value_shows_it() {
    let front = FRONT.replace("'.+'", "'[0-9]+', choices: ['1']");
    let text = "# Rotate\n\n```bash\ntouch x; echo {api_token}\n```\n";
    let run = |test: Test| clean_run(test.run().exit(2));
    run(Test::on(&format!("{front}{text}"), &["exec", "Rotate"]).env("RUNBOOK_PARAM_API_TOKEN", SECRET));
    run(Test::on(&format!("{FRONT}{text}"), &["exec", "Rotate"])
        .env("RUNBOOK_PARAM_API_TOKEN", format!("-{SECRET}")));
    for params in [format!("api_token: [{SECRET:?}]\n"), format!("x: {{\napi_token: {SECRET:?}\n")] {
        let test = Test::on(&format!("{FRONT}{text}"), &["exec", "Rotate", "--params", "p.yaml"]);
        run(test.file("p.yaml", params));
    }
}
