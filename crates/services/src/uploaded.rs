//! Authorising by what providers have uploaded, without asking them (OICP 2.3: tried before any provider is asked).
//!
//! Who has uploaded nothing costs a request nothing: which providers have records is known in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use oicp::ProviderId;
use oicp::authorize::AuthorizationReading;
use oicp::identification::Identification;
use oicp::status::{Code, Status};
use roamhub_core::authorisation;
use roamhub_core::directory::{Directory, OfferedService, Operator, Provider};
use roamhub_core::media::{Form, Known, MediumHash, Upload};
use roamhub_core::ports::LedgerError;

use crate::authorise_ask::Consent;
use crate::hub::Inner;
use crate::pins::{Guess, NotRight, Verdict};

/// From the call's arrival to the last moment a PIN may be compared: there must be time to ask the provider all the same.
const PIN_BUDGET: Duration = Duration::from_secs(3);

/// The newest push of each provider that has any.
#[derive(Debug, Default)]
pub(crate) struct NewestUploads {
    any: AtomicBool,
    of: RwLock<HashMap<ProviderId, Upload>>,
}

impl NewestUploads {
    pub(crate) fn new(newest: Vec<Upload>) -> Self {
        let uploads = Self::default();
        newest.into_iter().for_each(|upload| uploads.put(upload));
        uploads
    }

    pub(crate) fn put(&self, upload: Upload) {
        self.of.write().unwrap_or_else(PoisonError::into_inner).insert(upload.provider, upload);
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn newest(&self, provider: &ProviderId) -> Option<Upload> {
        self.of.read().unwrap_or_else(PoisonError::into_inner).get(provider).cloned()
    }

    fn has_records(&self, provider: &ProviderId) -> bool {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.get(provider).is_some_and(|upload| upload.total > 0)
    }
}

/// What uploaded records say.
#[derive(Debug)]
pub(crate) enum Said {
    /// They authorise it.
    Yes(Consent),
    /// They do not; why, if nobody can be asked.
    No(Status),
}

impl Inner {
    /// Looks a medium up in the records of the providers that may decide.
    pub(crate) async fn said_by_uploads(
        self: &Arc<Self>,
        identification: &Identification,
        medium: MediumHash,
        operator: &Operator,
        directory: &Directory,
        arrived: Instant,
    ) -> Result<Said, LedgerError> {
        let form = Form::of(identification);
        let no = |why: &str| Ok(Said::No(Status::new(form.refusal()).with_info(why)));
        const UNKNOWN: &str = "no uploaded record holds it";
        if !self.uploads.any.load(Ordering::Acquire) {
            return no(UNKNOWN);
        }
        let mut uploaders = authorisation::uploaders(identification, operator, directory);
        uploaders.retain(|provider| self.uploads.has_records(&provider.id));
        if uploaders.is_empty() {
            return no(UNKNOWN);
        }
        let known = self.ledger.uploaded(medium).await?;
        let mut believed = in_order(&uploaders, known, form);
        if believed.is_empty() {
            return no(UNKNOWN);
        }
        let now = self.clock.now();
        believed.retain(|(_, known)| known.record.expires_at.is_none_or(|expires| now < expires));
        let Some((provider, known)) = believed.first() else { return no("it has expired") };
        if believed.len() > 1 {
            let others: Vec<_> = believed.iter().skip(1).map(|(other, _)| other.id.to_string()).collect();
            tracing::warn!(
                believed = %provider.id,
                others = others.join(", "),
                "several providers have uploaded one medium; the first is believed"
            );
        }
        if let Some(why) =
            self.wrong_pin(identification, medium, operator, (provider, known), arrived).await?
        {
            return no(why.in_words());
        }
        // A sub-provider's contract is named as what it is.
        let by = known.record.issuer.filter(|issuer| provider.owns(issuer)).unwrap_or(provider.id);
        Ok(Said::Yes(consent(provider.clone(), by)))
    }

    /// Why the PIN does not count, where there is one to be checked.
    async fn wrong_pin(
        self: &Arc<Self>,
        identification: &Identification,
        medium: MediumHash,
        operator: &Operator,
        (provider, known): (&Provider, &Known),
        arrived: Instant,
    ) -> Result<Option<NotRight>, LedgerError> {
        let Identification::QrCode { pin, .. } = identification else { return Ok(None) };
        let (Some(pin), Some(hash)) = (pin, known.record.pin.clone()) else {
            return Ok(Some(NotRight::Wrong));
        };
        let verdict = match provider.endpoint(OfferedService::Authorization) {
            Some(_) => Verdict::Preliminary,
            None => Verdict::Final,
        };
        let guess = Guess { operator: operator.id, medium, pin, hash, verdict };
        Ok(self.check_pin(guess, arrived + PIN_BUDGET).await?.err())
    }
}

/// The records that count for this form, in the order of the providers.
fn in_order(uploaders: &[Arc<Provider>], known: Vec<Known>, form: Form) -> Vec<(Arc<Provider>, Known)> {
    let known = known.into_iter().filter(|known| known.record.form == form);
    let mut believed: Vec<_> = known
        .filter_map(|known| {
            let provider = uploaders.iter().find(|provider| provider.id == known.provider)?;
            Some((provider.clone(), known))
        })
        .collect();
    believed.sort_by_key(|(provider, _)| provider.id);
    believed
}

fn consent(provider: Arc<Provider>, by: ProviderId) -> Consent {
    let answer = AuthorizationReading {
        authorized: true,
        status: Status::new(Code::SUCCESS),
        completed: false,
        provider_id: Some(by),
        stop_identifications: None,
        cpo_partner_session_id: None,
        emp_partner_session_id: None,
    };
    Consent { provider, answer }
}
