//! What a sentence says about when its step is done, in English.
//!
//! Only the words count. What a condition refers to is found in [`super`].

use crate::runbook::prose;

/// A condition found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    /// What kind of condition it is.
    pub(crate) kind: Kind,
    /// The condition as written, such as `If the node is unreachable`.
    pub(crate) text: String,
}

/// Kinds of conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was done before did not work: "If this fails", "If persistent".
    Failed,
    /// "If auto-recovery fails": the subject's words, which the step before may share.
    SubjectFailed(Vec<String>),
    /// "If latency persists": known by what was done before.
    Persists,
    /// "Otherwise", "If not": the opposite of the condition before.
    Otherwise,
    /// "Emergency …", "As a last resort".
    Emergency,
    /// Any other "If …", alternatives, options.
    State,
    /// "… if the pool is full" behind an instruction.
    Postposed,
}

/// Words before a condition that count for nothing.
const FILLERS: &[&str] =
    &["and ", "then ", "then, ", "but ", "also ", "also, ", "finally, ", "next, ", "however, ", "note: "];

/// Conditions that leave it to the reader.
const OPTIONAL: &[&str] = &[
    "needed",
    "necessary",
    "required",
    "safe",
    "possible",
    "applicable",
    "appropriate",
    "desired",
    "it is safe",
    "it is safe to do so",
    "safe to do so",
    "it is needed",
    "it is necessary",
    "this is needed",
    "it doesn't exist",
    "it does not exist",
    "it doesn't exist already",
    "it does not exist already",
    "it doesn't exist yet",
    "missing",
    "not already done",
];

/// Words before `if` that make it a question rather than a condition.
const ASKING: &[&str] = &[
    "check",
    "checks",
    "checking",
    "see",
    "verify",
    "determine",
    "confirm",
    "ensure",
    "find",
    "ask",
    "decide",
    "know",
    "test",
    "look",
    "inspect",
    "validate",
    "review",
    "identify",
    "investigate",
    "tell",
    "understand",
    "show",
    "shows",
    "even",
    "as",
    "what",
    "whether",
    "indicate",
    "indicates",
    "discover",
    "sure",
];

/// First words of sentences that only lead to the command below.
const LEADING: &[&str] = &[
    "run", "execute", "use", "do", "perform", "issue", "you", "to", "this", "for", "try", "follow", "type",
    "enter",
];

/// The first word of headings that offer alternatives, before a letter or number.
const ALTERNATIVES: &[&str] = &["option", "method", "alternative", "variant", "scenario", "case"];

/// The condition in a text on one line, if there is one.
pub(crate) fn clause(text: &str) -> Option<Clause> {
    let sentences = prose::sentences(text);
    let last = sentences.last()?;
    if let Some(found) = leading(last, text) {
        return Some(found);
    }
    // "If it is stuck, it must be deleted. Run:" is one instruction.
    let before = sentences.len().checked_sub(2).map(|at| sentences[at]);
    let first = last.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    if let Some(before) = before.filter(|_| LEADING.contains(&first.as_str()))
        && let Some(found) = leading(before, text)
    {
        return Some(found);
    }
    postposed(last)
}

/// Whether a text makes its step optional, and by which words.
pub(crate) fn optional(text: &str) -> Option<String> {
    let sentences = prose::sentences(text);
    let last = *sentences.last()?;
    let lower = last.to_ascii_lowercase();
    let start = lower.trim_start_matches(['(', '[', '*']);
    if start.starts_with("optional") {
        let word = start.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        return Some(last[last.len() - start.len()..][..word.len()].to_owned());
    }
    if lower.contains("(optional)") {
        return Some("(optional)".into());
    }
    let sentence = without_fillers(last);
    let lower = sentence.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("if ") {
        let end = "if ".len() + end_of_clause(rest);
        let inner = lower["if ".len()..end].trim();
        let wish =
            ["you need", "you want", "you wish", "you would like", "you'd like", "you prefer", "you like"];
        if OPTIONAL.contains(&inner) || wish.iter().any(|wish| inner.starts_with(wish)) {
            return Some(sentence[..end].trim().to_owned());
        }
        return None;
    }
    let tail = lower.trim_end_matches([':', '.', ')', ' ', '!']);
    for word in ["if ", "as ", "when ", "where "] {
        let Some(at) = tail.rfind(&format!(" {word}")).or_else(|| tail.rfind(&format!("({word}"))) else {
            continue;
        };
        let inner = &tail[at + 1 + word.len()..];
        let known = OPTIONAL.contains(&inner) && !asks(&tail[..at]);
        if known && (word == "if " || matches!(inner, "needed" | "necessary" | "required" | "applicable")) {
            return Some(sentence[at + 1..at + 1 + word.len() + inner.len()].to_owned());
        }
    }
    None
}

