//! What pushes and pulls of EVSE records cost, and what a small commit in the ledger beside them waits for.
//!
//! `cargo run --release -p roamhub-ledger --example evse_load -- [FOLDER [RECORDS]]`: fills a new folder below FOLDER
//! (`/tmp`) with RECORDS (150,000) records of 1,900 bytes by operators of 100,000 each, and removes it. A million needs 3 GB.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use jiff::Timestamp;
use oicp::evse::{
    Accessibility, AuthenticationMode, CalibrationLawDataAvailability, CountryCode, DynamicInfoAvailable,
    EvseFacts,
};
use oicp::evse_status::{EvseStatus, EvseStatusRecord};
use oicp::geo::{GeoPoint, Radius, SearchCenter};
use oicp::words::{Word, WordSet};
use oicp::{EvseId, OperatorId, ProviderId};
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePush, EvsePushed, EvseStored};
use roamhub_core::evse::pull::{EvsePull, EvseQuery, Filter, Listing, Page, Scope};
use roamhub_core::evse::status::StatusPush;
use roamhub_core::ports::Ledger;
use roamhub_core::ports::evse::EvseStore;
use roamhub_ledger::Sqlite;

const LOAD: usize = 100_000;
const BODY: usize = 1_900;
const PAGE: u64 = 2_000;
const PART: usize = 1 << 20;

fn at(seconds: i64) -> Result<Timestamp> {
    Ok(Timestamp::from_second(1_700_000_000 + seconds)?)
}

fn operator(number: usize) -> Result<OperatorId> {
    Ok(OperatorId::parse(&format!("DE*{number:03}"))?)
}

