//! Near misses of names, for hints. A near miss is shown, never taken.

/// The candidates that `wanted` may have been meant for, nearest first, each at most once.
///
/// Near is an edit distance of at most a third of the name's length (at least 1).
pub fn near<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (wanted.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        if let Some(distance) = distance(wanted, candidate, limit)
            && !found.iter().any(|(_, known)| *known == candidate)
        {
            found.push((distance, candidate));
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Insertions, deletions and substitutions that turn one text into the other; none beyond `limit`.
///
/// Texts whose lengths differ by more than the limit are not looked at.
pub fn distance(one: &str, other: &str, limit: usize) -> Option<usize> {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    if one.len().abs_diff(other.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
        if row.iter().all(|cost| *cost > limit) {
            return None;
        }
    }
    row.last().copied().filter(|cost| *cost <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_up_to_the_limit() {
        for (one, other, limit, wanted) in [
            ("", "", 0, Some(0)),
            ("abc", "abc", 0, Some(0)),
            ("abc", "abd", 1, Some(1)),
            ("abc", "ab", 1, Some(1)),
            ("kitten", "sitting", 3, Some(3)),
            ("kitten", "sitting", 2, None),
            ("a", "abcd", 2, None),
            ("über", "uber", 1, Some(1)),
        ] {
            assert_eq!(distance(one, other, limit), wanted, "{one} {other}");
        }
    }

    #[test]
    fn near_misses_come_nearest_first() {
        assert_eq!(
            near("procedure", ["process", "procedural", "procedures", "procedures"]),
            ["procedures", "procedural"]
        );
        assert_eq!(near("xyz", ["title", "owner"]), Vec::<&str>::new());
    }
}
