//! What the writer knows by heart: of the sessions it has lately written about, who they belong to, which messages they
//! have and which of those are still owed. With it, the usual message is taken in and settled without a question to the
//! database.
//!
//! Invariants:
//! * everything here can be read from the ledger, and only the writer's thread changes either;
//! * what a transaction touched is forgotten if it is rolled back;
//! * it is bounded: two generations, the older of which is forgotten when the younger is full.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use oicp::NotificationType;
use roamhub_core::SessionKey;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::rows::{instant, kind};
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
}

/// What decides whether a message of the session is welcome.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The operator's key.
    pub(super) operator: String,
    /// The keyed hash of its card or contract.
    pub(super) medium: [u8; 32],
    /// Whether it takes notifications.
    pub(super) active: bool,
    /// It was opened from afar, and its operator has not confirmed it: the next notification does.
    pub(super) unconfirmed: bool,
    /// When the last Progress was stored.
    pub(super) last_progress_at: Option<Timestamp>,
    /// A message has named its EVSE.
    pub(super) has_evse: bool,
    /// A message has named the operator's own id of it.
    pub(super) has_cpo_id: bool,
}

/// An open delivery of a session, as far as order is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRow {
    pub(super) no: i64,
    pub(super) notification: i64,
    pub(super) kind: NotificationType,
    pub(super) has_pin: bool,
    pub(super) token: u32,
    pub(super) leased: bool,
    pub(super) due: bool,
}

/// The pages.
#[derive(Debug)]
pub(super) struct Book {
    recent: Recent,
    young: HashMap<SessionKey, Page>,
    old: HashMap<SessionKey, Page>,
    touched: Vec<SessionKey>,
}

impl Book {
    pub(super) fn new(recent: Recent) -> Self {
        Self { recent, young: HashMap::new(), old: HashMap::new(), touched: Vec::new() }
    }

    /// The session's page, to be read and changed within the transaction under way.
    fn page(&mut self, session: SessionKey) -> &mut Page {
        if !self.young.contains_key(&session) {
            if self.young.len() >= GENERATION {
                self.old = std::mem::take(&mut self.young);
            }
            let page = self.old.remove(&session).unwrap_or_default();
            self.young.insert(session, page);
        }
        self.touched.push(session);
        self.young.entry(session).or_default()
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
            page.open = Some(read_open(connection, session)?);
        }
        Ok(page.open.get_or_insert_default())
    }

    /// Somebody else writes about this session.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.young.remove(&session);
        self.old.remove(&session);
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        self.touched.clear();
    }

    /// The transaction was rolled back: what it touched is read again.
    pub(super) fn rolled_back(&mut self) {
        while let Some(session) = self.touched.pop() {
            self.forget(session);
        }
    }
}

fn read_facts(connection: &Connection, session: SessionKey) -> Result<Option<Facts>, StoreError> {
    let read = connection
        .prepare_cached(
            "SELECT operator, state, last_progress_at, evse IS NOT NULL, cpo_partner_session_id IS NOT NULL, medium,
                 provider IS NOT NULL
             FROM session WHERE id = ?1",
        )?
        .query_row([session.as_bytes()], |row| {
            let last_progress_at: Option<i64> = row.get(2)?;
            let state = row.get_ref(1)?.as_str()?;
            let unconfirmed = row.get(6)? && matches!(state, "pending" | "unconfirmed");
            let facts = Facts {
                operator: row.get(0)?,
                medium: row.get(5)?,
                active: unconfirmed || state == "active",
                unconfirmed,
                last_progress_at: None,
                has_evse: row.get(3)?,
                has_cpo_id: row.get(4)?,
            };
            Ok((facts, last_progress_at))
        })
        .optional()?;
    let Some((facts, last_progress_at)) = read else { return Ok(None) };
    let last_progress_at = last_progress_at.map(|at| instant(at, "last_progress_at")).transpose()?;
    Ok(Some(Facts { last_progress_at, ..facts }))
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
        });
    }
    Ok(open)
}
