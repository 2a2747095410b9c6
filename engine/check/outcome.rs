//! What a run of doc-tests says of itself: events for its reporters, and the count that decides.
//!
//! Events own their data and name a test by its position in [`TestEvent::Discovered`]. Nothing here
//! runs or prints anything.

use super::Diff;
use serde::{Deserialize, Serialize};

/// One event of a run of doc-tests, in the order they happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TestEvent {
    /// What was found, before anything runs. Always first.
    Discovered {
        /// Every procedure, in document order.
        tests: Vec<TestCase>,
        /// Number of files with them.
        files: usize,
        /// Number of files of which only the links are checked: the project names others.
        #[serde(skip_serializing_if = "is_zero")]
        pages: usize,
    },
    /// A procedure starts.
    Started {
        /// Which.
        test: usize,
        /// From 1.
        attempt: u32,
    },
    /// A procedure runs longer than most do.
    Slow {
        /// Which.
        test: usize,
        /// Milliseconds so far.
        elapsed_ms: u64,
    },
    /// A procedure is over. Once for each.
    Finished(Box<TestFinished>),
    /// All is over. Always last.
    Summary(TestSummary),
}

/// One procedure as a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestCase {
    /// The document, as it was given.
    pub file: String,
    /// Line of its heading.
    pub line: usize,
    /// Its id.
    pub procedure: String,
    /// Its title.
    pub title: String,
    /// It runs on the stage that the project declares.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stage: bool,
    /// The fault that is injected before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The command that runs just this one again.
    pub rerun: String,
}

/// The end of one procedure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestFinished {
    /// Which.
    pub test: usize,
    /// What came of it.
    #[serde(flatten)]
    pub status: TestStatus,
    /// Wall time of all attempts.
    pub wall_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// It ran longer than most do.
    pub slow: bool,
    /// What is wrong besides its steps: the way it took, or what came of the fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Its steps, as they were in the last attempt.
    pub steps: Vec<TestStep>,
    /// What was wrong in the attempts before the last, one line each.
    pub earlier: Vec<String>,
}

/// What came of a procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TestStatus {
    /// Every step that ran passed, and one did.
    Passed,
    /// It passed, and failed before.
    Flaky,
    /// A step did not do what it should.
    Failed,
    /// It could not be tried: its stage failed, or its document has errors.
    Error {
        /// Why.
        reason: String,
        /// It is the document's fault, not the stage's.
        document: bool,
    },
    /// The document says to leave it out, or nothing in it can be run.
    Ignored {
        /// Why.
        reason: String,
    },
    /// The run ended before its turn.
    NotRun {
        /// Why.
        reason: String,
    },
}

/// One step of a procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestStep {
    /// Its number.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Its line.
    pub line: usize,
    /// What came of it.
    #[serde(flatten)]
    pub status: StepStatus,
    /// Wall time.
    pub wall_ms: u64,
    /// All that was wrong: status and output apart.
    pub problems: Vec<Problem>,
    /// The end of its standard output.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
    /// Processes that still held its output after its end: `sleep (4711)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaked: Vec<String>,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepStatus {
    /// It passed.
    Passed,
    /// It did not.
    Failed,
    /// It failed, its fallback passed, and that is the way that is tested.
    FellBack,
    /// A step before it failed.
    NotRun,
    /// The document says to leave it out.
    Ignored {
        /// Why.
        reason: String,
    },
    /// It takes a person.
    Manual,
    /// Its condition takes a person to decide.
    Undecided,
    /// Its condition did not hold.
    NotNeeded,
}

/// One thing that is wrong with a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One line, such as `it ended with status 1, expected status 0`.
    pub what: String,
    /// The line in the document that it contradicts.
    pub line: usize,
    /// The difference, if it is about the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
}

