//! Where a text uses a variable, and what the variable's value would have to survive there.

use super::{ARITHMETIC, Reader, WORD, plain};
use crate::shell::parse::{MAX_DEPTH, prepare, script, span};
use crate::shell::{Quoting, VariableUse};
use crate::source::Span;
use std::collections::HashSet;
use tree_sitter::Node;

/// Every use of the variables `names` in `text`, in order; placeholders are none.
pub fn variable_uses(text: &str, names: &[&str]) -> Vec<VariableUse> {
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.iter().copied().collect::<HashSet<_>>();
    let parsed = prepare(text);
    let script = script(&parsed);
    let reader = Reader::new(&parsed, &script);
    let mut found = Vec::new();
    if let (Some(tree), true) = (&parsed.tree, script.is_complete()) {
        expansions(tree.root_node(), None, &parsed.text, &names, 0, &mut found);
    } else {
        return searched(&parsed.text, &names);
    }
    let places = found.iter().map(|(place, _)| *place).collect::<Vec<_>>();
    let mut uses = Vec::new();
    reader.each(&places, &mut |which, chain| {
        uses.push(reader.variable(found[which].1.clone(), places[which], chain));
    });
    uses
}

/// In a text that is not understood, whatever looks like an expansion is one that may be anything.
fn searched(text: &str, names: &HashSet<&str>) -> Vec<VariableUse> {
    let uses = text.match_indices('$').filter_map(|(dollar, _)| {
        let at = dollar + 1 + usize::from(text[dollar + 1..].starts_with('{'));
        let rest = &text[at..];
        let length = rest.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'));
        let name = &rest[..length.unwrap_or(rest.len())];
        names.contains(name).then(|| VariableUse {
            name: name.to_owned(),
            span: Span::new(dollar, at + name.len()),
            context: plain(Quoting::Bare),
            splits: true,
            arithmetic: false,
            free_form: true,
        })
    });
    uses.collect()
}

/// Kinds of nodes in which a bare name is a use of that variable.
const ARITHMETIC_NODES: &[&str] = &[
    "binary_expression",
    "unary_expression",
    "postfix_expression",
    "ternary_expression",
    "parenthesized_expression",
    "arithmetic_expansion",
    "subscript",
    "compound_statement",
];

/// The expansions of `names`, and their bare uses in arithmetic.
fn expansions(
    node: Node<'_>,
    parent: Option<&str>,
    text: &str,
    names: &HashSet<&str>,
    depth: usize,
    found: &mut Vec<(Span, String)>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut cursor = node.walk();
    let kind = node.kind();
    let own = &text[node.byte_range()];
    if matches!(kind, "simple_expansion" | "expansion") {
        let name = node.named_children(&mut cursor).find_map(|child| {
            let name = child.child_by_field_name("name").unwrap_or(child);
            (name.kind() == "variable_name").then(|| &text[name.byte_range()])
        });
        if let Some(name) = name.filter(|name| names.contains(name)) {
            found.push((span(node), name.to_owned()));
            return;
        }
    } else if kind == "variable_name"
        && names.contains(own)
        && parent.is_some_and(|parent| ARITHMETIC_NODES.contains(&parent))
    {
        found.push((span(node), own.to_owned()));
    }
    for child in node.named_children(&mut cursor) {
        expansions(child, Some(kind), text, names, depth + 1, found);
    }
}

impl Reader<'_> {
    fn variable(&self, name: String, place: Span, chain: &[Node<'_>]) -> VariableUse {
        let (quoting, _) = self.parsed.scan.at(place.start);
        let own = chain.last().is_some_and(|node| node.kind() == "variable_name");
        let arithmetic = own
            || chain.iter().any(|node| {
                matches!(node.kind(), "arithmetic_expansion" | "subscript")
                    || node.kind() == "compound_statement"
                        && self.parsed.text[node.start_byte()..].starts_with("((")
            });
        // `${Y#$X}` makes a pattern of it.
        let outer = chain.split_last().map_or(&[][..], |(_, outer)| outer);
        let braces = outer.iter().any(|node| node.kind() == "expansion");
        let quoting = if quoting == Quoting::Comment { Quoting::Bare } else { quoting };
        let inner = chain.iter().rposition(|node| !WORD.contains(&node.kind()));
        let splits = quoting == Quoting::Bare
            && inner.is_some_and(|inner| {
                matches!(chain[inner].kind(), "command" | "for_statement" | "file_redirect" | "array")
            });
        match self.surroundings(place, chain, quoting) {
            Ok(context) => VariableUse { name, span: place, context, splits, arithmetic, free_form: braces },
            Err(why) => VariableUse {
                name,
                span: place,
                context: plain(quoting),
                splits,
                arithmetic: arithmetic || why == ARITHMETIC,
                free_form: !arithmetic && why != ARITHMETIC,
            },
        }
    }
}
