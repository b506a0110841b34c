//! Checking a PIN against the hash that a provider uploaded.
//!
//! Hashing is slow on purpose: it is done beside the threads that serve partners, a few at a time. Guessing is limited per
//! contract and per operator; what was guessed wrong is on disk before the hash is looked at, so neither many guesses at
//! once nor a restart make more of them possible.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

use jiff::Timestamp;
use oicp::OperatorId;
use oicp::authentication::{LegacyFunction, PinHash};
use oicp::identification::Pin;
use roamhub_core::guesses::{GuessLimits, Guesses};
use roamhub_core::media::MediumHash;
use roamhub_core::ports::LedgerError;
use sha1::Sha1;
use sha2::Digest;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::hub::Inner;

/// The bcrypt cost of PINs that come in clear: some 60 ms. A PIN has few digits, so no cost keeps whoever has the hash
/// from trying them all; this one makes it minutes per contract.
const COST: u32 = 10;

/// A PIN that somebody has typed in, and what it is compared with.
pub(crate) struct Guess<'a> {
    pub(crate) operator: OperatorId,
    pub(crate) medium: MediumHash,
    pub(crate) pin: &'a Pin,
    pub(crate) hash: PinHash,
    pub(crate) verdict: Verdict,
}

/// What a comparison decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nobody else is asked: a wrong PIN counts for the operator too.
    Final,
    /// A provider that may know a newer PIN is asked next.
    Preliminary,
}

/// Why a PIN does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotRight {
    /// It is another one.
    Wrong,
    /// Too many were wrong: it was not looked at.
    TooOften,
    /// Too many are compared at the moment: it was not looked at.
    NoTime,
}

impl NotRight {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Wrong => "the PIN is wrong",
            Self::TooOften => "too many wrong PINs; wait before the next one",
            Self::NoTime => "the PIN could not be compared in time; try again",
        }
    }
}

/// What is counted, and the right to hash.
#[derive(Debug)]
pub(crate) struct Pins {
    counted: Mutex<HashMap<MediumHash, Guesses>>,
    hashing: Arc<Semaphore>,
}

impl Pins {
    pub(crate) fn new(counted: Vec<(MediumHash, Guesses)>) -> Self {
        let at_once = available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Self {
            counted: Mutex::new(counted.into_iter().collect()),
            hashing: Arc::new(Semaphore::new(at_once)),
        }
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<MediumHash, Guesses>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the guess as wrong before anybody knows; what to keep of it. `None` if it has to wait.
    fn begin(&self, contract: MediumHash, operator: Option<MediumHash>, now: Timestamp) -> Option<Guesses> {
        let mut counted = self.counted();
        let waits = |key: MediumHash, limits| {
            counted.get(&key).is_some_and(|guesses: &Guesses| guesses.must_wait(limits, now))
        };
        let operator_waits = operator.is_some_and(|operator| waits(operator, GuessLimits::OF_OPERATOR));
        if operator_waits || waits(contract, GuessLimits::OF_CONTRACT) {
            return None;
        }
        let before = counted.get(&contract).copied();
        let guesses = Guesses::and_one(before, GuessLimits::OF_CONTRACT, now);
        counted.insert(contract, guesses);
        Some(guesses)
    }

    /// It was wrong: it counts for the operator too.
    fn wrong(&self, operator: MediumHash, now: Timestamp) -> Guesses {
        let mut counted = self.counted();
        let guesses = Guesses::and_one(counted.get(&operator).copied(), GuessLimits::OF_OPERATOR, now);
        counted.insert(operator, guesses);
        guesses
    }

    fn forget(&self, contract: &MediumHash) {
        self.counted().remove(contract);
    }

    /// It was not looked at after all.
    fn take_back(&self, contract: MediumHash) {
        if let Some(guesses) = self.counted().get_mut(&contract) {
            guesses.wrong = guesses.wrong.saturating_sub(1);
        }
    }
}

impl Inner {
    /// Whether the PIN is right; looked at before the deadline or not at all.
    pub(crate) async fn check_pin(
        self: &Arc<Self>,
        guess: Guess<'_>,
        deadline: Instant,
    ) -> Result<Result<(), NotRight>, LedgerError> {
        let contract = guess.medium;
        let operator = (guess.verdict == Verdict::Final)
            .then(|| self.medium_key.hash_text(&format!("operator:{}", guess.operator.key())));
        let now = self.clock.now();
        let Some(counted) = self.pins.begin(contract, operator, now) else {
            return Ok(Err(NotRight::TooOften));
        };
        self.ledger.keep_guesses(vec![(contract, Some(counted))]).await?;
        let turn = self.pins.hashing.clone().acquire_owned();
        let Ok(Ok(permit)) = timeout_at(deadline.into(), turn).await else {
            self.pins.take_back(contract);
            return Ok(Err(NotRight::NoTime));
        };
        let (pin, hash) = (guess.pin.clone(), guess.hash);
        let compared = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            is_right(&pin, &hash)
        });
        if compared.await.unwrap_or(false) {
            self.pins.forget(&contract);
            // A restart before this is written costs the contract one free guess.
            let inner = self.clone();
            self.tasks.spawn(async move { inner.ledger.keep_guesses(vec![(contract, None)]).await });
            return Ok(Ok(()));
        }
        if let Some(operator) = operator {
            let counted = self.pins.wrong(operator, now);
            self.ledger.keep_guesses(vec![(operator, Some(counted))]).await?;
        }
        Ok(Err(NotRight::Wrong))
    }
}

/// A PIN in clear as it is kept. Slow.
pub(crate) fn hashed(pin: &Pin) -> Option<PinHash> {
    bcrypt::hash(pin.as_str(), COST).ok().map(PinHash::Bcrypt)
}

/// Compares; slow. How OICP 2.1 put the salt in is not documented: it is taken to follow the PIN.
fn is_right(pin: &Pin, hash: &PinHash) -> bool {
    match hash {
        PinHash::Bcrypt(hash) => bcrypt::verify(pin.as_str(), hash).unwrap_or(false),
        PinHash::Legacy { function, salt, hex } => {
            let salted = [pin.as_str(), salt].concat();
            let digest = match function {
                LegacyFunction::Md5 => md5::Md5::digest(salted).to_vec(),
                LegacyFunction::Sha1 => Sha1::digest(salted).to_vec(),
            };
            *hex == in_hex(&digest)
        }
    }
}

fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
