//! Runs against real bash: what carries from step to step, what ends a shell, what is recorded.

#![expect(clippy::disallowed_methods, reason = "tests look from outside at what the shell did")]

mod carries;
mod ends;
mod requests;
mod signals;
mod states;
mod stops;
mod streams;

use super::ask::Ask;
use super::local::{Run, execute};
use super::policy::{ConfirmPolicy, FailurePolicy, Policy, Question, Reply};
use super::recorder::{RecordError, Recorder};
use super::setup::SessionSetup;
use crate::event::{EventBody, RunFinished, RunStarted, StatementStatus, StepFinished, StepResult, Stream};
use crate::host::SystemClock;
use crate::plan::testing::{observe, plan};
use crate::plan::{PlanStatement, PlanStep, RunMode, ShellWork, StepId, Work};
use crate::shell;
use std::sync::Arc;

/// Options of acts and verifies.
const STRICT: [&str; 3] = ["errexit", "pipefail", "nounset"];

/// A step that runs `script`, which begins at line 1 of its document.
fn running(step: PlanStep, script: &str) -> PlanStep {
    let parsed = shell::parse(script);
    let line = |at: usize| step.line + script[..at].matches('\n').count();
    let statements = parsed.statements.iter().map(|statement| PlanStatement {
        text: script[statement.span.start..statement.span.end].to_owned(),
        line: line(statement.span.start),
        program: statement.commands.last().and_then(|command| command.program()).map(str::to_owned),
    });
    let options = if step.role == crate::runbook::Role::Observe { &[][..] } else { &STRICT };
    let work = ShellWork {
        script: script.into(),
        shown: script.into(),
        open: false,
        statements: statements.collect(),
        mode: RunMode::Once,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        programs: Vec::new(),
        remote_lines: Vec::new(),
        traceless: shell::leaves_no_trace(&parsed, script),
    };
    PlanStep { work: Work::Shell(work), ..step }
}

/// A step that looks.
fn look(script: &str) -> PlanStep {
    running(observe("1"), script)
}

/// A step that acts.
fn act(script: &str) -> PlanStep {
    running(crate::plan::testing::act("1"), script)
}

/// What a run left.
struct Ran {
    events: Vec<EventBody>,
    /// What was kept of what the shell was like, in order.
    states: Vec<String>,
    last: RunFinished,
}

impl Ran {
    /// What step `step` wrote to `stream`.
    fn output(&self, step: u32, wanted: Stream) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            EventBody::Output { step: of, stream, text, .. } if of.0 == step && *stream == wanted => {
                Some(text.as_str())
            }
            _ => None,
        });
        texts.collect()
    }

    fn stdout(&self, step: u32) -> String {
        self.output(step, Stream::Stdout)
    }

    fn stderr(&self, step: u32) -> String {
        self.output(step, Stream::Stderr)
    }

    /// How step `step` ended at last.
    fn end(&self, step: u32) -> &StepFinished {
        let ends = self.events.iter().rev().find_map(|event| match event {
            EventBody::StepFinished(finished) if finished.step == StepId(step) => Some(&**finished),
            _ => None,
        });
        ends.unwrap_or_else(|| panic!("step {step} ended: {:#?}", self.events))
    }

    fn result(&self, step: u32) -> &StepResult {
        &self.end(step).result
    }

    fn statuses(&self, step: u32) -> Vec<i32> {
        self.end(step).statements.iter().map(|StatementStatus { status, .. }| *status).collect()
    }

    fn notes(&self) -> Vec<&str> {
        let notes = self.events.iter().filter_map(|event| match event {
            EventBody::Note { text, .. } => Some(text.as_str()),
            _ => None,
        });
        notes.collect()
    }
}

/// Keeps events in memory; may fail, or do something, at some of them.
struct Memory<'a> {
    events: Vec<EventBody>,
    states: Vec<String>,
    at: &'a mut dyn FnMut(&EventBody) -> Result<(), RecordError>,
}

impl Recorder for Memory<'_> {
    fn record(&mut self, body: EventBody, _mono_ms: u64, _durable: bool) -> Result<(), RecordError> {
        (self.at)(&body)?;
        self.events.push(body);
        Ok(())
    }

    fn keep_state(&mut self, script: &str) -> std::io::Result<String> {
        self.states.push(script.to_owned());
        Ok(self.states.len().to_string())
    }
}

/// Nobody is there.
struct Nobody;

impl Ask for Nobody {
    fn ask(&mut self, question: &Question, _mono_ms: u64) -> std::io::Result<Reply> {
        panic!("nobody can answer {question:?}")
    }
}

fn setup() -> SessionSetup {
    SessionSetup { grace: std::time::Duration::from_millis(300), ..SessionSetup::new("bash", "/", "doc.md") }
}

fn run(steps: Vec<PlanStep>) -> Ran {
    run_with(setup(), false, steps, &mut |_| Ok(()))
}

/// Nobody is asked anything.
const POLICY: Policy = Policy {
    confirm: ConfirmPolicy::Never,
    yes: true,
    unattended: true,
    stage: false,
    failing: FailurePolicy::ByRole,
};

fn run_with(
    session: SessionSetup,
    stage: bool,
    steps: Vec<PlanStep>,
    at: &mut dyn FnMut(&EventBody) -> Result<(), RecordError>,
) -> Ran {
    let policy = Policy { stage, ..POLICY };
    let mut recorder = Memory { events: Vec::new(), states: Vec::new(), at };
    let last = execute(Run {
        plan: Arc::new(plan(steps)),
        policy,
        opening: vec![opening()],
        past: &[],
        clock_ms: 0,
        session,
        begun: None,
        recorder: &mut recorder,
        ask: Box::new(Nobody),
        clock: &SystemClock::new(),
    })
    .expect("bash is everywhere");
    Ran { events: recorder.events, states: recorder.states, last }
}

fn opening() -> EventBody {
    EventBody::RunStarted(Box::new(RunStarted {
        run: "r".into(),
        procedure: "p".into(),
        title: "P".into(),
        file: "doc.md".into(),
        line: 1,
        document_sha256: String::new(),
        severity: None,
        targets: Vec::new(),
        parameters: Default::default(),
        mode: "exec".into(),
        unattended: true,
        workdir: "/".into(),
        user: "u".into(),
        host: "h".into(),
        engine: "0".into(),
        pid: 1,
        escalation_row: None,
        detected_at: None,
        before_ms: 0,
        verify_timeout_ms: None,
        steps: Vec::new(),
    }))
}
