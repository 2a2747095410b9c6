//! `runbook lint`: every kind of finding as a person reads it, and what they come to.

use crate::harness::{Finished, LEVIBOT, Test};
use serde_json::json;

/// What `runbook lint doc.md` says of `text`.
fn lint(text: &str) -> Finished {
    Test::new().file("doc.md", text).args(&["lint", "doc.md"]).run()
}

/// A document about which nothing is to be said.
const FINE: &str = "# Restart\n\n**Severity**: Critical\n\n```bash\ntrue\n```\n";

const MATRIX: &str = "\n## Escalation\n\n| Severity | Response time | Contact |\n|---|---|---|\n\
                      | P0 (Critical) | now | CTO |\n| P2 | 1 day | lead |\n";

#[test]
fn a_document_that_is_fine_is_said_to_be() {
    lint(FINE).exit(0).stdout("checked 1 procedure of 1 document: nothing was found\n").stderr("");
}

#[test]
fn a_place_where_no_value_can_stand_is_in_the_way_of_a_plan_without_one_too() {
    let text = "# Restart\n\n```bash\n<command> restart\n```\n";
    Test::on(text, &["plan", "Restart"])
        .run()
        .exit(3)
        .says("error: `command` cannot be filled in safely: it names the command that runs\n");
    // Of places in a text that cannot be read nothing is known.
    let text = "# Restart\n\n```bash\necho <name> ${{ x }}\n```\n";
    Test::on(text, &["plan", "Restart"]).run().exit(0).says("name is open: give --name VALUE");
}

#[test]
fn what_is_wrong_and_what_is_odd_is_said_at_its_line() {
    let step = |directive: &str| format!("# Restart\n\n{directive}\n```bash\ntrue\n```\n");
    for (text, exit, found) in [
        (
            "# Restart\n\n```bash\ntrue\n".to_owned(),
            3,
            "doc.md:3: error: this code block is never closed\n  hint: all that follows is part of it; close it with as \
             many marks as it was\n    opened with\n",
        ),
        (
            "# Restart\n\n```bash\nif true; then\n```\n".to_owned(),
            3,
            "doc.md:4: error: step 1 does not parse as bash\n",
        ),
        (
            "# Restart\n\n```sh\nif true\n```\n\n```bash\ntrue\n```\n".to_owned(),
            3,
            "doc.md:3: error: this block is tagged `sh` and does not parse as bash: it is\n  never run\n  hint: correct \
             it; if it shows what a command prints, tag it `output` or\n    `text`\n",
        ),
        (
            step("<!-- runbook: timout=3s -->"),
            3,
            "doc.md:3: error: unknown key `timout` in a directive\n  hint: a key named `timeout` exists\n",
        ),
        (
            step("<!-- runbook: needs=nothing -->"),
            3,
            "doc.md:3: error: step `restart` needs `nothing`, which is not defined\n  hint: steps are: restart\n",
        ),
        (
            step("<!-- runbook: test fault=gone -->"),
            3,
            "doc.md:3: error: a test of `restart` injects `gone`, and there is no stage for\n  it\n  hint: looked for \
             one in `runbooks/runbook.yaml` above the document and here;\n    the book's page `Rehearse your own system` shows \
             one of ten lines\n",
        ),
        (
            "# Restart\n\n```bash\n<command> restart\n```\n".to_owned(),
            3,
            "doc.md:4: error: `command` cannot be filled in safely: it names the command\n  that runs\n  hint: put the \
             placeholder into an argument of its own\n",
        ),
        (
            "# Restart\n\n```bash\necho ${{ foo }}\n```\n".to_owned(),
            0,
            "doc.md:4: warning: step 1 does not parse as bash\n  hint: `bash -n` can read it all the same; what it would do \
             cannot be told\n",
        ),
        (
            format!("{}\n<!-- runbook: expect -->\n```text\na\n```\n", step("")),
            3,
            "doc.md:8: error: `expect` needs a value\n  hint: one of `lines`, `contains`, `json`\n",
        ),
        (
            step("<!-- runbook: tset fault=gone -->"),
            3,
            "doc.md:3: error: unknown key `tset` in a directive\n  hint: `test NAME=VALUE` exists\n",
        ),
        (
            step("See [there](gone.md)."),
            3,
            "doc.md:3: error: the link to `gone.md` leads nowhere\n  hint: there is no file `gone.md`\n",
        ),
        (
            step("**Target**: Recovery < 3 GB"),
            3,
            "doc.md:3: error: the target `Recovery < 3 GB` cannot be measured\n  hint: write a number and a unit, \
             such as `< 30 s`, `< 2 minutes` or `≥ 90 %`\n",
        ),
        (
            step("‚â• 3 engines run."),
            0,
            "doc.md:3: warning: `‚â•` is `≥` read as Mac Roman\n  hint: write the characters that are meant, and save the \
             file as UTF-8\n",
        ),
    ] {
        let count = if exit == 3 { "1 error" } else { "1 warning" };
        let expected = format!("{found}checked 1 procedure of 1 document: {count}\n");
        lint(&text).exit(exit).stdout(&expected).stderr("");
    }
}

