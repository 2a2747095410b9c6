//! What the document promises of a step's output, judged while the output arrives.

use super::mask::Mask;
use crate::check::{Captures, Malformed, Matcher, Verdict};
use crate::event::StepResult;
use crate::runbook::Expectation;

/// An expectation that is fed standard output, all of it, whatever of it is recorded.
#[derive(Debug)]
pub(super) struct Promise {
    matcher: Result<Matcher, Malformed>,
    /// Bytes of a character whose end has not arrived.
    held: Vec<u8>,
}

impl Promise {
    pub(super) fn new(expectation: &Expectation, captures: &Captures) -> Self {
        Self { matcher: Matcher::new(expectation, captures), held: Vec::new() }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let Ok(matcher) = &mut self.matcher else { return };
        self.held.extend_from_slice(bytes);
        let whole = self.held.len() - super::output::unfinished_character(&self.held);
        matcher.feed(&String::from_utf8_lossy(&self.held[..whole]));
        self.held.drain(..whole);
    }

    /// What a step comes to that passed by its status.
    pub(super) fn judge(self, captures: &mut Captures, mask: &Mask) -> StepResult {
        let verdict = match self.matcher {
            Ok(mut matcher) => {
                matcher.feed(&String::from_utf8_lossy(&self.held));
                matcher.finish(captures)
            }
            Err(malformed) => Verdict::Malformed(malformed),
        };
        let diff = match verdict {
            Verdict::Matched => return StepResult::Passed,
            Verdict::Mismatched { diff } => diff.to_string(),
            Verdict::Malformed(malformed) => format!("the expectation is not understood: {}", malformed.why),
            Verdict::GaveUp { why } => format!("not decided: {why}"),
        };
        StepResult::Mismatched { diff: mask.text(&diff) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::Matching;
    use crate::source::Span;

    fn judged(expected: &str, chunks: &[&[u8]]) -> StepResult {
        let expectation = Expectation {
            matching: Matching::Lines,
            text: expected.trim_end().into(),
            span: Span::new(0, 0),
            line: 1,
            example: false,
        };
        let mut captures = Captures::default();
        let mut promise = Promise::new(&expectation, &captures);
        chunks.iter().for_each(|chunk| promise.feed(chunk));
        promise.judge(&mut captures, &Mask::new(["s3cret".to_owned()]))
    }

    #[test]
    fn output_is_compared_whole_and_a_difference_shows_no_secret() {
        let mismatched = |diff: &str| StepResult::Mismatched { diff: diff.into() };
        for (expected, chunks, result) in [
            ("é\nb\n", &["é".as_bytes(), b"\nb\n"][..], StepResult::Passed),
            ("é\n", &[&"é".as_bytes()[..1], &"é".as_bytes()[1..], b"\n"], StepResult::Passed),
            ("a\n", &[b"s3cret\n"], mismatched("-a\n+******\n")),
            (
                "[=x]\n",
                &[b"a\n"],
                mismatched(
                    "the expectation is not understood: `[=x]` is not captured before; capture it with `[x=..]`",
                ),
            ),
        ] {
            assert_eq!(judged(expected, chunks), result, "{expected:?}");
        }
    }
}
