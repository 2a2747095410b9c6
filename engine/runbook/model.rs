//! A runbook's meaning. Everything owns its text and keeps spans into its [`Source`].

use crate::shell::Effect;
use crate::source::{Source, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The document's meaning.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file it was read from.
    pub source: Source,
    /// Its title: H1, front matter, or the file's stem.
    pub title: String,
    /// The title that its front matter gives, whether or not that is its title.
    pub front_title: Option<String>,
    /// Metadata of the whole document.
    pub metadata: Metadata,
    /// Procedures in document order.
    pub procedures: Vec<Procedure>,
    /// Rows of the escalation matrix, if the document has one.
    pub escalation: Vec<EscalationRow>,
    /// Items of the post-incident list.
    pub post_incident: Vec<ChecklistItem>,
}

/// A section a person would run by name.
#[derive(Clone, Debug)]
pub struct Procedure {
    /// Slug of the title, unique in the document.
    pub id: String,
    /// The heading without emoji, number and leading `Alert:`, `Procedure:`, `Operation:`, `Runbook:`.
    pub title: String,
    /// Alert or operation.
    pub kind: ProcedureKind,
    /// The heading's span.
    pub heading: Span,
    /// Line of the heading, from 1.
    pub line: usize,
    /// Other names it answers to (file stem, front-matter title, the heading as written).
    pub aliases: Vec<String>,
    /// Metadata of this section.
    pub metadata: Metadata,
    /// Severity, from the section or else the document.
    pub severity: Option<Severity>,
    /// Targets, from the section.
    pub targets: Vec<Target>,
    /// Symptoms stated in the text.
    pub symptoms: Vec<Symptom>,
    /// Steps in document order, numbered.
    pub steps: Vec<Step>,
    /// Fences that are shown but not run: untagged, other languages.
    pub possible: Vec<PossibleBlock>,
    /// Texts to show that belong to no step.
    pub notes: Vec<Note>,
    /// Parameters of all steps, by name, in order of first use.
    pub parameters: Vec<Parameter>,
    /// How it is tested, from `<!-- runbook: test … -->`.
    pub test: TestDirective,
}

impl Procedure {
    /// Whether none of its steps does anything: it is prose, for a person to read.
    pub fn is_prose(&self) -> bool {
        let does_nothing =
            |step: &Step| matches!(step.action, Action::Notes) || step.directive.ignore.is_some();
        self.steps.iter().all(does_nothing)
    }
}

/// What a document says about the test of a procedure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestDirective {
    /// Values of parameters, in order, with the names as written.
    pub values: Vec<(String, String)>,
    /// The fault of the stage that is injected before.
    pub fault: Option<String>,
    /// What the run must have taken.
    pub branch: Option<Branch>,
    /// Why the procedure is not tested.
    pub ignore: Option<String>,
    /// Where the directive stands; none if there is none.
    pub span: Option<Span>,
}

/// A way through a procedure that a test asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Branch {
    /// No fallback.
    Main,
    /// Some fallback.
    Fallback,
    /// This step, by its number or name.
    Step(String),
}

/// What kind of procedure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcedureKind {
    /// Headed `Alert: …`, or named like one.
    Alert,
    /// Any other.
    Operation,
}

/// Keys and values as the document has them.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Every entry in order, unknown keys included.
    pub entries: Vec<MetadataEntry>,
}

impl Metadata {
    /// The first value of `key`, compared without case, spaces, `-` and `_`.
    pub fn get(&self, key: &str) -> Option<&MetadataEntry> {
        let wanted = fold_key(key);
        self.entries.iter().find(|entry| fold_key(&entry.key) == wanted)
    }
}

fn fold_key(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// One `Key: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataEntry {
    /// The key as written, without decoration.
    pub key: String,
    /// The value as meant (mis-decoded text repaired).
    pub value: String,
    /// Where the entry stands.
    pub span: Span,
    /// Where its value stands.
    pub value_span: Span,
}

/// How bad an alert is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severity {
    /// As the document has it, such as `Critical` or `P1 (SLO breach imminent)`.
    pub text: String,
    /// The level it is understood as, if any.
    pub level: Option<SeverityLevel>,
}

/// Known severity levels, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeverityLevel {
    /// `critical`, `P0`, `sev0`, `page`.
    Critical,
    /// `high`, `error`, `P1`.
    High,
    /// `warning`, `medium`, `P2`.
    Warning,
    /// `low`, `info`, `P3` and below.
    Low,
}

