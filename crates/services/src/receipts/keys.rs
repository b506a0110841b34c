//! Ed25519 keys as JSON Web Keys (RFC 8037), named by their thumbprint (RFC 7638). A private key never prints.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a key or a set of keys cannot be used. The texts never hold key material.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no JWK, or no JWK set.
    #[error("this is not a JSON Web Key (RFC 7517)")]
    NotJwk,
    /// Another kind of key.
    #[error("this is not an Ed25519 key: kty must be OKP and crv Ed25519 (RFC 8037)")]
    NotEd25519,
    /// Private and public half do not belong together.
    #[error("d and x of this key do not belong together")]
    Mismatch,
    /// The key's id is not its thumbprint.
    #[error("kid is not the thumbprint of this key (RFC 7638)")]
    ForeignId,
    /// The system gives no random bytes.
    #[error("the system has no random bytes for a key")]
    NoRandom,
}

/// A key as it is written. Unknown members are ignored, as RFC 7517 demands.
#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "use")]
    purpose: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    seed: [u8; 32],
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

/// A key that checks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    kid: String,
    x: [u8; 32],
}

/// Public keys.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeySet(Vec<PublicKey>);

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::NoRandom)?;
        Self::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::NotEd25519)?;
        let x = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NotEd25519)?;
        Ok(Self { pair, seed, public: PublicKey::new(x) })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private key as a JWK, to be kept secret.
    #[must_use]
    pub fn to_private_json(&self) -> String {
        let jwk = Jwk { d: Some(URL_SAFE_NO_PAD.encode(self.seed)), ..self.public.jwk() };
        serde_json::to_string(&jwk).expect("strings can always be written as JSON")
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl PublicKey {
    fn new(x: [u8; 32]) -> Self {
        // The members in alphabetical order and no blanks: RFC 7638, RFC 8037 appendix A.3.
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(x));
        Self { kid: URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)), x }
    }

    /// Its id: the thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key as a JWK.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.jwk()).expect("strings can always be written as JSON")
    }

    fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.x),
            d: None,
            kid: Some(self.kid.clone()),
            alg: Some("EdDSA".to_owned()),
            purpose: Some("sig".to_owned()),
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.x).verify(message, signature).is_ok()
    }
}

/// Reads one key: its public half, and what signs if the private half is there.
///
/// # Errors
/// [`KeyError`].
pub fn read_key(json: &str) -> Result<(PublicKey, Option<SigningKey>), KeyError> {
    let jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError::NotJwk)?;
    let public = read_public(&jwk)?;
    let Some(d) = jwk.d else { return Ok((public, None)) };
    let signing = SigningKey::from_seed(thirty_two(&d)?)?;
    if signing.public == public { Ok((public, Some(signing))) } else { Err(KeyError::Mismatch) }
}

fn read_public(jwk: &Jwk) -> Result<PublicKey, KeyError> {
    if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
        return Err(KeyError::NotEd25519);
    }
    let public = PublicKey::new(thirty_two(&jwk.x)?);
    match &jwk.kid {
        Some(kid) if *kid != public.kid => Err(KeyError::ForeignId),
        _ => Ok(public),
    }
}

fn thirty_two(text: &str) -> Result<[u8; 32], KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::NotEd25519)?;
    bytes.try_into().map_err(|_| KeyError::NotEd25519)
}

impl KeySet {
    /// The key of this id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The JWK set.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys: Vec<String> = self.0.iter().map(PublicKey::to_json).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Reads a JWK set. Keys of other kinds are left out.
    ///
    /// # Errors
    /// [`KeyError`] if it is no set, or an Ed25519 key in it is broken.
    pub fn read(json: &str) -> Result<Self, KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeyError::NotJwk)?;
        let mut keys = Vec::new();
        for value in set.keys {
            // Other kinds of keys have other members.
            let Ok(jwk) = serde_json::from_value::<Jwk>(value) else { continue };
            match read_public(&jwk) {
                Ok(key) => keys.push(key),
                Err(KeyError::NotEd25519) if jwk.crv != "Ed25519" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(keys))
    }
}

impl FromIterator<PublicKey> for KeySet {
    fn from_iter<T: IntoIterator<Item = PublicKey>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.1.
    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519",
        "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let (public, signing) = read_key(PRIVATE).unwrap();
        assert_eq!(public.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(signing.unwrap().public(), &public);
    }

    #[test]
    fn a_key_comes_back_as_it_was_and_never_prints() {
        let key = SigningKey::generate().unwrap();
        let private = key.to_private_json();
        let (public, again) = read_key(&private).unwrap();
        assert_eq!((public, again.unwrap().seed), (key.public().clone(), key.seed));
        let secret = URL_SAFE_NO_PAD.encode(key.seed);
        assert!(private.contains(&secret) && !format!("{key:?}").contains(&secret));
        assert!(!key.public().to_json().contains("\"d\""));
        assert_ne!(SigningKey::generate().unwrap().public(), key.public());
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        let other = SigningKey::generate().unwrap();
        let public = |text: &str| read_key(text).map(|(public, _)| public.kid().to_owned());
        assert_eq!(public("{}"), Err(KeyError::NotJwk));
        assert_eq!(public(&PRIVATE.replace("OKP", "RSA")), Err(KeyError::NotEd25519));
        assert_eq!(public(&PRIVATE.replace("PcHURo", "PcHUR")), Err(KeyError::NotEd25519));
        let swapped = PRIVATE
            .replace("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", &URL_SAFE_NO_PAD.encode(other.seed));
        assert_eq!(public(&swapped), Err(KeyError::Mismatch));
        assert_eq!(public(&PRIVATE.replace("\"d\"", "\"kid\":\"mine\",\"d\"")), Err(KeyError::ForeignId));
    }

    #[test]
    fn a_set_keeps_its_ed25519_keys_and_passes_over_others() {
        let (one, two) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let set: KeySet = [one.public().clone(), two.public().clone()].into_iter().collect();
        assert_eq!(KeySet::read(&set.to_json()), Ok(set.clone()));
        let mixed = set
            .to_json()
            .replace("[{", r#"[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"X25519","x":"AA"},{"#);
        assert_eq!(KeySet::read(&mixed), Ok(set.clone()));
        assert_eq!(set.find(two.public().kid()), Some(two.public()));
        assert_eq!(set.find("unknown"), None);
        assert_eq!(KeySet::read("[]"), Err(KeyError::NotJwk));
    }
}
