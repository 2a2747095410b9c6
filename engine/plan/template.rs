//! Puts values into a script: [`render`].
//!
//! Every value goes through a handlebars template of its own whose helper quotes it for its place; the
//! script around the places is copied byte for byte and never read as a template. No HTML escaping,
//! strict mode.

use super::value::{Refused, Why, check, check_use, quoted};
use crate::shell::{self, Context, Quoting, contexts, variable_uses};
use crate::source::Span;
use handlebars::{Context as Data, Handlebars, Helper, HelperResult, Output, RenderContext};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// What a secret is shown as.
pub const MASK: &str = "******";

/// One placeholder and its value.
#[derive(Clone, Copy, Debug)]
pub struct Insertion<'a> {
    /// The placeholder in the script, brackets included.
    pub span: Span,
    /// Its value; none leaves it open.
    pub value: Option<&'a str>,
    /// It is never shown.
    pub secret: bool,
    /// The document declares a pattern for it: the rules on URLs and on what is parsed again are lifted.
    pub free: bool,
}

/// A script with values in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What runs. Secrets are in here: never show it.
    pub script: String,
    /// The same with secrets masked, wherever they stand.
    pub shown: String,
    /// Whether a placeholder is still open.
    pub open: bool,
    /// Variables that hold a value now, each with the index of its insertion: later scripts of the same
    /// session should be given to [`check_variable`] with them.
    pub assigned: Vec<(String, usize)>,
    /// Spans in the original script and in the rendered one of each filled place, in order.
    places: Vec<(Span, Span)>,
    secrets: Vec<String>,
}

impl Rendered {
    /// The rendered text of a span of the original script. A span that ends inside of a place covers
    /// its value. Secrets are in here.
    pub fn slice(&self, span: Span) -> &str {
        let start = self.mapped(span.start, false);
        let end = self.mapped(span.end, true).max(start);
        self.script.get(start..end).unwrap_or_default()
    }

    /// The same with secrets masked.
    pub fn slice_shown(&self, span: Span) -> String {
        mask(self.slice(span), &self.secrets)
    }

    /// Where an offset of the original script lies in the rendered one.
    fn mapped(&self, at: usize, is_end: bool) -> usize {
        let index = self.places.partition_point(|(place, _)| place.start < at);
        match index.checked_sub(1).map(|index| self.places[index]) {
            None => at,
            Some((place, rendered)) if at >= place.end => rendered.end + (at - place.end),
            Some((_, rendered)) if is_end => rendered.end,
            Some((_, rendered)) => rendered.start,
        }
    }
}

/// Puts the values of `insertions` into `script`, each quoted for its place, or says why not. The
/// places must be placeholders of the script, each at most once.
pub fn render(script: &str, insertions: &[Insertion<'_>]) -> Result<Rendered, Vec<Refused>> {
    let spans = insertions.iter().map(|insertion| insertion.span).collect::<Vec<_>>();
    let contexts = contexts(script, &spans);
    let mut refused = Vec::new();
    let mut order = (0..insertions.len()).collect::<Vec<_>>();
    order.sort_by_key(|&index| spans[index]);
    let mut out = String::with_capacity(script.len());
    let mut places = Vec::new();
    let mut assigned = Vec::new();
    let mut done = 0;
    for &index in &order {
        let (insertion, context) = (&insertions[index], &contexts[index]);
        let Some(value) = insertion.value else {
            refused.extend(never(script, insertion.span, context));
            continue;
        };
        let why = if insertion.span.start < done {
            Some(Why::Place("it overlaps another".to_owned()))
        } else {
            check(context, value, insertion.free)
        };
        if let Some(why) = why {
            refused.push(Refused { span: insertion.span, why });
            continue;
        }
        out.push_str(&script[done..insertion.span.start]);
        let start = out.len();
        out.push_str(&filled(value, context));
        places.push((insertion.span, Span::new(start, out.len())));
        done = insertion.span.end;
        assigned.extend(context.assigned.clone().map(|name| (name, index)));
    }
    out.push_str(&script[done..]);
    refused.extend(ended_heredocs(&out, &places, &contexts, &spans));
    refused.extend(followed(script, insertions, &assigned));
    if !refused.is_empty() {
        refused.sort_by_key(|refused| refused.span);
        refused.dedup();
        return Err(refused);
    }
    let secrets = insertions.iter().filter(|insertion| insertion.secret);
    let secrets = forms(secrets.filter_map(|insertion| insertion.value));
    let shown = mask(&out, &secrets);
    let open = insertions.iter().any(|insertion| insertion.value.is_none());
    Ok(Rendered { script: out, shown, open, assigned, places, secrets })
}

/// Where no value can be put, whatever it will be. Nothing is known of the places of a script that cannot be read.
fn never(script: &str, span: Span, context: &Context) -> Option<Refused> {
    let why = context.refused.clone().filter(|_| shell::parse(script).is_complete())?;
    Some(Refused { span, why: Why::Place(why) })
}

/// Why `value` may not be what the variable `name` holds where `script` uses it: the value of a
/// parameter written `$NAME` is not put into the text, it is given to the session.
pub fn check_variable(script: &str, name: &str, value: &str, free: bool) -> Vec<Refused> {
    let uses = variable_uses(script, &[name]);
    let refused =
        uses.iter().filter_map(|one| check_use(one, value, free).map(|why| Refused { span: one.span, why }));
    refused.collect()
}

/// The text that stands for `value` in this context.
fn filled(value: &str, context: &Context) -> String {
    let template = match context.quoting {
        // `2` before `<` or `>` would name a descriptor.
        Quoting::Bare if context.before_redirect => "word",
        Quoting::Bare => "bare",
        Quoting::Double => "double",
        Quoting::Single => "single",
        Quoting::AnsiC => "ansi_c",
        Quoting::Heredoc => "heredoc",
        Quoting::HeredocLiteral => "heredoc_literal",
        Quoting::Comment => "comment",
    };
    let data = serde_json::json!({ "value": value });
    templates().render(template, &data).expect("the templates are fixed and `value` is there")
}

/// One template for each quoting, registered under the name of its helper, and one that always quotes.
fn templates() -> &'static Handlebars<'static> {
    static TEMPLATES: OnceLock<Handlebars<'static>> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        let quotings = [
            ("bare", Quoting::Bare),
            ("double", Quoting::Double),
            ("single", Quoting::Single),
            ("ansi_c", Quoting::AnsiC),
            ("heredoc", Quoting::Heredoc),
            ("heredoc_literal", Quoting::HeredocLiteral),
            ("comment", Quoting::Comment),
        ];
        for (name, quoting) in quotings {
            let helper = move |helper: &Helper<'_>,
                               _: &Handlebars<'_>,
                               _: &Data,
                               _: &mut RenderContext<'_, '_>,
                               out: &mut dyn Output|
                  -> HelperResult {
                let value = helper.param(0).and_then(|param| param.value().as_str()).unwrap_or_default();
                out.write(&quoted(value, quoting))?;
                Ok(())
            };
            registry.register_helper(name, Box::new(helper));
            let template = format!("{{{{{name} value}}}}");
            registry.register_template_string(name, template).expect("the templates are fixed");
        }
        registry.register_template_string("word", "'{{single value}}'").expect("the templates are fixed");
        registry
    })
}

