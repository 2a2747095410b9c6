//! What must be settled before an unattended run starts. Pure: it looks at the plan only.

use super::{Plan, PlanReach, PlanStep, Work};
use crate::runbook::{Phase, Role};
use crate::shell::Effect;
use std::fmt;

/// Why an unattended run may not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It can reach a step that destroys, and `--yes` was not given.
    Destroys {
        /// The step's number.
        step: String,
        /// Its label.
        label: String,
    },
    /// A step that a person must do lies on the way.
    Manual {
        /// The step's number.
        step: String,
        /// Its label.
        label: String,
    },
    /// A choice with an arm that changes is not decided.
    Undecided {
        /// The choice's number.
        step: String,
        /// How many arms it has.
        arms: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destroys { step, label } => {
                write!(f, "step {step} `{label}` can lose data or take a service down")
            }
            Self::Manual { step, label } => write!(f, "step {step} `{label}` needs a person"),
            Self::Undecided { step, arms } => write!(f, "step {step} is a choice of {arms} that is not made"),
        }
    }
}

impl Refusal {
    /// What to type to let the run start.
    pub fn hint(&self) -> String {
        match self {
            Self::Destroys { .. } => "add --yes to allow it".into(),
            Self::Manual { step, .. } => format!("add --assume-done {step} when it is done"),
            Self::Undecided { step, arms } => {
                format!("add --decide {step}=N, N from 1 to {arms}, or 0 for none")
            }
        }
    }
}

/// Every reason why `plan` may not run with nobody there; `yes` is the caller's `--yes`.
pub fn refusals(plan: &Plan, yes: bool) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut groups = Vec::new();
    for step in plan.steps.iter().filter(|step| step.ignored.is_none()) {
        let (number, label) = (step.id.clone(), step.label.clone());
        if !yes && step.effect == Effect::Destroys && can_be_reached(plan, step) {
            refusals.push(Refusal::Destroys { step: number.clone(), label: label.clone() });
        }
        if step.is_plain() && matches!(step.work, Work::Manual { assumed_done: false, .. }) {
            refusals.push(Refusal::Manual { step: number, label });
        }
        if let PlanReach::Arm { group, given: None, .. } = &step.reach
            && !groups.contains(group)
        {
            groups.push(group.clone());
            let arms: Vec<&PlanStep> = plan
                .steps
                .iter()
                .filter(|other| matches!(&other.reach, PlanReach::Arm { group: of, .. } if of == group))
                .collect();
            if arms.iter().any(|arm| arm.effect > Effect::Reads) {
                refusals.push(Refusal::Undecided { step: group.clone(), arms: arms.len() });
            }
        }
    }
    refusals
}

/// Whether an unattended run can come to the step.
fn can_be_reached(plan: &Plan, step: &PlanStep) -> bool {
    if step.optional || matches!(step.role, Role::Manual) {
        return false;
    }
    match &step.reach {
        PlanReach::Plain | PlanReach::AfterPass { .. } => true,
        PlanReach::With { of } => can_be_reached(plan, plan.step(*of)),
        // Without `--yes` a rollback is never taken unattended.
        PlanReach::Fallback { .. } => step.phase != Phase::Rollback,
        PlanReach::Decision { given, known_by, otherwise_of, .. } => match given {
            Some(given) => *given,
            None => known_by.is_some() || otherwise_of.is_some(),
        },
        PlanReach::Arm { arm, given, .. } => given.is_none_or(|given| given == *arm),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{act, decision, destroying, fallback, manual, observe, optional, plan};
    use super::*;

    fn refused(steps: Vec<PlanStep>, yes: bool) -> Vec<String> {
        refusals(&plan(steps), yes).iter().map(|refusal| format!("{refusal} / {}", refusal.hint())).collect()
    }

    fn arm(id: &str, arm: usize, given: Option<usize>) -> PlanStep {
        let reach = PlanReach::Arm { group: "1".into(), arm, text: "Or".into(), given };
        PlanStep { reach, ..act(id) }
    }

    #[test]
    fn what_needs_a_person_is_refused_before_the_start() {
        let destroys = "step 1 `Step 1` can lose data or take a service down / add --yes to allow it";
        let rollback = PlanStep { phase: Phase::Rollback, ..destroying(fallback("2", 0)) };
        for (steps, yes, refusals) in [
            (vec![observe("1"), act("2")], false, vec![]),
            (vec![destroying(act("1"))], false, vec![destroys]),
            (vec![destroying(act("1"))], true, vec![]),
            (vec![optional(destroying(act("1")))], false, vec![]),
            (vec![destroying(decision("1", None))], false, vec![]),
            (vec![act("0"), destroying(decision("1", Some(0)))], false, vec![destroys]),
            (vec![act("0"), destroying(fallback("1", 0))], false, vec![destroys]),
            (vec![act("1"), rollback], false, vec![]),
            (
                vec![manual("1")],
                true,
                vec!["step 1 `Step 1` needs a person / add --assume-done 1 when it is done"],
            ),
            (
                vec![arm("1.1", 1, None), arm("1.2", 2, None)],
                true,
                vec![
                    "step 1 is a choice of 2 that is not made / add --decide 1=N, N from 1 to 2, or 0 for none",
                ],
            ),
            (vec![arm("1.1", 1, Some(2)), arm("1.2", 2, Some(2))], true, vec![]),
            (vec![destroying(arm("1.1", 1, Some(2))), arm("1.2", 2, Some(2))], false, vec![]),
        ] {
            assert_eq!(refused(steps.clone(), yes), refusals, "{steps:?}");
        }
    }
}
