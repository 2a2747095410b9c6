//! `<!-- runbook: key=value … -->`: what a document says about the block behind it.
//!
//! A directive that does not parse is an error, never a skip: whoever wrote it relies on it. Whether the
//! steps it names exist is checked when the plan is built.

use super::near::{distance, near};
use super::{Branch, ExitExpectation, Matching, Role, StepDirective, TestDirective, When};
use crate::diagnostic::Diagnostic;
use crate::document::Comment;
use crate::shell::Effect;
use crate::source::Span;
use std::ops::Range;
use std::time::Duration;

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// Settings of the block behind it.
    Step {
        /// The settings of a step.
        step: Box<StepDirective>,
        /// `expect=…`: the block behind it is what the step before prints.
        expect: Option<Matching>,
    },
    /// `target probe="…"`.
    Target {
        /// The command whose result judges the procedure's target.
        probe: String,
        /// Where the directive stands.
        span: Span,
    },
    /// `test engine-id=3 fault=… branch=…`: how the procedure is tested.
    Test(TestDirective),
}

/// The keys of a step's settings.
const KEYS: &[&str] = &[
    "id",
    "timeout",
    "retry",
    "every",
    "needs",
    "when",
    "role",
    "effect",
    "optional",
    "always",
    "shell",
    "options",
    "exit",
    "ignore",
    "reason",
    "expect",
    "no-run",
    "should-fail",
];

/// Shell options a step may switch on.
const OPTIONS: &[&str] = &["errexit", "nounset", "pipefail", "xtrace", "noglob", "noclobber"];

/// Reads a comment; none if it is no directive.
pub(super) fn directive(comment: &Comment, diagnostics: &mut Vec<Diagnostic>) -> Option<Directive> {
    let start = comment.text.len() - comment.text.trim_start().len();
    let rest = comment.text[start..].strip_prefix("runbook")?;
    let Some(body) = rest.strip_prefix(':') else {
        let looks_like = rest.starts_with(char::is_whitespace) && rest.contains('=');
        if looks_like {
            let span = Span::new(start, start + "runbook".len()).shifted(comment.offset);
            let message = "a directive begins with `runbook:`";
            diagnostics.push(
                Diagnostic::error("bad-directive", span, message).with_hint("put a colon behind `runbook`"),
            );
        }
        return None;
    };
    let at = start + "runbook:".len();
    let mut parser = Parser { offset: comment.offset + at, span: comment.span, diagnostics };
    let wrong = parser.diagnostics.len();
    let words = parser.words(body);
    match words.first() {
        Some(word) if word.key == "target" && word.value.is_none() => parser.target(&words[1..]),
        Some(word) if word.key == "test" && word.value.is_none() => parser.test(&words[1..]),
        Some(word) if word.value.is_none() && meant(&word.key).is_some() => {
            let (range, key) = (word.range.clone(), &word.key);
            let hint = meant(key).unwrap_or_default();
            parser.error(range, format!("unknown key `{key}` in a directive"), hint);
            None
        }
        Some(_) => Some(parser.step(&words)),
        None if parser.diagnostics.len() > wrong => None,
        None => {
            parser.error(0..0, "this directive says nothing".into(), &known(KEYS));
            None
        }
    }
}

/// The hint for a first word that is nearly one of those which say what the rest is about. Letters that changed
/// places count as two edits.
fn meant(key: &str) -> Option<&'static str> {
    let is_near = |word: &str| distance(key, word, 2).is_some();
    match key {
        _ if KEYS.contains(&key) || !near(key, KEYS.iter().copied()).is_empty() => None,
        _ if is_near("test") => Some("`test NAME=VALUE` exists"),
        _ if is_near("target") => Some("`target probe=\"COMMAND\"` exists"),
        _ => None,
    }
}

/// A `key` or `key=value`, with places in the directive's body.
struct Word {
    key: String,
    value: Option<String>,
    /// The whole word.
    range: Range<usize>,
    /// The value; the whole word where there is none.
    value_range: Range<usize>,
}

struct Parser<'p> {
    /// Where the body begins in the file.
    offset: usize,
    /// The whole comment.
    span: Span,
    diagnostics: &'p mut Vec<Diagnostic>,
}