/// Whether a text goes on with what was begun before it.
pub(crate) fn continues(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["then ", "then,", "then:", "and then", "after that", "afterwards"]
        .iter()
        .any(|word| lower.starts_with(word))
}

/// A condition that begins a sentence of `text`.
fn leading(sentence: &str, text: &str) -> Option<Clause> {
    let sentence = without_fillers(behind_topic(sentence));
    let lower = sentence.to_ascii_lowercase();
    if is_emergency(&lower) {
        return Some(Clause { kind: Kind::Emergency, text: prose::label(sentence) });
    }
    let found = |kind, text: &str| Some(Clause { kind, text: prose::label(text) });
    let first = lower.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let behind = &lower[first.len()..];
    match first {
        "otherwise" | "else" => return found(Kind::Otherwise, &sentence[..first.len()]),
        "alternatively" => return found(Kind::State, sentence),
        "or" if behind.is_empty() || behind.starts_with([',', ':']) => return found(Kind::State, sentence),
        _ if ALTERNATIVES.contains(&first) && is_enumerated(behind) => return found(Kind::State, sentence),
        _ => {}
    }
    let starts = ["if ", "only if ", "unless ", "in case ", "in the case ", "in the event "];
    let start = starts.iter().find(|start| lower.starts_with(**start))?;
    let end = start.len() + end_of_clause(&lower[start.len()..]);
    let clause = sentence[..end].trim_end();
    let inner = lower[start.len()..end].trim();
    if *start != "if " {
        return found(Kind::State, clause);
    }
    match inner {
        "not" | "no" => return found(Kind::Otherwise, clause),
        // What "so" is stands in the text before.
        "so" | "yes" | "true" | "it is" | "it does" | "they are" | "they do" => {
            return found(Kind::State, text);
        }
        _ => {}
    }
    if is_failure(inner) {
        return found(Kind::Failed, clause);
    }
    if let Some(subject) = failing_subject(inner) {
        return found(Kind::SubjectFailed(subject), clause);
    }
    let persists = inner.strip_suffix(" persists").or_else(|| inner.strip_suffix(" persist"));
    if persists.is_some() {
        return found(Kind::Persists, clause);
    }
    found(Kind::State, clause)
}

/// "Restart the pool if it is full:", "Enable the breaker (if the service fails)".
fn postposed(sentence: &str) -> Option<Clause> {
    let lower = sentence.to_ascii_lowercase();
    let at = [" if ", "(if ", " unless ", "(unless "].iter().filter_map(|word| lower.find(word)).min()? + 1;
    let before = &lower[..at];
    // A condition within a remark is about the remark, unless it is all of it.
    let open = before.matches('(').count() > before.matches(')').count() && !before.ends_with('(');
    let word = if lower[at..].starts_with("if ") { "if " } else { "unless " };
    let end = at + word.len() + end_of_clause(&lower[at + word.len()..]);
    let text = sentence[at..end].trim_end_matches([':', '.', ' ']);
    (!open && !asks(before)).then(|| Clause { kind: Kind::Postposed, text: text.to_owned() })
}

/// Whether a text in lower case turns the `if` behind it into a question.
fn asks(before: &str) -> bool {
    before.split(|c: char| !c.is_ascii_alphabetic()).any(|word| ASKING.contains(&word))
}

/// "Stale lease: If it exists, …" is about the condition behind its topic.
fn behind_topic(sentence: &str) -> &str {
    match sentence.split_once(": ") {
        Some((_, rest)) if rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("if ")) => rest,
        _ => sentence,
    }
}

fn without_fillers(sentence: &str) -> &str {
    let mut rest = sentence.trim_start_matches(['(', '-', '–', '*', ' ']);
    // `a. If …`, `2) If …`
    if let Some((mark, behind)) = rest.split_once(' ')
        && mark.len() <= 3
        && mark.ends_with(['.', ')'])
    {
        rest = behind.trim_start();
    }
    while let Some(filler) = FILLERS
        .iter()
        .find(|filler| rest.get(..filler.len()).is_some_and(|start| start.eq_ignore_ascii_case(filler)))
    {
        rest = rest[filler.len()..].trim_start();
    }
    rest
}

/// Where the condition ends in a text that begins behind its `if`.
fn end_of_clause(lower: &str) -> usize {
    let mut depth = 0_usize;
    let mut code = false;
    for (at, c) in lower.char_indices() {
        match c {
            '`' => code = !code,
            _ if code => {}
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => return at,
            ')' | ']' => depth -= 1,
            ',' | ';' | '→' if depth == 0 => return at,
            ':' if depth == 0 && !lower[at + 1..].starts_with(|c: char| !c.is_whitespace()) => return at,
            ' ' if depth == 0
                && [" then ", " - ", " – ", " — "].iter().any(|end| lower[at..].starts_with(end)) =>
            {
                return at;
            }
            _ => {}
        }
    }
    lower.trim_end_matches(['.', ' ']).len()
}

