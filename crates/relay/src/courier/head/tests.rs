use super::*;

fn head(lines: &str) -> Result<Head, ExchangeFailure> {
    let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    let (head, length) = Head::read(text.as_bytes())?.expect("whole");
    assert_eq!(length, text.len());
    Ok(head)
}

fn framing(lines: &str) -> Result<Framing, ExchangeFailure> {
    head(&format!("HTTP/1.1 200 OK\n{lines}")).map(|head| head.framing)
}

fn keeps(lines: &str) -> bool {
    head(lines).unwrap().keeps
}

#[test]
fn the_body_ends_where_the_head_says() {
    assert_eq!(framing("Content-Length: 12"), Ok(Framing::Length(12)));
    assert_eq!(framing("content-length:0012\t"), Ok(Framing::Length(12)));
    assert_eq!(framing("Transfer-Encoding: Chunked"), Ok(Framing::Chunked));
    assert_eq!(framing("x: y"), Ok(Framing::UntilClosed));
    for status in [100, 103, 204, 304] {
        for lines in ["", "\ncontent-length: 5", "\ntransfer-encoding: chunked"] {
            let head = head(&format!("HTTP/1.1 {status} S{lines}")).unwrap();
            assert_eq!(head.framing, Framing::Length(0), "{status} has no body");
            assert_eq!(head.is_interim(), status < 200);
        }
    }
}

#[test]
fn an_end_that_can_be_read_in_two_ways_is_no_answer() {
    for lines in [
        "content-length: 5\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\ncontent-length: 5",
        "content-length: 5\ncontent-length: 6",
        "content-length: 5, 6",
        "content-length: 5,",
        "content-length: +5",
        "content-length: -5",
        "content-length: 0x5",
        "content-length: 5 5",
        "content-length: 5.0",
        "content-length: many",
        "content-length:",
        "content-length: 99999999999999999999",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: chunked\ntransfer-encoding: chunked",
        "transfer-encoding: identity",
        "transfer-encoding: chunked;q=1",
        "transfer-encoding: xchunked",
        "transfer-encoding:",
    ] {
        assert_eq!(framing(lines), Err(ExchangeFailure::Protocol), "{lines}");
    }
    let old = head("HTTP/1.0 200 OK\ntransfer-encoding: chunked");
    assert_eq!(old, Err(ExchangeFailure::Protocol));
    assert_eq!(head("HTTP/1.1 101 Switching Protocols\nupgrade: h2c"), Err(ExchangeFailure::Protocol));
}

#[test]
fn a_length_that_is_said_twice_counts_but_the_server_gets_no_second_request() {
    for lines in ["content-length: 5\ncontent-length: 5", "content-length: 5, 5"] {
        let head = head(&format!("HTTP/1.1 200 OK\n{lines}")).unwrap();
        assert_eq!((head.framing, head.keeps), (Framing::Length(5), false), "{lines}");
    }
}

#[test]
fn a_connection_is_kept_unless_the_answer_says_otherwise() {
    assert!(keeps("HTTP/1.1 200 OK"));
    assert!(keeps("HTTP/1.1 200 OK\nconnection: keep-alive"));
    assert!(keeps("HTTP/1.0 200 OK\nConnection: Keep-Alive"));
    assert!(!keeps("HTTP/1.0 200 OK"));
    assert!(!keeps("HTTP/1.1 200 OK\nconnection: close"));
    assert!(!keeps("HTTP/1.1 200 OK\nConnection: x, CLOSE"));
    assert!(!keeps("HTTP/1.1 200 OK\nconnection: keep-alive\nconnection: close"));
    assert!(!keeps("HTTP/1.0 200 OK\nconnection: keep-alive, close"));
    assert!(keeps("HTTP/1.1 200 OK\nconnection: closed"));
}

#[test]
fn what_is_no_head_is_refused_and_what_is_half_a_head_is_awaited() {
    for bytes in [
        "220 mail.example ESMTP\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 000 None\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nname : value\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n folded: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
    ] {
        assert_eq!(Head::read(bytes.as_bytes()), Err(ExchangeFailure::Protocol), "{bytes:?}");
    }
    let many = "a: b\r\n".repeat(MOST_HEADERS + 1);
    let many = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
    assert_eq!(Head::read(many.as_bytes()), Err(ExchangeFailure::Protocol));
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(Head::read(&whole.as_bytes()[..end]), Ok(None), "{:?}", &whole[..end]);
    }
}

#[test]
fn lines_may_end_without_a_carriage_return_and_reasons_may_be_missing() {
    let (head, length) = Head::read(b"HTTP/1.1 204\ndate: x\n\nrest").unwrap().unwrap();
    assert_eq!((head.status, length), (204, 22));
}

#[test]
fn gzip_is_recognised() {
    let gzipped = |lines: &str| head(&format!("HTTP/1.1 200 OK\n{lines}")).unwrap().gzipped;
    assert!(gzipped("Content-Encoding: gzip"));
    assert!(!gzipped("Content-Encoding: identity"));
    assert!(!gzipped("x: gzip"));
}

#[test]
fn retry_after_comes_as_seconds_or_as_a_date() {
    let after = |lines: &str| {
        let head = head(&format!("HTTP/1.1 503 Busy\n{lines}")).unwrap();
        head.retry_after.map(|pause| pause.as_secs())
    };
    assert_eq!(after("Retry-After: 120"), Some(120));
    assert_eq!(after("retry-after:  120 \nretry-after: 7"), Some(120));
    assert_eq!(after("retry-after: soon"), None);
    assert_eq!(after("retry-after: -1"), None);
    assert_eq!(after("retry-after: 99999999999999999999"), None);
    let date = "retry-after: Wed, 21 Oct 2015 07:30:00 GMT";
    assert_eq!(after(&format!("{date}\ndate: Wed, 21 Oct 2015 07:28:00 GMT")), Some(120));
    assert_eq!(after(&format!("{date}\ndate: Wed, 21 Oct 2015 07:31:00 GMT")), Some(0));
    assert_eq!(after(date), None);
}
