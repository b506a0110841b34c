//! From a request to a service and back. Paths are matched leniently (encoded or raw `*`, doubled and trailing slashes);
//! a POST is never redirected. Every answer carries a `Process-ID`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use oicp::paging::Paging;
use oicp::service::Service;
use roamhub_core::ports::LedgerError;
use roamhub_core::rank::Rank;
use roamhub_core::records::Refusal;
use roamhub_core::{Partner, ProcessId};
use roamhub_services::identity::Claim;
use roamhub_services::load::{TooBusy, UnderWay};
use roamhub_services::reply::CallerIds;
use roamhub_services::{Hub, Identity, Load, Reply, Verdict};

use crate::answer::{self, DELIVERY_HEADER, WireAnswer};
use crate::metrics::{CallLabels, Called, IngressMetrics, OperationLabel};
use crate::partner::stream::FeedStream;
use crate::partner::{PartnerServices, path};
use crate::peer::Peer;
use crate::records::{self, RecordStream};
use crate::remote::Remote;
use crate::request::{self, BodyLimits};
use crate::table::EdgeFault;
use crate::upload;

/// What a client is asked to wait before it sends again what could not be stored, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The body of an answer: nearly always one piece.
pub type AnswerBody = Either<Full<Bytes>, Either<FeedStream, RecordStream>>;

/// Which services of OICP this hub has.
fn is_offered(service: Service) -> bool {
    match service {
        Service::ChargingNotifications
        | Service::AuthorizeStart
        | Service::AuthorizeStop
        | Service::PushAuthenticationData
        | Service::ChargeDetailRecord
        | Service::GetChargeDetailRecords => true,
        service => Remote::of(service).is_some(),
    }
}

/// Answers calls.
#[derive(Debug)]
pub struct Routes {
    hub: Hub,
    partner: PartnerServices,
    limits: Sizes,
    metrics: IngressMetrics,
    load: Arc<Load>,
}

/// What is read of bodies.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Of messages.
    pub messages: BodyLimits,
    /// Of uploads: some hundred thousand records.
    pub uploads: BodyLimits,
}

/// What was called, for the record.
struct Call {
    service: Option<Service>,
    process: ProcessId,
    /// Who called, where the call was refused.
    refused: Option<Caller>,
}

/// What a service answers with.
enum Served {
    /// An acknowledgement or the like.
    Reply(Box<Reply>),
    /// A page of records.
    Records(ProcessId, AnswerBody),
}

/// Who a path says that the caller is.
fn claim(service: Service, id: &str) -> Claim<'_> {
    if service.is_called_by_operators() { Claim::Operator(id) } else { Claim::Provider(id) }
}

/// Under whose name a refusal is kept: never under that of somebody who only was named.
fn blamed(reply: &Reply) -> Option<Partner> {
    match &reply.verdict {
        Verdict::Unauthorised(why) => why.stands_for.first().copied(),
        _ => reply.ids.partner,
    }
}

/// Whether a refusal is one of a partner that has proved to be one.
fn is_a_partners(reply: &Reply) -> bool {
    match &reply.verdict {
        Verdict::Unauthorised(why) => why.is_a_partner(),
        _ => true,
    }
}

/// Who called, as far as it could be read.
#[derive(Default)]
struct Caller {
    partner: Option<Partner>,
    session: Option<String>,
}

impl Routes {
    /// Routes to these services.
    #[must_use]
    pub fn new(
        hub: Hub,
        partner: PartnerServices,
        limits: Sizes,
        metrics: IngressMetrics,
        load: Arc<Load>,
    ) -> Self {
        Self { hub, partner, limits, metrics, load }
    }

