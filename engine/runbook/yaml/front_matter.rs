//! The YAML at the top of a runbook: metadata, and what is declared of parameters.

use super::{Located, Mapping, read};
use crate::diagnostic::{Diagnostic, Level};
use crate::document::{Document, mojibake};
use crate::runbook::title::fold;
use crate::runbook::{Metadata, MetadataEntry, ParameterDeclaration};
use crate::source::Span;
use serde::Deserialize;

/// What front matter says.
#[derive(Clone, Debug, Default)]
pub struct FrontMatter {
    /// The title, if it gives one.
    pub title: Option<String>,
    /// Every other key whose value fits on a line: severity, owner, tags, `last_reviewed_on`, …
    pub metadata: Metadata,
    /// Declared parameters in order.
    pub parameters: Declarations,
}

/// Parameters as front matter declares them: name, place of the name, declaration.
pub type Declarations = Vec<(Located<String>, ParameterDeclaration)>;

impl FrontMatter {
    /// Reads a document's front matter; without one, nothing.
    ///
    /// Text that is not YAML is a warning, since many tools put other things there; where it declares
    /// parameters it is an error, because a run would go on without their patterns.
    pub fn read(document: &Document) -> (Self, Vec<Diagnostic>) {
        let Some(block) = &document.front_matter else { return (Self::default(), Vec::new()) };
        let text = document.source.slice(block.span);
        let declares = text.lines().any(|line| line.starts_with("parameters:"));
        let mapping = match read::<Option<Mapping>>(text, block.span.start) {
            Ok(mapping) => mapping.unwrap_or_default(),
            Err(error) => return (Self::default(), vec![unread(error, declares)]),
        };
        let mut front = Self::default();
        let file = document.source.text();
        for (key, value) in &mapping.0 {
            let Some(text) = value.value.on_one_line(file, value.span) else { continue };
            let value_span = value.value.span(value.span);
            let text = mojibake::repair(&text).into_owned();
            match fold(&key.value).as_str() {
                "parameters" => {}
                "title" => front.title = Some(text),
                _ => front.metadata.entries.push(MetadataEntry {
                    key: key.value.clone(),
                    value: text,
                    span: Span::new(key.span.start, value_span.end),
                    value_span,
                }),
            }
        }
        match read::<Option<Declared>>(text, block.span.start) {
            Ok(declared) => {
                let declared = declared.unwrap_or_default().parameters.unwrap_or_default().0;
                front.parameters = declared
                    .into_iter()
                    .map(|(name, declaration)| (name, declaration.value.unwrap_or_default().into()))
                    .collect();
                (front, Vec::new())
            }
            Err(error) => (front, vec![error]),
        }
    }
}

/// Front matter that cannot be read, as bad as what it hides.
fn unread(mut error: Diagnostic, declares: bool) -> Diagnostic {
    error.code = "bad-front-matter";
    error.message = format!("front matter is not read: {}", error.message);
    if !declares {
        error.level = Level::Warning;
    }
    if error.hint.is_none() {
        error.hint = Some("between the two `---` lines stands YAML: one `key: value` a line".to_owned());
    }
    error
}

/// The part of front matter that is checked; other keys are metadata.
#[derive(Default, Deserialize)]
struct Declared {
    parameters: Option<Mapping<Option<Declaration>>>,
}

/// One parameter's declaration as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Declaration {
    #[serde(rename = "type")]
    kind: Option<String>,
    pattern: Option<String>,
    choices: Vec<String>,
    default: Option<String>,
    secret: bool,
    description: Option<String>,
}

impl From<Declaration> for ParameterDeclaration {
    fn from(written: Declaration) -> Self {
        let Declaration { kind, pattern, choices, default, secret, description } = written;
        Self { kind, pattern, choices, default, secret, description }
    }
}
