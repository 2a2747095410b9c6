//! What whole documents yield: the LeviBot runbook step by step, and small documents for each rule.

use super::lower;
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::runbook::{Action, CommandMode, Reach, Role, Runbook, Step};
use crate::source::{Source, Span};
use std::collections::HashSet;

fn read_as(path: &str, text: &str) -> (Runbook, Vec<Diagnostic>) {
    let source = Source::new(path, text.as_bytes().to_vec()).expect("is UTF-8");
    lower(&document::read(&source).0)
}

fn read(text: &str) -> Runbook {
    read_as("notes.md", text).0
}

/// A step as one line: id, line, what it is, how it is reached, label.
fn shown(step: &Step) -> String {
    let role = match (&step.action, step.role) {
        (Action::Notes, _) => "notes".to_owned(),
        (Action::Manual { .. }, _) => "manual".to_owned(),
        (Action::Command(block), role) => {
            let role = match role {
                Role::Observe => "observe",
                Role::Act => "act",
                Role::Verify => "verify",
                Role::Manual => "manual",
            };
            let mode = match block.mode {
                CommandMode::Once => "",
                CommandMode::Repeat { .. } => " repeat",
                CommandMode::TimeBox => " timebox",
                CommandMode::Interactive => " interactive",
            };
            format!("{role} {}{mode}", format!("{:?}", step.effect).to_lowercase())
        }
    };
    let reach = match &step.reach {
        Reach::Plain => String::new(),
        Reach::Fallback { of } => format!(" fallback({of})"),
        Reach::With { of } => format!(" with({of})"),
        Reach::Decision(decision) => match (decision.known_by, decision.otherwise_of) {
            (Some(by), _) => format!(" decision({} by {by})", decision.question),
            (_, Some(of)) => format!(" otherwise({of})"),
            _ => format!(" decision({})", decision.question),
        },
        Reach::Arm { group, arm, .. } => format!(" arm({group}:{arm})"),
    };
    let optional = if step.optional { " optional" } else { "" };
    let emergency = if step.emergency { " emergency" } else { "" };
    let phase = format!("{:?}", step.phase).to_lowercase();
    format!("{} L{} {phase} {role}{reach}{optional}{emergency}: {}", step.id, step.line, step.label)
}

/// All steps of all procedures, each procedure under its id.
fn outline(runbook: &Runbook) -> String {
    let mut out = String::new();
    for procedure in &runbook.procedures {
        out.push_str(&format!("{}\n", procedure.id));
        for step in &procedure.steps {
            out.push_str(&format!("  {}\n", shown(step)));
        }
    }
    out
}

#[test]
fn every_step_of_the_levibot_runbook_is_understood() {
    let runbook = read_as("levibot.md", include_str!("../../../runbooks/levibot.md")).0;
    assert_eq!(outline(&runbook), include_str!("levibot.txt"));
    let steps: Vec<usize> = runbook
        .procedures
        .iter()
        .map(|procedure| procedure.steps.iter().filter(|step| !step.optional).count())
        .collect();
    assert_eq!(steps, [4, 3, 3, 3, 3, 3, 6, 5]);
    assert_eq!((runbook.escalation.len(), runbook.post_incident.len()), (4, 5));
}

/// The document the product began with lies beside the repository; where it does not, nothing is read.
#[test]
#[expect(clippy::disallowed_methods, reason = "a document beside the repository, if it is there")]
fn every_step_of_the_seed_is_understood() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/seed/chaos-recovery-runbook.md");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let runbook = read_as("chaos-recovery-runbook.md", &text).0;
    assert_eq!(outline(&runbook), include_str!("seed.txt"));
    let engine = &runbook.procedures[1].parameters;
    assert_eq!(engine.len(), 1);
    assert_eq!((engine[0].name.as_str(), engine[0].flag.as_str()), ("engine_id", "--engine-id"));
    let lines = engine[0].places.iter().map(|place| runbook.source.line(place.span.start));
    assert_eq!(lines.collect::<Vec<_>>(), [59, 64, 66]);
    let places = engine[0].places.iter().map(|place| runbook.source.slice(place.span));
    assert!(places.eq(["{engine_id}"; 3]));
}

/// The outline of a document without the line numbers' noise of a title: one procedure, its steps.
fn steps(body: &str) -> Vec<String> {
    let runbook = read(&format!("# Alert: X\n{body}\n"));
    assert_eq!(runbook.procedures.len(), 1, "{body}");
    runbook.procedures[0].steps.iter().map(shown).collect()
}

