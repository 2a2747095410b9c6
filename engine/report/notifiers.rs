//! The `notifiers:` of `runbooks/runbook.yaml`: who is told, how, and how patiently.
//!
//! Only text becomes types here. No secret stands in the file, only where one is: the name of a variable or of
//! a file. Neither is looked at here.

use super::delivery::Schedule;
use crate::diagnostic::Diagnostic;
use crate::runbook::yaml::{Located, Mapping, Time, read};
use crate::source::{Source, Span};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// A notifier may make a person wait for at most this long.
const LONGEST: Duration = Duration::from_secs(120);

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifier {
    /// Its name in the file.
    pub name: String,
    /// How it is told.
    pub way: Way,
    /// How often, and for how long, it is tried.
    pub schedule: Schedule,
}

/// How a notifier is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A bash text, which gets the payload on its standard input.
    Command(String),
    /// An address that gets the payload as the body of a POST.
    Webhook {
        /// The address.
        address: Address,
        /// Where the secret is that signs the payload.
        secret: Option<Kept>,
    },
}

/// A webhook's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// As it stands in the file.
    Given(String),
    /// Kept elsewhere, since whoever knows it may use it.
    Kept(Kept),
}

/// Where something is that must not stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In a variable of this name.
    Variable(String),
    /// In a file at this path.
    File(String),
}

/// Reads the section; every mistake in it.
///
/// # Errors
/// When it is not YAML, a key is unknown, or a value makes no sense.
pub fn notifiers(source: &Source) -> Result<Vec<Notifier>, Vec<Diagnostic>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct File {
        notifiers: Option<Mapping<Written>>,
    }
    let start = source.body_start();
    let file = read::<Option<File>>(&source.text()[start..], start).map_err(|error| vec![error])?;
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    for (name, written) in file.unwrap_or_default().notifiers.unwrap_or_default().0 {
        match notifier(&name, written.value) {
            Ok(notifier) => found.push(notifier),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
}

/// Whether `address` is one that a webhook can have; why not.
///
/// # Errors
/// Why not, as a person would say it.
pub fn check_address(address: &str) -> Result<(), &'static str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if host.is_empty() || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("no http or https address");
    }
    if host.contains('@') {
        return Err("an address with a password in it");
    }
    Ok(())
}

/// One notifier as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    command: Option<Located<String>>,
    webhook: Option<Located<String>>,
    webhook_from: Option<WrittenKept>,
    secret: Option<WrittenKept>,
    timeout: Option<Time>,
    retries: Option<Vec<Time>>,
    within: Option<Located<Time>>,
}

/// What is written where a name of a variable or of a file belongs.
#[derive(Clone, Debug)]
enum WrittenKept {
    Variable(String),
    File(String),
    /// Something else, perhaps the secret itself, which is not kept.
    Wrong,
}

