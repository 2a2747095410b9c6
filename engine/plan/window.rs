//! How long a verify is repeated until it passes. Pure: what is gone of the target's time is told.

use super::{Plan, PlanStep, StepId};
use crate::runbook::{Role, Target};
use crate::shell::Effect;
use std::time::Duration;

/// Shortest time before a fallback is taken, however little is left of the target.
pub const LEAST: Duration = Duration::from_secs(15);
/// Time before a fallback is taken where there is no target.
const BEFORE_FALLBACK: Duration = Duration::from_secs(30);
/// Shortest time where no fallback is left, and the time where there is no target.
const ALONE: Duration = Duration::from_secs(60);

impl PlanStep {
    /// Whether it is repeated until it passes or its time is up: a verify that changes something runs once.
    pub fn is_repeated(&self) -> bool {
        self.role == Role::Verify && self.effect == Effect::Reads
    }
}

impl Plan {
    /// The shortest time to recovery that is wanted.
    pub fn recovery_limit(&self) -> Option<Duration> {
        self.procedure.targets.iter().filter_map(Target::recovery_limit).min()
    }

    /// Whether there is a fallback that may be taken when `verify` fails.
    pub fn has_fallback_for(&self, verify: StepId) -> bool {
        self.steps.iter().any(|step| step.fallback_of().is_some_and(|of| of <= verify))
    }

    /// How long a verify is repeated that starts when `gone` of the target's time is over. While a fallback
    /// `stands` that could be taken instead, that must leave time for it.
    pub fn verify_window(&self, stands: bool, gone: Duration) -> Duration {
        match (self.verify_timeout, self.recovery_limit()) {
            (Some(given), _) => given,
            (None, Some(limit)) if stands => (limit.saturating_sub(gone) / 2).max(LEAST),
            (None, None) if stands => BEFORE_FALLBACK,
            (None, Some(limit)) => (limit * 2).max(ALONE),
            (None, None) => ALONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{act, fallback, plan, target as wanted, verify};
    use super::*;

    #[test]
    fn a_standing_fallback_is_left_time() {
        let seconds = Duration::from_secs;
        for (target, given, stands, gone, window) in [
            (None, None, false, 0, 60),
            (None, None, true, 0, 30),
            (Some(120), None, false, 0, 240),
            (Some(20), None, false, 0, 60),
            (Some(120), None, true, 0, 60),
            (Some(120), None, true, 40, 40),
            (Some(120), None, true, 110, 15),
            (Some(120), None, true, 500, 15),
            (Some(120), Some(7), true, 0, 7),
            (None, Some(7), false, 0, 7),
        ] {
            let mut plan = plan(vec![act("1"), fallback("2", 0), verify("3")]);
            plan.procedure.targets.extend(target.map(wanted));
            plan.verify_timeout = given.map(seconds);
            assert_eq!(
                plan.verify_window(stands, seconds(gone)),
                seconds(window),
                "{target:?} {given:?} {stands} {gone}"
            );
            assert!(plan.has_fallback_for(StepId(2)) && plan.step(StepId(2)).is_repeated());
        }
        assert!(!plan(vec![act("1"), verify("2")]).has_fallback_for(StepId(1)));
        assert!(!PlanStep { effect: Effect::Changes, ..verify("1") }.is_repeated());
    }
}
