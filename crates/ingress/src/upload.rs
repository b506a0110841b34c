//! A push of authentication data is large: whether the caller may push at all is looked at before its body is read, and
//! the body is read when its turn has come.

use http::request::Parts;
use hyper::body::Incoming;
use roamhub_services::{Hub, Identity, Reply};

use crate::request::{self, BodyLimits};
use crate::table::EdgeFault;

/// Takes a push in.
pub(crate) async fn serve(
    hub: &Hub,
    who: &Identity,
    id: &str,
    head: &Parts,
    body: &mut Incoming,
    limits: BodyLimits,
) -> Result<Reply, EdgeFault> {
    let turn = match hub.admit_upload(who, id) {
        Ok(mut turn) => turn.come().await.map(|()| turn),
        Err(reply) => Err(reply),
    };
    let turn = match turn {
        Ok(turn) => turn,
        Err(reply) => {
            request::discard(&head.headers, body).await;
            return Ok(*reply);
        }
    };
    let body = match request::read(&head.headers, body, limits, None).await {
        Ok(body) => body,
        Err(fault) => {
            if !matches!(fault, EdgeFault::TooSlow | EdgeFault::BrokenOff) {
                request::discard(&head.headers, body).await;
            }
            return Err(fault);
        }
    };
    Ok(hub.upload(turn, body).await)
}
