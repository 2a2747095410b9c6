//! Bad input: each time what is wrong, where, what to do, the right exit code, and nothing run.

use crate::harness::Test;

const LIST: &[&str] = &["list", "--file", "doc.md"];

#[track_caller]
fn listed(contents: impl AsRef<[u8]>, code: i32, stderr: &str) {
    Test::new().file("doc.md", contents).args(LIST).run().exit(code).stderr(stderr);
}

#[test]
fn a_file_that_is_none_is_named() {
    Test::new()
        .args(LIST)
        .run()
        .exit(2)
        .stderr("error: `doc.md` does not exist\nhint: is the path right? it counts from here\n");
    Test::new()
        .args(&["list", "--file", "."])
        .run()
        .exit(2)
        .stderr("error: `.` is a directory\nhint: name the files in it with --file FILE\n");
}

#[test]
fn what_is_no_text_is_refused_with_the_byte() {
    listed(
        "",
        3,
        "error: `doc.md` is empty\nhint: a runbook has a heading and steps: is this the right file?\n",
    );
    listed(
        "\u{feff}\r\n \n",
        3,
        "error: `doc.md` is empty\nhint: a runbook has a heading and steps: is this the right file?\n",
    );
    listed(
        b"# A\n\x7fELF\0\x01",
        3,
        "error: `doc.md` cannot be read: byte 8 is NUL: this is a binary file, not Markdown\n\
         hint: save it as UTF-8 text, or name another file\n",
    );
    listed(
        b"# A\nca\xe9 \n",
        3,
        "error: `doc.md` cannot be read: byte 6 (0xe9, line 2, column 3) is not UTF-8\n\
         hint: save it as UTF-8 text, or name another file\n",
    );
    listed(
        vec![b'a'; 16 * 1024 * 1024 + 1],
        3,
        "error: `doc.md` cannot be read: the file has 16777217 bytes; a runbook may have at most 16777216 (16 MiB)\n\
         hint: a runbook is prose: is this the right file?\n",
    );
}

#[test]
fn nothing_named_at_all_says_how_to_name_something() {
    Test::new().args(&["list"]).run().exit(2).stderr(
        "error: no runbook is named\n\
         hint: give --file FILE, list files under `procedures:` in `runbooks/runbook.yaml`, or set RUNBOOK_PATH\n",
    );
}

#[test]
fn a_broken_configuration_is_shown_with_its_place() {
    Test::new()
        .file("runbooks/runbook.yaml", "procedure: [a.md]\n")
        .args(&["list"])
        .run()
        .exit(3)
        .stderr(
            "error: unknown key `procedure`\n  --> runbooks/runbook.yaml:1:1\n    |\n  1 | procedure: [a.md]\n    \
             | ^^^^^^^^^\nhint: a key named `procedures` exists\n",
        );
}

#[test]
fn procedures_come_from_the_nearest_configuration_and_from_the_environment() {
    let doc = |title: &str| format!("# Runbook\n\n## {title}\n\n```bash\ntrue\n```\n");
    let test = Test::new()
        .file("runbooks/runbook.yaml", "procedures: [a.md]\nworkdir: ../sub\n")
        .file("runbooks/a.md", doc("Restart A"))
        .file("sub/x", "")
        .file("more/b.md", doc("Restart B"))
        .env("RUNBOOK_PATH", "more");
    let listed = test.args(&["list", "--format", "json"]).run().exit(0);
    let titles: Vec<_> = listed.json()["procedures"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("{} {}", it["title"], it["file"]))
        .collect();
    assert_eq!(titles, ["\"Restart A\" \"runbooks/a.md\"", "\"Restart B\" \"more/b.md\""]);
    listed.test.again(&["plan", "restart-a"]).run().exit(0).says("/work/sub");
}

#[test]
fn a_procedure_that_is_not_there_is_not_guessed() {
    let text = "# Runbook\n\n## Restart the API\n\n```bash\ntouch ran\n```\n\n## Restart the feed\n\n```bash\ntouch ran\n```\n";
    let finished = Test::on(text, &["exec", "Restart the APT"]).run().exit(2);
    let finished = finished.says("Restart the APT").says("Restart the API").says("doc.md:3");
    assert!(!finished.test.path("ran").exists());
    Test::on(text, &["exec", "Nothing like it"]).run().exit(2).says("`Nothing like it`");
    let twice = text.replace("Restart the feed", "restart-the-api");
    let finished = Test::on(&twice, &["exec", "Restart the API"]).run().exit(2);
    let finished = finished.says("doc.md:3").says("doc.md:9");
    assert!(!finished.test.path("ran").exists());
}

