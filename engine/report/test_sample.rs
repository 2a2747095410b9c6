//! A run of doc-tests as events, for the tests of every form.

use crate::check::outcome::{
    Problem, StepStatus, TestCase, TestEvent, TestFinished, TestStatus, TestStep, TestSummary,
};
use crate::check::{Diff, DiffLine};

fn case(file: &str, line: usize, procedure: &str, title: &str) -> TestCase {
    TestCase {
        file: file.into(),
        line,
        procedure: procedure.into(),
        title: title.into(),
        stage: false,
        fault: None,
        rerun: format!("runbook test {file} --procedure {procedure}"),
    }
}

fn step(id: &str, label: &str, line: usize, status: StepStatus) -> TestStep {
    TestStep {
        id: id.into(),
        label: label.into(),
        line,
        status,
        wall_ms: 20,
        problems: vec![],
        stdout: String::new(),
        stderr: String::new(),
        leaked: vec![],
    }
}

fn finished(test: usize, status: TestStatus, wall_ms: u64, steps: Vec<TestStep>) -> TestFinished {
    TestFinished { test, status, wall_ms, attempts: 1, slow: false, problems: vec![], steps, earlier: vec![] }
}

pub(crate) fn events() -> Vec<TestEvent> {
    let failed = TestStep {
        problems: vec![
            Problem { what: "it ended with status 22, expected status 0".into(), line: 66, diff: None },
            Problem {
                what: "the output is not the expected one".into(),
                line: 71,
                diff: Some(Diff {
                    line: 71,
                    lines: vec![
                        DiffLine::Same("id [..]".into()),
                        DiffLine::Missing("ok".into()),
                        DiffLine::Extra("failed \\e\\[31m (esc)".into()),
                    ],
                }),
            },
        ],
        stdout: "id 3\nfailed \u{1b}[31m".into(),
        stderr: "curl: (22) \u{7}refused\n".into(),
        ..step("2", "Force restart", 65, StepStatus::Failed)
    };
    let steps = vec![
        step("1", "Check engine status", 60, StepStatus::Passed),
        failed,
        step("3", "Call the CTO", 72, StepStatus::Manual),
        step("4", "Verify recovery", 80, StepStatus::NotRun),
    ];
    let slow = TestFinished {
        slow: true,
        ..finished(
            0,
            TestStatus::Passed,
            12_000,
            vec![TestStep {
                leaked: vec!["sleep (4711)".into()],
                ..step("1", "Look", 12, StepStatus::Passed)
            }],
        )
    };
    let flaky = TestFinished {
        attempts: 2,
        earlier: vec!["step 1: it ended with status 1, expected status 0".into()],
        ..finished(2, TestStatus::Flaky, 300, vec![step("1", "Back up", 5, StepStatus::Passed)])
    };
    let error = TestStatus::Error { reason: "the stage is not ready".into(), document: false };
    let all = vec![
        finished(1, TestStatus::Failed, 500, steps),
        slow,
        flaky,
        finished(3, error, 10, vec![]),
        finished(4, TestStatus::Ignored { reason: "destroys".into() }, 0, vec![]),
        finished(5, TestStatus::NotRun { reason: "--fail-fast".into() }, 0, vec![]),
    ];
    let summary = TestSummary::new(&all, 0, 13_000, None);
    let mut all = all.into_iter().map(|finished| TestEvent::Finished(Box::new(finished)));
    let mut events = vec![
        TestEvent::Discovered {
            tests: vec![
                case("bot.md", 9, "mttr-exceeded", "MTTR Exceeded"),
                case("bot.md", 49, "engine-restart-failed", "Engine Restart Failed"),
                case("db.md", 3, "backup", "Backup"),
                case("db.md", 20, "restore", "Restore"),
                case("db.md", 30, "drop", "Drop"),
                case("db.md", 40, "copy", "Copy"),
            ],
            files: 2,
            pages: 0,
        },
        TestEvent::Started { test: 0, attempt: 1 },
        TestEvent::Started { test: 1, attempt: 1 },
    ];
    events.extend(all.next());
    events.push(TestEvent::Slow { test: 0, elapsed_ms: 10_000 });
    events.extend(all);
    events.push(TestEvent::Summary(summary));
    events
}
