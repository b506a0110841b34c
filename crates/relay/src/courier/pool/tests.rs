use std::io::Write;
use std::net::{TcpListener, TcpStream};

use roamhub_core::address::Reach;

use super::super::tls::Trust;
use super::*;

fn address(url: &str) -> Option<Address> {
    Address::of(&url.parse().unwrap(), Terms { reach: Reach::Private, ..Terms::default() })
}

#[test]
fn addresses_come_from_urls() {
    let plain = address("http://emp.example/base").unwrap();
    assert_eq!((plain.tls, plain.host.as_str(), plain.port), (false, "emp.example", 80));
    let secure = address("https://[::1]:8443/").unwrap();
    assert_eq!((secure.tls, secure.host.as_str(), secure.port), (true, "::1", 8443));
    assert_eq!(address("ftp://emp.example/"), None);
    assert_eq!(address("/only/a/path"), None);
}

/// A stack, with connections to a server whose ends of them are in our hands.
struct Scene {
    stack: Arc<Stack>,
    server: TcpListener,
}

impl Scene {
    fn new() -> Self {
        Self { stack: Arc::default(), server: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    async fn connection(&self) -> (Connection, TcpStream) {
        let url = format!("http://{}", self.server.local_addr().unwrap());
        let connection = Connection::open(&address(&url).unwrap(), &Trust::default()).await.unwrap();
        (connection, self.server.accept().unwrap().0)
    }

    fn idle(&self) -> usize {
        self.stack.kept().idle.len()
    }

    /// Looks until so many are left.
    async fn sweep_until(&self, left: usize) {
        let swept = async {
            while {
                self.stack.sweep();
                self.idle()
            } != left
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), swept).await.expect("what was closed is noticed");
    }
}

#[tokio::test]
async fn the_last_one_put_is_the_first_one_taken() {
    let scene = Scene::new();
    let (first, _first_end) = scene.connection().await;
    let (second, mut second_end) = scene.connection().await;
    scene.stack.put(first);
    scene.stack.put(second);
    let mut taken = scene.stack.take().unwrap();
    second_end.write_all(b"x").unwrap();
    let heard = async {
        while taken.is_quiet() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("it is the second");
    assert!(scene.stack.take().is_some());
    assert!(scene.stack.take().is_none());
}

#[tokio::test]
async fn what_is_closed_or_speaks_unasked_is_dropped_without_anybody_using_it() {
    let scene = Scene::new();
    let (closed, closed_end) = scene.connection().await;
    let (talkative, mut talkative_end) = scene.connection().await;
    let (quiet, _quiet_end) = scene.connection().await;
    for connection in [closed, talkative, quiet] {
        scene.stack.put(connection);
    }
    scene.sweep_until(3).await;
    drop(closed_end);
    scene.sweep_until(2).await;
    talkative_end.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
    scene.sweep_until(1).await;
    assert!(scene.stack.take().is_some(), "the quiet one is still good");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_looked_at_every_few_seconds() {
    let scene = Scene::new();
    let (connection, end) = scene.connection().await;
    scene.stack.put(connection);
    drop(end);
    // Time stands still but for the watch's own waiting.
    let dropped = async {
        while scene.idle() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LOOKED_AT_EVERY * 3, dropped).await.expect("the watch drops it");
    assert!(!scene.stack.kept().watched, "and ends");
}

#[tokio::test]
async fn of_too_many_the_oldest_go() {
    let scene = Scene::new();
    let mut ends = Vec::new();
    for _ in 0..MOST_IDLE + 3 {
        let (connection, end) = scene.connection().await;
        scene.stack.put(connection);
        ends.push(end);
    }
    assert_eq!(scene.idle(), MOST_IDLE);
}

#[test]
fn once_an_hour_connections_are_made_anew() {
    let stack = Stack::default();
    let mut kept = stack.kept();
    let began = kept.began;
    assert!(!kept.is_over(began + ANEW_EVERY / 2));
    assert!(kept.is_over(began + ANEW_EVERY));
    assert!(!kept.is_over(began + ANEW_EVERY), "only once");
    assert!(kept.is_over(began + 2 * ANEW_EVERY));
}