impl Parser<'_> {
    fn error(&mut self, range: Range<usize>, message: String, hint: &str) {
        let span = if range.is_empty() { self.span } else { Span::from(range).shifted(self.offset) };
        self.diagnostics.push(Diagnostic::error("bad-directive", span, message).with_hint(hint));
    }

    /// Splits the body at blanks outside quotes.
    fn words(&mut self, body: &str) -> Vec<Word> {
        let mut words = Vec::new();
        let mut at = 0;
        while at < body.len() {
            let rest = &body[at..];
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                at += blank;
                continue;
            }
            let key_end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let key = rest[..key_end].to_owned();
            if !rest[key_end..].starts_with('=') {
                let range = at..at + key_end;
                words.push(Word { key, value: None, range: range.clone(), value_range: range });
                at += key_end;
                continue;
            }
            let value_start = at + key_end + 1;
            let tail = &body[value_start..];
            let (value, len) = match tail.chars().next() {
                Some(quote @ ('"' | '\'')) => match tail[1..].find(quote) {
                    Some(close) => (tail[1..1 + close].to_owned(), close + 2),
                    None => {
                        let range = value_start..body.trim_end().len().max(value_start + 1);
                        self.error(
                            range,
                            "this quote is never closed".into(),
                            "close it in the same comment",
                        );
                        break;
                    }
                },
                _ => {
                    let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
                    (tail[..end].to_owned(), end)
                }
            };
            let end = value_start + len;
            words.push(Word { key, value: Some(value), range: at..end, value_range: value_start..end });
            at = end;
        }
        words
    }

    fn target(&mut self, words: &[Word]) -> Option<Directive> {
        match words {
            [Word { key, value: Some(value), .. }] if key == "probe" && !value.trim().is_empty() => {
                Some(Directive::Target { probe: value.clone(), span: self.span })
            }
            _ => {
                let range = words.first().map_or(0..0, |word| word.range.clone());
                let message = "a target directive has one setting, `probe`".into();
                self.error(range, message, "write `target probe=\"COMMAND\"`");
                None
            }
        }
    }

    fn test(&mut self, words: &[Word]) -> Option<Directive> {
        let mut test = TestDirective { span: Some(self.span), ..TestDirective::default() };
        let mut reason: Option<&Word> = None;
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            let key = word.key.trim_start_matches('-');
            if seen.contains(&key) {
                let message = format!("`{key}` stands here a second time");
                self.error(
                    word.range.clone(),
                    message,
                    "keep one of them: which of them counts would be a guess",
                );
                continue;
            }
            seen.push(key);
            match (key, &word.value) {
                ("ignore", value) => {
                    test.ignore = Some(value.as_deref().unwrap_or("told so by the document").to_owned());
                }
                (_, None) => {
                    let message = format!("`{}` has no value", word.key);
                    self.error(word.range.clone(), message, "write `test NAME=VALUE`");
                }
                ("reason", Some(_)) => reason = Some(word),
                ("fault", Some(value)) => test.fault = Some(value.clone()),
                ("branch", Some(value)) => match branch(value) {
                    Some(branch) => test.branch = Some(branch),
                    None => {
                        let message = format!("`{value}` is no value for `branch`");
                        self.error(
                            word.value_range.clone(),
                            message,
                            "`fallback`, `main`, or the name of a step",
                        );
                    }
                },
                (name, Some(value)) => test.values.push((name.to_owned(), value.clone())),
            }
        }
        match (reason, &mut test.ignore) {
            (Some(reason), Some(ignore)) => *ignore = reason.value.clone().unwrap_or_default(),
            (Some(reason), None) => {
                let message = "`reason` says why a procedure is ignored, and this one is not".into();
                self.error(reason.range.clone(), message, "add `ignore`, or remove `reason`");
            }
            (None, _) => {}
        }
        Some(Directive::Test(test))
    }

    fn step(&mut self, words: &[Word]) -> Directive {
        let mut step = StepDirective { span: Some(self.span), ..StepDirective::default() };
        let mut expect = None;
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            if !KEYS.contains(&word.key.as_str()) {
                let hint = match near(&word.key, KEYS.iter().copied()).first() {
                    Some(meant) => format!("a key named `{meant}` exists"),
                    None => known(KEYS),
                };
                let key = word.range.start..word.range.start + word.key.len().max(1);
                self.error(key, format!("unknown key `{}` in a directive", word.key), &hint);
                continue;
            }
            if seen.contains(&word.key.as_str()) {
                let message = format!("the key `{}` stands here a second time", word.key);
                self.error(
                    word.range.clone(),
                    message,
                    "keep one of them: which of them counts would be a guess",
                );
                continue;
            }
            seen.push(&word.key);
            if let Err(hint) = set(&mut step, &mut expect, &word.key, word.value.as_deref()) {
                let message = match &word.value {
                    Some(value) => format!("`{value}` is no value for `{}`", word.key),
                    None => format!("`{}` needs a value", word.key),
                };
                self.error(word.value_range.clone(), message, &hint);
                // What it stands before is expected all the same: that it is not run is no second mistake.
                if word.key == "expect" {
                    expect = Some(Matching::Lines);
                }
            }
        }
        if let Some(reason) = words.iter().find(|word| word.key == "reason")
            && step.ignore.is_none()
        {
            let message = "`reason` says why a step is ignored, and this one is not".into();
            self.error(reason.range.clone(), message, "add `ignore`, or remove `reason`");
        }
        Directive::Step { step: Box::new(step), expect }
    }
}

