//! Who may charge, as a provider uploads it (OICP 2.3, eRoamingPushAuthenticationData): an action and a list of records.
//!
//! A list may hold hundreds of thousands of records. They are read in place, one after the other, and never kept all at
//! once: [`PushAuthenticationData::parse`] judges every one of them, [`PushAuthenticationData::each_record`] reads them
//! again for whoever keeps them.

mod pin_hash;
mod record;

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

pub use pin_hash::{LegacyFunction, PinHash};
pub use record::{AuthenticationRecord, UploadedPin};

pub use crate::action::ActionType;

use crate::body;
use crate::field::{At, Judge};
use crate::identification;
use crate::ids::ProviderId;
use crate::json::{self, Kind};
use crate::rejected::Rejected;
use crate::violation::{Violation, Violations};

const NAMES: [&str; 2] = ["ActionType", "ProviderAuthenticationData"];
const INNER: [&str; 2] = ["ProviderID", "AuthenticationDataRecord"];
const PARENT: &str = "/ProviderAuthenticationData";
const LIST: &str = "/ProviderAuthenticationData/AuthenticationDataRecord";

/// An upload whose structure is right, with the bytes it came in. They may hold PINs in clear.
#[derive(Clone)]
pub struct PushAuthenticationData {
    body: Bytes,
    provider_id: ProviderId,
    action: ActionType,
    records: usize,
    clear_pins: usize,
    list: Range<usize>,
}

/// What was counted in the list.
#[derive(Default)]
struct Counted {
    records: usize,
    clear_pins: usize,
}

impl PushAuthenticationData {
    /// Reads a received body and judges every record.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the violations of all records, bounded. Nothing of a UID, an EvcoID or a PIN is repeated in them.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let text = body::check(&body)?;
        let (mut judge, object) = Judge::open(text, &NAMES)?;
        let [action, inner] = object.values();
        let at = At::member("ActionType");
        let action = judge.required(at, action);
        let action = action.and_then(|raw| {
            let word = judge.string(at, raw)?;
            let action = ActionType::parse(&word);
            if action.is_none() {
                judge.violation(at, "expected fullLoad, insert, update or delete");
            }
            action
        });
        let inner = judge.required(At::member("ProviderAuthenticationData"), inner);
        let inner = inner.and_then(|raw| {
            let at = At::member("ProviderAuthenticationData");
            identification::members(at, PARENT, raw, &INNER, &mut judge)
        });
        let [provider, list] = inner.unwrap_or_default();
        if inner.is_some() {
            for (name, raw) in INNER.into_iter().zip([provider, list]) {
                if raw.is_none() {
                    judge.violation(At::inner(PARENT, name), "is missing");
                }
            }
        }
        let provider_id = judge.parsed(At::inner(PARENT, "ProviderID"), provider, ProviderId::parse);
        let counted = list.map(|raw| judge_records(raw, &mut judge)).unwrap_or_default();
        match (provider_id, action, list) {
            (Some(provider_id), Some(action), Some(list)) if judge.violations.is_empty() => {
                let Counted { records, clear_pins } = counted;
                let list = json::span(text, list);
                Ok(Self { body: body.clone(), provider_id, action, records, clear_pins, list })
            }
            _ => Err(Rejected { violations: judge.violations, provider_id, ..Rejected::default() }),
        }
    }

    /// The bytes as they were received; may hold PINs.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whose records they are.
    #[must_use]
    pub fn provider_id(&self) -> ProviderId {
        self.provider_id
    }

    /// What is done with them.
    #[must_use]
    pub fn action(&self) -> ActionType {
        self.action
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// How many of them hold a PIN in clear.
    #[must_use]
    pub fn clear_pins(&self) -> usize {
        self.clear_pins
    }

    /// Calls `each` with index and content of every record, in order.
    pub fn each_record(&self, mut each: impl FnMut(usize, AuthenticationRecord)) {
        let list = self.body.get(self.list.clone()).unwrap_or_default();
        let Ok(list) = std::str::from_utf8(list) else { return };
        // It was read before: what does not parse now did not then.
        let _parsed = json::each_element(list, |index, raw| {
            let mut judge = Judge::new(raw, &[]);
            if let Some(record) = record::read(raw, &mut judge) {
                each(index, record);
            }
        });
    }

    /// JSON pointer to a record.
    #[must_use]
    pub fn pointer(index: usize) -> String {
        format!("{LIST}/{index}")
    }
}

impl fmt::Debug for PushAuthenticationData {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushAuthenticationData")
            .field("provider_id", &self.provider_id)
            .field("action", &self.action)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// Judges every record; what is wrong with one is reported at its place in the list.
fn judge_records(raw: &str, judge: &mut Judge<'_>) -> Counted {
    let mut counted = Counted::default();
    if json::kind(raw) != Kind::List {
        let at = At::inner(PARENT, "AuthenticationDataRecord");
        judge.violation(at, format!("expected a list, found {}", json::kind(raw)));
        return counted;
    }
    let walked = json::each_element(raw, |index, element| {
        counted.records += 1;
        let mut of_record = Judge::new(element, &[]);
        let record = record::read(element, &mut of_record);
        if let Some(AuthenticationRecord::Code { pin: UploadedPin::Clear(_), .. }) = record {
            counted.clear_pins += 1;
        }
        move_to(index, of_record.violations, &mut judge.violations);
    });
    if walked.is_err() {
        judge.violation(At::inner(PARENT, "AuthenticationDataRecord"), "not a list of objects");
    }
    counted
}

/// The violations of one record, with the pointers of the whole body.
fn move_to(index: usize, from: Violations, to: &mut Violations) {
    for violation in from {
        let pointer = format!("{LIST}/{index}{}", violation.pointer);
        to.push(Violation { pointer, ..violation });
    }
}
