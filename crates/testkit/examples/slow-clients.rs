//! How much slow clients hold up a good one: Ends at a fixed rate through a hub, calm, then beside so many connections that
//! dribble their heads and bodies, in turn; prints p50 and p99 of each round and the ratio of the medians.
//!
//! `slow-clients HUB SESSIONS-FILE [CONNECTIONS RATE SECONDS ROUNDS]`, such as
//! `slow-clients 127.0.0.1:8080 sessions.txt 2000 500 10 3`. To a loopback address only.
#![forbid(unsafe_code)]
#![expect(clippy::float_arithmetic, reason = "ratios of measured times, to be printed")]

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roamhub_testkit::messages::{OPERATOR, end};
use roamhub_testkit::{FakeOperator, NOTIFICATIONS_PATH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// A slow client sends a byte so often.
const BITE: Duration = Duration::from_millis(500);
/// Slow clients connect at this distance, so that the listener's queue is not what is measured.
const APART: Duration = Duration::from_millis(1);

/// What is measured.
#[derive(Clone, Copy)]
struct Plan {
    hub: SocketAddr,
    connections: usize,
    rate: u32,
    round: Duration,
    rounds: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((plan, sessions)) = read(&args) else {
        eprintln!(
            "usage: slow-clients HUB SESSIONS-FILE [CONNECTIONS (2000, at most 8000) RATE (500 a second, at most 5000) \
             SECONDS (10, at most 60) ROUNDS (3, at most 20)]; HUB is a loopback address"
        );
        return ExitCode::from(2);
    };
    let (mut calm, mut attacked) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        calm.push(good_client(&plan, &sessions, 2 * round).await);
        print_row("calm", &calm, plan.rounds);
        let (slow, met) = (SlowClients::begin(&plan), 2 * round + 1);
        slow.are_there(&plan).await;
        let times = good_client(&plan, &sessions, met).await;
        attacked.push(times);
        print_row("attack", &attacked, plan.rounds);
        println!(
            "       {} slow connections open, {} cut off by the hub meanwhile",
            slow.open(),
            slow.cut_off()
        );
        slow.end().await;
    }
    let ratio = |at: usize| median(&attacked, at).as_secs_f64() / median(&calm, at).as_secs_f64().max(1e-9);
    println!(
        "RESULT calm_p50={} calm_p99={} attack_p50={} attack_p99={} ratio_p50={:.2} ratio_p99={:.2}",
        median(&calm, 0).as_micros(),
        median(&calm, 1).as_micros(),
        median(&attacked, 0).as_micros(),
        median(&attacked, 1).as_micros(),
        ratio(0),
        ratio(1),
    );
    ExitCode::SUCCESS
}

fn read(args: &[String]) -> Option<(Plan, Vec<String>)> {
    let number = |at: usize, usual: u32, most: u32| match args.get(at) {
        None => Some(usual),
        Some(text) => text.parse().ok().filter(|number| (1..=most).contains(number)),
    };
    let hub: SocketAddr = args.first()?.parse().ok()?;
    let sessions = std::fs::read_to_string(args.get(1)?).ok()?;
    let sessions: Vec<_> = sessions.lines().map(str::to_owned).collect();
    let plan = Plan {
        hub,
        connections: usize::try_from(number(2, 2_000, 8_000)?).ok()?,
        rate: number(3, 500, 5_000)?,
        round: Duration::from_secs(number(4, 10, 60)?.into()),
        rounds: usize::try_from(number(5, 3, 20)?).ok()?,
    };
    (hub.ip().is_loopback() && !sessions.is_empty()).then_some((plan, sessions))
}

/// p50 and p99 of a round.
type Times = [Duration; 2];

fn median(rounds: &[Times], at: usize) -> Duration {
    let mut all: Vec<_> = rounds.iter().map(|times| times[at]).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn print_row(name: &str, rounds: &[Times], of: usize) {
    let Some([p50, p99]) = rounds.last() else { return };
    println!("{:>2}/{of}  {name:<7} p50 {p50:>9.2?}  p99 {p99:>9.2?}", rounds.len());
}

/// Sends Ends at the rate, whether the ones before are answered or not, and measures from when each was due.
async fn good_client(plan: &Plan, sessions: &[String], round: usize) -> Times {
    let operator = FakeOperator::new(OPERATOR, plan.hub);
    let mut due = interval(Duration::from_secs(1) / plan.rate);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (began, mut calls, mut number) = (Instant::now(), JoinSet::new(), 0_usize);
    while began.elapsed() < plan.round {
        let when = due.tick().await.into_std();
        let mut body = end(&sessions[number % sessions.len()]);
        body["CPOPartnerSessionID"] = format!("{round}-{number}").into();
        number += 1;
        let operator = operator.clone();
        calls.spawn(async move {
            let answer = operator.notify(body).await;
            assert!(answer.status == 200 && answer.result(), "an End was not acknowledged: {answer:?}");
            when.elapsed()
        });
    }
    let mut times = calls.join_all().await;
    times.sort_unstable();
    let share = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    [share(50), share(99)]
}

/// Connections that dribble; each that is cut off is opened anew.
struct SlowClients {
    clients: JoinSet<()>,
    open: Arc<AtomicU64>,
    cut_off: Arc<AtomicU64>,
}

impl SlowClients {
    fn begin(plan: &Plan) -> Self {
        let mut slow = Self { clients: JoinSet::new(), open: Arc::default(), cut_off: Arc::default() };
        for number in 0..plan.connections {
            let (hub, open, cut_off) = (plan.hub, slow.open.clone(), slow.cut_off.clone());
            let after = APART.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
            slow.clients.spawn(async move {
                sleep(after).await;
                loop {
                    let _gone = dribble(hub, number, &open).await;
                    cut_off.fetch_add(1, Ordering::Relaxed);
                    // A hub that refuses at once is not asked in a tight circle.
                    sleep(BITE).await;
                }
            });
        }
        slow
    }

    /// Waits until nearly all of them are connected.
    async fn are_there(&self, plan: &Plan) {
        let wanted = u64::try_from(plan.connections * 9 / 10).unwrap_or(u64::MAX);
        let connected = async {
            while self.open() < wanted {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(Duration::from_secs(30), connected).await.is_err() {
            eprintln!("only {} slow connections could be opened", self.open());
        }
    }

    fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    async fn end(mut self) {
        self.clients.shutdown().await;
    }
}

/// Counts an open connection.
struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection, until the hub has had enough of it: every second one dribbles its head, the others a body.
async fn dribble(hub: SocketAddr, number: usize, open: &AtomicU64) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    // An address of their own, so that they take no ports of the good client.
    socket.bind(SocketAddr::from(([127, 0, 0, 8], 0)))?;
    let mut stream = socket.connect(hub).await?;
    stream.set_zero_linger()?;
    open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(open);
    let head = format!("POST {NOTIFICATIONS_PATH} HTTP/1.1\r\nhost: hub\r\ncontent-length: 60000\r\n\r\n");
    let sent = if number.is_multiple_of(2) { &head.as_bytes()[..20] } else { head.as_bytes() };
    stream.write_all(sent).await?;
    let (mut reading, mut writing) = stream.split();
    let mut said = [0; 1024];
    let bites = async {
        loop {
            sleep(BITE).await;
            writing.write_all(b"x").await?;
        }
    };
    tokio::select! {
        ended = bites => ended,
        read = reading.read(&mut said) => read.and(Err(Error::from(ErrorKind::ConnectionAborted))),
    }
}