#[test]
fn wrong_arguments_say_what_would_be_right() {
    let text = "# Deploy\n\n```bash\ntouch {name}\n```\n";
    Test::on(text, &["exec", "Deploy"])
        .run()
        .exit(2)
        .stderr("error: `Deploy` needs a value for `name` (line 4)\nhint: add --name VALUE\n");
    Test::on(text, &["exec", "Deploy", "--nmae", "x"]).run().exit(2).says("--nmae").says("--name");
    Test::on(text, &["exec", "Deploy", "--param", "other=x", "--name", "y"])
        .run()
        .exit(2)
        .stderr("error: `Deploy` has no parameter `other`\nhint: its parameters are: name\n");
    Test::on(text, &["exec", "Deploy", "--name", "x", "--decide", "1=yes"])
        .run()
        .exit(2)
        .stderr("error: `--decide 1=yes`: `1` is no decision or choice\nhint: `Deploy` has none\n");
    Test::on(text, &["exec", "Deploy", "--name", "x", "--assume-done", "7"])
        .run()
        .exit(2)
        .stderr("error: `--assume-done 7`: `7` is no step\nhint: `Deploy` has no manual steps\n");
    Test::on(text, &["exec", "Deploy", "--name", "-rf"]).run().exit(2).says("`name`").never_says("panicked");
}

#[test]
fn declared_parameters_are_checked() {
    let text = "---\nparameters:\n  env: {choices: [prod, staging]}\n  count: {type: integer}\n  ref: {pattern: 'v[0-9]+'}\n  token: {secret: true}\n---\n\
        # Deploy\n\n```bash\ntouch {env} {count} {ref}; echo \"{token}\" > t\n```\n";
    let ok = ["--env", "prod", "--count", "3", "--ref", "v1"];
    let deploy =
        |args: &[&str]| Test::on(text, &["exec", "Deploy"]).args(args).env("RUNBOOK_PARAM_TOKEN", "s3cret");
    let finished = deploy(&ok).run().exit(0).never_says("s3cret");
    assert_eq!(finished.test.read("t"), "s3cret\n");
    for (flag, value, said) in [
        (
            "--env",
            "dev",
            "error: `dev` is not allowed for `env` (from flag): it is none of the choices\nhint: choose from: prod, staging\n",
        ),
        (
            "--count",
            "x",
            "error: `x` is not allowed for `count` (from flag): it is not of type integer\nhint: give a value of type integer\n",
        ),
        (
            "--ref",
            "1",
            "error: `1` is not allowed for `ref` (from flag): it does not match `v[0-9]+`\nhint: the document declares which values are safe there\n",
        ),
        (
            "--token",
            "s3cret",
            "error: `token` is secret and must not stand on a command line, where others can read it\nhint: set RUNBOOK_PARAM_TOKEN, or use --params FILE\n",
        ),
    ] {
        let mut args = ok.to_vec();
        match args.iter().position(|arg| *arg == flag) {
            Some(at) => args[at + 1] = value,
            None => args.extend([flag, value]),
        }
        deploy(&args).run().exit(2).stderr(said);
    }
}

#[test]
fn directives_that_do_not_parse_and_needs_in_a_circle_are_the_documents_errors() {
    let text = "# Deploy\n\n<!-- runbook: id=a needs=b -->\n```bash\ntouch ran\n```\n<!-- runbook: id=b needs=a -->\n```bash\ntouch ran\n```\n";
    let finished = Test::on(text, &["exec", "Deploy"]).run().exit(3);
    let finished =
        finished.says("steps wait for each other in a circle: `a` needs `b` needs `a`").says("doc.md:3:");
    assert!(!finished.test.path("ran").exists());
    let text = text.replace("needs=a", "needs=aa");
    Test::on(&text, &["exec", "Deploy"])
        .run()
        .exit(3)
        .says("error: step `b` needs `aa`, which is not defined")
        .says("hint: a step named `a` exists");
    let text = text.replace("needs=aa", "tiemout=3s");
    Test::on(&text, &["exec", "Deploy"]).run().exit(3).says("tiemout").says("doc.md:7:");
}

