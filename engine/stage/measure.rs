//! Targets other than times to recovery, judged by what a stage's probe prints. Pure.

use crate::event::{JudgedTarget, TargetVerdict};
use crate::runbook::{Comparator, Metric, Target};
use std::time::Duration;

/// The verdict on `target` of a probe that printed `said`, whose last line is a time such as `120ms`,
/// `0.12 s`. None if the target is no such time, or nothing that can be compared was printed.
pub(super) fn measured(target: &Target, said: &str) -> Option<JudgedTarget> {
    let (comparator, limit) = (target.comparator?, target.quantity?.duration()?);
    if target.metric == Metric::Recovery {
        return None;
    }
    let elapsed = time(said.lines().rev().map(str::trim).find(|line| !line.is_empty())?)?;
    let met = match comparator {
        Comparator::Less => elapsed < limit,
        Comparator::AtMost => elapsed <= limit,
        Comparator::More => elapsed > limit,
        Comparator::AtLeast => elapsed >= limit,
        Comparator::Equal => return None,
    };
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Some(JudgedTarget {
        text: target.text.clone(),
        verdict: if met { TargetVerdict::Met } else { TargetVerdict::Missed },
        elapsed_ms: Some(ms(elapsed)),
        limit_ms: Some(ms(limit)),
    })
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let number: f64 = text[..digits].parse().ok()?;
    let seconds = match text[digits..].trim() {
        "ms" => number / 1e3,
        "s" => number,
        "min" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::{Quantity, Unit};
    use crate::source::Span;

    fn target(metric: Metric, comparator: Comparator, value: f64, unit: Unit) -> Target {
        Target {
            text: "fast".to_owned(),
            metric,
            comparator: Some(comparator),
            quantity: Some(Quantity { value, low: None, unit }),
            span: Span::new(0, 0),
            probe: None,
        }
    }

    #[test]
    fn a_printed_time_is_compared_with_the_target() {
        use TargetVerdict::{Met, Missed};
        let fast = target(Metric::Latency, Comparator::Less, 500.0, Unit::Milliseconds);
        for (said, verdict) in [
            ("120ms", Some((Met, 120))),
            ("measuring\n0.4999 s\n\n", Some((Met, 499))),
            ("500 ms", Some((Missed, 500))),
            ("1 min", Some((Missed, 60_000))),
            ("fast", None),
            ("12", None),
            ("1.2.3s", None),
            ("", None),
        ] {
            let judged = measured(&fast, said).map(|judged| (judged.verdict, judged.elapsed_ms.unwrap()));
            assert_eq!(judged, verdict, "{said:?}");
        }
        let slow = target(Metric::Latency, Comparator::AtLeast, 1.0, Unit::Seconds);
        assert_eq!(
            measured(&slow, "1s").map(|judged| (judged.verdict, judged.limit_ms)),
            Some((Met, Some(1000)))
        );
    }

    #[test]
    fn what_is_no_such_time_is_not_measured() {
        for target in [
            target(Metric::Recovery, Comparator::Less, 2.0, Unit::Minutes),
            target(Metric::Rate, Comparator::AtLeast, 90.0, Unit::Percent),
            target(Metric::Latency, Comparator::Equal, 1.0, Unit::Seconds),
        ] {
            assert_eq!(measured(&target, "1s"), None);
        }
    }
}
