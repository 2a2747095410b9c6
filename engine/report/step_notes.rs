//! What is to be said of an attempt beyond its result: why, what did not run, what is missing.

use super::record::Attempt;
use super::style::one_line;
use super::words;
use crate::event::StepResult;

/// What is lost with a shell that a step ended.
pub(crate) const LOST: &str =
    "it ended the shell: what it set there (variables, functions, directory) is lost";

/// The notes of one attempt, one line each; none while it runs.
pub fn notes(attempt: &Attempt) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(end) = &attempt.finished else { return notes };
    if let StepResult::Failed { not_tried: Some(why), .. } = &end.result {
        notes.push(words::could_not_be_tried(why, end));
    }
    if !end.result.passed() {
        let bad = end.statements.iter().filter(|statement| statement.status != 0);
        notes.extend(bad.map(|statement| format!("line {}: status {}", statement.line, statement.status)));
    }
    notes.extend(end.not_run.iter().map(|text| format!("not run: {}", one_line(text))));
    for (bytes, name) in end.dropped_bytes.iter().zip(["output", "error output"]) {
        if *bytes > 0 {
            notes.push(format!("{bytes} bytes of its {name} are not in the record"));
        }
    }
    if attempt.lost {
        notes.push(LOST.to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::event::{NotTried, Purpose, StatementStatus, StepFinished};

    fn attempt(end: StepFinished, lost: bool) -> Attempt {
        Attempt { purpose: Purpose::Plan, started_ms: 0, ended_ms: None, finished: Some(end), lost }
    }

    #[test]
    fn what_an_attempt_did_not_do_is_said() {
        let not_tried = Some(NotTried::Http { code: 404 });
        let end = StepFinished {
            statements: vec![StatementStatus { line: 7, status: 22 }],
            not_run: vec!["sleep 5\nsleep 6".into()],
            dropped_bytes: [10, 0],
            shell_ended: true,
            ..sample::finished(0, StepResult::Failed { status: 22, not_tried }, 1)
        };
        assert_eq!(
            notes(&attempt(end.clone(), true)),
            [
                "it could not really be tried: the request itself was refused (HTTP 404)",
                "line 7: status 22",
                "not run: sleep 5 sleep 6",
                "10 bytes of its output are not in the record",
                "it ended the shell: what it set there (variables, functions, directory) is lost",
            ]
        );
        let early = StepResult::Failed { status: 1, not_tried: Some(NotTried::EndedEarly) };
        let stopped = StepFinished { result: early, shell_ended: false, ..end.clone() };
        assert_eq!(notes(&attempt(stopped, false))[0], "it stopped at line 7, before its last command");
        assert_eq!(notes(&attempt(end, false)).len(), 4, "a failure that lost nothing is just that");
        assert_eq!(notes(&attempt(sample::finished(0, StepResult::Passed, 1), false)), Vec::<String>::new());
    }
}