#[test]
fn sections_are_procedures_phases_or_steps() {
    let fence = "\n```sh\nls\n```\n";
    for (text, wanted) in [
        // A file whose first heading is the alert is one procedure, whatever stands in it.
        (
            format!("# KubeDown\n## Meaning\nx\n## Diagnosis{fence}## Fix alerts{fence}### Deeper{fence}"),
            "kubedown 3",
        ),
        (format!("# API Down\n## Symptoms\n- x\n## Diagnosis{fence}## Resolution{fence}"), "api-down 2"),
        (
            format!("# Deploy\n## Prerequisites{fence}## Step 1: Build{fence}## Step 2: Push{fence}"),
            "deploy 3",
        ),
        // A collection holds procedures; its reference sections are none.
        (
            format!("# Ops\n## Overview\nx\n## Restart API{fence}## Scale up{fence}"),
            "restart-api 1, scale-up 1",
        ),
        (format!("# Ops\n## Architecture\n1. a\n2. b\n## Restart API{fence}"), "restart-api 1"),
        (format!("# Ops\n## Table of Contents\n1. [a](#a)\n## Restart API{fence}"), "restart-api 1"),
        (format!("# Ops{fence}## Restart API{fence}"), "ops 1, restart-api 1"),
        (format!("# Ops\n## Procedures\n### 1. Restart{fence}### 2. Stop{fence}"), "restart 1, stop 1"),
        (format!("# Ops\n## A{fence}## Rollback Procedure{fence}"), "a 1, rollback-procedure 1"),
        (
            format!(
                "# Ops\n## Troubleshooting\n### Pod down\n**Symptoms:**\n- x\n\n**Resolution:**\n{fence}### Disk full\n#### Diagnosis{fence}#### Resolution{fence}"
            ),
            "pod-down 1, disk-full 2",
        ),
        (format!("# Ops\n## Restore{fence}### Stop it{fence}### Start it{fence}"), "restore 3"),
        (
            format!("# Ops\n## Restart{fence}## Escalation{fence}## Post-Incident\n1. Write it down\n"),
            "restart 1",
        ),
        (format!("## Restart{fence}## Stop{fence}"), "restart 1, stop 1"),
        (format!("## Symptoms\n- x\n## Mitigation{fence}"), "notes 1"),
        (format!("# Ops\n## Restart{fence}## Restart{fence}"), "restart 1, restart-2 1"),
        ("# KubeDown\n## Mitigation\nLook.\n".into(), "kubedown 0"),
        ("# Ops\n## History\nx\n".into(), ""),
        ("".into(), ""),
        (fence.into(), "notes 1"),
    ] {
        let found = read(&text).procedures;
        let found: Vec<String> =
            found.iter().map(|procedure| format!("{} {}", procedure.id, procedure.steps.len())).collect();
        assert_eq!(found.join(", "), wanted, "{text}");
    }
}

#[test]
fn a_procedure_within_another_is_named_there() {
    let text = "# DiskFull\n## Mitigation\n```sh\nls\n```\n### On 4.18\n#### Procedure\n1. x\n\n#### Verification\n1. y\n";
    let procedures = read(text).procedures;
    assert_eq!(
        procedures.iter().map(|procedure| procedure.id.as_str()).collect::<Vec<_>>(),
        ["diskfull", "on-4-18"]
    );
    let notes: Vec<&str> = procedures[0].notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes, ["`On 4.18` is a procedure of its own"]);
}

