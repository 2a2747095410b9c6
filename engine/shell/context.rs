//! What a value put at a place of a bash text would have to survive: [`contexts`].
//!
//! Two readings of the text must agree on every place, the grammar's and the quoting scan's; a place
//! that only one of them understands is refused. Values that a text puts into a variable are followed
//! by [`variable_uses`], within that text only; what a child script does with its arguments is not
//! seen.

mod variable;

pub use variable::variable_uses;

use super::parse::{MAX_DEPTH, Parsed, prepare, script, span};
use super::reparse::{self, Argument};
use super::{Command, Context, Quoting, Script};
use crate::source::Span;
use std::collections::HashMap;
use tree_sitter::Node;

const COMMAND: &str = "it names the command that runs";
const VARIABLE: &str = "it names a variable";
const PATTERN: &str = "it stands in a pattern";
const ARITHMETIC: &str = "it stands in arithmetic";
const ESCAPE: &str = "a backslash stands before it";
const DOLLAR: &str = "a `$` stands before it";
const DESCRIPTOR: &str = "it names a descriptor";
const DEVICE: &str = "it names a device";
const UNKNOWN: &str = "the shell text around it is not understood";

/// The context of each of `places`, which are placeholders of `text`.
pub fn contexts(text: &str, places: &[Span]) -> Vec<Context> {
    let parsed = prepare(text);
    let script = script(&parsed);
    let reader = Reader::new(&parsed, &script);
    let mut order = (0..places.len()).collect::<Vec<_>>();
    order.sort_by_key(|&index| places[index]);
    let mut found = vec![None; places.len()];
    let is_placeholder = |place: Span| {
        let index = parsed.placeholders.partition_point(|known| known.span < place);
        parsed.placeholders.get(index).is_some_and(|known| known.span == place)
    };
    let sorted = order.iter().map(|&index| places[index]).collect::<Vec<_>>();
    reader.each(&sorted, &mut |which, chain| {
        if is_placeholder(sorted[which]) {
            found[order[which]] = Some(reader.place(sorted[which], chain));
        }
    });
    found.into_iter().map(|context| context.unwrap_or_else(|| refused(Quoting::Bare, UNKNOWN))).collect()
}

fn plain(quoting: Quoting) -> Context {
    Context {
        quoting,
        word_start: false,
        url: false,
        url_host: false,
        reparsed: None,
        refused: None,
        heredoc_delimiter: None,
        heredoc_strips_tabs: false,
        heredoc_nested: false,
        one_line: false,
        redirect: false,
        before_redirect: false,
        assigned: None,
        component: None,
    }
}

fn refused(quoting: Quoting, why: &str) -> Context {
    Context { refused: Some(why.to_owned()), ..plain(quoting) }
}

/// What is known around the present place.
struct Reader<'p> {
    parsed: &'p Parsed,
    script: &'p Script,
    /// Commands by where they begin.
    commands: HashMap<usize, &'p Command>,
}

/// Kinds of nodes that are (a part of) one word.
const WORD: &[&str] = &[
    "word",
    "number",
    "string",
    "string_content",
    "raw_string",
    "ansi_c_string",
    "translated_string",
    "concatenation",
    "simple_expansion",
    "expansion",
    "variable_name",
];

impl<'p> Reader<'p> {
    fn new(parsed: &'p Parsed, script: &'p Script) -> Self {
        let commands = script.commands().filter(|command| !command.words.is_empty());
        let commands = commands.map(|command| (command.span.start, command)).collect();
        Self { parsed, script, commands }
    }

