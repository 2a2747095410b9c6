//! The book's page on rehearsals: it can be followed, and what it promises is true.

use crate::harness::Test;

const PAGE: &str = include_str!("../../runbooks/rehearse.md");

/// The fenced blocks of a page, with their tags.
fn fences(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in page.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &mut open {
            Some((fence, tag, text)) if *fence == line => {
                found.push((std::mem::take(tag), std::mem::take(text)));
                open = None;
            }
            Some((_, _, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if ticks.len() >= 3 => {
                open = Some((ticks.clone(), line[ticks.len()..].to_owned(), String::new()))
            }
            None => {}
        }
    }
    found
}

/// What two rehearsals have in common: no numbers, no ids, no blanks that make columns.
fn timeless(text: &str) -> Vec<String> {
    let alike = |line: &str| {
        let words: Vec<String> =
            line.split_whitespace()
                .filter(|word| !matches!(word.trim_end_matches([':', ',']), "ms" | "s"))
                .map(|word| {
                    if word.contains(|c: char| c.is_ascii_digit()) { "0".to_owned() } else { word.to_owned() }
                })
                .collect();
        words.join(" ")
    };
    let varies = |line: &&str| ["  run ", "  record:", "  head "].iter().any(|start| line.starts_with(start));
    text.lines().filter(|line| !varies(line)).map(alike).collect()
}

#[test]
fn the_books_page_can_be_followed() {
    let fences = fences(PAGE);
    let tagged = |tag: &str| {
        fences.iter().filter(|(found, _)| found == tag).map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    let (commands, shown) = (tagged("bash"), tagged("text"));
    let test = Test::new();
    let made = test.other("bash").args(["-ec", commands[0]]).status().expect("bash is there");
    assert!(made.success());
    assert_eq!(commands[1], "runbook rehearse \"Page Missing\"\n");
    let stage = tagged("yaml")[0];
    assert!(stage.lines().count() <= 12, "ten lines and the names of two sections");
    let finished = test
        .file("runbooks/site.md", tagged("markdown")[0])
        .file("runbooks/runbook.yaml", stage)
        .args(&["rehearse", "Page Missing"])
        .run()
        .exit(0);
    assert_eq!(timeless(&finished.stdout), timeless(shown[0]), "{}", finished.stdout);
    assert_eq!(finished.test.read("site/index.html"), "<h1>It works</h1>\n");
    finished.leaves_nothing();
}

#[test]
fn what_the_page_promises_of_a_broken_cure_is_true() {
    let fences = fences(PAGE);
    let of = |tag: &str, number: usize| {
        let tagged = fences.iter().filter(|(found, _)| found == tag).nth(number);
        tagged.map(|(_, text)| text.clone()).expect("is there")
    };
    assert_eq!(of("bash", 2), "runbook rehearse \"Page Missing\" --verify-timeout 10s\n");
    let document = of("markdown", 0);
    let line = document.lines().nth(13).expect("has a line 14");
    let broken = line.strip_suffix('l').expect("ends with the letter that is taken away");
    assert_eq!(format!("{broken}\n"), of("text", 1));
    let finished = Test::new()
        .file("site/index.html", "x")
        .file("site/backup/index.html", "x")
        .file("runbooks/site.md", document.replace(&format!("{line}\n"), &of("text", 1)))
        .file(
            "runbooks/runbook.yaml",
            of("yaml", 0).replace("    revert", "    passes_within: 200ms\n    revert"),
        )
        .args(&["rehearse", "Page Missing", "--verify-timeout", "300ms"])
        .run()
        .exit(1);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let end = words(&of("text", 2)).replace("10 s later", "200 ms later");
    assert!(words(&finished.stdout).contains(&end), "{}", finished.stdout);
}
