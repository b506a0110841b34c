//! `…/receipts/{Process-ID}` and `…/receipts?session={SessionID}`: what became of the caller's own messages.

use http::request::Parts;
use http::{HeaderValue, Response};
use oicp::SessionId;
use roamhub_core::{ProcessId, SessionKey};
use roamhub_services::receipts::Asker;

use super::fault::PartnerFault;
use super::path::Partner;
use super::{JSON, PartnerServices, prefers, query, whole};
use crate::routes::AnswerBody;

const JOSE: HeaderValue = HeaderValue::from_static("application/jose");

impl PartnerServices {
    /// One receipt: JSON with the signed form in it, or the signed form alone for who accepts `application/jose`.
    pub(super) async fn receipt(
        &self,
        partner: &Partner,
        process: &str,
        head: &Parts,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        let asker = self.asker(partner)?;
        query::read(head.uri.query(), [])?;
        let process = ProcessId::parse(process).ok_or_else(|| {
            PartnerFault::Query(
                "a Process-ID looks like 0198f2d4-0000-7000-8000-000000000000; it is in the header of the hub's answer, \
                 and in the text of a 310 behind receipt="
                    .to_owned(),
            )
        })?;
        let receipt = self.receipts.of_message(asker, process).await?.ok_or(PartnerFault::NotFound(
            "no notification of this partner was accepted under this Process-ID; only accepted notifications have receipts",
        ))?;
        Ok(match prefers(&head.headers, "application/jose") {
            true => whole(JOSE, receipt.jws),
            false => whole(JSON, receipt.to_json()),
        })
    }

    /// The receipts of a session's messages, each with its signed form.
    pub(super) async fn session_receipts(
        &self,
        partner: &Partner,
        head: &Parts,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        let asker = self.asker(partner)?;
        let [session] = query::read(head.uri.query(), ["session"])?;
        let session = session.ok_or_else(|| {
            PartnerFault::Query(
                "say which: …/receipts/{Process-ID} or …/receipts?session={SessionID}".to_owned(),
            )
        })?;
        let session = SessionId::parse(&session).map_err(|error| PartnerFault::Query(error.to_string()))?;
        let found = match SessionKey::of(&session) {
            Some(key) => self.receipts.of_session(asker, key).await?,
            None => None,
        };
        let found = found.ok_or(PartnerFault::NotFound(
            "no session of this partner has this SessionID; it is the one that the hub gave in its answer to the start",
        ))?;
        let listed: Vec<String> = found.receipts.iter().map(|receipt| receipt.to_json()).collect();
        let (listed, more) = (listed.join(","), found.more);
        Ok(whole(JSON, format!(r#"{{"session":"{session}","receipts":[{listed}],"more":{more}}}"#)))
    }

    fn asker(&self, partner: &Partner) -> Result<Asker, PartnerFault> {
        match partner {
            Partner::Operator(id) => self.operator(id).map(|operator| Asker::Operator(operator.id)),
            Partner::Provider(id) => self.provider(id).map(|provider| Asker::Provider(provider.id)),
        }
    }
}
