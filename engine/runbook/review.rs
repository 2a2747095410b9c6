//! When a document was last reviewed and how often it should be.
//!
//! The date of today is the caller's: nothing here reads a clock.

use super::title::fold;
use super::{Metadata, MetadataEntry, Procedure, Runbook};
use crate::source::Span;
use jiff::ToSpan;
use jiff::civil::Date;

/// What a document says about its reviews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// The last review, or else the last update.
    pub last: Option<Date>,
    /// How often.
    pub every: Option<Every>,
    /// The next review, where the document names its date.
    pub next: Option<Date>,
}

/// A time between two reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// So many days.
    Days(u16),
    /// So many months.
    Months(u16),
}

/// A review that should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// When it was due.
    pub due: Date,
    /// Days since then, at least 1.
    pub days: u32,
}

/// Keys of the last review, the most telling first.
const LAST: &[&str] = &[
    "last_reviewed_on",
    "last reviewed",
    "last review",
    "last updated",
    "last update",
    "last modified",
    "updated",
];
/// Key of the next review.
const NEXT: &str = "next review";
/// Keys of the time between reviews.
const EVERY: &[&str] = &["review_in", "review cycle", "review frequency", "review period"];

/// Reads the review dates of a document. A date or period that is not understood counts as not stated.
pub fn review(metadata: &Metadata) -> Review {
    let value = |entry: &MetadataEntry| entry.value.clone();
    let first = |keys: &[&str]| keys.iter().find_map(|key| metadata.get(key)).map(value);
    Review {
        last: first(LAST).and_then(|text| date_of(&text)),
        every: first(EVERY).and_then(|text| period(&text)),
        next: first(&[NEXT]).and_then(|text| date_of(&text)),
    }
}

/// When the next review is due, if that is stated.
pub fn due(review: &Review) -> Option<Date> {
    let by_cycle = review.last.zip(review.every).and_then(|(last, every)| {
        let period = match every {
            Every::Days(days) => i64::from(days).days(),
            Every::Months(months) => i64::from(months).months(),
        };
        last.checked_add(period).ok()
    });
    review.next.or(by_cycle)
}

/// What holds for a procedure: what its own section says comes before what its document says.
pub fn of_procedure(runbook: &Runbook, procedure: &Procedure) -> Review {
    review(&metadata_of(runbook, procedure))
}

/// Where the date stands that a procedure's next review counts from.
pub fn stated_at(runbook: &Runbook, procedure: &Procedure) -> Option<Span> {
    let metadata = metadata_of(runbook, procedure);
    let keys = [NEXT].into_iter().chain(LAST.iter().copied());
    keys.filter_map(|key| metadata.get(key)).find(|entry| date_of(&entry.value).is_some()).map(|it| it.span)
}

fn metadata_of(runbook: &Runbook, procedure: &Procedure) -> Metadata {
    let entries = procedure.metadata.entries.iter().chain(&runbook.metadata.entries);
    Metadata { entries: entries.cloned().collect() }
}

