use super::*;
use crate::document::read;
use crate::runbook::{Expectation, Matching, Metric, lower};

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text.as_bytes().to_vec()).expect("is text")
}

fn shown(source: &Source, found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|diagnostic| {
            let place = source.place(diagnostic.span.start);
            let hint = diagnostic.hint.as_deref().map(|hint| format!(" | {hint}")).unwrap_or_default();
            format!("{}:{}: {}{hint}", place.line, place.column, diagnostic.message)
        })
        .collect()
}

fn runbook(text: &str) -> Runbook {
    let (document, _) = read(&source("x.md", text));
    let (runbook, wrong) = lower(&document);
    assert_eq!(wrong, [], "{text}");
    runbook
}

fn findings(runbook: &Runbook, given: &[&str]) -> Vec<String> {
    let given: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
    let only = &runbook.procedures[0];
    let mut found = procedure(runbook, only, &given, &mut |text| text.contains("<>"));
    found.extend(without_value(only, &given));
    shown(&runbook.source, &found)
}

#[test]
fn an_address_of_a_person_is_no_link_to_a_file() {
    let source = source(
        "x.md",
        "# X\n\n<ops@example.com> [us](mailto:ops@example.com) <mailto:ops@example.com> [a](b@c)\n",
    );
    let (document, _) = read(&source);
    let found = Shelf::new([&document], &|_| false).links(&document);
    assert_eq!(shown(&source, &found), ["3:73: the link to `b@c` leads nowhere | there is no file `b@c`"]);
}

#[test]
fn a_block_that_is_not_bash_is_an_error_at_its_place() {
    let text = "# Restart\n\n```bash\necho a\nif true; then\n```\n\n```bash\ncurl <host>/{id} | jq .\n```\n";
    let odd = "# Restart\n\n```bash\n(exec 3<>/dev/tcp/{host}/80) 2>/dev/null\n```\n";
    let by_bash =
        "step 1 does not parse as bash | `bash -n` can read it all the same; what it would do cannot be told";
    assert_eq!(findings(&runbook(odd), &["host"]), [format!("4:9: {by_bash}")]);
    assert_eq!(findings(&runbook(text), &["host", "id"]), ["5:14: step 1 does not parse as bash"]);
}

#[test]
fn a_block_that_only_claims_to_be_bash_is_an_error() {
    let text = "# Restart\n\n```bash\ntrue\n```\n\n```sh\nif true\n```\n\n```yaml\nif: [\n```\n";
    assert_eq!(
        findings(&runbook(text), &[]),
        ["7:1: this block is tagged `sh` and does not parse as bash: it is never run | correct it; if it \
          shows what a command prints, tag it `output` or `text`"]
    );
}

#[test]
fn every_parameter_needs_a_value_and_every_value_a_parameter() {
    let text = "# Restart\n\n```bash\ncurl {engine_id}\n```\n";
    let open = runbook(text);
    assert_eq!(
        findings(&open, &[]),
        ["4:6: a test of `restart` has no value for `engine_id` | write `<!-- runbook: test \
          engine-id=VALUE -->` below its heading, or a default in front matter"]
    );
    assert_eq!(findings(&open, &["engine-id"]), [""; 0]);
    assert_eq!(
        findings(&open, &["engine-id", "host"]),
        ["1:1: a test of `restart` gives `host`, which is no parameter of it | it has engine_id"]
    );
    for text in [
        "# Restart\n\n<!-- runbook: test engine-id=3 fault=x -->\n\n```bash\ncurl {engine_id}\n```\n",
        "# Restart\n\n<!-- runbook: test ignore reason=\"needs a cluster\" -->\n\n```bash\ncurl {engine_id}\n```\n",
        "# Restart\n\n<!-- runbook: ignore reason=\"needs a cluster\" -->\n```bash\ncurl {engine_id}\n```\n",
    ] {
        assert_eq!(findings(&runbook(text), &[]), [""; 0], "{text}");
    }
    assert_eq!(
        findings(&runbook("# Restart\n\n```bash\ntrue\n```\n"), &["x"]),
        ["1:1: a test of `restart` gives `x`, which is no parameter of it | it has no parameters"]
    );
}

