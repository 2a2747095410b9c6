//! What a procedure's commands leave open: placeholders, and variables that nothing sets.
//!
//! Only commands make parameters; a name in a label or in prose does not, and neither does one that
//! stands in nothing but comments. Values are bound when the plan is built.

use super::yaml::Declarations;
use super::{Action, Parameter, ParameterDeclaration, ParameterForm, ParameterPlace, Step};
use crate::shell::{self, PlaceholderForm, Script};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// Words that make a name a secret's.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "apikey",
    "pwd",
];

/// Words before `key` that make it a secret.
const SECRET_KEYS: &[&str] = &["api", "access", "private", "secret", "auth", "encryption", "signing"];

/// The parameters of a procedure, in order of first use; `scripts` are the steps' texts taken apart.
pub(super) fn parameters(
    steps: &[Step],
    scripts: &[Option<Script>],
    declared: &Declarations,
) -> Vec<Parameter> {
    let mut found = Finder { parameters: Vec::new(), index: HashMap::new(), declared };
    let mut set: HashSet<String> = HashSet::new();
    // Behind a `source` or `eval` of an earlier step any variable may be set.
    let mut anything = false;
    for (index, (step, script)) in steps.iter().zip(scripts).enumerate() {
        let (Action::Command(block), Some(script)) = (&step.action, script) else { continue };
        let ends: Vec<usize> = block.script.match_indices('\n').map(|(at, _)| at).collect();
        let in_file = |at: usize| {
            let line = ends.partition_point(|end| *end < at);
            let start = line.checked_sub(1).map_or(0, |before| ends[before] + 1);
            block.lines.get(line).map_or(0, |place| place.offset + (at - start))
        };
        let place = |span: Span, form| ParameterPlace {
            step: index,
            script_span: span,
            span: Span::new(in_file(span.start), in_file(span.end.max(1) - 1) + 1),
            form,
        };
        let mut places: Vec<(String, bool, ParameterPlace)> = shell::placeholders(&block.script)
            .into_iter()
            .map(|found| {
                let next = script.comments.partition_point(|comment| comment.span.end < found.span.end);
                let comment =
                    script.comments.get(next).is_some_and(|comment| comment.span.start <= found.span.start);
                let form = match found.form {
                    PlaceholderForm::Angle => ParameterForm::Angle,
                    PlaceholderForm::Brace => ParameterForm::Brace,
                    PlaceholderForm::Mustache => ParameterForm::Mustache,
                };
                (found.name, comment, place(found.span, form))
            })
            .collect();
        let behind = script.variables.anything_from;
        for (name, span) in &script.variables.used {
            let sourced = anything || behind.is_some_and(|from| from < span.start);
            if !sourced && !set.contains(name) && !shell::is_well_known(name) {
                places.push((name.clone(), false, place(*span, ParameterForm::Variable)));
            }
        }
        places.sort_by_key(|(_, _, place)| place.script_span);
        for (name, comment, place) in places {
            found.add(&name, comment, place);
        }
        set.extend(script.variables.set.iter().map(|(name, _)| name.clone()));
        anything |= behind.is_some();
    }
    found.finish()
}

struct Finder<'d> {
    /// Each with whether it stands anywhere but in comments.
    parameters: Vec<(Parameter, bool)>,
    index: HashMap<String, usize>,
    declared: &'d Declarations,
}

impl Finder<'_> {
    fn add(&mut self, written: &str, comment: bool, place: ParameterPlace) {
        let name = fold_name(written);
        if name.is_empty() {
            return;
        }
        let index = *self.index.entry(name.clone()).or_insert_with(|| {
            let declaration = declaration(&name, self.declared);
            let flag = format!("--{}", name.replace('_', "-"));
            self.parameters.push((Parameter { name, flag, places: Vec::new(), declaration }, false));
            self.parameters.len() - 1
        });
        let (parameter, used) = &mut self.parameters[index];
        parameter.places.push(place);
        *used |= !comment;
    }

    fn finish(self) -> Vec<Parameter> {
        self.parameters.into_iter().filter(|(_, used)| *used).map(|(parameter, _)| parameter).collect()
    }
}

/// What is declared of a parameter; one whose name says so is a secret anyway.
fn declaration(name: &str, declared: &Declarations) -> ParameterDeclaration {
    let found = declared.iter().find(|(declared, _)| fold_name(&declared.value) == name);
    let mut declaration = found.map(|(_, declaration)| declaration.clone()).unwrap_or_default();
    declaration.secret |= is_secret(name);
    declaration
}

/// A parameter's name as all its spellings share it: lower case, `_` between words.
pub(crate) fn fold_name(written: &str) -> String {
    let mut name = String::new();
    for c in written.chars() {
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// Whether a folded name is a secret's.
fn is_secret(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    words.iter().any(|word| SECRET.contains(word))
        || words.windows(2).any(|pair| SECRET_KEYS.contains(&pair[0]) && matches!(pair[1], "key" | "keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_fold_to_one() {
        for (written, wanted) in [
            ("engine_id", "engine_id"),
            ("ENGINE_ID", "engine_id"),
            ("engine-id", "engine_id"),
            ("Engine ID", "engine_id"),
            ("output file e.g. output.csv", "output_file_e_g_output_csv"),
            ("_x_", "x"),
        ] {
            assert_eq!(fold_name(written), wanted);
        }
    }

    #[test]
    fn secrets_are_known_by_their_name() {
        for (name, wanted) in [
            ("password", true),
            ("db_password", true),
            ("api_key", true),
            ("auth_token", true),
            ("client_secret", true),
            ("aws_access_key", true),
            ("key", false),
            ("key_name", false),
            ("tokenizer", false),
            ("engine_id", false),
        ] {
            assert_eq!(is_secret(name), wanted, "{name}");
        }
    }
}
