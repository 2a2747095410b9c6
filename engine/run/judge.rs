//! What came of an attempt, from what its shell said. Pure.

use super::http::blames_the_request;
use crate::event::{NotTried, StatementStatus, StepResult};
use crate::host::processes::End;
use crate::plan::PlanStep;
use crate::run::session::Unit;
use crate::runbook::{ExitExpectation, Role};

/// One unit that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Its status.
    pub(super) status: i32,
    /// Its own program is missing or not executable.
    pub(super) missing: bool,
    /// The last response code a typed curl got in it.
    pub(super) http: Option<u16>,
}

/// What is known of an attempt that was not stopped.
#[derive(Debug)]
pub(super) struct Attempted<'a> {
    /// The step.
    pub(super) step: &'a PlanStep,
    /// Its text.
    pub(super) units: &'a [Unit],
    /// The units that are over, the one in which the shell ended included.
    pub(super) ran: &'a [Ran],
    /// How the shell ended, if it did.
    pub(super) shell: Option<End>,
}

impl Attempted<'_> {
    /// Status of each unit that ran.
    pub(super) fn statements(&self) -> Vec<StatementStatus> {
        let ran = self.units.iter().zip(self.ran);
        ran.map(|(unit, ran)| StatementStatus { line: unit.line, status: ran.status }).collect()
    }

    /// The statements that did not run.
    pub(super) fn not_run(&self) -> impl Iterator<Item = &String> {
        self.units.iter().skip(self.ran.len()).flat_map(|unit| &unit.statements)
    }

    /// What came of it.
    pub(super) fn result(&self) -> StepResult {
        if let Some(End::Signaled(signal)) = self.shell {
            return StepResult::Signaled { signal };
        }
        let status = self.status();
        let passes = match self.step.exit {
            Some(ExitExpectation::Any) => true,
            Some(ExitExpectation::Code(code)) => status == code,
            Some(ExitExpectation::Failure) => (1..=125).contains(&status),
            None => status == 0,
        };
        if passes { StepResult::Passed } else { StepResult::Failed { status, not_tried: self.not_tried() } }
    }

    /// A step that looks shows its worst status, any other the one it ended with.
    fn status(&self) -> i32 {
        match (self.shell, self.step.role) {
            (Some(end), _) => end.status(),
            (None, Role::Observe) => self.ran.iter().map(|ran| ran.status).max().unwrap_or(0),
            (None, _) => self.ran.last().map_or(0, |ran| ran.status),
        }
    }

    fn not_tried(&self) -> Option<NotTried> {
        let failed = self.ran.iter().rposition(|ran| ran.status != 0)?;
        let ran = &self.ran[failed];
        if ran.missing {
            let command = self.units[failed].program.clone().unwrap_or_default();
            return Some(NotTried::MissingCommand { command });
        }
        if let Some(code) = ran.http.filter(|code| blames_the_request(*code)) {
            return Some(NotTried::Http { code });
        }
        (self.ran.len() < self.units.len()).then_some(NotTried::EndedEarly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{act, observe};

    fn units(count: usize) -> Vec<Unit> {
        (1..=count)
            .map(|line| Unit {
                text: format!("c{line}"),
                line,
                program: Some(format!("c{line}")),
                statements: vec![format!("c{line}")],
            })
            .collect()
    }

    fn ran(status: i32) -> Ran {
        Ran { status, ..Ran::default() }
    }

    #[test]
    fn a_result_says_what_the_shell_said() {
        let failed = |status, not_tried| StepResult::Failed { status, not_tried };
        let exited = |status| Some(End::Exited(status));
        let any = PlanStep { exit: Some(ExitExpectation::Any), ..act("1") };
        let fails = PlanStep { exit: Some(ExitExpectation::Failure), ..act("1") };
        let three = PlanStep { exit: Some(ExitExpectation::Code(3)), ..act("1") };
        let http = |code| Ran { status: 22, missing: false, http: Some(code) };
        let missing = Ran { status: 127, missing: true, http: None };
        for (step, ran, shell, expected) in [
            (act("1"), vec![], None, StepResult::Passed),
            (act("1"), vec![ran(0), ran(0)], None, StepResult::Passed),
            (act("1"), vec![ran(0), ran(4)], exited(4), failed(4, None)),
            (act("1"), vec![ran(4)], exited(4), failed(4, Some(NotTried::EndedEarly))),
            (act("1"), vec![ran(0)], exited(0), StepResult::Passed),
            (act("1"), vec![ran(1), ran(0)], None, StepResult::Passed),
            (observe("1"), vec![ran(2), ran(0)], None, failed(2, None)),
            (observe("1"), vec![ran(2), ran(7), ran(1)], None, failed(7, None)),
            (
                act("1"),
                vec![missing.clone()],
                exited(127),
                failed(127, Some(NotTried::MissingCommand { command: "c1".into() })),
            ),
            (act("1"), vec![ran(127), ran(127)], exited(127), failed(127, None)),
            (act("1"), vec![http(404)], exited(22), failed(22, Some(NotTried::Http { code: 404 }))),
            (act("1"), vec![ran(0), http(500)], exited(22), failed(22, None)),
            (act("1"), vec![ran(9)], Some(End::Signaled(9)), StepResult::Signaled { signal: 9 }),
            (any, vec![ran(1), ran(1)], exited(1), StepResult::Passed),
            (three.clone(), vec![ran(0), ran(3)], exited(3), StepResult::Passed),
            (three, vec![ran(0), ran(0)], None, failed(0, None)),
            (fails.clone(), vec![ran(0), ran(1)], exited(1), StepResult::Passed),
            (fails.clone(), vec![ran(0), ran(0)], None, failed(0, None)),
            (fails, vec![ran(127), ran(127)], exited(127), failed(127, None)),
        ] {
            let units = units(2.max(ran.len()));
            let attempted = Attempted { step: &step, units: &units, ran: &ran, shell };
            assert_eq!(attempted.result(), expected, "{ran:?} {shell:?}");
        }
    }

    #[test]
    fn statements_have_their_lines_and_those_that_did_not_run_their_text() {
        let (units, step, ran) = (units(3), act("1"), [ran(0), ran(5)]);
        let attempted = Attempted { step: &step, units: &units, ran: &ran, shell: Some(End::Exited(5)) };
        let statements = attempted.statements();
        assert_eq!(statements[1], StatementStatus { line: 2, status: 5 });
        assert_eq!(
            (statements.len(), attempted.not_run().map(String::as_str).collect::<Vec<_>>()),
            (2, vec!["c3"])
        );
    }
}
