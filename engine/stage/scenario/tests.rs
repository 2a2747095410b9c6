use super::*;
use crate::document;
use crate::runbook;
use serde_json::Value;
use std::collections::BTreeSet;

const SCHEMA: &str = include_str!("../../../runbooks/reference/schema/scenario.schema.json");

const WHOLE: &str = "name: stops
description: an engine stops
procedure: Engine Restart Failed
fault: engine-stopped
branch: main
parameters: {engine_id: 4}
expect: {exit: 0, outcome: not_verified}
";

const BARE: &str = "name: stops\nprocedure: Engine Restart Failed\nfault: engine-stopped\nbranch: main\n";

fn source(text: &str) -> Source {
    Source::new("stops.yaml", text.as_bytes().to_vec()).expect("is UTF-8")
}

/// Our own runbook and stage.
fn project() -> (StageFile, Vec<Runbook>) {
    let stage = Source::new("runbook.yaml", include_bytes!("../../../runbooks/runbook.yaml").to_vec());
    let stage = StageFile::read(&stage.expect("is UTF-8")).expect("is valid");
    let levibot = Source::new("levibot.md", include_bytes!("../../../runbooks/levibot.md").to_vec());
    let (document, _) = document::read(&levibot.expect("is UTF-8"));
    (stage, vec![runbook::lower(&document).0])
}

#[test]
fn a_scenario_is_read_with_its_defaults() {
    let whole = Scenario::read(&source(WHOLE)).expect("is valid");
    assert_eq!(whole.expect, Expect { exit: Some(0), outcome: Some(Outcome::NotVerified) });
    let [(name, value)] = whole.parameters.0.as_slice() else { panic!("one parameter") };
    assert_eq!((name.value.as_str(), value.value.as_str()), ("engine_id", "4"));
    let bare = Scenario::read(&source(BARE)).expect("is valid");
    assert_eq!(
        (bare.branch.value, bare.expect, bare.parameters.0.len()),
        (Branch::Main, Expect::default(), 0)
    );
    let (stage, runbooks) = project();
    assert_eq!(whole.mistakes(&stage, &runbooks), []);
    assert_eq!(bare.procedure(&runbooks).expect("is there").1.id, "engine-restart-failed");
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let (stage, runbooks) = project();
    for (from, to, place, message, hint) in [
        ("fault:", "faul:", (3, 1), "unknown key `faul`", "a key named `fault` exists"),
        ("branch: main\n", "", (3, 1), "the key `branch` is missing", ""),
        ("main", "mian", (4, 9), "`mian` is no value for this key", "allowed: `main`, `fallback`"),
        (
            "name: stops",
            "name: ''",
            (1, 7),
            "the name of a scenario is one line of at most 60 characters",
            "",
        ),
        (
            "engine-stopped",
            "engine-stoped",
            (3, 8),
            "there is no fault `engine-stoped`",
            "a fault named `engine-stopped` exists",
        ),
        (
            "Engine Restart Failed",
            "Engine Restart Failde",
            (2, 12),
            "no procedure is called `Engine Restart Failde`",
            "a procedure named `Engine Restart Failed` exists",
        ),
        (
            "Engine Restart Failed",
            "Quux",
            (2, 12),
            "no procedure is called `Quux`",
            "`runbook list` shows all procedures",
        ),
        (
            "branch: main",
            "branch: main\nparameters: {engin_id: 3}",
            (5, 14),
            "`Engine Restart Failed` has no parameter `engin_id`",
            "a parameter named `engine_id` exists",
        ),
        (
            "branch: main",
            "branch: main\nparameters: {host: a}",
            (5, 14),
            "`Engine Restart Failed` has no parameter `host`",
            "it has `engine_id`",
        ),
        (
            "Engine Restart Failed\nfault: engine-stopped\nbranch: main",
            "WS Reconnect Slow\nfault: feed-slow\nbranch: main\nparameters: {host: a}",
            (5, 14),
            "`WS Reconnect Slow` has no parameter `host`",
            "it has none",
        ),
        (
            "Engine Restart Failed\nfault: engine-stopped\nbranch: main",
            "WS Reconnect Slow\nfault: feed-slow\nbranch: fallback",
            (4, 9),
            "`WS Reconnect Slow` has no fallback",
            "its only branch is `main`",
        ),
    ] {
        let text = BARE.replace(from, to);
        let source = source(&text);
        let found = match Scenario::read(&source) {
            Ok(scenario) => scenario.mistakes(&stage, &runbooks),
            Err(mistake) => vec![mistake],
        };
        let [mistake] = found.as_slice() else { panic!("one mistake: {text}{found:?}") };
        let at = source.place(mistake.span.start);
        assert_eq!(mistake.message, message, "{text}");
        assert_eq!((at.line, at.column), place, "{text}");
        assert_eq!(mistake.hint.as_deref().unwrap_or_default(), hint, "{text}");
    }
}

