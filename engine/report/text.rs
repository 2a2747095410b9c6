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
    use crate::event::{Choice, EventBody, Purpose, RehearsalVerdict};
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
