//! Where a document's links lead, and what can be linked to in it. Resolves nothing.

use super::Document;
use super::reader::{front_matter, options};
use crate::source::{Source, Span};
use pulldown_cmark::{Event, LinkType, Parser, Tag};
use std::collections::HashMap;

/// A link or an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its destination as written, without title.
    pub target: String,
    /// The whole link in the file.
    pub span: Span,
}

/// Links of a document and the names its HTML gives to places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// In document order.
    pub links: Vec<Link>,
    /// Values of `id` and `name` attributes.
    pub html_ids: Vec<String>,
}

/// Finds the links and HTML anchors of a text.
pub fn references(source: &Source) -> References {
    let text = source.text();
    let (_, start) = front_matter(text, source.body_start());
    let mut references = References::default();
    for (event, span) in Parser::new_ext(&text[start..], options()).into_offset_iter() {
        match event {
            // `<ops@example.com>` leads to a person.
            Event::Start(Tag::Link { link_type: LinkType::Email, .. }) => {}
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                references
                    .links
                    .push(Link { target: dest_url.to_string(), span: Span::from(span).shifted(start) });
            }
            Event::Html(html) | Event::InlineHtml(html) => html_ids(&html, &mut references.html_ids),
            _ => {}
        }
    }
    references
}

fn html_ids(html: &str, out: &mut Vec<String>) {
    for attribute in ["id=", "name="] {
        for (at, _) in html.match_indices(attribute) {
            let value = &html[at + attribute.len()..];
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let inside = quote.and_then(|quote| value[1..].split(quote).next());
            out.extend(inside.map(str::to_owned));
        }
    }
}

/// The fragments that lead to the headings of a document, as GitHub and mdBook make them.
pub fn heading_slugs(document: &Document) -> Vec<String> {
    let mut slugs = Vec::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut rest: Vec<_> = document.sections.iter().rev().collect();
    while let Some(section) = rest.pop() {
        let slug = slug(&section.title.text);
        let count = counts.entry(slug.clone()).or_default();
        slugs.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
        rest.extend(section.children.iter().rev());
    }
    slugs
}

fn slug(title: &str) -> String {
    let kept = title.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read;

    #[test]
    fn links_images_and_html_names_are_found_where_they_stand() {
        let text = "---\ntitle: X\n---\n# A\n\nSee [b](c.md#d \"t\"), ![i](i.png) and [e][f].\n\n[f]: <g h.md>\n\n\
                    <a id=\"x\" name='y'></a>\n\n`[no](no.md)`\n";
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is text");
        let references = references(&source);
        let links: Vec<_> =
            references.links.iter().map(|link| (link.target.as_str(), source.slice(link.span))).collect();
        assert_eq!(links, [("c.md#d", "[b](c.md#d \"t\")"), ("i.png", "![i](i.png)"), ("g h.md", "[e][f]")]);
        assert_eq!(references.html_ids, ["x", "y"]);
    }

    #[test]
    fn headings_are_led_to_by_their_words() {
        let text = "# Alert: `Disk` Full!\n\n## Steps\n\n## A_b  c\n\n# Über\n\n## Steps\n";
        let source = Source::new("x.md", text.as_bytes().to_vec()).expect("is text");
        let slugs = heading_slugs(&read(&source).0);
        assert_eq!(slugs, ["alert-disk-full", "steps", "a_b--c", "über", "steps-1"]);
    }
}