/// Whether a review is due before `today`, and since when. Without dates nothing is known to be due.
pub fn overdue(review: &Review, today: Date) -> Option<Overdue> {
    let due = due(review)?;
    let days = u32::try_from(due.until(today).ok()?.get_days()).ok()?;
    (days > 0).then_some(Overdue { due, days })
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date such as `2025-10-15`, `15 October 2025` or `Oct 15, 2025`. `10/11/2025` means two things
/// and is none.
fn date_of(text: &str) -> Option<Date> {
    let text = text.trim().replace('/', "-");
    if let Some(iso) = text.get(..10).filter(|_| !text[10..].starts_with(|c: char| c.is_ascii_digit()))
        && let Ok(date) = iso.parse::<Date>()
    {
        return Some(date);
    }
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let [first, second, third] = words.as_slice() else { return None };
    let month = |word: &str| {
        let index = MONTHS.iter().position(|month| word.starts_with(month))?;
        i8::try_from(index + 1).ok()
    };
    let day = |word: &str| word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<i8>().ok();
    let (day, month) = match (month(first), month(second)) {
        (Some(month), _) => (day(second)?, month),
        (None, Some(month)) => (day(first)?, month),
        (None, None) => return None,
    };
    Date::new(third.parse().ok()?, month, day).ok()
}

/// A period such as `Monthly`, `quarterly`, `3 months`, `every 90 days`.
fn period(text: &str) -> Option<Every> {
    let text = text.trim().to_lowercase();
    let named = match fold(&text).as_str() {
        "daily" => Some(Every::Days(1)),
        "weekly" => Some(Every::Days(7)),
        "biweekly" | "fortnightly" => Some(Every::Days(14)),
        "monthly" => Some(Every::Months(1)),
        "quarterly" => Some(Every::Months(3)),
        "semiannually" | "semiannual" | "halfyearly" | "biannually" | "twiceayear" => Some(Every::Months(6)),
        "yearly" | "annually" | "annual" | "onceayear" => Some(Every::Months(12)),
        _ => None,
    };
    if named.is_some() {
        return named;
    }
    let mut words =
        text.split_whitespace().filter(|word| !matches!(*word, "every" | "each" | "once" | "a" | "per"));
    let first = words.next()?;
    let (count, unit) = match first.parse::<u16>() {
        Ok(count) => (count, words.next()?),
        Err(_) => (1, first),
    };
    if words.next().is_some() || count == 0 {
        return None;
    }
    match unit.trim_end_matches('s') {
        "day" => Some(Every::Days(count)),
        "week" => count.checked_mul(7).map(Every::Days),
        "month" => Some(Every::Months(count)),
        "quarter" => count.checked_mul(3).map(Every::Months),
        "year" => count.checked_mul(12).map(Every::Months),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read;
    use crate::runbook::lower;
    use crate::source::Source;
    use jiff::civil::date;

    fn of(entries: &[(&str, &str)]) -> Review {
        let entry = |(key, value): &(&str, &str)| MetadataEntry {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            span: Span::default(),
            value_span: Span::default(),
        };
        review(&Metadata { entries: entries.iter().map(entry).collect() })
    }

    #[test]
    fn dates_are_understood_when_they_mean_one_day() {
        for (text, wanted) in [
            ("2025-10-15", Some(date(2025, 10, 15))),
            ("2025/10/15", Some(date(2025, 10, 15))),
            ("2025-10-15T12:00:00Z", Some(date(2025, 10, 15))),
            ("2025-10-15 (by DevOps)", Some(date(2025, 10, 15))),
            ("15 October 2025", Some(date(2025, 10, 15))),
            ("15th Oct 2025", Some(date(2025, 10, 15))),
            ("October 15, 2025", Some(date(2025, 10, 15))),
            ("10/11/2025", None),
            ("2025-13-01", None),
            ("31 February 2025", None),
            ("October 2025", None),
            ("YYYY-MM-DD", None),
            ("é2025-10-15", None),
            ("", None),
        ] {
            assert_eq!(date_of(text), wanted, "{text}");
        }
    }

    #[test]
    fn periods_are_understood() {
        for (text, wanted) in [
            ("Monthly", Some(Every::Months(1))),
            ("Quarterly", Some(Every::Months(3))),
            ("semi-annually", Some(Every::Months(6))),
            ("Annual", Some(Every::Months(12))),
            ("6 months", Some(Every::Months(6))),
            ("3 months", Some(Every::Months(3))),
            ("every 90 days", Some(Every::Days(90))),
            ("every quarter", Some(Every::Months(3))),
            ("once a year", Some(Every::Months(12))),
            ("2 weeks", Some(Every::Days(14))),
            ("after each incident", None),
            ("0 days", None),
            ("99999 weeks", None),
            ("9999 weeks", None),
            ("", None),
        ] {
            assert_eq!(period(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_review_is_overdue_from_the_day_after_it_was_due() {
        let monthly = of(&[("Last Updated", "2025-10-31"), ("Owner", "x"), ("Review Cycle", "Monthly")]);
        assert_eq!(
            monthly,
            Review { last: Some(date(2025, 10, 31)), every: Some(Every::Months(1)), next: None }
        );
        assert_eq!(overdue(&monthly, date(2025, 11, 30)), None);
        assert_eq!(overdue(&monthly, date(2025, 12, 2)), Some(Overdue { due: date(2025, 11, 30), days: 2 }));
        let reviewed =
            of(&[("last_reviewed_on", "2025-01-01"), ("updated", "2025-06-01"), ("review_in", "90 days")]);
        assert_eq!(overdue(&reviewed, date(2025, 4, 2)), Some(Overdue { due: date(2025, 4, 1), days: 1 }));
        let named = of(&[("Next Review", "1 May 2026")]);
        assert_eq!(overdue(&named, date(2026, 4, 30)), None);
        assert_eq!(overdue(&named, date(2026, 5, 2)).map(|overdue| overdue.days), Some(1));
        for unknown in [of(&[]), of(&[("Last Updated", "2020-01-01")]), of(&[("Review Cycle", "Monthly")])] {
            assert_eq!(overdue(&unknown, date(2026, 1, 1)), None);
        }
        let far = Review { last: Some(Date::MAX), every: Some(Every::Months(u16::MAX)), next: None };
        assert_eq!(overdue(&far, date(2026, 1, 1)), None);
    }

    #[test]
    fn a_section_may_have_a_review_of_its_own() {
        let text = "# Bot\n\n## Restart\n\n**Last Updated**: 2026-05-01\n\n```bash\ntrue\n```\n\n## Stop\n\n```bash\n\
                    true\n```\n\n---\n\n**Last Updated**: 2026-01-01\n**Review Cycle**: Monthly\n";
        let source = Source::new("bot.md", text.as_bytes().to_vec()).expect("is text");
        let runbook = lower(&read(&source).0).0;
        let due: Vec<_> =
            runbook.procedures.iter().map(|procedure| due(&of_procedure(&runbook, procedure))).collect();
        assert_eq!(due, [Some(date(2026, 6, 1)), Some(date(2026, 2, 1))]);
        let lines = runbook.procedures.iter().map(|procedure| {
            let span = stated_at(&runbook, procedure).expect("is stated");
            source.line(span.start)
        });
        assert_eq!(lines.collect::<Vec<_>>(), [5, 19]);
    }
}