/// Labels of emergencies: at the start, or as a remark.
fn is_emergency(lower: &str) -> bool {
    let start = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    let starts = ["emergency", "last resort", "as a last resort", "in an emergency", "in case of emergency"];
    starts.iter().any(|word| {
        start.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    }) || lower.contains("(emergency")
        || lower.contains("(last resort")
        || lower.contains("(as a last resort")
        || lower.trim_end_matches([':', '.', ')']).ends_with("as a last resort")
}

/// "A", " 3: restart", "s are below" (no).
fn is_enumerated(behind: &str) -> bool {
    let Some(rest) = behind.strip_prefix([' ', '#', '-']) else { return false };
    let mark = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let number = !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_digit());
    number || mark.len() == 1 && (rest.len() == 1 || rest[1..].starts_with([':', ')', '.', ' ']))
}

/// Whether a condition, `if` left out, says that what was done before did not work.
fn is_failure(inner: &str) -> bool {
    let words: Vec<&str> = inner
        .split(|c: char| c.is_whitespace())
        .filter(|word| !matches!(*word, "still" | "also" | "again" | "simply" | ""))
        .collect();
    let text = words.join(" ").replace('’', "'");
    if matches!(
        text.as_str(),
        "persistent"
            | "persisting"
            | "unsuccessful"
            | "failing"
            | "unresolved"
            | "not resolved"
            | "not successful"
            | "not working"
    ) {
        return true;
    }
    let problems = [
        "the issue",
        "the problem",
        "the alert",
        "the error",
        "the failure",
        "the condition",
        "the issues",
        "the problems",
        "the errors",
        "this issue",
        "this problem",
        "issue",
        "problem",
        "problems",
        "issues",
    ];
    let deeds = [
        "this",
        "that",
        "it",
        "these",
        "they",
        "the above",
        "the above step",
        "the above steps",
        "above steps",
        "the steps above",
        "the above actions",
        "this step",
        "that step",
        "the step",
        "the previous step",
        "the previous steps",
        "the last step",
        "the command",
        "this command",
        "the above command",
    ];
    let behind = |subjects: &[&str], verbs: &[&str]| {
        subjects.iter().any(|subject| {
            text.strip_prefix(subject)
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|verb| verbs.contains(&verb))
        })
    };
    let persists = [
        "persists",
        "persist",
        "continues",
        "continue",
        "remains",
        "remain",
        "is not resolved",
        "isn't resolved",
        "is unresolved",
        "are not resolved",
        "does not go away",
        "doesn't go away",
    ];
    let fails = [
        "fails",
        "failed",
        "fail",
        "is failing",
        "are failing",
        "does not work",
        "doesn't work",
        "did not work",
        "didn't work",
        "do not work",
        "don't work",
        "does not help",
        "doesn't help",
        "did not help",
        "didn't help",
        "do not help",
        "don't help",
        "is unsuccessful",
        "was unsuccessful",
        "is not successful",
        "was not successful",
        "does not succeed",
        "doesn't succeed",
        "did not succeed",
        "does not resolve the issue",
        "doesn't resolve the issue",
        "does not resolve the problem",
        "does not fix the issue",
        "doesn't fix the issue",
        "does not fix it",
        "doesn't fix it",
        "does not resolve it",
    ];
    let nothing = ["none of this", "none of these", "none of the above", "nothing"];
    behind(&problems, &persists)
        || behind(&deeds, &persists)
        || behind(&deeds, &fails)
        || behind(&nothing, &["work", "works", "worked", "help", "helps", "helped"])
}

/// The subject's telling words of "auto-recovery fails", if the condition is nothing else.
fn failing_subject(inner: &str) -> Option<Vec<String>> {
    let ends = [
        " fails",
        " failed",
        " fail",
        " is failing",
        " has failed",
        " does not succeed",
        " is unsuccessful",
        " was unsuccessful",
    ];
    let subject = ends.iter().find_map(|end| inner.strip_suffix(end))?;
    let words = telling(subject);
    (!words.is_empty()).then_some(words)
}

/// The words of a text that say what it is about.
pub(crate) fn telling(text: &str) -> Vec<String> {
    const SILENT: &[&str] = &[
        "the", "a", "an", "of", "to", "for", "in", "on", "with", "and", "or", "that", "this", "it", "run",
        "try", "attempt", "step", "command", "do", "perform", "any", "all", "is", "be", "by", "from", "at",
        "its", "your",
    ];
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/'))
        .map(|word| word.trim_matches(['-', '.', '/']).to_lowercase())
        .filter(|word| !word.is_empty() && !SILENT.contains(&word.as_str()))
        .map(|word| word.strip_suffix('s').filter(|stem| stem.len() > 3).map(str::to_owned).unwrap_or(word))
        .collect()
}

#[cfg(test)]
mod tests;