/// An objective stated in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// As written, repaired: `Recovery < 2 minutes`.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// Comparator, when a quantity follows.
    pub comparator: Option<Comparator>,
    /// The quantity; none for a qualitative target.
    pub quantity: Option<Quantity>,
    /// Where it stands.
    pub span: Span,
    /// A command whose result judges it, from `<!-- runbook: target probe="…" -->`.
    pub probe: Option<String>,
}

impl Target {
    /// The limit of a time-to-recovery target, which the run itself judges.
    pub fn recovery_limit(&self) -> Option<Duration> {
        match (self.metric, self.comparator, self.quantity) {
            (Metric::Recovery, Some(Comparator::Less | Comparator::AtMost), Some(quantity)) => {
                quantity.duration()
            }
            _ => None,
        }
    }
}

/// What a target or symptom measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time to recovery: recovery, restart, resolution, MTTR, RTO, duration. Judged on the run's clock.
    Recovery,
    /// Response or request latency.
    Latency,
    /// Time to reconnect.
    Reconnect,
    /// A pass rate or another share.
    Rate,
    /// A number of things.
    Count,
    /// Time until somebody reacts.
    Response,
    /// No number, or none of the above.
    Other,
}

/// How a quantity is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparator {
    /// `<`, under, less than, below.
    #[serde(rename = "<")]
    Less,
    /// `≤`, within, at most, and a bare duration.
    #[serde(rename = "<=")]
    AtMost,
    /// `>`, over, more than, above.
    #[serde(rename = ">")]
    More,
    /// `≥`, at least.
    #[serde(rename = ">=")]
    AtLeast,
    /// `=`, exactly.
    #[serde(rename = "=")]
    Equal,
}

/// A number with a unit; of a range (`5–10 minutes`) the upper end, in [`Quantity::value`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// The number, in `unit`.
    pub value: f64,
    /// Lower end of a range, in `unit`.
    pub low: Option<f64>,
    /// The unit.
    pub unit: Unit,
}

impl Quantity {
    /// The value as a time, if its unit is one.
    pub fn duration(self) -> Option<Duration> {
        let seconds = match self.unit {
            Unit::Milliseconds => self.value / 1e3,
            Unit::Seconds => self.value,
            Unit::Minutes => self.value * 60.0,
            Unit::Hours => self.value * 3600.0,
            Unit::Days => self.value * 86400.0,
            Unit::Percent | Unit::Count => return None,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Units of quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Minutes.
    #[serde(rename = "min")]
    Minutes,
    /// Hours.
    #[serde(rename = "h")]
    Hours,
    /// Days.
    #[serde(rename = "d")]
    Days,
    /// Percent.
    #[serde(rename = "%")]
    Percent,
    /// A bare number.
    #[serde(rename = "count")]
    Count,
}

/// An observable condition stated in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptom {
    /// As written, repaired.
    pub text: String,
    /// Typed, where it has a number: words before the comparator, comparator, quantity, window (`in 5m`).
    pub condition: Option<Condition>,
    /// Where it stands.
    pub span: Span,
}

/// A symptom's typed part.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The words that name the quantity, such as `Recovery duration`.
    pub subject: String,
    /// What is measured.
    pub metric: Metric,
    /// How it is compared.
    pub comparator: Comparator,
    /// Against what.
    pub quantity: Quantity,
    /// Over which window (`in 5m`).
    pub window: Option<Duration>,
}

