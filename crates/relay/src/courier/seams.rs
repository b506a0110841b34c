//! Where fuzzing reaches what reads a provider's answer, past the sockets. Nothing else uses it.

use bytes::{Bytes, BytesMut};
use roamhub_core::outcome::ExchangeFailure;

use super::answer::Reading;

/// The longest body of an answer.
pub const LONGEST_ANSWER: usize = super::LONGEST_ANSWER;

/// An answer that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its body, unpacked if it was packed.
    pub body: Result<Bytes, ExchangeFailure>,
    /// Whether another request may follow.
    pub keeps: bool,
    /// What came behind it.
    pub rest: Bytes,
}

/// Reads an answer that comes in these pieces, after which the connection ends.
///
/// # Errors
/// [`ExchangeFailure`], as of an exchange.
pub fn read_answer<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<ReadAnswer, ExchangeFailure> {
    let (mut received, mut reading) = (BytesMut::new(), Reading::default());
    let (mut whole, mut rest) = (None, Vec::new());
    for piece in pieces {
        if whole.is_some() {
            rest.extend_from_slice(piece);
            continue;
        }
        received.extend_from_slice(piece);
        whole = reading.take(&mut received)?;
    }
    let (answer, rest) = match whole {
        Some(answer) => (answer, [&received[..], &rest].concat()),
        None => (reading.end(received)?, rest),
    };
    let body = if answer.head.gzipped { super::decode(&answer.body) } else { Ok(answer.body) };
    Ok(ReadAnswer { status: answer.head.status, body, keeps: answer.head.keeps, rest: rest.into() })
}
