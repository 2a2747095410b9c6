//! What a bash text is: statements, commands, words, quoting contexts, effects, hazards.
//!
//! The grammar is tree-sitter's bash, with byte spans and error recovery. Nothing here runs anything,
//! and nothing here knows Markdown: spans are offsets into the text that was given.

mod builtins;
mod context;
mod effect;
mod hazard;
mod invocation;
mod literal;
mod model;
mod parse;
mod placeholder;
mod prompt;
mod reparse;
mod scan;
mod trace;
mod variables;

pub use builtins::is_builtin;
pub use context::{contexts, variable_uses};
pub use effect::{effect, is_known_program};
pub use hazard::hazard;
pub use model::{
    Assignment, Command, Comment, Context, Effect, Endless, Hazard, Inside, Quoting, Script, Statement,
    UNKNOWN, VariableUse, Variables, Word,
};
pub use parse::parse;
pub use placeholder::{Placeholder, PlaceholderForm, placeholders};
pub use prompt::{Transcript, TranscriptCommand, transcript};
pub use trace::{leaves_no_trace, sets_something};
pub use variables::is_well_known;
