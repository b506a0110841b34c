//! A page of charge detail records on the wire: in one piece if it is small, else piece by piece as the client takes them.
//!
//! Invariant: a page that could not be completed never looks like a whole one. Its body ends with an error, and the
//! connection with it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use roamhub_core::ports::LedgerError;
use roamhub_services::Records;
use roamhub_services::cdr_fetch::Piece;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::routes::AnswerBody;

/// How long a client may take to take a piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of a page in several pieces.
#[derive(Debug)]
pub struct RecordStream {
    pieces: mpsc::Receiver<Piece>,
    complete: bool,
}

impl Body for RecordStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.complete {
            return Poll::Ready(None);
        }
        this.pieces.poll_recv(cx).map(|piece| {
            Some(match piece {
                Some(Piece::More(bytes)) => Ok(Frame::data(bytes)),
                Some(Piece::Last(bytes)) => {
                    this.complete = true;
                    Ok(Frame::data(bytes))
                }
                None => Err(io::Error::other("the page could not be completed")),
            })
        })
    }
}

/// The body of a page.
///
/// # Errors
/// [`LedgerError`] if not even its beginning can be read.
pub(crate) async fn body(mut records: Records) -> Result<AnswerBody, LedgerError> {
    let first = match records.next().await? {
        Piece::Last(whole) => return Ok(Either::Left(Full::new(whole))),
        first @ Piece::More(_) => first,
    };
    let (given, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut piece = first;
        loop {
            let last = matches!(piece, Piece::Last(_));
            if !matches!(timeout(PATIENCE, given.send(piece)).await, Ok(Ok(()))) || last {
                return;
            }
            piece = match records.next().await {
                Ok(piece) => piece,
                Err(error) => {
                    tracing::warn!(process = %records.process, %error, "a page of records broke off");
                    return;
                }
            };
        }
    });
    Ok(Either::Right(Either::Right(RecordStream { pieces, complete: false })))
}
