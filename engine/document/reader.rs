//! Reads a source into blocks.

use super::{
    Block, Comment, Document, Fence, FenceLine, FrontMatter, Inline, Item, List, Quote, Section, Table,
    TableRow, mojibake,
};
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use pulldown_cmark::{CodeBlockKind, Event, OffsetIter, Options, Parser, Tag, TagEnd};
use std::cell::Cell;
use std::ops::Range;

/// Blocks nested deeper than this are left out, with a warning: nobody means them.
const MAX_DEPTH: usize = 48;

/// Takes a Markdown text apart. Never fails: what is odd is a diagnostic.
pub fn read(source: &Source) -> (Document, Vec<Diagnostic>) {
    let text = source.text();
    let (front_matter, start) = front_matter(text, source.body_start());
    let garbled = garbled(source);
    let mut reader = Reader {
        source,
        base: start,
        events: Parser::new_ext(&text[start..], options()).into_offset_iter(),
        diagnostics: Vec::new(),
        line: Cell::new(1),
        garbled: garbled.is_some(),
    };
    let (preamble, flat) = reader.document();
    let mut diagnostics = reader.diagnostics;
    diagnostics.extend(garbled);
    let document = Document { source: source.clone(), front_matter, preamble, sections: nest(flat) };
    (document, diagnostics)
}

/// The Markdown that is understood beyond CommonMark.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH
}

/// The YAML between `---` lines at the very top, and where the Markdown begins.
pub(super) fn front_matter(text: &str, start: usize) -> (Option<FrontMatter>, usize) {
    let mut lines = text[start..].split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---" && line.ends_with('\n')) else {
        return (None, start);
    };
    let content = start + first.len();
    let mut at = content;
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            let span = Span::new(content, at);
            let yaml = text[span.range()].replace("\r\n", "\n");
            return (Some(FrontMatter { text: yaml, span }), at + line.len());
        }
        // A rule at the top of a document without front matter is followed by a blank line.
        if at == content && line.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    (None, start)
}

/// One warning for all mis-decoded characters of a document.
fn garbled(source: &Source) -> Option<Diagnostic> {
    if source.text().is_ascii() {
        return None;
    }
    let garbles = mojibake::find(source.text());
    let first = garbles.first()?;
    let written = &source.text()[first.range.clone()];
    let message = format!("`{written}` is `{}` read as {}", first.meant, first.read_as);
    let hint = match garbles.len() - 1 {
        0 => "write the characters that are meant, and save the file as UTF-8".to_owned(),
        more => {
            format!("{more} more like it; write the characters that are meant, and save the file as UTF-8")
        }
    };
    Some(Diagnostic::warning("mojibake", first.range.clone().into(), message).with_hint(hint))
}

/// Builds the tree of sections from the headings in order.
fn nest(flat: Vec<Section>) -> Vec<Section> {
    let mut open: Vec<Section> = Vec::new();
    let mut roots = Vec::new();
    let close = |open: &mut Vec<Section>, roots: &mut Vec<Section>, level: u8| {
        while open.last().is_some_and(|section| section.level >= level) {
            let Some(done) = open.pop() else { break };
            match open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => roots.push(done),
            }
        }
    };
    for section in flat {
        close(&mut open, &mut roots, section.level);
        open.push(section);
    }
    close(&mut open, &mut roots, 0);
    roots
}

