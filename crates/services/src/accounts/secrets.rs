//! Random secrets, and what is kept of them: SHA-256 alone. 256 random bits need neither salt nor cost.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use roamhub_core::contact::Secret;
use roamhub_core::ports::accounts::SecretHash;
use sha2::{Digest, Sha256};

/// What every token begins with, so that people and scanners recognise one.
pub const TOKEN_PREFIX: &str = "rh_";
/// No secret of ours is longer: longer ones are not looked up.
const LONGEST: usize = 64;
/// Letters and digits that are not mistaken for each other.
const PLAIN: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The system gives no random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the system has no random bytes")]
pub struct NoRandom;

fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// 256 random bits behind this prefix.
pub(super) fn fresh(prefix: &str) -> Result<Secret, NoRandom> {
    let bytes: [u8; 32] = random()?;
    Ok(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
}

/// A password that people can read out and copy, with 100 random bits: `abcde-fghjk-…`.
///
/// # Errors
/// [`NoRandom`]
pub fn random_password() -> Result<Secret, NoRandom> {
    let bytes: [u8; 20] = random()?;
    let mut text = String::with_capacity(bytes.len() + 3);
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 && place.is_multiple_of(5) {
            text.push('-');
        }
        // 256 is a multiple of 32: all are equally likely.
        text.push(char::from(PLAIN[usize::from(*byte) % PLAIN.len()]));
    }
    Ok(Secret::new(text))
}

/// A salt.
pub(super) fn salt() -> Result<[u8; 16], NoRandom> {
    random()
}

/// What is kept of a secret; nothing for what cannot be one.
pub(super) fn hash(secret: &str) -> Option<SecretHash> {
    (!secret.is_empty() && secret.len() <= LONGEST)
        .then(|| SecretHash(Sha256::digest(secret.as_bytes()).into()))
}

/// What a form of this log-in carries beside the cookie: it follows from the cookie's secret and does not lead back to it.
pub(super) fn form_token(secret: &str) -> Secret {
    let mut hasher = Sha256::new();
    hasher.update(b"roamhub form\0");
    hasher.update(secret.as_bytes());
    Secret::new(URL_SAFE_NO_PAD.encode(hasher.finalize()))
}

/// Compares without telling by its duration where two texts differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    // Of equal length, and what is compared are hashes: whoever measures learns nothing about the texts.
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_recognisable_and_never_the_same() {
        let (one, other) = (fresh(TOKEN_PREFIX).unwrap(), fresh(TOKEN_PREFIX).unwrap());
        assert_ne!(one, other);
        assert!(one.expose().starts_with("rh_") && one.expose().len() == 46, "{}", one.expose());
        assert_eq!(hash(one.expose()), hash(one.expose()));
        assert_ne!(hash(one.expose()), hash(other.expose()));
        assert_eq!(hash(""), None);
        assert_eq!(hash(&"a".repeat(65)), None);
    }

    #[test]
    fn a_form_token_is_not_the_cookie_and_follows_from_it() {
        let cookie = fresh("").unwrap();
        assert_eq!(form_token(cookie.expose()), form_token(cookie.expose()));
        assert_ne!(form_token(cookie.expose()), form_token("another"));
        assert!(same("a", "a") && !same("a", "b") && !same("", "a"));
    }

    #[test]
    fn a_random_password_is_easy_to_copy() {
        let password = random_password().unwrap();
        let groups: Vec<_> = password.expose().split('-').collect();
        assert_eq!(
            groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
            [5; 4],
            "{}",
            password.expose()
        );
        assert_ne!(password, random_password().unwrap());
    }
}
