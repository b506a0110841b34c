//! The load: operators that play sessions one after the other, ask again when a connection breaks (mostly), repeat
//! themselves (sometimes), and write down what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roamhub_testkit::oracle::{Call, Told};
use roamhub_testkit::{FakeOperator, NOTIFICATIONS_PATH, authorize_start_path, messages};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::stage::SOON;

/// Where the hub is now, and which of its lives this is.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) life: u64,
    pub(crate) operator: FakeOperator,
}

/// What one operator wrote down.
#[derive(Default)]
pub(crate) struct Notes {
    /// The sessions it was given.
    pub(crate) sessions: Vec<String>,
    /// What it sent and was told.
    pub(crate) calls: Vec<Call>,
}

/// One operator's way of playing sessions.
pub(crate) struct Player {
    line: watch::Receiver<Line>,
    dice: fastrand::Rng,
    enough: Arc<AtomicBool>,
    notes: Notes,
}

impl Player {
    pub(crate) fn new(line: watch::Receiver<Line>, seed: u64, enough: Arc<AtomicBool>) -> Self {
        Self { line, dice: fastrand::Rng::with_seed(seed), enough, notes: Notes::default() }
    }

    /// Plays sessions until there were enough.
    pub(crate) async fn play(mut self) -> Notes {
        while !self.enough.load(Ordering::SeqCst) {
            let session = self.open_session().await;
            self.notes.sessions.push(session.clone());
            self.session(&session).await;
        }
        self.notes
    }

    async fn session(&mut self, session: &str) {
        let mut beside = Vec::new();
        for body in self.script(session) {
            // Sometimes the next message is sent before the last one was answered, on a connection of its own.
            if self.chance(20) {
                let (line, body, session) = (self.line.clone(), body.clone(), session.to_owned());
                beside.push(tokio::spawn(async move { call(line, &session, &body).await }));
            } else {
                self.send(session, &body).await;
            }
        }
        for call in beside {
            self.notes.calls.push(call.await.unwrap());
        }
    }

    /// What happens in a session. Every body is one of its own: it names the session.
    fn script(&mut self, session: &str) -> Vec<Bytes> {
        let mut bodies: Vec<Value> = Vec::new();
        if self.chance(85) {
            bodies.push(messages::start(session));
        }
        if self.chance(10) {
            bodies.push(messages::error(session));
        }
        if self.chance(50) {
            bodies.push(messages::progress(session, 12));
        }
        if self.chance(10) {
            bodies.push(messages::error(session));
        }
        bodies.push(messages::end(session));
        if self.chance(8) {
            let mut other = messages::end(session);
            other["ConsumedEnergy"] = 11.into();
            bodies.push(other);
        }
        bodies.iter().map(|body| body.to_string().into()).collect()
    }

    /// Sends a message, asks again where nobody answered, and repeats it at times for no reason at all.
    async fn send(&mut self, session: &str, body: &Bytes) {
        loop {
            let call = call(self.line.clone(), session, body).await;
            let status = call.told.as_ref().map(|told| told.status);
            self.notes.calls.push(call);
            let again = match status {
                // One in five never asks again: what became of the message is for the oracle to find.
                None => self.chance(80),
                Some(503) => {
                    sleep(Duration::from_millis(50)).await;
                    true
                }
                Some(_) => self.chance(10),
            };
            if !again {
                return;
            }
        }
    }

    async fn open_session(&mut self) -> String {
        static CARDS: AtomicU64 = AtomicU64::new(1);
        loop {
            let line = self.line.borrow().clone();
            let card = format!("04{:012X}", CARDS.fetch_add(1, Ordering::Relaxed));
            let body = messages::authorize_start_rfid(&card).to_string();
            match line.operator.try_post(&authorize_start_path("DE*ABC"), &[], body).await {
                Ok(answer)
                    if answer.status == 200 && answer.json()["AuthorizationStatus"] == "Authorized" =>
                {
                    return answer.json()["SessionID"].as_str().unwrap().to_owned();
                }
                // The provider is down.
                Ok(_) => sleep(Duration::from_millis(20)).await,
                Err(_) => next_life(&mut self.line, line.life).await,
            }
        }
    }

    fn chance(&mut self, of_a_hundred: u32) -> bool {
        self.dice.u32(0..100) < of_a_hundred
    }
}

/// One call, and what came of it. A connection breaks only where a hub is killed: the next one is waited for.
async fn call(mut line: watch::Receiver<Line>, session: &str, body: &Bytes) -> Call {
    let Line { life, operator } = line.borrow().clone();
    let answer = operator.try_post(NOTIFICATIONS_PATH, &[], body.clone()).await;
    if answer.is_err() {
        next_life(&mut line, life).await;
    }
    Call { session: session.to_owned(), body: body.clone(), told: answer.ok().as_ref().map(Told::from) }
}

async fn next_life(line: &mut watch::Receiver<Line>, life: u64) {
    let next = timeout(SOON, line.wait_for(|line| line.life > life)).await;
    assert!(next.is_ok_and(|line| line.is_ok()), "a call failed, and not because the hub was killed");
}
