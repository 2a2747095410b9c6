//! What can be known of a document without running anything: the first tier of `runbook test`.
//!
//! Findings are diagnostics of the document they are about. Reading the document and lowering it to a
//! runbook have findings of their own, which come first and are not repeated here. Whether a file
//! exists is asked of the caller; nothing here opens one.

mod escalation;
mod unstepped;

pub use escalation::escalation;
pub use unstepped::{uncovered, without_step};

use super::blocks::each_block;
use super::names;
use crate::diagnostic::Diagnostic;
use crate::document::{Block, Document, heading_slugs, references};
use crate::runbook::near::near;
use crate::runbook::{Action, Branch, PossibleBlock, Procedure, Reach, Runbook, Step, Target, is_shell};
use crate::shell;
use crate::source::{Source, Span};
use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// Findings about the code blocks of a document itself.
pub fn blocks(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    each_block(document, &mut |block| {
        if let Block::Fence(fence) = block
            && !fence.closed
        {
            let place = document.source.line_span(fence.line);
            found.push(
                Diagnostic::error("unclosed-fence", place, "this code block is never closed").with_hint(
                    "all that follows is part of it; close it with as many marks as it was opened with",
                ),
            );
        }
    });
    found
}

/// Findings about the steps, parameters and targets of one procedure. `given` are the names of the
/// parameters that a test of it gets a value for, besides those its own directive names; that it gets one for
/// each is another question ([`without_value`]). `is_bash` is the word of a real bash on a text that the
/// grammar cannot read: the grammar does not know all of bash.
pub fn procedure(
    runbook: &Runbook,
    procedure: &Procedure,
    given: &[String],
    is_bash: &mut dyn FnMut(&str) -> bool,
) -> Vec<Diagnostic> {
    let source = &runbook.source;
    let mut found = Vec::new();
    for step in &procedure.steps {
        if step.directive.ignore.is_none() {
            found.extend(syntax(source, step, is_bash));
        }
    }
    found.extend(procedure.possible.iter().filter_map(|block| no_commands(source, block, is_bash)));
    if procedure.test.ignore.is_none() {
        found.extend(unknown_parameters(procedure, given));
    }
    found.extend(branch(procedure));
    found.extend(expectations(source, procedure));
    found.extend(procedure.targets.iter().filter_map(target));
    found
}

/// A command that is not bash, or one of which only a real bash can tell.
fn syntax(source: &Source, step: &Step, is_bash: &mut dyn FnMut(&str) -> bool) -> Option<Diagnostic> {
    let Action::Command(block) = &step.action else { return None };
    let unread = unread(source, step)?;
    if !is_bash(&with_words(&block.script)) {
        return Some(unread);
    }
    let hint = "`bash -n` can read it all the same; what it would do cannot be told";
    Some(Diagnostic::warning(unread.code, unread.span, unread.message).with_hint(hint))
}

/// A command that the grammar cannot read, and where it gave up. A real bash may know better.
pub fn unread(source: &Source, step: &Step) -> Option<Diagnostic> {
    let Action::Command(block) = &step.action else { return None };
    let script = shell::parse(&block.script);
    if script.is_complete() {
        return None;
    }
    let error = script.errors.first()?;
    let start = block.file_offset(error.start);
    let end = block.file_offset(error.end).max(start);
    // An error at the very end stands at the last line, not at the fence's marks.
    let line = source.line_span(source.line(start));
    let span = Span::new(start.min(line.end), end.min(line.end).max(start.min(line.end)));
    Some(Diagnostic::error("bash-syntax", span, format!("step {} does not parse as bash", step.id)))
}

/// A script with a word in place of each placeholder.
pub fn with_words(script: &str) -> String {
    let mut text = script.to_owned();
    for place in shell::placeholders(script).iter().rev() {
        text.replace_range(place.span.range(), "x");
    }
    text
}

/// A block that is tagged as bash and is not, so that it is shown and never run.
fn no_commands(
    source: &Source,
    block: &PossibleBlock,
    is_bash: &mut dyn FnMut(&str) -> bool,
) -> Option<Diagnostic> {
    let language = block.language.as_deref().filter(|language| is_shell(language))?;
    let broken = !shell::parse(&block.text).is_complete() && !is_bash(&with_words(&block.text));
    broken.then(|| {
        let message =
            format!("this block is tagged `{language}` and does not parse as bash: it is never run");
        Diagnostic::error("bash-syntax", source.line_span(block.line), message)
            .with_hint("correct it; if it shows what a command prints, tag it `output` or `text`")
    })
}

