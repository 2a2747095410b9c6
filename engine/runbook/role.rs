//! What a step is for: it observes, acts, verifies, or a person does it.
//!
//! Phase beats position, position beats nothing but a reading step. What is declared by a directive
//! stands above all of it.

use super::{Inference, Phase, Role, prose};
use crate::shell::Effect;

/// What decides a step's role.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// Its label.
    pub(super) label: &'a str,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Where it belongs.
    pub(super) phase: Phase,
    /// What its commands do; none for something a person does.
    pub(super) effect: Option<Effect>,
    /// It never ends by itself, and only looks.
    pub(super) watches: bool,
    /// Its commands look at nothing: they set variables, change directory, print, wait.
    pub(super) blind: bool,
    /// It is reached only on a condition, or only when asked for.
    pub(super) conditional: bool,
    /// What the document declares.
    pub(super) declared: Option<Role>,
}

/// First words of the labels of steps that verify.
const VERIFY: &[&str] =
    &["verify", "verifies", "verifying", "verification", "validate", "validation", "confirm", "ensure"];

/// Words before the first one that count for nothing.
const FILLERS: &[&str] = &["then", "and", "finally", "now", "next", "again", "also", "please"];

/// The roles of a procedure's steps, each with what was inferred for it.
pub(super) fn roles(steps: &[Facts<'_>]) -> Vec<(Role, Option<Inference>)> {
    // What would be rolled back is verified before a rollback.
    let last_act =
        steps.iter().rposition(|step| own_role(step) == Role::Act && step.phase != Phase::Rollback);
    let mut acted = false;
    let mut by_hand = false;
    let mut roles = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let behind_last = last_act.is_some_and(|last| index > last);
        let (role, inferred) = role(step, acted, by_hand, behind_last);
        acted |= role == Role::Act;
        by_hand |= role == Role::Manual && !is_looking(step.phase);
        roles.push((role, inferred));
    }
    roles
}

/// The role without what stands around the step.
fn own_role(step: &Facts<'_>) -> Role {
    match (step.declared, step.effect) {
        (Some(role), _) => role,
        (None, None) => Role::Manual,
        (None, Some(_)) if is_looking(step.phase) => Role::Observe,
        (None, Some(Effect::Reads)) => Role::Observe,
        (None, Some(_)) => Role::Act,
    }
}

fn role(step: &Facts<'_>, acted: bool, by_hand: bool, behind_last: bool) -> (Role, Option<Inference>) {
    let own = own_role(step);
    if step.declared.is_some() || own == Role::Manual || is_looking(step.phase) || step.watches {
        return (own, None);
    }
    let infer = |what: String| Some(Inference { what, line: step.line });
    let named = names_verification(step.label);
    if own == Role::Act {
        // Whoever ensures something by changing it acts.
        let ensures = named.as_deref() == Some("ensure");
        let Some(word) = named.filter(|_| acted && !ensures && step.effect != Some(Effect::Destroys)) else {
            return (Role::Act, None);
        };
        let what = format!("verifies although it may change something, from `{word}` in its label");
        return (Role::Verify, infer(what));
    }
    if (acted || by_hand) && !step.conditional && !step.blind {
        if let Some(word) = named {
            return (Role::Verify, infer(format!("verifies, from `{word}` in its label")));
        }
        if step.phase == Phase::Verify {
            return (Role::Verify, infer("verifies, from the heading it stands under".into()));
        }
    }
    if behind_last
        && !step.conditional
        && !step.blind
        && !matches!(step.phase, Phase::Context | Phase::Rollback)
    {
        return (Role::Verify, infer("verifies: it reads, and no step behind it acts".into()));
    }
    (Role::Observe, None)
}

/// Phases whose steps only look, whatever they do.
fn is_looking(phase: Phase) -> bool {
    matches!(phase, Phase::Diagnose | Phase::Prevent | Phase::Escalate)
}

