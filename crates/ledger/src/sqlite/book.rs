//! What the writer knows by heart: of the sessions it has lately written about, who they belong to, which messages they
//! have and which of those are still owed. With it, the usual message is taken in and settled without a question to the
//! database.
//!
//! Invariants:
//! * everything here can be read from the ledger, but for deliveries in hand ([`super::in_hand`]), which are never
//!   forgotten; only the writer's thread changes either;
//! * what a transaction touched is forgotten if it is rolled back;
//! * it is bounded: two generations, the older of which is forgotten when the younger is full.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use roamhub_core::session::machine::{By, Session, Sign, Step, What, step};
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, params};

use super::StoreError;
use super::in_hand::{Change, Unwritten};
use super::rows::{instant, kind, life};
use super::runs::{Known, Recent};

/// Sessions in a generation.
const GENERATION: usize = 8_192;

/// What is known of a session, each part once it was needed.
#[derive(Debug, Default)]
pub(super) struct Page {
    facts: Option<Facts>,
    /// Numbers of its messages by part of their digest.
    messages: Option<BTreeMap<i64, i64>>,
    open: Option<Vec<OpenRow>>,
    /// Those of the open ones that are in hand and have no row, while the others are not read.
    in_hand: Vec<OpenRow>,
    /// It is over for the watchdog, whatever may still be said in it.
    over: bool,
}

impl Page {
    /// The open deliveries that have no row.
    fn unwritten(&self) -> impl Iterator<Item = &OpenRow> {
        let open = self.open.as_deref().unwrap_or(&self.in_hand);
        open.iter().filter(|row| row.unwritten.is_some())
    }
}

/// What decides whether a message of the session is welcome.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The operator's key.
    pub(super) operator: String,
    /// The keyed hash of its card or contract.
    pub(super) medium: [u8; 32],
    /// What its life depends on.
    pub(super) life: Session,
    /// When the last Progress was stored.
    pub(super) last_progress_at: Option<Timestamp>,
    /// A message has named its EVSE.
    pub(super) has_evse: bool,
    /// A message has named the operator's own id of it.
    pub(super) has_cpo_id: bool,
}

impl Facts {
    /// What a call of this operator comes to.
    pub(super) fn hears_operator(&self, operator: &str, what: What) -> Step {
        step(self.life, Sign { what, by: By::operator(self.operator == operator) })
    }
}

/// An open delivery of a session, as far as order is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRow {
    pub(super) no: i64,
    pub(super) notification: i64,
    pub(super) kind: MessageKind,
    pub(super) has_pin: bool,
    pub(super) token: u32,
    pub(super) leased: bool,
    pub(super) due: bool,
    /// It has no row: this is what it would say.
    pub(super) unwritten: Option<Unwritten>,
}

/// The pages.
#[derive(Debug)]
pub(super) struct Book {
    recent: Recent,
    young: HashMap<SessionKey, Page>,
    old: HashMap<SessionKey, Page>,
    touched: Vec<SessionKey>,
    /// Sessions forgotten in the transaction under way. What is read of them before its end lacks its own messages.
    forgotten: Vec<SessionKey>,
    /// The younger generation is full with so many.
    full: usize,
}

