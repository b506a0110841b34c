//! Every target over its corpus and over mutations of it: bounded in number, not in time. The fuzzers find more; this
//! keeps what they found, and says at once when a target does not hold any more.
//!
//! `ROAMHUB_FUZZ_ROUNDS` makes it longer, `ROAMHUB_FUZZ_SEED` throws the same dice again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it is made of"
)]

use std::panic::catch_unwind;
use std::path::Path;

use roamhub_fuzzing::TARGETS;

/// Mutations of each target.
const ROUNDS: usize = 1500;
/// No input is longer.
const LONGEST: usize = 16 * 1024;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} has no corpus", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let all: Vec<_> = paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!all.is_empty(), "{} is empty", folder.display());
    all
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// One or a few changes, the kinds that parsers trip over.
fn mutate(dice: &mut fastrand::Rng, corpus: &[Vec<u8>], input: &mut Vec<u8>) {
    const PIECES: [&[u8]; 14] = [
        b"\"",
        b"\\u0000",
        b"{",
        b"[",
        b"null",
        b"-1",
        b"1e999",
        b"\r\n",
        b"\xff",
        b"%2a",
        b"*",
        b"9999999999999999999",
        b"\xc3\xa4",
        b"",
    ];
    for _ in 0..dice.usize(1..6) {
        let at = dice.usize(0..=input.len());
        match dice.u8(0..6) {
            0 if at < input.len() => input[at] ^= 1 << dice.u8(0..8),
            1 if at < input.len() => input[at] = dice.u8(..),
            2 => {
                let until = dice.usize(at..=input.len());
                input.drain(at..until.min(at + 64));
            }
            3 => drop(input.splice(at..at, dice.choice(PIECES).unwrap_or_default().iter().copied())),
            4 => {
                let other = &corpus[dice.usize(0..corpus.len())];
                let from = dice.usize(0..=other.len());
                let until = dice.usize(from..=other.len()).min(from + 256);
                drop(input.splice(at..at, other[from..until].iter().copied()));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(LONGEST);
}

#[test]
fn every_target_holds_for_its_corpus_and_for_mutations_of_it() {
    let seed = number_from("ROAMHUB_FUZZ_SEED").unwrap_or(1);
    let rounds = number_from("ROAMHUB_FUZZ_ROUNDS").map_or(ROUNDS, |rounds| usize::try_from(rounds).unwrap());
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        let mut dice = fastrand::Rng::with_seed(seed);
        let mutated = (0..rounds).map(|_| {
            let mut input = dice.choice(&corpus).cloned().unwrap_or_default();
            mutate(&mut dice, &corpus, &mut input);
            input
        });
        let inputs: Vec<Vec<u8>> = corpus.iter().cloned().chain(mutated).collect();
        for input in inputs {
            let held = catch_unwind(|| target(&input));
            assert!(held.is_ok(), "{name} does not hold for {:?}", String::from_utf8_lossy(&input));
        }
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name} belongs to no target");
    }
}