/// A part of a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Symptoms, meaning, impact, overview, prerequisites: context.
    Context,
    /// Diagnosis, investigation, root cause.
    Diagnose,
    /// Immediate actions, mitigation, steps; also steps under no phase heading.
    Act,
    /// Recovery, resolution, remediation.
    Recover,
    /// Verification, validation.
    Verify,
    /// Rollback: its steps are fallbacks.
    Rollback,
    /// Prevention.
    Prevent,
    /// Escalation.
    Escalate,
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks; its failure is information.
    Observe,
    /// Changes, destroys, or unknown; its failure stops the plain steps behind it.
    Act,
    /// Decides whether the acts before it worked; retried.
    Verify,
    /// A person does it.
    Manual,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number in the plan: `3`, `3.1`. Stable for a document's text.
    pub id: String,
    /// Slug of the label, or the directive's `id`; unique in its procedure.
    pub slug: String,
    /// One line for a person, without the trailing colon.
    pub label: String,
    /// Line of the fence, item or inline code, from 1.
    pub line: usize,
    /// The block's span in the file.
    pub span: Span,
    /// Where it belongs.
    pub phase: Phase,
    /// What it is for.
    pub role: Role,
    /// What its commands do; `Reads` for a manual step.
    pub effect: Effect,
    /// How it is reached.
    pub reach: Reach,
    /// Runs only if asked for ("if needed", bullets of a diagnose phase); reads run at their place.
    pub optional: bool,
    /// Labelled emergency or last resort.
    pub emergency: bool,
    /// What is done.
    pub action: Action,
    /// Texts printed just before it.
    pub notes: Vec<Note>,
    /// Settings from a directive.
    pub directive: StepDirective,
    /// Expected output, if the document states one.
    pub expectation: Option<Expectation>,
    /// What was inferred and from which line.
    pub inferred: Vec<Inference>,
}

/// How a step is reached. Steps are named by their index in [`Procedure::steps`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In its turn.
    Plain,
    /// When step `of` failed.
    Fallback {
        /// Index of the step whose failure leads here.
        of: usize,
    },
    /// Part of what step `of` began, such as the second block under "If the node is down": reached when
    /// that one was reached and did not fail as an act or verify.
    With {
        /// Index of the step that began it; that one is a fallback, a decision or an arm.
        of: usize,
    },
    /// When the question is answered yes.
    Decision(Decision),
    /// One arm of a choice: run only when `--decide GROUP=ARM` or a person picks it.
    Arm {
        /// Id of the group, such as `3`.
        group: String,
        /// Number of this arm, from 1.
        arm: usize,
        /// The comment that introduces it.
        text: String,
    },
}

/// A question before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The condition as written, such as `If the node is unreachable`.
    pub question: String,
    /// Its answer is known when this earlier act or verify failed (`true`) or passed: "If latency persists".
    pub known_by: Option<usize>,
    /// The decision whose "otherwise" this is: index of that step; its answer is the opposite.
    pub otherwise_of: Option<usize>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Runs a bash text.
    Command(CommandBlock),
    /// A person does this.
    Manual {
        /// The instruction.
        text: String,
    },
    /// Nothing to do: a decision whose body is only notes; they are printed when it is reached.
    Notes,
}

/// The bash text of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandBlock {
    /// The text as the shell gets it, prompts and list indentation removed, placeholders still in it.
    pub script: String,
    /// For each line of `script` (from 0): the line in the file (from 1) and the file offset of its first byte.
    pub lines: Vec<ScriptLine>,
    /// How it runs.
    pub mode: CommandMode,
    /// Lines after an opened nested shell, shown but never run locally.
    pub remote_lines: Vec<String>,
}

impl CommandBlock {
    /// The line in the file that holds byte `at` of the script.
    pub fn line_at(&self, at: usize) -> usize {
        let before = &self.script[..at.min(self.script.len())];
        let line = before.matches('\n').count().min(self.lines.len().saturating_sub(1));
        self.lines.get(line).map_or(0, |place| place.line)
    }

    /// The file offset of byte `at` of the script.
    pub fn file_offset(&self, at: usize) -> usize {
        let before = &self.script[..at.min(self.script.len())];
        let line = before.matches('\n').count().min(self.lines.len().saturating_sub(1));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.lines.get(line).map_or(0, |place| place.offset + (before.len() - start))
    }
}

/// Where one line of a script stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptLine {
    /// Line in the file, from 1.
    pub line: usize,
    /// Offset of the first byte of the script's line in the file.
    pub offset: usize,
}

/// How a command block runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandMode {
    /// Once.
    Once,
    /// `watch CMD` unwrapped: the script is the inner command, repeated for its time box; observes.
    Repeat {
        /// Time between two runs.
        every: Duration,
    },
    /// Never ends by itself: stopped after its time box, which is no failure; observes.
    TimeBox,
    /// Gets the real terminal, or becomes manual where there is none.
    Interactive,
}

/// Text with nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, repaired, on one or more lines.
    pub text: String,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A fence that is shown, and run only when the document or the caller says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleBlock {
    /// Line of the fence, from 1.
    pub line: usize,
    /// Its info string's language, if any.
    pub language: Option<String>,
    /// Its text.
    pub text: String,
}

