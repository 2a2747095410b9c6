use super::*;
use proptest::prelude::*;

/// The expectation that is the block at `skip` lines into the first fence of `document`.
fn expectation(document: &str, matching: Matching, skip: usize) -> (Source, Expectation) {
    let source = Source::new("x.md", document.as_bytes().to_vec()).expect("is text");
    let (read, _) = read(&source);
    let fence = find_fence(&read, |_| true).expect("has a fence");
    let text = lines_of(&fence.text)[skip..].join("\n");
    let line = fence.lines.get(skip).map_or(fence.line + 1, |line| line.line);
    let span = fence.span;
    (source, Expectation { matching, text, span, line, example: false })
}

fn blessed_as(matching: Matching, document: &str, skip: usize, output: &str) -> Result<String, Refusal> {
    let (source, expectation) = expectation(document, matching, skip);
    let edits = bless(&source, &expectation, output, &Captures::default())?;
    Ok(apply(document, &edits))
}

fn blessed(document: &str, output: &str) -> Result<String, Refusal> {
    blessed_as(Matching::Lines, document, 0, output)
}

#[test]
fn only_lines_that_differ_are_rewritten() {
    let cases = [
        ("```output\na\nb\nc\n```\n", "a\nx\nc\n", "```output\na\nx\nc\n```\n"),
        ("```output\nid [..]\n...\nok\n```\n", "id 7\n1\n2\nfine\n", "```output\nid [..]\n...\nfine\n```\n"),
        ("```output\na\n```\n", "", "```output\n```\n"),
        ("```output\n```\n", "a\n\nb", "```output\na\n\nb\n```\n"),
        ("```output\na\n```\n", "\n", "```output\n(esc)\n```\n"),
        ("```output\na\n```\n", "[..] \n...\n", "```output\n\\[..]  (esc)\n... (esc)\n```\n"),
        // Line ends, indentation, quote marks and fence style stay.
        (
            "x\r\n\r\n~~~output\r\na\r\nb\r\n~~~\r\ny\r\n",
            "a\nc\n",
            "x\r\n\r\n~~~output\r\na\r\nc\r\n~~~\r\ny\r\n",
        ),
        (
            "1. Do:\n\n   ```output\n   a\n   ```\n2. x\n",
            "b\n\n  c\n",
            "1. Do:\n\n   ```output\n   b\n\n     c\n   ```\n2. x\n",
        ),
        ("- ```output\n  a\n  ```\n", "b\n", "- ```output\n  b\n  ```\n"),
        ("- ```output\n  ```\n", "b\n", "- ```output\n  b\n  ```\n"),
        ("> ```output\n> a\n> ```\n", "b\n\nc\n", "> ```output\n> b\n>\n> c\n> ```\n"),
        // A block that holds marks gets longer ones.
        ("```output\na\n```\n", "```\nx\n`````\n", "``````output\n```\nx\n`````\n``````\n"),
        ("~~~ output\na\n~~~\n", "```\n ~~~\n", "~~~~ output\n```\n ~~~\n~~~~\n"),
        // In any order.
        (
            "```output\n(unordered)\na\nb\n[..]!\n```\n",
            "b\nx!\nc\n",
            "```output\n(unordered)\nc\nb\n[..]!\n```\n",
        ),
        ("```output\n(unordered)\na\n```\n", "b\na\nc\n", "```output\n(unordered)\na\nb\nc\n```\n"),
        ("```output\n(unordered)\na\nb\n```\n", "b\n", "```output\n(unordered)\nb\n```\n"),
        // Captures are kept where they hold.
        (
            "```output\nid [id=..]\nstop [=id]\nok\n```\n",
            "id 3\nstop 3\nno\n",
            "```output\nid [id=..]\nstop [=id]\nno\n```\n",
        ),
        (
            "```output\nid [id=..]\nstop [=id]\n```\n",
            "id 3\nstop 4\n",
            "```output\nid [id=..]\nstop 4\n```\n",
        ),
    ];
    for (document, output, expected) in cases {
        assert_eq!(blessed(document, output).as_deref(), Ok(expected), "{document:?} with {output:?}");
        assert_eq!(blessed(expected, output).as_deref(), Ok(expected), "{expected:?} once more");
    }
}

#[test]
fn output_among_commands_is_rewritten_in_place() {
    let document = "```console\n$ echo a\na\n$ true\n```\n";
    let (source, mut expectation) = expectation(document, Matching::Lines, 1);
    expectation.text = "a".into();
    let blessed = |output: &str| {
        let edits = bless(&source, &expectation, output, &Captures::default());
        edits.map(|edits| apply(document, &edits))
    };
    assert_eq!(
        blessed("$ b\n# c\nd\n").as_deref(),
        Ok("```console\n$ echo a\n\\u{24} b (esc)\n\\u{23} c (esc)\nd\n$ true\n```\n")
    );
    assert_eq!(blessed("b\n\n").as_deref(), Ok("```console\n$ echo a\nb\n(esc)\n$ true\n```\n"));
    assert_eq!(blessed("").as_deref(), Ok("```console\n$ echo a\n$ true\n```\n"));
}

