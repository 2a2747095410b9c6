//! A plan: one procedure with its parameters bound, ready to run.

use crate::runbook::{
    ExitExpectation, Expectation, Inference, Note, Phase, ProcedureKind, Role, Severity, Target,
};
use crate::shell::Effect;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Names a step of a plan: its index in [`Plan::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl StepId {
    /// The step's index in [`Plan::steps`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One procedure with its parameters bound.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose plan it is.
    pub procedure: ProcedureHeader,
    /// Steps in document order; [`StepId`] indexes them.
    pub steps: Vec<PlanStep>,
    /// The procedure's parameters, bound or open.
    pub parameters: Vec<BoundParameter>,
    /// Texts printed before the first step.
    pub notes: Vec<Note>,
    /// Blocks of the procedure that are no steps, and are not run.
    pub not_run: Vec<NotRun>,
    /// SHA-256 of the document, in hex.
    pub document_sha256: String,
    /// Directory the session starts in.
    pub workdir: PathBuf,
    /// Longest time the verification may take over all its attempts, when the caller set one.
    pub verify_timeout: Option<Duration>,
}

impl Plan {
    /// The step `id` names.
    pub fn step(&self, id: StepId) -> &PlanStep {
        &self.steps[id.index()]
    }

    /// Every step with its id, in document order.
    pub fn iter(&self) -> impl Iterator<Item = (StepId, &PlanStep)> {
        (0..).map(StepId).zip(&self.steps)
    }

    /// The parameters that have no value yet.
    pub fn open_parameters(&self) -> impl Iterator<Item = &BoundParameter> {
        self.parameters.iter().filter(|parameter| parameter.value.is_none())
    }

    /// The step written as `id` or labelled `slug`.
    pub fn find(&self, name: &str) -> Option<StepId> {
        self.iter()
            .find(|(_, step)| step.id == name)
            .or_else(|| self.iter().find(|(_, step)| step.slug == name))
            .map(|(id, _)| id)
    }

    /// The failures that a success of `step` makes good: of a fallback that for which it was taken, those
    /// that led there, and what else was tried for them.
    pub fn made_good_by(&self, step: StepId) -> Vec<StepId> {
        let mut good = Vec::new();
        let mut of = self.step(step).fallback_of();
        while let Some(failed) = of {
            let others = self.iter().filter(|(_, other)| other.fallback_of() == Some(failed));
            good.push(failed);
            good.extend(others.map(|(other, _)| other));
            of = self.step(failed).fallback_of();
        }
        good
    }
}

/// What a plan keeps of its procedure.
#[derive(Clone, Debug)]
pub struct ProcedureHeader {
    /// Its slug.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Alert or operation.
    pub kind: ProcedureKind,
    /// The document, as given.
    pub file: PathBuf,
    /// Line of its heading.
    pub line: usize,
    /// Severity, if stated.
    pub severity: Option<Severity>,
    /// Targets.
    pub targets: Vec<Target>,
}

/// A block of code that is shown with the procedure and not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRun {
    /// Its line in the document.
    pub line: usize,
    /// Its language, where it is tagged.
    pub language: Option<String>,
}

/// One step, ready to run.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// Its number: `3`, `3.1`.
    pub id: String,
    /// Its slug, which names it too.
    pub slug: String,
    /// One line for a person.
    pub label: String,
    /// Line in the document.
    pub line: usize,
    /// Where it belongs.
    pub phase: Phase,
    /// What it is for.
    pub role: Role,
    /// What its commands do.
    pub effect: Effect,
    /// How it is reached.
    pub reach: PlanReach,
    /// Optional: run at its place if it reads, else asked for.
    pub optional: bool,
    /// Labelled emergency or last resort.
    pub emergency: bool,
    /// Steps that must be over before it; by default the plain step before it.
    pub needs: Vec<StepId>,
    /// What is done.
    pub work: Work,
    /// Runs also after a failure or a stop.
    pub always: bool,
    /// Attempts after the first, for an act.
    pub retry: u32,
    /// Pause between attempts.
    pub every: Duration,
    /// Longest time one attempt may take.
    pub timeout: Duration,
    /// Which exit status passes; 0 unless told.
    pub exit: Option<ExitExpectation>,
    /// Expected output.
    pub expectation: Option<Expectation>,
    /// Texts printed just before it.
    pub notes: Vec<Note>,
    /// What was inferred, with its line.
    pub inferred: Vec<Inference>,
    /// Names of the parameters in its text.
    pub parameters: Vec<String>,
    /// Reason not to run it at all, from `ignore`.
    pub ignored: Option<String>,
}

impl PlanStep {
    /// The step it is a fallback of.
    pub fn fallback_of(&self) -> Option<StepId> {
        match self.reach {
            PlanReach::Fallback { of } => Some(of),
            _ => None,
        }
    }

    /// Whether it is reached in its turn, unconditionally.
    pub fn is_plain(&self) -> bool {
        self.reach == PlanReach::Plain && !self.optional
    }

    /// Its shell text, if it runs one.
    pub fn shell(&self) -> Option<&ShellWork> {
        match &self.work {
            Work::Shell(work) => Some(work),
            Work::Manual { .. } | Work::Notes => None,
        }
    }
}

/// How a step of a plan is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanReach {
    /// In its turn.
    Plain,
    /// When `of` failed.
    Fallback {
        /// The step whose failure leads here.
        of: StepId,
    },
    /// When `of` passed (declared `when=passed(…)`).
    AfterPass {
        /// The step whose success leads here.
        of: StepId,
    },
    /// Part of what `of` began: when `of` was reached and did not fail as an act or verify.
    With {
        /// The fallback, decision or arm that began it.
        of: StepId,
    },
    /// When the question is answered yes.
    Decision {
        /// The condition as written.
        question: String,
        /// The act or verify whose failure is a yes, whose success is a no.
        known_by: Option<StepId>,
        /// The decision whose opposite this is.
        otherwise_of: Option<StepId>,
        /// The answer given before the start (`--decide STEP=yes|no`).
        given: Option<bool>,
    },
    /// One arm of a choice.
    Arm {
        /// Id of the group.
        group: String,
        /// Number of this arm, from 1.
        arm: usize,
        /// The comment that introduces it.
        text: String,
        /// The arm chosen before the start (`--decide GROUP=N`; 0 is none of them).
        given: Option<usize>,
    },
}

/// What a step of a plan does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Runs shell text.
    Shell(ShellWork),
    /// A person does this.
    Manual {
        /// The instruction.
        text: String,
        /// `--assume-done` was given for it.
        assumed_done: bool,
    },
    /// Prints its notes when reached and never waits.
    Notes,
}

/// Shell text, bound.
#[derive(Clone, Debug)]
pub struct ShellWork {
    /// The text with every given parameter in place, secrets included: never shown as it is.
    pub script: String,
    /// The same text with secrets masked as `******`; what people and records see.
    pub shown: String,
    /// Whether a placeholder in it is still open.
    pub open: bool,
    /// Its top-level statements, each with its line in the document.
    pub statements: Vec<PlanStatement>,
    /// How it runs.
    pub mode: RunMode,
    /// Shell options switched on for it (`errexit`, `pipefail`, `nounset`).
    pub options: Vec<String>,
    /// Programs and script paths its own text names, for the preflight.
    pub programs: Vec<Program>,
    /// Lines meant for an opened remote shell: shown, never run.
    pub remote_lines: Vec<String>,
    /// By its text, it leaves the shell as it was: see [`leaves_no_trace`](crate::shell::leaves_no_trace).
    pub traceless: bool,
}

/// One top-level statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStatement {
    /// Its text.
    pub text: String,
    /// Line of its first character in the document.
    pub line: usize,
    /// Literal program of its last plain command, such as `./scripts/x.sh`.
    pub program: Option<String>,
}

/// A program a step's text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// As written: `curl`, `./scripts/auto_recover.sh`.
    pub name: String,
    /// Line in the document.
    pub line: usize,
    /// An earlier statement may create it or change directory before it: not checked.
    pub uncertain: bool,
}

/// How shell text runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// Once, under the step's timeout.
    Once,
    /// Repeated until the time box (the step's timeout) is over; its last status counts.
    Repeat {
        /// Time between two runs.
        every: Duration,
    },
    /// Stopped after the time box (the step's timeout), which is no failure.
    TimeBox,
    /// With the terminal.
    Interactive,
}

impl RunMode {
    /// Whether the step's timeout is how long it is watched.
    pub fn has_time_box(self) -> bool {
        matches!(self, Self::Repeat { .. } | Self::TimeBox)
    }
}

/// A parameter and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundParameter {
    /// Its folded name.
    pub name: String,
    /// Its flag.
    pub flag: String,
    /// Its value, if one was given. Secret values are in here: never print this.
    pub value: Option<String>,
    /// Where the value came from: `flag`, `--param`, `--params`, `environment`, `default`, `asked`.
    pub origin: Option<String>,
    /// Never shown.
    pub secret: bool,
    /// Session variable to set, when the document writes it `$NAME`.
    pub variable: Option<String>,
    /// Line of its first place in the document.
    pub line: usize,
}
