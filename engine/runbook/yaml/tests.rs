use super::*;
use crate::diagnostic::Level;
use crate::document;
use crate::source::Source;

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text.as_bytes().to_vec()).expect("is UTF-8")
}

fn front(text: &str) -> (Source, FrontMatter, Vec<Diagnostic>) {
    let source = source("x.md", text);
    let (front, diagnostics) = FrontMatter::read(&document::read(&source).0);
    (source, front, diagnostics)
}

#[test]
fn a_configuration_keeps_values_and_places() {
    let source = source(
        "runbook.yaml",
        "\u{feff}# ours\r\nprocedures: [a.md, 'b c.md']\r\nworkdir: ..\r\nstage:\r\n  prepare: x\r\n",
    );
    let config = Config::read(&source).expect("is valid");
    let files: Vec<(&str, &str)> =
        config.procedures.iter().map(|file| (file.value.as_str(), source.slice(file.span))).collect();
    assert_eq!(files, [("a.md", "a.md"), ("b c.md", "'b c.md'")]);
    assert_eq!(config.workdir.map(|dir| (dir.value, source.slice(dir.span))), Some(("..".to_owned(), "..")));
    assert!(config.stage.is_some() && config.faults.is_none() && config.notifiers.is_none());
    for empty in ["", "# nothing\n"] {
        assert_eq!(
            Config::read(&self::source("runbook.yaml", empty)).map(|config| config.procedures.len()),
            Ok(0)
        );
    }
}

#[test]
fn another_room_reads_its_own_section_of_the_same_text() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Stage {
        #[expect(dead_code, reason = "only its rejection is tested")]
        prepare: String,
    }
    #[derive(Deserialize)]
    struct Sections {
        #[expect(dead_code, reason = "only its rejection is tested")]
        stage: Stage,
    }
    let source = source("runbook.yaml", "procedures: [a.md]\nstage:\n  prepair: x\n");
    assert!(Config::read(&source).is_ok());
    let error = read::<Sections>(source.text(), 0).map(|_| ()).expect_err("is misspelt");
    assert_eq!(
        error.render(&source),
        "error: unknown key `prepair`\n  --> runbook.yaml:3:3\n    |\n  3 |   prepair: x\n    |   ^^^^^^^\n\
         hint: a key named `prepare` exists\n"
    );
}

#[test]
fn mistakes_in_a_configuration_are_shown_at_their_place() {
    for (text, place, message, hint) in [
        ("procedure: [a]\n", (1, 1), "unknown key `procedure`", "a key named `procedures` exists"),
        (
            "workdir: x\nxyz: 1\n",
            (2, 1),
            "unknown key `xyz`",
            "known keys: `procedures`, `workdir`, `stage`, `faults`, `scenarios`, `escalation`, `notifiers`",
        ),
        (
            "\u{feff}workdir: 'ü'\r\n\r\nwrkdir: 2\r\n",
            (3, 1),
            "unknown key `wrkdir`",
            "a key named `workdir` exists",
        ),
        ("procedures: a\n", (1, 13), "expected a list", ""),
        ("procedures:\n", (1, 11), "expected a list", ""),
        ("workdir: [a]\n", (1, 10), "expected one text", ""),
        ("- a\n", (1, 1), "expected keys with values", ""),
        ("procedures: [a\n", (1, 13), "unclosed bracket '['", ""),
        ("workdir: \"x\n", (1, 10), "unclosed quote", ""),
        ("workdir: *x\n", (1, 10), "alias references unknown anchor", ""),
        (
            "workdir: a\nworkdir: b\n",
            (2, 1),
            "the key `workdir` stands here a second time",
            "keep one of them: which of them counts would be a guess",
        ),
        (
            "workdir: a\n---\nworkdir: b\n",
            (3, 1),
            "a second document begins here",
            "leave out the `---` before it: one file is one document",
        ),
    ] {
        let source = source("runbook.yaml", text);
        let error = Config::read(&source).map(|_| ()).expect_err(text);
        let at = source.place(error.span.start);
        assert_eq!((at.line, at.column), place, "{text:?}");
        assert_eq!((error.code, error.message.as_str()), ("bad-yaml", message), "{text:?}");
        assert_eq!(error.hint.unwrap_or_default(), hint, "{text:?}");
    }
}

