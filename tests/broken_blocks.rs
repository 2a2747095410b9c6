//! A block that is not bash: shown by `plan`, and refused by `exec` before the first step.

use crate::harness::Test;

const DOCUMENT: &str = "\
# Restart

1. Stop it:
   ```bash
   touch stopped
   ```
2. Say so:
   ```bash
   echo \"unclosed
   ```
";

const WARNING: &str = "warning: step 2 does not parse as bash\n  --> doc.md:9:4\n    |\n  9 |    echo \"unclosed\n    \
                       |    ^^^^^^^^^^^^^^\n\
                       hint: what it would do cannot be told; `exec` asks `bash -n`, and refuses to start if that \
                       cannot read it\n";

#[test]
fn a_block_that_is_not_bash_stops_everything_before_the_first_step() {
    let finished = Test::on(DOCUMENT, &["exec", "Restart", "--yes"]).run().exit(3).stdout("").stderr(
        "error: step 2 is not valid bash: unexpected EOF while looking for matching `\"'\n  --> doc.md:9:4\n    |\n  \
         9 |    echo \"unclosed\n    |    ^^^^^^^^^^^^^^\n\
         hint: nothing was run; correct the block in the document\n",
    );
    assert!(!finished.test.path("stopped").exists());
    let preflight = Test::on(DOCUMENT, &["exec", "Restart", "--yes", "--no-preflight"]).run().exit(3);
    assert!(!preflight.test.path("stopped").exists());
}

#[test]
fn a_plan_shows_it_and_starts_nothing() {
    for args in [&["plan", "Restart"][..], &["exec", "Restart", "--dry-run"]] {
        Test::on(DOCUMENT, args).run().exit(0).stderr(WARNING);
    }
    let ignored = DOCUMENT.replace("2. Say so:\n", "2. Say so:\n   <!-- runbook: ignore=\"not now\" -->\n");
    Test::on(&ignored, &["plan", "Restart"]).run().exit(0).stderr("");
}

#[test]
fn bash_has_the_last_word_on_what_the_grammar_does_not_know() {
    let text = "# Look\n\n```bash\n(exec 3<>/dev/tcp/127.0.0.1/1) 2>/dev/null || echo closed\n```\n";
    Test::on(text, &["exec", "Look", "--yes"]).run().exit(0).says("closed");
}
