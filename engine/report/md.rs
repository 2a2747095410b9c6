//! A run as Markdown, to be pasted into the incident.
//!
//! Lists, no tables: they are readable before they are rendered, and wherever they are pasted. Times are
//! UTC. Output is an excerpt; the journal has all that was recorded.

use super::escalation::Escalation;
use super::markdown_text::{code, escape, fence};
use super::outputs::excerpt;
use super::record::{Attempt, StepRecord};
use super::step_notes::notes;
use super::story::Story;
use super::style::{Style, millis, printable};
use super::timeline::Tone;
use super::words;
use crate::event::{Event, EventBody, StepHeader, StepResult};
use crate::plan::StepId;
use std::fmt::Write;

/// Lines of output that are shown of an attempt, from its start and from its end.
const EXCERPT: (usize, usize) = (10, 30);

/// The report of the run that `events` tell; none if they do not begin with a run's start.
pub fn render(events: &[Event], escalation: Option<&Escalation>) -> Option<String> {
    let story = Story::of(events)?;
    let mut out = String::new();
    header(&mut out, &story);
    list(&mut out, "Warnings", story.warnings().iter().map(|text| escape(text)));
    list(&mut out, "Not verified", story.not_verified().iter().map(|text| escape(text)));
    if let Some(escalation) = escalation {
        paragraph(&mut out, "Escalation", &escalation.head());
        let _ = writeln!(out);
        for line in escalation.lines() {
            let _ = writeln!(out, "- {}", escape(&line));
        }
    }
    list(&mut out, "Timeline (UTC)", timeline(&story));
    let not_run = story.not_run();
    let not_run = not_run.iter().map(|(header, why)| {
        format!("step {} {} (line {}): {}", header.id, escape(&header.label), header.line, escape(why))
    });
    list(&mut out, "Not run", not_run);
    steps(&mut out, &story, events);
    Some(out)
}

/// The timeline's items, without their list marks; the incident file has them too.
pub(super) fn timeline(story: &Story) -> impl Iterator<Item = String> {
    story.moments.iter().map(|moment| {
        let after = moment.after_ms.map(|ms| format!(" `+{}`", millis(ms))).unwrap_or_default();
        let text = escape(&moment.text);
        let text = if moment.tone == Tone::Milestone { format!("**{text}**") } else { text };
        format!("{}{after} {text}", code(&moment.clock))
    })
}

fn header(out: &mut String, story: &Story) {
    let _ = writeln!(out, "# {}: {}\n", escape(&story.started.title), story.outcome());
    let _ = writeln!(out, "{}\n", escape(&story.summary()));
    for (name, value) in story.facts() {
        // A parameter's value and a path are shown as they are typed.
        let value = match name {
            "Document" | "Run" | "Directory" => code(&value),
            _ => escape(&value),
        };
        let _ = writeln!(out, "- **{name}**: {value}");
    }
}

fn paragraph(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "\n## {title}\n\n{}", escape(text));
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for item in items {
        let _ = writeln!(out, "- {item}");
    }
}

fn steps(out: &mut String, story: &Story, events: &[Event]) {
    let _ = writeln!(out, "\n## Steps");
    for (index, (header, step)) in story.steps().enumerate() {
        let Some(last) = step.attempts.last() else { continue };
        let result = words::came_of(step)
            .unwrap_or_else(|| "unknown: it was running when the record stops".to_owned());
        let _ = writeln!(out, "\n### {} {}: {}\n", header.id, escape(&header.label), escape(&result));
        let _ = writeln!(out, "{}", step_line(header, step));
        let id = StepId(index as u32);
        if let Some(script) = script(events, id) {
            let lines: Vec<String> =
                script.trim_end().lines().map(|line| printable(line, Style::Plain)).collect();
            let _ = write!(out, "\n{}", fence("bash", &lines));
        }
        if let Some(output) = story.outputs.get(index).and_then(|attempts| attempts.last()) {
            let lines = excerpt(&output.both, EXCERPT.0, EXCERPT.1);
            if !lines.is_empty() {
                let _ = write!(out, "\n{}", fence("text", &lines));
            }
        }
        details(out, last);
    }
}

fn step_line(header: &StepHeader, step: &StepRecord) -> String {
    let attempts = step.attempts.len();
    let mut line =
        format!("{}, {}, line {}", words::role(header.role), words::effect(header.effect), header.line);
    if attempts > 1 {
        let _ = write!(line, "; {attempts} attempts, the last one is shown");
    }
    if step.edited {
        let _ = write!(line, "; **edited**: a person wrote the command that ran");
    }
    line
}

/// What the last attempt of `id` ran; an edited command is the one it ran.
pub(super) fn script(events: &[Event], id: StepId) -> Option<String> {
    events.iter().rev().find_map(|event| match &event.body {
        EventBody::StepStarted { step, script, .. } if *step == id => Some(script.clone()),
        _ => None,
    })?
}

