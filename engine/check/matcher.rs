//! Compares an output with an expectation while it arrives, in constant memory.

use super::json::Json;
use super::kept::{Kept, floor};
use super::pattern::{Malformed, Pattern, nonempty};
use super::sequence::{OutputLine, Progress, Sequence, Work};
use super::unordered::Unordered;
use super::{Captures, Diff, Verdict, diff};
use crate::runbook::{Expectation, Matching};

/// Steps of comparison before it gives up; some seconds at worst.
const WORK: Work = 50_000_000;
/// Bytes of a line that are compared. A longer line is matched by `...` only.
const MAX_LINE: usize = 1024 * 1024;
/// Bytes of output that are read as JSON, or looked through at a time for a text.
const MAX_JSON: usize = 4 * 1024 * 1024;

/// A comparison that is fed the output in pieces of any size.
#[derive(Debug)]
pub struct Matcher {
    expectation: Expectation,
    way: Way,
    kept: Kept,
    /// The beginning of a line whose end has not arrived.
    pending: String,
    /// Bytes of that line which were left out.
    left_out: usize,
    work: Work,
    /// Why it cannot be decided.
    gave_up: Option<String>,
}

#[derive(Debug)]
enum Way {
    InOrder(Pattern, Sequence),
    /// The last field: a match is still possible.
    AnyOrder(Pattern, Unordered, bool),
    Contains {
        text: String,
        window: String,
        found: bool,
    },
    Json(Json, String),
}

impl Matcher {
    /// Begins a comparison; `captures` are those of earlier steps.
    ///
    /// # Errors
    /// When a marker of the expectation cannot be understood or names what was not captured.
    pub fn new(expectation: &Expectation, captures: &Captures) -> Result<Self, Malformed> {
        let names = super::names(expectation)?;
        if let Some((name, offset)) = names.wanted.iter().find(|(name, _)| captures.get(name).is_none()) {
            let why = format!("`[={name}]` is not captured before; capture it with `[{name}=..]`");
            return Err(Malformed { offset: *offset, why });
        }
        let text = &expectation.text;
        let way = match expectation.matching {
            Matching::Lines => {
                let pattern = Pattern::parse(text)?;
                if pattern.unordered {
                    let unordered = Unordered::new(&pattern, captures);
                    Way::AnyOrder(pattern, unordered, true)
                } else {
                    let sequence = Sequence::new(&pattern, captures);
                    Way::InOrder(pattern, sequence)
                }
            }
            Matching::Contains => {
                Way::Contains { text: nonempty(text)?.to_owned(), window: String::new(), found: false }
            }
            Matching::Json => Way::Json(Json::parse(text, captures)?, String::new()),
        };
        Ok(Self {
            expectation: expectation.clone(),
            way,
            kept: Kept::default(),
            pending: String::new(),
            left_out: 0,
            work: WORK,
            gave_up: None,
        })
    }

    /// Takes the next piece of the output.
    pub fn feed(&mut self, chunk: &str) {
        match &mut self.way {
            Way::Contains { text, window, found } if !*found => {
                window.push_str(chunk);
                if window.len() >= text.len() * 2 + 64 * 1024 {
                    search(text, window, found);
                }
            }
            Way::Json(_, held) if self.gave_up.is_none() => {
                if held.len() + chunk.len() > MAX_JSON {
                    self.gave_up = Some(format!("more than {} MiB are not read as JSON", MAX_JSON >> 20));
                    *held = String::new();
                } else {
                    held.push_str(chunk);
                }
            }
            _ => {}
        }
        for piece in chunk.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(end) if self.pending.is_empty() => self.line(end, end.len() <= MAX_LINE),
                Some(end) => {
                    self.hold(end);
                    self.end_line();
                }
                None => self.hold(piece),
            }
        }
    }

    /// Adds to the line whose end has not arrived.
    fn hold(&mut self, piece: &str) {
        let room = floor(piece, MAX_LINE.saturating_sub(self.pending.len()));
        let room = if self.left_out > 0 { 0 } else { room };
        self.pending.push_str(&piece[..room]);
        self.left_out += piece.len() - room;
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.pending);
        self.line(&line, self.left_out == 0);
        self.left_out = 0;
        // The room of an ordinary line is used again.
        if line.capacity() <= 64 * 1024 {
            self.pending = line;
            self.pending.clear();
        }
    }

    fn line(&mut self, text: &str, is_whole: bool) {
        let line = OutputLine { text, is_whole };
        let mut advanced = false;
        if self.gave_up.is_none() {
            match &mut self.way {
                Way::InOrder(pattern, sequence) => match sequence.line(pattern, line, &mut self.work) {
                    Progress::Advanced => advanced = true,
                    Progress::Stayed | Progress::Over => {}
                    Progress::TooLong => {
                        self.gave_up = Some("a line of the output is too long to be compared".to_owned());
                    }
                },
                Way::AnyOrder(pattern, unordered, possible) if *possible => {
                    match unordered.line(pattern, line, &mut self.work) {
                        Ok(still) => *possible = still,
                        Err(why) => self.gave_up = Some(why),
                    }
                }
                Way::AnyOrder(..) | Way::Contains { .. } | Way::Json(..) => {}
            }
            self.watch_work();
        }
        self.kept.push(line, advanced);
    }

    fn watch_work(&mut self) {
        if self.work == 0 && self.gave_up.is_none() {
            self.gave_up = Some("the comparison took too many steps".to_owned());
        }
    }

    /// The verdict. What was captured is added to `captures` if the output matched.
    pub fn finish(mut self, captures: &mut Captures) -> Verdict {
        if !self.pending.is_empty() || self.left_out > 0 {
            self.end_line();
        }
        let captured = match &mut self.way {
            Way::InOrder(pattern, sequence) => sequence.end(pattern).cloned(),
            Way::AnyOrder(_, _, false) => None,
            Way::AnyOrder(pattern, unordered, true) => unordered.end(pattern, &mut self.work),
            Way::Contains { text, window, found } => {
                search(text, window, found);
                found.then(Default::default)
            }
            Way::Json(json, held) if self.gave_up.is_none() => match json.compare(held) {
                Ok(captured) => Some(captured),
                Err(differences) => {
                    let diff = Diff::of_json(&self.expectation, &differences);
                    return Verdict::Mismatched { diff };
                }
            },
            Way::Json(..) => None,
        };
        self.watch_work();
        if let Some(why) = self.gave_up {
            return Verdict::GaveUp { why };
        }
        if let Some(captured) = captured {
            captures.values.extend(captured);
            return Verdict::Matched;
        }
        let is_small =
            !matches!(&self.way, Way::InOrder(pattern, _) if pattern.lines.len() > diff::MAX_EXPECTED);
        let part = self.kept.part(is_small);
        let diff = match &self.way {
            Way::InOrder(pattern, sequence) => {
                diff::in_order(&self.expectation, pattern, sequence.furthest(), &part, captures)
            }
            Way::AnyOrder(pattern, ..) => diff::any_order(&self.expectation, pattern, &part, captures),
            Way::Contains { .. } | Way::Json(..) => diff::contains(&self.expectation, &part),
        };
        Verdict::Mismatched { diff }
    }
}

/// Looks for `text` in the window and leaves what may be the beginning of it.
fn search(text: &str, window: &mut String, found: &mut bool) {
    *found = *found || window.contains(text);
    if *found {
        *window = String::new();
        return;
    }
    let keep = floor(window, window.len().saturating_sub(text.len()));
    window.drain(..keep);
}
