//! Calls to people's webhooks: the same addresses, trust and bounds as for providers, but a fresh connection each time,
//! because they are rare.

use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;
use roamhub_core::outcome::ExchangeFailure;
use roamhub_core::ports::Task;
use roamhub_core::ports::people::{WebhookCall, WebhookCourier};
use tokio::time::timeout;

use super::connection::Connection;
use super::pool::Address;
use super::{HttpCourier, read_bounded};

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
        let ca = call.ca.as_deref().map(Path::new);
        let address = Address::of(&uri, ca).ok_or(ExchangeFailure::Address)?;
        let mut connection = Box::pin(Connection::open(&address, &self.trust)).await?;
        let response = connection.send(request(call, &uri)?).await.map_err(|error| error.failure)?;
        let status = response.status().as_u16();
        // What it says is of no interest, but it is heard out, within bounds.
        read_bounded(response.into_body()).await?;
        Ok(status)
    }
}

fn request(call: &WebhookCall, uri: &Uri) -> Result<Request<Full<Bytes>>, ExchangeFailure> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().ok_or(ExchangeFailure::Address)?.as_str();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(HOST, host)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(USER_AGENT, HeaderValue::from_static(concat!("roamhub/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &call.headers {
        request = request.header(HeaderName::from_static(name), value);
    }
    request.body(Full::new(call.body.clone())).map_err(|_| ExchangeFailure::Address)
}
