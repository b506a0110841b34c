//! The head of a provider's answer: what the hub needs of it, and above all where its body ends.
//!
//! Whoever misjudges where an answer ends takes part of it for the answer to the next message. So what can be read in two
//! ways is read in none: a length beside chunks, two different lengths, an encoding the hub does not speak.

use std::time::Duration;

use httparse::{Header, ParserConfig, Response, Status};
use roamhub_core::outcome::ExchangeFailure;

/// Headers read at most; an answer with more is refused.
const MOST_HEADERS: usize = 100;

/// What a head says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// The HTTP status, from 100 on.
    pub(super) status: u16,
    /// Where the body ends.
    pub(super) framing: Framing,
    /// Whether the server is ready for another request after this answer.
    pub(super) keeps: bool,
    /// Whether the body is compressed with gzip.
    pub(super) gzipped: bool,
    /// When the server wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

/// Where a body ends (RFC 9112, 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// Where the connection ends.
    UntilClosed,
}

impl Head {
    /// Reads a head and its length in bytes; `None` if it is not whole.
    ///
    /// # Errors
    /// [`ExchangeFailure::Protocol`]: it is none, or its body's end is not certain.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, ExchangeFailure> {
        let mut room = [const { std::mem::MaybeUninit::<Header<'_>>::uninit() }; MOST_HEADERS];
        let mut response = Response::new(&mut []);
        let parsed =
            ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut room);
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(ExchangeFailure::Protocol),
        };
        let (Some(status @ 100..), Some(version)) = (response.code, response.version) else {
            return Err(ExchangeFailure::Protocol);
        };
        let fields = Fields::of(response.headers)?;
        let head = Self {
            status,
            framing: fields.framing(status, version)?,
            keeps: !fields.close && !fields.length_repeated && (version == 1 || fields.keep_alive),
            gzipped: fields.content_encoding == Some(b"gzip"),
            retry_after: fields.retry_after.and_then(|asked| retry_after(asked, fields.date)),
        };
        Ok(Some((head, length)))
    }

    /// Whether the real answer is still to come.
    pub(super) fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// The headers that mean something to the hub.
#[derive(Default)]
struct Fields<'a> {
    length: Option<u64>,
    length_repeated: bool,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    content_encoding: Option<&'a [u8]>,
    retry_after: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn of(headers: &[Header<'a>]) -> Result<Self, ExchangeFailure> {
        let mut fields = Self::default();
        for &Header { name, value } in headers {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            // Most names are told apart by their lengths.
            match name.len() {
                4 if is("date") => fields.date = fields.date.or(Some(value)),
                10 if is("connection") => fields.connection(value),
                11 if is("retry-after") => fields.retry_after = fields.retry_after.or(Some(value)),
                14 if is("content-length") => fields.content_length(value)?,
                16 if is("content-encoding") => {
                    fields.content_encoding = fields.content_encoding.or(Some(value));
                }
                17 if is("transfer-encoding") => fields.transfer_encoding(value)?,
                _ => {}
            }
        }
        Ok(fields)
    }

    fn connection(&mut self, value: &[u8]) {
        for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= word.eq_ignore_ascii_case(b"close");
            self.keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// One number, also if it is said twice. Such a server is not trusted with another request, though.
    fn content_length(&mut self, value: &[u8]) -> Result<(), ExchangeFailure> {
        for digits in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let length = number(digits).ok_or(ExchangeFailure::Protocol)?;
            self.length_repeated |= self.length.is_some();
            if self.length.replace(length).is_some_and(|before| before != length) {
                return Err(ExchangeFailure::Protocol);
            }
        }
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), ExchangeFailure> {
        if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(ExchangeFailure::Protocol);
        }
        self.chunked = true;
        Ok(())
    }

    fn framing(&self, status: u16, version: u8) -> Result<Framing, ExchangeFailure> {
        match (status, self.chunked, self.length) {
            // Nobody asked for another protocol.
            (101, ..) => Err(ExchangeFailure::Protocol),
            (_, true, Some(_)) => Err(ExchangeFailure::Protocol),
            (_, true, None) if version == 0 => Err(ExchangeFailure::Protocol),
            (100..=199 | 204 | 304, ..) => Ok(Framing::Length(0)),
            (_, true, None) => Ok(Framing::Chunked),
            (_, false, Some(length)) => Ok(Framing::Length(length)),
            (_, false, None) => Ok(Framing::UntilClosed),
        }
    }
}

/// Digits, and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// `Retry-After` as seconds, or as a date relative to the answer's own `Date`.
fn retry_after(asked: &[u8], date: Option<&[u8]>) -> Option<Duration> {
    if let Some(seconds) = number(asked.trim_ascii()) {
        return Some(Duration::from_secs(seconds));
    }
    let read = |date| httpdate::parse_http_date(std::str::from_utf8(date).ok()?.trim()).ok();
    Some(read(asked)?.duration_since(read(date?)?).unwrap_or_default())
}

#[cfg(test)]
mod tests;