/// The count of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestSummary {
    /// Procedures that passed, flaky ones included.
    pub passed: usize,
    /// Those of them that had failed before.
    pub flaky: usize,
    /// Procedures that were slow, whatever came of them.
    pub slow: usize,
    /// Procedures that failed.
    pub failed: usize,
    /// Procedures that could not be tried because of their stage.
    pub stage_errors: usize,
    /// Procedures that could not be tried because of their document.
    pub document_errors: usize,
    /// Errors of documents that belong to none of the procedures.
    pub elsewhere: usize,
    /// Procedures that were left out.
    pub ignored: usize,
    /// Procedures whose turn did not come.
    pub not_run: usize,
    /// Steps that were left out in procedures that ran.
    pub ignored_steps: usize,
    /// Steps of procedures that ran which take a person, and were not done.
    pub manual_steps: usize,
    /// Steps of procedures that ran whose condition nobody decided.
    pub undecided_steps: usize,
    /// Wall time of the run.
    pub wall_ms: u64,
    /// The signal that stopped the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl TestSummary {
    /// Counts what is over.
    pub fn new(finished: &[TestFinished], elsewhere: usize, wall_ms: u64, signal: Option<i32>) -> Self {
        let mut summary = Self { elsewhere, wall_ms, signal, ..Self::default() };
        for test in finished {
            summary.slow += usize::from(test.slow);
            match &test.status {
                TestStatus::Passed => summary.passed += 1,
                TestStatus::Flaky => {
                    summary.passed += 1;
                    summary.flaky += 1;
                }
                TestStatus::Failed => summary.failed += 1,
                TestStatus::Error { document: true, .. } => summary.document_errors += 1,
                TestStatus::Error { document: false, .. } => summary.stage_errors += 1,
                TestStatus::Ignored { .. } => summary.ignored += 1,
                TestStatus::NotRun { .. } => summary.not_run += 1,
            }
            for step in &test.steps {
                match step.status {
                    StepStatus::Manual => summary.manual_steps += 1,
                    StepStatus::Undecided => summary.undecided_steps += 1,
                    StepStatus::Ignored { .. } => summary.ignored_steps += 1,
                    StepStatus::Passed
                    | StepStatus::Failed
                    | StepStatus::FellBack
                    | StepStatus::NotRun
                    | StepStatus::NotNeeded => {}
                }
            }
        }
        summary
    }

    /// Procedures that were tried.
    pub fn tried(&self) -> usize {
        self.passed + self.failed + self.stage_errors + self.document_errors
    }

    /// The exit code: 128+n, 3, 2, 6, 1, 0, the first that applies. It is 0 only if a procedure passed
    /// and nothing is wrong; that nothing was there to be tested is 2.
    pub fn exit_code(&self) -> i32 {
        if let Some(signal) = self.signal {
            return 128 + signal;
        }
        match self {
            Self { document_errors: 1.., .. } | Self { elsewhere: 1.., .. } => 3,
            _ if self.tried() == 0 && self.not_run == 0 => 2,
            Self { stage_errors: 1.., .. } => 6,
            Self { failed: 1.., .. } | Self { not_run: 1.., .. } => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn finished(test: usize, status: TestStatus) -> TestFinished {
        TestFinished {
            test,
            status,
            wall_ms: 40,
            attempts: 1,
            slow: false,
            problems: vec![],
            steps: vec![],
            earlier: vec![],
        }
    }

    #[test]
    fn the_exit_code_is_0_only_when_something_passed_and_nothing_is_wrong() {
        use TestStatus::{Failed, Flaky, Passed};
        let error = |document| TestStatus::Error { reason: String::new(), document };
        let ignored = || TestStatus::Ignored { reason: String::new() };
        let not_run = || TestStatus::NotRun { reason: String::new() };
        let cases = [
            (vec![], None, 2),
            (vec![ignored()], None, 2),
            (vec![Passed], None, 0),
            (vec![Passed, ignored()], None, 0),
            (vec![Flaky], None, 0),
            (vec![Passed, Failed], None, 1),
            (vec![not_run()], None, 1),
            (vec![Passed, not_run()], None, 1),
            (vec![Failed, error(false)], None, 6),
            (vec![Failed, error(false), error(true)], None, 3),
            (vec![error(true)], Some(2), 130),
        ];
        for (statuses, signal, code) in cases {
            let all: Vec<_> = statuses.iter().cloned().map(|status| finished(0, status)).collect();
            assert_eq!(TestSummary::new(&all, 0, 0, signal).exit_code(), code, "{statuses:?}");
        }
        assert_eq!(TestSummary::new(&[finished(0, Passed)], 1, 0, None).exit_code(), 3);
    }
}
