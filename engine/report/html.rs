//! A run as one HTML file: no script, nothing fetched, readable on a telephone and on paper.
//!
//! Every text goes through the template's HTML escape; only the chart, which escapes its own, does not.

use super::escalation::Escalation;
use super::gantt;
use super::outputs::{Output, excerpt};
use super::record::{Attempt, StepRecord};
use super::step_notes::notes;
use super::story::Story;
use super::style::{Style, millis, one_line, printable};
use super::timeline::Tone;
use super::words;
use crate::event::{Event, EventBody, JudgedTarget, Outcome, StepHeader, StepResult, TargetVerdict};
use handlebars::Handlebars;
use serde::Serialize;

/// The page.
const TEMPLATE: &str = include_str!("html.hbs");

/// Lines of output that are shown of an attempt, from its start and from its end.
const EXCERPT: (usize, usize) = (200, 800);

/// Attempts of a step that are shown whole, the last ones.
const ATTEMPTS: usize = 5;

#[derive(Serialize)]
struct Page {
    title: String,
    outcome: &'static str,
    tone: &'static str,
    missed: Vec<String>,
    summary: String,
    facts: Vec<Fact>,
    warnings: Vec<String>,
    escalation: Option<Escalate>,
    gantt: String,
    legend: Option<String>,
    not_verified: Vec<String>,
    moments: Vec<Line>,
    not_run: Vec<String>,
    steps: Vec<Step>,
    run: String,
    engine: String,
    document: String,
    sha256: String,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Escalate {
    head: String,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    clock: String,
    after: Option<String>,
    tone: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Step {
    id: String,
    label: String,
    open: bool,
    tone: &'static str,
    result: String,
    meta: String,
    attempts: Vec<AttemptText>,
}

#[derive(Serialize)]
struct AttemptText {
    head: Option<String>,
    script: Option<String>,
    output: Option<String>,
    notes: Vec<String>,
    diff: Option<String>,
}

/// The page of the run that `events` tell; none if they do not begin with a run's start.
pub fn render(events: &[Event], escalation: Option<&Escalation>) -> Option<String> {
    let story = Story::of(events)?;
    let page = page(&story, events, escalation);
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    let html = engine.render_template(TEMPLATE, &page);
    Some(html.expect("the template names only the page's fields"))
}

fn page(story: &Story, events: &[Event], escalation: Option<&Escalation>) -> Page {
    let started = &story.started;
    let lines = |lines: Vec<String>| lines.iter().map(|line| one_line(line)).collect::<Vec<_>>();
    let not_run = story.not_run();
    let not_run = not_run.iter().map(|(header, why)| {
        one_line(&format!("step {} {} (line {}): {why}", header.id, header.label, header.line))
    });
    Page {
        title: one_line(&started.title),
        outcome: story.outcome(),
        tone: match outcome_tone(story.record.outcome()) {
            "good" if !missed(&story.record.targets).is_empty() => "warn",
            tone => tone,
        },
        missed: missed(&story.record.targets),
        summary: one_line(&story.summary()),
        facts: story
            .facts()
            .into_iter()
            .map(|(name, value)| Fact { name, value: one_line(&value) })
            .collect(),
        warnings: lines(story.warnings()),
        escalation: escalation
            .map(|due| Escalate { head: one_line(&due.head()), lines: lines(due.lines().collect()) }),
        gantt: gantt::svg(story),
        legend: gantt::legend(story),
        not_verified: lines(story.not_verified()),
        moments: story
            .moments
            .iter()
            .map(|moment| Line {
                clock: one_line(&moment.clock),
                after: moment.after_ms.map(millis),
                tone: tone(moment.tone),
                text: one_line(&moment.text),
            })
            .collect(),
        not_run: not_run.collect(),
        steps: steps(story, events),
        run: one_line(&started.run),
        engine: one_line(&started.engine),
        document: one_line(&format!("{}:{}", started.file, started.line)),
        sha256: one_line(&started.document_sha256),
    }
}

fn steps(story: &Story, events: &[Event]) -> Vec<Step> {
    let scripts = scripts(events, story.started.steps.len());
    let parts = story.outputs.iter().zip(&scripts);
    story
        .steps()
        .zip(parts)
        .filter(|((_, step), _)| !step.attempts.is_empty())
        .map(|((header, step), (outputs, scripts))| step_text(header, step, outputs, scripts))
        .collect()
}

fn step_text(header: &StepHeader, step: &StepRecord, outputs: &[Output], scripts: &[Option<String>]) -> Step {
    let count = step.attempts.len();
    let mut attempts = Vec::new();
    let mut shown_script = None;
    for (index, attempt) in step.attempts.iter().enumerate().skip(count.saturating_sub(ATTEMPTS)) {
        let script = scripts.get(index).and_then(Option::as_ref);
        let script = script.map(|script| text(script.trim_end().lines()));
        // The command is shown once, and again only where it was edited.
        let new_script = (script != shown_script).then(|| script.clone()).flatten();
        shown_script = script;
        attempts.push(attempt_text(attempt, index, count, outputs.get(index), new_script));
    }
    let result = step.result();
    let times = if count > 1 { format!(", {count} attempts") } else { String::new() };
    let edited = if step.edited { ", edited: a person wrote the command that ran" } else { "" };
    Step {
        id: one_line(&header.id),
        label: one_line(&header.label),
        open: result.is_none_or(|result| !result.passed()),
        tone: match (&step.settled, result) {
            (Some(_), _) | (None, None) => "warn",
            (None, Some(result)) => result_tone(result),
        },
        result: words::came_of(step).map_or_else(
            || "unknown: it was running when the record stops".to_owned(),
            |came_of| one_line(&came_of),
        ),
        meta: format!(
            "{}, {}, line {}, {}{times}{edited}",
            words::role(header.role),
            words::effect(header.effect),
            header.line,
            millis(step.wall_ms())
        ),
        attempts,
    }
}

fn attempt_text(
    attempt: &Attempt,
    index: usize,
    count: usize,
    output: Option<&Output>,
    script: Option<String>,
) -> AttemptText {
    let result = attempt.finished.as_ref().map(|end| words::result(&end.result));
    let result = result.unwrap_or_else(|| "unknown".to_owned());
    let purpose = words::purpose(attempt.purpose).map(|purpose| format!(", {purpose}")).unwrap_or_default();
    let head = (count > 1 || !purpose.is_empty()).then(|| {
        format!("attempt {}{purpose}, +{}: {}", index + 1, millis(attempt.started_ms), one_line(&result))
    });
    let output = output.map(|output| excerpt(&output.both, EXCERPT.0, EXCERPT.1));
    let end = attempt.finished.as_ref();
    let diff = end.and_then(|end| match &end.result {
        StepResult::Mismatched { diff } => Some(text(diff.lines())),
        _ => None,
    });
    AttemptText {
        head,
        script,
        output: output.filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")),
        notes: notes(attempt),
        diff,
    }
}

fn text<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| printable(line, Style::Plain)).collect::<Vec<_>>().join("\n")
}

