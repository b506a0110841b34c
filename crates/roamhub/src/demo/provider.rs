//! The demo provider: an HTTP server that knows a few magic cards, each of which makes it behave in another way for the
//! whole session.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use oicp::ProviderId;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::server::{self, acknowledgement, json_response};
use crate::node;

/// What a card makes the provider do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behaviour {
    /// Everything is fine.
    Accepts,
    /// The start is refused with 102.
    Refuses,
    /// The start is fine, notifications are never answered.
    NeverAnswers,
    /// Notifications are answered with 204 and nothing else.
    AnswersNothing,
    /// Notifications are answered with `Result:false`, 021.
    Faults,
    /// Start and Progress are answered with HTTP 500; End and Error are fine.
    KnowsOnlyEnd,
    /// Only what was uploaded knows the card: the provider is not asked, and would refuse.
    OnlyUploaded,
}

/// The card that is only in what the provider has uploaded.
pub(crate) const UPLOADED_CARD: &str = "04D3E0000000A7";

/// The magic cards.
pub(crate) const CARDS: [(&str, Behaviour, &str); 7] = [
    ("04D3E0000000A1", Behaviour::Accepts, "everything is accepted"),
    ("04D3E0000000A2", Behaviour::Refuses, "the start is refused, 102"),
    ("04D3E0000000A3", Behaviour::NeverAnswers, "notifications are never answered"),
    ("04D3E0000000A4", Behaviour::AnswersNothing, "notifications are answered with 204"),
    ("04D3E0000000A5", Behaviour::Faults, "notifications are answered Result:false, 021"),
    ("04D3E0000000A6", Behaviour::KnowsOnlyEnd, "only End and Error are understood, others get HTTP 500"),
    (
        UPLOADED_CARD,
        Behaviour::OnlyUploaded,
        "uploaded at the start: the provider is not asked, only this card stops",
    ),
];

#[derive(Debug, Default)]
struct Memory {
    sessions: HashMap<String, Behaviour>,
    received: usize,
}

/// The provider, running.
pub(crate) struct DemoProvider {
    scheme: &'static str,
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    id: ProviderId,
    memory: Mutex<Memory>,
}

impl DemoProvider {
    /// Starts on a free loopback port.
    pub(crate) async fn start(id: ProviderId, tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let listener = node::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State { id, memory: Mutex::default() });
        let answering = state.clone();
        tokio::spawn(server::accept(listener, tls, move |request| {
            let state = answering.clone();
            async move { state.answer(request).await }
        }));
        Ok(Self { scheme, address, state })
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How many messages it has received.
    pub(crate) fn received(&self) -> usize {
        self.state.memory().received
    }
}

impl State {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let authorise = request.uri().path().ends_with("/authorize/start");
        let stop = request.uri().path().ends_with("/authorize/stop");
        let record = request.uri().path().ends_with("/charge-detail-record");
        let message = server::message(request).await;
        self.memory().received += 1;
        match (authorise, stop, record) {
            (true, ..) => self.authorise(&message),
            (_, true, _) => self.stop(&message),
            (_, _, true) => acknowledgement(true, "000", "Success"),
            _ => self.notified(&message).await,
        }
    }

    fn authorise(&self, message: &Value) -> Response<Full<Bytes>> {
        let uid =
            message.pointer("/Identification/RFIDMifareFamilyIdentification/UID").and_then(Value::as_str);
        let card = CARDS.iter().find(|(card, ..)| Some(*card) == uid);
        match (card, message["SessionID"].as_str()) {
            (Some((_, behaviour, _)), Some(session))
                if !matches!(behaviour, Behaviour::Refuses | Behaviour::OnlyUploaded) =>
            {
                self.memory().sessions.insert(session.to_owned(), *behaviour);
                json_response(
                    StatusCode::OK,
                    &json!({
                        "AuthorizationStatus": "Authorized",
                        "ProviderID": self.id.to_string(),
                        "StatusCode": {"Code": "000", "Description": "Success"},
                    }),
                )
            }
            _ => json_response(
                StatusCode::OK,
                &json!({
                    "AuthorizationStatus": "NotAuthorized",
                    "StatusCode": {"Code": "102", "Description": "UID not valid"},
                }),
            ),
        }
    }

    /// What started a session may stop it.
    fn stop(&self, message: &Value) -> Response<Full<Bytes>> {
        let uid =
            message.pointer("/Identification/RFIDMifareFamilyIdentification/UID").and_then(Value::as_str);
        let started = self.memory().sessions.get(message["SessionID"].as_str().unwrap_or_default()).copied();
        let same = CARDS.iter().any(|(card, behaviour, _)| Some(*card) == uid && Some(*behaviour) == started);
        let (status, code, text) =
            if same { ("Authorized", "000", "Success") } else { ("NotAuthorized", "102", "UID not valid") };
        let code = json!({"Code": code, "Description": text});
        json_response(
            StatusCode::OK,
            &json!({"AuthorizationStatus": status, "ProviderID": self.id.to_string(), "StatusCode": code}),
        )
    }

    async fn notified(&self, message: &Value) -> Response<Full<Bytes>> {
        let session = message["SessionID"].as_str().unwrap_or_default();
        let behaviour = self.memory().sessions.get(session).copied().unwrap_or(Behaviour::Accepts);
        let only_end = !matches!(message["Type"].as_str(), Some("End" | "Error"));
        match behaviour {
            Behaviour::NeverAnswers => std::future::pending().await,
            Behaviour::AnswersNothing => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Behaviour::Faults => acknowledgement(false, "021", "Fault in the demo provider"),
            Behaviour::KnowsOnlyEnd if only_end => {
                json_response(StatusCode::INTERNAL_SERVER_ERROR, &json!({}))
            }
            Behaviour::KnowsOnlyEnd | Behaviour::Accepts | Behaviour::Refuses | Behaviour::OnlyUploaded => {
                acknowledgement(true, "000", "Success")
            }
        }
    }
}
