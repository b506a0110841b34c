use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What came of bytes after which the connection ended: the answer, and what followed it.
type Came = Result<(Answer, Vec<u8>), ExchangeFailure>;

/// Reads bytes that come in these pieces, then the end of the connection.
fn read(pieces: &[&[u8]]) -> Came {
    let (mut reading, mut received) = (Reading::default(), BytesMut::new());
    let mut pieces = pieces.iter();
    for piece in pieces.by_ref() {
        received.extend_from_slice(piece);
        if let Some(answer) = reading.take(&mut received)? {
            let rest = pieces.fold(received.to_vec(), |rest, piece| [&rest[..], piece].concat());
            return Ok((answer, rest));
        }
    }
    reading.end(received).map(|answer| (answer, Vec::new()))
}

/// Status, body, and what followed.
fn read_text(wire: &str) -> Result<(u16, String, String), ExchangeFailure> {
    let (answer, rest) = read(&[wire.as_bytes()])?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok((answer.head.status, text(&answer.body), text(&rest)))
}

fn is(status: u16, body: &str, rest: &str) -> Result<(u16, String, String), ExchangeFailure> {
    Ok((status, body.to_owned(), rest.to_owned()))
}

/// Answers as servers give them, also odd ones.
const WIRES: [&str; 18] = [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\n\r\nhello",
    "HTTP/1.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\na: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello0\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\ncontent-length: 2\n\n{}",
    "HTTP/1.1 200 OK\r\ncontent-le",
    "220 mail.example ESMTP\r\n\r\n",
    "",
];

#[test]
fn an_answer_ends_where_it_says_and_what_follows_is_nobodys() {
    let came = WIRES.map(read_text);
    let broken = Err(ExchangeFailure::Broken);
    let protocol = Err(ExchangeFailure::Protocol);
    let expected = [
        is(200, "hello", ""),
        is(200, "hello", " and more"),
        is(200, "", ""),
        broken.clone(),
        is(204, "", ""),
        is(204, "", "hello"),
        is(200, "hello", ""),
        is(200, "", ""),
        is(200, "hello", ""),
        is(200, "hello", "HTTP/1.1 200 OK\r\n"),
        broken.clone(),
        protocol.clone(),
        is(200, "{}", ""),
        is(200, "{}", ""),
        is(200, "{}", ""),
        broken.clone(),
        protocol,
        broken,
    ];
    assert_eq!(came, expected);
}

#[test]
fn every_answer_reads_the_same_however_it_is_cut() {
    for wire in WIRES.map(str::as_bytes) {
        let whole = read(&[wire]);
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(read(&bytes), whole, "byte by byte: {wire:?}");
        for first in 0..=wire.len() {
            for second in first..=wire.len() {
                let pieces = [&wire[..first], &wire[first..second], &wire[second..]];
                assert_eq!(read(&pieces), whole, "cut at {first} and {second}: {wire:?}");
            }
        }
    }
}

#[test]
fn a_body_until_the_end_of_the_connection_leaves_none_for_another_request() {
    let (answer, _) = read(&[b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n{}"]).unwrap();
    assert!(!answer.head.keeps);
    let (answer, _) = read(&[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"]).unwrap();
    assert!(answer.head.keeps);
}

/// Takes from an endless stream of `part` after `head` until it is refused, and says how much had been taken.
fn refused(head: &str, part: &str) -> (Result<(), ExchangeFailure>, usize) {
    let (mut reading, mut received) = (Reading::default(), BytesMut::from(head));
    let mut taken = 0;
    while taken < 2 * LONGEST_ANSWER {
        match reading.take(&mut received) {
            Ok(None) => {}
            Ok(Some(_)) => return (Ok(()), taken),
            Err(failure) => return (Err(failure), taken),
        }
        assert!(received.len() <= LONGEST_ANSWER + part.len(), "no more is held than may be read");
        received.extend_from_slice(part.as_bytes());
        taken += part.len();
    }
    (Ok(()), taken)
}

#[test]
fn what_never_ends_is_refused_at_its_bound() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let too_large = Err(ExchangeFailure::TooLarge);
    for (head, part) in [
        (ok, format!("x-long: {}\r\n", "x".repeat(4000))),
        (ok, "y".repeat(4000)),
        ("", "HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
        ("", "\r\n".repeat(500)),
    ] {
        let (failure, taken) = refused(head, &part);
        assert_eq!(failure, too_large, "{}", &part[..2]);
        assert!(taken <= LONGEST_HEAD + 2 * part.len(), "{}: {taken}", &part[..2]);
    }
    for (head, part) in [
        (format!("{ok}\r\n"), " ".repeat(4096)),
        (format!("{ok}transfer-encoding: chunked\r\n\r\n"), format!("1000\r\n{}\r\n", " ".repeat(4096))),
    ] {
        let (failure, taken) = refused(&head, &part);
        assert_eq!(failure, too_large);
        assert!((LONGEST_ANSWER..LONGEST_ANSWER + 3 * part.len()).contains(&taken), "{taken}");
    }
    let announced = format!("{ok}content-length: {}\r\n\r\n", LONGEST_ANSWER + 1);
    assert_eq!(refused(&announced, " "), (too_large, 0), "nothing of it is read");
    let longest = format!("{ok}content-length: {LONGEST_ANSWER}\r\n\r\n{}", " ".repeat(LONGEST_ANSWER));
    assert_eq!(read(&[longest.as_bytes()]).unwrap().0.body.len(), LONGEST_ANSWER);
}

/// Bytes that look like an answer here and there, so that they get far.
fn bytes_like_an_answer() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        5 => prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.0 304 \r\n", "content-length: 3\r\n",
            "content-length:", "transfer-encoding: chunked\r\n", "connection: close\r\n", "retry-after: 1\r\n",
            "\r\n\r\n", "\r\n", "\n", "\r", "3\r\nabc\r\n", "0\r\n", "0\r\n\r\n", "ffffffffffffffffffff\r\n", "; x",
            "1;", "abc", ":", " ", "content-encoding: gzip\r\n",
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

fn cut<'a>(bytes: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_bytes_are_a_panic_and_none_mean_something_else_when_they_come_in_pieces(
        bytes in bytes_like_an_answer(),
        at in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = read(&[&bytes]);
        let pieces = cut(&bytes, &at);
        prop_assert_eq!(read(&pieces), whole);
    }

    #[test]
    fn what_a_server_sends_in_chunks_is_what_arrives(
        chunks in vec(vec(any::<u8>(), 1..40), 0..8),
        at in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in &chunks {
            wire.extend(format!("{:X}\r\n", chunk.len()).bytes());
            wire.extend(chunk);
            wire.extend(b"\r\n");
        }
        wire.extend(b"0\r\n\r\n");
        let (answer, rest) = read(&cut(&wire, &at)).unwrap();
        prop_assert_eq!((&answer.body[..], &rest[..]), (&chunks.concat()[..], &b""[..]));
    }
}
