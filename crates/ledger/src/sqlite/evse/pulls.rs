//! Frozen lists, by who asked for what.
//!
//! OICP's pages name no snapshot, so a later page is known by its provider and its question. The list itself is kept in
//! memory as long as there is room; which version it is of is on disk, so that a restart, or the list's being forgotten,
//! costs a scan and moves no record from one page to another. Providers that ask the same of one version share a list.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use oicp::ProviderId;
use roamhub_core::evse::pull::{EvsePull, EvseQuery, Listing, Page, Scope};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{EvseFile, heads, stamps};
use crate::sqlite::StoreError;
use crate::sqlite::rows::micros;

/// How long a question's later pages go on with what its first page froze. History must reach back further.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// Lists that are kept at most, and records that they name together (about four bytes each).
const MOST: usize = 256;
const MOST_RECORDS: u64 = 16_000_000;

/// What identifies a question.
type Question = [u8; 32];

/// The lists that are kept.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    lists: HashMap<(ProviderId, Question), Kept>,
    /// Counts what is used, so that it is known what was not for long.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    listing: Arc<Listing>,
    frozen_at: Timestamp,
    used: u64,
}

impl Pulls {
    /// The list that this provider's first page froze.
    fn find(&mut self, provider: ProviderId, question: &Question, now: Timestamp) -> Option<Arc<Listing>> {
        self.uses += 1;
        let kept = self.lists.get_mut(&(provider, *question))?;
        if now.duration_since(kept.frozen_at) > LASTS {
            return None;
        }
        kept.used = self.uses;
        Some(kept.listing.clone())
    }

    /// The same question of the same version, by whomever.
    fn same(&self, question: &Question, version: i64) -> Option<Arc<Listing>> {
        let mut lists = self.lists.iter();
        lists.find_map(|((_, asked), kept)| {
            let same = asked == question && kept.listing.version.0 == version.unsigned_abs();
            same.then(|| kept.listing.clone())
        })
    }

    fn keep(&mut self, provider: ProviderId, question: Question, listing: Arc<Listing>, now: Timestamp) {
        self.uses += 1;
        let kept = Kept { listing, frozen_at: now, used: self.uses };
        self.lists.insert((provider, question), kept);
        while self.lists.len() > 1 && (self.lists.len() > MOST || self.records() > MOST_RECORDS) {
            let oldest = self.lists.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key);
            oldest.and_then(|key| self.lists.remove(&key));
        }
    }

    fn records(&self) -> u64 {
        self.lists.values().map(|kept| kept.listing.total()).sum()
    }
}

impl EvseFile {
    /// Freezes an answer, or finds the one that is frozen.
    pub(super) async fn pull(&self, pull: EvsePull) -> Result<Arc<Listing>, LedgerError> {
        let EvsePull { provider, query, page, now } = pull;
        let question = question(&query);
        let version = match page {
            Page::First => None,
            Page::Later => {
                let kept = self.pulls().find(provider, &question, now);
                if let Some(listing) = kept {
                    return Ok(listing);
                }
                self.readers.read(move |connection| frozen(connection, &provider, &question, now)).await?
            }
        };
        let version = match version {
            Some(version) => version,
            None => {
                self.stamps.read_up_to(now);
                self.writer.write(move |connection| freeze(connection, &provider, &question, now)).await?
            }
        };
        let same = self.pulls().same(&question, version);
        let listing = match same {
            Some(listing) => listing,
            None => Arc::new(self.list(&query, version).await?),
        };
        self.pulls().keep(provider, question, listing.clone(), now);
        Ok(listing)
    }

    fn pulls(&self) -> std::sync::MutexGuard<'_, Pulls> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that the newest version is frozen for this question.
fn freeze(
    connection: &Connection,
    provider: &ProviderId,
    question: &Question,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let version = heads::newest(connection)?;
    let long_ago = micros(now.saturating_sub(LASTS).unwrap_or(Timestamp::MIN));
    connection
        .prepare_cached("DELETE FROM pull WHERE provider = ?1 AND at < ?2")?
        .execute((provider.key(), long_ago))?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO pull (provider, query, version, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![provider.key(), question, version, micros(now)])?;
    Ok(version)
}

/// The version that is frozen for this question, if history still has it.
fn frozen(
    connection: &Connection,
    provider: &ProviderId,
    question: &Question,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let earliest = match stamps::value(connection, "history")? {
        Some(history) => heads::at(connection, history)?,
        None => 0,
    };
    let long_ago = micros(now.saturating_sub(LASTS).unwrap_or(Timestamp::MIN));
    Ok(connection
        .prepare_cached(
            "SELECT version FROM pull WHERE provider = ?1 AND query = ?2 AND at >= ?3 AND version >= ?4",
        )?
        .query_row(params![provider.key(), question, long_ago, earliest], |row| row.get(0))
        .optional()?)
}

/// The same for the same question, in whatever order it lists what it asks for.
fn question(query: &EvseQuery) -> Question {
    let filter = &query.filter;
    let mut text = match query.scope {
        Scope::Current => "current".to_owned(),
        Scope::Since(then) => format!("since {}", micros(then)),
        Scope::AsOf(then) => format!("as of {}", micros(then)),
        Scope::Within(area) => {
            let (latitude, longitude) = (area.center.latitude_e7(), area.center.longitude_e7());
            format!("within {} m of {latitude} {longitude}", area.radius.metres())
        }
    };
    let mut list = |name: &str, mut words: Vec<String>| {
        words.sort_unstable();
        words.dedup();
        // Writing to a string does not fail.
        let _ = write!(text, "; {name} {}", words.join(" "));
    };
    let word = |flag: Option<bool>| flag.map(|flag| flag.to_string()).into_iter().collect();
    list("countries", filter.countries.iter().map(|country| country.to_string()).collect());
    list("operators", filter.operators.iter().map(|operator| operator.key().to_owned()).collect());
    list("modes", vec![filter.modes.bits().to_string()]);
    list("accessibility", vec![filter.accessibility.bits().to_string()]);
    list("calibration", vec![filter.calibration.bits().to_string()]);
    list("renewable", word(filter.renewable));
    list("compatible", word(filter.compatible));
    list("open 24 h", word(filter.open_24h));
    Sha256::digest(text.as_bytes()).into()
}
