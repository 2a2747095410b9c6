//! What each attempt of each step printed, as far as it was recorded; and excerpts of it.

use super::style::{Style, printable};
use crate::event::{Event, EventBody, Stream};

/// Recorded output of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Both, in the order they were recorded.
    pub both: String,
}

/// Recorded output of each attempt of each of `steps` steps.
pub fn outputs(events: &[Event], steps: usize) -> Vec<Vec<Output>> {
    let mut outputs: Vec<Vec<Output>> = vec![Vec::new(); steps];
    for event in events {
        match &event.body {
            EventBody::StepStarted { step, .. } => {
                if let Some(attempts) = outputs.get_mut(step.index()) {
                    attempts.push(Output::default());
                }
            }
            EventBody::Output { step, stream, text, .. } => {
                if let Some(attempt) = outputs.get_mut(step.index()).and_then(|all| all.last_mut()) {
                    attempt.both.push_str(text);
                    match stream {
                        Stream::Stdout => attempt.stdout.push_str(text),
                        Stream::Stderr => attempt.stderr.push_str(text),
                    }
                }
            }
            EventBody::RunStarted(_)
            | EventBody::StepFinished(_)
            | EventBody::StepRetrying { .. }
            | EventBody::StepSkipped { .. }
            | EventBody::Decision { .. }
            | EventBody::Confirmation { .. }
            | EventBody::Target { .. }
            | EventBody::Stage { .. }
            | EventBody::Fault { .. }
            | EventBody::Note { .. }
            | EventBody::Notification { .. }
            | EventBody::Resume { .. }
            | EventBody::Cancel { .. }
            | EventBody::RunFinished(_)
            | EventBody::Unknown => {}
        }
    }
    outputs
}

/// Longest line of an excerpt, in characters.
const LONGEST: usize = 400;

/// `text` as plain lines: the first `head` and the last `tail`, with the count of those between.
/// Control characters and colours are gone, and a very long line is cut.
pub fn excerpt(text: &str, head: usize, tail: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let shown = |line: &&str| cut(&printable(line, Style::Plain));
    if lines.len() <= head + tail + 1 {
        return lines.iter().map(shown).collect();
    }
    let left_out = lines.len() - head - tail;
    let mut excerpt: Vec<String> = lines[..head].iter().map(shown).collect();
    excerpt.push(format!("[… {left_out} lines left out …]"));
    excerpt.extend(lines[lines.len() - tail..].iter().map(shown));
    excerpt
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}[… {} bytes left out …]", &line[..end], line.len() - end),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn chunks_are_joined_by_attempt() {
        let outputs = outputs(&sample::events(), 4);
        assert_eq!(outputs[0][0].stdout, "{\"id\":3,\"status\":\"stopped\"}");
        assert_eq!(outputs[0][0].both, outputs[0][0].stdout);
        assert_eq!(outputs[1], [Output::default()]);
        assert_eq!(outputs[3], []);
    }

    #[test]
    fn an_excerpt_has_the_ends_and_counts_the_rest() {
        assert_eq!(excerpt("a\nb\nc\nd", 1, 2), ["a", "b", "c", "d"]);
        assert_eq!(excerpt("a\nb\nc\nd\ne", 1, 2), ["a", "[… 2 lines left out …]", "d", "e"]);
        assert_eq!(excerpt("\u{1b}[31mred\u{1b}[0m\rblue", 1, 1), ["blue"]);
        let long = "x".repeat(LONGEST + 7);
        assert_eq!(excerpt(&long, 1, 1), [format!("{}[… 7 bytes left out …]", &long[7..])]);
        assert_eq!(excerpt("", 1, 1), Vec::<String>::new());
    }
}
