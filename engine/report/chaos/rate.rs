//! The pass rate that documents state as a target, such as `≥ 90% pass rate`.

use crate::runbook::{Comparator, Metric, Runbook, Target, Unit};
use serde::Serialize;

/// The pass rate that the documents ask for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateTarget {
    /// As written: `≥ 90% pass rate`.
    pub text: String,
    /// The document.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// The rate, from 0 to 1.
    pub rate: f64,
    /// Exactly this rate is not enough.
    pub above: bool,
}

impl RateTarget {
    /// The pass rate that `runbooks` ask for; of several, the highest.
    pub fn of(runbooks: &[Runbook]) -> Option<Self> {
        let mut found: Option<Self> = None;
        for runbook in runbooks {
            for target in runbook.procedures.iter().flat_map(|procedure| &procedure.targets) {
                let Some((rate, above)) = pass_rate(target) else { continue };
                let is_higher =
                    |known: &Self| rate > known.rate || rate == known.rate && above && !known.above;
                if found.as_ref().is_none_or(is_higher) {
                    let file = runbook.source.path().display().to_string();
                    let line = runbook.source.place(target.span.start).line;
                    found = Some(Self { text: target.text.clone(), file, line, rate, above });
                }
            }
        }
        found
    }
}

/// The share that a target asks to pass, and whether exactly that is not enough.
fn pass_rate(target: &Target) -> Option<(f64, bool)> {
    let quantity = target.quantity.filter(|quantity| quantity.unit == Unit::Percent)?;
    if target.metric != Metric::Rate || !target.text.to_lowercase().contains("pass") {
        return None;
    }
    match target.comparator? {
        Comparator::AtLeast | Comparator::Equal => Some((quantity.value / 100.0, false)),
        Comparator::More => Some((quantity.value / 100.0, true)),
        Comparator::Less | Comparator::AtMost => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::runbook;
    use crate::source::Source;

    fn of(texts: &[&str]) -> Option<RateTarget> {
        let runbooks: Vec<Runbook> = (1..)
            .zip(texts)
            .map(|(number, text)| {
                let source = Source::new(format!("{number}.md"), text.as_bytes().to_vec()).expect("is UTF-8");
                runbook::lower(&document::read(&source).0).0
            })
            .collect();
        RateTarget::of(&runbooks)
    }

    fn alert(target: &str) -> String {
        format!("## Alert: A\n\n**Target**: {target}\n\n1. Look:\n   ```bash\n   ls\n   ```\n")
    }

    #[test]
    fn a_target_of_a_pass_rate_is_found() {
        for (target, wanted) in [
            ("≥ 90% pass rate", Some((0.9, false))),
            ("at least 95 % of the scenarios pass", Some((0.95, false))),
            ("Pass rate > 99%", Some((0.99, true))),
            ("Availability ≥ 99.9%", None),
            ("< 10% may pass", None),
            ("Recovery < 2 minutes", None),
        ] {
            let found = of(&[&alert(target)]).map(|target| (target.rate, target.above));
            assert_eq!(found, wanted, "{target}");
        }
    }

    #[test]
    fn the_highest_counts_and_says_where_it_stands() {
        let texts = [alert("≥ 80% pass rate"), alert("≥ 90% pass rate"), alert("≥ 85% pass rate")];
        let found = of(&texts.each_ref().map(String::as_str)).expect("is there");
        assert_eq!((found.text.as_str(), found.file.as_str(), found.line), ("≥ 90% pass rate", "2.md", 3));
        let both = [alert("≥ 90% pass rate"), alert("> 90% pass rate")];
        assert!(of(&both.each_ref().map(String::as_str)).expect("is there").above);
        assert_eq!(of(&[]), None);
    }
}
