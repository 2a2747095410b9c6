//! A thing to do as it is written, before it is known what it is for and how it is reached.

use super::{Expectation, Inference, Note, Phase, ScriptLine, StepDirective};
use crate::source::Span;

/// One thing to do, as [`super::steps`] finds it.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    /// One line for a person.
    pub(super) label: String,
    /// Line of the fence, item or inline code, from 1.
    pub(super) line: usize,
    /// Where it stands.
    pub(super) span: Span,
    /// Where it belongs.
    pub(super) phase: Phase,
    /// What is done.
    pub(super) body: Body,
    /// Texts that lead to it, the nearest first: they may say on which condition it is done.
    pub(super) leads: Vec<Lead>,
    /// Only when asked for.
    pub(super) optional: bool,
    /// It is one of several alternatives of one block: which, from 1.
    pub(super) arm: Option<usize>,
    /// Texts before it.
    pub(super) notes: Vec<Note>,
    /// What the document says of it.
    pub(super) directive: StepDirective,
    /// What it prints.
    pub(super) expectation: Option<Expectation>,
    /// What was inferred.
    pub(super) inferred: Vec<Inference>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A bash text.
    Shell {
        /// The text.
        script: String,
        /// Where each of its lines stands.
        lines: Vec<ScriptLine>,
    },
    /// A person does it.
    Manual {
        /// The instruction.
        text: String,
        /// Bullets stand below it.
        bullets: bool,
    },
}

/// A text that leads to one or more steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// On one line.
    pub(super) text: String,
    /// Its line, from 1.
    pub(super) line: usize,
    /// The same for all steps that it leads to.
    pub(super) group: usize,
    /// It begins an ordered item.
    pub(super) ordered: bool,
}
