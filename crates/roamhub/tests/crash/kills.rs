//! Kills at random moments, many in a row, under load, in front of a provider that fails; then the oracle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roamhub_testkit::oracle::{self, Evidence};
use roamhub_testkit::{FakeOperator, HubProcess};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::operators::{Line, Notes, Player};
use crate::provider::{Fickle, LINES, TIMEOUT};
use crate::stage::{BIN, all_delivered, partners, read_ledger};

/// Kills unless `ROAMHUB_CRASH_KILLS` says otherwise.
const KILLS: u64 = 5;
/// Operators at work at a time.
const PLAYERS: u64 = 24;
/// How long the hub may take to deliver all it owes once the provider behaves.
const DRAIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_was_answered_survives_every_kill_and_all_three_sides_tell_the_same_story() {
    let kills = setting("ROAMHUB_CRASH_KILLS").unwrap_or(KILLS);
    let seed = setting("ROAMHUB_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}: the same dice again with ROAMHUB_CRASH_SEED={seed}");
    let began = Instant::now();
    let evidence = run(seed, kills).await;
    let verdict = oracle::judge(&evidence);
    println!("{:.1?}, {} outages of the provider", began.elapsed(), evidence.outages.len());
    println!("{}", verdict.counts);
    let found = verdict.violations.len();
    assert!(
        found == 0,
        "with ROAMHUB_CRASH_SEED={seed}, {found} promises were broken:\n{}",
        verdict.violations.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    // A run that met nothing has shown nothing.
    let counts = verdict.counts;
    assert!(evidence.kills.len() as u64 >= kills, "{counts}");
    for (what, number) in [
        ("answered Ends and Errors", counts.owed),
        ("deferred messages", counts.deferred),
        ("calls without an answer", counts.unanswered),
        ("repeats at the provider", counts.repeats),
    ] {
        assert!(number > 0, "the run met no {what}:\n{counts}");
    }
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

/// Plays sessions while the hub is killed again and again; then lets all come to rest and collects the evidence.
async fn run(seed: u64, kills: u64) -> Evidence {
    let mut dice = fastrand::Rng::with_seed(seed);
    let provider = Arc::new(Fickle::start(dice.u64(..)).await);
    let mut hub = HubProcess::builder(BIN)
        .partners(&partners(&provider.fake.url(), LINES))
        .env("ROAMHUB_LOG", "error")
        .start()
        .await;
    let (line, lines) = watch::channel(Line { life: 0, operator: FakeOperator::new("DE*ABC", hub.oicp()) });
    let enough = Arc::new(AtomicBool::new(false));
    let players: Vec<_> = (0..PLAYERS)
        .map(|_| tokio::spawn(Player::new(lines.clone(), dice.u64(..), enough.clone()).play()))
        .collect();
    let stumbling = {
        let (provider, seed) = (provider.clone(), dice.u64(..));
        tokio::spawn(async move { provider.stumble(seed).await })
    };
    let mut evidence = Evidence { timeout: TIMEOUT, ..Evidence::default() };
    let mut kills_coming_up = 0;
    for life in 1..=kills {
        sleep(Duration::from_millis(dice.u64(20..700))).await;
        let killed = Instant::now();
        hub.kill9().await;
        while dice.u32(0..100) < 30 {
            hub.start_and_kill(Duration::from_millis(dice.u64(0..150))).await;
            kills_coming_up += 1;
        }
        hub.restart().await;
        evidence.kills.push(killed..=Instant::now());
        line.send_replace(Line { life, operator: FakeOperator::new("DE*ABC", hub.oicp()) });
    }
    enough.store(true, Ordering::SeqCst);
    provider.behave();
    stumbling.await.unwrap();
    let mut notes = Notes::default();
    for player in players {
        let played = player.await.unwrap();
        notes.sessions.extend(played.sessions);
        notes.calls.extend(played.calls);
    }
    println!("{kills} kills under load and {kills_coming_up} while the hub came up again");
    all_delivered(&hub, DRAIN).await;
    assert!(hub.terminate().await.success());
    evidence.messages = read_ledger(hub.data_dir(), &notes.sessions).await;
    evidence.calls = notes.calls;
    evidence.arrivals = provider.arrivals();
    evidence.outages = provider.outages();
    evidence
}