#[test]
fn no_bash_no_state_directory_no_working_directory() {
    let text = "# Deploy\n\n```bash\ntouch ran\n```\n";
    let test = Test::on(text, &["exec", "Deploy"]).script("bin/touch", "true");
    let bin = test.path("bin").display().to_string();
    let finished = test.env("PATH", bin).run().exit(6);
    let finished =
        finished.stderr("error: there is no `bash` on the PATH\nhint: install bash 4.4 or later\n");
    assert!(!finished.test.path("ran").exists());
    // A file in the way stops root as well.
    let test = Test::on(text, &["exec", "Deploy"]).file("blocked", "");
    let blocked = test.path("blocked").display().to_string();
    let finished = test.env("RUNBOOK_HOME", &blocked).run().exit(6).says("cannot be written").says("blocked");
    assert!(!finished.test.path("ran").exists());
    Test::on(text, &["exec", "Deploy", "--workdir", "nowhere"])
        .run()
        .exit(6)
        .says("nowhere` does not exist")
        .says("--workdir DIR");
}

#[test]
fn a_project_that_cannot_be_read_is_never_left_out_silently() {
    let text = "# Deploy\n\n```bash\ntest -e go\ntouch ran\n```\n";
    let test = Test::on(text, &["exec", "Deploy", "--yes"]).file("runbooks/runbook.yaml", "workdir: [..\n");
    let said =
        "\nwarning: what the project sets (working directory, notifiers, escalation) is left out here\n";
    let failed = test.run().exit(1);
    assert!(failed.stderr.starts_with("warning: "), "{}", failed.stderr);
    let failed = failed.says("\n  --> runbooks/runbook.yaml:").says(said);
    failed.test.file("go", "").again(&["resume", "last", "--yes", "--from", "1"]).run().exit(0).says(said);
}

#[test]
fn a_bash_that_ends_before_it_listens_starts_nothing() {
    let text = "# Deploy\n\n```bash\ntouch ran\n```\n";
    let test = Test::on(text, &["exec", "Deploy", "--yes"]).file("bin/bash", "#!/bin/sh\nexit 3\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(test.path("bin/bash"), mode).expect("is ours");
    let bin = test.path("bin").display().to_string();
    let finished = test.env("PATH", format!("{bin}:/usr/bin:/bin")).run().exit(1);
    let finished = finished.says("\n[1] could not start: the shell ended at once, with status 3\n");
    assert!(!finished.test.path("ran").exists());
}

#[test]
fn a_full_disk_stops_before_the_next_step() {
    let text = "# Deploy\n\n1. First:\n   ```bash\n   touch first; seq 1 9000\n   ```\n2. Second:\n   ```bash\n   touch second\n   ```\n";
    // A limit on a file's size makes the journal's writes fail: at once, or in the middle of the run.
    for (blocks, first, said) in [
        (1, false, "error: the run could not start, nothing was run: "),
        (8, true, "stopping: the journal cannot be written: "),
    ] {
        let test = Test::on(text, &[]);
        let mut command = test.other("bash");
        let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" exec Deploy --file doc.md");
        command.args(["-c", &script, crate::harness::RUNBOOK]);
        let output = command.output().expect("it can start");
        let shown =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(6), "{shown}");
        assert!(shown.contains(said), "{shown}");
        assert_eq!(test.path("first").exists(), first, "{shown}");
        assert!(!test.path("second").exists(), "{shown}");
        assert_eq!(test.leftovers(), Vec::<String>::new(), "{shown}");
    }
}

#[test]
fn an_unclosed_fence_is_shown() {
    let text = "# Deploy\n\n```bash\ntouch x\n";
    let said = "error: the commands of this block never end: it is not closed\n  --> doc.md:3:1\n";
    Test::on(text, &["exec", "Deploy"]).run().exit(3).says(said).says("hint: close it with as many marks");
}

#[test]
fn a_file_without_procedures_is_no_empty_list() {
    let no_procedure = "error: `doc.md` has no procedure\nhint: a procedure is a section with steps to run; the book's \
                        page `What is understood` says how\n";
    let prose = || Test::new().file("doc.md", "# Prose\n\nNothing to do.\n").args(LIST);
    prose().run().exit(2).stdout("").stderr(no_procedure);
    let json = prose().args(&["--format", "json"]).run().exit(2).stderr(no_procedure);
    assert_eq!(json.json()["procedures"], serde_json::json!([]));
    let two = prose().file("b.md", "# B\n\nNor here.\n").args(&["--file", "b.md"]).run().exit(2).stdout("");
    two.says("error: none of the 2 documents has a procedure\n");
}
