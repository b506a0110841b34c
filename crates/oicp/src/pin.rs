//! Removing PINs from bodies before they are kept.
//!
//! Works on any bytes, also on bodies that are not valid JSON: what was refused may still hold a PIN. The copy has
//! the length of the original, and stays valid JSON if the original was.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

/// A copy of `body` in which the value of every member called `PIN`, at any depth, is blanked: characters of
/// strings become `*`, a number becomes `0` and blanks, and objects and lists are blanked throughout. `None` if
/// there is nothing to blank.
#[must_use]
pub fn blank(body: &[u8]) -> Option<Vec<u8>> {
    if !suspicious(body) {
        return None;
    }
    let mut blanked = None;
    let mut rest = 0;
    while let Some(name) = next_string(body, rest) {
        rest = name.end;
        let Some(value) = value_after(body, name.end) else { continue };
        if !is_pin(body.get(name.clone()).unwrap_or_default()) {
            continue;
        }
        let end = value_end(body, value);
        if let Some(value) = blanked.get_or_insert_with(|| body.to_vec()).get_mut(value..end) {
            blank_value(value);
        }
        rest = end;
    }
    blanked.filter(|blanked| blanked != body)
}

/// What may be kept of a body: [`blank`]ed, or as it is.
#[must_use]
pub fn without(body: &Bytes) -> Bytes {
    blank(body).map_or_else(|| body.clone(), Bytes::from)
}

/// Whether a member may be called `PIN`. Ordinary bodies pay for this look only.
fn suspicious(body: &[u8]) -> bool {
    static NAME: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"PIN"));
    // An escaped letter of the name can only be written as \u00xx.
    static ESCAPE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\\u00"));
    NAME.find(body).is_some() || ESCAPE.find(body).is_some()
}

/// The next string at or after `from`, quotes included; an unfinished one reaches to the end.
fn next_string(body: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
    let start = from + memchr::memchr(b'"', body.get(from..)?)?;
    let mut end = start + 1;
    while let Some(step) = memchr::memchr2(b'"', b'\\', body.get(end..)?) {
        end += step + 1;
        if body.get(end - 1) == Some(&b'"') {
            return Some(start..end);
        }
        end += 1;
    }
    Some(start..body.len())
}

/// Where the value begins if a colon follows.
fn value_after(body: &[u8], name_end: usize) -> Option<usize> {
    let skip_blanks = |from: usize| -> Option<usize> {
        Some(from + body.get(from..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
    };
    let colon = skip_blanks(name_end)?;
    if body.get(colon) == Some(&b':') { skip_blanks(colon + 1) } else { None }
}

fn is_pin(quoted: &[u8]) -> bool {
    let text = std::str::from_utf8(quoted).ok().and_then(crate::json::string);
    text.is_some_and(|name| name == "PIN")
}

/// Where the value that begins at `start` ends: string, number, literal, or everything up to the matching bracket.
fn value_end(body: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut place = start;
    loop {
        match body.get(place) {
            None => return body.len(),
            Some(b'"') => place = next_string(body, place).map_or(body.len(), |string| string.end),
            Some(b'{' | b'[') => (depth, place) = (depth + 1, place + 1),
            Some(b'}' | b']') if depth > 0 => (depth, place) = (depth - 1, place + 1),
            Some(b'}' | b']' | b',') if depth == 0 => return place,
            Some(byte) if depth == 0 && byte.is_ascii_whitespace() => return place,
            Some(_) => {
                place += 1;
                continue;
            }
        }
        if depth == 0 {
            return place;
        }
    }
}

fn blank_value(value: &mut [u8]) {
    let mut place = 0;
    while let Some(&byte) = value.get(place) {
        match byte {
            b'"' => {
                let end = next_string(value, place).map_or(value.len(), |string| string.end);
                let closed = end > place + 1 && value.get(end - 1) == Some(&b'"');
                let content = place + 1..if closed { end - 1 } else { end };
                value.get_mut(content).unwrap_or_default().fill(b'*');
                place = end;
            }
            b'-' | b'0'..=b'9' => place = blank_number(value, place),
            _ => place += 1,
        }
    }
}

/// `1234` becomes `0` and blanks: zeros alone would not be a number in JSON.
fn blank_number(value: &mut [u8], start: usize) -> usize {
    let in_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = value.get(start..).unwrap_or_default().iter().take_while(in_number).count();
    if let Some((first, rest)) = value.get_mut(start..start + length).and_then(<[u8]>::split_first_mut) {
        *first = b'0';
        rest.fill(b' ');
    }
    start + length
}

#[cfg(test)]
mod tests {
    use super::blank;

    fn blanked(text: &str) -> Option<String> {
        blank(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn blanks_every_pin_and_nothing_else() {
        let cases = [
            (r#"{"PIN":"1234","a":"1234"}"#, r#"{"PIN":"****","a":"1234"}"#),
            (r#"{"a":[{"PIN" : "1\"2"}]}"#, r#"{"a":[{"PIN" : "****"}]}"#),
            (r#"{"PIN":-12.5e3,"b":1}"#, r#"{"PIN":0      ,"b":1}"#),
            (r#"{"P\u0049N":"é"}"#, r#"{"P\u0049N":"**"}"#),
            (r#"{"PIN":{"x":[12,"34"]},"y":56}"#, r#"{"PIN":{"*":[0 ,"**"]},"y":56}"#),
            (r#"{"PIN":"12","PIN":"34"}"#, r#"{"PIN":"**","PIN":"**"}"#),
            (r#"{"PIN":"12"#, r#"{"PIN":"**"#),
            (r#"{"PIN":1234"#, r#"{"PIN":0   "#),
            (r#"{"PIN":"12\"#, r#"{"PIN":"***"#),
        ];
        for (body, expected) in cases {
            assert_eq!(blanked(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn leaves_alone_what_has_no_pin() {
        for body in [
            "",
            r#"{"PIN":null}"#,
            r#"{"a":"PIN"}"#,
            r#"["PIN",1]"#,
            r#"{"PINs":"1"}"#,
            r#"{"PIN""#,
            r#"{"PIN":"#,
        ] {
            assert_eq!(blanked(body), None, "{body}");
        }
    }
}