fn record(owner: usize, number: usize, content: usize) -> Result<EvseRecord> {
    let evse = EvseId::parse(&format!("DE*{owner:03}*E{number:06}"))?;
    // Spread over central Europe, the same each time.
    let scattered = (owner * LOAD + number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let latitude = 460_000_000 + i32::try_from((scattered >> 8) % 80_000_000)?;
    let longitude = 50_000_000 + i32::try_from((scattered >> 36) % 100_000_000)?;
    let facts = EvseFacts {
        evse_id: evse,
        hub_operator_id: None,
        country: CountryCode::parse("DEU").context("a country")?,
        position: GeoPoint::from_e7(latitude, longitude).context("a position")?,
        authentication_modes: WordSet::EMPTY.with(AuthenticationMode::Remote),
        accessibility: Accessibility::FreePubliclyAccessible,
        calibration_law: CalibrationLawDataAvailability::Local,
        renewable_energy: true,
        hubject_compatible: true,
        open_24_hours: number.is_multiple_of(2),
        dynamic_info: DynamicInfoAvailable::Auto,
    };
    let head = format!(r#"{{"EvseID":"{evse}","content":{content},"filler":""#);
    let mut body = Vec::with_capacity(BODY);
    body.extend_from_slice(head.as_bytes());
    body.resize(BODY - 2, b'x');
    body.extend_from_slice(b"\"}");
    Ok(EvseRecord { facts, body: Bytes::from(body) })
}

fn records(owner: usize, count: usize, content: usize) -> Result<Vec<EvseRecord>> {
    (0..count).map(|number| record(owner, number, content)).collect()
}

async fn push(
    store: &dyn EvseStore,
    owner: usize,
    change: Change<EvseRecord, EvseId>,
    seconds: i64,
) -> Result<EvseStored> {
    let received_at = at(seconds)?;
    let push = EvsePush { operator: operator(owner)?, received_at, digest: [0; 32], change, guard: None };
    match store.push_evses(Arc::new(push)).await? {
        EvsePushed::Stored(stored) => Ok(stored),
        other => bail!("not stored: {other:?}"),
    }
}

async fn pull(store: &dyn EvseStore, scope: Scope, seconds: i64) -> Result<Arc<Listing>> {
    let query = EvseQuery { scope, filter: Filter::default() };
    let provider = ProviderId::parse("DE-DCB")?;
    Ok(store.pull_evses(EvsePull { provider, query, page: Page::First, now: at(seconds)? }).await?)
}

/// Reads a page in parts of a mebibyte.
async fn page(store: &dyn EvseStore, listing: &Arc<Listing>, number: u64) -> Result<Duration> {
    let started = Instant::now();
    let (first, mut read) = (number * PAGE, 0);
    while read < PAGE {
        let limit = usize::try_from(PAGE - read)?;
        let part = store.evse_part(listing.clone(), first + read, limit, PART).await?;
        if part.is_empty() {
            break;
        }
        read += u64::try_from(part.len())?;
    }
    Ok(started.elapsed())
}

/// Small commits in the ledger, every three milliseconds, until told to stop: what each took.
async fn probe(ledger: Arc<Sqlite>, stop: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        ledger.probe(at(0)?).await?;
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    Ok(took)
}

fn tell(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let of = |hundredths: usize| took.get(took.len() * hundredths / 100).copied().unwrap_or_default();
    println!("{what}: p50 {:.2?}, p99 {:.2?} of {}", of(50), of(99), took.len());
}

/// Runs something while the ledger is probed.
async fn beside<T>(ledger: &Arc<Sqlite>, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let probing = tokio::spawn(probe(ledger.clone(), stop.clone()));
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    tell(&format!("  commits of the ledger {what}"), probing.await??);
    done
}

fn memory(row: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|line| line.strip_prefix(row));
    found.unwrap_or("unknown").trim().to_owned()
}

async fn statuses(store: Arc<dyn EvseStore>, for_how_long: Duration) -> Result<u64> {
    let (count, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + for_how_long);
    let mut tasks = Vec::new();
    for task in 0..64_usize {
        let (store, count) = (store.clone(), count.clone());
        tasks.push(tokio::spawn(async move {
            let mut number = task;
            while Instant::now() < until {
                number = (number * 31 + 7) % LOAD;
                let evse_id = EvseId::parse(&format!("DE*001*E{number:06}"))?;
                let status = EvseStatus::ALL[number % 4];
                let change = Change::Update(vec![EvseStatusRecord { evse_id, status }]);
                let push = StatusPush { operator: operator(1)?, received_at: at(0)?, change };
                store.push_status(Arc::new(push)).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(count.load(Ordering::Relaxed))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let below = arguments.next().unwrap_or_else(|| "/tmp".to_owned());
    let total: usize = arguments.next().map_or(Ok(150_000), |count| count.parse())?;
    let folder = tempfile::tempdir_in(below)?;
    let (ledger, _gone) = Sqlite::open(folder.path(), at(0)?)?;
    let (store, _gone) = ledger.open_evse()?;
    let (ledger, store): (_, Arc<dyn EvseStore>) = (Arc::new(ledger), Arc::new(store));
    let size = || std::fs::metadata(folder.path().join("evse.db")).map_or(0, |file| file.len() >> 20);

    beside(&ledger, "at rest", async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    })
    .await?;

    let load = records(1, LOAD, 1)?;
    println!("memory with {LOAD} records made, before the first push: {}", memory("VmRSS:"));
    let started = Instant::now();
    beside(&ledger, "beside a full load", push(&*store, 1, Change::FullLoad(load.clone()), 10)).await?;
    println!(
        "full load of {LOAD}: {:.2?}; peak memory {}; file {} MiB",
        started.elapsed(),
        memory("VmHWM:"),
        size()
    );
    let started = Instant::now();
    push(&*store, 1, Change::FullLoad(load), 20).await?;
    println!("the same once more: {:.2?}; file {} MiB", started.elapsed(), size());

    let seconds = 5;
    let count =
        beside(&ledger, "beside status pushes", statuses(store.clone(), Duration::from_secs(seconds)))
            .await?;
    println!("status pushes of one record each, 64 at a time: {} a second", count / seconds);

    let started = Instant::now();
    let operators = total.div_ceil(LOAD).max(1);
    for owner in 2..=operators {
        let count = (total - (owner - 1) * LOAD).min(LOAD);
        push(&*store, owner, Change::FullLoad(records(owner, count, 1)?), 100).await?;
    }
    println!("filled up to {total}: {:.2?}; file {} MiB", started.elapsed(), size());

    let started = Instant::now();
    let listing = beside(&ledger, "beside a list of all", pull(&*store, Scope::Current, 200)).await?;
    println!("list of all {}: {:.2?}; memory {}", listing.total(), started.elapsed(), memory("VmRSS:"));
    let last = listing.total() / PAGE - 1;
    for number in [0, last.min(500), last] {
        println!("page {number} of {PAGE}: {:.2?}", page(&*store, &listing, number).await?);
    }
    let center = GeoPoint::from_e7(500_000_000, 100_000_000).context("a position")?;
    for tenths in [100, 1_000] {
        let radius = Radius::from_tenths(tenths).context("a radius")?;
        let started = Instant::now();
        let near = pull(&*store, Scope::Within(SearchCenter { center, radius }), 300).await?;
        println!(
            "{} m around a place: {} records in {:.2?}",
            radius.metres(),
            near.total(),
            started.elapsed()
        );
    }
    let before = push(&*store, 1, Change::Update(vec![record(1, 5, 2)?]), 400).await?.at;
    push(&*store, 1, Change::Update(records(1, 1_000, 3)?), 500).await?;
    let started = Instant::now();
    let difference = pull(&*store, Scope::Since(before), 600).await?;
    println!("difference of {}: {:.2?}", difference.total(), started.elapsed());
    Ok(())
}