/// The names of parameters that a test of `procedure` has values for, as they are compared and as written.
fn given_values<'a>(procedure: &'a Procedure, given: &'a [String]) -> Vec<(String, &'a String)> {
    let all = given.iter().chain(procedure.test.values.iter().map(|(name, _)| name));
    all.map(|name| (fold(name), name)).collect()
}

fn fold(name: &str) -> String {
    name.replace('-', "_").to_lowercase()
}

/// Parameters that a test of `procedure` has no value for: it cannot run. Nothing is wrong with the document
/// where none is to run.
pub fn without_value(procedure: &Procedure, given: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if procedure.test.ignore.is_some() {
        return found;
    }
    let given = given_values(procedure, given);
    for parameter in &procedure.parameters {
        let has_value = parameter.declaration.default.is_some()
            || given.iter().any(|(name, _)| *name == fold(&parameter.name));
        // A parameter that only stands in steps which are left out need not have one.
        let place = parameter.places.iter().find(|place| {
            procedure.steps.get(place.step).is_some_and(|step| step.directive.ignore.is_none())
        });
        if let Some(place) = place
            && !has_value
        {
            let flag = parameter.flag.trim_start_matches('-');
            found.push(
                Diagnostic::error(
                    "no-test-value",
                    place.span,
                    format!("a test of `{}` has no value for `{}`", procedure.id, parameter.name),
                )
                .with_hint(format!(
                    "write `<!-- runbook: test {flag}=VALUE -->` below its heading, or a default in front matter"
                )),
            );
        }
    }
    found
}

/// Values for parameters there are not.
fn unknown_parameters(procedure: &Procedure, given: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, written) in given_values(procedure, given) {
        if !procedure.parameters.iter().any(|parameter| fold(&parameter.name) == name) {
            let all: Vec<&str> =
                procedure.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let hint = match all.as_slice() {
                [] => "it has no parameters".to_owned(),
                all => format!("it has {}", all.join(", ")),
            };
            let message =
                format!("a test of `{}` gives `{written}`, which is no parameter of it", procedure.id);
            found.push(Diagnostic::error("unknown-parameter", procedure.heading, message).with_hint(hint));
        }
    }
    found
}

/// A test that asks for a way which the procedure has not.
fn branch(procedure: &Procedure) -> Option<Diagnostic> {
    let (branch, span) = (procedure.test.branch.as_ref()?, procedure.test.span?);
    let falls_back = |step: &Step| matches!(step.reach, Reach::Fallback { .. });
    match branch {
        Branch::Main => None,
        Branch::Fallback if procedure.steps.iter().any(falls_back) => None,
        Branch::Fallback => {
            let message = format!("a test of `{}` asks for a fallback, and it has none", procedure.id);
            let hint =
                "`runbook plan` shows what was understood; `when=failed(STEP)` makes a step a fallback";
            Some(Diagnostic::error("bad-directive", span, message).with_hint(hint))
        }
        Branch::Step(name) if procedure.steps.iter().any(|step| step.id == *name || step.slug == *name) => {
            None
        }
        Branch::Step(name) => {
            let names = procedure.steps.iter().map(|step| step.slug.as_str());
            let hint = match near(name, names).first() {
                Some(meant) => format!("a step named `{meant}` exists"),
                None => "`fallback`, `main`, or the number or name of a step".to_owned(),
            };
            let message = format!("a test of `{}` asks for step `{name}`, which it has not", procedure.id);
            Some(Diagnostic::error("bad-directive", span, message).with_hint(hint))
        }
    }
}

/// Markers that do not parse, and captures that are used before there is one.
fn expectations(source: &Source, procedure: &Procedure) -> Vec<Diagnostic> {
    let mut captured: HashSet<String> = HashSet::new();
    let mut found = Vec::new();
    for step in &procedure.steps {
        let Some(expectation) = &step.expectation else { continue };
        match names(expectation) {
            Err(malformed) => {
                let place = source.line_span(malformed.line(expectation));
                found.push(Diagnostic::error("bad-expectation", place, malformed.why));
            }
            Ok(names) => {
                for (name, offset) in names.wanted.iter().filter(|(name, _)| !captured.contains(name)) {
                    let before = expectation.text.get(..*offset).unwrap_or_default();
                    let place = source.line_span(expectation.line + before.matches('\n').count());
                    let message = format!("`[={name}]` is captured by no step before it");
                    let hint = format!("capture it with `[{name}=..]`");
                    found.push(Diagnostic::error("bad-expectation", place, message).with_hint(hint));
                }
                captured.extend(names.captured);
            }
        }
    }
    found
}

