//! The layers of the engine, held by reading its sources: who may import whom, which package lives
//! in which room, and how long a file may be.

use crate::expected::files;
use crate::harness::root;
use std::collections::BTreeMap;
use std::path::Path;

/// The rooms from the bottom up. A room may use those on lower floors, not its own floor's
/// neighbours and nothing above.
const FLOORS: &[&[&str]] = &[
    &["source"],
    &["diagnostic", "graph"],
    &["document", "shell"],
    &["runbook"],
    &["plan"],
    &["event", "check"],
    &["host"],
    &["journal"],
    &["run", "report"],
    &["stage"],
    &["cli"],
    &["main"],
];

/// Packages that live in one room, as the name in code and the places where it may stand.
const ROOMS: &[(&str, &[&str])] = &[
    ("clap", &["cli/"]),
    ("command_fds", &["host/"]),
    ("duct", &["host/"]),
    ("handlebars", &["plan/template", "report/"]),
    ("indicatif", &["report/progress"]),
    ("nix", &["host/"]),
    ("pulldown_cmark", &["document/"]),
    ("quick_junit", &["report/junit", "report/run_junit"]),
    // Expressions in a document: expected lines here, patterns of parameters in `plan/`.
    ("regex", &["check/", "plan/"]),
    ("serde_yaml", &["runbook/yaml"]),
    ("rustls_native_certs", &["host/"]),
    ("similar", &["check/"]),
    ("tokio", &["run/", "host/"]),
    ("tree_sitter", &["shell/"]),
    ("tree_sitter_bash", &["shell/"]),
    ("ureq", &["host/"]),
];

/// Files that may be longer than 500 lines, each with its reason.
const LONG: &[(&str, &str)] = &[
    ("event.rs", "one definition of every event, each field with its doc comment: it is the schema"),
    ("shell/parse.rs", "one walk over the syntax tree, with its tests"),
    ("shell/scan.rs", "one scan over the quoting of a text, with its tests"),
    ("run/machine_tests.rs", "every transition of the machine, one table after another"),
    ("run/resume_tests.rs", "every way in which a run goes on, in one world that its tests share"),
    ("runbook/model.rs", "the whole meaning of a document in one place, mostly doc comments"),
];

/// The engine's files as path below `engine/` and text.
fn engine() -> Vec<(String, String)> {
    let folder = root().join("engine");
    files(&folder, "rs")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("is readable");
            (path.strip_prefix(&folder).expect("is below").display().to_string(), text)
        })
        .collect()
}

fn room(path: &str) -> &str {
    let first = path.split('/').next().expect("has a first part");
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("`{room}` is on no floor: give it one in tests/architecture.rs"))
}

/// Lines of code without comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The names that follow `prefix` as a path in `line`: of `use crate::{plan::X, shell}` too.
fn roots_after<'a>(line: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let rest = &line[at + prefix.len()..];
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(list) => names.extend(top_level(list)),
            None => names.push(word(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// First names of the items of a brace list, which begins behind its `{`.
fn top_level(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut names = vec![word(list.trim_start())];
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

#[test]
fn every_import_goes_down() {
    let mut wrong = Vec::new();
    for (path, text) in engine() {
        let from = room(&path);
        if from == "lib" {
            continue;
        }
        // A brace list may span lines; joined, `use crate::{` is followed by all of it.
        let prefix = if from == "main" { "runbook::" } else { "crate::" };
        let joined = code(&text).map(|(_, line)| line).collect::<Vec<_>>().join(" ");
        for to in roots_after(&joined, prefix) {
            if to != from && floor(to) >= floor(from) {
                wrong.push(format!("engine/{path}: `{from}` may not use `{to}`"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_two_rooms_of_a_floor_use_each_other() {
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in engine() {
        let from = room(&path).to_owned();
        let joined = code(&text).map(|(_, line)| line).collect::<Vec<_>>().join(" ");
        let to = roots_after(&joined, "crate::").into_iter().map(str::to_owned);
        edges.entry(from.clone()).or_default().extend(to.filter(|to| *to != from));
    }
    for (from, to) in &edges {
        for to in to {
            let back = edges.get(to).is_some_and(|back| back.contains(from));
            assert!(!back, "`{from}` and `{to}` use each other");
        }
    }
}

#[test]
fn every_package_stays_in_its_room() {
    let mut wrong = Vec::new();
    for (path, text) in engine() {
        for (package, places) in ROOMS {
            if places.iter().any(|place| path.starts_with(place)) {
                continue;
            }
            let prefix = format!("{package}::");
            let line = code(&text).find(|(_, line)| {
                !roots_after(line, &prefix).is_empty() || line.contains(&format!("use {package};"))
            });
            if let Some((number, _)) = line {
                wrong.push(format!("engine/{path}:{number}: `{package}` belongs in {}", places.join(" or ")));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for (path, text) in engine() {
        let lines = text.lines().count();
        let listed = LONG.iter().any(|(name, _)| *name == path);
        if lines > 500 && !listed {
            wrong.push(format!("engine/{path} has {lines} lines: split it, or list it with a reason"));
        }
        if lines <= 500 && listed {
            wrong.push(format!("engine/{path} has {lines} lines: it need not be listed any more"));
        }
    }
    for (path, _) in LONG {
        let there = Path::new(root()).join("engine").join(path).exists();
        assert!(there, "{path} is listed and not there");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_reader_of_imports_sees_lists_and_paths() {
    assert_eq!(roots_after("use crate::plan::StepId;", "crate::"), ["plan"]);
    assert_eq!(
        roots_after("use crate::{plan::{A, B}, shell, host::Files as F};", "crate::"),
        ["plan", "shell", "host"]
    );
    assert_eq!(roots_after("let x = mycrate::plan();", "crate::"), Vec::<&str>::new());
}
