//! What providers answer, and packed bodies.

use oicp::ack::{Acknowledgement, Reading};
use roamhub_ingress::seams::unpacked;
use roamhub_relay::courier::seams::{LONGEST_ANSWER, read_answer};

/// Any bytes as what a provider answers: what is understood is understood the same when it is written and read again.
pub fn acknowledgement(body: &[u8]) {
    let Reading::Acknowledged { ack, .. } = Acknowledgement::read(body) else { return };
    let Reading::Acknowledged { ack: again, completed: false } = Acknowledgement::read(&ack.to_json()) else {
        panic!("an acknowledgement that was written is not read again");
    };
    assert_eq!(
        (ack.result, ack.status.code, ack.session_id),
        (again.result, again.status.code, again.session_id)
    );
}

/// Any bytes as what comes over a connection to a provider, cut into pieces of sizes that the first bytes say: where an
/// answer ends does not depend on how it was cut.
pub fn answer(bytes: &[u8]) {
    let Some((sizes, wire)) = bytes.split_first_chunk::<3>() else { return };
    let whole = read_answer(std::iter::once(wire));
    let cut = read_answer(Pieces { wire, sizes: sizes.iter().cycle() });
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole, cut);
            assert!((200..).contains(&whole.status));
            // What is packed badly has been read all the same: where it ends is certain.
            assert!(whole.body.map_or(true, |body| body.len() <= LONGEST_ANSWER));
        }
        (Err(_), Err(_)) => {}
        (whole, cut) => panic!("cut in pieces it is {cut:?}, and in one {whole:?}"),
    }
}

/// Cuts bytes into pieces, one of each size in turn.
struct Pieces<'a, S> {
    wire: &'a [u8],
    sizes: S,
}

impl<'a, 's, S: Iterator<Item = &'s u8>> Iterator for Pieces<'a, S> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.wire.is_empty() {
            return None;
        }
        let size = usize::from(*self.sizes.next()?).clamp(1, self.wire.len());
        let (piece, rest) = self.wire.split_at(size);
        self.wire = rest;
        Some(piece)
    }
}

/// Any bytes as a body packed with gzip: never more than was allowed comes of it.
pub fn gzip_body(packed: &[u8]) {
    for most in [0, 100, 64 * 1024] {
        if let Some(body) = unpacked(packed, most) {
            assert!(body.len() <= most);
        }
    }
}
