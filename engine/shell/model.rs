//! The types of a parsed bash text.

use crate::source::Span;
use serde::{Deserialize, Serialize};

/// What commands do to the world, from harmless to dangerous.
///
/// It comes from program, subcommand and HTTP method, never from words in a URL, script name or
/// argument. An unknown program changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks, and leaves everything as it was.
    Reads,
    /// Changes something.
    Changes,
    /// Loses data or takes a service down.
    Destroys,
}

/// A bash text taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Top-level statements in order. A statement is one list (`a && b`, `if … fi`, a function
    /// definition, a heredoc with its body); the shell may be handed one at a time.
    pub statements: Vec<Statement>,
    /// Comments in order, with their leading `#`.
    pub comments: Vec<Comment>,
    /// Where the grammar could not make sense of the text; empty when it parses.
    pub errors: Vec<Span>,
    /// Variables it sets and uses.
    pub variables: Variables,
    /// Names of the functions it defines: calling one runs no program.
    pub functions: Vec<String>,
}

impl Script {
    /// Whether the grammar understood all of it.
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty()
    }

    /// Every command of every statement, those in substitutions, conditions and functions included.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.statements.iter().flat_map(|statement| &statement.commands)
    }
}

/// One top-level statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its bytes, heredoc bodies included, trailing `;` or newline not.
    pub span: Span,
    /// The simple commands in it, in source order, nested ones included.
    pub commands: Vec<Command>,
    /// It ends in `&`.
    pub background: bool,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its bytes, without redirections that follow.
    pub span: Span,
    /// Program and arguments; assignments before the program are in [`Command::assignments`].
    pub words: Vec<Word>,
    /// `NAME=value` in front of the program (or alone).
    pub assignments: Vec<Assignment>,
    /// Files it writes by redirection (`>`, `>>`, `&>`), `/dev/null` and descriptors left out.
    pub writes: Vec<Word>,
    /// Files it reads by redirection (`<`).
    pub reads: Vec<Word>,
    /// Its standard input is a pipe, a file or a heredoc, not what the step was given.
    pub fed: bool,
    /// Where it stands.
    pub inside: Inside,
}

impl Command {
    /// The program's name when it is a plain text, such as `curl` or `./scripts/x.sh`.
    pub fn program(&self) -> Option<&str> {
        self.words.first().and_then(|word| word.literal.as_deref())
    }

    /// The literal text of argument `index` (0 is the program), if it has one.
    pub fn literal(&self, index: usize) -> Option<&str> {
        self.words.get(index).and_then(|word| word.literal.as_deref())
    }
}

/// Where a command stands within its statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inside {
    /// Run by the statement itself, in sequence or in a pipeline.
    Plain,
    /// In a condition, loop or branch: it may or may not run.
    Control,
    /// In `$(…)`, backticks or `<(…)`.
    Substitution,
    /// In a function's body: runs only when called.
    Function,
}

/// One shell word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its bytes, quotes included.
    pub span: Span,
    /// Its value, when no expansion is needed to know it (quotes removed).
    pub literal: Option<String>,
    /// Its value as far as it is known: quotes removed, [`UNKNOWN`] for every expansion and
    /// placeholder, globs as written.
    pub shape: String,
}

/// Stands in a [`Word::shape`] for a part whose value only the shell or the caller knows.
pub const UNKNOWN: char = '\u{fffc}';

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The whole assignment.
    pub span: Span,
    /// The variable's name.
    pub name: String,
    /// The value word, if any.
    pub value: Option<Word>,
}

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its bytes from `#` to the end of the line.
    pub span: Span,
    /// The text behind `#`, trimmed.
    pub text: String,
    /// Nothing but blanks stands before it on its line, and it lies between top-level statements:
    /// a script may be split here.
    pub boundary: bool,
}

