//! Reading an answer from the bytes of a connection as they come, in whatever pieces. No I/O here: who has received bytes
//! hands them in and learns whether the answer is whole.
//!
//! Bounds: a head, with all interim answers before it, of 64 KiB; a body of [`LONGEST_ANSWER`]. What is longer is refused
//! as soon as that is known, mostly before it is read.

use bytes::{Buf, Bytes, BytesMut};
use roamhub_core::outcome::ExchangeFailure;

use super::LONGEST_ANSWER;
use super::chunks::Chunks;
use super::head::{Framing, Head};

/// The longest head that is read, with all that came before it.
const LONGEST_HEAD: usize = 64 * 1024;

/// A whole answer, its body as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// What its head says.
    pub(super) head: Head,
    /// Its body, not decompressed.
    pub(super) body: Bytes,
}

/// How far an answer has been read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its head is not whole yet.
    Head {
        /// Bytes of interim answers and blank lines, done with.
        before: usize,
        /// Received bytes that have been looked at.
        searched: usize,
    },
    /// Its body is not whole yet.
    Body(Head, Body),
}

/// How much of a body is still to come.
#[derive(Debug)]
pub(super) enum Body {
    /// So much altogether.
    Length(usize),
    /// Chunks.
    Chunks(Chunks),
    /// All until the connection ends.
    UntilClosed,
}

impl Default for Reading {
    fn default() -> Self {
        Self::Head { before: 0, searched: 0 }
    }
}

impl Reading {
    /// Takes what has been received; the answer once it is whole. What follows it is left in `received`, and is nothing
    /// that anybody asked for.
    ///
    /// # Errors
    /// [`ExchangeFailure::Protocol`]: this is no answer, or none whose end is certain. [`ExchangeFailure::TooLarge`]: it
    /// is longer than the hub reads.
    pub(super) fn take(&mut self, received: &mut BytesMut) -> Result<Option<Answer>, ExchangeFailure> {
        if let Self::Head { before, searched } = self {
            let Some(head) = find_head(before, searched, received)? else { return Ok(None) };
            let body = Body::of(head.framing)?;
            *self = Self::Body(head, body);
        }
        let Self::Body(head, body) = self else { return Ok(None) };
        let whole = match body {
            Body::Length(length) if received.len() >= *length => received.split_to(*length).freeze(),
            Body::Length(_) => return Ok(None),
            Body::Chunks(chunks) => match chunks.take(received)? {
                Some(whole) => whole,
                None => return Ok(None),
            },
            Body::UntilClosed if received.len() > LONGEST_ANSWER => return Err(ExchangeFailure::TooLarge),
            Body::UntilClosed => return Ok(None),
        };
        Ok(Some(Answer { head: *head, body: whole }))
    }

    /// Nothing more will come: the answer, if that is how it ends.
    ///
    /// # Errors
    /// [`ExchangeFailure::Broken`]: it is not whole. [`ExchangeFailure::Protocol`]: nor is it one.
    pub(super) fn end(self, received: BytesMut) -> Result<Answer, ExchangeFailure> {
        match self {
            Self::Body(head, Body::UntilClosed) => {
                Ok(Answer { head: Head { keeps: false, ..head }, body: received.freeze() })
            }
            Self::Head { .. } => Head::read(&received).and(Err(ExchangeFailure::Broken)),
            Self::Body(..) => Err(ExchangeFailure::Broken),
        }
    }
}

impl Body {
    fn of(framing: Framing) -> Result<Self, ExchangeFailure> {
        match framing {
            Framing::Chunked => Ok(Self::Chunks(Chunks::default())),
            Framing::UntilClosed => Ok(Self::UntilClosed),
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= LONGEST_ANSWER => Ok(Self::Length(length)),
                _ => Err(ExchangeFailure::TooLarge),
            },
        }
    }
}

/// Takes the head that is not an interim answer's, once it is whole.
fn find_head(
    before: &mut usize,
    searched: &mut usize,
    received: &mut BytesMut,
) -> Result<Option<Head>, ExchangeFailure> {
    loop {
        if *searched == 0 {
            let blank = received.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            received.advance(blank);
            *before += blank;
        }
        // A head that comes in many pieces is not read again for each, but for each line, and there are not many.
        let worth_reading = *searched == 0 || memchr::memchr(b'\n', &received[*searched..]).is_some();
        let read = if worth_reading { Head::read(received)? } else { None };
        let Some((head, length)) = read else {
            *searched = received.len();
            let too_long = *before + received.len() > LONGEST_HEAD;
            return if too_long { Err(ExchangeFailure::TooLarge) } else { Ok(None) };
        };
        received.advance(length);
        if !head.is_interim() {
            return Ok(Some(head));
        }
        *before += length;
        *searched = 0;
        if *before > LONGEST_HEAD {
            return Err(ExchangeFailure::TooLarge);
        }
    }
}

#[cfg(test)]
mod tests;
