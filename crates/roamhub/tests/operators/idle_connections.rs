//! Ten thousand clients that keep their connections and say nothing: the others are served as usual, and each idle one
//! costs little memory.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use roamhub_testkit::{FakeOperator, FakeProvider, HubProcess, messages, skip};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::stage::{BOUND, Partners, ROAMHUB, Stage, assert_judged};

const IDLE: usize = 10_000;
/// As many connect before the hub has to have accepted them: half of what waits in its listener's queue.
const BATCH: usize = 500;
/// The most that an idle connection may cost the hub, in bytes; about 27 kB were seen, without optimisation.
const EACH: u64 = 40 * 1024;

/// Lets this process have so many files open; `false` if the machine does not.
fn room_for(files: u64) -> bool {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= files) {
        return true;
    }
    let wanted = Rlimit { current: Some(files), maximum };
    maximum.is_none_or(|most| most >= files) && setrlimit(Resource::Nofile, wanted).is_ok()
}

/// The resident memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A connection on which one call was answered. Its end is a reset, so that it leaves nothing behind.
async fn kept(hub: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // An address of its own: the ports of the usual one are for the other tests.
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let mut stream = socket.connect(hub).await.unwrap();
    stream.set_zero_linger().unwrap();
    stream.write_all(b"GET /nothing HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    let mut answer = [0; 2048];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&answer[..read]));
    stream
}

async fn connections(stage: &Stage) -> usize {
    let metrics = stage.hub.get_console("/metrics").await.text();
    let line = metrics.lines().find(|line| line.starts_with("roamhub_connections ")).unwrap().to_owned();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_idle_connections_cost_little_and_hold_up_nobody() {
    if !room_for(IDLE as u64 + 1_000) {
        return skip("open-files", "ten thousand idle connections");
    }
    // The hub starts under the soft limit that most systems have, and raises it itself.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hub.sh");
    std::fs::write(&script, format!("#!/bin/sh\nulimit -Sn 1024\nexec '{ROAMHUB}' \"$@\"\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let provider = FakeProvider::start().await;
    let partners = Partners::default().toml(&provider.url());
    let hub = HubProcess::builder(script).partners(&partners).start().await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let stage = Stage { hub, provider, operator };

    for _ in 0..50 {
        let _warm = kept(stage.hub.oicp()).await;
    }
    let before = resident(stage.hub.pid());
    let began = Instant::now();
    let mut idle = Vec::with_capacity(IDLE);
    while idle.len() < IDLE {
        for _ in 0..BATCH {
            idle.push(timeout(BOUND, kept(stage.hub.oicp())).await.expect("the hub goes on accepting"));
        }
    }
    assert!(connections(&stage).await >= IDLE, "all of them are open");
    let each = resident(stage.hub.pid()).saturating_sub(before) / IDLE as u64;
    println!("{IDLE} idle connections in {:.1?}, {each} bytes of memory each", began.elapsed());
    assert!(each < EACH, "an idle connection costs {each} bytes");

    let session = stage.operator.open_session().await;
    for body in [messages::start(&session), messages::progress(&session, 6), messages::end(&session)] {
        let answer = stage.operator.notify(body).await;
        assert_judged(&answer, true, "000");
        assert!(answer.took < Duration::from_secs(2), "{answer:?}");
    }
    stage.still_serves().await;
    drop(idle);
    let gone = async { while connections(&stage).await > 100 {} };
    timeout(BOUND, gone).await.expect("connections that are closed are forgotten");
}