#[test]
fn blocks_become_steps_with_labels() {
    for (body, wanted) in [
        (
            "## Steps\n1. Stop it:\n   ```sh\n   ls\n   ```\n2. Tell the team\n",
            &["1 L4 act observe reads: Stop it", "2 L7 act manual: Tell the team"][..],
        ),
        (
            "## Steps\n1. Stop it:\n```sh\nls\n```\n2. Start it:\n```sh\ndf\n```\n",
            &["1 L4 act observe reads: Stop it", "2 L8 act observe reads: Start it"],
        ),
        (
            "## Steps\n1. Look\n   ```sh\n   ls\n   ```\n   Then wait:\n   ```sh\n   df\n   ```\n",
            &["1 L4 act observe reads: Look", "2 L8 act observe reads: Then wait"],
        ),
        ("## Steps\n1. Outer\n   1. One\n   2. Two\n", &["1 L4 act manual: One", "2 L5 act manual: Two"]),
        (
            "## Steps\n1. Look: `kubectl get pods`\n2. Run `kubectl get nodes`.\n3. Do not run `kubectl get x` now\n4. Open `config.yaml`\n",
            &[
                "1 L3 act observe reads: Look",
                "2 L4 act observe reads: Run kubectl get nodes",
                "3 L5 act manual: Do not run kubectl get x now",
                "4 L6 act manual: Open config.yaml",
            ],
        ),
        (
            "## Diagnosis\n- Look: `docker logs x`\n- See `a/b/$(date)`\n- Never `kubectl delete pod x`\n",
            &["1 L3 diagnose observe reads optional: Look"],
        ),
        ("## Mitigation\n- Look: `docker logs x`\n", &[]),
        (
            "## Steps\nRead it first. Then look:\n\n```sh\nls\n```\n\n```sh\n# With a comment\ndf\n```\n\n```sh\ndf\n```\n",
            &[
                "1 L5 act observe reads: Then look",
                "2 L9 act observe reads: With a comment",
                "3 L14 act observe reads: Steps",
            ],
        ),
        ("## Steps\nLook at the disks.\n```sh\nls\n```\n", &["1 L4 act observe reads: Look at the disks"]),
        (
            "## Steps\n### 1. Look at it\n```sh\nls\n```\n### 2. Call somebody\nThe number is on the wall.\n",
            &["1 L4 act observe reads: Look at it", "2 L7 act manual: Call somebody"],
        ),
        (
            "## Steps\n**Step 1: Look**\n\n```sh\nls\n```\n\n**Step 2: Call**\n\nNow.\n",
            &["1 L5 act observe reads: Look", "2 L9 act manual: Call"],
        ),
        (
            "**Diagnosis:**\n\n```sh\nls\n```\n\n**Verification**: look again:\n\n```sh\ndf\n```\n",
            &[
                "1 L4 diagnose observe reads: Diagnosis",
                "2 L10 verify observe reads: Verification: look again",
            ],
        ),
        (
            "## Symptoms\n- x\n## Overview\n1. a\n\n```sh\nls\n```\n## Prevention\n1. b\n",
            &["1 L7 context observe reads optional: Overview"],
        ),
        ("> Look:\n>\n> ```sh\n> ls\n> ```\n", &["1 L4 act observe reads: Look"]),
        ("## Steps\n```{note}\nls\n```\n```yaml\na: 1\n```\n```\nls\n```\n```sh\n# nothing\n```\n", &[]),
        (
            "## Steps\n<!-- runbook: shell=bash id=look -->\n```\nls\n```\n",
            &["1 L4 act observe reads: Steps"],
        ),
        (
            "## Steps\n```sh\n# 1. Stop\nkill 1\n# 2. Tell them\n\n# 3. Look\nls\n```\n",
            &["1 L4 act act destroys: Stop", "2 L6 act manual: Tell them", "3 L8 act verify reads: Look"],
        ),
        (
            "## Steps\n```sh\nmake a\n# Or by hand\n./a.sh\n```\n```sh\nls\n```\n",
            &[
                "1.1 L4 act act changes arm(1:1): make a",
                "1.2 L5 act act changes arm(1:2): Or by hand",
                "2 L8 act verify reads: Steps",
            ],
        ),
        (
            "## Steps\n```console\n$ ls\na\n$ df\n```\n",
            &["1 L4 act observe reads: Steps", "2 L6 act observe reads: Steps"],
        ),
    ] {
        assert_eq!(steps(body), wanted, "{body}");
    }
}