#[test]
fn a_procedure_of_prose_alone_cannot_be_rehearsed() {
    let (stage, _) = project();
    let prose = b"# Alerts\n\n## Alert: Engine Restart Failed\n\n### Resolution\n\nWait.\n".to_vec();
    let prose = Source::new("prose.md", prose).expect("is UTF-8");
    let runbooks = vec![runbook::lower(&document::read(&prose).0).0];
    let found = Scenario::read(&source(BARE)).expect("is valid").mistakes(&stage, &runbooks);
    let [mistake] = found.as_slice() else { panic!("one mistake: {found:?}") };
    assert_eq!(mistake.message, "nothing in `Engine Restart Failed` can be run");
    assert_eq!(mistake.hint.as_deref(), Some("a person must read it and do what it says: prose.md:3"));
    assert_eq!(source(BARE).place(mistake.span.start).line, 2);
}

#[test]
fn a_procedure_of_two_documents_is_not_guessed() {
    let (stage, mut runbooks) = project();
    let other = Source::new("other.md", include_bytes!("../../../runbooks/levibot.md").to_vec());
    runbooks.push(runbook::lower(&document::read(&other.expect("is UTF-8")).0).0);
    let found = Scenario::read(&source(BARE)).expect("is valid").mistakes(&stage, &runbooks);
    let [mistake] = found.as_slice() else { panic!("one mistake: {found:?}") };
    assert_eq!(mistake.message, "`Engine Restart Failed` names 2 procedures");
    let hint = mistake.hint.as_deref().unwrap_or_default();
    assert!(hint.starts_with("give the place instead of the name: `levibot.md:"), "{hint}");
}

#[test]
fn every_mistake_is_shown_at_once() {
    let (stage, runbooks) = project();
    let text = "name: x\nprocedure: MTTR Exceeded\nfault: quux\nbranch: main\nparameters: {a: 1, b: 2}\n";
    assert_eq!(Scenario::read(&source(text)).expect("is valid").mistakes(&stage, &runbooks).len(), 3);
}

#[test]
fn the_schema_has_the_keys_of_the_types_and_no_others() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("is JSON");
    for (object, text) in
        [(&schema, "zzzzzzzz: 1\n"), (&schema["properties"]["expect"], "expect: {zzzzzzzz: 1}\n")]
    {
        let hint = Scenario::read(&source(text)).expect_err("is unknown").hint.expect("lists the keys");
        let known: BTreeSet<String> = hint
            .strip_prefix("known keys: ")
            .expect("lists the keys")
            .split(", ")
            .map(|key| key.trim_matches('`').to_owned())
            .collect();
        let keys: BTreeSet<String> =
            object["properties"].as_object().expect("is an object").keys().cloned().collect();
        assert_eq!(keys, known, "{text}");
        assert_eq!(object["additionalProperties"], false);
    }
    for key in schema["required"].as_array().expect("is a list").iter().filter_map(Value::as_str) {
        let without: String =
            BARE.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        let mistake = Scenario::read(&source(&without)).expect_err("is missing");
        assert_eq!(mistake.message, format!("the key `{key}` is missing"));
    }
    let outcomes =
        schema["properties"]["expect"]["properties"]["outcome"]["enum"].as_array().expect("is a list");
    for outcome in outcomes.iter().filter_map(Value::as_str) {
        let text = format!("{BARE}expect: {{outcome: {outcome}}}\n");
        assert!(Scenario::read(&source(&text)).is_ok(), "{outcome}");
    }
}

/// Our own scenarios, by file name.
fn ours() -> Vec<(&'static str, Scenario)> {
    macro_rules! scenarios {
        ($($name:literal),* $(,)?) => {
            vec![$(($name, include_str!(concat!("../../../fixtures/levibot/scenarios/", $name, ".yaml")))),*]
        };
    }
    let texts = scenarios![
        "mttr-engine-stopped",
        "mttr-api-down",
        "restart-engine-stopped",
        "restart-start-hangs",
        "restart-not-executable",
        "restart-crash-loop",
        "ws-feed-outage",
        "ws-feed-slow",
        "kill-engine-locks",
        "kill-database-locked",
        "kill-api-hangs",
        "audit-unwritable",
        "audit-read-only",
        "audit-no-space",
        "chaos-cure-broken",
        "full-engines-stalled",
        "rollback-bad-model",
        "rollback-bad-image",
    ];
    let read = |text| Scenario::read(&source(text)).expect("is valid");
    texts.into_iter().map(|(name, text)| (name, read(text))).collect()
}

#[test]
fn our_scenarios_have_every_fault_and_every_branch() {
    let (stage, runbooks) = project();
    let ours = ours();
    for (name, scenario) in &ours {
        assert_eq!(scenario.name.value, *name, "a scenario is named as its file");
        assert_eq!(scenario.mistakes(&stage, &runbooks), [], "{name}");
    }
    let faults: BTreeSet<&str> = ours.iter().map(|(_, it)| it.fault.value.as_str()).collect();
    let declared: BTreeSet<&str> = stage.faults.0.iter().map(|(name, _)| name.value.as_str()).collect();
    assert_eq!(faults, declared);
    let taken = |title: &str, branch| {
        ours.iter().any(|(_, it)| it.procedure.value == title && it.branch.value == branch)
    };
    for procedure in &runbooks[0].procedures {
        assert!(taken(&procedure.title, Branch::Main), "{}", procedure.title);
        assert_eq!(taken(&procedure.title, Branch::Fallback), has_fallback(procedure), "{}", procedure.title);
    }
}
