//! Pulls of dynamic prices: what a provider sees of some operators, all of it or what changed after its last call.

use std::sync::Arc;

use bytes::Bytes;
use oicp::OperatorId;
use oicp::pricing::PricedFor;
use roamhub_core::evse::price::{
    EvsePrice, EvsePriceKey, PriceList, PricePart, PricePlace, PriceQuery, Product, PulledEvsePrice,
    PulledProduct,
};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, params};

use super::{EvseFile, facts, heads};
use crate::sqlite::StoreError;
use crate::sqlite::rows::{micros, provider};

impl EvseFile {
    pub(super) async fn price_lists_now(
        &self,
        query: Arc<PriceQuery>,
    ) -> Result<Vec<PriceList>, LedgerError> {
        self.up_to_now(&query).await?;
        self.readers.read(move |connection| lists(connection, &query)).await
    }

    pub(super) async fn products_now(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> Result<PricePart<PulledProduct>, LedgerError> {
        if after.is_none() {
            self.up_to_now(&query).await?;
        }
        self.readers
            .read(move |connection| {
                let sql = "SELECT audience, id, body FROM product
                     WHERE operator = ?1 AND (audience, id) > (?2, ?3) AND audience IN ('*', ?4) AND changed_at > ?5
                     ORDER BY audience, id LIMIT ?6";
                part(connection, sql, &query, after, limit, |operator, for_whom, id, body| {
                    let (audience, id) = (audience(for_whom)?, id.to_owned());
                    Ok(PulledProduct { operator, audience, product: Product { id, body } })
                })
            })
            .await
    }

    pub(super) async fn evse_prices_now(
        &self,
        query: Arc<PriceQuery>,
        after: Option<PricePlace>,
        limit: usize,
    ) -> Result<PricePart<PulledEvsePrice>, LedgerError> {
        if after.is_none() {
            self.up_to_now(&query).await?;
        }
        self.readers
            .read(move |connection| {
                let sql = "SELECT evse, audience, body FROM evse_price
                     WHERE operator = ?1 AND (evse, audience) > (?2, ?3) AND audience IN ('*', ?4) AND changed_at > ?5
                     ORDER BY evse, audience LIMIT ?6";
                part(connection, sql, &query, after, limit, |operator, evse, for_whom, body| {
                    let key = EvsePriceKey { evse: facts::evse(evse)?, audience: audience(for_whom)? };
                    Ok(PulledEvsePrice { operator, price: EvsePrice { key, body } })
                })
            })
            .await
    }

    /// What is stamped from now on is later than this pull, and what was stamped before is seen by it.
    async fn up_to_now(&self, query: &PriceQuery) -> Result<(), LedgerError> {
        self.stamps.read_up_to(query.now);
        self.writer.write(|_| Ok(())).await
    }
}

/// The operators that are asked for, by their numbers.
fn operators(connection: &Connection, query: &PriceQuery) -> Result<Vec<(i64, OperatorId)>, StoreError> {
    let mut known = Vec::new();
    for operator in &query.operators {
        if let Some((no, ..)) = heads::of(connection, operator)? {
            known.push((no, *operator));
        }
    }
    known.sort_unstable_by_key(|(no, _)| *no);
    known.dedup_by_key(|(no, _)| *no);
    Ok(known)
}

fn since(query: &PriceQuery) -> i64 {
    query.since.map_or(i64::MIN, micros)
}

fn lists(connection: &Connection, query: &PriceQuery) -> Result<Vec<PriceList>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT l.audience, l.terms FROM price_list l
         WHERE l.operator = ?1 AND l.audience IN ('*', ?2)
           AND (l.changed_at > ?3 OR EXISTS
                    (SELECT 1 FROM product p WHERE p.operator = l.operator AND p.audience = l.audience
                                               AND p.changed_at > ?3))
         ORDER BY l.audience",
    )?;
    let mut lists = Vec::new();
    for (no, operator) in operators(connection, query)? {
        let mut rows = statement.query(params![no, query.provider.key(), since(query)])?;
        while let Some(row) = rows.next()? {
            let (for_whom, terms): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            lists.push(PriceList { operator, audience: audience(&for_whom)?, terms: Bytes::from(terms) });
        }
    }
    Ok(lists)
}

/// Reads on in one of the tables; the statement's columns are the key's two parts and the body.
fn part<T>(
    connection: &Connection,
    sql: &str,
    query: &PriceQuery,
    after: Option<PricePlace>,
    limit: usize,
    read: impl Fn(OperatorId, &str, &str, Bytes) -> Result<T, StoreError>,
) -> Result<PricePart<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let PricePlace(from, first, second) =
        after.unwrap_or_else(|| PricePlace(0, String::new(), String::new()));
    let limit = limit.max(1);
    let mut part = PricePart { prices: Vec::new(), next: None };
    for (no, operator) in operators(connection, query)?.into_iter().filter(|(no, _)| *no >= from) {
        let (first, second) = if no == from { (first.as_str(), second.as_str()) } else { ("", "") };
        let most = i64::try_from(limit.saturating_sub(part.prices.len())).unwrap_or(i64::MAX);
        let mut rows =
            statement.query(params![no, first, second, query.provider.key(), since(query), most])?;
        while let Some(row) = rows.next()? {
            let (first, second): (String, String) = (row.get(0)?, row.get(1)?);
            let body = Bytes::from(row.get::<_, Vec<u8>>(2)?);
            part.prices.push(read(operator, &first, &second, body)?);
            if part.prices.len() >= limit {
                part.next = Some(PricePlace(no, first, second));
                return Ok(part);
            }
        }
    }
    Ok(part)
}

fn audience(key: &str) -> Result<PricedFor, StoreError> {
    match key {
        "*" => Ok(PricedFor::Everybody),
        key => Ok(PricedFor::Provider(provider(key)?)),
    }
}
