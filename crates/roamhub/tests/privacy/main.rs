//! What is personal stays where it has to be: values that cannot be mistaken for anything else are planted wherever
//! partners can put them, and looked for wherever people and machines can look.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its stories share"
)]

mod erasure;
mod looking;
mod masking;
mod planted;
mod retention;
mod stage;
