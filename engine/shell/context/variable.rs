//! Where a text uses a variable, and what the variable's value would have to survive there.

use super::{ARITHMETIC, Reader, WORD, plain};
use crate::shell::parse::{MAX_DEPTH, prepare, script, span};
use crate::shell::{Quoting, VariableUse};
use crate::source::Span;
use tree_sitter::Node;

/// Every use of the variable `name` in `text`, placeholders aside.
pub fn variable_uses(text: &str, name: &str) -> Vec<VariableUse> {
    let parsed = prepare(text);
    let script = script(&parsed);
    let reader = Reader::new(&parsed, &script);
    let mut places = Vec::new();
    let mut seen_by_grammar = false;
    if let (Some(tree), true) = (&parsed.tree, script.is_complete()) {
        seen_by_grammar = true;
        expansions(tree.root_node(), &parsed.text, name, 0, &mut places);
    }
    let mut uses = Vec::new();
    reader.each(&places, &mut |which, chain| uses.push(reader.variable(places[which], chain)));
    // What stands between backticks of a heredoc, or in a text that is not understood, is only
    // searched.
    for (at, _) in parsed.text.match_indices(name).filter(|_| !name.is_empty()) {
        let place = Span::new(at, at + name.len());
        let expands = parsed.text[..at].ends_with(['$', '{']);
        let hidden = parsed.scan.heredoc(at).is_some_and(|body| parsed.text[body.body.range()].contains('`'));
        if expands && (!seen_by_grammar || hidden) && !places.iter().any(|known| known.range().contains(&at))
        {
            let context = plain(Quoting::Bare);
            uses.push(VariableUse { span: place, context, splits: true, arithmetic: false, free_form: true });
        }
    }
    uses
}

/// The expansions of `name`, and its bare uses in arithmetic.
fn expansions(node: Node<'_>, text: &str, name: &str, depth: usize, found: &mut Vec<Span>) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut cursor = node.walk();
    match node.kind() {
        "simple_expansion" | "expansion" => {
            let names = |child: Node<'_>| {
                let own = child.child_by_field_name("name").unwrap_or(child);
                matches!(own.kind(), "variable_name") && &text[own.byte_range()] == name
            };
            if node.named_children(&mut cursor).any(names) {
                found.push(span(node));
                return;
            }
        }
        "variable_name" if &text[node.byte_range()] == name => {
            let assigned = node.parent().is_some_and(|parent| {
                !matches!(
                    parent.kind(),
                    "binary_expression"
                        | "unary_expression"
                        | "postfix_expression"
                        | "arithmetic_expansion"
                        | "parenthesized_expression"
                        | "subscript"
                        | "compound_statement"
                        | "ternary_expression"
                )
            });
            if !assigned {
                found.push(span(node));
            }
        }
        _ => {}
    }
    for child in node.named_children(&mut cursor) {
        expansions(child, text, name, depth + 1, found);
    }
}

impl Reader<'_> {
    fn variable(&self, place: Span, chain: &[Node<'_>]) -> VariableUse {
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
            Ok(context) => VariableUse { span: place, context, splits, arithmetic, free_form: braces },
            Err(why) => VariableUse {
                span: place,
                context: plain(quoting),
                splits,
                arithmetic: arithmetic || why == ARITHMETIC,
                free_form: !arithmetic && why != ARITHMETIC,
            },
        }
    }
}
