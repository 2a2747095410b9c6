//! Events and outcomes: what a run says of itself. Below `run` and `report`; imports neither.
//!
//! Events own their data and name steps by [`StepId`]; the journal writes them with the step's
//! number as text. A reader ignores types it does not know.

use crate::plan::{PlanStep, StepId};
use crate::runbook::Role;
use crate::shell::Effect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the event schema, in every line's `v`.
pub const VERSION: u32 = 1;

/// One event as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Schema version.
    pub v: u32,
    /// Position in the journal, from 0.
    pub seq: u64,
    /// Wall clock, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// Milliseconds since the run started, on a monotonic clock. After a resume it goes on from the last one.
    pub mono_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
    /// SHA-256 (hex) of the line before, without its newline; 64 zeros for the first.
    pub prev: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The run exists; nothing has started. Always first.
    RunStarted(Box<RunStarted>),
    /// A step is about to start. On disk before it does.
    StepStarted {
        /// Which step.
        step: StepId,
        /// From 1.
        attempt: u32,
        /// Why it runs.
        purpose: Purpose,
        /// What it runs: the shown script (secrets masked); `None` for a person's work.
        script: Option<String>,
        /// Time limit of this attempt in milliseconds.
        timeout_ms: u64,
    },
    /// A chunk of a step's output.
    Output {
        /// Which step.
        step: StepId,
        /// Which stream.
        stream: Stream,
        /// The text, secrets masked; bytes that are not UTF-8 are replaced by U+FFFD.
        text: String,
        /// It came after the step had ended, from a process the step left behind.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
    },
    /// A step ended.
    StepFinished(Box<StepFinished>),
    /// A step will be tried again.
    StepRetrying {
        /// Which step.
        step: StepId,
        /// The attempt to come.
        attempt: u32,
        /// Pause before it, in milliseconds.
        after_ms: u64,
        /// Why, in a few words.
        reason: String,
    },
    /// A step was passed over; terminal for it.
    StepSkipped {
        /// Which step.
        step: StepId,
        /// Why.
        reason: SkipReason,
        /// The person's words, or a detail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A decision was answered.
    Decision {
        /// Which step it leads to.
        step: StepId,
        /// Yes, no, or nobody said (not taken).
        answer: Answer,
        /// Who or what answered: `operator`, `--decide`, `step 2 failed`.
        by: String,
    },
    /// A person was asked before a step, or on its failure.
    Confirmation {
        /// Which step; none for the run as a whole.
        step: Option<StepId>,
        /// What was asked.
        question: String,
        /// What was answered.
        answer: Choice,
        /// `operator`, `--yes`, …
        by: String,
        /// Milliseconds a person took; human waiting time.
        waited_ms: u64,
        /// A reason or note the person gave; for `edited`, the edited script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A target was judged.
    Target {
        /// Its text.
        text: String,
        /// The verdict.
        verdict: TargetVerdict,
        /// Time that was compared, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elapsed_ms: Option<u64>,
        /// The limit, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_ms: Option<u64>,
    },
    /// Something about the stage (rehearsals).
    Stage {
        /// What.
        text: String,
    },
    /// A fault was injected, seen, or reverted.
    Fault {
        /// The fault's name.
        fault: String,
        /// What happened to it.
        what: String,
    },
    /// A remark: the document's note in its place, or a person's.
    Note {
        /// The step it belongs to.
        step: Option<StepId>,
        /// The text.
        text: String,
    },
    /// Somebody was told.
    Notification {
        /// Which notifier.
        notifier: String,
        /// What came of it.
        result: String,
    },
    /// The run is continued by another process.
    Resume {
        /// Number of complete events that were found.
        after: u64,
        /// SHA-256 of the document now.
        document_sha256: String,
        /// Step that was running and is unknown.
        unknown: Option<StepId>,
        /// Step from which on everything is done again, whatever came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StepId>,
    },
    /// The run was told to stop.
    Cancel {
        /// Why.
        cause: CancelCause,
    },
    /// The run is over. Always last, until the run is resumed.
    RunFinished(Box<RunFinished>),
    /// A type this version does not know.
    #[serde(other)]
    Unknown,
}

/// First event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run's id.
    pub run: String,
    /// Slug of the procedure.
    pub procedure: String,
    /// Its title.
    pub title: String,
    /// The document's path.
    pub file: String,
    /// Line of the procedure's heading.
    pub line: usize,
    /// SHA-256 of the document.
    pub document_sha256: String,
    /// Severity as written.
    pub severity: Option<String>,
    /// Row of the escalation matrix that the team gives this severity, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_row: Option<String>,
    /// When the alert fired, RFC 3339, if the caller knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<String>,
    /// How long before the start of the run that was, in milliseconds: times to recovery count from there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub before_ms: u64,
    /// Target texts.
    pub targets: Vec<String>,
    /// Parameters, secrets masked.
    pub parameters: BTreeMap<String, String>,
    /// `exec`, `rehearse`, `test`, `chaos`.
    pub mode: String,
    /// Nobody is asked anything.
    pub unattended: bool,
    /// Directory the session starts in.
    pub workdir: String,
    /// Longest time of a verification in milliseconds, where the caller said so: a resumed run keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_timeout_ms: Option<u64>,
    /// Who.
    pub user: String,
    /// Where.
    pub host: String,
    /// The engine's version.
    pub engine: String,
    /// The engine's process id.
    pub pid: u32,
    /// The plan's steps, so that a reader needs nothing else.
    pub steps: Vec<StepHeader>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What the journal keeps of a step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepHeader {
    /// Its number as text.
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// Its label.
    pub label: String,
    /// Line in the document.
    pub line: usize,
    /// Its role.
    pub role: Role,
    /// Its effect.
    pub effect: Effect,
    /// The step it is a fallback of.
    pub fallback_of: Option<StepId>,
}

impl From<&PlanStep> for StepHeader {
    fn from(step: &PlanStep) -> Self {
        Self {
            id: step.id.clone(),
            slug: step.slug.clone(),
            label: step.label.clone(),
            line: step.line,
            role: step.role,
            effect: step.effect,
            fallback_of: step.fallback_of(),
        }
    }
}

/// Why a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// In its turn.
    Plan,
    /// As a fallback.
    Fallback,
    /// Repeated after the acts, as evidence for a run without a verify.
    Evidence,
    /// It runs whatever happened.
    Always,
}

