use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

const SCHEMA: &str = include_str!("../../../runbooks/reference/schema/runbook.schema.json");

fn source(text: &str) -> Source {
    Source::new("runbook.yaml", text.as_bytes().to_vec()).expect("is UTF-8")
}

fn file(text: &str) -> StageFile {
    StageFile::read(&source(text)).expect("is valid")
}

const FAULTS: &str = "procedures: [a.md]
stage:
  workdir: work
faults:
  api-down:
    procedures: [API Down, Full Restart]
    inject: kill 1
    symptom: '! true'
    revert: start
    passes_when: true
    expires: 5m
  api-slow:
    procedures: ['Alert: API down']
    inject: |
      first
      second
    symptom: slow
    revert: 'true'
    shows: slow
";

#[test]
fn a_stage_is_read_with_its_defaults() {
    let text = "stage:\n  workdir: work\n  service: serve\n  parameters: {engine_id: 3}\n  ports: [8000]\n";
    let stage = file(text).stage.expect("is there");
    assert_eq!(stage.ready_within, Time(Duration::from_secs(30)));
    assert_eq!(stage.ports.iter().map(|port| port.value).collect::<Vec<_>>(), [8000]);
    let (name, value) = &stage.parameters.0[0];
    assert_eq!((name.value.as_str(), value.value.as_str()), ("engine_id", "3"));
    assert!(stage.prepare.is_none() && stage.ready.is_none() && stage.read.is_empty());
    let nothing = file("procedures: [a.md]\n");
    assert!(nothing.stage.is_none() && nothing.faults.0.is_empty());
    assert!(file("").stage.is_none());
}

#[test]
fn a_fault_is_found_by_its_procedure_or_by_its_name() {
    let file = file(FAULTS);
    let found = |procedure, wanted| file.fault(procedure, wanted).map(|(name, _)| name);
    assert_eq!(found("Alert: API Down", None), Ok("api-down"));
    assert_eq!(found("full-restart", None), Ok("api-down"));
    assert_eq!(found("API Down", Some("api-slow")), Ok("api-slow"));
    assert_eq!(found("Something Else", Some("api-slow")), Ok("api-slow"));
    let (_, fault) = file.fault("x", Some("api-slow")).expect("is there");
    assert_eq!((fault.inject.value.as_str(), fault.expires), ("first\nsecond\n", expires()));
}

#[test]
fn a_fault_that_is_not_there_is_not_guessed() {
    let file = file(FAULTS);
    for (procedure, wanted, message, hint) in [
        ("Other", None, "no fault belongs to `Other`", "choose one with --fault: `api-down`, `api-slow`"),
        ("Other", Some("api-dwn"), "there is no fault `api-dwn`", "a fault named `api-down` exists"),
        ("Other", Some("x"), "there is no fault `x`", "declared faults: `api-down`, `api-slow`"),
    ] {
        let none = file.fault(procedure, wanted).map(|(name, _)| name).expect_err("is not there");
        assert_eq!((none.message.as_str(), none.hint.as_str()), (message, hint));
    }
    let empty = StageFile::default();
    for wanted in [None, Some("x")] {
        let none = empty.fault("Other", wanted).map(|(name, _)| name).expect_err("is not there");
        assert_eq!(none.hint, "declare one under `faults:` in `runbook.yaml`");
    }
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let fault = "stage: {workdir: w}\nfaults:\n  f:\n    procedures: [P]\n    inject: a\n    symptom: b\n    revert: c\n";
    for (text, place, message, hint) in [
        (
            "stage:\n  workdir: w\n  prepair: x\n".to_owned(),
            (3, 3),
            "unknown key `prepair`",
            "a key named `prepare` exists",
        ),
        ("stage:\n  prepare: x\n".to_owned(), (2, 3), "the key `workdir` is missing", ""),
        (
            "stage: {workdir: w, ready_within: soon}\n".to_owned(),
            (1, 35),
            "`soon` is no time such as 500ms, 30s, 5m",
            "",
        ),
        (
            "stage: {workdir: w, ready_within: 0s}\n".to_owned(),
            (1, 35),
            "`0s` is no time such as 500ms, 30s, 5m",
            "",
        ),
        ("stage: {workdir: w, ports: [80000]}\n".to_owned(), (1, 29), "expected u16", ""),
        ("stage: {workdir: w, ports: [0]}\n".to_owned(), (1, 29), "a port of the stage cannot be 0", ""),
        (
            "stage:\n  workdir: w\n  environment: [TOKEN=abc]\n".to_owned(),
            (3, 17),
            "`TOKEN=abc` is no name of a variable",
            "only names stand here; the values come from the environment of whoever rehearses",
        ),
        (
            "stage:\n  workdir: w\n  read: [/run/]\n".to_owned(),
            (3, 10),
            "`read` may not open all of `/run/`",
            "name the files and directories in it that the service needs",
        ),
        (
            fault.to_owned(),
            (3, 3),
            "fault `f` does not say when a rehearsal passes",
            "add `passes_when: COMMAND`, or `shows: TEXT` for a procedure that only looks",
        ),
        (
            format!("{fault}    pases_when: x\n"),
            (8, 5),
            "unknown key `pases_when`",
            "a key named `passes_when` exists",
        ),
        (
            fault.replace("stage: {workdir: w}\n", "").replace("revert: c", "revert: c\n    shows: x"),
            (2, 3),
            "there are faults and no stage to inject them on",
            "add `stage:` with at least a `workdir`",
        ),
    ] {
        let source = source(&text);
        let errors = StageFile::read(&source).map(|_| ()).expect_err(&text);
        let [error] = errors.as_slice() else { panic!("one mistake: {errors:?}") };
        let at = source.place(error.span.start);
        assert_eq!(error.message, message, "{text}");
        assert_eq!((at.line, at.column), place, "{text}");
        assert_eq!(error.hint.as_deref().unwrap_or_default(), hint, "{text}");
    }
}