#[test]
fn prose_says_how_a_step_is_reached() {
    let item = |number: usize, text: &str, command: &str| {
        format!("{number}. {text}\n   ```sh\n   {command}\n   ```\n")
    };
    let list = |items: &[(&str, &str)]| {
        (1..).zip(items).map(|(number, (text, command))| item(number, text, command)).collect::<String>()
    };
    for (body, wanted) in [
        (list(&[("Restart:", "make x"), ("If this fails, force it:", "make y"), ("If that does not work, reboot:", "reboot")]), vec!["act act changes", "act act changes fallback(0)", "act act destroys fallback(1)"]),
        (list(&[("Look:", "ls"), ("If this fails, force it:", "make y")]), vec!["act observe reads", "act act changes decision(If this fails)"]),
        (list(&[("Run the sync:", "make x"), ("If the sync fails, force it:", "make y")]), vec!["act act changes", "act act changes fallback(0)"]),
        (list(&[("Run the sync:", "make x"), ("If the database fails, force it:", "make y")]), vec!["act act changes", "act act changes decision(If the database fails)"]),
        (list(&[("Run the sync:", "make x"), ("Look:", "ls"), ("If the sync fails, force it:", "make y")]), vec!["act act changes", "act observe reads", "act act changes decision(If the sync fails)"]),
        (list(&[("Check if it is up:", "ls"), ("If it is down:", "make x"), ("Otherwise:", "make y")]), vec!["act observe reads", "act act changes decision(If it is down)", "act act changes otherwise(1)"]),
        (list(&[("Restart if needed:", "make x"), ("Verify it:", "ls")]), vec!["act act changes optional", "act verify reads"]),
        (list(&[("Restart it if it is stuck:", "make x"), ("Look if it is stuck:", "ls")]), vec!["act act changes decision(if it is stuck)", "act verify reads"]),
        (list(&[("Restart:", "make x"), ("Last resort:", "reboot")]), vec!["act act changes", "act act destroys fallback(0) emergency"]),
        (list(&[("Emergency stop:", "reboot")]), vec!["act act destroys decision(Emergency stop) emergency"]),
        ("1. Restart:\n   ```sh\n   make x\n   ```\n2. If latency persists, check:\n   - a\n   - b\n3. If it fails, check:\n   - c\n4. If it is hot, cool it\n5. If hot, cool it, otherwise leave it\n".into(), vec!["act act changes", "act notes decision(If latency persists by 0)", "act notes decision(If it fails by 0)", "act manual decision(If it is hot)", "act manual"]),
        ("1. If it is down:\n   ```sh\n   make x\n   ```\n   Then:\n   ```sh\n   make y\n   ```\n2. Go on:\n   ```sh\n   make z\n   ```\n".into(), vec!["act act changes decision(If it is down)", "act act changes with(0)", "act act changes"]),
        ("If it is down, do this:\n\n1. One\n2. Two\n\nAnd:\n\n1. Three\n".into(), vec!["act manual decision(If it is down)", "act manual with(0)", "act manual"]),
        ("## Mitigation\n### If it is down\n```sh\nmake x\n```\n```sh\nls\n```\n### Later\n```sh\nmake y\n```\n".into(), vec!["act act changes decision(If it is down)", "act observe reads with(0)", "act act changes"]),
        ("## Mitigation\n```sh\nmake x\n```\n## Verification\n```sh\nls\n```\n## Rollback\n```sh\nmake y\n```\n```sh\nmake z\n```\n".into(), vec!["act act changes", "verify verify reads", "rollback act changes fallback(1)", "rollback act changes with(2)"]),
        ("## Rollback\n```sh\nmake y\n```\n".into(), vec!["rollback act changes"]),
        ("If it is down, start it:\n```sh\nmake x\n```\nThen clean up:\n```sh\nmake y\n```\nGo on:\n```sh\nmake z\n```\n".into(), vec!["act act changes decision(If it is down)", "act act changes with(0)", "act act changes"]),
        ("1. Look for the directory. If it is missing, X is off.\n   - Look:\n     ```sh\n     ls\n     ```\n".into(), vec!["act observe reads"]),
        ("Edit it:\n```sh\nkubectl edit cm x\n...\na: b\n```\n".into(), vec!["act manual"]),
        ("If it is down:\n<!-- runbook: when=plain -->\n```sh\nmake y\n```\n".into(), vec!["act act changes"]),
        ("If it is down:\n<!-- runbook: role=observe effect=reads optional=yes -->\n```sh\nmake y\n```\n".into(), vec!["act observe reads optional"]),
    ] {
        let seen = steps(&body);
        let seen: Vec<&str> = seen
            .iter()
            .map(|line| {
                let line = line.rsplit_once(": ").map_or(line.as_str(), |(before, _)| before);
                line.splitn(3, ' ').nth(2).unwrap_or_default()
            })
            .collect();
        assert_eq!(seen, wanted, "{body}");
    }
}

