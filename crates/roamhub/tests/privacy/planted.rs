//! The values that are planted. Each stands in one place only, so that a leak says where it comes from.

/// Cards: all of them hold this.
pub(crate) const CARD_MARK: &str = "DEADBEEFCA";
/// Contracts: all of them hold this.
pub(crate) const CONTRACT_MARK: &str = "CLEAK0";
/// PINs: all of them hold this.
pub(crate) const PIN_MARK: &str = "8391746502";

/// A card.
pub(crate) fn card(number: u8) -> String {
    format!("04{CARD_MARK}{number:02}")
}

/// A contract of `DE-DCB`.
pub(crate) fn contract(number: u8) -> String {
    format!("DE-DCB-{CONTRACT_MARK}{number:03}-X")
}

/// A PIN.
pub(crate) fn pin(number: u8) -> String {
    format!("{PIN_MARK}{number:02}")
}

/// The planted values in a text, in whatever case they stand there.
pub(crate) fn planted_in(text: &str) -> Vec<String> {
    let upper = text.to_ascii_uppercase();
    let mut found = Vec::new();
    for mark in [CARD_MARK, CONTRACT_MARK, PIN_MARK] {
        for (at, _) in upper.match_indices(mark) {
            let (from, until) =
                (floor(&upper, at.saturating_sub(60)), floor(&upper, (at + 60).min(upper.len())));
            found.push(text[from..until].replace('\n', " "));
        }
    }
    found
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Fails if a planted value stands in the text.
#[track_caller]
pub(crate) fn assert_clean(place: &str, text: &str) {
    let found = planted_in(text);
    assert!(found.is_empty(), "{place} shows {} planted values: {found:#?}", found.len());
}
