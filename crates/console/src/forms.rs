//! Forms: read within bounds, and the token that each carries.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Form, FromRequest, Request};
use axum::http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::admin::problem::Problem;

/// The header that carries a form's token where a script makes the request.
pub(crate) const HEADER: &str = "hub-form-token";
const FORM: &str = "application/x-www-form-urlencoded";
/// No request of the admin API is longer.
pub(crate) const LONGEST: usize = 256 * 1024;

#[derive(Deserialize)]
struct Token {
    form_token: String,
}

/// Reads a body.
pub(crate) async fn bounded(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, LONGEST)
        .await
        .map_err(|_| Problem::bad("this is longer than anything the hub expects here"))
}

/// The token in a form.
pub(crate) async fn token(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with(FORM) {
        return None;
    }
    read::<Token>(body.clone()).await.ok().map(|form| form.form_token)
}

/// Reads a form's fields; what it has beyond them is left alone.
pub(crate) async fn read<T: DeserializeOwned>(body: Bytes) -> Result<T, Problem> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(FORM));
    let read = Form::<T>::from_request(request, &()).await;
    read.map(|Form(form)| form)
        .map_err(|_| Problem::bad("this form is not one of the console's; open its page again"))
}