/// Values with a line that ends their heredoc, together with what stands beside them on it.
fn ended_heredocs(
    rendered: &str,
    places: &[(Span, Span)],
    contexts: &[Context],
    spans: &[Span],
) -> Vec<Refused> {
    let by_span = spans.iter().zip(contexts).collect::<HashMap<_, _>>();
    let ends = places.iter().filter_map(|(place, filled)| {
        let context = by_span.get(place)?;
        let delimiter = context.heredoc_delimiter.as_deref()?;
        let start = rendered[..filled.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = rendered[filled.end..].find('\n').map_or(rendered.len(), |newline| filled.end + newline);
        let mut lines = rendered[start..end].split('\n');
        let is_end = |line: &str| {
            let line = if context.heredoc_strips_tabs { line.trim_start_matches('\t') } else { line };
            line == delimiter || context.heredoc_nested && line.starts_with(delimiter)
        };
        lines.any(is_end).then_some(Refused { span: *place, why: Why::Delimiter })
    });
    ends.collect()
}

/// Values that a variable carries to a use where they may not stand.
fn followed(script: &str, insertions: &[Insertion<'_>], assigned: &[(String, usize)]) -> Vec<Refused> {
    let names = assigned.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let mut uses: HashMap<String, Vec<_>> = HashMap::new();
    for one in variable_uses(script, &names) {
        uses.entry(one.name.clone()).or_default().push(one);
    }
    let mut refused = Vec::new();
    let mut seen = HashSet::new();
    for (name, index) in assigned {
        let insertion = &insertions[*index];
        let value = insertion.value.unwrap_or_default();
        let begins = script[..insertion.span.start].ends_with(['=', '"', '\'', ' ', '(']);
        // One parameter may be assigned many times.
        if !seen.insert((name, value, insertion.free, begins)) {
            continue;
        }
        for one in uses.get(name).into_iter().flatten() {
            let mut one = one.clone();
            one.context.word_start &= begins;
            if let Some(why) = check_use(&one, value, insertion.free) {
                refused.push(Refused { span: insertion.span, why });
                break;
            }
        }
    }
    refused
}

/// Every way a value may be written in a rendered script, the longest first.
pub fn forms<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut forms = Vec::new();
    for value in values.filter(|value| !value.is_empty()) {
        forms.push(value.to_owned());
        for quoting in [
            Quoting::Bare,
            Quoting::Double,
            Quoting::Single,
            Quoting::AnsiC,
            Quoting::Heredoc,
            Quoting::Comment,
        ] {
            forms.push(quoted(value, quoting));
        }
    }
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
}

/// The text with each of `forms` masked, in one pass so that no mask is masked again.
fn mask(text: &str, forms: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(form) = forms.iter().find(|form| rest.starts_with(form.as_str())) {
            out.push_str(MASK);
            rest = &rest[form.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

#[cfg(test)]
#[path = "template/tests.rs"]
mod tests;
