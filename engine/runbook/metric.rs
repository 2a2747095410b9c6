//! What a quantity measures, from the words around it.

use super::{Metric, Quantity, Unit};
use std::time::Duration;

/// Nobody answers a page faster: a shorter response time is a machine's.
const FASTEST_PERSON: Duration = Duration::from_secs(60);

const RECONNECT: &[&str] = &["reconnect"];
const LATENCY: &[&str] = &["latenc", "rtt", "p50", "p90", "p95", "p99", "answer", "request"];
const RESPONSE: &[&str] = &["respon", "acknowledg", "ack", "react", "triage", "engage"];
const LOSS: &[&str] = &["rpo", "loss", "lag", "detect", "mttd"];
const RECOVERY: &[&str] = &[
    "recover", "restart", "restor", "resol", "mttr", "rto", "repair", "failover", "rollback", "mitigat",
    "remediat", "complet", "duration", "downtime", "outage", "reboot", "heal", "fix",
];

/// What the words say is measured; none where they say nothing that is known.
///
/// The unit decides first: a share is a rate, a bare number a count. Of a time, `response time` is a
/// person's reaction, or below a minute a machine's latency.
pub fn metric(words: &str, quantity: Quantity) -> Option<Metric> {
    let Some(time) = quantity.duration() else {
        return Some(if quantity.unit == Unit::Percent { Metric::Rate } else { Metric::Count });
    };
    let words = words.to_lowercase().replace("re-connect", "reconnect");
    let has =
        |stems: &[&str]| self::words(&words).any(|word| stems.iter().any(|stem| word.starts_with(stem)));
    let known = [
        (RECONNECT, Metric::Reconnect),
        (LATENCY, Metric::Latency),
        (LOSS, Metric::Other),
        (RESPONSE, if time < FASTEST_PERSON { Metric::Latency } else { Metric::Response }),
        (RECOVERY, Metric::Recovery),
    ];
    known.into_iter().find(|(stems, _)| has(stems)).map(|(_, metric)| metric)
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_units_decide() {
        let time = |value, unit| Quantity { value, low: None, unit };
        for (words, quantity, wanted) in [
            ("Recovery", time(2.0, Unit::Minutes), Some(Metric::Recovery)),
            ("Auto-restart", time(30.0, Unit::Seconds), Some(Metric::Recovery)),
            ("Reconnect", time(5.0, Unit::Seconds), Some(Metric::Reconnect)),
            ("WS reconnect duration", time(5.0, Unit::Seconds), Some(Metric::Reconnect)),
            ("response time", time(500.0, Unit::Milliseconds), Some(Metric::Latency)),
            ("Response Time", time(5.0, Unit::Minutes), Some(Metric::Response)),
            ("to resolution", time(15.0, Unit::Minutes), Some(Metric::Recovery)),
            ("pass rate", time(90.0, Unit::Percent), Some(Metric::Rate)),
            ("Engine restart failures", time(0.0, Unit::Count), Some(Metric::Count)),
            ("RPO", time(5.0, Unit::Minutes), Some(Metric::Other)),
            ("Replication lag", time(5.0, Unit::Seconds), Some(Metric::Other)),
            ("No audit logs for", time(1.0, Unit::Hours), None),
            ("", time(1.0, Unit::Hours), None),
        ] {
            assert_eq!(metric(words, quantity), wanted, "{words}");
        }
    }
}
