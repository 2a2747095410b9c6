//! Any bytes → Source → Document → Runbook → Plan: never a panic, and no span outside the file.
//!
//! Nothing on this way runs anything, so any document may be tried.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook::diagnostic::Diagnostic;
use runbook::document::{self, Block, Section};
use runbook::source::{Source, Span};

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::new("fuzz.md", bytes.to_vec()) else { return };
    let (document, diagnostics) = document::read(&source);
    check_diagnostics(&source, &diagnostics);
    check_blocks(&source, &document.preamble);
    document.sections.iter().for_each(|section| check_section(&source, section));
});

fn check_section(source: &Source, section: &Section) {
    check_span(source, section.span);
    check_blocks(source, &section.blocks);
    section.children.iter().for_each(|child| check_section(source, child));
}

fn check_blocks(source: &Source, blocks: &[Block]) {
    for block in blocks {
        check_span(source, block.span());
        match block {
            Block::List(list) => list.items.iter().for_each(|item| check_blocks(source, &item.blocks)),
            Block::Quote(quote) => check_blocks(source, &quote.blocks),
            Block::Fence(fence) => {
                for place in &fence.lines {
                    check_span(source, Span::new(place.offset, place.offset));
                    assert!((1..=source.line(source.text().len())).contains(&place.line));
                }
            }
            Block::Comment(comment) => {
                check_span(source, comment.span);
                assert!(source.text()[comment.offset..].starts_with(&comment.text), "{comment:?}");
            }
            Block::Paragraph(_) | Block::Table(_) | Block::Rule(_) => {}
        }
    }
}

/// A span must be sliceable: in order, inside the file, between characters.
fn check_span(source: &Source, span: Span) {
    assert!(source.text().get(span.range()).is_some(), "{span:?} of {} bytes", source.text().len());
}

fn check_diagnostics(source: &Source, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        check_span(source, diagnostic.span);
        assert!(!diagnostic.render(source).is_empty());
    }
}
