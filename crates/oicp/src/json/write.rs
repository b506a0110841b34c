//! Writing members into a text that is put together by hand.

/// Writes a member, unless it is absent: `name` as it stands (comma, quotes and colon included), then the string.
pub(crate) fn write_member(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        write_string(out, value);
    }
}

/// Writes a string. Most hold nothing that is to be escaped.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    let plain =
        text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("strings can always be written into memory");
    }
}
