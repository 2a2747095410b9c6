//! Values that are refused before anything runs: empty ones, and those that lead a path astray; and where people
//! read values.

use crate::harness::Test;

const CLEAR: &str = "\
# Clear cache

1. Clear it:
   ```bash
   rm -rf cache/<service>
   ```
2. Verify:
   ```bash
   test -d cache
   ```
";

fn empty(name: &str, from: &str) -> String {
    format!(
        "error: the value of `{name}` is empty (from {from}): it would turn `rm -rf dir/<{name}>` into `rm -rf dir/`\n\
         hint: give it a value; where empty is meant, declare a pattern in the document that accepts empty text\n"
    )
}

fn clear(args: &[&str]) -> Test {
    Test::on(CLEAR, &["exec", "clear cache", "--yes"])
        .file("cache/a/x", "x")
        .file("p.yaml", "service: ''\n")
        .args(args)
}

#[test]
fn an_empty_value_is_refused_wherever_it_comes_from() {
    for (args, from) in [
        (&["--service", ""][..], "--service"),
        (&["--service="], "--service"),
        (&["--param", "service="], "--param"),
        (&["--params", "p.yaml"], "--params"),
    ] {
        let finished = clear(args).run().exit(2).stdout("").stderr(&empty("service", from));
        assert!(finished.test.path("cache/a/x").exists(), "{args:?}");
    }
    let finished = clear(&[]).env("RUNBOOK_PARAM_SERVICE", "").run().exit(2).stdout("");
    let finished = finished.stderr(&empty("service", "RUNBOOK_PARAM_SERVICE"));
    assert!(finished.test.path("cache/a/x").exists());
    Test::on(CLEAR, &["plan", "clear cache", "--service", ""])
        .run()
        .exit(2)
        .stdout("")
        .stderr(&empty("service", "--service"));
}

#[test]
fn an_empty_variable_is_no_value_either() {
    let text = "# Clear cache\n\n```bash\nrm -rf cache/$CACHE_ID\n```\n";
    let test = |args: &[&str]| Test::on(text, &["exec", "Clear cache", "--yes"]).args(args);
    test(&["--cache-id", ""]).run().exit(2).stderr(&empty("cache_id", "--cache-id"));
    test(&[])
        .env("CACHE_ID", "")
        .run()
        .exit(2)
        .stderr(&empty("cache_id", "RUNBOOK_PARAM_CACHE_ID or CACHE_ID"));
}

#[test]
fn an_empty_default_is_refused_and_a_pattern_may_allow_it() {
    let with = |declared: &str, script: &str| {
        let text =
            format!("---\nparameters:\n  tag: {{ {declared} }}\n---\n# Say it\n\n```bash\n{script}\n```\n");
        Test::on(&text, &["exec", "Say it", "--yes"])
    };
    with("default: ''", "echo \"<tag>\"").run().exit(2).stderr(&empty("tag", "default"));
    with("pattern: '[a-z]+'", "echo \"<tag>\"")
        .args(&["--tag", ""])
        .run()
        .exit(2)
        .stderr(&empty("tag", "--tag"));
    with("pattern: '[a-z]*'", "echo \"t=<tag>.\"").args(&["--tag", ""]).run().exit(0).says("t=.");
}

#[test]
fn a_value_that_leads_a_path_astray_is_refused() {
    let (dots, slashes) = (
        "`.` or `..` in it would make that another directory (line 5)\n\
         hint: give a name that has no `.` or `..` between slashes\n",
        "is only slashes, which would make that another directory (line 5)\n\
         hint: give a name; slashes alone name nothing in a directory\n",
    );
    for (value, why) in
        [(".", dots), ("..", dots), ("../..", dots), ("a/../..", dots), ("/", slashes), ("//", slashes)]
    {
        let finished = clear(&["--service", value]).run().exit(2).stdout("").stderr(&format!(
            "error: the value of `service` stands in a path of a step that changes something, and {why}"
        ));
        assert!(finished.test.path("cache/a/x").exists(), "{value}");
    }
    let finished = clear(&["--service", "a"]).run().exit(0);
    assert!(!finished.test.path("cache/a").exists() && finished.test.path("cache").exists());
    Test::on("# Look\n\n```bash\nls ./<dir>\n```\n", &["exec", "Look", "--dir", ".."]).run().exit(0);
}

#[test]
fn a_value_cannot_forge_a_line() {
    let text = "# Look\n\n1. Look:\n   ```bash\n   test -n <note>\n   ```\n2. If it is odd, mark it:\n   ```bash\n   touch marked\n   ```\n";
    let value = "x\n  run 1\r\u{1b}[2J\u{202e}";
    let shown = "note = x\\n  run 1\\r\\u{1b}[2J\\u{202e}";
    let plan = Test::on(text, &["plan", "Look", "--note", value]).run().exit(0);
    let plan = plan.says(&format!("\n  {shown} (line 5)\n"));
    let run = plan.test.again(&["exec", "Look", "--file", "doc.md", "--note", value]).run().exit(5);
    let run = run.says(&format!("\n  {shown}\n  in "));
    let report = run.test.again(&["report", "last"]).run().exit(0).says(&format!("\n  {shown}\n  in "));
    let runs = report.test.again(&["runs"]).run().exit(0).says("  exec  note = x\\n  run 1\\r\\u{1b}[…\n");
    let listed: Vec<_> = runs.stdout.lines().map(str::to_owned).collect();
    assert_eq!(listed.len(), 4, "{listed:?}");
    let report = runs.test.again(&["report", "last", "--format", "md"]).run().exit(0);
    report.says("- **Parameters**: note = x\\\\n  run 1\\\\r");
}

#[test]
fn people_read_the_value_where_a_label_names_the_parameter() {
    let document = "# Bot\n\n1. Look at <service> with <token>:\n   ```bash\n   echo <service> <token>\n   ```\n2. If <service> \
                    is down, restart {service}:\n   ```bash\n   touch restarted\n   ```\n";
    let (look, restart) = ("Look at web with <token>", "If web is down, restart web");
    let test = Test::on(document, &["plan", "Bot", "--service", "web"]).env("RUNBOOK_PARAM_TOKEN", "hush7");
    let plan = test.run().exit(0).never_says("hush7").stderr("");
    let plan = plan.says(&format!("\n1    {look}\n")).says(&format!("\n2    {restart}\n"));
    let plan = plan
        .says("decision: If web is down · ")
        .says("inferred: decision, from `If <service> is down` (line 7)");
    let run = plan.test.again(&["exec", "Bot", "--file", "doc.md", "--service", "web"]).run().exit(5);
    let run = run.never_says("hush7").says(&format!("[1] {look} (observe")).says(&format!("  1     {look} "));
    let report = run.test.again(&["report", "last", "--format", "md"]).run().exit(0).never_says("hush7");
    report.says("### 1 Look at web with \\<token>: passed").says("If web is down");
}
