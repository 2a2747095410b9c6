//! Blocks with their ordered lists as they were meant: a fence flush left ends a list in Markdown, and
//! the next number begins another.
//!
//! A list that goes on with the next number takes what stands between into its last item.

use super::fence::{self, FenceKind};
use super::{outline, prose};
use crate::document::{Block, Inline, Item, List};
use crate::source::Span;

/// A block, or an ordered list as it was meant.
#[derive(Debug)]
pub(super) enum Node<'d> {
    /// Any other block.
    Block(&'d Block),
    /// An ordered list.
    Ordered(Vec<Entry<'d>>),
}

/// An item of an ordered list with what belongs to it.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    /// Its number.
    pub(super) number: u64,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Where the item itself stands.
    pub(super) span: Span,
    /// Its blocks, with those taken in.
    pub(super) blocks: Vec<&'d Block>,
    /// It took in blocks that Markdown does not count to it.
    pub(super) healed: bool,
}

impl<'d> Entry<'d> {
    fn new(item: &'d Item, number: u64) -> Self {
        let blocks = item.blocks.iter().collect();
        Self { number, line: item.line, span: item.span, blocks, healed: false }
    }

    /// The item's own first text.
    pub(super) fn lead(&self) -> Option<&'d Inline> {
        match self.blocks.first() {
            Some(Block::Paragraph(inline)) => Some(inline),
            _ => None,
        }
    }

    fn has_fence(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::Fence(_)))
    }
}

/// Puts lists together that a fence or paragraph flush left broke.
pub(super) fn heal<'d>(blocks: &[&'d Block]) -> Vec<Node<'d>> {
    let mut healer = Healer { nodes: Vec::new(), open: None };
    for block in blocks {
        match block {
            Block::List(list) if list.start.is_some() => healer.list(list),
            block if is_barrier(block) || matches!(block, Block::List(_)) => {
                healer.close();
                healer.nodes.push(Node::Block(block));
            }
            block => match &mut healer.open {
                Some(open) => open.between.push(block),
                None => healer.nodes.push(Node::Block(block)),
            },
        }
    }
    healer.close();
    healer.nodes
}

/// A bold heading or a rule ends whatever came before it.
fn is_barrier(block: &Block) -> bool {
    matches!(block, Block::Rule(_)) || outline::pseudo_heading(block).is_some()
}

struct Healer<'d> {
    nodes: Vec<Node<'d>>,
    open: Option<Open<'d>>,
}

/// An ordered list that may go on, and the blocks behind it.
struct Open<'d> {
    entries: Vec<Entry<'d>>,
    between: Vec<&'d Block>,
    healed: bool,
}

impl<'d> Healer<'d> {
    fn list(&mut self, list: &'d List) {
        let start = list.start.unwrap_or(1);
        let entries = (start..).zip(&list.items).map(|(number, item)| Entry::new(item, number));
        let goes_on = self.open.as_ref().is_some_and(|open| open.goes_on_with(start));
        match self.open.take() {
            Some(mut open) if goes_on => {
                open.healed |= open.take_in(usize::MAX);
                open.entries.extend(entries);
                self.open = Some(open);
            }
            before => {
                self.open = before;
                self.close();
                self.open = Some(Open { entries: entries.collect(), between: Vec::new(), healed: false });
            }
        }
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.take_in_fence();
        self.nodes.push(Node::Ordered(open.entries));
        self.nodes.extend(open.between.into_iter().map(Node::Block));
    }
}

impl<'d> Open<'d> {
    /// Whether a list that begins with `start` continues this one.
    fn goes_on_with(&self, start: u64) -> bool {
        let Some(last) = self.entries.last() else { return false };
        // Somebody who writes `1.` before every item means the same.
        let all_ones = start == 1 && self.entries.iter().all(|entry| entry.number == 1) && self.fence_first();
        start > 1 && start == last.number + 1 || all_ones
    }

    fn fence_first(&self) -> bool {
        let is_fence = self.between.first().is_some_and(|block| is_commands(block));
        is_fence && self.entries.last().is_some_and(|last| !last.has_fence())
    }

    /// Takes a fence into the last item, when that leads to it and has none.
    fn take_in_fence(&mut self) {
        let leads = self
            .entries
            .last()
            .and_then(Entry::lead)
            .is_some_and(|lead| self.healed || prose::leads_on(&lead.text));
        if leads && self.fence_first() {
            let output = self.between.get(1).is_some_and(
                |block| matches!(block, Block::Fence(fence) if fence::kind(fence) == FenceKind::Output),
            );
            self.take_in(if output { 2 } else { 1 });
        }
    }

    /// Moves up to `count` blocks into the last item; whether there were any.
    fn take_in(&mut self, count: usize) -> bool {
        let count = count.min(self.between.len());
        let Some(last) = self.entries.last_mut().filter(|_| count > 0) else { return false };
        last.blocks.extend(self.between.drain(..count));
        last.healed = true;
        true
    }
}

fn is_commands(block: &Block) -> bool {
    matches!(block, Block::Fence(fence) if fence::kind(fence) == FenceKind::Shell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::source::Source;

    /// `o(…)` an ordered list with the number of blocks of each item, `b` another block.
    fn shape(text: &str) -> String {
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
        let document = document::read(&source).0;
        let blocks: Vec<&Block> = document.preamble.iter().collect();
        let nodes = heal(&blocks);
        let shown = nodes.iter().map(|node| match node {
            Node::Block(_) => "b".to_owned(),
            Node::Ordered(entries) => {
                let sizes: Vec<String> = entries.iter().map(|entry| entry.blocks.len().to_string()).collect();
                format!("o({})", sizes.join(","))
            }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn broken_lists_are_put_together() {
        let fence = "```sh\nls\n```\n";
        for (text, wanted) in [
            ("1. a\n2. b\n".to_owned(), "o(1,1)"),
            (format!("1. a:\n{fence}2. b:\n{fence}3. c:\n{fence}"), "o(2,2,2)"),
            (format!("1. a\n{fence}2. b\n{fence}"), "o(2,2)"),
            (format!("1. a\n{fence}1. b\n{fence}"), "o(2,2)"),
            (format!("1. a\n\ntext\n\n{fence}\n2. b\n"), "o(3,1)"),
            (format!("1. a:\n{fence}\ntext\n"), "o(2) b"),
            (format!("1. a\n{fence}\n"), "o(1) b"),
            (format!("1. a:\n   {}\n{fence}\n", fence.replace('\n', "\n   ")), "o(2) b"),
            (format!("1. a:\n{fence}\n**Resolution:**\n\n2. b\n"), "o(2) b o(1)"),
            (format!("1. a:\n{fence}\n- x\n\n2. b\n"), "o(2) b o(1)"),
            ("1. a\n\ntext\n\n4. b\n".to_owned(), "o(1) b o(1)"),
            ("text\n\n1. a\n".to_owned(), "b o(1)"),
        ] {
            assert_eq!(shape(&text), wanted, "{text}");
        }
    }
}
