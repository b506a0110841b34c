//! How an operator is called from afar, as the partners document says it: `services`, `timeout`, `headers`,
//! `allow_private`, `ca`, `client_certificate`, `client_key`.

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
            headers: self.headers(&entry.headers, &entry.header_files)?,
            allow_private: entry.allow_private,
            ca: entry.ca.as_ref().map(|path| self.folder.join(path)),
            client: self.client(entry.client_certificate.as_ref(), entry.client_key.as_ref())?,
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use roamhub_core::directory::Operator;

    use super::*;
    use crate::partners_file::read;

    fn operator(lines: &str) -> Result<Operator, PartnersError> {
        let text = format!("[[operator]]\nid = \"DE*ABC\"\n{lines}\n");
        let directory = read(&text, Path::new("/etc/roamhub"))?;
        Ok(directory.operators().next().expect("there is one operator").as_ref().clone())
    }

    #[test]
    fn an_operator_with_a_url_offers_everything_unless_it_says_otherwise() {
        let kinds = |lines: &str| operator(lines).unwrap().remote.kinds;
        let (charging, reservation) = (SessionKind::Charging, SessionKind::Reservation);
        let url = "url = \"https://cpo.example\"";
        assert_eq!(kinds(url), [charging, reservation].into());
        assert_eq!(kinds(&format!("{url}\nservices = [\"remote\"]")), [charging].into());
        assert_eq!(kinds(&format!("{url}\nservices = [\"reservation\"]")), [reservation].into());
        assert_eq!(kinds(&format!("{url}\nservices = []")), [].into());
        assert_eq!(kinds(""), [].into());
        assert!(operator("").unwrap().endpoint().is_none());
    }

    #[test]
    fn it_is_called_as_the_document_says() {
        let lines = "url = \"https://cpo.example\"\ntimeout = \"20s\"\nheaders = { X-Api-Key = \"secret\" }\nca = \"cpo.pem\"";
        let endpoint = operator(lines).unwrap().endpoint_to_begin(SessionKind::Charging).unwrap();
        assert_eq!((endpoint.base_url.as_str(), endpoint.timeout.as_secs()), ("https://cpo.example", 20));
        assert_eq!(endpoint.headers, [("x-api-key".to_owned(), "secret".into())]);
        assert_eq!(endpoint.ca.as_deref(), Some(Path::new("/etc/roamhub/cpo.pem")));
        assert_eq!(operator("").unwrap().remote.timeout, LONGEST_TIMEOUT);
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for (lines, line, problem) in [
            ("services = [\"remote\"]", 3, "services need a url"),
            ("url = \"https://cpo.example\"\nservices = [\"cdr\"]", 4, "\"remote\" and \"reservation\""),
            ("timeout = \"61s\"", 3, "at most 60s"),
            ("timeout = \"soon\"", 3, "number with a unit"),
            ("headers = { \"X Api\" = \"x\" }", 3, "no name for a header"),
        ] {
            let error = operator(lines).expect_err(lines);
            assert_eq!(error.line, line, "{lines}: {error}");
            assert!(error.problem.contains(problem), "{lines}: {error}");
        }
    }
}
