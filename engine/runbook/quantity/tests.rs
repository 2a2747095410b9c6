use super::*;
use Comparator::{AtLeast, AtMost, Equal, Less, More};
use Unit::{Count, Days, Hours, Milliseconds, Minutes, Percent, Seconds};

#[test]
fn quantities_are_found_with_comparator_and_place() {
    for (text, comparator, value, low, unit, part) in [
        ("Recovery < 2 minutes", Some(Less), 2.0, None, Minutes, "< 2 minutes"),
        ("< 500ms response time", Some(Less), 500.0, None, Milliseconds, "< 500ms"),
        ("≥ 90% pass rate", Some(AtLeast), 90.0, None, Percent, "≥ 90%"),
        (">= 99.9 % uptime", Some(AtLeast), 99.9, None, Percent, ">= 99.9 %"),
        ("<=30 sec", Some(AtMost), 30.0, None, Seconds, "<=30 sec"),
        ("under 5 min", Some(Less), 5.0, None, Minutes, "under 5 min"),
        ("Within about 15 min of it", Some(AtMost), 15.0, None, Minutes, "Within about 15 min"),
        ("in less than 1 hour", Some(Less), 1.0, None, Hours, "in less than 1 hour"),
        ("no more than 3 retries", Some(AtMost), 3.0, None, Count, "no more than 3"),
        ("at least 2 days", Some(AtLeast), 2.0, None, Days, "at least 2 days"),
        ("more than 1,000 requests", Some(More), 1000.0, None, Count, "more than 1,000"),
        ("exceeds 80 percent", Some(More), 80.0, None, Percent, "exceeds 80 percent"),
        ("up == 0", Some(Equal), 0.0, None, Count, "== 0"),
        ("= 0", Some(Equal), 0.0, None, Count, "= 0"),
        ("1 hour", None, 1.0, None, Hours, "1 hour"),
        ("24h", None, 24.0, None, Hours, "24h"),
        ("5-10 minutes", None, 10.0, Some(5.0), Minutes, "5-10 minutes"),
        ("5–10 minutes", None, 10.0, Some(5.0), Minutes, "5–10 minutes"),
        ("5 to 10 minutes", None, 10.0, Some(5.0), Minutes, "5 to 10 minutes"),
        ("30s - 1m", None, 1.0, Some(0.5), Minutes, "30s - 1m"),
        ("1h30m", None, 90.0, None, Minutes, "1h30m"),
        ("1 hour and 30 minutes", None, 90.0, None, Minutes, "1 hour and 30 minutes"),
        ("a 5-minute window", None, 5.0, None, Minutes, "5-minute"),
        ("within two hours", Some(AtMost), 2.0, None, Hours, "within two hours"),
        ("30 minutes or less", Some(AtMost), 30.0, None, Minutes, "30 minutes or less"),
        ("5+ minutes", Some(AtLeast), 5.0, None, Minutes, "5+ minutes"),
        ("5+ errors", Some(AtLeast), 5.0, None, Count, "5+"),
        ("15 min max", Some(AtMost), 15.0, None, Minutes, "15 min max"),
        ("takes 5 minutes.", None, 5.0, None, Minutes, "5 minutes"),
        ("(0-5 minutes)", None, 5.0, Some(0.0), Minutes, "0-5 minutes"),
        ("retry -> 5 s", None, 5.0, None, Seconds, "5 s"),
    ] {
        let found = measures(text);
        let [only] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!(only.comparator, comparator, "{text}");
        assert_eq!(only.quantity, Quantity { value, low, unit }, "{text}");
        assert_eq!(&text[only.range.clone()], part, "{text}");
    }
}

#[test]
fn other_digits_are_no_quantities() {
    for text in [
        "P1",
        "2025-10-15",
        "10:30",
        "v1.2.3",
        "1.2.3",
        "5xx errors",
        "99th percentile",
        "24/7",
        "$5",
        "#3",
        "> 5GB",
        "> 80 MB",
        "2 weeks",
        "1 business day",
        "5M rows",
        "one replica",
        "",
        "stand-by",
        "3rd",
        "p99",
        "Next business day",
        "utf-8",
        "http://localhost:8000/x",
    ] {
        assert_eq!(measures(text), [], "{text}");
    }
}

#[test]
fn several_quantities_are_found_in_order() {
    let parts = |text: &'static str| -> Vec<&str> {
        measures(text).into_iter().map(|measure| &text[measure.range]).collect()
    };
    assert_eq!(parts("failures > 0 in 5m"), ["> 0", "5m"]);
    assert_eq!(parts("99% of requests < 200ms, at most 3 errors"), ["99%", "< 200ms", "at most 3"]);
}
