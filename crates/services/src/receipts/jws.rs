//! The compact form of a JSON Web Signature (RFC 7515) with EdDSA (RFC 8037): three parts in base64url, a dot between
//! them. Only this one algorithm is ever accepted, whatever a header says.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::keys::{KeySet, SigningKey};

/// Why a text is not a valid signature of anything.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwsError {
    /// Not three parts in base64url.
    #[error("this is not a compact JWS: three parts in base64url with dots between them")]
    NotCompact,
    /// The header cannot be read, or demands what is not understood.
    #[error("the header of this JWS cannot be read")]
    Header,
    /// Another algorithm.
    #[error("this JWS is signed with {0:?}; receipts are signed with EdDSA")]
    Algorithm(String),
    /// The key is not among those given.
    #[error("the key {0:?} of this JWS is not among the keys; fetch the keys of the hub that issued it")]
    UnknownKey(String),
    /// The signature is not of these bytes under this key.
    #[error("the signature does not fit: the receipt was altered, or another key signed it")]
    Signature,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11): none is.
    crit: Option<serde_json::Value>,
}

/// Signs a payload.
#[must_use]
pub fn sign(key: &SigningKey, payload: &[u8]) -> String {
    // Key ids are base64url: nothing in them has to be escaped.
    signed_under(&format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, key.public().kid()), key, payload)
}

fn signed_under(header: &str, key: &SigningKey, payload: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Checks a signature against these keys and returns what was signed.
///
/// # Errors
/// [`JwsError`]: why it is not valid.
pub fn verify(jws: &str, keys: &KeySet) -> Result<Vec<u8>, JwsError> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::NotCompact);
    let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| JwsError::Header)?;
    if header.crit.is_some() {
        return Err(JwsError::Header);
    }
    // RFC 9864 names the same algorithm `Ed25519`.
    if !matches!(header.alg.as_str(), "EdDSA" | "Ed25519") {
        return Err(JwsError::Algorithm(header.alg));
    }
    let kid = header.kid.unwrap_or_default();
    let Some(key) = keys.find(&kid) else { return Err(JwsError::UnknownKey(kid)) };
    if key.verifies(signed.as_bytes(), &signature) { Ok(payload) } else { Err(JwsError::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipts::keys::read_key;

    /// RFC 8037, appendix A.1.
    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519",
        "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 8037, appendix A.4.
    const SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PG\
                          cvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn keys(key: &SigningKey) -> KeySet {
        [key.public().clone()].into_iter().collect()
    }

    #[test]
    fn the_example_of_rfc_8037_comes_out_as_it_is_printed_there() {
        let key = read_key(PRIVATE).unwrap().1.unwrap();
        assert_eq!(signed_under(r#"{"alg":"EdDSA"}"#, &key, b"Example of Ed25519 signing"), SIGNED);
        let (signed, signature) = SIGNED.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.public().verifies(signed.as_bytes(), &signature));
        assert!(!key.public().verifies(&signed.as_bytes()[1..], &signature));
        // Without a key id nobody knows whom to ask.
        assert_eq!(verify(SIGNED, &keys(&key)), Err(JwsError::UnknownKey(String::new())));
    }

    #[test]
    fn what_was_signed_is_what_comes_back() {
        let key = SigningKey::generate().unwrap();
        for payload in [&b""[..], b"{}", "{\"a\":\"\u{e9}\"}".as_bytes(), &[0xFF; 4096]] {
            assert_eq!(verify(&sign(&key, payload), &keys(&key)).as_deref(), Ok(payload));
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let key = SigningKey::generate().unwrap();
        let jws = sign(&key, br#"{"state":"delivered"}"#);
        for (place, letter) in jws.char_indices() {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let mut altered = jws.clone();
            altered.replace_range(place..=place, &other.to_string());
            assert!(verify(&altered, &keys(&key)).is_err(), "{place}: {altered}");
        }
    }

    #[test]
    fn another_key_another_algorithm_and_demands_are_refused() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let jws = sign(&key, b"{}");
        assert_eq!(verify(&jws, &keys(&other)), Err(JwsError::UnknownKey(key.public().kid().to_owned())));
        let kid = key.public().kid();
        let under =
            |header: &str| verify(&signed_under(&header.replace("KID", kid), &key, b"{}"), &keys(&key));
        assert_eq!(under(r#"{"alg":"none","kid":"KID"}"#), Err(JwsError::Algorithm("none".to_owned())));
        assert_eq!(under(r#"{"alg":"EdDSA","kid":"KID","crit":["b64"],"b64":false}"#), Err(JwsError::Header));
        assert_eq!(under(r#"{"kid":"KID"}"#), Err(JwsError::Header));
        assert_eq!(under(r#"{"alg":"Ed25519","kid":"KID"}"#).as_deref(), Ok(&b"{}"[..]));
        // Somebody else signs under a key id that is not theirs.
        let stolen = signed_under(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &other, b"{}");
        assert_eq!(verify(&stolen, &keys(&key)), Err(JwsError::Signature));
    }

    #[test]
    fn what_is_no_jws_is_named_so() {
        let keys = keys(&SigningKey::generate().unwrap());
        for text in ["", ".", "..", "a.b", "a.b.c.d", "=.=.=", "e30=.e30.AA"] {
            let error = verify(text, &keys).unwrap_err();
            assert!(matches!(error, JwsError::NotCompact | JwsError::Header), "{text:?}: {error}");
        }
    }
}
