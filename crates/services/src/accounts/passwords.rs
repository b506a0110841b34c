//! Passwords: argon2id, off the threads that serve partners, and few at a time, so that log-ins cannot eat the machine.
//!
//! One hash takes 19 MiB and some tens of milliseconds of a core. On two cores one is made at a time; so many wait, the
//! next one is turned away.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use roamhub_core::account::UserName;
use roamhub_core::contact::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::secrets;

/// OWASP's parameters for argon2id (Password Storage Cheat Sheet): memory in KiB, rounds, lanes.
const MEMORY: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;
/// How many may wait for their turn.
const QUEUE: usize = 32;
/// The shortest and the longest password, in characters and bytes.
const SHORTEST: usize = 12;
const LONGEST: usize = 1024;

/// Compared with where nobody has a name, so that it takes as long as where somebody has: no password leads to it.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("a password has at least 12 characters; a few words in a row are fine")]
    Short,
    /// Nobody types that.
    #[error("a password has at most 1024 bytes")]
    Long,
    /// The first thing that is tried.
    #[error("the password must not be the name")]
    IsTheName,
}

/// Why nothing was hashed or compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotNow {
    /// Too many at a time.
    Busy,
    /// No random bytes, or the thread is gone.
    Broken,
}

/// Whether a password fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    Right,
    Wrong,
}

/// Checks what somebody wants as a password.
pub(super) fn check(password: &Secret, name: &UserName) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    if text.len() > LONGEST {
        return Err(PasswordError::Long);
    }
    if text.eq_ignore_ascii_case(name.as_str()) { Err(PasswordError::IsTheName) } else { Ok(()) }
}

/// Hashes and compares, in turn.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    at_work: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let width = (cores / 2).clamp(1, 4);
        Self { at_work: Arc::new(Semaphore::new(width)), queue: Arc::new(Semaphore::new(width + QUEUE)) }
    }
}

impl Passwords {
    /// What is kept of a password.
    pub(super) async fn hash(&self, password: Secret) -> Result<Secret, NotNow> {
        let salt = secrets::salt().map_err(|_| NotNow::Broken)?;
        let hashed = self.in_turn(move || {
            argon2().hash_password_with_salt(password.expose().as_bytes(), &salt).map(|hash| hash.to_string())
        });
        hashed.await?.map(Secret::new).map_err(|_| NotNow::Broken)
    }

    /// Compares a password with what was kept of it; with nobody's where there is nothing, for as long.
    pub(super) async fn compare(&self, password: Secret, kept: Option<Secret>) -> Result<Fit, NotNow> {
        self.in_turn(move || {
            let text = password.expose();
            // Longer ones cannot have been set. Compared all the same, for as long.
            let text = text.get(..text.len().min(LONGEST)).unwrap_or_default();
            let hash = kept.as_ref().map_or(NOBODYS, Secret::expose);
            match argon2().verify_password(text.as_bytes(), hash) {
                Ok(()) if kept.is_some() && text.len() == password.expose().len() => Fit::Right,
                Ok(()) | Err(_) => Fit::Wrong,
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotNow> {
        let queued = self.queue.clone().try_acquire_owned().map_err(|_| NotNow::Busy)?;
        let turn = self.at_work.clone().acquire_owned().await.map_err(|_| NotNow::Broken)?;
        // The places go with the work: it goes on even if nobody waits for it any more.
        let worked = spawn_blocking(move || {
            let done = work();
            drop((queued, turn));
            done
        });
        worked.await.map_err(|_| NotNow::Broken)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, ROUNDS, LANES, None).expect("within the bounds of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_what_was_kept_of_it_and_nothing_else() {
        let passwords = Passwords::default();
        let kept = passwords.hash(secret("correct horse battery")).await.unwrap();
        assert!(kept.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.expose());
        assert_ne!(kept, passwords.hash(secret("correct horse battery")).await.unwrap(), "salted");
        let compare = |text: &str, kept: &Secret| passwords.compare(secret(text), Some(kept.clone()));
        assert_eq!(compare("correct horse battery", &kept).await, Ok(Fit::Right));
        assert_eq!(compare("correct horse batterie", &kept).await, Ok(Fit::Wrong));
        assert_eq!(compare("", &kept).await, Ok(Fit::Wrong));
        assert_eq!(compare("correct horse battery", &secret("nonsense")).await, Ok(Fit::Wrong));
        assert_eq!(passwords.compare(secret(""), None).await, Ok(Fit::Wrong));
    }

    #[test]
    fn what_nobodys_password_is_compared_with_costs_as_much() {
        let kept = argon2().hash_password_with_salt(b"any", &[0; 16]).unwrap().to_string();
        let head = |text: &str| text.rsplit_once('$').unwrap().0.to_owned();
        assert_eq!(head(&kept), head(NOBODYS));
        assert_eq!(kept.len(), NOBODYS.len());
    }

    #[tokio::test]
    async fn too_many_at_a_time_are_turned_away() {
        let passwords = Passwords::default();
        let places = passwords.queue.available_permits();
        let held = passwords.queue.clone().acquire_many_owned(u32::try_from(places).unwrap()).await.unwrap();
        assert_eq!(passwords.compare(secret("x"), None).await, Err(NotNow::Busy));
        drop(held);
        assert_eq!(passwords.compare(secret("x"), None).await, Ok(Fit::Wrong));
    }

    #[test]
    fn passwords_are_long_enough_and_not_the_name() {
        let anna = UserName::parse("anna.administrator").unwrap();
        assert_eq!(check(&secret("eleven char"), &anna), Err(PasswordError::Short));
        assert_eq!(check(&secret(&"a".repeat(1025)), &anna), Err(PasswordError::Long));
        assert_eq!(check(&secret("Anna.Administrator"), &anna), Err(PasswordError::IsTheName));
        assert_eq!(check(&secret("zwölf Zeichen"), &anna), Ok(()));
    }
}