/// The word that names a verification, if a label begins with one.
fn names_verification(label: &str) -> Option<String> {
    let label = prose::one_line(label).to_lowercase();
    let mut words = label
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !FILLERS.contains(word));
    let first = words.next()?;
    let made_sure = first == "make" && words.next() == Some("sure");
    if made_sure {
        return Some("ensure".into());
    }
    VERIFY.contains(&first).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{Changes, Destroys, Reads};
    use Phase::{Act, Context, Diagnose, Prevent, Recover, Verify};

    fn step(label: &str, phase: Phase, effect: Effect) -> Facts<'_> {
        let effect = Some(effect);
        Facts {
            label,
            line: 1,
            phase,
            effect,
            watches: false,
            blind: false,
            conditional: false,
            declared: None,
        }
    }

    fn manual(label: &str) -> Facts<'_> {
        Facts { effect: None, ..step(label, Act, Reads) }
    }

    fn letters(steps: &[Facts<'_>]) -> String {
        let letter = |role| match role {
            Role::Observe => 'o',
            Role::Act => 'a',
            Role::Verify => 'v',
            Role::Manual => 'm',
        };
        roles(steps).iter().map(|(role, _)| letter(*role)).collect()
    }

    #[test]
    fn roles_follow_phase_name_and_place() {
        for (steps, wanted) in [
            (
                vec![step("Check", Act, Reads), step("Restart", Act, Changes), step("Verify", Act, Reads)],
                "oav",
            ),
            (vec![step("Restart", Act, Changes), step("Check", Act, Reads)], "av"),
            (
                vec![step("Stop", Act, Destroys), step("Check", Act, Reads), step("Start", Act, Changes)],
                "aoa",
            ),
            (vec![step("Verify", Act, Reads), step("Check", Act, Reads)], "oo"),
            (vec![step("Restart", Diagnose, Changes), step("Check", Act, Reads)], "oo"),
            (vec![step("Restart", Act, Changes), step("Check", Diagnose, Reads)], "ao"),
            (vec![step("Restart", Act, Changes), step("Verify", Prevent, Reads)], "ao"),
            (
                vec![step("Restart", Act, Changes), step("Look", Verify, Reads), step("Go", Act, Changes)],
                "ava",
            ),
            (
                vec![
                    step("Start", Act, Changes),
                    step("Verify health", Act, Changes),
                    step("Go", Act, Changes),
                ],
                "ava",
            ),
            (vec![step("Verify health", Act, Changes)], "a"),
            (vec![step("Start", Act, Changes), step("Ensure it runs", Act, Changes)], "aa"),
            (
                vec![
                    step("Start", Act, Changes),
                    step("Make sure it runs", Act, Reads),
                    step("x", Act, Changes),
                ],
                "ava",
            ),
            (
                vec![
                    step("Start", Act, Changes),
                    step("Then verify it", Act, Reads),
                    step("x", Act, Changes),
                ],
                "ava",
            ),
            (vec![step("Start", Act, Changes), step("Verify", Act, Destroys)], "aa"),
            (vec![manual("Restart it"), step("Verify it", Recover, Reads)], "mv"),
            (vec![manual("Restart it"), step("Look", Recover, Reads)], "mo"),
            (vec![step("Go", Act, Changes), Facts { blind: true, ..step("Set x", Act, Reads) }], "ao"),
            (vec![step("Set up", Context, Changes), step("Look", Context, Reads)], "ao"),
            (vec![step("Go", Act, Changes), Facts { watches: true, ..step("Watch", Act, Reads) }], "ao"),
            (vec![step("Go", Act, Changes), Facts { conditional: true, ..step("Look", Act, Reads) }], "ao"),
            (
                vec![
                    step("Go", Act, Changes),
                    Facts { declared: Some(Role::Observe), ..step("Verify", Act, Reads) },
                ],
                "ao",
            ),
            (vec![Facts { declared: Some(Role::Verify), ..step("Look", Act, Reads) }], "v"),
        ] {
            assert_eq!(letters(&steps), wanted, "{steps:?}");
        }
    }

    #[test]
    fn what_made_a_verification_is_said() {
        let steps = [step("Go", Act, Changes), step("Look", Act, Reads)];
        let inferred = roles(&steps).remove(1).1.map(|inference| inference.what);
        assert_eq!(inferred.as_deref(), Some("verifies: it reads, and no step behind it acts"));
        let steps = [step("Go", Act, Changes), step("Verify health", Act, Changes)];
        let inferred = roles(&steps).remove(1).1.map(|inference| inference.what);
        assert_eq!(
            inferred.as_deref(),
            Some("verifies although it may change something, from `verify` in its label")
        );
    }
}
