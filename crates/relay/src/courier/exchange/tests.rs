use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::super::request::RequestStart;
use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn request(length: usize) -> Request {
    let start = RequestStart::post(&"http://emp.example/".parse().unwrap()).unwrap();
    start.request(&[], &Bytes::from(vec![b'x'; length])).unwrap()
}

/// A connection, and the server's end of it. Narrow: it takes 64 bytes at a time.
fn narrow() -> (DuplexStream, DuplexStream) {
    duplex(64)
}

async fn read_whole(server: &mut DuplexStream, request: &Request) {
    let sent = request.parts().concat();
    let mut read = vec![0; sent.len()];
    server.read_exact(&mut read).await.unwrap();
    assert!(read == sent, "what arrives is the request");
}

#[tokio::test]
async fn a_request_goes_out_whole_and_its_answer_comes_back_however_narrow_the_connection() {
    for length in [0, 1, 500, 100_000] {
        let (mut client, mut server) = narrow();
        let request = request(length);
        for _ in 0..2 {
            let serve = async {
                read_whole(&mut server, &request).await;
                for byte in ANSWER {
                    server.write_all(&[*byte]).await.unwrap();
                }
            };
            let (heard, ()) = tokio::join!(exchange(&mut client, &request), serve);
            let heard = heard.unwrap();
            assert_eq!((heard.answer.head.status, &heard.answer.body[..]), (200, &b"{}"[..]));
            assert_eq!(heard.after, After::Keep);
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_whole_request_was_read_is_heard_and_the_connection_not_used_again() {
    let (mut client, mut server) = narrow();
    let request = request(100_000);
    server.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let heard = exchange(&mut client, &request).await.unwrap();
    assert_eq!((heard.answer.head.status, heard.after), (413, After::Close));

    // And the same from a server that has closed meanwhile.
    let (mut client, mut server) = narrow();
    server.write_all(ANSWER).await.unwrap();
    drop(server);
    let heard = exchange(&mut client, &request).await.unwrap();
    assert_eq!((heard.answer.head.status, heard.after), (200, After::Close));
}

#[tokio::test]
async fn a_connection_that_says_more_than_the_answer_is_not_used_again() {
    let (mut client, mut server) = narrow();
    server.write_all(&[ANSWER, b"H"].concat()).await.unwrap();
    let heard = exchange(&mut client, &request(0)).await.unwrap();
    assert_eq!((&heard.answer.body[..], heard.after), (&b"{}"[..], After::Close));
}

#[tokio::test]
async fn whether_a_byte_had_come_is_known_when_an_exchange_fails() {
    for (said, failure, before_answer) in [
        (&b""[..], ExchangeFailure::Broken, true),
        (b"H", ExchangeFailure::Broken, false),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", ExchangeFailure::Broken, false),
        (b"220 mail.example ESMTP\r\n", ExchangeFailure::Protocol, false),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n", ExchangeFailure::TooLarge, false),
    ] {
        let (mut client, mut server) = narrow();
        let request = request(0);
        let serve = async {
            read_whole(&mut server, &request).await;
            server.write_all(said).await.unwrap();
            drop(server);
        };
        let (heard, ()) = tokio::join!(exchange(&mut client, &request), serve);
        assert_eq!(heard.unwrap_err(), Failed { failure, before_answer });
    }
}

/// A stream that breaks where the others end.
struct Breaking<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Breaking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        let ended = buf.filled().len() == before;
        Poll::Ready(if ended { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Breaking<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_none_if_the_connection_breaks() {
    // As TLS does when somebody cuts an answer short.
    let (client, mut server) = narrow();
    server.write_all(b"HTTP/1.1 200 OK\r\n\r\n{}").await.unwrap();
    drop(server);
    let failed = exchange(&mut Breaking(client), &request(0)).await.unwrap_err();
    assert_eq!(failed, Failed { failure: ExchangeFailure::Broken, before_answer: false });
}
