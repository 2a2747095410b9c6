//! What a run is called.

use super::Host;
use crate::journal::hash;

/// The time of the start to the millisecond, so that ids sort as runs began, and four characters that two
/// runs of one moment do not share.
pub(super) fn run_id(at: &str, host: &Host<'_>) -> String {
    let stamp: String = at.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    let ms = at.get(20..23).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let seed = format!("{at} {} {:?}", host.environment.pid(), host.clock.monotonic());
    let chance = u64::from_str_radix(&hash(&seed)[..12], 16).unwrap_or(0);
    format!("{stamp}Z-{}{}", digits(ms, 2), digits(chance, 4))
}

/// The last `count` digits of `number` to the base 36, which sort like their number.
fn digits(mut number: u64, count: usize) -> String {
    let mut digits = vec!['0'; count];
    for digit in digits.iter_mut().rev() {
        *digit = u32::try_from(number % 36).ok().and_then(|it| char::from_digit(it, 36)).unwrap_or('0');
        number /= 36;
    }
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_millisecond_sorts_later() {
        let two = |ms| digits(ms, 2);
        assert_eq!(
            (two(0), two(35), two(36), two(999)),
            ("00".into(), "0z".into(), "10".into(), "rr".into())
        );
        assert!((1..1000).all(|ms| two(ms - 1) < two(ms)));
        assert_eq!(digits(u64::MAX, 4).len(), 4);
    }
}
