//! The transcript: a journal's events through the same reporter as a live run.

use super::style::Style;
use super::terminal::{Terminal, Verbosity};
use crate::event::Event;
use std::io::{self, Write};

/// Writes the run that `events` tell.
///
/// # Errors
/// Whatever writing gives.
pub fn render(out: impl Write, events: &[Event], style: Style) -> io::Result<()> {
    let mut terminal = Terminal::new(out, style, Verbosity::Verbose);
    for event in events {
        terminal.event(event)?;
    }
    if terminal.record().finished.is_none() && terminal.record().started.is_some() {
        let text = "this record has no end: the run is still going on, or its engine died";
        writeln!(terminal.writer(), "\n{text}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::event::{
        CancelCause, Choice, EventBody, Purpose, RehearsalVerdict, StepFinished, StepResult, Stream,
    };
    use crate::plan::StepId;

    const STEPS: &str = r#"Engine Restart Failed · Critical · bot.md:49
  target: Auto-restart < 30 seconds
  engine_id = 3
  in /srv/bot
  run 20260102T030405Z-abcdef

[1] Check engine status (observe, line 60)
    $ curl -s http://localhost/engines/3
    {"id":3,"status":"stopped"}
[1] passed in 39 ms

[2] Force restart (act, changes, line 65)
    $ curl -X POST …
      sleep 5
[2] failed with status 22 in 5.2 s
    line 67: status 22
    not run: sleep 5

[3] If persistent, activate kill switch (act, changes, line 72, as fallback)
    $ curl -X POST …/kill
[3] passed in 0.1 s
[4] not run, a step before it failed (Verify recovery)
"#;

    const FAILURES: &str = r#"
[2] Force restart (act, changes, line 65)
[2] failed with status 22 in 5.2 s
    line 67: status 22
    not run: sleep 5
"#;

    const SUMMARY: &str = r#"
summary
  1     Check engine status                  passed        39 ms
  2     Force restart                        failed (22)   5.2 s
  3     If persistent, activate kill switch  passed        0.1 s
  4     Verify recovery                      not run
  target `Auto-restart < 30 seconds`: not reached (5.3 s of 30 s)
  time 5.3 s: machines 5.3 s, people 0 s
contained, not recovered (exit 5)
  step 3 acted as the fallback of step 2, and nothing verified it
  next: the damage is contained, the cause still stands: find it, then undo the
  fallback
"#;

    fn shown(events: &[Event], verbosity: Verbosity) -> String {
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Style::Plain, verbosity);
        for event in events {
            terminal.event(event).expect("writes to memory");
        }
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn a_run_reads_from_top_to_bottom() {
        assert_eq!(shown(&sample::events(), Verbosity::Normal), format!("{STEPS}{SUMMARY}"));
    }

    #[test]
    fn a_quiet_run_shows_failures_and_the_summary() {
        assert_eq!(shown(&sample::events(), Verbosity::Quiet), format!("{FAILURES}{SUMMARY}"));
    }

    fn started(step: u32, attempt: u32, script: &str) -> Event {
        let body = EventBody::StepStarted {
            step: StepId(step),
            attempt,
            purpose: Purpose::Plan,
            script: Some(script.into()),
            timeout_ms: 60_000,
        };
        Event { body, ..sample::events().swap_remove(0) }
    }

    #[test]
    fn commands_are_shown_once_and_again_when_they_are_others() {
        let mut events = sample::events();
        events.truncate(1);
        events.extend([
            started(3, 1, "curl -f $URL\n"),
            started(3, 2, "curl -f $URL\n"),
            started(3, 3, "curl -fk $URL\n"),
            started(1, 1, "curl -fk $URL\n"),
        ]);
        let (_, text) = STEPS.split_once("\n\n").expect("steps follow");
        let head = STEPS.len() - text.len() - 1;
        assert_eq!(
            &shown(&events, Verbosity::Normal)[head..],
            "
[4] Verify recovery (verify, reads, line 80)
    $ curl -f $URL

[4] Verify recovery (verify, reads, line 80, attempt 2)

[4] Verify recovery (verify, reads, line 80, attempt 3)
    $ curl -fk $URL

[2] Force restart (act, changes, line 65)
    $ curl -fk $URL
"
        );
        assert_eq!(shown(&events, Verbosity::Quiet), "");
    }

    #[test]
    fn many_lines_of_commands_are_cut_and_said_to_be() {
        let mut events = sample::events();
        events.truncate(1);
        let script = |lines: usize| "true\n".repeat(lines);
        let written = |lines, verbosity| {
            let mut events = events.clone();
            events.push(started(1, 1, &script(lines)));
            let text = shown(&events, verbosity);
            (text.matches("true").count(), text.lines().last().expect("a line").to_owned())
        };
        assert_eq!(written(8, Verbosity::Normal), (8, "      true".into()));
        assert_eq!(written(9, Verbosity::Normal), (7, "      … 2 more lines, see `plan`".into()));
        assert_eq!(written(30, Verbosity::Verbose), (30, "      true".into()));
    }

    /// A verify that passes, or not, at the last of `attempts`, two seconds apart.
    fn checked(attempts: u32, passes: bool) -> Vec<Event> {
        let mut bodies = vec![(0, EventBody::RunStarted(Box::new(sample::started())))];
        for attempt in 1..=attempts {
            let at = u64::from(attempt - 1) * 2_000;
            let EventBody::StepStarted { purpose, script, timeout_ms, .. } =
                started(3, attempt, "curl -f $URL\n").body
            else {
                unreachable!("it is a start")
            };
            bodies
                .push((at, EventBody::StepStarted { step: StepId(3), attempt, purpose, script, timeout_ms }));
            let text = format!("no answer {attempt}\n");
            let output = EventBody::Output { step: StepId(3), stream: Stream::Stderr, text, late: false };
            bodies.push((at, output));
            let result = match passes && attempt == attempts {
                true => StepResult::Passed,
                false => StepResult::Failed { status: 7, not_tried: None },
            };
            let end = StepFinished { attempt, ..sample::finished(3, result, 100) };
            bodies.push((at + 100, EventBody::StepFinished(Box::new(end))));
            if attempt < attempts {
                let retrying = EventBody::StepRetrying {
                    step: StepId(3),
                    attempt: attempt + 1,
                    after_ms: 1_900,
                    reason: "not verified yet".into(),
                };
                bodies.push((at + 100, retrying));
            }
        }
        let stop = EventBody::Cancel { cause: CancelCause::Operator };
        bodies.push((u64::from(attempts) * 2_000, stop));
        sample::chained(bodies)
    }

    #[test]
    fn of_a_check_that_is_repeated_the_first_and_the_last_attempt_are_shown() {
        let after_head = |text: String| {
            let (_, rest) = text.split_once("  run 20260102T030405Z-abcdef\n").expect("has a head");
            rest.to_owned()
        };
        let first = "\n[4] Verify recovery (verify, reads, line 80)\n    $ curl -f $URL\n    no answer 1\n\
                     [4] failed with status 7 in 0.1 s\n\
                     [4] not verified yet: tried again every 1.9 s; the last output will be shown\n";
        let counted = "[4] attempt 2: failed with status 7, 2.1 s so far\n\
                       [4] attempt 4: failed with status 7, 6.1 s so far\n";
        assert_eq!(
            after_head(shown(&checked(6, true), Verbosity::Normal)),
            format!(
                "{first}{counted}[4] the last attempt said:\n    no answer 6\n\
                 [4] passed in 0.1 s (attempt 6, 10 s in all)\nstopping: the operator aborted\n"
            )
        );
        assert_eq!(
            after_head(shown(&checked(6, false), Verbosity::Normal)),
            format!(
                "{first}{counted}[4] the last attempt said:\n    no answer 6\n\
                 [4] failed with status 7 in 0.1 s (attempt 6, 10 s in all)\nstopping: the operator aborted\n"
            )
        );
        let all = shown(&checked(6, false), Verbosity::Verbose);
        assert_eq!(all.matches("no answer").count(), 6, "{all}");
        assert_eq!(
            shown(&checked(6, false), Verbosity::Quiet),
            "\n[4] Verify recovery (verify, reads, line 80)\n    no answer 1\n[4] failed with status 7 in 0.1 s\n\
             \n[4] Verify recovery (verify, reads, line 80)\n    no answer 6\n\
             [4] failed with status 7 in 0.1 s (attempt 6, 10 s in all)\nstopping: the operator aborted\n"
        );
        // After a resume, the attempt that is seen first is shown whole.
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Style::Plain, Verbosity::Normal);
        let all = checked(4, true);
        all[..8].iter().for_each(|event| terminal.remember(event));
        all[8..].iter().for_each(|event| terminal.event(event).expect("writes to memory"));
        let text = String::from_utf8(out).expect("is text");
        let begin = "[4] attempt 3 follows in 1.9 s: not verified yet\n\n\
                     [4] Verify recovery (verify, reads, line 80, attempt 3)\n    $ curl -f $URL\n    no answer 3\n";
        assert!(text.starts_with(begin), "{text}");
        // What was held back is shown before somebody is asked what to do.
        let mut events = checked(3, false);
        events.pop();
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Style::Plain, Verbosity::Normal);
        events.iter().for_each(|event| terminal.event(event).expect("writes to memory"));
        terminal.asking(Some((StepId(1), "curl -X POST …".into()))).expect("writes to memory");
        terminal.event(&started(1, 1, "curl -X POST …")).expect("writes to memory");
        let text = String::from_utf8(out).expect("is text");
        let end = "[4] the last attempt said:\n    no answer 3\n[4] failed with status 7 in 0.1 s (attempt 3, 4.1 s in \
                   all)\n\n[2] Force restart (act, changes, line 65)\n";
        assert!(text.ends_with(end), "the question showed the commands: {text}");
    }

    #[test]
    fn a_quiet_run_shows_the_last_lines_of_what_failed() {
        let mut events = sample::events();
        let text: String = (1..=30).map(|number| format!("line {number}\n")).collect();
        let output = EventBody::Output { step: StepId(1), stream: Stream::Stdout, text, late: false };
        events.insert(6, Event { body: output, ..events[6].clone() });
        let said = shown(&events, Verbosity::Quiet);
        let failed = "\n[2] Force restart (act, changes, line 65)\n    … 10 lines before, see the record\n    line 11\n";
        assert!(said.starts_with(failed), "{said}");
        assert!(said.contains("    line 30\n[2] failed with status 22 in 5.2 s\n"), "{said}");
        assert!(!said.contains("stopped\"}"), "what passed is not shown: {said}");
    }

    #[test]
    fn what_a_person_did_about_a_step_stands_below_it() {
        let summary = |answer, note: &str| {
            let text = shown(&sample::answered(answer, note), Verbosity::Normal);
            let (_, summary) = text.split_once("summary\n").expect("it has one");
            let (_, rest) = summary.split_once("39 ms\n").expect("of step 1");
            rest.split_once("  3     ").expect("of step 3").0.to_owned()
        };
        let long =
            "the console of the provider had it restarted already, as their status page says since midnight";
        for (answer, note, said) in [
            (
                Choice::DoneByHand,
                "restarted it",
                "  2     Force restart                        by hand       5.2 s\n        \
                 done by hand: restarted it (before that: failed with status 22)\n",
            ),
            (
                Choice::Skip,
                long,
                "  2     Force restart                        skipped       5.2 s\n        \
                 skipped: the console of the provider had it restarted already, as their\n        \
                 status page says since midnight (before that: failed with status 22)\n",
            ),
            (
                Choice::Edit,
                "curl -X POST http://127.0.0.1/kill\nsleep 1\n",
                "  2     Force restart                        passed        6.2 s     2 attempts\n        \
                 edited; what ran is not in the document:\n        $ curl -X POST http://127.0.0.1/kill\n          \
                 sleep 1\n",
            ),
        ] {
            assert_eq!(summary(answer, note), said);
        }
    }

    /// The sample run as a rehearsal: what its last event and a stage's events say.
    fn rehearsed(exit: i32, reasons: &[&str]) -> String {
        let mut events = sample::events();
        let fault = "engine-stopped".to_owned();
        let last = events.len() - 1;
        if let EventBody::RunFinished(finished) = &mut events[last].body {
            finished.exit = exit;
            finished.rehearsal = Some(RehearsalVerdict {
                fault: fault.clone(),
                passed: exit == 0,
                exec_exit: (exit != 6).then_some(5),
                reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
            });
        }
        events[last - 1].body = EventBody::Fault { fault, what: "x ".repeat(50) };
        shown(&events, Verbosity::Normal)
    }

    #[test]
    fn a_rehearsal_ends_with_its_own_verdict_and_its_reasons() {
        let long =
            "the procedure says `recovered`, but the symptom is still there: `passes_when` does not hold";
        for (exit, reasons, end) in [
            (
                0,
                vec![],
                "contained, not recovered (exec would exit 5)\n  \
                 step 3 acted as the fallback of step 2, and nothing verified it\n\
                 rehearsal passed with fault `engine-stopped` (exit 0)\n",
            ),
            (
                1,
                vec![long, "b"],
                "rehearsal failed with fault `engine-stopped` (exit 1)\n  \
                 - the procedure says `recovered`, but the symptom is still there:\n    \
                 `passes_when` does not hold\n  - b\n",
            ),
            (
                6,
                vec!["b"],
                "\ncontained, not recovered\n  step 3 acted as the fallback of step 2, and nothing \
                 verified it\nnothing was rehearsed with fault `engine-stopped` (exit 6)\n  - b\n",
            ),
            (130, vec![], "rehearsal stopped with fault `engine-stopped` (exit 130)\n"),
        ] {
            let text = rehearsed(exit, &reasons);
            assert!(text.ends_with(end), "{text}");
            assert!(text.contains("\nfault `engine-stopped`: x x"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let text = shown(&sample::events(), Verbosity::Verbose);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn a_record_without_an_end_says_so() {
        let mut out = Vec::new();
        render(&mut out, &sample::events()[..6], Style::Plain).expect("writes to memory");
        let text = String::from_utf8(out).expect("is text");
        assert!(
            text.ends_with("\n\nthis record has no end: the run is still going on, or its engine died\n"),
            "{text}"
        );
    }
}