#[test]
fn a_procedure_that_nobody_has_is_found_at_its_name() {
    let text = "\
stage:
  workdir: w
  targets: [{procedure: API Dawn, probe: p}]
faults:
  f: {procedures: [api-down, Alert-API DOWN, X], inject: a, symptom: b, revert: c, shows: d}
";
    let source = source(text);
    let found: Vec<String> = file(text)
        .unknown_procedures(&["API Down", "Other"])
        .iter()
        .map(|it| it.render_without_line(&source))
        .collect();
    assert_eq!(
        found,
        [
            "error: no procedure is called `Alert-API DOWN`\n  --> runbook.yaml:5:30\nhint: `runbook list` shows all \
             procedures\n",
            "error: no procedure is called `X`\n  --> runbook.yaml:5:46\nhint: `runbook list` shows all procedures\n",
            "error: no procedure is called `API Dawn`\n  --> runbook.yaml:3:25\nhint: a procedure named `API Down` \
             exists\n",
        ]
    );
}

#[test]
fn every_mistake_is_shown_at_once() {
    let text = "stage: {workdir: w, read: [/, /etc], ports: [0], environment: [a-b]}\n";
    assert_eq!(StageFile::read(&source(text)).map(|_| ()).expect_err("is wrong").len(), 3);
}

/// The keys a type knows, as it lists them when it meets one that it does not.
fn keys_known_at(path: &str) -> BTreeSet<String> {
    let text = path.replace('?', "zzzzzzzzzzzz: 1");
    let errors = StageFile::read(&source(&text)).map(|_| ()).expect_err("has an unknown key");
    let hint = errors[0].hint.clone().expect("lists the keys");
    hint.strip_prefix("known keys: ")
        .expect("lists the keys")
        .split(", ")
        .map(|key| key.trim_matches('`').to_owned())
        .collect()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object["properties"].as_object().expect("is an object").keys().cloned().collect()
}

#[test]
fn the_schema_has_the_keys_of_the_types_and_no_others() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("is JSON");
    let stage = &schema["properties"]["stage"];
    let fault = &schema["properties"]["faults"]["additionalProperties"];
    let target = &stage["properties"]["targets"]["items"];
    for (object, path) in
        [(stage, "stage: {?}"), (fault, "faults: {f: {?}}"), (target, "stage: {targets: [{?}]}")]
    {
        assert_eq!(keys(object), keys_known_at(path), "{path}");
        assert_eq!(object["additionalProperties"], false, "{path}");
    }
    let top =
        crate::runbook::yaml::Config::read(&source("zzzzzzzzzzzz: 1\n")).map(|_| ()).expect_err("is unknown");
    let top = top.hint.expect("lists the keys");
    for key in keys(&schema) {
        assert!(top.contains(&format!("`{key}`")), "{key} is no key of the file: {top}");
    }
    assert_eq!(keys(&schema).len(), top.matches('`').count() / 2, "{top}");
}

#[test]
fn what_the_schema_requires_the_types_require() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("is JSON");
    let whole = [
        ("stage", "stage: {?}", vec![("workdir", "w"), ("service", "s")]),
        (
            "fault",
            "stage: {workdir: w}\nfaults: {f: {?}}",
            vec![("procedures", "[P]"), ("inject", "i"), ("symptom", "s"), ("revert", "r"), ("shows", "t")],
        ),
        ("target", "stage: {workdir: w, targets: [{?}]}", vec![("procedure", "P"), ("probe", "p")]),
    ];
    for (name, path, pairs) in whole {
        let object = match name {
            "stage" => &schema["properties"]["stage"],
            "fault" => &schema["properties"]["faults"]["additionalProperties"],
            _ => &schema["properties"]["stage"]["properties"]["targets"]["items"],
        };
        let required: Vec<&str> =
            object["required"].as_array().expect("is a list").iter().filter_map(Value::as_str).collect();
        for (left_out, _) in &pairs {
            let rest: Vec<String> = pairs
                .iter()
                .filter(|(key, _)| key != left_out)
                .map(|(key, value)| format!("{key}: {value}"))
                .collect();
            let read = StageFile::read(&source(&path.replace('?', &rest.join(", "))));
            let missing =
                read.is_err_and(|errors| errors[0].message == format!("the key `{left_out}` is missing"));
            assert_eq!(missing, required.contains(left_out), "{name}: {left_out}");
        }
    }
}

#[test]
fn our_own_file_is_read_and_its_faults_have_procedures() {
    let text = include_str!("../../../runbooks/runbook.yaml");
    let file = file(text);
    assert!(crate::runbook::yaml::Config::read(&source(text)).is_ok());
    let markdown = include_str!("../../../runbooks/levibot.md");
    let titles: BTreeSet<String> = markdown
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .map(name_of)
        .collect();
    for (name, fault) in &file.faults.0 {
        for procedure in &fault.value.procedures {
            assert!(titles.contains(&name_of(&procedure.value)), "{}: `{}`", name.value, procedure.value);
        }
    }
    let slow = |name| file.fault("x", Some(name)).map(|(_, fault)| fault.symptom.value.clone()).unwrap();
    assert!(
        slow("database-locked").contains("0.5") && slow("database-locked") == slow("engine-locks-database")
    );
}