/// What each attempt of each step ran.
fn scripts(events: &[Event], steps: usize) -> Vec<Vec<Option<String>>> {
    let mut scripts = vec![Vec::new(); steps];
    for event in events {
        if let EventBody::StepStarted { step, script, .. } = &event.body
            && let Some(attempts) = scripts.get_mut(step.index())
        {
            attempts.push(script.clone());
        }
    }
    scripts
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Milestone => "milestone",
    }
}

/// The targets that were missed.
fn missed(targets: &[JudgedTarget]) -> Vec<String> {
    let missed = targets.iter().filter(|target| target.verdict == TargetVerdict::Missed);
    missed.map(|target| one_line(&target.text)).collect()
}

fn outcome_tone(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Verified | Outcome::RecoveredByFallback | Outcome::Observed) => "good",
        Some(Outcome::Failed | Outcome::NotStarted) => "bad",
        Some(Outcome::NotVerified | Outcome::Contained | Outcome::NeedsPerson | Outcome::Cancelled)
        | None => "warn",
    }
}

fn result_tone(result: &StepResult) -> &'static str {
    match result {
        StepResult::Passed | StepResult::Done { .. } => "good",
        StepResult::Failed { .. }
        | StepResult::Mismatched { .. }
        | StepResult::TimedOut { .. }
        | StepResult::Signaled { .. }
        | StepResult::CouldNotStart { .. } => "bad",
        StepResult::Cancelled | StepResult::LeftOpen | StepResult::Unknown => "warn",
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::super::{escalation, sample};
    use super::*;
    use crate::runbook::EscalationRow;

    fn page_of(events: &[Event]) -> String {
        render(events, None).expect("has started")
    }

    #[test]
    fn a_missed_target_stands_beside_the_outcome() {
        let mut events = sample::events();
        for event in &mut events {
            match &mut event.body {
                EventBody::RunFinished(finished) => finished.outcome = Outcome::Verified,
                EventBody::Target { verdict, .. } => *verdict = TargetVerdict::Missed,
                _ => {}
            }
        }
        let target = "<p><strong>target missed</strong>: Auto-restart &lt; 30 seconds</p>";
        let page = page_of(&events);
        assert!(page.contains("<div class=\"outcome warn\"><strong>succeeded, verified"), "{page}");
        assert!(page.contains(target), "{page}");
        assert!(!page_of(&sample::events()).contains("target missed</strong>"));
    }

    #[test]
    fn the_page_says_what_the_record_says() {
        let page = page_of(&sample::events());
        for part in [
            "<title>Engine Restart Failed: contained, not recovered</title>",
            "<div class=\"outcome warn\"><strong>contained, not recovered</strong>",
            "<dt>Target</dt><dd>Auto-restart &lt; 30 seconds: not reached (5.3 s of 30 s)</dd>",
            "<li>step 4 Verify recovery (line 80): not run, a step before it failed</li>",
            "<li class=\"milestone\"><time>03:04:10</time><time class=\"after\">+5.3 s</time>\
             <span>contained: nothing verified a recovery</span></li>",
            "<details open>\n<summary><strong>2 Force restart</strong>: \
             <span class=\"result bad\">failed with status 22</span>",
            "<pre class=\"script\">curl -X POST …\nsleep 5</pre>",
            "<pre>{&quot;id&quot;:3,&quot;status&quot;:&quot;stopped&quot;}</pre>",
            "<p class=\"step-note\">not run: sleep 5</p>",
            "<p class=\"meta\">attempt 1, as fallback, +5.2 s: passed</p>",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let page = page_of(&sample::events()[..6]);
        assert!(page.contains("<title>Engine Restart Failed: unknown</title>"), "{page}");
        assert_eq!(render(&[], None), None);
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        for events in [sample::events(), sample::recovered(), sample::hostile("https://example.com/x.js")] {
            let page = page_of(&events);
            for mark in ["src=", "href=", "url(", "@import", "<script", "<link", "<img", "<iframe", "onload"]
            {
                assert!(!page.contains(mark), "{mark} in {page}");
            }
            assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'"), "{page}");
        }
    }

    #[test]
    fn a_script_in_any_text_stays_text() {
        let hostile = "\"'><script>alert(1)</script></style></pre><svg onload=alert(1)>{{title}}";
        let events = sample::hostile(hostile);
        let row = EscalationRow {
            severity: hostile.into(),
            response: hostile.into(),
            people: hostile.into(),
            line: 1,
        };
        let due = escalation::due(&Record::of(&events), &[row]).expect("is due");
        let page = render(&events, Some(&due)).expect("has started");
        assert!(page.matches("&lt;script&gt;").count() > 30, "{page}");
        assert!(!page.contains("<script") && !page.contains("<svg onload"), "{page}");
        assert_eq!(page.matches("</style>").count(), 1);
        assert_eq!(page.matches("<pre").count(), page.matches("</pre>").count());
        assert_eq!(page.matches("{{title}}").count(), page.matches("&gt;{{title}}").count());
    }

    #[test]
    fn an_edited_command_is_shown_again_and_old_attempts_are_left_out() {
        let mut events = sample::recovered();
        if let EventBody::StepStarted { script, .. } = &mut events[10].body {
            *script = Some("curl -f http://127.0.0.1/health".into());
        }
        let page = page_of(&events);
        assert!(page.contains("curl -f http://localhost/health") && page.contains("127.0.0.1"), "{page}");
    }
}
