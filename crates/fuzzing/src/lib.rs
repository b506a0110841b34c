//! What must hold for any bytes, one function for each parser that reads what partners send. A function panics where it
//! does not hold.
//!
//! They are run in two ways: by the fuzzers in `fuzz/`, for as long as somebody likes, and by `tests/bounded.rs` over the
//! corpus and mutations of it, with every `cargo test`.

#![allow(clippy::panic, reason = "a target says by a panic that something does not hold")]

mod answers;
mod messages;
mod spots;
mod texts;

pub use answers::{acknowledgement, answer, gzip_body};
pub use messages::{
    authorize_start, authorize_stop, charge_detail_record, notification, push_authentication_data, remote,
};
pub use spots::{evse_data, evse_status, pricing};
pub use texts::{confirmation, identifiers, partners_file, paths, receipt};

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the name of their corpus.
pub const TARGETS: [(&str, Target); 17] = [
    ("acknowledgement", acknowledgement),
    ("answer", answer),
    ("authorize_start", authorize_start),
    ("authorize_stop", authorize_stop),
    ("charge_detail_record", charge_detail_record),
    ("confirmation", confirmation),
    ("evse_data", evse_data),
    ("evse_status", evse_status),
    ("gzip_body", gzip_body),
    ("identifiers", identifiers),
    ("notification", notification),
    ("partners_file", partners_file),
    ("paths", paths),
    ("pricing", pricing),
    ("push_authentication_data", push_authentication_data),
    ("receipt", receipt),
    ("remote", remote),
];
