//! The hub as operators meet it: the real program, real sockets, a provider that answers as it is told.
//!
//! Every test has a hub of its own. Names are sentences; what is awaited is awaited with a bound.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod authorisation;
mod authorisation_refusals;
mod bodies;
mod connections;
mod console;
mod conversation;
mod exchange;
mod full_disk;
mod hang_up;
mod hints;
mod hostile;
mod idle_connections;
mod partners_file;
mod paths;
mod program;
mod refusals;
mod repeats;
mod sessions;
mod settings;
mod shape;
mod stage;
mod strict;
mod structure;
mod unreachable;
