//! A list of the store's row numbers that costs about four bytes each: a pull of all records names a million of them.

/// Numbers in one portion of the list.
const PORTION: usize = 4096;

/// Numbers in the order in which they were added.
#[derive(Clone, Default, Debug)]
pub struct Numbers {
    portions: Vec<Portion>,
    len: u64,
}

#[derive(Clone, Debug)]
struct Portion {
    /// Place of its first number in the list.
    first: u64,
    /// What the offsets are counted from.
    base: i64,
    offsets: Vec<u32>,
}

impl Numbers {
    /// Adds a number. Rising ones take the least room.
    pub fn push(&mut self, number: i64) {
        let offset = |portion: &Portion| u32::try_from(number.checked_sub(portion.base)?).ok();
        let room = self.portions.last_mut().filter(|portion| portion.offsets.len() < PORTION);
        match room.and_then(|portion| offset(portion).map(|offset| (portion, offset))) {
            Some((portion, offset)) => portion.offsets.push(offset),
            None => self.portions.push(Portion { first: self.len, base: number, offsets: vec![0] }),
        }
        self.len = self.len.saturating_add(1);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers from that place on.
    pub fn from(&self, place: u64) -> impl Iterator<Item = i64> + '_ {
        let portion = self.portions.partition_point(|portion| portion.first <= place).saturating_sub(1);
        let before = self.portions.get(portion).map_or(0, |portion| place.saturating_sub(portion.first));
        let numbers = self.portions.iter().skip(portion).flat_map(|portion| {
            portion.offsets.iter().map(|offset| portion.base.saturating_add(i64::from(*offset)))
        });
        numbers.skip(usize::try_from(before).unwrap_or(usize::MAX))
    }
}

impl Extend<i64> for Numbers {
    fn extend<I: IntoIterator<Item = i64>>(&mut self, numbers: I) {
        numbers.into_iter().for_each(|number| self.push(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_added_comes_back_from_every_place(
            mut added in proptest::collection::vec(any::<i64>(), 0..50),
            run in 0..9_000_i64,
            place in 0..9_100_usize,
        ) {
            added.extend(0..run);
            let mut numbers = Numbers::default();
            numbers.extend(added.iter().copied());
            prop_assert_eq!(numbers.len(), added.len() as u64);
            let rest: Vec<_> = numbers.from(place as u64).collect();
            prop_assert_eq!(rest.as_slice(), added.get(place..).unwrap_or_default());
        }
    }
}