    /// Calls `see` with the index of each place and the nodes around it, outermost first. `places`
    /// are in order; a text that the grammar did not understand has none.
    fn each(&self, places: &[Span], see: &mut dyn FnMut(usize, &[Node<'_>])) {
        if let (Some(tree), true) = (&self.parsed.tree, self.script.is_complete()) {
            descend(&mut vec![tree.root_node()], places, 0, see);
        }
    }

    fn place(&self, place: Span, chain: &[Node<'_>]) -> Context {
        let text = self.parsed.text.as_str();
        let (quoting, hole) = self.parsed.scan.at(place.start);
        let mut bytes = place.range();
        if let Some(why) = hole {
            return refused(quoting, why);
        }
        if !bytes.all(|at| self.parsed.scan.at(at) == (quoting, None)) {
            return refused(quoting, UNKNOWN);
        }
        let Some(deepest) = chain.last() else { return refused(quoting, UNKNOWN) };
        if quoting == Quoting::Comment {
            // Older versions of bash look for quotes there.
            if chain.iter().any(|node| node.kind().ends_with("_substitution")) {
                return refused(quoting, "it stands in a comment inside a substitution");
            }
            return if deepest.kind() == "comment" { plain(quoting) } else { refused(quoting, UNKNOWN) };
        }
        if let Some(why) = spoiled(text, place, quoting) {
            return refused(quoting, why);
        }
        match self.surroundings(place, chain, quoting) {
            Ok(context) => context,
            Err(why) => refused(quoting, why),
        }
    }

    /// The context by the nodes around a place, or why nothing may be put there.
    fn surroundings(
        &self,
        place: Span,
        chain: &[Node<'_>],
        quoting: Quoting,
    ) -> Result<Context, &'static str> {
        let inner = chain.iter().rposition(|node| !WORD.contains(&node.kind())).ok_or(UNKNOWN)?;
        let container = chain[inner];
        let word = chain.get(inner + 1).copied();
        let has = |kind: &str| chain[inner + 1..].iter().any(|node| node.kind() == kind);
        let agrees = match quoting {
            Quoting::Bare => chain
                .last()
                .is_some_and(|node| matches!(node.kind(), "word" | "simple_expansion" | "expansion")),
            Quoting::Double => has("string") || has("translated_string"),
            Quoting::Single => has("raw_string"),
            Quoting::AnsiC => has("ansi_c_string"),
            Quoting::Heredoc | Quoting::HeredocLiteral => {
                matches!(container.kind(), "heredoc_body" | "heredoc_content")
            }
            Quoting::Comment => false,
        };
        if chain.last().is_some_and(|node| node.kind() == "variable_name") {
            return Err(VARIABLE);
        }
        if !agrees {
            return Err(match container.kind() {
                "extglob_pattern" | "regex" => PATTERN,
                "subscript"
                | "declaration_command"
                | "unset_command"
                | "for_statement"
                | "variable_assignment" => VARIABLE,
                "function_definition" => COMMAND,
                _ => UNKNOWN,
            });
        }
        let mut context = plain(quoting);
        let text = self.parsed.text.as_str();
        context.before_redirect = quoting == Quoting::Bare && text[place.end..].starts_with(['<', '>']);
        let word = word.map_or(place, span);
        let mut begins = true;
        match container.kind() {
            "command_name" => return Err(COMMAND),
            "command" => self.argument(container, place, &mut context)?,
            "variable_assignment" | "array" => {
                begins = false;
                let name = self.assigned(container, chain, place, word)?;
                // `GIT_SSH_COMMAND` and its like are given to a shell.
                let is_command =
                    name.ends_with("_COMMAND") || matches!(&*name, "PAGER" | "EDITOR" | "VISUAL");
                context.reparsed = is_command.then(|| "a shell".to_owned());
                context.assigned = Some(name);
            }
            "for_statement" => {
                let variable = container.child_by_field_name("variable").ok_or(UNKNOWN)?;
                context.assigned = Some(text[variable.byte_range()].to_owned());
            }
            "case_statement" => begins = false,
            "case_item" => return Err(PATTERN),
            "declaration_command" | "unset_command" | "subscript" => return Err(VARIABLE),
            "file_redirect" => {
                begins = false;
                context.redirect = true;
                let operator = &text[container.start_byte()..word.start];
                if operator.contains('&') && !operator.contains("&>") {
                    return Err(DESCRIPTOR);
                }
                if text[word.range()].contains("/dev/") {
                    return Err(DEVICE);
                }
            }
            "herestring_redirect" => {
                begins = false;
                context.reparsed = self.fed_to(place.start, 0);
            }
            "test_command" | "binary_expression" | "unary_expression" | "parenthesized_expression" => {
                test(chain, text, place)?;
            }
            "heredoc_body" | "heredoc_content" => {
                begins = false;
                self.heredoc(place, &mut context)?;
                context.heredoc_nested = chain.iter().any(|node| node.kind().ends_with("_substitution"));
            }
            _ => return Err(UNKNOWN),
        }
        let line = text[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
        let is_body = matches!(quoting, Quoting::Heredoc | Quoting::HeredocLiteral);
        let from = if is_body { line } else { word.start };
        let before = without_quotes(&text[from..place.start]);
        let until = if is_body {
            text[place.end..].find('\n').map_or(text.len(), |end| place.end + end)
        } else {
            word.end
        };
        let after = without_quotes(&text[place.end..until]);
        self.url(&before, &after, &mut context);
        if !is_body {
            let alone = self.parsed.placeholders_in(Span::new(from, until)).len() <= 1;
            context.component = component(&before, &after, alone);
        }
        let known = self.parsed.placeholders_in(Span::new(from, place.start));
        let only_open =
            before.len() <= known.iter().map(|place| place.span.end - place.span.start).sum::<usize>();
        context.word_start |= begins && (only_open || before.starts_with(['$', '`']));
        if context.reparsed.is_some() {
            context.word_start |=
                text[..place.start].ends_with([' ', '\t', '\n', '"', '\'', '(', ';', '|', '&']);
        }
        Ok(context)
    }

    /// The variable an assignment sets, if the place is in its value.
    fn assigned(
        &self,
        container: Node<'_>,
        chain: &[Node<'_>],
        place: Span,
        word: Span,
    ) -> Result<String, &'static str> {
        let text = self.parsed.text.as_str();
        let index = chain.iter().rposition(|node| node.kind() == "variable_assignment").ok_or(UNKNOWN)?;
        let name = chain[index].child_by_field_name("name").ok_or(UNKNOWN)?;
        if place.start < name.end_byte() || name.kind() != "variable_name" {
            return Err(VARIABLE);
        }
        // `([i]=x)` evaluates i.
        if container.kind() == "array" && text[word.range()].starts_with('[') {
            return Err(ARITHMETIC);
        }
        let declared = index
            .checked_sub(1)
            .map(|index| chain[index])
            .filter(|node| node.kind() == "declaration_command");
        if let Some(declaration) = declared {
            let options = text[declaration.start_byte()..name.start_byte()].split_ascii_whitespace();
            let mut flags = options.filter(|word| word.starts_with(['-', '+']));
            if flags.any(|flag| flag.contains(['i', 'n', 'a', 'A'])) {
                return Err(ARITHMETIC);
            }
        }
        let name = &text[name.byte_range()];
        // bash itself runs or expands what these hold.
        if matches!(
            name,
            "PS0" | "PS1" | "PS2" | "PS3" | "PS4" | "PROMPT_COMMAND" | "BASH_ENV" | "ENV" | "IFS"
        ) {
            return Err("bash itself evaluates that variable");
        }
        Ok(name.to_owned())
    }

    fn argument(&self, node: Node<'_>, place: Span, context: &mut Context) -> Result<(), &'static str> {
        let first = node.start_byte();
        let command = self.commands.get(&first).ok_or(UNKNOWN)?;
        let index = command.words.partition_point(|word| word.span.end <= place.start);
        let word = command.words.get(index).filter(|word| word.span.start <= place.start).ok_or(UNKNOWN)?;
        let before = without_quotes(&self.parsed.text[word.span.start..place.start]);
        let whole = without_quotes(&self.parsed.text[word.span.range()]).len() == place.end - place.start;
        let argument = reparse::argument(&command.words, index, &before, whole);
        match argument {
            Argument::Command => return Err(COMMAND),
            Argument::Variable => return Err(VARIABLE),
            Argument::Arithmetic => return Err(ARITHMETIC),
            Argument::Data { reparsed, one_line, begins, address } => {
                context.reparsed =
                    reparsed.map(str::to_owned).or_else(|| self.fed_to(place.start, command.span.end));
                context.one_line = one_line;
                context.word_start |= begins;
                if address {
                    context.url = true;
                    context.url_host = !before.contains(['/', '?', '#']);
                }
            }
        }
        Ok(())
    }

    /// Which program reads as its input what a command before it in the statement writes.
    fn fed_to(&self, at: usize, from: usize) -> Option<String> {
        let statements = &self.script.statements;
        let statement = statements.get(statements.partition_point(|statement| statement.span.end <= at))?;
        let readers = statement.commands.iter().filter(|command| command.fed && command.span.start >= from);
        readers.filter_map(reparse::reader).next().map(str::to_owned)
    }

    fn heredoc(&self, place: Span, context: &mut Context) -> Result<(), &'static str> {
        let text = self.parsed.text.as_str();
        let heredoc = self.parsed.scan.heredoc(place.start).ok_or(UNKNOWN)?;
        let body = &text[heredoc.body.start..place.start];
        if !heredoc.literal {
            let lines = body.rfind('\n').map_or("", |newline| &body[..newline]);
            if lines.ends_with('\\') {
                return Err("the line before it ends in a backslash");
            }
        }
        context.heredoc_delimiter = Some(heredoc.delimiter.clone());
        context.heredoc_strips_tabs = heredoc.strip;
        let looks_json = text[heredoc.body.range()].trim_start().starts_with(['{', '[']);
        context.reparsed = self.fed_to(heredoc.opener, 0).or_else(|| looks_json.then(|| "JSON".to_owned()));
        Ok(())
    }

    fn url(&self, before: &str, after: &str, context: &mut Context) {
        let tail = before.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
        if let Some((_, rest)) = tail.rsplit_once("://") {
            context.url = true;
            context.url_host = !rest.contains(['/', '?', '#']);
        } else if after.starts_with("://") {
            context.url = true;
        }
    }
}

/// Descends to the deepest node that holds each of `places[from..]` within the last of `chain`; gives
/// the index of the first place behind it.
fn descend<'t>(
    chain: &mut Vec<Node<'t>>,
    places: &[Span],
    mut from: usize,
    see: &mut dyn FnMut(usize, &[Node<'t>]),
) -> usize {
    let Some(&node) = chain.last() else { return from };
    let end = node.end_byte();
    if chain.len() <= MAX_DEPTH + 1 {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            while from < places.len() && places[from].start < child.start_byte() {
                see(from, chain);
                from += 1;
            }
            let Some(place) = places.get(from) else { return from };
            if place.start >= child.end_byte() || place.end > child.end_byte() {
                continue;
            }
            chain.push(child);
            from = descend(chain, places, from, see);
            chain.pop();
        }
    }
    while from < places.len() && places[from].end <= end {
        see(from, chain);
        from += 1;
    }
    from
}

/// What stands directly before a place and would change the meaning of its first byte.
fn spoiled(text: &str, place: Span, quoting: Quoting) -> Option<&'static str> {
    if matches!(quoting, Quoting::Single | Quoting::HeredocLiteral) {
        return None;
    }
    let before = &text[..place.start];
    let backslashes = before.len() - before.trim_end_matches('\\').len();
    if backslashes % 2 == 1 {
        return Some(ESCAPE);
    }
    if quoting == Quoting::AnsiC {
        // `\x4` and its like would take the value's first bytes with them.
        let near = before.char_indices().rev().nth(9).map_or(0, |(at, _)| at);
        return before[near..].contains('\\').then_some(ESCAPE);
    }
    if before.ends_with('$') {
        return Some(DOLLAR);
    }
    (quoting == Quoting::Bare && before.ends_with('~')).then_some("a `~` stands before it")
}

/// Whether a place in `[ … ]` or `[[ … ]]` is plain data there.
fn test(chain: &[Node<'_>], text: &str, place: Span) -> Result<(), &'static str> {
    let index = chain.iter().rposition(|node| node.kind() == "test_command").ok_or(UNKNOWN)?;
    let extended = text[chain[index].byte_range()].starts_with("[[");
    for node in &chain[index..] {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            let operator = &text[child.byte_range()];
            match (node.kind(), operator) {
                ("unary_expression", "-v" | "-R") => return Err(VARIABLE),
                ("binary_expression", "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge") if extended => {
                    return Err(ARITHMETIC);
                }
                ("binary_expression", "=~") if place.start > child.start_byte() => return Err(PATTERN),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The text without quotes, as far as they can be told without reading it again.
/// What stands in the same component of a path, if the word is one. `known`: nothing else in the word is
/// still open.
fn component(before: &str, after: &str, known: bool) -> Option<(String, String)> {
    let before = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let after = after.split(char::is_whitespace).next().unwrap_or_default();
    if !before.contains('/') && !after.contains('/') {
        return None;
    }
    let fixed = |text: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ',' | '@' | '%');
        if known && text.chars().all(plain) { text.to_owned() } else { String::new() }
    };
    let beside_before = before.rsplit(['/', '=', ':']).next().unwrap_or_default();
    let beside_after = after.split(['/', ':']).next().unwrap_or_default();
    Some((fixed(beside_before), fixed(beside_after)))
}

fn without_quotes(text: &str) -> String {
    text.replace("$'", "").replace("$\"", "").replace(['"', '\''], "")
}

#[cfg(test)]
#[path = "context/tests.rs"]
mod tests;
