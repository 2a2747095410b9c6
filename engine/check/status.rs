//! How a step ended, judged against what the document expects of it.
//!
//! The status and the output are judged apart: neither hides the other, and a step passes when both
//! are as expected.

use super::Verdict;
use crate::runbook::ExitExpectation;
use std::fmt;

/// How a step's command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By a signal that the engine did not send.
    Signal(i32),
    /// Stopped at its time limit; carries the limit in milliseconds.
    TimedOut(u64),
    /// It could not be started at all.
    CouldNotStart(String),
}

/// Which ends of a step pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedEnd {
    /// Status 0.
    Success,
    /// Any status (`exit=any`). A signal, a time-out or a missing shell is not a status.
    AnyStatus,
    /// Just this status (`exit=N`).
    Status(i32),
    /// It must fail (`should-fail`): run, and end with a status from 1 to 125. A command that is
    /// missing (127) or cannot be executed (126) has not failed in the way that is meant.
    Failure,
}

impl ExpectedEnd {
    /// What a step's directive says. An `exit=` is more exact than `should-fail` and goes first.
    pub fn new(exit: Option<ExitExpectation>, should_fail: bool) -> Self {
        match exit {
            Some(ExitExpectation::Any) => Self::AnyStatus,
            Some(ExitExpectation::Code(code)) => Self::Status(code),
            Some(ExitExpectation::Failure) => Self::Failure,
            None if should_fail => Self::Failure,
            None => Self::Success,
        }
    }

    /// Whether `ended` is as expected.
    pub fn allows(self, ended: &Ended) -> bool {
        match (self, ended) {
            (Self::AnyStatus, Ended::Exit(_)) | (Self::Success, Ended::Exit(0)) => true,
            (Self::Status(wanted), Ended::Exit(status)) => wanted == *status,
            (Self::Failure, Ended::Exit(status)) => (1..=125).contains(status),
            _ => false,
        }
    }
}

impl fmt::Display for ExpectedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("status 0"),
            Self::AnyStatus => f.write_str("any status"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Failure => f.write_str("a failure (status 1 to 125)"),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(126) => f.write_str("status 126 (cannot be executed)"),
            Self::Exit(127) => f.write_str("status 127 (command not found)"),
            Self::Exit(status) => write!(f, "status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::TimedOut(limit) => write!(f, "a time-out after {limit} ms"),
            Self::CouldNotStart(why) => write!(f, "no start: {why}"),
        }
    }
}

/// Why a step's end is not as expected, in one line; `None` if it is.
///
/// ```
/// use runbook::check::{Ended, ExpectedEnd, wrong_end};
/// assert_eq!(wrong_end(ExpectedEnd::Success, &Ended::Exit(0)), None);
/// assert_eq!(
///     wrong_end(ExpectedEnd::Status(3), &Ended::Exit(1)).as_deref(),
///     Some("it ended with status 1, expected status 3")
/// );
/// ```
pub fn wrong_end(expected: ExpectedEnd, ended: &Ended) -> Option<String> {
    (!expected.allows(ended)).then(|| format!("it ended with {ended}, expected {expected}"))
}

/// Whether a step passes: its end and its output, if one is expected, are both as they should be.
pub fn passes(expected: ExpectedEnd, ended: &Ended, output: Option<&Verdict>) -> bool {
    expected.allows(ended) && output.is_none_or(Verdict::matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_as_expected_or_said_to_be_otherwise() {
        let exit = Some(ExitExpectation::Code(3));
        let any = Some(ExitExpectation::Any);
        let cases = [
            (None, false, Ended::Exit(0), None),
            (None, false, Ended::Exit(2), Some("it ended with status 2, expected status 0")),
            (None, false, Ended::Signal(9), Some("it ended with signal 9, expected status 0")),
            (exit, false, Ended::Exit(3), None),
            (exit, true, Ended::Exit(3), None),
            (exit, true, Ended::Exit(4), Some("it ended with status 4, expected status 3")),
            (any, false, Ended::Exit(77), None),
            (
                any,
                false,
                Ended::TimedOut(500),
                Some("it ended with a time-out after 500 ms, expected any status"),
            ),
            (
                any,
                false,
                Ended::CouldNotStart("no bash".into()),
                Some("it ended with no start: no bash, expected any status"),
            ),
            (None, true, Ended::Exit(1), None),
            (None, true, Ended::Exit(125), None),
            (
                None,
                true,
                Ended::Exit(0),
                Some("it ended with status 0, expected a failure (status 1 to 125)"),
            ),
            (
                None,
                true,
                Ended::Exit(127),
                Some("it ended with status 127 (command not found), expected a failure (status 1 to 125)"),
            ),
            (
                None,
                true,
                Ended::Signal(6),
                Some("it ended with signal 6, expected a failure (status 1 to 125)"),
            ),
        ];
        for (exit, should_fail, ended, wrong) in cases {
            let expected = ExpectedEnd::new(exit, should_fail);
            assert_eq!(wrong_end(expected, &ended).as_deref(), wrong, "{exit:?} {should_fail} {ended:?}");
        }
    }

    #[test]
    fn status_and_output_are_judged_apart() {
        let given_up = Verdict::GaveUp { why: String::new() };
        assert!(passes(ExpectedEnd::Success, &Ended::Exit(0), None));
        assert!(passes(ExpectedEnd::Success, &Ended::Exit(0), Some(&Verdict::Matched)));
        assert!(!passes(ExpectedEnd::Success, &Ended::Exit(1), Some(&Verdict::Matched)));
        assert!(!passes(ExpectedEnd::Success, &Ended::Exit(0), Some(&given_up)));
    }
}