#[test]
fn an_alert_without_a_step_is_missed_wherever_procedures_are_counted() {
    let text = "# Book\n\n## Alert: No Steps\n\n**Severity**: Critical\n\n- it hurts\n\n## Alert: Words\n\nCall, then \
                look at `docker ps`.\n\n## DiskFull\n\n**Severity**: Critical\n\n## PostgreSQL\n\nA word.\n\n## Fine\n\n\
                ```bash\nls\n```\n";
    let hint = "nothing can be run when it fires: write what is to be done below its\n    heading\n";
    let all = [(3, "No Steps"), (9, "Words"), (13, "DiskFull")];
    let lines = all.map(|(line, name)| {
        format!("doc.md:{line}: warning: the alert `{name}` has no step\n  hint: {hint}")
    });
    let count = "checked 1 procedure of 1 document: 3 warnings\n";
    let mut test = lint(text).exit(0).stdout(&format!("{}{count}", lines.concat())).test;
    for arguments in [&["list", "--file", "doc.md"][..], &["test", "--no-run", "-v", "doc.md"]] {
        let mut finished = test.again(arguments).run().exit(0).never_says("PostgreSQL");
        for (line, name) in all {
            let place = format!("warning: the alert `{name}` has no step\n  --> doc.md:{line}:1\n");
            finished = finished.says(&place);
        }
        test = finished.test;
    }
    for (line, name) in all {
        let said = format!("error: nothing in `{name}` (doc.md:{line}) can be run: ");
        test = test.again(&["exec", name, "--file", "doc.md"]).run().exit(5).says(&said).test;
    }
    lint("# Alert: Gone\n\nJust call.\n").says("the alert `Gone` has no step");
}

#[test]
fn a_severity_without_a_row_in_the_matrix_is_found() {
    let gold = FINE.replace("Critical", "Gold") + MATRIX;
    let finished = lint(&gold).exit(0).stdout(
        "doc.md:3: warning: no row of the escalation matrix fits the severity `Gold`\n  hint: name one in `runbook.yaml`, \
         such as `escalation: {Gold: P0}`; its rows\n    are `P0 (Critical)`, `P2`\n\
         checked 1 procedure of 1 document: 1 warning\n",
    );
    let named = finished.test.file("runbooks/runbook.yaml", "escalation: {Gold: P2}\n");
    named.run().exit(0).stdout("checked 1 procedure of 1 document: nothing was found\n");
    let none = FINE.replace("**Severity**: Critical\n\n", "") + MATRIX;
    let note = "doc.md:1: note: `Restart` states no severity: the whole escalation matrix is\n  shown\n  hint: write \
                `**Severity**: …` below its heading\n";
    let count = "checked 1 procedure of 1 document: 1 note\n";
    let finished = lint(&none).exit(0).stdout(&format!("{note}{count}"));
    finished.test.again(&["lint", "doc.md", "-q"]).run().exit(0).stdout(count);
}

#[test]
fn a_value_for_a_parameter_is_no_matter_of_the_document() {
    let open = FINE.replace("true\n", "curl <host>\n");
    let finished = lint(&open).exit(0).stdout("checked 1 procedure of 1 document: nothing was found\n");
    let finished = finished
        .test
        .again(&["test", "--no-run", "doc.md"])
        .run()
        .exit(0)
        .stdout("checked 1 procedure of 1 document without running anything: nothing is wrong\n");
    let finished = finished.test.again(&["test", "--no-isolation", "doc.md"]).run().exit(3);
    let finished = finished.says("error: a test of `restart` has no value for `host`");
    let other = "<!-- runbook: test port=3 -->\n\n```bash";
    let finished =
        finished.test.file("doc.md", open.replace("```bash", other)).again(&["lint", "doc.md"]).run();
    finished.exit(3).stdout(
        "doc.md:1: error: a test of `restart` gives `port`, which is no parameter of it\n  hint: it has host\n\
         checked 1 procedure of 1 document: 1 error\n",
    );
}

#[test]
fn our_own_runbook_is_fine_but_for_its_age() {
    let old = LEVIBOT.replace("2026-11-24", "2025-11-24");
    assert_ne!(old, LEVIBOT);
    let test = Test::new()
        .file("runbooks/levibot.md", old)
        .file("runbooks/runbook.yaml", include_str!("../runbooks/runbook.yaml"));
    test.args(&["lint"]).run().exit(0).stderr("").stdout(
        "runbooks/levibot.md:235: note: `Full System Restart` states no severity: the\n  whole escalation matrix is shown\n  hint: write \
         `**Severity**: …` below its heading\n\
         runbooks/levibot.md:259: note: `Rollback Deployment` states no severity: the\n  whole escalation matrix is shown\n  hint: write \
         `**Severity**: …` below its heading\n\
         runbooks/levibot.md:304: warning: the review was due on 2025-12-24\n  hint: read it, try it, and write down the day\n\
         checked 8 procedures of 1 document: 1 warning, 2 notes\n",
    );
}

