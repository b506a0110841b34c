//! Fields that hold one word out of a list, and fields that hold several: one bit per word, so that what is stored and
//! compared is small.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// One of a fixed list of words on the wire.
pub trait Word: Copy + PartialEq + 'static {
    /// All words, in the order of the protocol. At most 32; the order is that of the bits in a [`WordSet`], so that words
    /// are only ever added at the end.
    const ALL: &'static [Self];

    /// The word on the wire.
    fn as_str(self) -> &'static str;

    /// Reads the word on the wire, which is in this letter case and no other.
    #[must_use]
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == word)
    }
}

/// Several words out of one list, each of them once.
pub struct WordSet<W> {
    bits: u32,
    of: PhantomData<W>,
}

impl<W: Word> WordSet<W> {
    /// No word.
    pub const EMPTY: Self = Self { bits: 0, of: PhantomData };

    /// The set with this word in it.
    #[must_use]
    pub fn with(self, word: W) -> Self {
        Self { bits: self.bits | bit(word), ..self }
    }

    /// Whether this word is in it.
    #[must_use]
    pub fn contains(self, word: W) -> bool {
        self.bits & bit(word) != 0
    }

    /// Whether the two have a word in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Whether there is no word in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The words, in the order of the protocol.
    pub fn iter(self) -> impl Iterator<Item = W> {
        W::ALL.iter().copied().filter(move |word| self.contains(*word))
    }

    /// The set as a number, for storing it: the first word of [`Word::ALL`] is the lowest bit.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// The set that [`WordSet::bits`] stands for; bits without a word are dropped.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        let all = W::ALL.iter().fold(0, |all, word| all | bit(*word));
        Self { bits: bits & all, of: PhantomData }
    }
}

fn bit<W: Word>(word: W) -> u32 {
    let place = W::ALL.iter().position(|known| *known == word);
    place.and_then(|place| 1_u32.checked_shl(u32::try_from(place).ok()?)).unwrap_or_default()
}

impl<W> Clone for WordSet<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for WordSet<W> {}

impl<W: Word> Default for WordSet<W> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<W> PartialEq for WordSet<W> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<W> Eq for WordSet<W> {}

impl<W> Hash for WordSet<W> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<W: Word> FromIterator<W> for WordSet<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        words.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<W: Word> fmt::Debug for WordSet<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter().map(Word::as_str)).finish()
    }
}

/// All words of a list, for a message: `expected one, two or three`.
pub(crate) struct Expected<W>(pub(crate) PhantomData<W>);

impl<W: Word> fmt::Display for Expected<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in W::ALL.iter().enumerate() {
            out.write_str(match index {
                0 => "expected ",
                last if last + 1 == W::ALL.len() => " or ",
                _ => ", ",
            })?;
            out.write_str(word.as_str())?;
        }
        Ok(())
    }
}

/// An enum whose variants are words on the wire.
macro_rules! words {
    ($(#[$about:meta])* $seen:vis $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $seen enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $crate::words::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad($crate::words::Word::as_str(*self))
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::{Expected, Word, WordSet};

    words! {
        /// For the tests.
        pub(super) Colour {
            /// One.
            Red = "red",
            /// Another.
            Green = "dark green",
            /// A third.
            Blue = "blue",
        }
    }

    #[test]
    fn a_set_holds_each_word_once_and_survives_as_a_number() {
        let set: WordSet<Colour> = [Colour::Blue, Colour::Red, Colour::Blue].into_iter().collect();
        assert_eq!(set.iter().map(Word::as_str).collect::<Vec<_>>(), ["red", "blue"]);
        assert_eq!((set.bits(), WordSet::from_bits(set.bits() | 0x80)), (5, set));
        assert!(!set.contains(Colour::Green) && !set.is_empty() && WordSet::<Colour>::EMPTY.is_empty());
        assert!(
            set.meets(WordSet::EMPTY.with(Colour::Red)) && !set.meets(WordSet::EMPTY.with(Colour::Green))
        );
        assert_eq!(Expected(PhantomData::<Colour>).to_string(), "expected red, dark green or blue");
        assert_eq!(Colour::parse("dark green"), Some(Colour::Green));
        assert_eq!(Colour::parse("Red"), None);
    }
}
