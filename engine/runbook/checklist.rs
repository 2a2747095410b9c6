//! The post-incident list: what people do when it is over.

use super::ChecklistItem;
use crate::document::{Block, Item, mojibake};
use crate::source::{Source, Span};

/// Every item of the lists among the blocks, nested ones too, as Markdown on one line.
///
/// The number, bullet or check box before the text is left out; code blocks in an item are.
pub fn checklist(source: &Source, blocks: &[Block]) -> Vec<ChecklistItem> {
    let mut found = Vec::new();
    for block in blocks {
        match block {
            Block::List(list) => {
                for item in &list.items {
                    found.extend(text(source, item).map(|text| ChecklistItem { text, line: item.line }));
                    found.extend(checklist(source, item.rest()));
                }
            }
            Block::Quote(quote) => found.extend(checklist(source, &quote.blocks)),
            Block::Paragraph(_) | Block::Fence(_) | Block::Table(_) | Block::Comment(_) | Block::Rule(_) => {}
        }
    }
    found
}

/// The Markdown of an item's own first text.
fn text(source: &Source, item: &Item) -> Option<String> {
    item.lead()?;
    let end = item.blocks.get(1).map_or(item.span.end, |second| second.span().start.min(item.span.end));
    let raw = source.slice(Span::new(item.span.start, end.max(item.span.start)));
    let text = mojibake::repair(without_marker(raw));
    let text = text.lines().map(|line| line.trim_start_matches([' ', '\t', '>']).trim_end());
    let text = text.collect::<Vec<_>>().join(" ").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Drops `1.`, `2)`, `-`, `*`, `+` and a check box.
fn without_marker(raw: &str) -> &str {
    let raw = raw.trim_start();
    let behind = raw.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match behind.len() < raw.len() {
        true => behind.strip_prefix(['.', ')']).unwrap_or(raw),
        false => raw.strip_prefix(['-', '*', '+']).unwrap_or(raw),
    };
    let rest = rest.trim_start();
    ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn items_are_markdown_without_their_marks() {
        let text = "Do:\n\n1. **Document incident** in `backend/YYYY-MM-DD.md`\n2) skip\n\n3. **Root cause**\n   within 24h\n   \
                    - [ ] ask ‚Äì politely\n\n- [x] done\n* *lean*\n+ x\n\n> - quoted\n>   on\n\n- - nested\n";
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8");
        let found = checklist(&source, &document::read(&source).0.preamble);
        let found: Vec<(usize, &str)> = found.iter().map(|item| (item.line, item.text.as_str())).collect();
        assert_eq!(
            found,
            [
                (3, "**Document incident** in `backend/YYYY-MM-DD.md`"),
                (4, "skip"),
                (6, "**Root cause** within 24h"),
                (8, "ask – politely"),
                (10, "done"),
                (11, "*lean*"),
                (12, "x"),
                (14, "quoted on"),
                (17, "nested"),
            ]
        );
    }

    #[test]
    fn what_is_no_list_has_no_items() {
        let source = Source::new("x.md", b"text\n\n```\n- x\n```\n\n-\n".to_vec()).expect("is UTF-8");
        assert_eq!(checklist(&source, &document::read(&source).0.preamble), []);
    }
}
