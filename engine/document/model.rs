//! The types of a document's blocks.

use super::Inline;
use crate::source::{Source, Span};

/// One Markdown file as generic blocks.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text it was read from.
    pub source: Source,
    /// The YAML between two `---` lines at the top.
    pub front_matter: Option<FrontMatter>,
    /// Blocks before the first heading.
    pub preamble: Vec<Block>,
    /// Sections in order, each with those below it.
    pub sections: Vec<Section>,
}

/// YAML at the top of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontMatter {
    /// The text between the two marks, with `\n` line ends.
    pub text: String,
    /// Where that text stands.
    pub span: Span,
}

/// A heading, the blocks under it, and the sections below it.
#[derive(Clone, Debug)]
pub struct Section {
    /// 1 to 6.
    pub level: u8,
    /// The heading's text.
    pub title: Inline,
    /// The heading's span.
    pub span: Span,
    /// The heading's line, from 1.
    pub line: usize,
    /// Blocks before the next heading.
    pub blocks: Vec<Block>,
    /// Sections of a deeper level up to the next of this one.
    pub children: Vec<Section>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(Inline),
    /// A list.
    List(List),
    /// A fenced or indented code block.
    Fence(Fence),
    /// A table.
    Table(Table),
    /// An HTML comment.
    Comment(Comment),
    /// A block quote.
    Quote(Quote),
    /// A thematic break (`---`).
    Rule(Span),
}

impl Block {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Paragraph(inline) => inline.span,
            Self::List(list) => list.span,
            Self::Fence(fence) => fence.span,
            Self::Table(table) => table.span,
            Self::Comment(comment) => comment.span,
            Self::Quote(quote) => quote.span,
            Self::Rule(span) => *span,
        }
    }
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The first number of an ordered list; none for bullets.
    pub start: Option<u64>,
    /// Its items.
    pub items: Vec<Item>,
    /// Where it stands.
    pub span: Span,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its blocks; the text of a tight item is a paragraph.
    pub blocks: Vec<Block>,
    /// Where it stands.
    pub span: Span,
    /// Its line, from 1.
    pub line: usize,
}

impl Item {
    /// The item's own first text.
    pub fn lead(&self) -> Option<&Inline> {
        match self.blocks.first() {
            Some(Block::Paragraph(inline)) => Some(inline),
            _ => None,
        }
    }

    /// The blocks behind that text, or all where there is none.
    pub fn rest(&self) -> &[Block] {
        &self.blocks[usize::from(self.lead().is_some())..]
    }
}

/// A code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Everything behind the opening marks, trimmed; empty for indented code.
    pub info: String,
    /// It is fenced, not indented.
    pub fenced: bool,
    /// Its closing marks are there; always for indented code.
    pub closed: bool,
    /// The text with list indentation removed and `\n` line ends, without the last one.
    pub text: String,
    /// For each line of `text`: where it stands.
    pub lines: Vec<FenceLine>,
    /// The block with its marks.
    pub span: Span,
    /// Its first line, from 1.
    pub line: usize,
}

impl Fence {
    /// The first word of the info string, lower case.
    pub fn language(&self) -> Option<String> {
        self.info
            .split(|c: char| c.is_whitespace() || c == ',')
            .find(|word| !word.is_empty())
            .map(str::to_lowercase)
    }
}

/// Where one line of a code block stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceLine {
    /// Line in the file, from 1.
    pub line: usize,
    /// File offset of the first byte of the line's text.
    pub offset: usize,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Cells of the head.
    pub head: Vec<Inline>,
    /// The rows below it.
    pub rows: Vec<TableRow>,
    /// Where it stands.
    pub span: Span,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// Its cells.
    pub cells: Vec<Inline>,
    /// Where it stands.
    pub span: Span,
    /// Its line, from 1.
    pub line: usize,
}

/// An HTML comment, which renders as nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The bytes between `<!--` and `-->`.
    pub text: String,
    /// The whole comment.
    pub span: Span,
    /// Where `text` begins in the file.
    pub offset: usize,
    /// Its first line, from 1.
    pub line: usize,
}

/// A block quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What it holds.
    pub blocks: Vec<Block>,
    /// Where it stands.
    pub span: Span,
}
