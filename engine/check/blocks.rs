//! Walks over every block of a document, in order.

use crate::document::{Block, Document, Fence, Section};

/// Calls `each` with every block, those in lists and quotes included.
pub(super) fn each_block<'d>(document: &'d Document, each: &mut dyn FnMut(&'d Block)) {
    of_blocks(&document.preamble, each);
    document.sections.iter().for_each(|section| of_section(section, each));
}

fn of_section<'d>(section: &'d Section, each: &mut dyn FnMut(&'d Block)) {
    of_blocks(&section.blocks, each);
    section.children.iter().for_each(|child| of_section(child, each));
}

fn of_blocks<'d>(blocks: &'d [Block], each: &mut dyn FnMut(&'d Block)) {
    for block in blocks {
        each(block);
        match block {
            Block::List(list) => list.items.iter().for_each(|item| of_blocks(&item.blocks, each)),
            Block::Quote(quote) => of_blocks(&quote.blocks, each),
            Block::Paragraph(_) | Block::Fence(_) | Block::Table(_) | Block::Comment(_) | Block::Rule(_) => {}
        }
    }
}

/// The first fence that `wanted` holds for.
pub(super) fn find_fence(document: &Document, wanted: impl Fn(&Fence) -> bool) -> Option<&Fence> {
    let mut found = None;
    each_block(document, &mut |block| {
        if let Block::Fence(fence) = block
            && found.is_none()
            && wanted(fence)
        {
            found = Some(fence);
        }
    });
    found
}
