//! The hub's own services for its partners, under `/api/hub/v1` on the listener of OICP: receipts, the providers' feeds,
//! and the public keys. Paths follow the rules of OICP paths (encoded or raw `*`, either spelling of an id, superfluous
//! slashes), and so does identity: a partner is who its certificate says, in plain mode who its path says. The public keys
//! are for everybody.
//!
//! Nothing here is asked before a path has turned out not to be one of OICP, so that messages pay nothing for it.
//!
//! * [`path`]: which resource a path names;
//! * [`query`]: what may follow the question mark;
//! * [`fault`]: everything that is refused, as HTTP status, OICP code and words;
//! * [`receipts`], [`notifications`], [`stream`]: the services.

pub mod fault;
pub mod notifications;
pub mod path;
pub mod query;
pub mod receipts;
pub mod stream;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use oicp::status::Code;
use oicp::{OperatorId, ProviderId};
use roamhub_core::ProcessId;
use roamhub_core::directory::{Operator, Provider};
use roamhub_core::rank::Rank;
use roamhub_services::load::TooBusy;
use roamhub_services::{Hub, Load, Receipts};

use crate::metrics::{CallLabels, Called, IngressMetrics};
use crate::peer::Peer;
use crate::request::{self, BodyLimits};
use crate::routes::AnswerBody;
use crate::table::EdgeFault;
use fault::PartnerFault;
use path::{Found, Resource};

/// JSON, as everywhere.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const KEYS: HeaderValue = HeaderValue::from_static("application/jwk-set+json");
/// What a client is asked to wait, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// Answers calls of the hub's own services.
#[derive(Debug)]
pub struct PartnerServices {
    hub: Hub,
    receipts: Receipts,
    limits: BodyLimits,
    metrics: IngressMetrics,
    load: Arc<Load>,
}

impl PartnerServices {
    /// Services of this hub. Bodies are read within `limits`, of which the size is that of messages: here it is less.
    #[must_use]
    pub fn new(
        hub: Hub,
        receipts: Receipts,
        limits: BodyLimits,
        metrics: IngressMetrics,
        load: Arc<Load>,
    ) -> Self {
        let limits = BodyLimits { size: notifications::LARGEST_CONFIRMATION.min(limits.size), ..limits };
        Self { hub, receipts, limits, metrics, load }
    }

    /// Answers one call. Never fails: what goes wrong is an answer too.
    pub(crate) async fn answer(
        &self,
        found: Found,
        request: Request<Incoming>,
        peer: &Peer,
        arrived: Instant,
    ) -> Response<AnswerBody> {
        let name = found.name();
        let (head, mut body) = request.into_parts();
        let served = match self.serve(found, &head, &mut body, peer).await {
            Ok(response) => Ok(response),
            Err(fault) => {
                if fault.is_a_strangers() {
                    request::read_little(&head.headers, &mut body).await;
                } else if !fault.read_nothing() {
                    request::discard(&head.headers, &mut body).await;
                }
                Err(fault)
            }
        };
        let code = served.as_ref().map_or_else(|fault| fault.row().code, |_| Code::SUCCESS);
        let leaves = matches!(&served, Err(fault) if fault.is_a_strangers()) && peer.leaves(head.version);
        let mut response = served.unwrap_or_else(|fault| refused(&fault));
        if leaves {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let process = ProcessId::new();
        let http = response.status();
        self.metrics
            .calls
            .get_or_create(&CallLabels { called: Called::Own(name), http: http.as_u16(), code })
            .inc();
        self.metrics.answered.observe(arrived.elapsed().as_secs_f64());
        if http != StatusCode::OK {
            tracing::debug!(%process, service = name, http = http.as_u16(), "refused");
        }
        if let Ok(process) = HeaderValue::try_from(process.to_string()) {
            response.headers_mut().insert("process-id", process);
        }
        response
    }

    async fn serve(
        &self,
        found: Found,
        head: &Parts,
        body: &mut Incoming,
        peer: &Peer,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        // What is looked up here can be looked up later.
        let busy = |TooBusy| PartnerFault::Body(EdgeFault::TooBusy);
        let mut call = self.load.begin(Rank::Progress).map_err(busy)?;
        let claim = match &found {
            // Whoever is shown a receipt may verify it.
            Found::Resource(Resource::Keys) if peer.is_served() => return self.keys(head),
            Found::Resource(resource) => Some(resource.claim()),
            Found::Unknown => None,
        };
        peer.identity.admit(claim.flatten(), &self.hub.directory(), self.hub.clock().now())?;
        let Found::Resource(resource) = found else { return Err(PartnerFault::UnknownPath) };
        let expected = if matches!(resource, Resource::Confirm(_)) { Method::POST } else { Method::GET };
        if head.method != expected {
            return Err(PartnerFault::Method(if expected == Method::POST { "POST" } else { "GET" }));
        }
        match resource {
            Resource::Keys => self.keys(head),
            Resource::Receipt(asker, process) => self.receipt(&asker, &process, head).await,
            Resource::Receipts(asker) => self.session_receipts(&asker, head).await,
            Resource::Notifications(id) => self.notifications(&id, head, peer).await,
            Resource::Confirm(id) => self.confirm(&id, head, body, &mut call).await,
        }
    }

    fn keys(&self, head: &Parts) -> Result<Response<AnswerBody>, PartnerFault> {
        if head.method != Method::GET {
            return Err(PartnerFault::Method("GET"));
        }
        query::read(head.uri.query(), [])?;
        Ok(whole(KEYS, self.receipts.keys()))
    }

    /// The registered operator of a path, which the caller's certificate was held against.
    fn operator(&self, id: &str) -> Result<Arc<Operator>, PartnerFault> {
        let id = OperatorId::parse(id).map_err(PartnerFault::NoId)?;
        self.hub.directory().operator(&id).cloned().ok_or(PartnerFault::UnknownOperator(id))
    }

    /// The registered provider of a path, which the caller's certificate was held against.
    fn provider(&self, id: &str) -> Result<Arc<Provider>, PartnerFault> {
        let id = ProviderId::parse(id).map_err(PartnerFault::NoId)?;
        self.hub.directory().provider(&id).cloned().ok_or(PartnerFault::UnknownProvider(id))
    }
}

/// An answer in one piece.
fn whole(kind: HeaderValue, body: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    // What is true now is not for anybody in between to remember.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused(fault: &PartnerFault) -> Response<AnswerBody> {
    let mut response = whole(JSON, fault.to_json());
    *response.status_mut() = fault.row().http;
    if let PartnerFault::Method(allowed) = fault {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// Whether the caller asks for this media type rather than for JSON: the first of the two that it names counts.
fn prefers(headers: &HeaderMap, kind: &str) -> bool {
    let accepted = headers.get_all(http::header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types =
        accepted.flat_map(|value| value.split(',')).map(|one| one.split(';').next().unwrap_or_default());
    types
        .find_map(|one| match one.trim() {
            one if one.eq_ignore_ascii_case(kind) => Some(true),
            one if one.eq_ignore_ascii_case("application/json") => Some(false),
            _ => None,
        })
        .unwrap_or(false)
}
