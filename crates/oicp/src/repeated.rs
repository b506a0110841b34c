//! What occurs more than once in a list that may be very long, without keeping the list: hashes first, and only where two
//! are equal a second look.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// A record whose key an earlier one of the same request has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated<K> {
    /// Its place in the list.
    pub index: usize,
    /// The place of the first one with this key.
    pub first: usize,
    /// The key that both have.
    pub key: K,
}

/// All repetitions, in the order of the list.
pub(crate) fn repeated<K: Hash + Eq + Clone, I: Iterator<Item = K>>(
    keys: impl Fn() -> I,
) -> Vec<Repeated<K>> {
    let mut hashes: Vec<(u64, usize)> = keys().map(|key| hash(&key)).zip(0..).collect();
    hashes.sort_unstable();
    let mut suspects: Vec<usize> = hashes
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|same| same.len() > 1)
        .flatten()
        .map(|(_, index)| *index)
        .collect();
    if suspects.is_empty() {
        return Vec::new();
    }
    suspects.sort_unstable();
    let mut suspects = suspects.into_iter().peekable();
    let mut firsts = HashMap::new();
    let mut found = Vec::new();
    for (index, key) in keys().enumerate() {
        if suspects.next_if_eq(&index).is_none() {
            continue;
        }
        let first = *firsts.entry(key.clone()).or_insert(index);
        if first != index {
            found.push(Repeated { index, first, key });
        }
    }
    found
}

fn hash(key: &impl Hash) -> u64 {
    // Fixed keys do no harm: whoever makes hashes collide only buys a second look at them.
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Repeated, repeated};

    #[test]
    fn names_each_repetition_with_its_first() {
        let found = repeated(|| [7, 8, 7, 9, 7, 8].into_iter());
        let expected = [(2, 0, 7), (4, 0, 7), (5, 1, 8)];
        assert_eq!(found, expected.map(|(index, first, key)| Repeated { index, first, key }));
        assert_eq!(repeated(|| 0..1000), []);
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(keys in proptest::collection::vec(0_u8..40, 0..60)) {
            let plain: Vec<_> = keys
                .iter()
                .enumerate()
                .filter_map(|(index, key)| {
                    let first = keys.iter().position(|other| other == key)?;
                    (first < index).then_some(Repeated { index, first, key: *key })
                })
                .collect();
            prop_assert_eq!(repeated(|| keys.iter().copied()), plain);
        }
    }
}
