//! Expectation + output → verdict.
//!
//! Matching is exact unless the document says otherwise with a marker, and nothing is ever scored: an
//! output matches or it does not. Work and memory are bounded, and an output that was cut never matches
//! because it was cut. This module judges text; it runs nothing, reads no file and knows no stage.

mod align;
mod bless;
mod blocks;
mod changes;
mod diff;
mod json;
mod json_text;
mod kept;
mod matcher;
pub mod outcome;
mod pattern;
mod sequence;
mod spelling;
pub mod static_tier;
mod status;
mod unordered;
pub mod upkeep;

pub use bless::{Edit, Refusal, apply, bless};
pub use changes::changes;
pub use diff::{Diff, DiffLine};
pub use matcher::Matcher;
pub use pattern::{Malformed, Names, names};
pub use status::{Ended, ExpectedEnd, passes, wrong_end};

use crate::runbook::Expectation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Texts that were captured by `[name=..]` in a procedure so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Captures {
    values: BTreeMap<String, String>,
}

impl Captures {
    /// The text captured as `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Keeps `value` as `name`, in place of what was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }
}

/// What came of comparing an output with an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The output is as promised.
    Matched,
    /// It is not.
    Mismatched {
        /// Where it differs.
        diff: Diff,
    },
    /// The expectation itself cannot be understood: an error of the document, never a pass.
    Malformed(Malformed),
    /// The comparison was stopped at its limit, undecided: never a pass.
    GaveUp {
        /// Which limit.
        why: String,
    },
}

impl Verdict {
    /// Whether the output is as promised.
    pub fn matched(&self) -> bool {
        matches!(self, Self::Matched)
    }
}

/// Compares `output` with `expectation`. Captures of earlier steps are used, and those of this one are
/// added when it matches.
///
/// For an output that may be large, feed a [`Matcher`] instead.
pub fn check(expectation: &Expectation, output: &str, captures: &mut Captures) -> Verdict {
    let mut matcher = match Matcher::new(expectation, captures) {
        Ok(matcher) => matcher,
        Err(malformed) => return Verdict::Malformed(malformed),
    };
    matcher.feed(output);
    matcher.finish(captures)
}

#[cfg(test)]
mod tests;