    /// The services behind them.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Answers one call. Never fails: what goes wrong is an answer too.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Response<AnswerBody> {
        let arrived = Instant::now();
        let found = Service::find(request.uri().path());
        if let Some(most) = peer.surplus {
            let fault = EdgeFault::TooManyConnections { most };
            let service = found.map(|(service, _)| service);
            return self.turn_away(service, request, &peer, Err(fault), arrived).await;
        }
        if found.is_none()
            && let Some(found) = path::find(request.uri().path())
        {
            return Box::pin(self.partner.answer(found, request, &peer, arrived)).await;
        }
        let service = found.as_ref().map(|(service, _)| *service);
        let claim = found.as_ref().and_then(|(service, id)| Some(claim(*service, id.as_deref()?)));
        if let Err(reply) = self.hub.admit(&peer.identity, claim) {
            return Box::pin(self.turn_away(service, request, &peer, Ok(reply), arrived)).await;
        }
        let (call, answer) = match self.serve(found, request, &peer.identity, arrived).await {
            Ok((service, Served::Records(process, page))) => {
                let call = Call { service: Some(service), process, refused: None };
                return self.record(call, answer::of_records(), arrived).map(|_| page);
            }
            Ok((service, Served::Reply(reply))) => {
                self.count_refused(service, &reply);
                let refused = reply
                    .verdict
                    .is_refusal()
                    .then(|| Caller { partner: blamed(&reply), session: reply.ids.session.clone() });
                let call = Call { service: Some(service), process: reply.process, refused };
                (call, answer::of_reply(service, *reply))
            }
            Err(fault) => {
                if fault == EdgeFault::TooBusy {
                    self.count_shed(service);
                }
                let call = Call { service, process: ProcessId::new(), refused: Some(Caller::default()) };
                (call, answer::of_fault(service, &fault))
            }
        };
        self.record(call, answer, arrived).map(Either::Left)
    }

    async fn serve(
        &self,
        found: Option<(Service, Option<String>)>,
        request: Request<Incoming>,
        who: &Identity,
        arrived: Instant,
    ) -> Result<(Service, Served), EdgeFault> {
        let (head, mut body) = request.into_parts();
        let rank = found.as_ref().map_or(Rank::Progress, |(service, _)| Rank::of_call(*service));
        let mut call = match self.load.begin(rank) {
            Ok(call) => call,
            Err(TooBusy) => {
                request::discard(&head.headers, &mut body).await;
                return Err(EdgeFault::TooBusy);
            }
        };
        if let Some((service @ Service::PushAuthenticationData, Some(id))) = &found
            && head.method == Method::POST
        {
            let limits = self.limits.uploads;
            let reply = Box::pin(upload::serve(&self.hub, who, id, &head, &mut body, limits)).await?;
            return Ok((*service, Served::Reply(Box::new(reply))));
        }
        let (service, id, body) = match self.admit(found, &head, &mut body, &mut call).await {
            Ok(admitted) => admitted,
            Err(fault) => {
                if !matches!(fault, EdgeFault::TooSlow | EdgeFault::BrokenOff) {
                    request::discard(&head.headers, &mut body).await;
                }
                return Err(fault);
            }
        };
        let odd = request::content_type_finding(&head.headers);
        let reply = match (service, id) {
            (Service::AuthorizeStart, Some(id)) => {
                Box::pin(self.hub.authorise_start(who, &id, body, arrived)).await
            }
            (Service::AuthorizeStop, Some(id)) => {
                Box::pin(self.hub.authorise_stop(who, &id, body, arrived)).await
            }
            (Service::ChargeDetailRecord, Some(id)) => {
                Box::pin(self.hub.record(who, &id, body, odd, arrived)).await
            }
            (Service::GetChargeDetailRecords, Some(id)) => {
                return Ok((service, Box::pin(self.fetch_records(who, &id, &body, &head, arrived)).await));
            }
            (service, id) => match Remote::of(service).zip(id) {
                Some((remote, id)) => Box::pin(remote.serve(&self.hub, who, &id, body, arrived)).await,
                None => self.hub.notify(who, body, odd, arrived).await,
            },
        };
        Ok((service, Served::Reply(Box::new(reply))))
    }

    async fn fetch_records(
        &self,
        who: &Identity,
        id: &str,
        body: &Bytes,
        head: &Parts,
        arrived: Instant,
    ) -> Served {
        let paging = Paging::read(head.uri.query());
        let fetched = self.hub.fetch_records(who, id, body, paging, arrived).await;
        let (process, page) = match fetched {
            Ok(found) => (found.process, records::body(found).await),
            Err(refusal) => return Served::Reply(refusal),
        };
        match page {
            Ok(page) => Served::Records(process, page),
            Err(error) => {
                let (verdict, ids) = (Verdict::Ledger(error), CallerIds::default());
                Served::Reply(Box::new(Reply { process, verdict, ids }))
            }
        }
    }

    /// Counts what was refused for rate or load.
    fn count_refused(&self, service: Service, reply: &Reply) {
        match &reply.verdict {
            Verdict::TooOften(too_often) => {
                let label = OperationLabel { operation: too_often.limited.to_string() };
                self.metrics.too_often.get_or_create(&label).inc();
            }
            Verdict::TooBusy | Verdict::Ledger(LedgerError::Busy) => self.count_shed(Some(service)),
            _ => {}
        }
    }

    fn count_shed(&self, service: Option<Service>) {
        let operation = service.map_or(Called::Unknown, Called::Oicp).to_string();
        self.metrics.too_busy.get_or_create(&OperationLabel { operation }).inc();
    }

    /// Which service is called, and its body.
    async fn admit(
        &self,
        found: Option<(Service, Option<String>)>,
        head: &Parts,
        body: &mut Incoming,
        call: &mut UnderWay,
    ) -> Result<(Service, Option<String>, Bytes), EdgeFault> {
        let (service, id) = found.ok_or(EdgeFault::UnknownPath)?;
        if head.method != Method::POST {
            return Err(EdgeFault::Method);
        }
        if !is_offered(service) {
            return Err(EdgeFault::NotOffered);
        }
        let body = request::read(&head.headers, body, self.limits.messages, Some(call)).await?;
        Ok((service, id, body))
    }

    /// Answers who is not let in. What it has to say is read for one thing only: in whose name a notification comes, which
    /// its path does not tell.
    async fn turn_away(
        &self,
        service: Option<Service>,
        request: Request<Incoming>,
        peer: &Peer,
        why: Result<Box<Reply>, EdgeFault>,
        arrived: Instant,
    ) -> Response<AnswerBody> {
        let (head, mut body) = request.into_parts();
        let said = request::read_little(&head.headers, &mut body).await;
        let why = match why {
            Ok(reply) if service == Some(Service::ChargingNotifications) => {
                Ok(self.hub.in_whose_name(&peer.identity, said, reply))
            }
            why => why,
        };
        let stays = matches!(&why, Ok(reply) if is_a_partners(reply));
        let (process, partner, answer) = match why {
            Ok(reply) => {
                let partner = reply.ids.partner;
                let any = service.unwrap_or(Service::ChargingNotifications);
                (reply.process, partner, answer::of_reply(any, *reply))
            }
            Err(fault) => (ProcessId::new(), None, answer::of_fault(service, &fault)),
        };
        let call = Call { service, process, refused: Some(Caller { partner, session: None }) };
        let mut response = self.record(call, answer, arrived);
        if !stays && peer.leaves(head.version) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(Either::Left)
    }

    /// Counts, keeps a record of a refusal, and puts the answer on the wire.
    fn record(&self, call: Call, answer: WireAnswer, arrived: Instant) -> Response<Full<Bytes>> {
        let http = answer.row.http;
        let called = call.service.map_or(Called::Unknown, Called::Oicp);
        let labels = CallLabels { called, http: http.as_u16(), code: answer.row.code };
        self.metrics.calls.get_or_create(&labels).inc();
        self.metrics.answered.observe(arrived.elapsed().as_secs_f64());
        if let Some(caller) = call.refused {
            let service = called.to_string();
            tracing::info!(process = %call.process, service, http = http.as_u16(), code = %answer.row.code, "refused");
            self.hub.note_refusal(Refusal {
                process: call.process,
                received_at: self.hub.clock().now(),
                service,
                partner: caller.partner.map(|id| id.to_string()),
                session: caller.session,
                http_status: http.as_u16(),
                code: answer.row.code.number(),
                reason: answer.reason,
            });
        }
        let mut response = Response::new(Full::new(Bytes::from(answer.body)));
        *response.status_mut() = http;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        if let Ok(process) = HeaderValue::try_from(call.process.to_string()) {
            headers.insert("process-id", process);
        }
        if let Some(delivery) = answer.delivery {
            headers.insert(DELIVERY_HEADER, HeaderValue::from_static(delivery));
        }
        match http {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let seconds = answer.retry_after.map_or(RETRY_AFTER_SECONDS, HeaderValue::from);
                headers.insert(RETRY_AFTER, seconds);
            }
            _ => {}
        }
        response
    }
}
