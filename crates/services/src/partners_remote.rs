//! How an operator is called from afar, as the partners document says it: `services`, `timeout`, `headers`,
//! `allow_private`, `ca`.

use std::collections::BTreeSet;
use std::time::Duration;

use roamhub_core::directory::RemoteOffer;
use roamhub_core::session::SessionKind;
use toml::Spanned;

use crate::partners_file::{OperatorEntry, PartnersError, Reader};

/// What an operator gets for one exchange, by default and at most: it may have to wake a charge point up.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

impl Reader<'_> {
    /// An operator with a URL offers everything, unless it says otherwise.
    pub(crate) fn remote(&self, entry: &OperatorEntry) -> Result<RemoteOffer, PartnersError> {
        let kinds = match (&entry.services, &entry.url) {
            (Some(services), None) => match services.first() {
                Some(first) => {
                    let problem = "services need a url; add the operator's base URL or remove them";
                    return Err(self.wrong(first, problem));
                }
                None => BTreeSet::new(),
            },
            (Some(services), Some(_)) => self.all(services, Self::remote_service)?.into_iter().collect(),
            (None, Some(_)) => [SessionKind::Charging, SessionKind::Reservation].into(),
            (None, None) => BTreeSet::new(),
        };
        Ok(RemoteOffer {
            kinds,
            timeout: self.operator_timeout(entry.timeout.as_ref())?,
            headers: self.headers(&entry.headers)?,
            allow_private: entry.allow_private,
            ca: entry.ca.as_ref().map(|path| self.folder.join(path)),
        })
    }

    fn remote_service(&self, text: &Spanned<String>) -> Result<SessionKind, PartnersError> {
        match text.get_ref().as_str() {
            "remote" => Ok(SessionKind::Charging),
            "reservation" => Ok(SessionKind::Reservation),
            other => Err(self.wrong(
                text,
                format!("{other:?} is no service of an operator; there are \"remote\" and \"reservation\""),
            )),
        }
    }

    fn operator_timeout(&self, text: Option<&Spanned<String>>) -> Result<Duration, PartnersError> {
        let Some(text) = text else { return Ok(LONGEST_TIMEOUT) };
        let timeout = self.duration(text)?;
        if timeout > LONGEST_TIMEOUT {
            return Err(self.wrong(text, "an operator gets at most 60s: a driver waits in front of it"));
        }
        Ok(timeout)
    }
}
