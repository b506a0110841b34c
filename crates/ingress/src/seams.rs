//! Where fuzzing reaches what reads partners' requests, past the sockets. Nothing else uses it.

use bytes::Bytes;

use crate::gzip;
use crate::partner::{notifications, query};

/// Unpacks a body of at most so many bytes; nothing if it is longer or broken.
#[must_use]
pub fn unpacked(body: &[u8], most: usize) -> Option<Bytes> {
    gzip::decoded_here(Bytes::copy_from_slice(body), most).ok()
}

/// Reads a query in which two names are known; the refusal in words if it cannot be read.
///
/// # Errors
/// What the caller is told.
pub fn query(text: &str) -> Result<[Option<String>; 2], String> {
    query::read(Some(text), ["after", "limit"]).map_err(|fault| fault.in_words())
}

/// The cursor in the body of a confirmation.
#[must_use]
pub fn confirmed(body: &[u8]) -> Option<String> {
    notifications::confirmed_cursor(body).ok().map(|cursor| cursor.to_string())
}
