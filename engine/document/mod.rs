//! Source → Document: the file as generic blocks with byte spans.
//!
//! CommonMark with tables, by pulldown-cmark, which is used nowhere else. This module does not know
//! what a step or a severity is, never interprets HTML, and never alters script bytes; prose that is
//! UTF-8 read in another encoding is given as meant.

mod inline;
mod model;
pub mod mojibake;
mod reader;
mod references;

pub use inline::{CodeSpan, Inline};
pub use model::{
    Block, Comment, Document, Fence, FenceLine, FrontMatter, Item, List, Quote, Section, Table, TableRow,
};
pub use reader::read;
pub use references::{Link, References, heading_slugs, references};
