//! The incident file: one a day, one section a run, for people to go on writing in.
//!
//! What is there already is never changed: a later incident of the day is added behind it. The text is
//! made from a handlebars template, which a team may replace by its own. Names, dates and times are UTC.

use super::escalation::Escalation;
use super::markdown_text::{code, escape};
use super::md::timeline;
use super::story::Story;
use super::style::one_line;
use super::timeline::day;
use crate::event::{Event, EventBody};
use crate::runbook::ChecklistItem;
use handlebars::{Handlebars, no_escape};
use serde::Serialize;
use std::fmt;

/// The template that is used where the team has none of its own.
pub const TEMPLATE: &str = include_str!("incident.hbs");

/// Hours until the root cause is due.
const ROOT_CAUSE_HOURS: i64 = 24;

/// What a template may use. Texts are escaped for Markdown already, so a template adds markup as it likes.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// It is the first in its file.
    pub first: bool,
    /// Its run's id.
    pub run: String,
    /// How often the run was continued.
    pub continued: usize,
    /// `2026-01-02`.
    pub date: String,
    /// `03:04`.
    pub time: String,
    /// The procedure's title.
    pub title: String,
    /// Severity as the document has it, or empty.
    pub severity: String,
    /// What came of the run.
    pub outcome: String,
    /// The same in a sentence.
    pub summary: String,
    /// Time to recovery, as far as it was seen.
    pub recovery: String,
    /// Names and values for the head.
    pub facts: Vec<Fact>,
    /// What a person must not overlook.
    pub warnings: Vec<String>,
    /// What nothing verified.
    pub not_verified: Vec<String>,
    /// Whom to tell, if somebody must be.
    pub escalation: Option<Told>,
    /// The timeline's items.
    pub timeline: Vec<String>,
    /// When the root cause is due: `2026-01-03 03:04 UTC`.
    pub root_cause_due: String,
    /// From when that is counted: `the alert` or `the start of the run`.
    pub root_cause_from: &'static str,
    /// Items of the document's post-incident list, as Markdown.
    pub post_incident: Vec<String>,
}

/// A name and its value.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// The name.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// Whom to tell.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Why.
    pub head: String,
    /// Who and how fast, one row each.
    pub lines: Vec<String>,
}

/// Why a team's template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Line in the template, from 1, if it is known.
    pub line: Option<usize>,
    /// Why.
    pub why: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "the incident template cannot be used: line {line}: {}", self.why),
            None => write!(f, "the incident template cannot be used: {}", self.why),
        }
    }
}

/// The incident that `events` tell; none if they do not begin with a run's start.
pub fn incident(
    events: &[Event],
    escalation: Option<&Escalation>,
    post_incident: &[ChecklistItem],
) -> Option<Incident> {
    let story = Story::of(events)?;
    let started = &story.started;
    let started_at = story.record.started_at.as_deref().unwrap_or_default();
    let (from, root_cause_from) = match &started.detected_at {
        Some(at) => (at.as_str(), "the alert"),
        None => (started_at, "the start of the run"),
    };
    let lines = |lines: Vec<String>| lines.iter().map(|line| escape(line)).collect::<Vec<_>>();
    Some(Incident {
        first: true,
        run: one_line(&started.run),
        continued: events.iter().filter(|event| matches!(event.body, EventBody::Resume { .. })).count(),
        date: day(started_at).to_owned(),
        time: started_at.get(11..16).unwrap_or_default().to_owned(),
        title: escape(&started.title),
        severity: started.severity.as_deref().map(escape).unwrap_or_default(),
        outcome: story.outcome().to_owned(),
        summary: escape(&story.summary()),
        recovery: story.recovery(),
        facts: facts(&story),
        warnings: lines(story.warnings()),
        not_verified: lines(story.not_verified()),
        escalation: escalation
            .map(|due| Told { head: escape(&due.head()), lines: lines(due.lines().collect()) }),
        timeline: timeline(&story).collect(),
        root_cause_due: due(from),
        root_cause_from,
        post_incident: post_incident.iter().map(|item| one_line(&item.text)).collect(),
    })
}

/// The head's names and values; a path is code.
fn facts(story: &Story) -> Vec<Fact> {
    let value = |name, value: &str| match name {
        "Document" | "Directory" | "Run" => code(value),
        _ => escape(value),
    };
    story.facts().into_iter().map(|(name, text)| Fact { name, value: value(name, &text) }).collect()
}

fn due(from: &str) -> String {
    let due = from
        .parse::<jiff::Timestamp>()
        .and_then(|at| at.checked_add(jiff::SignedDuration::from_hours(ROOT_CAUSE_HOURS)));
    match due {
        Ok(due) => due.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => "at a time that is not known".to_owned(),
    }
}

/// Checks a team's template before a run needs it.
///
/// # Errors
/// What is wrong with it.
pub fn check(template: &str) -> Result<(), TemplateError> {
    engine(template).map(|_| ())
}

/// The new text of the incident file whose text is `existing`: the incident is added behind it. None when it
/// holds this end of the run already; a run that was continued has another one.
///
/// # Errors
/// The template cannot be used.
pub fn append(
    existing: &str,
    incident: &Incident,
    template: Option<&str>,
) -> Result<Option<String>, TemplateError> {
    let run: String =
        incident.run.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let mark = match incident.continued {
        0 => format!("<!-- incident of run {run} -->"),
        times => format!("<!-- incident of run {run}, continued {times} -->"),
    };
    if existing.contains(&mark) {
        return Ok(None);
    }
    let first = existing.trim().is_empty();
    let engine = engine(template.unwrap_or(TEMPLATE))?;
    let section = engine
        .render(NAME, &Incident { first, ..incident.clone() })
        .map_err(|error| TemplateError { line: error.line_no, why: error.reason().to_string() })?;
    let mut text = existing.to_owned();
    if !first {
        // Whatever somebody wrote last keeps its own line.
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    }
    text.push_str(&format!("{mark}\n{}\n", section.trim_end()));
    Ok(Some(text))
}