/// Output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// End of one attempt of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// Which step.
    pub step: StepId,
    /// Which attempt.
    pub attempt: u32,
    /// What came of it.
    pub result: StepResult,
    /// Wall time of the attempt in milliseconds.
    pub wall_ms: u64,
    /// Of which a person was waited for.
    #[serde(default)]
    pub human_ms: u64,
    /// Bytes written to standard output and standard error.
    #[serde(default)]
    pub output_bytes: [u64; 2],
    /// Bytes of them that were not recorded.
    #[serde(default)]
    pub dropped_bytes: [u64; 2],
    /// Status of each top-level statement that ran, with its line in the document.
    #[serde(default)]
    pub statements: Vec<StatementStatus>,
    /// Top-level statements that did not run, as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_run: Vec<String>,
    /// Response codes of typed curls that were wrapped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<u16>,
    /// The step ended the shell; the state from before it stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shell_ended: bool,
    /// Processes that still held its output 100 ms after its end: `sleep (4711)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaked: Vec<String>,
    /// Name of the shell's state after it, where that changed; empty where it could not be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl StepFinished {
    /// An attempt that nothing is known of yet, as not done.
    pub fn blank(step: StepId, attempt: u32) -> Self {
        Self {
            step,
            attempt,
            result: StepResult::LeftOpen,
            wall_ms: 0,
            human_ms: 0,
            output_bytes: [0, 0],
            dropped_bytes: [0, 0],
            statements: Vec::new(),
            not_run: Vec::new(),
            http: Vec::new(),
            shell_ended: false,
            leaked: Vec::new(),
            state: None,
        }
    }
}

/// Status of one top-level statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementStatus {
    /// Its line in the document.
    pub line: usize,
    /// Its exit status.
    pub status: i32,
}

/// What came of an attempt: "could not run", "ran and failed", "ran and did not match", "timed
/// out" and "unknown" are kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum StepResult {
    /// It ran and passed.
    Passed,
    /// It ran and its status is not the one that passes.
    Failed {
        /// The worst exit status.
        status: i32,
        /// It could not really be tried: no fallback is taken by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_tried: Option<NotTried>,
    },
    /// Its status passes and its output is not the expected one.
    Mismatched {
        /// The difference, as text.
        diff: String,
    },
    /// Stopped by the engine at its time limit.
    TimedOut {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// Its shell was killed by a signal that the engine did not send.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// Stopped because the run was told to stop.
    Cancelled,
    /// A person did it.
    Done {
        /// Their note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A person did not do it, or nobody was there.
    LeftOpen,
    /// It could not be started at all.
    CouldNotStart {
        /// Why.
        reason: String,
    },
    /// The engine died while it ran.
    Unknown,
}

impl StepResult {
    /// Whether the step did what it should.
    pub fn passed(&self) -> bool {
        matches!(self, Self::Passed | Self::Done { .. })
    }
}

/// Why an act could not really be tried (design §6.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NotTried {
    /// Its own command is missing or not executable.
    MissingCommand {
        /// As written.
        command: String,
    },
    /// A typed curl got a response that blames the request.
    Http {
        /// 400, 401, 403, 404, 405, 410 or 422.
        code: u16,
    },
    /// It ended before its last command.
    EndedEarly,
}

