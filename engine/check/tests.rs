use super::*;
use crate::runbook::Matching;
use crate::source::Span;

pub(super) fn expectation(matching: Matching, text: &str) -> Expectation {
    Expectation { matching, text: text.to_owned(), span: Span::default(), line: 10, example: false }
}

pub(super) fn lines(text: &str, output: &str) -> Verdict {
    check(&expectation(Matching::Lines, text), output, &mut Captures::default())
}

fn json(text: &str, output: &str) -> Verdict {
    check(&expectation(Matching::Json, text), output, &mut Captures::default())
}

#[test]
fn lines_match_or_they_do_not() {
    let cases = [
        // Exact, but for the last line end.
        ("", "", true),
        ("", "x\n", false),
        ("x", "", false),
        ("x", "x\n", true),
        ("x", "x", true),
        ("x", "x \n", false),
        ("x", " x\n", false),
        ("x", "x\n\n", false),
        ("x\n", "x\n\n", true),
        ("x", "x\r\n", false),
        ("x\\r (esc)", "x\r\n", true),
        ("(esc)", "\n", true),
        // Any lines, not greedy.
        ("...", "", true),
        ("...", "a\nb\n", true),
        ("...\ny\nend", "x\ny\nz\ny\nend\n", true),
        ("...\ny\nend", "x\ny\nz\nend\n", false),
        ("a\n...\nb", "a\nb\n", true),
        ("a\n...\nb", "a\nx\n\nb\n", true),
        ("a\n...\nb", "a\nx\nbb\n", false),
        ("...\n...\nx", "x\n", true),
        ("... (esc)", "...\n", true),
        ("... (esc)", "a\n", false),
        (" ...", " ...\n", true),
        // Within a line.
        ("a [..] c", "a b c\n", true),
        ("a[..]c", "ac\n", true),
        ("[..]", "", false),
        ("[..]", "\n", true),
        ("[..]ab", "abab\n", true),
        ("a[..]b[..]c", "a1b2b3c\n", true),
        ("a[..]b[..]c", "a1c\n", false),
        ("x [..]", "x\ny\n", false),
        ("a\\[..] (esc)", "a[..]\n", true),
        ("a\\[..] (esc)", "ab\n", false),
        ("[info] [..]", "[info] started\n", true),
        ("[=====>  ] 50%", "[=====>  ] 50%\n", true),
        // Regular expressions.
        (r"took \d+ ms (re)", "took 12 ms\n", true),
        (r"took \d+ ms (re)", "it took 12 ms\n", false),
        (r"a|b (re)", "b\n", true),
        (r"a|b (re)", "bc\n", false),
        (r"x (re) (esc)", "x (re)\n", true),
        (r"x (esc) (esc)", "x (esc)\n", true),
        (r"(re)", "(re)\n", true),
        // Escapes.
        (r"a\tb\\\u{7} (esc)", "a\tb\\\u{7}\n", true),
        (r"\e\[1m[..] (esc)", "\u{1b}[1mred\n", true),
        (r"a\tb", "a\\tb\n", true),
        ("x  (esc)", "x \n", true),
    ];
    for (text, output, expected) in cases {
        assert_eq!(lines(text, output).matched(), expected, "{text:?} against {output:?}");
    }
}

#[test]
fn lines_match_in_any_order() {
    let cases = [
        ("b\na", "a\nb\n", true),
        ("a\na", "a\n", false),
        ("a\na", "a\nb\n", false),
        ("a", "a\na\n", false),
        ("a\n...", "b\na\na\n", true),
        // `a[..]` must leave `ab` for `[..]b`.
        ("a[..]\n[..]b", "ab\nac\n", true),
        ("a[..]\n[..]b", "ac\nab\n", true),
        ("[..]\na[..]\n[..]b", "ab\nac\nzb\n", true),
        ("a[..]\n[..]b", "ac\nad\n", false),
        ("[..]1\n[..]2\n...", "a1\nb1\nx\nc2\n", true),
        (r"\d (re)", "7\n", true),
        ("", "", true),
        ("", "x\n", false),
    ];
    for (text, output, expected) in cases {
        let text = format!("(unordered)\n{text}");
        let text = text.strip_suffix('\n').unwrap_or(&text);
        assert_eq!(lines(text, output).matched(), expected, "{text:?} against {output:?}");
    }
    assert!(lines("(unordered) (esc)\na", "(unordered)\na\n").matched());
}

