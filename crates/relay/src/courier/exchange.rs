//! One request and its answer on one connection.
//!
//! The answer is listened for while the request is still being written: a server may refuse a long message before it has
//! read it all, and then it reads no further.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use roamhub_core::outcome::ExchangeFailure;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use super::answer::{Answer, Reading};
use super::request::Request;

/// Room for what is received at a time. Acknowledgements are smaller.
const PIECE: usize = 4096;

/// A whole answer, and what may be done with the connection.
#[derive(Debug)]
pub(super) struct Heard {
    /// The answer.
    pub(super) answer: Answer,
    /// The connection's future.
    pub(super) after: After,
}

/// What may be done with a connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// It may be used again.
    Keep,
    /// Where its next answer begins is not certain, or there will be none.
    Close,
}

/// There is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Failed {
    /// Why.
    pub(super) failure: ExchangeFailure,
    /// Whether not a byte of the answer had come.
    pub(super) before_answer: bool,
}

/// Sends a request and reads the answer to its end.
pub(super) async fn exchange<S>(stream: &mut S, request: &Request) -> Result<Heard, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut course = Course {
        stream,
        unsent: request.parts(),
        sending: Sending::Bytes,
        received: BytesMut::new(),
        reading: Reading::default(),
        before_answer: true,
    };
    poll_fn(|cx| course.poll(cx)).await
}

struct Course<'a, S> {
    stream: &'a mut S,
    unsent: [&'a [u8]; 2],
    sending: Sending,
    received: BytesMut,
    reading: Reading,
    before_answer: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// Bytes are left.
    Bytes,
    /// All are written, but some may be held back.
    Rest,
    /// All has left.
    Done,
    /// The other side reads no further. It may have said why.
    GivenUp,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Course<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Failed>> {
        self.send(cx);
        loop {
            if self.received.capacity() - self.received.len() < PIECE / 2 {
                self.received.reserve(PIECE);
            }
            let come = ready!(poll_read_buf(Pin::new(&mut *self.stream), cx, &mut self.received));
            let heard = match come {
                Ok(0) => {
                    let reading = std::mem::take(&mut self.reading);
                    reading.end(std::mem::take(&mut self.received)).map(Some)
                }
                Ok(_) => {
                    self.before_answer = false;
                    self.reading.take(&mut self.received)
                }
                Err(_) => Err(ExchangeFailure::Broken),
            };
            match heard {
                Ok(Some(answer)) => return Poll::Ready(Ok(self.heard(answer))),
                Ok(None) => {}
                Err(failure) => {
                    return Poll::Ready(Err(Failed { failure, before_answer: self.before_answer }));
                }
            }
        }
    }

    /// Sends as much as the connection takes now.
    fn send(&mut self, cx: &mut Context<'_>) {
        while let Sending::Bytes | Sending::Rest = self.sending {
            let stream = Pin::new(&mut *self.stream);
            let unsent = self.unsent.iter_mut().find(|part| !part.is_empty());
            self.sending = match unsent {
                Some(part) => match stream.poll_write(cx, part) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(written @ 1..)) => {
                        part.advance(written);
                        Sending::Bytes
                    }
                    Poll::Ready(Ok(0) | Err(_)) => Sending::GivenUp,
                },
                None => match stream.poll_flush(cx) {
                    Poll::Pending => {
                        self.sending = Sending::Rest;
                        return;
                    }
                    Poll::Ready(Ok(())) => Sending::Done,
                    Poll::Ready(Err(_)) => Sending::GivenUp,
                },
            };
        }
    }

    fn heard(&self, answer: Answer) -> Heard {
        let clean = answer.head.keeps && self.sending == Sending::Done && self.received.is_empty();
        Heard { answer, after: if clean { After::Keep } else { After::Close } }
    }
}

#[cfg(test)]
mod tests;
