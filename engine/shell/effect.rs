//! What commands do to the world: [`effect`].
//!
//! Decided from program, subcommand, options and HTTP method by tables of well-known programs, never
//! from words in a URL, a script's name or an argument. What no table knows changes. It is no proof:
//! a program may do more than its name says.

mod cloud;
mod data;
mod http;
mod names;
mod operate;
mod special;

use super::invocation::{Reach, arguments, base_name, is_known, unwrap};
use super::{Command, Effect, Script, Word, parse};
use Effect::{Changes, Destroys, Reads};

/// Deeper nesting of texts in texts (`sh -c "sh -c …"`) counts as changing.
const MAX_DEPTH: usize = 4;

/// What `command` does.
pub fn effect(command: &Command) -> Effect {
    let writes = if command.writes.is_empty() { Reads } else { Changes };
    writes.max(of_words(&command.words, 0))
}

impl Script {
    /// The worst of what its commands do; a function that is only defined counts as called.
    pub fn effect(&self) -> Effect {
        self.effect_at(0)
    }

    fn effect_at(&self, depth: usize) -> Effect {
        // What the grammar did not understand may be anything.
        let least = changes_if(!self.is_complete());
        self.commands().map(|command| self.effect_of(command, depth)).fold(least, Effect::max)
    }

    /// Calls of its own functions add nothing: their bodies are among its commands.
    fn effect_of(&self, command: &Command, depth: usize) -> Effect {
        let writes = if command.writes.is_empty() { Reads } else { Changes };
        let is_own = command.program().is_some_and(|name| self.functions.iter().any(|own| own == name));
        writes.max(if is_own { Reads } else { of_words(&command.words, depth) })
    }
}

/// Whether `name` is a program this engine has heard of: a word a command may begin with.
pub fn is_known_program(name: &str) -> bool {
    let name = base_name(name);
    [names::READERS, names::DESTROYERS, names::CHANGERS, data::PROGRAMS, http::PROGRAMS, operate::PROGRAMS]
        .iter()
        .any(|programs| names::is_in(programs, name))
        || name.starts_with("mkfs.")
}

/// What running `words` does.
fn of_words(words: &[Word], depth: usize) -> Effect {
    let words = unwrap(words).words;
    let Some(program) = words.first() else { return Reads };
    let name = base_name(&program.shape);
    if depth > MAX_DEPTH || !is_known(name) {
        return Changes;
    }
    let rest = &words[1..];
    let is_question = rest.len() == 1 && matches!(rest[0].shape.as_str(), "--version" | "--help");
    if is_question && is_known_program(name) {
        return Reads;
    }
    if let Some(text) = inner_text(name, rest) {
        return text.map_or(Changes, |text| parse(&text).effect_at(depth + 1));
    }
    if let Some(effect) = special::effect(name, rest, depth) {
        return effect;
    }
    let tables = http::effect(name, rest).or_else(|| data::effect(name, rest));
    if let Some(effect) = tables.or_else(|| operate::effect(name, rest, depth)) {
        return effect;
    }
    if names::is_in(names::READERS, name) {
        Reads
    } else if names::is_in(names::DESTROYERS, name) || name.starts_with("mkfs") {
        Destroys
    } else {
        Changes
    }
}

/// The shell text that `name` hands to a shell: `Some(None)` when it does, but which is unknown.
fn inner_text(name: &str, rest: &[Word]) -> Option<Option<String>> {
    let joined = |words: &[Word]| {
        let words = words.iter().map(|word| word.shape.as_str()).collect::<Vec<_>>();
        (!words.is_empty()).then(|| words.join(" "))
    };
    match name {
        "eval" => Some(joined(rest)),
        "watch" => {
            let given = arguments(rest, &["-n", "--interval", "-q", "--equexit"], Reach::Leading);
            Some(given.places.first().and_then(|place| joined(&rest[*place..])))
        }
        "ssh" => {
            let host = super::hazard::ssh_host(rest)?;
            Some(joined(&rest[host + 1..]))
        }
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "su" => {
            let given = arguments(rest, &["-c", "--command", "-o", "-O", "-s"], Reach::All);
            Some(given.value(&["-c", "--command"]).map(str::to_owned))
        }
        _ => None,
    }
}

fn changes_if(changes: bool) -> Effect {
    if changes { Changes } else { Reads }
}

fn destroys_if(destroys: bool) -> Effect {
    if destroys { Destroys } else { Changes }
}

#[cfg(test)]
#[path = "effect/tests.rs"]
mod tests;
