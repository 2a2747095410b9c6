//! Values that would make a path lead to another directory: `rm -rf dir/<x>` with `.`, `..` or `/`.
//!
//! Only paths are looked at that a step which changes something uses, and those that a text puts into a
//! variable. It does not follow `cd` from one step to the next, and knows nothing of links.

use super::template::Insertion;
use super::value::{Refused, Why};
use crate::shell::{Context, contexts, variable_uses};

/// The insertions that would lead a path of `script` astray. `changes`: the step changes something.
pub(super) fn inserted(script: &str, insertions: &[Insertion<'_>], changes: bool) -> Vec<Refused> {
    let risky = |insertion: &&Insertion<'_>| insertion.value.and_then(risk).is_some();
    let insertions: Vec<&Insertion<'_>> = insertions.iter().filter(risky).collect();
    let spans: Vec<_> = insertions.iter().map(|insertion| insertion.span).collect();
    if spans.is_empty() {
        return Vec::new();
    }
    let found = insertions.iter().zip(contexts(script, &spans)).filter_map(|(insertion, context)| {
        let value = insertion.value.unwrap_or_default();
        // What a variable holds may be used by any later step.
        let here = (changes || context.assigned.is_some()) && leads_away(&context, value);
        let name = context.assigned.as_deref();
        let strays = here || changes && name.is_some_and(|name| !carried(script, name, value).is_empty());
        Some(Refused { span: insertion.span, why: risk(value).filter(|_| strays)? })
    });
    found.collect()
}

/// The uses of the variable `name` in a changing `script` that its value would lead astray.
pub(super) fn carried(script: &str, name: &str, value: &str) -> Vec<Refused> {
    let Some(why) = risk(value) else { return Vec::new() };
    let uses = variable_uses(script, &[name]);
    let found = uses.iter().filter(|one| leads_away(&one.context, value));
    found.map(|one| Refused { span: one.span, why: why.clone() }).collect()
}

/// What would be wrong with `value` in a path: a part of it between slashes is `.` or `..`, or it has no name at all.
fn risk(value: &str) -> Option<Why> {
    if value.is_empty() {
        Some(Why::Empty)
    } else if value.bytes().all(|byte| byte == b'/') {
        Some(Why::Slashes)
    } else {
        value.split('/').any(|part| matches!(part, "." | "..")).then_some(Why::Stray)
    }
}

/// Whether the path with `value` in it goes up, or stays where it would be without it.
fn leads_away(context: &Context, value: &str) -> bool {
    let Some((before, after)) = &context.component else { return false };
    let joined = format!("{before}{value}{after}");
    let goes_up = joined.split('/').any(|part| part == "..");
    goes_up || joined.split('/').all(|part| matches!(part, "" | "."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::placeholders;

    fn strays(script: &str, value: &str, changes: bool) -> bool {
        let places = placeholders(script);
        let insertions: Vec<_> = places
            .iter()
            .map(|place| Insertion { span: place.span, value: Some(value), secret: false, free: true })
            .collect();
        !inserted(script, &insertions, changes).is_empty()
    }

    #[test]
    fn a_path_that_is_changed_must_stay_the_directory_that_was_named() {
        for (script, value, expected) in [
            ("rm -rf /tmp/cache/<x>", "..", true),
            ("rm -rf /tmp/cache/<x>", ".", true),
            ("rm -rf /tmp/cache/<x>", "/", true),
            ("rm -rf /tmp/cache/<x>", "./", true),
            ("rm -rf /tmp/cache/<x>", "a/../..", true),
            ("rm -rf /tmp/cache/<x>", "../a", true),
            ("rm -rf /tmp/cache/.<x>", ".", true),
            ("rm -rf \"/tmp/cache/<x>\"", "..", true),
            ("rm -rf '/tmp/cache/<x>/'*", "..", true),
            ("rm -rf <x>/logs", "..", true),
            ("rsync -a --delete src/ host:/srv/<x>", "..", true),
            ("rsync --delete --temp-dir=/tmp/<x> a b", ".", true),
            ("rm -rf /tmp/<x><y>", ".", true),
            ("rm -rf /tmp/<x>$Y", ".", true),
            ("date > /tmp/cache/<x>/f", "..", true),
            ("D=<x>; rm -rf /tmp/cache/$D", "..", true),
            ("D=<x>; rm -rf \"/tmp/cache/${D}\"", "..", true),
            ("rm -rf /tmp/cache/<x>", "a..b", false),
            ("rm -rf /tmp/cache/<x>", ".hidden", false),
            ("rm -rf /tmp/cache/<x>", "v1.2", false),
            ("rm -rf /tmp/cache/<x>", "a/b", false),
            ("rm -f /tmp/cache/a<x>.log", "..", false),
            ("rm -rf <x>", "../a", false),
            ("# /tmp/<x>\nrm a", "..", false),
        ] {
            assert_eq!(strays(script, value, true), expected, "{script} {value}");
        }
        assert!(!strays("ls /tmp/cache/<x>", "..", false));
        assert!(strays("D=/tmp/cache/<x>", "..", false));
    }

    #[test]
    fn what_is_wrong_with_a_value_is_told_apart() {
        for (value, why) in [
            ("", Some(Why::Empty)),
            ("/", Some(Why::Slashes)),
            ("//", Some(Why::Slashes)),
            ("/.", Some(Why::Stray)),
            ("a/..", Some(Why::Stray)),
            ("a/b", None),
        ] {
            assert_eq!(risk(value), why, "{value}");
            let expected: Vec<Why> = why.into_iter().collect();
            let found = carried("rm -rf /tmp/$ID", "ID", value);
            assert_eq!(found.into_iter().map(|it| it.why).collect::<Vec<_>>(), expected, "{value}");
        }
    }

    #[test]
    fn a_variable_of_the_session_is_held_to_the_same() {
        for (script, value, expected) in [
            ("rm -rf /tmp/$ID", "..", true),
            ("rm -rf \"/tmp/${ID}/\"", ".", true),
            ("rm -rf $ID", "..", false),
            ("rm -rf /tmp/$ID", "a", false),
            ("rm -rf /tmp/$OTHER", "..", false),
        ] {
            assert_eq!(!carried(script, "ID", value).is_empty(), expected, "{script} {value}");
        }
    }
}
