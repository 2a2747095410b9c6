//! Secrets, masked by value. Pure.

use crate::event::{Choice, EventBody, NotTried, StepResult};
use crate::plan::MASK;
use std::borrow::Cow;

/// The secrets of a run.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Longest first, so that the longest that fits is taken.
    secrets: Vec<Vec<u8>>,
}

impl Mask {
    /// A mask of these values; an empty one is no secret.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<Vec<u8>> =
            secrets.into_iter().map(String::into_bytes).filter(|secret| !secret.is_empty()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// Length of the longest secret.
    pub(super) fn longest(&self) -> usize {
        self.secrets.first().map_or(0, Vec::len)
    }

    /// How many of `bytes` are certain whatever follows them: no secret that could still be completed,
    /// or become a longer one, begins in them.
    pub(super) fn settled(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest)) {
                return at;
            }
            at += self.at(rest).unwrap_or(1);
        }
        at
    }

    /// Appends `bytes` as text with secrets masked; of those before `context`, only a secret that
    /// reaches beyond it shows, as its mask.
    pub(super) fn append(&self, bytes: &[u8], context: usize, out: &mut String) {
        if self.secrets.is_empty() {
            out.push_str(&String::from_utf8_lossy(&bytes[context..]));
            return;
        }
        let (mut at, mut clear) = (0, context);
        while at < bytes.len() {
            let Some(length) = self.at(&bytes[at..]) else {
                at += 1;
                continue;
            };
            if at + length > context {
                if at > clear {
                    out.push_str(&String::from_utf8_lossy(&bytes[clear..at]));
                }
                out.push_str(MASK);
                clear = at + length;
            }
            at += length;
        }
        if clear < bytes.len() {
            out.push_str(&String::from_utf8_lossy(&bytes[clear..]));
        }
    }

    /// The text with secrets masked.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::new();
        self.append(text.as_bytes(), 0, &mut out);
        out
    }

    /// The event with what a person wrote in it, or a script was made of, masked. Output and scripts are so
    /// already.
    pub(super) fn event(&self, mut body: EventBody) -> EventBody {
        if self.secrets.is_empty() {
            return body;
        }
        let masked = |text: &mut String| *text = self.text(text);
        match &mut body {
            EventBody::Confirmation { question, note, .. } => {
                masked(question);
                note.iter_mut().for_each(masked);
            }
            EventBody::StepSkipped { detail, .. } => detail.iter_mut().for_each(masked),
            EventBody::StepFinished(finished) => match &mut finished.result {
                StepResult::Done { note } => note.iter_mut().for_each(masked),
                StepResult::Failed { not_tried: Some(NotTried::MissingCommand { command }), .. } => {
                    masked(command);
                }
                StepResult::CouldNotStart { reason } => masked(reason),
                _ => {}
            },
            EventBody::RunFinished(finished) => {
                masked(&mut finished.summary);
                finished.warnings.iter_mut().for_each(masked);
            }
            _ => {}
        }
        body
    }

    /// Whether a secret stands in `text`, which is bash's: as it is, within double quotes or within `$'…'`.
    pub(super) fn holds(&self, text: &str) -> bool {
        let holds = |text: &[u8]| (0..text.len()).any(|at| self.at(&text[at..]).is_some());
        !self.secrets.is_empty() && (holds(text.as_bytes()) || holds(&unescaped(text)))
    }

    /// Length of the secret at the beginning.
    fn at(&self, bytes: &[u8]) -> Option<usize> {
        self.secrets.iter().find(|secret| bytes.starts_with(secret)).map(Vec::len)
    }
}

/// The recorded event without an edited command whose secret was masked: it cannot run like this, so the document's
/// own does.
pub(super) fn runnable(recorded: &EventBody) -> Cow<'_, EventBody> {
    match recorded {
        EventBody::Confirmation { answer: Choice::Edit, note: Some(note), .. } if note.contains(MASK) => {
            let mut event = recorded.clone();
            if let EventBody::Confirmation { note, .. } = &mut event {
                *note = None;
            }
            Cow::Owned(event)
        }
        _ => Cow::Borrowed(recorded),
    }
}

/// What bash wrote with backslashes, without them.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'E') => out.push(0x1b),
            Some(first @ b'0'..=b'7') => {
                let mut code = u32::from(first - b'0');
                for _ in 0..2 {
                    if let Some(digit) = rest.next_if(|digit| (b'0'..=b'7').contains(digit)) {
                        code = code * 8 + u32::from(digit - b'0');
                    }
                }
                out.push(code as u8);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{SkipReason, StepFinished};
    use crate::plan::StepId;

    #[test]
    fn only_the_value_is_masked() {
        let mask = Mask::new(["s3cret".to_owned(), "s3cret-long".to_owned(), String::new()]);
        for (text, expected) in [
            ("token=s3cret&x", "token=******&x"),
            ("s3cret-long", "******"),
            ("s3cret-lon", "******-lon"),
            ("s3cre", "s3cre"),
            ("", ""),
        ] {
            assert_eq!(mask.text(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_a_person_wrote_is_masked_in_the_record() {
        let mask = Mask::new(["s3cret".to_owned()]);
        let note = Some("used s3cret".to_owned());
        let confirmation = EventBody::Confirmation {
            step: None,
            question: "run it with s3cret".into(),
            answer: Choice::Edit,
            by: "operator".into(),
            waited_ms: 0,
            note: note.clone(),
        };
        let skipped =
            EventBody::StepSkipped { step: StepId(0), reason: SkipReason::Operator, detail: note.clone() };
        let ended = |result| {
            EventBody::StepFinished(Box::new(StepFinished { result, ..StepFinished::blank(StepId(0), 1) }))
        };
        let command = "./s3cret".to_owned();
        let missing =
            ended(StepResult::Failed { status: 127, not_tried: Some(NotTried::MissingCommand { command }) });
        let unstarted = ended(StepResult::CouldNotStart { reason: "s3cret".into() });
        for event in [confirmation, skipped, ended(StepResult::Done { note }), missing, unstarted] {
            let shown = format!("{:?}", mask.event(event.clone()));
            assert!(!shown.contains("s3cret") && shown.contains("******"), "{shown}");
            assert_eq!(Mask::default().event(event.clone()), event);
        }
    }

    #[test]
    fn an_edited_command_whose_secret_is_masked_does_not_run_again() {
        let event = |answer, note: &str| EventBody::Confirmation {
            step: Some(StepId(0)),
            question: "step 1 failed".into(),
            answer,
            by: "operator".into(),
            waited_ms: 0,
            note: Some(note.into()),
        };
        let note = |event: &EventBody| match runnable(event).into_owned() {
            EventBody::Confirmation { note, .. } => note,
            _ => None,
        };
        assert_eq!(note(&event(Choice::Edit, "restart ******")), None);
        assert_eq!(note(&event(Choice::Edit, "restart")), Some("restart".into()));
        assert_eq!(note(&event(Choice::DoneByHand, "used ******")), Some("used ******".into()));
    }

    #[test]
    fn a_secret_is_found_however_bash_quotes_it() {
        let mask = Mask::new(["a\"$b".to_owned(), "x\ny\u{1b}z\u{7}".to_owned()]);
        for (text, holds) in [
            ("a\"$b", true),
            (r#"declare -- v="1 a\"\$b 2""#, true),
            (r"declare -- v=$'x\ny\Ez\007'", true),
            ("declare -- v=\"xny\"", false),
            ("", false),
        ] {
            assert_eq!(mask.holds(text), holds, "{text}");
        }
        assert!(!Mask::default().holds("anything"));
    }
}
