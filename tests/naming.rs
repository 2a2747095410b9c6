//! A mistake about a procedure's name is what is said, also where a flag of the procedure is given.

use crate::harness::Test;

const DOCUMENT: &str = "# Wiki\n\n## Engine Restart Failed\n\n```bash\necho engine {engine_id}\n```\n\n## Engine Down\n\n```bash\necho down\n```\n";

const NEAR: &str = "error: no procedure is called `Engine Restart Faild`; similar names:\n  \
                    doc.md:3  Engine Restart Failed\n\
                    hint: nothing was run; give the name as listed\n";

#[test]
fn a_misspelt_name_is_said_although_a_flag_of_the_procedure_is_given() {
    for command in ["exec", "plan", "rehearse"] {
        for args in [
            &[command, "Engine Restart Faild", "--engine-id", "3"][..],
            &[command, "--engine-id", "3", "Engine Restart Faild"],
            &[command, "Engine Restart Faild", "--engine-id=3", "--dry-rn"],
        ] {
            Test::on(DOCUMENT, args).run().exit(2).stdout("").stderr(NEAR);
        }
    }
    Test::on(DOCUMENT, &["exec", "Engine Restart Failed", "--engine-id", "3", "--dry-run"]).run().exit(0);
}

#[test]
fn a_document_belongs_to_the_project_above_it() {
    let document = "# Restart\n\n```bash\ntrue\n```\n";
    let test = Test::new()
        .file("one/runbooks/runbook.yaml", "procedures: [a.md]\nworkdir: ..\n")
        .file("one/runbooks/a.md", document)
        .file("two/runbooks/runbook.yaml", "procedures: [b.md]\n")
        .file("two/runbooks/b.md", document)
        .file("c.md", document);
    let (one, two, work) = ("one/runbooks/a.md", "two/runbooks/b.md", test.path("").display().to_string());
    let work = work.trim_end_matches('/');
    let planned = |test: Test, files: &[&str], directory: &str| {
        let files: Vec<&str> = files.iter().flat_map(|file| ["--file", file]).collect();
        let plan = test.again(&["plan", "Restart"]).args(&files).run().exit(0);
        plan.says(&format!("\n  in {work}{directory}\n")).test
    };
    let test = planned(test, &[one], "/one");
    let test = planned(test, &[two], "");
    let test = planned(test, &["c.md"], "");
    let differ = "error: `one/runbooks/a.md` and `two/runbooks/b.md` belong to different projects, whose files are \
                  `[WORK]/one/runbooks/runbook.yaml` and `[WORK]/two/runbooks/runbook.yaml`\n\
                  hint: name what belongs to one of them at a time\n";
    let finished = test.again(&["list", "--file", one, "--file", "c.md", "--file", two]).run();
    let finished = finished.exit(2).stderr(differ);
    let finished = finished.test.again(&["lint", one, two]).run().exit(2).stdout("").stderr(differ);
    // Where the document has a project, it is not looked for where the caller is.
    let inside = finished.test.path("two");
    let test = finished.test.in_directory(inside);
    test.again(&["plan", "Restart", "--file", "../one/runbooks/a.md"])
        .run()
        .exit(0)
        .says(&format!("in {work}/one\n"));
}

#[test]
fn a_name_that_is_missing_is_said() {
    Test::on(DOCUMENT, &["exec", "--engine-id", "3"]).run().exit(2).stderr(
        "error: no procedure is named, so `--engine-id` cannot be one of its parameters\n\
         hint: type `runbook exec PROCEDURE --engine-id …`; `runbook list` shows them\n",
    );
    // A misspelt option of ours stays one.
    let near = Test::on(DOCUMENT, &["exec", "--dry-rn", "Engine Down"]).run().exit(2);
    near.says("unexpected argument '--dry-rn' found").says("exists: '--dry-run'").never_says("no procedure");
}

#[test]
fn the_directory_of_an_incident_goes_behind_an_equals_sign() {
    Test::on("# Restart\n\n```bash\ntrue\n```\n", &["exec", "Restart", "--incident", "INC-7"])
        .run()
        .exit(2)
        .stderr(
            "error: unexpected argument `INC-7`\n\
         hint: the directory of `--incident` goes behind `=`: `--incident=INC-7`\n",
        );
}

#[test]
fn where_no_runbook_is_named_that_is_said() {
    let wrong = "error: no runbook is named\n\
         hint: give --file FILE, list files under `procedures:` in `runbooks/runbook.yaml`, or set RUNBOOK_PATH\n";
    for command in ["exec", "plan", "rehearse"] {
        Test::new().args(&[command, "Engine Restart Failed", "--engine-id", "3"]).run().exit(2).stderr(wrong);
    }
    Test::new().args(&["exec", "--engine-id", "3"]).run().exit(2).stderr(wrong);
}

#[test]
fn a_broken_configuration_and_a_file_that_is_not_there_are_said() {
    Test::new()
        .file("runbooks/runbook.yaml", "procedure: [a.md]\n")
        .args(&["exec", "Engine Restart Failed", "--engine-id", "3"])
        .run()
        .exit(3)
        .stderr(
            "error: unknown key `procedure`\n  --> runbooks/runbook.yaml:1:1\n    |\n  1 | procedure: [a.md]\n    \
             | ^^^^^^^^^\nhint: a key named `procedures` exists\n",
        );
    Test::new()
        .args(&["exec", "Engine Restart Failed", "--engine-id", "3", "--file", "none.md"])
        .run()
        .exit(2)
        .stderr("error: `none.md` does not exist\nhint: is the path right? it counts from here\n");
}

#[test]
fn the_name_of_a_document_stands_for_its_only_procedure_and_lists_several() {
    for (name, shown) in [("Wiki", "Wiki"), ("doc", "doc")] {
        Test::on(DOCUMENT, &["plan", name]).run().exit(2).stdout("").stderr(&format!(
            "error: `{shown}` names 2 procedures\n  doc.md:3  Engine Restart Failed\n  doc.md:9  Engine Down\n\
             hint: give the place instead of the name, such as `doc.md:3`\n"
        ));
    }
    let one =
        "# Redis wiki\n\nAbout it.\n\n## Flush\n\n```bash\necho flush\n```\n\n## Background\n\nProse.\n";
    for name in ["Redis wiki", "doc", "Flush"] {
        Test::on(one, &["plan", name]).run().exit(0).says("Flush · doc.md:5");
    }
}