#[test]
fn mistakes_in_the_notifiers_are_found_and_never_shown() {
    let test = Test::new().file("runbooks/doc.md", FINE).file(
        "runbooks/runbook.yaml",
        "procedures: [doc.md]\nnotifiers:\n  pager: {webhook: https://u:hush@x.example}\n",
    );
    test.args(&["lint"]).run().exit(3).never_says("hush").stderr("").stdout(
        "runbooks/runbook.yaml:3: error: `webhook` of notifier `pager` is an address\n  with a password in it\n  hint: write \
         https://HOST/PATH; an address that is a secret is named by\n    `webhook_from`\n\
         checked 1 procedure of 1 document: 1 error\n",
    );
}

#[test]
fn findings_of_many_documents_stand_in_order_and_pages_are_only_pages() {
    let late = "\n---\n\n**Last Updated**: 2020-01-01\n**Review Cycle**: Monthly\n";
    let test = Test::new()
        .file("runbooks/b.md", format!("{FINE}{late}"))
        .file("runbooks/a.md", FINE.replace("true", "curl <host> # [x](gone.md)") + "\n[x](gone.md)\n")
        .file("runbooks/page.md", format!("{}{MATRIX}{late}\n[x](#gone)\n", FINE.replace("Critical", "Gold")))
        .file("runbooks/runbook.yaml", "procedures: [b.md, a.md]\n");
    let finished = test.args(&["lint", "runbooks"]).run().exit(3).stderr("").stdout(
        "runbooks/a.md:9: error: the link to `gone.md` leads nowhere\n  hint: there is no file `runbooks/gone.md`\n\
         runbooks/b.md:11: warning: the review was due on 2020-02-01\n  hint: read it, try it, and write down the day\n\
         runbooks/page.md:21: error: the link to `#gone` leads to no heading of\n  `runbooks/page.md`\n\
         checked 2 procedures of 2 documents and the links of 1 other: 2 errors, 1\nwarning\n",
    );
    let finished = finished.test.again(&["lint", "runbooks", "--format", "json"]).run().exit(3).stderr("");
    let json = finished.json();
    assert_eq!(
        json["findings"][0],
        json!({"file": "runbooks/a.md", "line": 9, "column": 1, "level": "error", "code": "broken-link",
               "text": "the link to `gone.md` leads nowhere", "hint": "there is no file `runbooks/gone.md`"})
    );
    assert_eq!(json["checked"], json!({"procedures": 2, "documents": 2, "pages": 1}));
    assert_eq!(json["counts"], json!({"errors": 2, "warnings": 1, "notes": 0}));
}

#[test]
fn nothing_is_fine_by_accident() {
    let no_procedure =
        "a procedure is a section with steps to run; the book's page `What is understood` says how";
    let prose = lint("# Prose\n\nNothing to do.\n").exit(2);
    let prose = prose.stdout("checked 0 procedures of 1 document: nothing was found\n");
    prose.stderr(&format!("error: `doc.md` has no procedure\nhint: {no_procedure}\n"));
    let wrong = lint("# Prose\n\nNothing to [do](gone.md).\n").exit(3);
    wrong.says("doc.md:3: error: the link to `gone.md` leads nowhere").stderr("");
    Test::new().args(&["lint"]).run().exit(2).stdout("").says("error: no runbook is named");
    Test::new().args(&["lint", "gone.md"]).run().exit(2).says("error: `gone.md` does not exist");
    let empty = Test::new().file("docs/x.txt", "").args(&["lint", "docs"]).run().exit(2);
    empty.says("error: there is no Markdown file in `docs`");
    lint("").exit(3).stdout("").says("error: `doc.md` is empty");
    Test::new().args(&["lint", "--fix"]).run().exit(2).says("unexpected argument '--fix'");
}

#[test]
fn a_fault_for_a_procedure_that_nobody_has_is_found_by_whoever_reads_the_file() {
    let yaml = "procedures: [a.md, b.md]\nstage: {workdir: .}\nfaults:\n  broken: {procedures: [Reboot, Restrat], \
                inject: x, symptom: y, revert: z, shows: w}\n";
    let mut test = Test::new()
        .file("runbooks/a.md", FINE)
        .file("runbooks/b.md", FINE.replace("# Restart", "# Reboot"))
        .file("runbooks/runbook.yaml", yaml);
    let at_its_name = "error: no procedure is called `Restrat`\n  --> runbooks/runbook.yaml:4:33\n    |\n  4 |   broken: \
                       {procedures: [Reboot, Restrat], inject: x, symptom: y, revert: z, shows: w}\n    |                                 \
                       ^^^^^^^\nhint: a procedure named `Restart` exists\n";
    // Whichever of the documents is looked at, all of them count.
    for args in [
        &["lint"][..],
        &["lint", "runbooks/b.md"],
        &["test", "--no-run"],
        &["rehearse", "Reboot"],
        &["rehearse", "Reboot", "--file", "runbooks/b.md"],
    ] {
        test = test.again(args).run().exit(3).stderr(at_its_name).test;
    }
    // An incident has nothing to do with it.
    test.again(&["exec", "Reboot", "--yes"]).run().exit(0);
}