#[test]
fn captures_are_used_again() {
    let cases = [
        ("id [id=..]\nstop [=id]", "id 3\nstop 3\n", true),
        ("id [id=..]\nstop [=id]", "id 3\nstop 4\n", false),
        ("id [id=..]\nstop [=id]", "id \nstop \n", false),
        // Each way to match keeps its own captures.
        ("...\nid [id=..]\n...\ngot [=id]", "id 1\nid 2\ngot 2\n", true),
        ("...\nid [id=..]\n...\ngot [=id]", "id 1\nid 2\ngot 1\n", true),
        ("...\nid [id=..]\n...\ngot [=id]", "id 1\nid 2\ngot 3\n", false),
        ("[a=..]-[b=..]\n[=b] [=a]", "x-y-z\ny-z x\n", true),
        (
            r"id (?<id>\d+)! (re)
[=id]",
            "id 17!\n17\n",
            true,
        ),
        ("[id=..]\n[=id]", "[..]\n[..]\n", true),
    ];
    for (text, output, expected) in cases {
        assert_eq!(lines(text, output).matched(), expected, "{text:?} against {output:?}");
    }
    let mut captures = Captures::default();
    let first = expectation(Matching::Lines, "order [order=..] placed");
    assert!(check(&first, "order 4711 placed\n", &mut captures).matched());
    assert_eq!(captures.get("order"), Some("4711"));
    let later = expectation(Matching::Json, r#"{"id": "[=order]", "by": "[who=..] "}"#);
    assert!(!check(&later, r#"{"id": 4711, "by": "ann"}"#, &mut captures).matched());
    assert_eq!(captures.get("who"), None);
    assert!(check(&later, r#"{"id": 4711, "by": "ann "}"#, &mut captures).matched());
    assert_eq!(captures.get("who"), Some("ann"));
}

#[test]
fn a_marker_that_does_not_parse_is_an_error() {
    let cases = [
        (Matching::Lines, "a\nb [=id]", 2, "`[=id]` is not captured before; capture it with `[id=..]`"),
        (
            Matching::Lines,
            "[1x=..]",
            0,
            "`1x` is no name for a capture: letters, digits and `_`, not beginning with a digit",
        ),
        (
            Matching::Lines,
            "x\n\na[..][b=..]",
            8,
            "two markers stand side by side: nothing says where the first one ends",
        ),
        (Matching::Lines, "[a=..] [a=..]", 7, "`a` is captured twice on one line"),
        (
            Matching::Lines,
            "[a=..] [=a]",
            0,
            "`[=a]` is captured on the same line; it can be used on later ones",
        ),
        (
            Matching::Lines,
            "(unordered)\n[a=..]\n[=a]",
            19,
            "`[=a]` is captured among lines in any order; use it in a later block",
        ),
        (Matching::Lines, "a)|(b (re)", 0, "the regular expression does not parse: unopened group"),
        (Matching::Lines, "a( (re)", 0, "the regular expression does not parse: unclosed group"),
        (Matching::Lines, r"\w{9999} (re)", 0, "the regular expression is too large"),
        (Matching::Lines, r"a\q (esc)", 1, r"`\q` is no escape; a backslash itself is `\\`"),
        (Matching::Lines, r"a\ (esc)", 1, r"nothing follows `\`; a backslash itself is `\\`"),
        (Matching::Lines, r"\u{d800} (esc)", 0, r"`\u` needs the number of a character, such as `\u{7}`"),
        (Matching::Contains, " \n", 0, "an empty text occurs in every output, so it promises nothing"),
        (
            Matching::Json,
            "{\n \"a\": x}",
            2,
            "the expected text is not JSON: expected value at line 2 column 7",
        ),
        (Matching::Json, r#"{"a": "[=b]"}"#, 0, "`[=b]` is not captured before; capture it with `[b=..]`"),
    ];
    for (matching, text, offset, why) in cases {
        let verdict = check(&expectation(matching, text), "a\n", &mut Captures::default());
        assert_eq!(verdict, Verdict::Malformed(Malformed { offset, why: why.to_owned() }), "{text:?}");
    }
    let two = expectation(Matching::Lines, "a\nb [=id]");
    let Verdict::Malformed(malformed) = check(&two, "", &mut Captures::default()) else {
        panic!("is malformed")
    };
    assert_eq!(malformed.line(&two), 11);
}

#[test]
fn json_is_a_subset() {
    let cases = [
        (r#"{"a": 1}"#, r#"{"b": 2, "a": 1.0}"#, true),
        (r#"{"a": 1}"#, r#"{"a": "1"}"#, false),
        (r#"{"a": null}"#, r"{}", false),
        (r#"{"a": {"b": []}}"#, r#"{"a": {"b": [], "c": 1}}"#, true),
        ("[1, 2]", "[1, 2]", true),
        ("[1, 2]", "[1, 2, 3]", false),
        ("[1, 2, 3]", "[1, 2]", false),
        (r#"[1, "..."]"#, "[1, 2, 3]", true),
        (r#"[1, "..."]"#, "[1]", true),
        (r#"[1, "..."]"#, "[]", false),
        (r#"[1, "\\..."]"#, r#"[1, "..."]"#, true),
        (r#"[1, "\\..."]"#, r"[1, 2]", false),
        (r#"["...", 1]"#, r#"["...", 1]"#, true),
        (r#"{"a": "[..]"}"#, r#"{"a": {"any": []}}"#, true),
        (r#"{"a": "[..]"}"#, r#"{"a": null}"#, true),
        (r#"{"a": "x[..]"}"#, r#"{"a": "xyz"}"#, true),
        (r#"{"a": "x[..]"}"#, r#"{"a": 7}"#, false),
        (r#"{"a": "\\[..]"}"#, r#"{"a": "[..]"}"#, true),
        (r#"{"a": "\\[..]"}"#, r#"{"a": "x"}"#, false),
        ("9007199254740993", "9007199254740992", false),
        ("1e3", "1000", true),
        ("true", "true\n", true),
        ("{}", "[]", false),
        ("{}", "{} {}", false),
        ("{}", "", false),
    ];
    for (text, output, expected) in cases {
        assert_eq!(json(text, output).matched(), expected, "{text} against {output}");
    }
}

#[test]
fn a_text_occurs_or_it_does_not() {
    let cases =
        [("b\nc", "ab\ncd", true), ("x", "ab", false), ("[..]", "a[..]b", true), ("[..]", "ab", false)];
    for (text, output, expected) in cases {
        let verdict = check(&expectation(Matching::Contains, text), output, &mut Captures::default());
        assert_eq!(verdict.matched(), expected, "{text:?} in {output:?}");
    }
}

/// Feeds `count` times `chunk`.
fn fed(matching: Matching, text: &str, chunk: &str, count: usize, last: &str) -> Verdict {
    let mut matcher =
        Matcher::new(&expectation(matching, text), &Captures::default()).expect("the markers parse");
    (0..count).for_each(|_| matcher.feed(chunk));
    matcher.feed(last);
    matcher.finish(&mut Captures::default())
}

#[test]
fn pieces_of_any_size_give_the_same_verdict() {
    let text = "...\nid [id=..]\nü[..]\n...\n[=id]";
    let output = "x\nid 7\nübel\n\n7";
    for size in 1..output.len() {
        let mut matcher =
            Matcher::new(&expectation(Matching::Lines, text), &Captures::default()).expect("parses");
        let mut rest = output;
        while !rest.is_empty() {
            let cut = (size..).find(|&at| at >= rest.len() || rest.is_char_boundary(at));
            let (piece, behind) = rest.split_at(cut.unwrap_or(size).min(rest.len()));
            matcher.feed(piece);
            rest = behind;
        }
        assert!(matcher.finish(&mut Captures::default()).matched(), "in pieces of {size}");
    }
    assert!(fed(Matching::Contains, "yx\nx", "y", 200_000, "x\nx").matched());
    assert!(!fed(Matching::Contains, "yx\nxx", "y", 200_000, "x\nx").matched());
    assert!(fed(Matching::Json, r#"{"a": 1}"#, " ", 100, r#"{"a": 1}"#).matched());
}

#[test]
fn an_output_never_matches_by_being_cut() {
    let long = "x".repeat(3 * 1024 * 1024);
    assert!(matches!(lines("[..]", &long), Verdict::GaveUp { .. }));
    assert!(matches!(lines("x+ (re)", &long), Verdict::GaveUp { .. }));
    assert!(matches!(lines("(unordered)\n[..]", &long), Verdict::GaveUp { .. }));
    assert!(matches!(lines("x", &long), Verdict::Mismatched { .. }));
    assert!(matches!(lines(&long[..1024 * 1024], &long), Verdict::Mismatched { .. }));
    assert!(lines("...", &long).matched());
    assert!(lines("...\nend", &format!("{long}\nend")).matched());
    assert_eq!(
        json("{}", &format!("{{}}{}", " ".repeat(5 * 1024 * 1024))),
        Verdict::GaveUp { why: "more than 4 MiB are not read as JSON".into() }
    );
}

#[test]
fn adversarial_outputs_end() {
    let ays = "a".repeat(20_000);
    let stars = "a[..]".repeat(2_000) + "b";
    assert!(!lines(&stars, &ays).matched());
    assert!(!lines("(a*)*b (re)", &ays).matched());
    let text = "...\n[..]\n".repeat(300) + "end";
    assert!(!lines(&text, &"a\n".repeat(3_000)).matched());
    // Every pair of lines is another way to match, since what it captured is used again.
    let text = "...\n[a=..]\n...\n[b=..]\n...\n[=a][=b]!";
    let output: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    let verdict = lines(text, &output);
    assert_eq!(verdict, Verdict::GaveUp { why: "the comparison took too many steps".into() });
    let text = format!("(unordered)\n...{}", "\na[..]b".repeat(400));
    assert!(!lines(&text, &"acb\n".repeat(399)).matched());
    assert!(lines(&text, &"acb\n".repeat(9_000)).matched());
}
