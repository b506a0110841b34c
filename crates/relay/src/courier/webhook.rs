//! Calls to people's webhooks: the same addresses, trust and bounds as for providers, but a fresh connection each time,
//! because they are rare.

use http::Uri;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::ports::Task;
use roamhub_core::ports::people::{WebhookCall, WebhookCourier};
use tokio::time::timeout;

use super::HttpCourier;
use super::connection::Connection;
use super::pool::Address;
use super::request::RequestStart;
use super::terms::Terms;

impl WebhookCourier for HttpCourier {
    fn call(&self, call: WebhookCall) -> Task<'_, Result<u16, ExchangeFailure>> {
        Box::pin(async move {
            timeout(call.budget, self.call_once(&call)).await.unwrap_or(Err(ExchangeFailure::Timeout))
        })
    }
}

impl HttpCourier {
    async fn call_once(&self, call: &WebhookCall) -> Result<u16, ExchangeFailure> {
        let uri: Uri = call.url.parse().map_err(|_| ExchangeFailure::Address)?;
        // People's webhooks are told who calls by a signature, not by the hub's certificate.
        let terms = Terms { ca: call.ca.clone(), client: None, reach: self.outgoing.reach.or(call.reach) };
        let address = Address::of(&uri, terms).ok_or(ExchangeFailure::Address)?;
        let start = RequestStart::post(&uri).ok_or(ExchangeFailure::Address)?;
        let request = start.request(&call.headers, &call.body)?;
        let mut connection = Box::pin(Connection::open(&address, &self.trust)).await?;
        // What it says is of no interest, but it is heard out, within bounds.
        let heard = connection.exchange(&request).await.map_err(|failed| failed.failure)?;
        Ok(heard.answer.head.status)
    }
}