fn details(out: &mut String, attempt: &Attempt) {
    let Some(end) = &attempt.finished else { return };
    let notes = notes(attempt);
    if !notes.is_empty() {
        let _ = writeln!(out);
    }
    for note in notes {
        let _ = writeln!(out, "- {}", escape(&note));
    }
    if let StepResult::Mismatched { diff } = &end.result {
        let lines: Vec<String> = diff.lines().map(|line| printable(line, Style::Plain)).collect();
        let _ = write!(out, "\n{}", fence("diff", &lines));
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::super::{escalation, sample};
    use super::*;
    use crate::event::Choice;
    use crate::runbook::EscalationRow;

    const CONTAINED: &str = r#"# Engine Restart Failed: contained, not recovered

step 3 acted as the fallback of step 2, and nothing verified it

- **Severity**: Critical
- **Target**: Auto-restart < 30 seconds: not reached (5.3 s of 30 s)
- **Time to recovery**: not recovered
- **Document**: `bot.md:49`
- **Parameters**: engine_id = 3
- **When (UTC)**: 2026-01-02 03:04:05 to 03:04:10, 5.3 s (machines 5.3 s, people 0 s)
- **Who**: ann on box
- **Directory**: `/srv/bot`
- **Run**: `20260102T030405Z-abcdef`
- **How**: exec, unattended, exit code 5

## Not verified

- step 2 Force restart: no check passed after it
- step 3 If persistent, activate kill switch: no check passed after it

## Escalation

escalate, since it is contained, not recovered (severity Critical)

- P0 Critical: Immediate, CTO \*now\*

## Timeline (UTC)

- `03:04:05` `+0 s` **run started**
- `03:04:05` `+1 ms` step 1 Check engine status (observe): passed in 39 ms
- `03:04:05` `+41 ms` step 2 Force restart (act): failed with status 22 in 5.2 s
- `03:04:10` `+5.2 s` step 3 If persistent, activate kill switch (act), as fallback: passed in 0.1 s
- `03:04:10` `+5.3 s` **contained: nothing verified a recovery**
- `03:04:10` `+5.3 s` **run finished: contained, not recovered**

## Not run

- step 4 Verify recovery (line 80): not run, a step before it failed

## Steps

### 1 Check engine status: passed

observe, reads, line 60

```bash
curl -s http://localhost/engines/3
```

```text
{"id":3,"status":"stopped"}
```

### 2 Force restart: failed with status 22

act, changes, line 65

```bash
curl -X POST …
sleep 5
```

- line 67: status 22
- not run: sleep 5

### 3 If persistent, activate kill switch: passed

act, changes, line 72

```bash
curl -X POST …/kill
```
"#;

    #[test]
    fn a_contained_run_reads_from_top_to_bottom() {
        let row = EscalationRow {
            severity: "P0 Critical".into(),
            response: "Immediate".into(),
            people: "CTO *now*".into(),
            line: 9,
        };
        let events = sample::events();
        let due = escalation::due(&Record::of(&events), &[row]);
        assert_eq!(render(&events, due.as_ref()).as_deref(), Some(CONTAINED));
    }

    #[test]
    fn a_recovered_run_says_how_long_it_took_and_what_is_left() {
        let text = render(&sample::recovered(), None).expect("has started");
        for part in [
            "# Engine Restart Failed: succeeded, verified\n",
            "- **Target**: Auto-restart < 30 seconds: met (26 s of 30 s)\n",
            "- **Time to recovery**: 26 s from the alert, verified\n",
            "## Warnings\n\n- left running: tail (4711)\n- step 2 left a process behind: sleep (99)\n",
            "- `03:03:50` **detected: the alert fired**\n",
            "verify, reads, line 80; 2 attempts, the last one is shown\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("## Not verified"), "{text}");
    }

    #[test]
    fn what_a_person_did_about_a_step_is_its_result() {
        for (answer, note, part) in [
            (
                Choice::DoneByHand,
                "restarted *it*",
                "### 2 Force restart: done by hand: restarted \\*it\\* (before that: failed with status 22)\n",
            ),
            (
                Choice::Skip,
                "known",
                "### 2 Force restart: skipped: known (before that: failed with status 22)\n",
            ),
            (
                Choice::Edit,
                "./repair.sh",
                "### 2 Force restart: passed\n\nact, changes, line 65; 2 attempts, the last one is shown; \
                 **edited**: a person wrote the command that ran\n\n```bash\n./repair.sh\n```\n",
            ),
        ] {
            let text = render(&sample::answered(answer, note), None).expect("has started");
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_run_without_an_end_is_unknown() {
        let text = render(&sample::events()[..6], None).expect("has started");
        for part in [
            "# Engine Restart Failed: unknown\n\nthis record has no end; step 2 Force restart was running, and",
            "- **Target**: Auto-restart < 30 seconds: not judged\n",
            "- **Time to recovery**: unknown\n",
            "### 2 Force restart: unknown: it was running when the record stops\n",
            "- step 4 Verify recovery (line 80): no start of it is recorded\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(render(&[], None), None);
    }

    #[test]
    fn texts_of_others_cannot_become_markup() {
        let events = sample::hostile("</details>`````\n# [x](y) <script>");
        let text = render(&events, None).expect("has started");
        let mut fences = 0;
        for line in text.lines() {
            if line.starts_with("``````") {
                fences += 1;
            } else if fences % 2 == 0 {
                // Code spans show what they hold; outside of them nothing may open a tag or a link.
                let outside: String = line.split("``````").step_by(2).collect();
                let open = |mark: &str| outside.replace(&format!("\\{mark}"), "").contains(mark);
                assert!(!open("</details") && !open("<script") && !open("[x"), "{line}");
            }
        }
        assert_eq!(fences, 6, "script, output, difference: {text}");
    }
}
