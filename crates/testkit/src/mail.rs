//! A mail server that takes mails over real sockets and keeps them: just enough SMTP, plain or encrypted from the first
//! byte.

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::ca::ServerTls;
use crate::wire::Socket;

/// A mail as the server took it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenMail {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: Vec<String>,
    /// What the sender logged in with (`AUTH PLAIN`, base64).
    pub login: Option<String>,
    /// Headers and text, dots unstuffed, lines ended by `\n`.
    pub data: String,
}

impl TakenMail {
    /// Headers and text with lines that were broken for the journey whole again.
    #[must_use]
    pub fn text(&self) -> String {
        self.data.replace("=\n", "")
    }
}

/// A fake mail server, running until it is dropped.
pub struct FakeMailServer {
    address: SocketAddr,
    taken: watch::Receiver<Vec<TakenMail>>,
    busy: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

/// What each conversation shares.
#[derive(Clone)]
struct Shared {
    taken: watch::Sender<Vec<TakenMail>>,
    busy: Arc<AtomicBool>,
}

impl FakeMailServer {
    /// A server on a free port of 127.0.0.1, encrypted if it is given the means.
    pub async fn start(tls: Option<ServerTls>) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let (sender, taken) = watch::channel(Vec::new());
        let busy = Arc::new(AtomicBool::new(false));
        let shared = Shared { taken: sender, busy: busy.clone() };
        let tls = tls.map(|tls| TlsAcceptor::from(tls.config));
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), tls.clone());
                // What the peer does wrong ends its conversation, nothing else.
                tokio::spawn(async move { welcome(socket, tls, shared).await });
            }
        });
        Self { address, taken, busy, accepting }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// While it is busy it takes no mail (451).
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// All mails so far, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<TakenMail> {
        self.taken.borrow().clone()
    }

    /// Waits until there are at least so many mails.
    ///
    /// # Panics
    /// When they do not come in time, with those that did.
    pub async fn wait_for(&self, count: usize, bound: Duration) -> Vec<TakenMail> {
        let mut taken = self.taken.clone();
        match timeout(bound, taken.wait_for(|taken| taken.len() >= count)).await {
            Ok(Ok(taken)) => taken.clone(),
            _ => panic!("{count} mails did not come within {bound:?}; there are {:#?}", self.taken()),
        }
    }
}

impl Drop for FakeMailServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn welcome(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Shared) -> Result<()> {
    let socket: Box<dyn Socket> = match tls {
        None => Box::new(socket),
        Some(tls) => Box::new(tls.accept(socket).await?),
    };
    converse(BufReader::new(socket), shared).await
}

async fn converse(mut stream: BufReader<Box<dyn Socket>>, shared: Shared) -> Result<()> {
    say(&mut stream, "220 mail.example ESMTP").await?;
    let (mut mail, mut login) = (TakenMail::default(), None);
    loop {
        let line = hear(&mut stream).await?;
        let (command, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
        match command.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                say(&mut stream, "250-mail.example").await?;
                say(&mut stream, "250 AUTH PLAIN").await?;
            }
            "AUTH" => {
                login = rest.split_once(' ').map(|(_, secret)| secret.to_owned());
                say(&mut stream, "235 welcome").await?;
            }
            "MAIL" if shared.busy.load(Ordering::Relaxed) => say(&mut stream, "451 later, please").await?,
            "MAIL" => {
                mail = TakenMail { from: address(&line), login: login.clone(), ..TakenMail::default() };
                say(&mut stream, "250 fine").await?;
            }
            "RCPT" => {
                mail.to.push(address(&line));
                say(&mut stream, "250 fine").await?;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                mail.data = text(&mut stream).await?;
                shared.taken.send_modify(|taken| taken.push(std::mem::take(&mut mail)));
                say(&mut stream, "250 taken").await?;
            }
            "QUIT" => return say(&mut stream, "221 goodbye").await,
            _ => say(&mut stream, "250 as you like").await?,
        }
    }
}

/// The lines up to the lone dot.
async fn text(stream: &mut BufReader<Box<dyn Socket>>) -> Result<String> {
    let mut text = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

async fn hear(stream: &mut BufReader<Box<dyn Socket>>) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say(stream: &mut BufReader<Box<dyn Socket>>, line: &str) -> Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}
