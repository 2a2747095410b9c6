//! `--detected-at TIME`: when the alert fired, from which times to recovery count.

use super::Host;
use super::failure::{Failure, USAGE};
use crate::event::RunStarted;
use crate::runbook::quantity;
use clap::{Arg, ArgMatches};
use jiff::{SignedDuration, Timestamp};

/// When the alert fired, as a person or a program says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// At this time.
    At(Timestamp),
    /// So long before now.
    Ago(SignedDuration),
}

/// When that was, if somebody said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Detected(Option<Timestamp>);

/// The argument.
pub(super) fn arg() -> Arg {
    Arg::new("detected-at").long("detected-at").value_name("TIME").value_parser(said).help(
        "When the alert fired, if before now: 2026-01-02T03:04:05Z, or 4m ago; targets count from there",
    )
}

fn said(text: &str) -> Result<Said, String> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Said::At(at));
    }
    let ago = text.strip_suffix("ago").map_or(text, str::trim_end);
    let measures = quantity::measures(ago);
    let whole = measures.first().filter(|measure| measure.range == (0..ago.len()));
    let ago = whole.and_then(|measure| measure.quantity.duration());
    ago.and_then(|ago| SignedDuration::try_from(ago).ok()).map(Said::Ago).ok_or_else(|| {
        "it is no time such as 2026-01-02T03:04:05Z or 2026-01-02T04:04:05+01:00, nor how long ago it was, such as 4m"
            .to_owned()
    })
}

impl Detected {
    /// What the arguments say; an alert cannot have fired after now.
    pub(super) fn of(matches: &ArgMatches, host: &Host<'_>) -> Result<Self, Failure> {
        let Some(said) = matches.get_one::<Said>("detected-at") else { return Ok(Self::default()) };
        at(*said, &host.clock.wall())
    }

    /// Puts it into the first event of a run that starts at `now`.
    pub(super) fn put_into(self, started: &mut RunStarted, now: &str) {
        let Self(Some(at)) = self else { return };
        let before = now.parse::<Timestamp>().map(|now| now.duration_since(at).as_millis());
        started.before_ms = before.ok().and_then(|before| u64::try_from(before).ok()).unwrap_or(0);
        started.detected_at = Some(format!("{at:.3}"));
    }
}

/// The time that was said at `now`.
fn at(said: Said, now: &str) -> Result<Detected, Failure> {
    let wrong = |message: String, hint: &str| Failure::new(USAGE, message, hint);
    let now: Timestamp = now
        .parse()
        .map_err(|_| wrong(format!("the clock says `{now}`, which is no time"), "set the clock"))?;
    let at = match said {
        Said::At(at) => at,
        Said::Ago(ago) => now.checked_sub(ago).map_err(|_| {
            wrong("--detected-at lies before the beginning of time".to_owned(), "was it so long ago?")
        })?,
    };
    if at > now {
        let message = format!("--detected-at {at:.0} is in the future: it is {now:.0}");
        return Err(wrong(message, "is its offset right? `Z` is UTC"));
    }
    Ok(Detected(Some(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_one_or_as_how_long_ago() {
        let at = |text: &str| Ok(Said::At(text.parse().expect("is a time")));
        let ago = |seconds| Ok(Said::Ago(SignedDuration::from_secs(seconds)));
        for (text, wanted) in [
            ("2026-01-02T03:04:05Z", at("2026-01-02T03:04:05Z")),
            ("2026-01-02T04:04:05.5+01:00", at("2026-01-02T03:04:05.5Z")),
            ("4m", ago(240)),
            (" 4 min ago ", ago(240)),
            ("90s", ago(90)),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
        let wrong = "it is no time such as 2026-01-02T03:04:05Z or 2026-01-02T04:04:05+01:00, nor how long ago it was, \
                     such as 4m";
        for text in ["", "03:04", "yesterday", "2026-01-02T03:04:05", "4m or 5m", "5 req", "-4m"] {
            assert_eq!(said(text), Err(wrong.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_alert_fired_before_now() {
        let now = "2026-01-02T03:04:05.250Z";
        let at = |text: &str| {
            at(said(text).expect("is a time"), now).map(|Detected(at)| at.map(|at| at.to_string()))
        };
        assert_eq!(at("4m"), Ok(Some("2026-01-02T03:00:05.25Z".into())));
        assert_eq!(at("2026-01-02T03:04:05Z"), Ok(Some("2026-01-02T03:04:05Z".into())));
        assert_eq!(
            at("2026-01-02T04:04:05Z").expect_err("is later").text,
            "error: --detected-at 2026-01-02T04:04:05Z is in the future: it is 2026-01-02T03:04:05Z\n\
             hint: is its offset right? `Z` is UTC\n"
        );
        assert_eq!(
            at("99999999d").expect_err("is too long ago").text,
            "error: --detected-at lies before the beginning of time\nhint: was it so long ago?\n"
        );
    }
}
