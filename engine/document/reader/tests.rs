use super::*;

fn document(text: &str) -> (Document, Vec<Diagnostic>) {
    read(&Source::new("x.md", text.as_bytes().to_vec()).expect("is UTF-8"))
}

fn fences(blocks: &[Block]) -> Vec<&Fence> {
    blocks
        .iter()
        .flat_map(|block| match block {
            Block::Fence(fence) => vec![fence],
            Block::List(list) => list.items.iter().flat_map(|item| fences(&item.blocks)).collect(),
            Block::Quote(quote) => fences(&quote.blocks),
            _ => vec![],
        })
        .collect()
}

#[test]
fn headings_nest_and_keep_their_lines() {
    let (document, diagnostics) = document("intro\n\n# A\n\n## B\n\nx\n\n#### C\n\n## D\n\n# E\n");
    assert_eq!(diagnostics, []);
    assert_eq!(document.preamble.len(), 1);
    let outline = |section: &Section| (section.title.text.clone(), section.line, section.children.len());
    assert_eq!(
        document.sections.iter().map(outline).collect::<Vec<_>>(),
        [("A".into(), 3, 2), ("E".into(), 13, 0)]
    );
    let a = &document.sections[0];
    assert_eq!(a.children.iter().map(outline).collect::<Vec<_>>(), [("B".into(), 5, 1), ("D".into(), 11, 0)]);
}

#[test]
fn script_lines_of_an_indented_fence_map_to_the_file() {
    let text = "1. Do:\r\n   ```bash\r\n   a \\\r\n     b\r\n\r\n   c\r\n   ```\r\n";
    let (document, diagnostics) = document(text);
    assert_eq!(diagnostics, []);
    let fences = fences(&document.preamble);
    assert_eq!(fences[0].text, "a \\\n  b\n\nc");
    assert_eq!(fences[0].language().as_deref(), Some("bash"));
    let places: Vec<_> = fences[0].lines.iter().map(|place| place.line).collect();
    assert_eq!(places, [3, 4, 5, 6]);
    for (line, place) in fences[0].text.split('\n').zip(&fences[0].lines) {
        assert!(text[place.offset..].starts_with(line), "{line:?}");
    }
    assert!(fences[0].closed);
}

#[test]
fn text_keeps_bold_runs_code_and_places() {
    let text = "See **Key**: `a <b>` and <pod>  \nnext ‚â• 3\n";
    let (document, _) = document(text);
    let Block::Paragraph(inline) = &document.preamble[0] else { panic!("is a paragraph") };
    assert_eq!(inline.text, "See Key: a <b> and <pod>\nnext ≥ 3");
    assert_eq!(&inline.text[inline.bold[0].clone()], "Key");
    assert_eq!(inline.code[0].text, "a <b>");
    assert!(text[inline.code[0].offset..].starts_with("a <b>"));
    let key = inline.span_of(inline.bold[0].clone());
    assert_eq!(&text[key.range()], "Key");
    assert_eq!(inline.lines().count(), 2);
}

#[test]
fn comments_are_blocks_wherever_they_stand() {
    let text =
        "<!-- one -->\n<!--\ntwo\n-->\n\nText: <!-- three -->\n\n- x\n  <!-- four -->\n  ```sh\n  y\n  ```\n";
    let (document, diagnostics) = document(text);
    assert_eq!(diagnostics, []);
    fn comments(blocks: &[Block]) -> Vec<String> {
        blocks
            .iter()
            .flat_map(|block| match block {
                Block::Comment(comment) => vec![comment.text.trim().to_owned()],
                Block::List(list) => list.items.iter().flat_map(|item| comments(&item.blocks)).collect(),
                _ => vec![],
            })
            .collect()
    }
    assert_eq!(comments(&document.preamble), ["one", "two", "three", "four"]);
}

#[test]
fn tables_quotes_and_front_matter_are_read() {
    let (document, _) = document(
        "\u{feff}---\r\ntitle: X\r\n---\r\n# H\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n> quoted\n\n---\n",
    );
    assert_eq!(document.front_matter.as_ref().map(|yaml| yaml.text.as_str()), Some("title: X\n"));
    let blocks = &document.sections[0].blocks;
    let Block::Table(table) = &blocks[0] else { panic!("is a table") };
    assert_eq!((table.head[1].text.as_str(), table.rows[0].cells[1].text.as_str()), ("b", "2"));
    assert_eq!(table.rows[0].line, 8);
    assert!(matches!(&blocks[1..], [Block::Quote(_), Block::Rule(_)]));
}

#[test]
fn a_rule_at_the_top_is_no_front_matter() {
    assert_eq!(document("---\n\n# A\n\n---\n").0.front_matter, None);
    assert_eq!(document("---\nnever closed\n").0.front_matter, None);
}

#[test]
fn odd_texts_are_diagnosed_and_never_panic() {
    let (unclosed, diagnostics) = document("# A\n\n```bash\nx\n");
    assert!(!fences(&unclosed.sections[0].blocks)[0].closed);
    assert_eq!(diagnostics[0].message, "this code block is never closed");
    assert_eq!(document("<!-- x\n\n# A\n").1[0].message, "this comment is never closed");
    assert_eq!(
        document(&"> ".repeat(500)).1.first().map(|found| found.message.clone()),
        Some("blocks nested deeper than 48 levels are left out".to_owned())
    );
    let (_, diagnostics) = document("a ‚â• b ‚â§ c\n");
    assert_eq!(diagnostics[0].message, "`‚â•` is `≥` read as Mac Roman");
    assert_eq!(
        diagnostics[0].hint.as_deref(),
        Some("1 more like it; write the characters that are meant, and save the file as UTF-8")
    );
    for text in [
        "",
        "\u{feff}",
        "```",
        "~~~\n",
        "- ```\n",
        "\t\tx\n- \t\ty\n",
        "a\u{a0}b\u{200b}\r",
        "* * *\n1.\n",
        "<x",
    ] {
        let _ = document(text);
    }
}
