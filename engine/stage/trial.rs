//! The verdict on one trial of a scenario, from the events of its rehearsal. Pure.

use super::scenario::Scenario;
use crate::event::{Event, EventBody, Purpose, RunFinished, RunStarted};
use crate::report::chaos::{Branch, Status, Trial};

/// What the process that rehearsed has left.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its events, as far as they came.
    pub events: Vec<Event>,
    /// What it said besides, on standard error.
    pub said: String,
    /// How it ended, in a few words.
    pub ended: String,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
}

/// A trial of `scenario` that never began.
pub fn not_begun(scenario: &Scenario, number: usize, reason: String) -> Trial {
    Trial {
        scenario: scenario.name.value.clone(),
        procedure: scenario.procedure.value.clone(),
        fault: scenario.fault.value.clone(),
        trial: number,
        status: Status::Fail,
        error: true,
        reason: Some(reason),
        expected: Some(scenario.branch.value),
        branch: None,
        exit: None,
        outcome: None,
        run: None,
        wall_ms: 0,
        recovered_ms: None,
        targets: Vec::new(),
    }
}

/// The verdict on trial `number` of `scenario`.
pub fn judge(scenario: &Scenario, number: usize, told: &Told) -> Trial {
    let mut trial = Trial { wall_ms: told.wall_ms, ..not_begun(scenario, number, String::new()) };
    let mut seen = Seen::default();
    for event in &told.events {
        seen.take_in(&event.body);
    }
    if let Some(started) = seen.started {
        trial.run = Some(started.run.clone());
        trial.procedure.clone_from(&started.title);
    }
    let Some(finished) = seen.finished else {
        let said = told.said.lines().map(str::trim).find(|line| !line.is_empty());
        let said = said.map(|line| format!(": {line}")).unwrap_or_default();
        trial.reason = Some(format!("{} before it could be judged{said}", told.ended));
        return trial;
    };
    let rehearsal = finished.rehearsal.as_ref();
    trial.exit = rehearsal.and_then(|it| it.exec_exit);
    if trial.exit.is_some() {
        trial.branch = Some(seen.branch());
        trial.outcome = Some(finished.outcome);
        trial.recovered_ms = finished.recovered_ms;
        trial.targets.clone_from(&finished.targets);
    }
    let mut reasons = rehearsal.map(|it| it.reasons.clone()).unwrap_or_default();
    let passed = rehearsal.is_some_and(|it| it.passed);
    if !passed && reasons.is_empty() {
        reasons.push(finished.summary.clone());
    }
    reasons.extend(trial.branch.and_then(|_| seen.other_branch(scenario.branch.value)));
    reasons.extend(other_end(scenario, &trial));
    trial.error = trial.exit.is_none() || seen.injected && !seen.taken_away;
    if reasons.is_empty() {
        trial.status = Status::Pass;
    }
    trial.reason = (!reasons.is_empty()).then(|| reasons.join("\n"));
    trial
}

/// What is wrong with the end of the run.
fn other_end(scenario: &Scenario, trial: &Trial) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(wanted), Some(exit)) = (scenario.expect.exit, trial.exit)
        && wanted != exit
    {
        found.push(format!("the scenario expects that exec would exit {wanted}; it would exit {exit}"));
    }
    if let (Some(wanted), Some(outcome)) = (scenario.expect.outcome, trial.outcome)
        && wanted != outcome
    {
        let (wanted, outcome) = (name(wanted), name(outcome));
        found.push(format!("the scenario expects the outcome `{wanted}`; it was `{outcome}`"));
    }
    found
}

/// An outcome as it is written in files.
fn name(outcome: crate::event::Outcome) -> String {
    let text = serde_json::to_string(&outcome).unwrap_or_default();
    text.trim_matches('"').to_owned()
}

/// What the events show.
#[derive(Default)]
struct Seen<'a> {
    started: Option<&'a RunStarted>,
    finished: Option<&'a RunFinished>,
    /// The first step that ran as a fallback.
    fallback: Option<usize>,
    injected: bool,
    taken_away: bool,
}

