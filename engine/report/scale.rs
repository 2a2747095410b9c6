//! Round steps for axes and histograms of times.

use super::style::millis;

/// Round steps in milliseconds, up to half a day; whole days double from there.
const ROUND: &[u64] = &[
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000,
];

/// The smallest round step, in milliseconds and at least `least`, that leads from 0 to `end` at most `most`
/// times.
pub fn round_step(end: u64, most: u64, least: u64) -> u64 {
    let days = std::iter::successors(Some(86_400_000_u64), |ms| ms.checked_mul(2));
    let mut steps = ROUND.iter().copied().chain(days).filter(|step| *step >= least);
    steps.find(|step| end / step <= most).unwrap_or(end.max(1))
}

/// A place on a scale of such a step, so that no two places read the same.
pub fn mark(ms: u64, step: u64) -> String {
    // Times of 100 ms and more are shown in tenths of a second.
    if ms > 0 && !step.is_multiple_of(100) { format!("{ms} ms") } else { millis(ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for (end, most, step) in [
            (0, 4, 1),
            (7, 4, 2),
            (31_000, 4, 10_000),
            (5_500, 4, 2_000),
            (59_000, 8, 10_000),
            (100 * 86_400_000, 4, 32 * 86_400_000),
        ] {
            assert_eq!(round_step(end, most, 1), step, "{end} {most}");
        }
        assert_eq!(round_step(7, 4, 10), 10);
        assert!(u64::MAX / round_step(u64::MAX, 4, 1) <= 4);
    }
}