/// Variables a text sets and uses, each with the span of its first such place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Assigned, exported, read into, loop variables, or given a default with `${X:=…}`.
    pub set: Vec<(String, Span)>,
    /// Used without a default (`${X:-…}` and `${X+…}` are no uses) before being set in this text.
    pub used: Vec<(String, Span)>,
    /// Offset of the first `source`, `.` or `eval`: behind it any variable may be set.
    pub anything_from: Option<usize>,
}

/// The quoting a byte range stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// A bare word.
    Bare,
    /// Between double quotes.
    Double,
    /// Between single quotes.
    Single,
    /// Between `$'` and `'`.
    AnsiC,
    /// The body of a heredoc whose delimiter is not quoted: `$`, backtick and backslash are special.
    Heredoc,
    /// The body of a heredoc whose delimiter is quoted: nothing is special.
    HeredocLiteral,
    /// A comment.
    Comment,
}

/// The context of a byte range in a bash text: what a value put there would have to survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The quoting around it.
    pub quoting: Quoting,
    /// The value begins its word: a leading `-` or `@` would be read as an option or a file.
    pub word_start: bool,
    /// It stands in a URL.
    pub url: bool,
    /// It stands in a URL's host part, where `@` would change the host.
    pub url_host: bool,
    /// The argument is parsed again by another program (`ssh host "…"`, `sh -c`, SQL, JSON): its name.
    pub reparsed: Option<String>,
    /// The context cannot be made safe (command name, arithmetic, backticks, `${…}`, subscript,
    /// pattern, a place the grammar does not understand): why.
    pub refused: Option<String>,
    /// For a heredoc: its delimiter, which no line of the value may equal.
    pub heredoc_delimiter: Option<String>,
    /// The heredoc is a `<<-`: tabs that begin a line are dropped.
    pub heredoc_strips_tabs: bool,
    /// The heredoc stands in a substitution, where bash also ends it at a line that only begins with
    /// the delimiter, if a `)` follows.
    pub heredoc_nested: bool,
    /// The argument is one line of a protocol (an HTTP header): a line break would begin another.
    pub one_line: bool,
    /// It names the file of a redirection: some device paths would open a connection.
    pub redirect: bool,
    /// `<` or `>` follows directly: digits alone would name a descriptor.
    pub before_redirect: bool,
    /// The variable whose value it becomes (part of); what is done with that matters too.
    pub assigned: Option<String>,
    /// It stands in a path: what is beside it in the same component, before and after. Text that is not
    /// known yet (another placeholder, a variable, a pattern) counts as none.
    pub component: Option<(String, String)>,
}

/// One use of a variable, `$NAME` or `${NAME…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableUse {
    /// The variable.
    pub name: String,
    /// Its bytes.
    pub span: Span,
    /// Its context. Never refused: an expansion is no text for the shell to read again.
    pub context: Context,
    /// Not quoted where bash splits words and expands patterns: the value may become several words.
    pub splits: bool,
    /// Evaluated as arithmetic, where bash would run a command inside a subscript.
    pub arithmetic: bool,
    /// Where its value would be a command, a pattern, or anything else that is not plain data.
    pub free_form: bool,
}

/// Why a command cannot simply be run and waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// It never ends by itself.
    Endless(Endless),
    /// It needs a terminal and a person (an editor, `exec -it`, `psql` without a query).
    Interactive,
    /// It may ask for something on the terminal (`sudo`, `ssh`, `read`) but usually runs through.
    MayAsk,
    /// It opens another shell, here or elsewhere; lines after it in the same text are meant for that
    /// shell and are never run locally.
    OpensShell,
}

/// A command that never ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endless {
    /// `watch [-n N] CMD`: the command to repeat and the interval in milliseconds.
    Watch {
        /// The inner command as shell text.
        command: String,
        /// Milliseconds between two runs; 2000 unless told.
        every_ms: u64,
    },
    /// `tail -f`, `logs -f`, `get -w`, `journalctl -f`, `top`, …
    Follow,
}