impl Book {
    pub(super) fn new(recent: Recent) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { recent, young, old, touched: Vec::new(), forgotten: Vec::new(), full: GENERATION }
    }

    /// The session's page, to be read and changed within the transaction under way.
    fn page(&mut self, session: SessionKey) -> &mut Page {
        if self.young.len() >= self.full {
            self.turn_over();
        }
        if self.touched.last() != Some(&session) {
            self.touched.push(session);
        }
        match self.young.entry(session) {
            Entry::Occupied(page) => page.into_mut(),
            Entry::Vacant(place) => place.insert(self.old.remove(&session).unwrap_or_default()),
        }
    }

    /// The older generation is forgotten, but for what is in hand.
    fn turn_over(&mut self) {
        let passed = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        self.young = passed.into_iter().filter(|(_, page)| page.unwritten().next().is_some()).collect();
        self.full = GENERATION + self.young.len();
    }

    /// Who the session belongs to and how it stands; nothing if there is none.
    pub(super) fn facts(
        &mut self,
        connection: &Connection,
        session: SessionKey,
    ) -> Result<Option<&mut Facts>, StoreError> {
        let page = self.page(session);
        if page.facts.is_none() {
            page.facts = read_facts(connection, session)?;
        }
        Ok(page.facts.as_mut())
    }

    /// The numbers of the session's messages, by part of their digest.
    pub(super) fn messages(
        &mut self,
        connection: &Connection,
        session: SessionKey,
    ) -> Result<&mut BTreeMap<i64, i64>, StoreError> {
        let recent = self.recent.clone();
        let page = self.page(session);
        if page.messages.is_none() {
            let known = recent.messages_of(connection, session)?;
            page.messages = Some(known.into_iter().map(|Known { no, digest }| (digest, no)).collect());
        }
        Ok(page.messages.get_or_insert_default())
    }

    /// The session's open deliveries, in order of arrival.
    pub(super) fn open(
        &mut self,
        connection: &Connection,
        session: SessionKey,
    ) -> Result<&mut Vec<OpenRow>, StoreError> {
        let page = self.page(session);
        if page.open.is_none() {
            let mut open = read_open(connection, session)?;
            open.append(&mut page.in_hand);
            open.sort_unstable_by_key(|row| row.no);
            page.open = Some(open);
        }
        Ok(page.open.get_or_insert_default())
    }

    /// Whether the watchdog has nothing to hear in this session any more.
    pub(super) fn is_over(&mut self, session: SessionKey) -> &mut bool {
        &mut self.page(session).over
    }

    /// Somebody else writes about this session.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.forgotten.push(session);
        for page in [self.young.remove(&session), self.old.remove(&session)].into_iter().flatten() {
            let in_hand: Vec<OpenRow> = page.unwritten().copied().collect();
            if !in_hand.is_empty() {
                self.young.insert(session, Page { in_hand, ..Page::default() });
            }
        }
    }

    /// The first message of all that are in hand.
    pub(super) fn first_in_hand(&self) -> Option<i64> {
        let pages = self.young.values().chain(self.old.values());
        pages.flat_map(Page::unwritten).map(|row| row.notification).min()
    }

    /// The sessions with something in hand.
    pub(super) fn sessions_in_hand(&self) -> Vec<SessionKey> {
        let pages = self.young.iter().chain(&self.old);
        pages.filter(|(_, page)| page.unwritten().next().is_some()).map(|(session, _)| *session).collect()
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        self.touched.clear();
        for session in self.forgotten.drain(..) {
            if let Some(page) = self.young.get_mut(&session).or_else(|| self.old.get_mut(&session)) {
                page.messages = None;
            }
        }
    }

    /// The transaction was rolled back: what it touched is read again, and in hand is what was before.
    pub(super) fn rolled_back(&mut self, changes: impl Iterator<Item = Change>) {
        while let Some(session) = self.touched.pop() {
            self.forget(session);
        }
        for change in changes {
            let (Change::Came(session, _) | Change::Left(session, _)) = change;
            self.forget(session);
            let in_hand = &mut self.young.entry(session).or_default().in_hand;
            match change {
                Change::Came(_, no) => in_hand.retain(|row| row.no != no),
                Change::Left(_, row) => in_hand.push(row),
            }
        }
        self.forgotten.clear();
    }
}

fn read_facts(connection: &Connection, session: SessionKey) -> Result<Option<Facts>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT operator, kind, opened_by, state, last_progress_at, evse IS NOT NULL AS has_evse,
             cpo_partner_session_id IS NOT NULL AS has_cpo_id, medium
         FROM session WHERE id = ?1",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let last_progress_at: Option<i64> = row.get("last_progress_at")?;
    Ok(Some(Facts {
        operator: row.get("operator")?,
        medium: row.get("medium")?,
        life: life(row)?,
        last_progress_at: last_progress_at.map(|at| instant(at, "last_progress_at")).transpose()?,
        has_evse: row.get("has_evse")?,
        has_cpo_id: row.get("has_cpo_id")?,
    }))
}

fn read_open(connection: &Connection, session: SessionKey) -> Result<Vec<OpenRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, notification, type, has_pin, token, lease_until IS NOT NULL, due_at IS NOT NULL
         FROM delivery WHERE session = ?1 ORDER BY no",
    )?;
    let mut rows = statement.query(params![session.as_bytes()])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(OpenRow {
            no: row.get(0)?,
            notification: row.get(1)?,
            kind: kind(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            has_pin: row.get(3)?,
            token: row.get(4)?,
            leased: row.get(5)?,
            due: row.get(6)?,
            unwritten: None,
        });
    }
    Ok(open)
}

#[cfg(test)]
mod tests;