#[test]
fn front_matter_gives_title_metadata_and_declarations() {
    let (source, front, diagnostics) = front(
        "---\r\ntitle: Disk ‚Äì full\r\nseverity: P1\r\ntags: [a, 'b c', 3]\r\nlast_reviewed_on: 2025-10-15\r\n\
         review_in: 3 months\r\nversion: 1.0\r\nnothing:\r\nnested:\r\n  a: b\r\nowner: \"#team\"\r\nparameters:\r\n  \
         engine_id:\r\n    type: integer\r\n    pattern: '[0-9]+'\r\n    choices: [1, two]\r\n    default: 007\r\n    \
         secret: true\r\n    description: which engine\r\n  other:\r\n---\r\n# x\r\n",
    );
    assert_eq!(diagnostics, []);
    assert_eq!(front.title.as_deref(), Some("Disk – full"));
    let entries: Vec<(&str, &str, &str)> = front
        .metadata
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str(), source.slice(entry.value_span)))
        .collect();
    assert_eq!(
        entries,
        [
            ("severity", "P1", "P1"),
            ("tags", "a, b c, 3", "a, 'b c', 3"),
            ("last_reviewed_on", "2025-10-15", "2025-10-15"),
            ("review_in", "3 months", "3 months"),
            ("version", "1.0", "1.0"),
            ("owner", "#team", "\"#team\""),
        ]
    );
    let [(name, declaration), (other, nothing)] = front.parameters.as_slice() else { panic!("are two") };
    assert_eq!((name.value.as_str(), source.slice(name.span)), ("engine_id", "engine_id"));
    assert_eq!(declaration.kind.as_deref(), Some("integer"));
    assert_eq!(declaration.pattern.as_deref(), Some("[0-9]+"));
    assert_eq!(declaration.choices, ["1", "two"]);
    assert_eq!(declaration.default.as_deref(), Some("007"));
    assert!(declaration.secret);
    assert_eq!(declaration.description.as_deref(), Some("which engine"));
    assert_eq!((other.value.as_str(), nothing), ("other", &Default::default()));
}

#[test]
fn bad_front_matter_is_an_error_only_where_it_declares_parameters() {
    for (text, level, line, message) in [
        (
            "---\ntitle: a: b\n---\n",
            Level::Warning,
            2,
            "front matter is not read: mapping values are not allowed in this context",
        ),
        (
            "---\ntitle: a: b\nparameters:\n  x:\n---\n",
            Level::Error,
            2,
            "front matter is not read: mapping values are not allowed in this context",
        ),
        ("---\njust text\n---\n", Level::Warning, 2, "front matter is not read: expected keys with values"),
        ("---\nparameters:\n  x:\n    patern: y\n---\n", Level::Error, 4, "unknown key `patern`"),
        ("---\nparameters:\n  x:\n    secret: maybe\n---\n", Level::Error, 4, "expected `true` or `false`"),
        ("---\r\na: b\r\nparameters: [x]\r\n---\r\n", Level::Error, 3, "expected keys with values"),
    ] {
        let (source, _, diagnostics) = front(text);
        let [found] = diagnostics.as_slice() else { panic!("{text:?}: {diagnostics:?}") };
        assert_eq!((found.level, found.message.as_str()), (level, message), "{text:?}");
        assert_eq!(source.place(found.span.start).line, line, "{text:?}");
    }
}

#[test]
fn hostile_texts_are_errors_and_never_panics() {
    let deep = format!("workdir: {}", "[".repeat(5000));
    let bomb = format!("a: &a [x]\n{}", "b: [*a, *a]\n".repeat(50));
    for text in [
        deep.as_str(),
        &bomb,
        "\u{7f}",
        "? :",
        ":",
        "%YAML 9",
        "--- !!binary x",
        "a\u{85}b: \u{2028}",
        "é: é",
    ] {
        assert!(Config::read(&source("runbook.yaml", text)).is_err(), "{text:?}");
        let _ = front(&format!("---\n{text}\n---\n"));
    }
}