/// Takes one setting over; the error is the hint.
fn set(
    step: &mut StepDirective,
    expect: &mut Option<Matching>,
    key: &str,
    value: Option<&str>,
) -> Result<(), String> {
    let flag = || match value {
        None | Some("yes" | "true") => Ok(true),
        Some("no" | "false") => Ok(false),
        Some(_) => Err("write `yes` or `no`".to_owned()),
    };
    match key {
        "ignore" => {
            step.ignore =
                Some(value.or(step.ignore.as_deref()).unwrap_or("told so by the document").to_owned());
            return Ok(());
        }
        "no-run" => return flag().map(|on| step.no_run = on),
        "should-fail" => return flag().map(|on| step.should_fail = on),
        "always" => return flag().map(|on| step.always = on),
        "optional" => return flag().map(|on| step.optional = Some(on)),
        _ => {}
    }
    let text = value.filter(|text| !text.trim().is_empty()).ok_or_else(|| example(key))?;
    let wrong = || example(key);
    match key {
        "id" => step.id = Some(name(text).ok_or_else(wrong)?),
        "timeout" => step.timeout = Some(time(text).filter(|time| !time.is_zero()).ok_or_else(wrong)?),
        "every" => step.every = Some(time(text).ok_or_else(wrong)?),
        "retry" => step.retry = Some(text.parse().ok().filter(|times| *times <= 1000).ok_or_else(wrong)?),
        "needs" => step.needs = text.split(',').map(name).collect::<Option<_>>().ok_or_else(wrong)?,
        "when" => step.when = Some(when(text).ok_or_else(wrong)?),
        "role" => {
            step.role = Some(match text {
                "observe" => Role::Observe,
                "act" => Role::Act,
                "verify" => Role::Verify,
                "manual" => Role::Manual,
                _ => return Err(wrong()),
            });
        }
        "effect" => {
            step.effect = Some(match text {
                "reads" => Effect::Reads,
                "changes" => Effect::Changes,
                "destroys" => Effect::Destroys,
                _ => return Err(wrong()),
            });
        }
        "shell" => {
            step.shell =
                Some(Some(text).filter(|text| matches!(*text, "bash" | "sh")).ok_or_else(wrong)?.into());
        }
        "options" => {
            let options: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            let none = options == ["none"];
            if !none && !options.iter().all(|option| OPTIONS.contains(&option.as_str())) {
                return Err(wrong());
            }
            step.options = Some(if none { Vec::new() } else { options });
        }
        "exit" => {
            step.exit = Some(match text {
                "any" => ExitExpectation::Any,
                _ => ExitExpectation::Code(i32::from(text.parse::<u8>().map_err(|_| wrong())?)),
            });
        }
        "reason" => step.ignore = Some(text.to_owned()).filter(|_| step.ignore.is_some()),
        "expect" => {
            *expect = Some(match text {
                "lines" => Matching::Lines,
                "contains" => Matching::Contains,
                "json" => Matching::Json,
                _ => return Err(wrong()),
            });
        }
        _ => {}
    }
    Ok(())
}

fn example(key: &str) -> String {
    match key {
        "id" => "letters, digits, `-` and `_`, such as `id=restart`",
        "timeout" | "every" => "a time such as `500ms`, `30s`, `5m` or `1h`",
        "retry" => "a number up to 1000, such as `retry=3`",
        "needs" => "names of steps with commas between them, such as `needs=check,restart`",
        "when" => "`failed(STEP)`, `passed(STEP)` or `plain`",
        "role" => "one of `observe`, `act`, `verify`, `manual`",
        "effect" => "one of `reads`, `changes`, `destroys`",
        "shell" => "`bash` or `sh`",
        "options" => "`none`, or names such as \"errexit nounset pipefail\"",
        "exit" => "`any`, or a status from 0 to 255",
        "reason" => "a text in quotes",
        _ => "one of `lines`, `contains`, `json`",
    }
    .to_owned()
}

fn known(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("known keys: {}; or the first word is `test` or `target`", keys.join(", "))
}

/// What a test's run must have taken.
fn branch(text: &str) -> Option<Branch> {
    match text {
        "fallback" => Some(Branch::Fallback),
        "main" => Some(Branch::Main),
        _ => name(text).map(Branch::Step),
    }
}

/// A step's name.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let good = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (good && !text.is_empty() && !text.starts_with(['-', '.'])).then(|| text.to_owned())
}

fn when(text: &str) -> Option<When> {
    if text == "plain" {
        return Some(When::Plain);
    }
    let inner = |word: &str| text.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')').and_then(name);
    inner("failed").map(When::Failed).or_else(|| inner("passed").map(When::Passed))
}

/// A time such as `500ms`, `30s`, `1.5m`.
fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "ms" => number / 1e3,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    // A week is longer than any step; beyond it the number is a slip.
    Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= Duration::from_secs(7 * 86_400))
}

#[cfg(test)]
mod tests;
