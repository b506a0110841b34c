//! Pushes of dynamic prices. What is there now, with the stamp of its last change; a removal leaves nothing.
//!
//! A push is one job of the writer: operators have some hundred products, and only what differs is written.

use std::collections::BTreeMap;

use oicp::pricing::PricedFor;
use roamhub_core::evse::change::{Applied, Change, Misfit, Named, Refused};
use roamhub_core::evse::price::{EvsePrice, EvsePriceKey, EvsePricePush, Priced, Product, ProductPush};
use rusqlite::{Connection, OptionalExtension, params};

use super::heads;
use super::stamps::Stamps;
use crate::sqlite::StoreError;
use crate::sqlite::rows::instant;

/// The two parts of a key, in the order of the table.
type Key<'a> = (&'a str, &'a str);

/// Statements on one table: `?1` operator, `?2` and `?3` the key's parts.
struct Shelf {
    find: &'static str,
    put: &'static str,
    remove: &'static str,
    /// The keys that a full load replaces: `?1` operator, `?2` an audience, where the load is of one.
    all: &'static str,
}

const PRODUCTS: Shelf = Shelf {
    find: "SELECT body FROM product WHERE operator = ?1 AND audience = ?2 AND id = ?3",
    put: "INSERT OR REPLACE INTO product (operator, audience, id, changed_at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    remove: "DELETE FROM product WHERE operator = ?1 AND audience = ?2 AND id = ?3",
    all: "SELECT audience, id FROM product WHERE operator = ?1 AND audience = ?2",
};

const EVSE_PRICES: Shelf = Shelf {
    find: "SELECT body FROM evse_price WHERE operator = ?1 AND evse = ?2 AND audience = ?3",
    put: "INSERT OR REPLACE INTO evse_price (operator, evse, audience, changed_at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    remove: "DELETE FROM evse_price WHERE operator = ?1 AND evse = ?2 AND audience = ?3",
    all: "SELECT evse, audience FROM evse_price WHERE operator = ?1 AND ?2 IS NULL",
};

pub(super) fn push_products(
    connection: &Connection,
    push: &ProductPush,
    stamps: &Stamps,
) -> Result<Priced<String>, StoreError> {
    let operator = heads::number(connection, &push.operator)?;
    let audience = audience_key(&push.audience);
    let shelf = Counter { connection, shelf: &PRODUCTS, operator, scope: Some(audience) };
    let key = |id: &String| id.clone();
    let put = |product: &Product| (product.id.clone(), product.body.clone());
    let parts = |id: &String| (audience.to_owned(), id.clone());
    let plan = match shelf.plan(&push.change, key, put, parts)? {
        Ok(plan) => plan,
        Err(refused) => return Ok(Priced::Refused(refused)),
    };
    let at = stamps.next(connection, push.received_at)?;
    shelf.carry_out(&plan, at)?;
    set_terms(connection, operator, audience, &push.terms, at)?;
    Ok(Priced::Stored(instant(at, "at")?, plan.applied))
}

pub(super) fn push_evse_prices(
    connection: &Connection,
    push: &EvsePricePush,
    stamps: &Stamps,
) -> Result<Priced<EvsePriceKey>, StoreError> {
    let operator = heads::number(connection, &push.operator)?;
    let shelf = Counter { connection, shelf: &EVSE_PRICES, operator, scope: None };
    let key = |key: &EvsePriceKey| *key;
    let put = |price: &EvsePrice| (price.key, price.body.clone());
    let parts = |key: &EvsePriceKey| (key.evse.key().to_owned(), audience_key(&key.audience).to_owned());
    let plan = match shelf.plan(&push.change, key, put, parts)? {
        Ok(plan) => plan,
        Err(refused) => return Ok(Priced::Refused(refused)),
    };
    let at = stamps.next(connection, push.received_at)?;
    shelf.carry_out(&plan, at)?;
    Ok(Priced::Stored(instant(at, "at")?, plan.applied))
}

/// One operator's part of a table.
struct Counter<'a> {
    connection: &'a Connection,
    shelf: &'a Shelf,
    operator: i64,
    scope: Option<&'a str>,
}