#[test]
fn json_is_rewritten_value_by_value() {
    let cases = [
        (
            "```json\n{\n  \"a\": 1,\n  \"b\": \"[..]\",\n  \"c\": [1, \"...\"]\n}\n```\n",
            r#"{"a": 2, "b": 7, "c": [1, 2], "d": 1}"#,
            "```json\n{\n  \"a\": 2,\n  \"b\": \"[..]\",\n  \"c\": [1, \"...\"]\n}\n```\n",
        ),
        ("```json\n{\"a\": 1, \"b\": 2}\n```\n", r#"{"b": 2}"#, "```json\n{\"b\": 2}\n```\n"),
        ("```json\n{\"a\": 1, \"b\": 2}\n```\n", r#"{"a": 1}"#, "```json\n{\"a\": 1}\n```\n"),
        ("```json\n{\"a\": 1, \"b\": 2}\n```\n", r#"{}"#, "```json\n{}\n```\n"),
        ("```json\n[1, 2]\n```\n", r#"["[..]", "..."]"#, "```json\n[\"\\\\[..]\", \"\\\\...\"]\n```\n"),
    ];
    for (document, output, expected) in cases {
        let blessed = |document| blessed_as(Matching::Json, document, 0, output);
        assert_eq!(blessed(document).as_deref(), Ok(expected), "{document:?} with {output:?}");
        assert_eq!(blessed(expected).as_deref(), Ok(expected), "{expected:?} once more");
    }
}

#[test]
fn what_cannot_be_rewritten_without_guessing_is_refused() {
    let cases = [
        (
            Matching::Lines,
            "```output\n[1=..]\n```\n",
            "a",
            "`1` is no name for a capture: letters, digits and `_`, not beginning with a digit",
        ),
        (Matching::Lines, "```output\na\n```\n", "\u{fffd}", "the output is not text"),
        (Matching::Lines, "```output\na\n", "b", "the block is never closed"),
        (
            Matching::Lines,
            "```output\n(unordered)\na\n...\n```\n",
            "b",
            "which part of the output is meant cannot be known",
        ),
        (Matching::Contains, "```output\na\n```\n", "b", "which part of the output is meant cannot be known"),
        (Matching::Json, "```json\n{}\n```\n", "b", "the output is not JSON"),
        (
            Matching::Lines,
            "x\n\n    a\n",
            "",
            "with the new lines the document would be read as something else",
        ),
    ];
    for (matching, document, output, why) in cases {
        let refusal = blessed_as(matching, document, 0, output).expect_err(document);
        assert_eq!(refusal.to_string(), why, "{document:?} with {output:?}");
    }
    let long = "x\n".repeat(200_000);
    let refusal = blessed("```output\na\n```\n", &long).expect_err("is too long");
    assert_eq!(
        refusal.to_string(),
        "the output has 400000 bytes; at most 262144 are written into a document"
    );
    let (source, moved) = expectation("```output\na\n```\n", Matching::Lines, 0);
    let moved = Expectation { text: "b".into(), ..moved };
    let refusal = bless(&source, &moved, "c", &Captures::default()).expect_err("is not there");
    assert_eq!(refusal.to_string(), "the expected lines are not in the file as they were read");
}

#[test]
fn edits_of_the_same_bytes_count_once() {
    let edit = |start, end, text: &str| Edit { span: Span::new(start, end), text: text.into() };
    assert_eq!(apply("abc", &[edit(0, 1, "xx"), edit(2, 3, ""), edit(0, 1, "xxx")]), "xxxb");
    assert_eq!(apply("abc", &[edit(1, 1, "1"), edit(1, 2, "B")]), "a1Bc");
}

fn expected_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]{0,3}",
        2 => Just("...".to_owned()),
        1 => Just("a[..]".to_owned()),
        1 => Just("[..]".to_owned()),
        1 => Just("[x=..]".to_owned()),
        1 => Just("[ab]+ (re)".to_owned()),
        1 => Just("a\\t (esc)".to_owned()),
        1 => Just("  b".to_owned()),
        1 => Just("`````".to_owned()),
    ]
}

fn output_line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ab]{0,3}",
        1 => "[ \t\\[\\]=.`~$>#\\\\abx(resc)\u{a0}\u{7}é]{0,12}",
        1 => Just("...".to_owned()),
        1 => Just("(unordered)".to_owned()),
        1 => Just("```".to_owned()),
        1 => Just("x (re)".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_blessed_document_matches_and_is_left_alone_the_next_time(
        unordered in any::<bool>(),
        expected in prop::collection::vec(expected_line(), 0..7),
        output in prop::collection::vec(output_line(), 0..7),
        final_newline in any::<bool>(),
        frame in 0..6_usize,
    ) {
        let (first, prefix, eol) = [
            ("", "", "\n"),
            ("", "", "\r\n"),
            ("- ", "  ", "\n"),
            ("> ", "> ", "\n"),
            ("10. ", "    ", "\r\n"),
            ("> - ", ">   ", "\n"),
        ][frame];
        let mut document = format!("{first}``````output{eol}");
        let mut text: Vec<&str> = if unordered { vec!["(unordered)"] } else { vec![] };
        text.extend(expected.iter().map(String::as_str));
        for line in &text {
            document.push_str(&format!("{prefix}{line}{eol}"));
        }
        document.push_str(&format!("{prefix}``````{eol}{eol}the end{eol}"));
        let mut output = output.join("\n");
        if final_newline && !output.is_empty() {
            output.push('\n');
        }
        match blessed(&document, &output) {
            Err(Refusal::Ambiguous) => prop_assert!(unordered && expected.iter().any(|line| line == "...")),
            Err(refusal) => prop_assert!(false, "{refusal}: {document:?} with {output:?}"),
            Ok(new) => {
                let end = format!("``````{eol}{eol}the end{eol}");
                prop_assert!(new.ends_with(&end));
                let (source, again) = expectation(&new, Matching::Lines, 0);
                let verdict = check(&again, &output, &mut Captures::default());
                prop_assert!(verdict.matched(), "{new:?} with {output:?}");
                let edits = bless(&source, &again, &output, &Captures::default());
                prop_assert_eq!(edits, Ok(vec![]));
                if eol == "\r\n" {
                    prop_assert!(!new.replace("\r\n", "").contains('\n'));
                }
            }
        }
    }
}