impl<'a> Seen<'a> {
    fn take_in(&mut self, body: &'a EventBody) {
        match body {
            EventBody::RunStarted(started) => self.started = Some(started),
            EventBody::RunFinished(finished) => self.finished = Some(finished),
            EventBody::StepStarted { step, purpose: Purpose::Fallback, .. } => {
                self.fallback.get_or_insert(step.index());
            }
            EventBody::Fault { what, .. } if what.starts_with("injected") => self.injected = true,
            EventBody::Fault { what, .. } if what == "taken away" => self.taken_away = true,
            EventBody::StepStarted { .. }
            | EventBody::Fault { .. }
            | EventBody::Output { .. }
            | EventBody::StepFinished(_)
            | EventBody::StepRetrying { .. }
            | EventBody::StepSkipped { .. }
            | EventBody::Decision { .. }
            | EventBody::Confirmation { .. }
            | EventBody::Target { .. }
            | EventBody::Stage { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::Resume { .. }
            | EventBody::Cancel { .. }
            | EventBody::Unknown => {}
        }
    }

    fn branch(&self) -> Branch {
        if self.fallback.is_some() { Branch::Fallback } else { Branch::Main }
    }

    /// What is wrong with the branch that was taken.
    fn other_branch(&self, wanted: Branch) -> Option<String> {
        match (wanted, self.fallback) {
            (Branch::Main, Some(step)) => {
                let step = self.started.and_then(|started| started.steps.get(step));
                let step = step.map(|step| format!("step {} `{}`", step.id, step.label));
                let step = step.unwrap_or_else(|| "a step".to_owned());
                Some(format!("the scenario expects the main branch; {step} was taken as a fallback"))
            }
            (Branch::Fallback, None) => {
                Some("the scenario expects the fallback branch; no fallback was taken".to_owned())
            }
            (Branch::Main, None) | (Branch::Fallback, Some(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, RehearsalVerdict, VERSION};
    use crate::plan::StepId;
    use crate::report::sample;
    use crate::source::Source;

    fn scenario(changes: &str) -> Scenario {
        let text = format!("name: s\nprocedure: P\nfault: broken\n{changes}\n");
        let source = Source::new("s.yaml", text.into_bytes()).expect("is UTF-8");
        Scenario::read(&source).expect("is valid")
    }

    fn verdict(passed: bool, exec_exit: Option<i32>, reasons: &[&str]) -> RehearsalVerdict {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        RehearsalVerdict { fault: "broken".to_owned(), passed, exec_exit, reasons }
    }

    /// A rehearsal of the sample's procedure that ended with `verdict`, with the fallback taken or not.
    fn told(verdict: RehearsalVerdict, fallback: bool, taken_away: bool) -> Told {
        let Some(EventBody::RunFinished(mut finished)) = sample::recovered().pop().map(|event| event.body)
        else {
            unreachable!("a sample run ends")
        };
        finished.rehearsal = Some(verdict);
        let fault = |what: &str| EventBody::Fault { fault: "broken".to_owned(), what: what.to_owned() };
        let mut bodies =
            vec![EventBody::RunStarted(Box::new(sample::started())), fault("injected: it breaks")];
        if fallback {
            bodies.push(EventBody::StepStarted {
                step: StepId(2),
                attempt: 1,
                purpose: Purpose::Fallback,
                script: None,
                timeout_ms: 1,
            });
        }
        bodies.extend(taken_away.then(|| fault("taken away")));
        bodies.push(EventBody::RunFinished(finished));
        let event =
            |(seq, body)| Event { v: VERSION, seq, at: String::new(), mono_ms: 0, body, prev: String::new() };
        Told {
            events: (0..).zip(bodies).map(event).collect(),
            said: String::new(),
            ended: "it ended with 0".to_owned(),
            wall_ms: 7,
        }
    }

    #[test]
    fn a_trial_is_judged_by_its_rehearsal_its_branch_and_its_end() {
        let wrong_branch = "the scenario expects the main branch; step 3 `If persistent, activate kill switch` was \
                            taken as a fallback";
        for (scenario_text, told, status, error, reason) in [
            ("branch: main", told(verdict(true, Some(0), &[]), false, true), Status::Pass, false, None),
            ("branch: fallback", told(verdict(true, Some(0), &[]), true, true), Status::Pass, false, None),
            (
                "branch: main",
                told(verdict(true, Some(0), &[]), true, true),
                Status::Fail,
                false,
                Some(wrong_branch),
            ),
            (
                "branch: fallback",
                told(verdict(true, Some(0), &[]), false, true),
                Status::Fail,
                false,
                Some("the scenario expects the fallback branch; no fallback was taken"),
            ),
            (
                "branch: main\nexpect: {exit: 4, outcome: contained}",
                told(verdict(true, Some(0), &[]), false, true),
                Status::Fail,
                false,
                Some(
                    "the scenario expects that exec would exit 4; it would exit 0\nthe scenario expects the outcome \
                     `contained`; it was `verified`",
                ),
            ),
            (
                "branch: main\nexpect: {exit: 0, outcome: verified}",
                told(verdict(true, Some(0), &[]), false, true),
                Status::Pass,
                false,
                None,
            ),
            (
                "branch: main",
                told(verdict(false, Some(0), &["no cure"]), false, true),
                Status::Fail,
                false,
                Some("no cure"),
            ),
            (
                "branch: main",
                told(verdict(false, Some(0), &["the fault could not be taken away: exit 1"]), false, false),
                Status::Fail,
                true,
                Some("the fault could not be taken away: exit 1"),
            ),
            (
                "branch: fallback",
                told(verdict(false, None, &["the symptom was never seen within 10 s"]), false, true),
                Status::Fail,
                true,
                Some("the symptom was never seen within 10 s"),
            ),
        ] {
            let trial = judge(&scenario(scenario_text), 2, &told);
            assert_eq!((trial.status, trial.error), (status, error), "{trial:?}");
            assert_eq!(trial.reason.as_deref(), reason);
            assert_eq!((trial.trial, trial.wall_ms), (2, 7));
            assert_eq!(trial.procedure, "Engine Restart Failed");
        }
    }

    #[test]
    fn a_trial_that_was_judged_has_its_figures() {
        let trial = judge(&scenario("branch: fallback"), 1, &told(verdict(true, Some(0), &[]), true, true));
        assert_eq!((trial.branch, trial.expected), (Some(Branch::Fallback), Some(Branch::Fallback)));
        assert_eq!((trial.exit, trial.outcome), (Some(0), Some(Outcome::Verified)));
        assert!(trial.recovered_ms.is_some() && !trial.targets.is_empty() && trial.run.is_some());
        let none = judge(&scenario("branch: main"), 1, &told(verdict(false, None, &["no"]), false, true));
        assert_eq!((none.branch, none.outcome, none.recovered_ms), (None, None, None));
    }

    #[test]
    fn a_trial_without_an_end_says_what_it_was_told() {
        let mut broken = told(verdict(true, Some(0), &[]), false, true);
        broken.events.pop();
        broken.ended = "it was killed by signal 9".to_owned();
        let trial = judge(&scenario("branch: main"), 1, &broken);
        assert_eq!(trial.reason.as_deref(), Some("it was killed by signal 9 before it could be judged"));
        broken.events.clear();
        broken.ended = "it ended with 2".to_owned();
        broken.said = "\nerror: `x` needs a value for `y` (line 3)\nhint: add --y VALUE\n".to_owned();
        let trial = judge(&scenario("branch: main"), 1, &broken);
        assert_eq!(
            trial.reason.as_deref(),
            Some("it ended with 2 before it could be judged: error: `x` needs a value for `y` (line 3)")
        );
        assert_eq!((trial.status, trial.error, trial.procedure.as_str()), (Status::Fail, true, "P"));
    }
}