/// What holds for every document.
fn check(runbook: &Runbook, diagnostics: &[Diagnostic]) {
    let source = &runbook.source;
    let text = source.text();
    let inside = |span: Span| assert!(text.get(span.range()).is_some(), "{span:?} in {text:?}");
    let last = source.line(text.len());
    for diagnostic in diagnostics {
        inside(diagnostic.span);
        assert!(!diagnostic.render(source).is_empty());
    }
    let mut ids = HashSet::new();
    for procedure in &runbook.procedures {
        assert!(ids.insert(&procedure.id), "{} twice", procedure.id);
        assert!((1..=last).contains(&procedure.line));
        inside(procedure.heading);
        procedure.targets.iter().for_each(|target| inside(target.span));
        procedure.symptoms.iter().for_each(|symptom| inside(symptom.span));
        let (mut names, mut slugs) = (HashSet::new(), HashSet::new());
        for (index, step) in procedure.steps.iter().enumerate() {
            assert!(names.insert(&step.id), "{} twice in {text:?}", step.id);
            assert!(slugs.insert(&step.slug), "{} twice in {text:?}", step.slug);
            assert!(!step.label.contains('\n'), "{step:?}");
            assert!(!step.slug.is_empty() && (1..=last).contains(&step.line), "{step:?}");
            inside(step.span);
            let before = |of: usize| assert!(of < index, "{step:?}");
            match &step.reach {
                Reach::Plain | Reach::Arm { .. } => {}
                Reach::Fallback { of } | Reach::With { of } => before(*of),
                Reach::Decision(decision) => {
                    decision.known_by.iter().chain(&decision.otherwise_of).for_each(|of| before(*of))
                }
            }
            let Action::Command(block) = &step.action else { continue };
            assert_eq!(block.lines.len(), block.script.split('\n').count(), "{step:?} of {text:?}");
            for place in &block.lines {
                assert!(text.is_char_boundary(place.offset) && (1..=last).contains(&place.line), "{step:?}");
            }
            for inference in &step.inferred {
                assert!((1..=last).contains(&inference.line), "{inference:?}");
            }
            if let Some(expectation) = &step.expectation {
                inside(expectation.span);
            }
        }
        for place in procedure.parameters.iter().flat_map(|parameter| &parameter.places) {
            let Action::Command(block) = &procedure.steps[place.step].action else { panic!("{place:?}") };
            inside(place.span);
            let written = block.script.get(place.script_span.range()).expect("lies in the script");
            let unwrapped = matches!(block.mode, CommandMode::Repeat { .. });
            assert!(
                unwrapped || source.slice(place.span) == written,
                "{place:?} is not {written:?} in {text:?}"
            );
        }
    }
}

/// Two public collections of runbooks beside the repository; where they are not, nothing is read.
#[test]
#[expect(clippy::disallowed_methods, reason = "documents beside the repository, if they are there")]
fn public_runbooks_are_read_without_harm() {
    let mut folders =
        vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                let text = std::fs::read_to_string(&path).expect("is readable text");
                let (runbook, diagnostics) = read_as(&path.to_string_lossy(), &text);
                check(&runbook, &diagnostics);
            }
        }
    }
}

/// Twice the document takes about twice the work: a hundred times as much ends in a moment.
#[test]
fn long_documents_are_read_in_linear_time() {
    let item = "1. If it fails, look at <pod>:\n```sh\nkubectl get pods $NAME\n```\n";
    let numbered: String = (1..2000).map(|number| format!("# {number}. Look\nls\n")).collect();
    for text in [
        format!("# Alert: X\n{}", item.repeat(2000)),
        format!("# Alert: X\n## Steps\n```sh\n{numbered}```\n"),
        format!("# Alert: X\n## Steps\n```sh\n{}```\n", "$ ls\nout\n".repeat(2000)),
        "## Same\n```sh\nls\n```\n".repeat(2000),
        format!("# Alert: X\n{}", "### Step 1: a\n".repeat(5000)),
        format!("# Alert: X\n## Steps\n{}", "- a\n\n**b**\n\n<!-- runbook: id=x -->\n".repeat(2000)),
    ] {
        let (runbook, diagnostics) = read_as("x.md", &text);
        assert!(!runbook.procedures.is_empty());
        check(&runbook, &diagnostics);
    }
}

/// Pieces of runbooks, put together in any order.
const PIECES: &[&str] = &[
    "# ",
    "## ",
    "### ",
    "Alert: ",
    "Symptoms\n",
    "Steps\n",
    "Rollback\n",
    "1. ",
    "2. ",
    "- ",
    "   ",
    "\n",
    "\n\n",
    "```sh\n",
    "```\n",
    "```console\n",
    "```output\n",
    "$ ls\n",
    "ls\n",
    "make <x>\n",
    "watch -n 1 'ls {y}'\n",
    "ssh host\n",
    "# 1. a\n",
    "# 2. b\n",
    "# Or\n",
    "If this fails, ",
    "If x, check:\n",
    "Otherwise:\n",
    "if needed ",
    "**Resolution:**\n",
    "**1. Do it**\n",
    "<!-- runbook: id=a -->\n",
    "<!-- runbook: expect=json -->\n",
    "> ",
    "`kubectl get $P`",
    "Verify:\n",
    "Emergency stop:\n",
    "| a | b |\n|---|---|\n",
    "é🚨",
    "\r\n",
    "\u{feff}",
    "cat <<E\n",
    "E\n",
    "**Target**: < 5 s\n",
    "<!-- runbook: target probe=\"x\" -->\n",
    "export P=1\n",
    "---\n",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_document_has_a_meaning(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        let (runbook, diagnostics) = read_as("x.md", &text);
        check(&runbook, &diagnostics);
    }
}