/// Why a step was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its condition did not hold: the step it is a fallback of did not fail, the decision was no.
    NotNeeded,
    /// A step before it failed.
    Blocked,
    /// Nobody answered its question.
    Undecided,
    /// Optional, and not asked for.
    Optional,
    /// A person declined it.
    Declined,
    /// A person skipped it after a failure.
    Operator,
    /// The run was told to stop.
    Cancelled,
    /// A fallback that was offered, and a person chose otherwise.
    NotTaken,
    /// No fallback is taken by itself, since the step before could not really be tried.
    NotTried,
    /// Nothing to do but read its notes, which were shown.
    Notes,
    /// The document says to ignore it.
    Ignored,
    /// It needs a terminal and there is none.
    NoTerminal,
}

/// An answer to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Taken.
    Yes,
    /// Not taken.
    No,
    /// Nobody said; not taken.
    Undecided,
}

/// What a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Go ahead.
    Yes,
    /// Do not.
    No,
    /// Try the failed step again.
    Retry,
    /// Edit the command and try again.
    Edit,
    /// It was done by hand.
    DoneByHand,
    /// Take the fallback.
    Fallback,
    /// Go on without it.
    Skip,
    /// Stop the run.
    Abort,
}

/// Verdicts on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetVerdict {
    /// Verified within it.
    Met,
    /// Beyond it.
    Missed,
    /// The last act ended within it; nothing verified it.
    WithinNotVerified,
    /// Not recovered, and the time was not over yet.
    NotReached,
    /// Nothing here measures it.
    NotMeasured,
}

/// Why a run was told to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum CancelCause {
    /// The engine got this signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Standard output or error was closed.
    OutputClosed,
    /// The journal could not be written.
    JournalFailed {
        /// Why.
        reason: String,
    },
    /// A person chose to abort.
    Operator,
}

/// Last event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// What came of it.
    pub outcome: Outcome,
    /// One line for a person, such as "recovered, verified by step 4".
    pub summary: String,
    /// The exit code.
    pub exit: i32,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Of which machines worked.
    pub machine_ms: u64,
    /// Of which people were waited for.
    pub human_ms: u64,
    /// Milliseconds of the run's clock at which the recovery was verified, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_ms: Option<u64>,
    /// Every target's last verdict, so that the first and the last line tell a run in sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<JudgedTarget>,
    /// What the rehearsal came to, if it was one; the exit code is then the rehearsal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalVerdict>,
    /// What a destroying step took down and the steps that did not run, if the run ended badly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Processes of the session left running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_running: Vec<String>,
    /// What of the plan was exercised, so that coverage needs the first and the last line only; the recorder
    /// fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exercised: Option<Vec<Exercised>>,
    /// Number of events before this one.
    pub events: u64,
}

/// A part of the plan that a run exercised: it ran to its end, or a decision was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exercised {
    /// Which step.
    pub step: StepId,
    /// What of it.
    pub part: PlanPart,
    /// How often.
    pub times: u32,
    /// When the last time, RFC 3339.
    pub at: String,
    /// It passed, the last time; of a decision always.
    pub passed: bool,
}

/// What of a step can be exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanPart {
    /// The step itself.
    Step,
    /// The step, taken as a fallback.
    Fallback,
    /// The decision that leads to it, answered yes.
    DecidedYes,
    /// The decision that leads to it, answered no.
    DecidedNo,
}

/// What a rehearsal came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalVerdict {
    /// The fault it was rehearsed with.
    pub fault: String,
    /// The procedure did what it should, and the system is well without the fault.
    pub passed: bool,
    /// The exit code that `exec` would have had; none if the procedure did not run.
    pub exec_exit: Option<i32>,
    /// Why it did not pass, as a person would say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// A target and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedTarget {
    /// Its text.
    pub text: String,
    /// The verdict.
    pub verdict: TargetVerdict,
    /// Time that was compared, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
    /// The limit, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<u64>,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything passed and a verify or expectation says so.
    Verified,
    /// A fallback was needed and a verify passed after it.
    RecoveredByFallback,
    /// Everything passed and nothing verified it.
    NotVerified,
    /// Nothing was changed: observed.
    Observed,
    /// A fallback acted and nothing verified it: contained, not recovered.
    Contained,
    /// An act or a verify failed and no fallback of it succeeded.
    Failed,
    /// It needs a person: declined, left open, undecided.
    NeedsPerson,
    /// It was stopped.
    Cancelled,
    /// It could not start.
    NotStarted,
}

impl Outcome {
    /// Whether nothing went wrong that was not put right, as far as the run could see.
    pub fn is_good(self) -> bool {
        match self {
            Self::Verified | Self::RecoveredByFallback | Self::NotVerified | Self::Observed => true,
            Self::Failed | Self::NeedsPerson | Self::Cancelled | Self::Contained | Self::NotStarted => false,
        }
    }

    /// Whether a run that ended so can go on behind what passed.
    pub fn can_go_on(self) -> bool {
        match self {
            Self::Failed | Self::NeedsPerson | Self::Cancelled => true,
            Self::Verified
            | Self::RecoveredByFallback
            | Self::NotVerified
            | Self::Observed
            | Self::Contained
            | Self::NotStarted => false,
        }
    }
}
