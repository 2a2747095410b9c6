//! Which variables a text sets, and which it uses without having set them.

use super::Variables;
use super::parse::{MAX_DEPTH, Parsed, span};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use tree_sitter::Node;

/// Variables that every session or every login has, or that bash sets itself.
const WELL_KNOWN: &[&str] = &[
    "HOME",
    "PATH",
    "PWD",
    "USER",
    "HOSTNAME",
    "RANDOM",
    "SECONDS",
    "TMPDIR",
    "SHELL",
    "TERM",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "LANG",
    "OLDPWD",
    "UID",
    "EUID",
    "PPID",
    "LOGNAME",
    "IFS",
    "LINENO",
    "FUNCNAME",
    "PIPESTATUS",
    "OPTARG",
    "OPTIND",
    "REPLY",
    "SHLVL",
    "COLUMNS",
    "LINES",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
    "SRANDOM",
    "OSTYPE",
    "HOSTTYPE",
    "MACHTYPE",
    "GROUPS",
    "DIRSTACK",
    "SHELLOPTS",
    "COPROC",
    "MAPFILE",
    "PS1",
    "PS4",
    "_",
];

/// Whether `name` is never a parameter: bash or the login environment provides it.
pub fn is_well_known(name: &str) -> bool {
    WELL_KNOWN.contains(&name) || name.starts_with("BASH") || name.starts_with("LC_")
}

pub(super) fn find(parsed: &Parsed, root: Node<'_>) -> Variables {
    let mut finder = Finder { text: &parsed.text, ..Finder::default() };
    finder.visit(root, false, 0);
    // A function's body runs after everything around it was set.
    for (name, span) in std::mem::take(&mut finder.deferred) {
        finder.note_use(&name, span);
    }
    finder.used.sort_by_key(|(_, span)| *span);
    let Finder { set, used, anything_from, .. } = finder;
    Variables { set, used, anything_from }
}

#[derive(Default)]
struct Finder<'t> {
    text: &'t str,
    set: Vec<(String, Span)>,
    known: HashSet<String>,
    used: Vec<(String, Span)>,
    seen: HashMap<String, ()>,
    deferred: Vec<(String, Span)>,
    anything_from: Option<usize>,
}

impl Finder<'_> {
    fn slice(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    fn note_set(&mut self, name: &str, span: Span) {
        if is_name(name) && self.known.insert(name.to_owned()) {
            self.set.push((name.to_owned(), span));
        }
    }

    fn note_use(&mut self, name: &str, span: Span) {
        if is_name(name)
            && !is_well_known(name)
            && !self.known.contains(name)
            && self.seen.insert(name.to_owned(), ()).is_none()
        {
            self.used.push((name.to_owned(), span));
        }
    }

    fn use_of(&mut self, node: Node<'_>, place: Span, in_function: bool) {
        let name = self.slice(node).to_owned();
        if in_function {
            self.deferred.push((name, place));
        } else {
            self.note_use(&name, place);
        }
    }

    fn visit(&mut self, node: Node<'_>, in_function: bool, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match node.kind() {
            "simple_expansion" => {
                if let Some(name) = node.named_child(0) {
                    self.use_of(name, span(node), in_function);
                }
            }
            "expansion" => self.expansion(node, in_function, depth),
            "variable_assignment" => {
                // The value is worked out before the name is set: `X=$X/bin` uses X.
                self.children(node, in_function, depth);
                if let Some(name) = node.child_by_field_name("name") {
                    let name = name.child_by_field_name("name").unwrap_or(name);
                    let (text, place) = (self.slice(name).to_owned(), span(name));
                    self.note_set(&text, place);
                }
            }
            "for_statement" => {
                let variable = node.child_by_field_name("variable");
                if let Some(variable) = variable {
                    let (text, place) = (self.slice(variable).to_owned(), span(variable));
                    self.note_set(&text, place);
                }
                self.children(node, in_function, depth);
            }
            "declaration_command" => {
                self.children(node, in_function, depth);
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    if matches!(child.kind(), "variable_name" | "word") {
                        let (text, place) = (self.slice(child).to_owned(), span(child));
                        self.note_set(&text, place);
                    }
                }
            }
            "binary_expression" => {
                self.children(node, in_function, depth);
                let assigns = node
                    .child_by_field_name("operator")
                    .is_some_and(|operator| matches!(operator.kind(), "=" | "+=" | "-=" | "*="));
                if let (true, Some(left)) = (assigns, node.child_by_field_name("left")) {
                    let (text, place) = (self.slice(left).to_owned(), span(left));
                    self.note_set(&text, place);
                }
            }
            "command" => {
                self.children(node, in_function, depth);
                self.builtin(node);
            }
            "function_definition" => self.children(node, true, depth),
            _ => self.children(node, in_function, depth),
        }
    }

    fn children(&mut self, node: Node<'_>, in_function: bool, depth: usize) {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            if child.child_count() > 0 {
                self.visit(child, in_function, depth + 1);
            }
        }
    }

    /// `${X}`, `${X:-d}`, `${X:=d}`, `${#X[@]}`.
    fn expansion(&mut self, node: Node<'_>, in_function: bool, depth: usize) {
        let mut name = None;
        let mut operator = "";
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "variable_name" if name.is_none() => name = Some(child),
                "subscript" if name.is_none() => name = child.child_by_field_name("name"),
                kind @ (":-" | "-" | ":+" | "+" | ":=" | "=" | ":?" | "?")
                    if name.is_some() && operator.is_empty() =>
                {
                    operator = kind;
                }
                _ => {}
            }
        }
        self.children(node, in_function, depth);
        let Some(name) = name else { return };
        match operator {
            ":-" | "-" | ":+" | "+" => {}
            ":=" | "=" => {
                let (text, place) = (self.slice(name).to_owned(), span(name));
                self.note_set(&text, place);
            }
            _ => self.use_of(name, span(node), in_function),
        }
    }

    /// Builtins whose arguments name variables, and those after which anything may be set.
    fn builtin(&mut self, node: Node<'_>) {
        let Some(program) = node.child_by_field_name("name") else { return };
        let program = self.slice(program).to_owned();
        if matches!(program.as_str(), "source" | "." | "eval") {
            self.anything_from.get_or_insert(node.start_byte());
            return;
        }
        let mut cursor = node.walk();
        let words = node
            .children_by_field_name("argument", &mut cursor)
            .map(|word| (self.slice(word).to_owned(), span(word)))
            .collect::<Vec<_>>();
        match program.as_str() {
            "read" | "mapfile" | "readarray" => {
                let mut skip = false;
                for (word, place) in words {
                    if skip {
                        skip = false;
                    } else if let Some(options) = word.strip_prefix('-') {
                        // The last letter of a group may take the next word as its value.
                        let valued: &[char] = if program == "read" {
                            &['d', 'i', 'n', 'N', 'p', 't', 'u']
                        } else {
                            &['d', 'n', 'O', 's', 'u', 'C', 'c']
                        };
                        skip = options.ends_with(valued);
                    } else {
                        self.note_set(&word, place);
                    }
                }
            }
            "getopts" => {
                if let Some((word, place)) = words.get(1) {
                    self.note_set(word, *place);
                }
            }
            "printf" => {
                if let [(option, _), (word, place), ..] = words.as_slice()
                    && option == "-v"
                {
                    self.note_set(word, *place);
                }
            }
            "let" => {
                for (word, place) in words {
                    let name = word.trim_matches(['"', '\'']).split('=').next().unwrap_or_default();
                    self.note_set(name, place);
                }
            }
            _ => {}
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
