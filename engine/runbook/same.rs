//! Whether a procedure does the same as in an earlier text of its document.
//!
//! Prose, dates and other procedures may have changed: what counts is what there is to do, in which order and
//! on which conditions, and what is promised.

use super::{Action, CommandBlock, Procedure, Step, StepDirective};

/// Whether both have the same steps and targets.
pub fn does_the_same(a: &Procedure, b: &Procedure) -> bool {
    let targets = |procedure: &Procedure| -> Vec<_> {
        procedure.targets.iter().map(|target| (target.text.clone(), target.probe.clone())).collect()
    };
    a.steps.len() == b.steps.len()
        && a.steps.iter().zip(&b.steps).all(|(a, b)| same_step(a, b))
        && targets(a) == targets(b)
}

/// All but where it stands and what is said around it.
fn same_step(a: &Step, b: &Step) -> bool {
    let conditions =
        |step: &Step| (step.role, step.effect, step.optional, step.emergency, step.reach.clone());
    let settings = |step: &Step| StepDirective { span: None, ..step.directive.clone() };
    let expected =
        |step: &Step| step.expectation.as_ref().map(|it| (it.matching, it.text.clone(), it.example));
    a.label == b.label
        && conditions(a) == conditions(b)
        && same_action(&a.action, &b.action)
        && settings(a) == settings(b)
        && expected(a) == expected(b)
}

fn same_action(a: &Action, b: &Action) -> bool {
    let nowhere = |block: &CommandBlock| CommandBlock { lines: Vec::new(), ..block.clone() };
    match (a, b) {
        (Action::Command(a), Action::Command(b)) => nowhere(a) == nowhere(b),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read;
    use crate::runbook::lower;
    use crate::source::Source;

    const TEXT: &str = "# Bot\n\n## Restart\n\n**Target**: Recovery < 30 seconds\n\n1. Restart:\n   ```bash\n   \
                        ./restart.sh\n   ```\n2. Call the desk\n3. If it fails, stop:\n   ```bash\n   ./stop.sh\n   \
                        ```\n\nLast updated: 2026-01-01\n";

    fn procedure(text: &str) -> Procedure {
        let source = Source::new("bot.md", text.as_bytes().to_vec()).expect("is text");
        lower(&read(&source).0).0.procedures.remove(0)
    }

    #[test]
    fn only_what_there_is_to_do_counts() {
        let was = procedure(TEXT);
        for (from, to, same) in [
            ("# Bot\n", "# Bot\n\nSome words.\n\n", true),
            ("2026-01-01", "2026-02-02", true),
            ("./restart.sh", "./restart.sh --hard", false),
            ("1. Restart", "1. Restart it", false),
            ("< 30 seconds", "< 20 seconds", false),
            ("Call the desk", "Call the boss", false),
            ("If it fails, stop", "Stop", false),
            ("   ```bash\n   ./stop", "   <!-- runbook: timeout=5s -->\n   ```bash\n   ./stop", false),
        ] {
            let now = procedure(&TEXT.replacen(from, to, 1));
            assert_eq!(does_the_same(&was, &now), same, "{from} → {to}");
        }
    }
}
