//! What an upload does with its records; the same four words in all of them.

/// What a push does with its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionType {
    /// They replace all that the partner had; none at all removes everything.
    FullLoad,
    /// All of them are new.
    Insert,
    /// All of them exist and are replaced.
    Update,
    /// They are removed.
    Delete,
}

impl ActionType {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::FullLoad, Self::Insert, Self::Update, Self::Delete];

    /// Reads the word on the wire.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullLoad => "fullLoad",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}
