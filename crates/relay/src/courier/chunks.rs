//! A body that comes in chunks (RFC 9112, 7.1). Extensions and trailers are skipped, within bounds: nothing in them is for
//! the hub.

use bytes::{Buf, Bytes, BytesMut};
use roamhub_core::outcome::ExchangeFailure;

use super::LONGEST_ANSWER;

/// The longest line that says a chunk's size, with its extensions.
const LONGEST_SIZE_LINE: usize = 256;
/// The longest trailers.
const LONGEST_TRAILERS: usize = 16 * 1024;

/// A body of which some chunks have come.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    read: BytesMut,
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy, Default, Debug)]
enum Next {
    /// A line with a size.
    #[default]
    Size,
    /// So much of a chunk.
    Chunk(usize),
    /// The end of its line.
    ChunkEnd,
    /// Trailers, of which so many bytes were read.
    Trailer(usize),
}

impl Chunks {
    /// Takes what has come; the whole body with the last chunk, and what follows it is left where it is.
    ///
    /// # Errors
    /// [`ExchangeFailure::Protocol`]: these are no chunks. [`ExchangeFailure::TooLarge`]: too much of them.
    pub(super) fn take(&mut self, received: &mut BytesMut) -> Result<Option<Bytes>, ExchangeFailure> {
        loop {
            self.next = match self.next {
                Next::Size => {
                    let Some(line) = line(received, LONGEST_SIZE_LINE)? else { return Ok(None) };
                    match size(&line).ok_or(ExchangeFailure::Protocol)? {
                        0 => Next::Trailer(0),
                        size if size > LONGEST_ANSWER - self.read.len() => {
                            return Err(ExchangeFailure::TooLarge);
                        }
                        size => Next::Chunk(size),
                    }
                }
                Next::Chunk(left) => {
                    let come = left.min(received.len());
                    self.read.extend_from_slice(&received[..come]);
                    received.advance(come);
                    if come < left {
                        self.next = Next::Chunk(left - come);
                        return Ok(None);
                    }
                    Next::ChunkEnd
                }
                Next::ChunkEnd => match &received[..] {
                    [b'\r', b'\n', ..] => {
                        received.advance(2);
                        Next::Size
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(ExchangeFailure::Protocol),
                },
                Next::Trailer(read) => {
                    let Some(line) = line(received, LONGEST_TRAILERS - read)? else { return Ok(None) };
                    if line.is_empty() {
                        return Ok(Some(self.read.split().freeze()));
                    }
                    Next::Trailer((read + line.len() + 2).min(LONGEST_TRAILERS))
                }
            }
        }
    }
}

/// Takes a line, without its end; `None` if it is not whole.
fn line(received: &mut BytesMut, longest: usize) -> Result<Option<BytesMut>, ExchangeFailure> {
    let within = &received[..received.len().min(longest)];
    match memchr::memchr(b'\n', within) {
        Some(end) if end > 0 && within[end - 1] == b'\r' => {
            let mut line = received.split_to(end + 1);
            line.truncate(end - 1);
            Ok(Some(line))
        }
        Some(_) => Err(ExchangeFailure::Protocol),
        None if received.len() < longest => Ok(None),
        None => Err(ExchangeFailure::TooLarge),
    }
}

/// The size at the beginning of a line; extensions follow behind a semicolon. More than fits is more than is read.
fn size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii_end();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_usize, |size, &byte| {
        let digit = usize::try_from(char::from(byte).to_digit(16)?).ok()?;
        Some(size.saturating_mul(16).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &str) -> Result<Option<(String, String)>, ExchangeFailure> {
        let mut received = BytesMut::from(wire);
        let body = Chunks::default().take(&mut received)?;
        Ok(body.map(|body| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(&body), text(&received))
        }))
    }

    fn whole(body: &str, rest: &str) -> Result<Option<(String, String)>, ExchangeFailure> {
        Ok(Some((body.to_owned(), rest.to_owned())))
    }

    #[test]
    fn chunks_are_put_together_and_what_follows_is_left() {
        assert_eq!(read("0\r\n\r\n"), whole("", ""));
        assert_eq!(read("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), whole("abcde", ""));
        assert_eq!(read("3\r\nabc\r\n000\r\n\r\nHTTP"), whole("abc", "HTTP"));
        assert_eq!(read("a\r\n0123456789\r\n0\r\n\r\n"), whole("0123456789", ""));
        assert_eq!(read("0A \r\n0123456789\r\n0\r\n\r\n"), whole("0123456789", ""));
    }

    #[test]
    fn extensions_and_trailers_are_skipped() {
        assert_eq!(read("1;a=b;c=\"d\"\r\nx\r\n0 ; z\r\n\r\n"), whole("x", ""));
        assert_eq!(read("1\r\nx\r\n0\r\nDigest: abc\r\nContent-Length: 7\r\n\r\nrest"), whole("x", "rest"));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wire in [
            "\r\n",
            ";a\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1 1\r\n",
            "1\n",
            "1;a\nb\r\n",
            "\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\r\na\r0",
            "0\r\nTrailer\n\r\n",
            "0\r\n\n",
            "\u{e4}\r\n",
        ] {
            assert_eq!(read(wire), Err(ExchangeFailure::Protocol), "{wire:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        let size = |size: usize| read(&format!("{size:x}\r\n"));
        assert_eq!(size(LONGEST_ANSWER), Ok(None));
        assert_eq!(size(LONGEST_ANSWER + 1), Err(ExchangeFailure::TooLarge));
        assert_eq!(read("1\r\nx\r\n100000\r\n"), Err(ExchangeFailure::TooLarge), "all chunks together");
        assert_eq!(read("ffffffffffffffffffffffff\r\n"), Err(ExchangeFailure::TooLarge));
        let extension = format!("1;{}", "x".repeat(LONGEST_SIZE_LINE));
        assert_eq!(read(&extension), Err(ExchangeFailure::TooLarge));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(LONGEST_TRAILERS / 6 + 1));
        assert_eq!(read(&trailers), Err(ExchangeFailure::TooLarge));
        assert_eq!(read(&"0".repeat(LONGEST_SIZE_LINE)), Err(ExchangeFailure::TooLarge));
    }
}
