//! Certificates that come to their end: from when that is worth a word, and when people are reminded of it. Pure; time
//! is a parameter.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::retry::later;
use crate::trouble::Side;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long before its end a certificate is worth a word, unless it is set otherwise.
pub const USUAL_NOTICE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What a certificate is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// A server shows it.
    Server {
        /// Its host, and its port unless that is the usual one.
        host: String,
    },
    /// It is trusted beside those of the machine.
    Authority {
        /// The name of its file, without folders.
        file: String,
    },
    /// The hub shows it when it is called.
    Serving {
        /// The name of its file, without folders.
        file: String,
    },
    /// The hub shows it when it calls.
    Calling {
        /// The name of its file, without folders.
        file: String,
    },
    /// A partner shows it when it calls the hub.
    Client {
        /// Its SHA-256, as the partners file names it.
        fingerprint: String,
    },
}

/// A certificate that is relied on, and until when it can be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KnownCertificate {
    /// The last second in which it is valid.
    pub expires_at: Timestamp,
    /// Whose it is.
    pub about: Side,
    /// What it is for.
    pub purpose: Purpose,
}

impl KnownCertificate {
    /// Since when its end is worth a word: the beginning of its last `notice`.
    #[must_use]
    pub fn worth_a_word_since(&self, notice: Duration) -> Timestamp {
        before(self.expires_at, notice)
    }

    /// When people are reminded of it: three days and one day before its end, and when it is over.
    #[must_use]
    pub fn reminders(&self) -> [Timestamp; 3] {
        let over = later(self.expires_at, Duration::from_secs(1));
        [before(self.expires_at, 3 * DAY), before(self.expires_at, DAY), over]
    }

    /// Whether it is not valid any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.expires_at
    }
}

/// `instant - pause`, or the beginning of time where that does not exist.
fn before(instant: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| instant.checked_sub(pause).ok())
        .unwrap_or(Timestamp::MIN)
}