/// An inference the reader did not see written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inference {
    /// What was inferred, such as "fallback of step 2, from `If auto-recovery fails`".
    pub what: String,
    /// The line it was inferred from.
    pub line: usize,
}

/// Settings of `<!-- runbook: … -->` before a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepDirective {
    /// Where the directive stands.
    pub span: Option<Span>,
    /// `id=restart`.
    pub id: Option<String>,
    /// `timeout=30s`.
    pub timeout: Option<Duration>,
    /// `retry=3`: attempts after the first.
    pub retry: Option<u32>,
    /// `every=2s`: pause between attempts.
    pub every: Option<Duration>,
    /// `needs=check,other`: ids or slugs; empty means the step before.
    pub needs: Vec<String>,
    /// `when=failed(restart)`.
    pub when: Option<When>,
    /// `role=verify`.
    pub role: Option<Role>,
    /// `always=yes`: runs also after a failure or a stop.
    pub always: bool,
    /// `optional=yes|no`.
    pub optional: Option<bool>,
    /// `effect=reads|changes|destroys`.
    pub effect: Option<Effect>,
    /// `shell="bash"` runs a block that would only be shown.
    pub shell: Option<String>,
    /// `options="errexit nounset"`: shell options, replacing the default ones of its role.
    pub options: Option<Vec<String>>,
    /// `exit=any` or `exit=N`: which status passes.
    pub exit: Option<ExitExpectation>,
    /// `ignore`, with its reason: shown, never run.
    pub ignore: Option<String>,
    /// `no-run`: tests only parse it.
    pub no_run: bool,
    /// `should-fail`: a test of it passes when it fails.
    pub should_fail: bool,
}

/// Which exit status passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitExpectation {
    /// Any.
    Any,
    /// Just this one.
    Code(i32),
    /// A failure, 1 to 125: what a test makes of `should-fail`.
    Failure,
}

/// A declared condition for a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// `failed(ID)`.
    Failed(String),
    /// `passed(ID)`.
    Passed(String),
    /// `plain`: in its turn, whatever the text around it seems to say.
    Plain,
}

/// Output the document promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// How it is compared.
    pub matching: Matching,
    /// The expected text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Line of the first expected line.
    pub line: usize,
    /// What a console transcript shows: tests compare it, but a run is not judged by it, because such
    /// output is mostly an example with somebody else's names and times in it.
    pub example: bool,
}

/// How expected output is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Line by line, with wildcards.
    Lines,
    /// The text occurs in the output.
    Contains,
    /// The JSON is a subset of the output.
    Json,
}

/// A value the document leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, folded: lower case, `_` for `-`.
    pub name: String,
    /// The flag to type, such as `--engine-id`.
    pub flag: String,
    /// Every place it stands, in document order.
    pub places: Vec<ParameterPlace>,
    /// What front matter or the house rules say of it.
    pub declaration: ParameterDeclaration,
}

/// Where and how a parameter is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterPlace {
    /// Index of the step.
    pub step: usize,
    /// Byte range in that step's `script`.
    pub script_span: Span,
    /// Byte range in the file.
    pub span: Span,
    /// How it is written.
    pub form: ParameterForm,
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterForm {
    /// `<name>`.
    Angle,
    /// `{name}`.
    Brace,
    /// `{{name}}`.
    Mustache,
    /// `$NAME` or `${NAME}`, set by nothing: the value becomes a variable of the session.
    Variable,
}

/// What is declared of a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterDeclaration {
    /// `integer`, `string`, …
    pub kind: Option<String>,
    /// An anchored pattern the whole value must match.
    pub pattern: Option<String>,
    /// Allowed values.
    pub choices: Vec<String>,
    /// Value when none is given.
    pub default: Option<String>,
    /// Never shown: declared, or known by its name.
    pub secret: bool,
    /// One line for `--help`.
    pub description: Option<String>,
}

/// One row of the escalation matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationRow {
    /// First column, such as `P0 (Critical)`.
    pub severity: String,
    /// Response time as written.
    pub response: String,
    /// Who.
    pub people: String,
    /// Line in the file.
    pub line: usize,
}

/// One item of the post-incident list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistItem {
    /// The item's text as Markdown, without its number.
    pub text: String,
    /// Line in the file.
    pub line: usize,
}
