//! Lenient reading of what partners answer: an answer that can be understood counts, however it is written.

use std::borrow::Cow;

use crate::json::{self, Kind};
use crate::status::{Code, Status};

/// The answer as text; a wrong encoding spoils single characters, not the answer.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    // Checking is much faster than mending, which is rarely needed.
    std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// An optional string; anything else counts as absent.
pub(crate) fn string(raw: Option<&str>) -> Option<String> {
    json::string(raw?).map(Cow::into_owned)
}

/// `true`, `false`, or one of them as a string in any letter case.
pub(crate) fn boolean(raw: Option<&str>) -> Option<bool> {
    let text = match raw? {
        quoted if json::kind(quoted) == Kind::String => json::string(quoted)?,
        plain => Cow::Borrowed(plain),
    };
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A StatusCode object with a usable code, which may be a number or lack its leading zeros.
pub(crate) fn status(raw: Option<&str>) -> Option<Status> {
    let object = json::scan(raw?, &["Code", "Description", "AdditionalInfo"]).ok()?;
    let [code, description, additional_info] = object.values();
    let code = match code? {
        quoted if json::kind(quoted) == Kind::String => Code::parse(&json::string(quoted)?)?,
        number => Code::parse(number)?,
    };
    Some(Status { code, description: string(description), additional_info: string(additional_info) })
}