/// A target that compares with a number nobody could read.
fn target(target: &Target) -> Option<Diagnostic> {
    let after = target.text.find(['<', '>', '≤', '≥']).map(|at| &target.text[at..]);
    let compares = after.is_some_and(|text| {
        let rest = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        rest.starts_with(|c: char| c.is_ascii_digit())
    });
    (compares && target.quantity.is_none()).then(|| {
        Diagnostic::error(
            "bad-target",
            target.span,
            format!("the target `{}` cannot be measured", target.text),
        )
        .with_hint("write a number and a unit, such as `< 30 s`, `< 2 minutes` or `≥ 90 %`")
    })
}

/// The documents that are tested together, for the links among them.
pub struct Shelf<'a> {
    anchors: BTreeMap<PathBuf, Anchors>,
    exists: &'a dyn Fn(&Path) -> bool,
}

/// What can be linked to in one document.
struct Anchors {
    slugs: Vec<String>,
    ids: HashSet<String>,
}

impl<'a> Shelf<'a> {
    /// Documents by the paths of their sources; `exists` says whether another file is there.
    pub fn new<'d>(
        documents: impl IntoIterator<Item = &'d Document>,
        exists: &'a dyn Fn(&Path) -> bool,
    ) -> Self {
        let anchors = documents.into_iter().map(|document| {
            let slugs = heading_slugs(document);
            let mut ids: HashSet<String> = references(&document.source).html_ids.into_iter().collect();
            ids.extend(slugs.iter().cloned());
            (normal(document.source.path()), Anchors { slugs, ids })
        });
        Self { anchors: anchors.collect(), exists }
    }

    /// Links of `document` that lead nowhere. Addresses on the network are not looked at.
    pub fn links(&self, document: &Document) -> Vec<Diagnostic> {
        let source = &document.source;
        let own = normal(source.path());
        let mut found = Vec::new();
        for link in references(source).links {
            let (path, fragment) = match link.target.split_once('#') {
                Some((path, fragment)) => (path, Some(fragment)),
                None => (link.target.as_str(), None),
            };
            let path = path.split('?').next().unwrap_or_default();
            if has_scheme(&link.target) || path.starts_with('/') {
                continue;
            }
            let to = match path {
                "" => own.clone(),
                path => normal(&own.parent().unwrap_or(Path::new("")).join(decoded(path))),
            };
            match self.anchors.get(&to) {
                None if (self.exists)(&to) => {}
                None => {
                    let message = format!("the link to `{}` leads nowhere", link.target);
                    let hint = format!("there is no file `{}`", to.display());
                    found.push(Diagnostic::error("broken-link", link.span, message).with_hint(hint));
                }
                Some(anchors) => {
                    let wanted = decoded(fragment.unwrap_or_default());
                    if wanted.is_empty() || anchors.has(&wanted) {
                        continue;
                    }
                    let message =
                        format!("the link to `{}` leads to no heading of `{}`", link.target, to.display());
                    let mut diagnostic = Diagnostic::error("broken-anchor", link.span, message);
                    diagnostic.hint = anchors.near(&wanted).map(|near| format!("the nearest is `#{near}`"));
                    found.push(diagnostic);
                }
            }
        }
        found
    }
}

impl Anchors {
    fn has(&self, wanted: &str) -> bool {
        self.ids.contains(wanted) || self.ids.contains(&wanted.to_lowercase())
    }

    /// Many headings were renamed a little: the words that are still the same lead to them.
    fn near(&self, wanted: &str) -> Option<&str> {
        let near = self.slugs.iter().max_by_key(|slug| common_words(slug, wanted))?;
        (common_words(near, wanted) > 0).then_some(near)
    }
}

fn common_words(a: &str, b: &str) -> usize {
    let words: HashSet<&str> = a.split('-').filter(|word| !word.is_empty()).collect();
    b.split('-').filter(|word| words.contains(word)).count()
}

fn has_scheme(target: &str) -> bool {
    target.starts_with("//")
        || target.split_once(':').is_some_and(|(scheme, _)| {
            scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        })
}

/// `path` without `.` and with `..` resolved by name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// `text` with `%20` and the like as the characters they mean.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex {
            Some(meant) if byte == b'%' => {
                out.push(meant);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