struct Reader<'a> {
    source: &'a Source,
    /// Offset of the parsed text in the file.
    base: usize,
    events: OffsetIter<'a>,
    diagnostics: Vec<Diagnostic>,
    /// The line that was asked for last: the next one is near.
    line: Cell<usize>,
    /// There are mis-decoded characters in the text.
    garbled: bool,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        let (event, range) = self.events.next()?;
        Some((event, self.span(range)))
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::from(range).shifted(self.base)
    }

    /// The line number that holds the byte at `offset`.
    fn line(&self, offset: usize) -> usize {
        let line = self.source.line_from(self.line.get(), offset);
        self.line.set(line);
        line
    }

    fn open(&self) -> InlineReader {
        InlineReader { garbled: self.garbled, ..InlineReader::default() }
    }

    fn document(&mut self) -> (Vec<Block>, Vec<Section>) {
        let mut preamble = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        while let Some((event, span)) = self.next() {
            if let Event::Start(Tag::Heading { level, .. }) = event {
                let (title, comments) = self.inline(span);
                sections.push(Section {
                    level: level as u8,
                    title,
                    span: self.trimmed(span),
                    line: self.line(span.start),
                    blocks: comments.into_iter().map(Block::Comment).collect(),
                    children: Vec::new(),
                });
                continue;
            }
            let blocks = sections.last_mut().map_or(&mut preamble, |section| &mut section.blocks);
            self.block(event, span, blocks, 0);
        }
        (preamble, sections)
    }

    /// Reads one block that begins with `event` and appends what it yields.
    fn block(&mut self, event: Event<'a>, span: Span, out: &mut Vec<Block>, depth: usize) {
        match event {
            Event::Start(_) if depth >= MAX_DEPTH => {
                self.skip();
                self.too_deep(span);
            }
            Event::Start(Tag::Paragraph | Tag::Heading { .. }) => {
                let (inline, comments) = self.inline(span);
                push_text(out, inline, comments);
            }
            Event::Start(Tag::BlockQuote(_)) => {
                let blocks = self.blocks(depth + 1);
                out.push(Block::Quote(Quote { blocks, span }));
            }
            Event::Start(Tag::CodeBlock(kind)) => out.push(Block::Fence(self.fence(&kind, span))),
            Event::Start(Tag::HtmlBlock) => self.html_block(span, out),
            Event::Start(Tag::List(start)) => out.push(Block::List(self.list(start, span, depth + 1))),
            Event::Start(Tag::Table(_)) => out.push(Block::Table(self.table(span))),
            Event::Start(_) => self.skip(),
            Event::Rule => out.push(Block::Rule(span)),
            Event::Html(_) => self.comments(span, out),
            _ => {}
        }
    }

    /// Reads blocks up to the end of the one that holds them. The text of a tight list item comes
    /// without a paragraph around it and becomes one.
    fn blocks(&mut self, depth: usize) -> Vec<Block> {
        // Most often a text, and a block of code or a list behind it.
        let mut out = Vec::with_capacity(2);
        let mut open = self.open();
        while let Some((event, span)) = self.next() {
            match event {
                Event::Start(ref tag) if !is_inline(tag) => {
                    open.flush(&mut out);
                    self.block(event, span, &mut out, depth);
                }
                Event::End(ref end) if !is_inline_end(end) => {
                    open.flush(&mut out);
                    break;
                }
                Event::Rule | Event::Html(_) => {
                    open.flush(&mut out);
                    self.block(event, span, &mut out, depth);
                }
                event => open.take(self, event, span),
            }
        }
        out
    }

    /// Reads running text up to the end of the block that holds it.
    fn inline(&mut self, span: Span) -> (Inline, Vec<Comment>) {
        let mut open = self.open();
        open.inline.text.reserve(span.end - span.start);
        while let Some((event, span)) = self.next() {
            match event {
                Event::End(ref end) if !is_inline_end(end) => break,
                event => open.take(self, event, span),
            }
        }
        let mut inline = open.inline;
        inline.span = self.trimmed(span);
        (inline, open.comments)
    }

    fn list(&mut self, start: Option<u64>, span: Span, depth: usize) -> List {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next() {
            match event {
                Event::Start(Tag::Item) => {
                    let span = self.trimmed(span);
                    let line = self.line(span.start);
                    items.push(Item { blocks: self.blocks(depth), span, line });
                }
                Event::End(TagEnd::List(_)) => break,
                _ => {}
            }
        }
        List { start, items, span }
    }

    fn table(&mut self, span: Span) -> Table {
        let mut table = Table { head: Vec::new(), rows: Vec::new(), span };
        let mut cells = Vec::new();
        let mut row = span;
        while let Some((event, span)) = self.next() {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => row = span,
                Event::Start(Tag::TableCell) => cells.push(self.inline(span).0),
                Event::End(TagEnd::TableHead) => table.head = std::mem::take(&mut cells),
                Event::End(TagEnd::TableRow) => table.rows.push(TableRow {
                    cells: std::mem::replace(&mut cells, Vec::with_capacity(table.head.len())),
                    span: self.trimmed(row),
                    line: self.line(row.start),
                }),
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        table
    }

    fn fence(&mut self, kind: &CodeBlockKind<'_>, span: Span) -> Fence {
        let span = self.trimmed(span);
        let mut text = String::with_capacity(span.end - span.start);
        let line = self.line(span.start);
        let ends = self.source.slice(span).bytes().filter(|byte| *byte == b'\n');
        let mut lines = Vec::with_capacity(ends.count());
        let mut at_start = true;
        while let Some((event, span)) = self.next() {
            let Event::Text(piece) = event else { break };
            let mut offset = span.start;
            for part in piece.split_inclusive('\n') {
                if at_start {
                    lines.push(FenceLine { line: self.line(offset), offset });
                }
                offset += part.len();
                text.push_str(part);
                at_start = part.ends_with('\n');
                if at_start && text.ends_with("\r\n") {
                    text.truncate(text.len() - 2);
                    text.push('\n');
                }
            }
        }
        if text.ends_with('\n') {
            text.pop();
        }
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.trim().to_owned(),
            CodeBlockKind::Indented => String::new(),
        };
        let fenced = matches!(kind, CodeBlockKind::Fenced(_));
        let closed = !fenced || is_closed(self.source.slice(span));
        if !closed {
            let first = self.source.slice(span).lines().next().unwrap_or_default().len();
            let place = Span::new(span.start, span.start + first);
            self.diagnostics.push(
                Diagnostic::warning("unclosed-fence", place, "this code block is never closed")
                    .with_hint("close it with as many marks as it was opened with"),
            );
        }
        Fence { info, fenced, closed, text, lines, span, line }
    }

    fn html_block(&mut self, span: Span, out: &mut Vec<Block>) {
        while let Some((event, _)) = self.next() {
            if matches!(event, Event::End(TagEnd::HtmlBlock)) {
                break;
            }
        }
        self.comments(span, out);
    }

    /// Finds the comments of an HTML block; everything else in it is left alone.
    fn comments(&mut self, span: Span, out: &mut Vec<Block>) {
        let html = self.source.slice(span);
        let mut at = 0;
        while let Some(open) = html[at..].find("<!--").map(|found| at + found) {
            let text_start = open + 4;
            let Some(close) = html[text_start..].find("-->").map(|found| text_start + found) else {
                let place = Span::new(span.start + open, span.start + text_start);
                self.diagnostics.push(
                    Diagnostic::warning("unclosed-comment", place, "this comment is never closed")
                        .with_hint("everything behind it is part of the comment; close it with `-->`"),
                );
                return;
            };
            out.push(Block::Comment(Comment {
                text: html[text_start..close].to_owned(),
                span: Span::new(span.start + open, span.start + close + 3),
                offset: span.start + text_start,
                line: self.line(span.start + open),
            }));
            at = close + 3;
        }
    }

    /// Drops a block with everything in it.
    fn skip(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                Some((Event::Start(_), _)) => depth += 1,
                Some((Event::End(_), _)) => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    fn too_deep(&mut self, span: Span) {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == "too-deep") {
            return;
        }
        let message = format!("blocks nested deeper than {MAX_DEPTH} levels are left out");
        let place = Span::new(span.start, span.start);
        self.diagnostics.push(Diagnostic::warning("too-deep", place, message));
    }

    /// The span without the line ends and blanks at its end.
    fn trimmed(&self, span: Span) -> Span {
        Span::new(span.start, span.start + self.source.slice(span).trim_end().len())
    }
}