const NAME: &str = "incident";

fn engine(template: &str) -> Result<Handlebars<'_>, TemplateError> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(no_escape);
    engine.register_template_string(NAME, template).map_err(|error| TemplateError {
        line: error.pos().map(|(line, _)| line),
        why: error.reason().to_string(),
    })?;
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn list() -> Vec<ChecklistItem> {
        ["**Document incident** in `incidents/`", "Chaos test"]
            .into_iter()
            .map(|text| ChecklistItem { text: text.into(), line: 1 })
            .collect()
    }

    fn of(events: &[Event]) -> Incident {
        incident(events, None, &list()).expect("has started")
    }

    const FIRST: &str = "\
<!-- incident of run 20260102T030405Z-abcdef -->
# Incidents of 2026-01-02

## 03:04 Engine Restart Failed: succeeded, verified

succeeded, verified by step 4

- **Severity**: Critical
- **Target**: Auto-restart < 30 seconds: met (26 s of 30 s)
- **Time to recovery**: 26 s from the alert, verified
- **Document**: `bot.md:49`
- **Parameters**: engine_id = 3
- **When (UTC)**: 2026-01-02 03:04:05 to 03:04:16, 11 s (machines 5.2 s, people 4.0 s)
- **Who**: ann on box
- **Directory**: `/srv/bot`
- **Run**: `20260102T030405Z-abcdef`
- **How**: exec, exit code 0

### Look at this first

- left running: tail (4711)
- step 2 left a process behind: sleep (99)

### Timeline (UTC)

- `03:03:50` **detected: the alert fired**
- `03:04:05` `+0 s` **run started**
- `03:04:05` `+1 ms` step 1 Check engine status (observe): failed with status 7 in 39 ms
- `03:04:09` `+4.0 s` run step 2 Force restart: yes (operator, after 4.0 s)
- `03:04:09` `+4.0 s` step 2 Force restart (act): passed in 5.0 s
- `03:04:14` `+9.0 s` **mitigated**
- `03:04:14` `+9.0 s` step 4 Verify recovery (verify): passed in 98 ms (attempt 2, 2.2 s in all)
- `03:04:16` `+11 s` **resolved: the recovery was verified**
- `03:04:16` `+11 s` note: the disk was full
- `03:04:16` `+11 s` **run finished: succeeded, verified**

### Root cause

Due 2026-01-03 03:03 UTC: 24 hours after the alert.

_Not yet known._

### Afterwards

- [ ] **Document incident** in `incidents/`
- [ ] Chaos test
";

    #[test]
    fn the_first_incident_of_a_day_begins_its_file() {
        let text = append("", &of(&sample::recovered()), None).expect("the template is ours");
        assert_eq!(text.as_deref(), Some(FIRST));
    }

    #[test]
    fn a_second_one_is_added_behind_what_people_wrote() {
        let mut second = of(&sample::events());
        second.run = "20260102T050000Z-123456".into();
        for (written, joined) in [("It was the disk.\n", "\n"), ("It was the disk.", "\n\n")] {
            let existing = format!("{FIRST}{written}");
            let text = append(&existing, &second, None).expect("the template is ours").expect("is new");
            let added = text.strip_prefix(&existing).expect("nothing before it changes");
            let head = "<!-- incident of run 20260102T050000Z-123456 -->\n## 03:04 Engine Restart Failed: \
                        contained, not recovered\n";
            assert!(added.starts_with(&format!("{joined}{head}")), "{added}");
            assert!(!added.contains("# Incidents of"), "{added}");
            assert!(
                added.contains("Due 2026-01-03 03:04 UTC: 24 hours after the start of the run."),
                "{added}"
            );
            assert_eq!(append(&text, &second, None).expect("the template is ours"), None);
        }
    }

    #[test]
    fn a_team_may_have_a_template_of_its_own() {
        let own = "{{date}} {{time}} {{severity}} {{recovery}}{{#each facts}}|{{name}}{{/each}}\n\n";
        let text = append("", &of(&sample::recovered()), Some(own)).expect("is a template").expect("is new");
        assert_eq!(
            text,
            "<!-- incident of run 20260102T030405Z-abcdef -->\n2026-01-02 03:04 Critical 26 s from the alert, verified|Severity\
             |Target|Time to recovery|Document|Parameters|When (UTC)|Who|Directory|Run|How\n"
        );
    }

    #[test]
    fn a_template_that_cannot_be_used_says_where() {
        let why = |template: &str| match check(template) {
            Err(error) => error.to_string(),
            Ok(()) => {
                append("", &of(&sample::events()), Some(template)).expect_err("cannot be used").to_string()
            }
        };
        let prefix = "the incident template cannot be used: line";
        assert!(why("a\n{{#if x}}").starts_with(prefix), "{}", why("a\n{{#if x}}"));
        assert_eq!(
            why("a\n{{nothing}}"),
            format!("{prefix} 2: Failed to access variable in strict mode Some(\"nothing\")")
        );
        assert_eq!(check(TEMPLATE), Ok(()));
    }

    #[test]
    fn texts_of_others_cannot_become_markup() {
        let incident = of(&sample::hostile("{{title}} <script> [x](y)"));
        let text = append("", &incident, None).expect("the template is ours").expect("is new");
        let outside: String = text.split('`').step_by(2).collect();
        assert!(!outside.replace("\\<script", "").contains("<script"), "{text}");
        assert!(!outside.replace("\\[x", "").contains("[x"), "{text}");
    }
}