/// What is to be done.
struct Plan<K> {
    puts: Vec<((String, String), bytes::Bytes)>,
    removals: Vec<(String, String)>,
    applied: Applied<K>,
}

impl Counter<'_> {
    /// What a push changes, or why nothing of it; nothing is written.
    fn plan<R, K>(
        &self,
        change: &Change<R, K>,
        known: impl Fn(&K) -> K,
        put: impl Fn(&R) -> (K, bytes::Bytes),
        parts: impl Fn(&K) -> (String, String),
    ) -> Result<Result<Plan<K>, Refused<K>>, StoreError> {
        let mut plan = Plan { puts: Vec::new(), removals: Vec::new(), applied: Applied::default() };
        let records = match change {
            Change::Delete(keys) => {
                let asked: BTreeMap<_, _> = keys.iter().map(|key| (parts(key), key)).collect();
                for (place, key) in asked {
                    match self.find((&place.0, &place.1))? {
                        Some(_) => plan.removals.push(place),
                        None => plan.applied.unknown.add(known(key)),
                    }
                }
                plan.applied.removed = count(plan.removals.len());
                return Ok(Ok(plan));
            }
            Change::FullLoad(records) | Change::Insert(records) | Change::Update(records) => records,
        };
        let mut wanted = BTreeMap::new();
        let (mut twice, mut unfit) = (Named::default(), Named::default());
        for record in records {
            let (key, body) = put(record);
            let place = parts(&key);
            if wanted.contains_key(&place) {
                twice.add(key);
                continue;
            }
            let there = self.find((&place.0, &place.1))?;
            let fits = match change {
                Change::Insert(_) => there.is_none(),
                Change::Update(_) => there.is_some(),
                _ => true,
            };
            if !fits {
                unfit.add(known(&key));
            }
            wanted.insert(place, (body, there));
        }
        let misfit = if matches!(change, Change::Insert(_)) { Misfit::Exists } else { Misfit::Missing };
        for (misfit, named) in [(Misfit::Twice, twice), (misfit, unfit)] {
            if !named.is_empty() {
                return Ok(Err(Refused { misfit, named }));
            }
        }
        if matches!(change, Change::FullLoad(_)) {
            plan.removals = self.all()?.into_iter().filter(|place| !wanted.contains_key(place)).collect();
            plan.applied.removed = count(plan.removals.len());
        }
        for (place, (body, there)) in wanted {
            match there {
                Some(there) if there == body[..] => plan.applied.unchanged += 1,
                Some(_) => {
                    plan.applied.changed += 1;
                    plan.puts.push((place, body));
                }
                None => {
                    plan.applied.added += 1;
                    plan.puts.push((place, body));
                }
            }
        }
        Ok(Ok(plan))
    }

    fn carry_out<K>(&self, plan: &Plan<K>, at: i64) -> Result<(), StoreError> {
        for (first, second) in &plan.removals {
            self.connection.prepare_cached(self.shelf.remove)?.execute((self.operator, first, second))?;
        }
        for ((first, second), body) in &plan.puts {
            self.connection.prepare_cached(self.shelf.put)?.execute(params![
                self.operator,
                first,
                second,
                at,
                &body[..]
            ])?;
        }
        Ok(())
    }

    fn find(&self, (first, second): Key<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(self.shelf.find)?
            .query_row((self.operator, first, second), |row| row.get(0))
            .optional()?)
    }

    fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(self.shelf.all)?;
        let rows = statement.query_map((self.operator, self.scope), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Sets what holds for a whole list; the same again is no change.
fn set_terms(
    connection: &Connection,
    operator: i64,
    audience: &str,
    terms: &[u8],
    at: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO price_list (operator, audience, changed_at, terms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (operator, audience) DO UPDATE SET changed_at = excluded.changed_at, terms = excluded.terms
             WHERE terms <> excluded.terms",
        )?
        .execute((operator, audience, at, terms))?;
    Ok(())
}

/// For whom a price is, as it is stored: the provider's key, or `*`.
fn audience_key(audience: &PricedFor) -> &str {
    match audience {
        PricedFor::Everybody => "*",
        PricedFor::Provider(provider) => provider.key(),
    }
}
