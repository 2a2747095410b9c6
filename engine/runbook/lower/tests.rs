//! What whole documents yield: the LeviBot runbook step by step, and small documents for each rule.

use super::lower;
use crate::diagnostic::Diagnostic;
use crate::document;
use crate::runbook::{Action, CommandMode, Reach, Role, Runbook, Step};
use crate::source::Source;

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