fn notifier(name: &Located<String>, written: Written) -> Result<Notifier, Diagnostic> {
    let Written { command, webhook, webhook_from, secret, timeout, retries, within } = written;
    // Messages are about the name: another place may be that of a secret that should not stand here.
    let wrong = |span: Span, message: String, hint: &str| {
        Diagnostic::error("bad-notifier", span, message).with_hint(hint)
    };
    let kept = |key: &str, written: WrittenKept| match written {
        WrittenKept::Variable(variable) if !is_variable(&variable) => {
            let message = format!("`{key}` of notifier `{}` names no variable", name.value);
            Err(wrong(name.span, message, "only its name stands here; a name has letters, digits and `_`"))
        }
        WrittenKept::Variable(variable) => Ok(Kept::Variable(variable)),
        WrittenKept::File(file) => Ok(Kept::File(file)),
        WrittenKept::Wrong => {
            let message = format!("`{key}` of notifier `{}` does not say where it is kept", name.value);
            let hint = "a secret never stands in this file: write {variable: NAME} or {file: PATH}";
            Err(wrong(name.span, message, hint))
        }
    };
    let way = match (command, webhook, webhook_from) {
        (Some(command), None, None) if secret.is_none() => Way::Command(command.value),
        (Some(_), None, None) => {
            let message = format!("notifier `{}` is a command, which nothing signs for", name.value);
            return Err(wrong(name.span, message, "take `secret` away: it signs what a webhook gets"));
        }
        (None, Some(address), None) => {
            if let Err(why) = check_address(&address.value) {
                let message = format!("`webhook` of notifier `{}` is {why}", name.value);
                let hint = "write https://HOST/PATH; an address that is a secret is named by `webhook_from`";
                return Err(wrong(name.span, message, hint));
            }
            let secret = secret.map(|secret| kept("secret", secret)).transpose()?;
            Way::Webhook { address: Address::Given(address.value), secret }
        }
        (None, None, Some(address)) => {
            let address = Address::Kept(kept("webhook_from", address)?);
            Way::Webhook { address, secret: secret.map(|secret| kept("secret", secret)).transpose()? }
        }
        _ => {
            let message =
                format!("notifier `{}` needs one of `command`, `webhook`, `webhook_from`", name.value);
            return Err(wrong(name.span, message, "a command gets the message on its standard input"));
        }
    };
    let mut schedule = match way {
        Way::Command(_) => Schedule::of_command(),
        Way::Webhook { .. } => Schedule::of_webhook(),
    };
    if let Some(Time(timeout)) = timeout {
        schedule.timeout = timeout;
    }
    if let Some(retries) = retries {
        schedule.pauses = retries.into_iter().map(|Time(pause)| pause).collect();
    }
    if let Some(Located { value: Time(within), span }) = within {
        if within > LONGEST {
            let message = format!("notifier `{}` may not take longer than 2m", name.value);
            return Err(wrong(span, message, "a person waits for it at the end of a run"));
        }
        schedule.within = within;
    }
    Ok(Notifier { name: name.value.clone(), way, schedule })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl<'de> Deserialize<'de> for WrittenKept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = WrittenKept;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping such as {variable: NAME}")
            }
            fn visit_str<E>(self, _: &str) -> Result<WrittenKept, E> {
                Ok(WrittenKept::Wrong)
            }
            fn visit_bool<E>(self, _: bool) -> Result<WrittenKept, E> {
                Ok(WrittenKept::Wrong)
            }
            fn visit_i64<E>(self, _: i64) -> Result<WrittenKept, E> {
                Ok(WrittenKept::Wrong)
            }
            fn visit_u64<E>(self, _: u64) -> Result<WrittenKept, E> {
                Ok(WrittenKept::Wrong)
            }
            fn visit_f64<E>(self, _: f64) -> Result<WrittenKept, E> {
                Ok(WrittenKept::Wrong)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WrittenKept, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    found = match (key.as_str(), &found) {
                        ("variable", None) => Some(WrittenKept::Variable(map.next_value()?)),
                        ("file", None) => Some(WrittenKept::File(map.next_value()?)),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            Some(WrittenKept::Wrong)
                        }
                    };
                }
                Ok(found.unwrap_or(WrittenKept::Wrong))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("runbook.yaml", text.as_bytes().to_vec()).expect("is UTF-8")
    }

    #[test]
    fn notifiers_are_read_with_their_defaults() {
        let text = "procedures: [a.md]\nnotifiers:\n  ops:\n    webhook: https://x.example/hook?a=b\n    \
                    secret: {variable: HOOK}\n  page: {command: 'page --stdin', timeout: 2s, retries: [1s]}\n  \
                    chat: {webhook_from: {file: ../hook}, retries: [], within: 2m}\n";
        let webhook = Schedule::of_webhook();
        assert_eq!(
            notifiers(&source(text)),
            Ok(vec![
                Notifier {
                    name: "ops".into(),
                    way: Way::Webhook {
                        address: Address::Given("https://x.example/hook?a=b".into()),
                        secret: Some(Kept::Variable("HOOK".into())),
                    },
                    schedule: webhook.clone(),
                },
                Notifier {
                    name: "page".into(),
                    way: Way::Command("page --stdin".into()),
                    schedule: Schedule {
                        timeout: Duration::from_secs(2),
                        pauses: vec![Duration::from_secs(1)],
                        ..Schedule::of_command()
                    },
                },
                Notifier {
                    name: "chat".into(),
                    way: Way::Webhook { address: Address::Kept(Kept::File("../hook".into())), secret: None },
                    schedule: Schedule { pauses: vec![], within: LONGEST, ..webhook },
                },
            ])
        );
        for nothing in ["", "procedures: [a.md]\n", "notifiers:\n", "notifiers: {}\n"] {
            assert_eq!(notifiers(&source(nothing)), Ok(vec![]), "{nothing:?}");
        }
    }

    #[test]
    fn mistakes_are_shown_at_their_place() {
        let kept = "a secret never stands in this file: write {variable: NAME} or {file: PATH}";
        let address = "write https://HOST/PATH; an address that is a secret is named by `webhook_from`";
        let one = "a command gets the message on its standard input";
        for (written, place, message, hint) in [
            ("{}", (2, 3), "notifier `n` needs one of `command`, `webhook`, `webhook_from`", one),
            (
                "{command: x, webhook: 'http://y'}",
                (2, 3),
                "notifier `n` needs one of `command`, `webhook`, `webhook_from`",
                one,
            ),
            (
                "{webhook: 'ftp://x'}",
                (2, 3),
                "`webhook` of notifier `n` is no http or https address",
                address,
            ),
            (
                "{webhook: 'http:///x'}",
                (2, 3),
                "`webhook` of notifier `n` is no http or https address",
                address,
            ),
            (
                "{webhook: 'https://me:pw@x/'}",
                (2, 3),
                "`webhook` of notifier `n` is an address with a password in it",
                address,
            ),
            (
                "{webhook: 'http://x', secret: abc}",
                (2, 3),
                "`secret` of notifier `n` does not say where it is kept",
                kept,
            ),
            (
                "{webhook: 'http://x', secret: 12}",
                (2, 3),
                "`secret` of notifier `n` does not say where it is kept",
                kept,
            ),
            (
                "{webhook_from: {variable: A, file: b}}",
                (2, 3),
                "`webhook_from` of notifier `n` does not say where it is kept",
                kept,
            ),
            (
                "{webhook: 'http://x', secret: {variable: a-b}}",
                (2, 3),
                "`secret` of notifier `n` names no variable",
                "only its name stands here; a name has letters, digits and `_`",
            ),
            (
                "{command: x, secret: {variable: A}}",
                (2, 3),
                "notifier `n` is a command, which nothing signs for",
                "take `secret` away: it signs what a webhook gets",
            ),
            (
                "{command: x, within: 3m}",
                (2, 27),
                "notifier `n` may not take longer than 2m",
                "a person waits for it at the end of a run",
            ),
            ("{command: x, timeout: 5}", (2, 28), "`5` is no time such as 500ms, 30s, 5m", ""),
            ("{comand: x}", (2, 7), "unknown key `comand`", "a key named `command` exists"),
        ] {
            let source = source(&format!("notifiers:\n  n: {written}\n"));
            let errors = notifiers(&source).expect_err(written);
            let [error] = errors.as_slice() else { panic!("one mistake: {errors:?}") };
            let at = source.place(error.span.start);
            assert_eq!(error.message, message, "{written}");
            assert_eq!((at.line, at.column), place, "{written}");
            assert_eq!(error.hint.as_deref().unwrap_or_default(), hint, "{written}");
        }
        let both = "notifiers:\n  a: {}\n  b: {}\n";
        assert_eq!(notifiers(&source(both)).expect_err("is wrong").len(), 2);
    }

    #[test]
    fn the_schema_has_the_keys_of_the_types_and_no_others() {
        let schema = include_str!("../../runbooks/reference/schema/runbook.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).expect("is JSON");
        let notifier = &schema["properties"]["notifiers"]["additionalProperties"];
        let keys = notifier["properties"].as_object().expect("is an object").keys();
        let mut keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
        let errors = notifiers(&source("notifiers: {n: {zzzzzzzzzzzz: 1}}\n")).expect_err("is unknown");
        let hint = errors[0].hint.clone().expect("lists the keys");
        let known = hint.strip_prefix("known keys: ").expect("lists the keys");
        let mut known: Vec<String> = known.split(", ").map(str::to_owned).collect();
        keys.sort();
        known.sort();
        assert_eq!(keys, known);
    }
}