#[test]
fn a_test_asks_for_a_way_that_there_is() {
    let text = |branch: &str| {
        let steps =
            "1. Restart it\n   ```bash\n   a\n   ```\n2. If that fails, stop it\n   ```bash\n   b\n   ```\n";
        runbook(&format!("# Restart\n\n<!-- runbook: test branch={branch} -->\n\n{steps}"))
    };
    for branch in ["main", "fallback", "2", "restart-it"] {
        assert_eq!(findings(&text(branch), &[]), [""; 0], "{branch}");
    }
    assert_eq!(
        findings(&text("restart-is"), &[]),
        [
            "3:1: a test of `restart` asks for step `restart-is`, which it has not | a step named `restart-it` exists"
        ]
    );
    assert_eq!(
        findings(&text("9"), &[]),
        [
            "3:1: a test of `restart` asks for step `9`, which it has not | `fallback`, `main`, or the number or \
          name of a step"
        ]
    );
    let plain = "# Restart\n\n<!-- runbook: test branch=fallback -->\n\n```bash\ntrue\n```\n";
    assert_eq!(
        findings(&runbook(plain), &[]),
        ["3:1: a test of `restart` asks for a fallback, and it has none | `runbook plan` shows what was \
          understood; `when=failed(STEP)` makes a step a fallback"]
    );
}

#[test]
fn an_expectation_is_read_before_anything_runs() {
    let text = "# Restart\n\n```bash\na\n```\n\nid [id=..]\n[1=..]\n\n```bash\nb\n```\n\nok\n[=id] [=no]\n";
    let expectation = |text: &str, line| {
        Some(Expectation {
            matching: Matching::Lines,
            text: text.into(),
            span: Span::default(),
            line,
            example: false,
        })
    };
    let mut bad = runbook(text);
    bad.procedures[0].steps[0].expectation = expectation("id [id=..]\n[1=..]", 7);
    assert_eq!(
        findings(&bad, &[]),
        ["8:1: `1` is no name for a capture: letters, digits and `_`, not beginning with a digit"]
    );
    bad.procedures[0].steps[0].expectation = expectation("id [id=..]", 7);
    bad.procedures[0].steps[1].expectation = expectation("ok\n[=id] [=no]", 14);
    assert_eq!(
        findings(&bad, &[]),
        ["15:1: `[=no]` is captured by no step before it | capture it with `[no=..]`"]
    );
}

#[test]
fn a_target_with_a_number_must_be_understood() {
    let mut runbook = runbook("# Restart\n\n```bash\ntrue\n```\n");
    let target = |text: &str| Target {
        text: text.into(),
        metric: Metric::Other,
        comparator: None,
        quantity: None,
        span: Span::default(),
        probe: None,
    };
    runbook.procedures[0].targets = vec![target("Continuous logging"), target("Restart < 3 fortnights")];
    assert_eq!(
        findings(&runbook, &[]),
        ["1:1: the target `Restart < 3 fortnights` cannot be measured | write a number and a unit, such as \
          `< 30 s`, `< 2 minutes` or `≥ 90 %`"]
    );
}

#[test]
fn an_unclosed_block_is_an_error() {
    let source = source("x.md", "# A\n\n- x\n\n  ```bash\n  y\n");
    let (document, _) = read(&source);
    assert_eq!(
        shown(&source, &blocks(&document)),
        [
            "5:1: this code block is never closed | all that follows is part of it; close it with as many marks \
          as it was opened with"
        ]
    );
}

#[test]
fn links_lead_somewhere() {
    let bot = source(
        "books/bot.md",
        "# Bot\n\n[a](#bot) [b](other.md#Restart-the-db) [c](./sub/../other.md) [d](https://x.example/#y) \
         [e](mailto:a@b.example) [f](other.md#x%20y) [g](/abs.md) ![h](pic.png) [i](sub/)\n\n\
         [j](#bott) [k](other.md#restart-db) [l](gone.md#x)\n![m](gone%20too.png)\n",
    );
    let other = source("books/other.md", "# Other\n\n## Restart the DB\n\n<a id=\"x y\"></a>\n");
    let documents = [read(&bot).0, read(&other).0];
    let exists = |path: &Path| [Path::new("books/pic.png"), Path::new("books/sub")].contains(&path);
    let shelf = Shelf::new(&documents, &exists);
    assert_eq!(
        shown(&bot, &shelf.links(&documents[0])),
        [
            "5:1: the link to `#bott` leads to no heading of `books/bot.md`",
            "5:12: the link to `other.md#restart-db` leads to no heading of `books/other.md` | the nearest is \
             `#restart-the-db`",
            "5:37: the link to `gone.md#x` leads nowhere | there is no file `books/gone.md`",
            "6:1: the link to `gone%20too.png` leads nowhere | there is no file `books/gone too.png`",
        ]
    );
    assert_eq!(shown(&other, &shelf.links(&documents[1])), [""; 0]);
}