/// Collects running text, event by event.
#[derive(Default)]
struct InlineReader {
    garbled: bool,
    inline: Inline,
    bold_starts: Vec<usize>,
    comments: Vec<Comment>,
}

impl InlineReader {
    fn take(&mut self, reader: &Reader<'_>, event: Event<'_>, span: Span) {
        match event {
            Event::Start(Tag::Strong) => self.bold_starts.push(self.inline.text.len()),
            Event::End(TagEnd::Strong) => {
                if let Some(start) = self.bold_starts.pop() {
                    self.inline.bold.push(start..self.inline.text.len());
                }
            }
            Event::Text(text) => self.text(&text, span),
            Event::Code(code) => self.inline.push_code(&code, span, reader.source.slice(span)),
            Event::SoftBreak | Event::HardBreak => self.inline.push_piece("\n", span),
            Event::InlineHtml(html) | Event::Html(html) => self.html(reader, &html, span),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, span: Span) {
        match self.garbled {
            true => self.inline.push_text(text, span),
            false => self.inline.push_piece(text, span),
        }
    }

    fn html(&mut self, reader: &Reader<'_>, html: &str, span: Span) {
        if let Some(text) = html.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) {
            self.comments.push(Comment {
                text: text.to_owned(),
                span,
                offset: span.start + 4,
                line: reader.line(span.start),
            });
        } else if html.starts_with("<br") {
            self.inline.push_piece("\n", span);
        } else if is_placeholder(html) {
            // `<pod>` in prose is a name the author left open, not markup.
            self.text(html, span);
        }
    }

    fn flush(&mut self, out: &mut Vec<Block>) {
        // Most blocks have no text of their own in front of them.
        if self.inline.is_untouched() && self.comments.is_empty() {
            return;
        }
        let done = std::mem::replace(self, Self { garbled: self.garbled, ..Self::default() });
        push_text(out, done.inline, done.comments);
    }
}

fn push_text(out: &mut Vec<Block>, inline: Inline, comments: Vec<Comment>) {
    if !inline.is_blank() {
        out.push(Block::Paragraph(inline));
    }
    out.extend(comments.into_iter().map(Block::Comment));
}

/// Tags that HTML pages have; any other `<name>` is text.
const HTML_TAGS: &[&str] = &[
    "a", "abbr", "b", "br", "code", "details", "div", "em", "font", "h1", "h2", "h3", "hr", "i", "img",
    "ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup",
    "table", "td", "th", "tr", "u", "ul",
];

fn is_placeholder(html: &str) -> bool {
    let name = html.trim_start_matches('<').trim_end_matches('>');
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.'))
        && !HTML_TAGS.contains(&name.to_ascii_lowercase().as_str())
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
}

fn is_inline_end(end: &TagEnd) -> bool {
    matches!(end, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

/// Whether a fenced block ends with marks that close it.
fn is_closed(block: &str) -> bool {
    let mark = block.chars().next().unwrap_or('`');
    let opened = block.chars().take_while(|&c| c == mark).count();
    let mut lines = block.lines();
    let _opening = lines.next();
    let Some(last) = lines.next_back() else { return false };
    let last = last.trim_start_matches([' ', '\t', '>']).trim_end();
    last.len() >= opened && last.chars().all(|c| c == mark)
}

#[cfg(test)]
mod tests;
