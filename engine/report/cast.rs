//! A run as an asciicast (version 2), to be played as a terminal recording.
//!
//! The same lines as the live run, at the times of its events. What was waited for stays waited for; a
//! player may shorten it.

use super::style::{Style, WIDTH};
use super::terminal::{Terminal, Verbosity};
use crate::event::Event;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Lines of the recorded terminal.
const HEIGHT: usize = 24;

#[derive(Serialize)]
struct Header<'a> {
    version: u32,
    width: usize,
    height: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    title: &'a str,
    env: BTreeMap<&'a str, &'a str>,
}

/// Writes the recording of the run that `events` tell, one JSON value a line.
///
/// # Errors
/// Whatever writing gives.
pub fn render(mut out: impl Write, events: &[Event]) -> io::Result<()> {
    let mut terminal = Terminal::new(Vec::new(), Style::Colour, Verbosity::Verbose);
    let mut shown_ms = 0;
    for (index, event) in events.iter().enumerate() {
        terminal.event(event)?;
        if index == 0 {
            let title = terminal.record().started.as_ref().map_or("", |started| started.title.as_str());
            let timestamp = event.at.parse().ok().map(jiff::Timestamp::as_second);
            let env = BTreeMap::from([("SHELL", "/bin/bash"), ("TERM", "xterm-256color")]);
            let header = Header { version: 2, width: WIDTH, height: HEIGHT, timestamp, title, env };
            writeln!(out, "{}", json(&header)?)?;
        }
        let shown = String::from_utf8_lossy(&std::mem::take(terminal.writer())).replace('\n', "\r\n");
        if shown.is_empty() {
            continue;
        }
        // A player refuses a time that goes back.
        shown_ms = event.mono_ms.max(shown_ms);
        writeln!(out, "[{}.{:03}, \"o\", {}]", shown_ms / 1000, shown_ms % 1000, json(&shown)?)?;
    }
    Ok(())
}

fn json(value: &impl Serialize) -> io::Result<String> {
    serde_json::to_string(value).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use serde_json::{Value, json};

    fn recorded(events: &[Event]) -> Vec<Value> {
        let mut out = Vec::new();
        render(&mut out, events).expect("writes to memory");
        let text = String::from_utf8(out).expect("is text");
        text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
    }

    #[test]
    fn it_says_what_the_terminal_said_at_its_time() {
        let lines = recorded(&sample::events());
        assert_eq!(
            lines[0],
            json!({"version": 2, "width": 80, "height": 24, "timestamp": 1_767_323_045,
                   "title": "Engine Restart Failed", "env": {"SHELL": "/bin/bash", "TERM": "xterm-256color"}})
        );
        let mut live = Vec::new();
        super::super::text::render(&mut live, &sample::events(), Style::Colour).expect("writes to memory");
        let said: String = lines[1..].iter().map(|line| line[2].as_str().expect("is text")).collect();
        assert_eq!(said, String::from_utf8(live).expect("is text").replace('\n', "\r\n"));
        let times: Vec<f64> = lines[1..].iter().map(|line| line[0].as_f64().expect("is a number")).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!((times[0], times.last().copied()), (0.0, Some(5.345)));
        assert!(lines[1..].iter().all(|line| line[1] == "o"));
    }

    #[test]
    fn a_run_without_an_end_ends_with_what_was_shown() {
        assert_eq!(recorded(&sample::events()[..6]).last().expect("has a line")[0], 0.041);
        assert_eq!(recorded(&[]), Vec::<Value>::new());
    }
}
