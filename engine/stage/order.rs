//! The order in which trials run: shuffled, and the same again for the same seed. Pure.

/// The numbers below `count`, shuffled by `seed`.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed;
    for last in (1..count).rev() {
        // Fisher and Yates; the bias of the remainder is far below what anyone could see here.
        let other = (next(&mut state) % (last as u64 + 1)) as usize;
        order.swap(last, other);
    }
    order
}

/// SplitMix64: one step of it.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_order_has_everything_once_and_can_be_had_again() {
        for count in [0, 1, 2, 54] {
            for seed in [0, 1, u64::MAX] {
                let order = shuffled(count, seed);
                assert_eq!(order, shuffled(count, seed));
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..count).collect::<Vec<_>>());
            }
        }
        let orders: BTreeSet<Vec<usize>> = (0..200).map(|seed| shuffled(4, seed)).collect();
        assert_eq!(orders.len(), 24, "every order of four comes up");
    }
}
