//! Any signs in any order: the ledger decides about a session as the domain's table has it
//! ([`roamhub_core::session::machine`]), also after it was closed and opened again.

use std::sync::Arc;

use oicp::{NotificationType, OperatorId};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use roamhub_core::SessionKey;
use roamhub_core::ports::{Declined, Intake, Ledger, Taken};
use roamhub_core::session::SessionState;
use roamhub_core::session::machine::{Answer, By, Session, Sign, Step, What, step};

use crate::Place;
use crate::scene::*;

const CASES: u32 = 120;

/// The signs that the ledger decides about.
fn sign() -> impl Strategy<Value = (What, bool)> {
    let notification = select(vec![
        NotificationType::Start,
        NotificationType::Progress,
        NotificationType::End,
        NotificationType::Error,
    ]);
    prop_oneof![
        2 => Just((What::Consent, true)),
        1 => Just((What::Refusal, true)),
        1 => Just((What::Crash, true)),
        6 => (notification.prop_map(What::Notification), prop::bool::weighted(0.8)),
    ]
}

struct Told {
    ledger: Option<Arc<dyn Ledger>>,
    session: SessionKey,
    seconds: i64,
}

impl Told {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_deref().expect("open between two signs")
    }

    /// Gives the ledger a sign; how it was met, where that can be told.
    async fn tell(&mut self, place: &dyn Place, what: What, its_own: bool) -> Option<Answer> {
        // Far enough apart for any Progress.
        self.seconds += 400;
        match what {
            What::Consent => {
                let yes = self.ledger().decide(decision(self.session, Some(provider()))).await;
                Some(if yes.is_ok() { Answer::Welcome } else { Answer::Conflict })
            }
            What::Refusal => {
                self.ledger().decide(decision(self.session, None)).await.expect("a no never fails");
                None
            }
            What::Crash => {
                self.ledger = None;
                self.ledger = Some(place.open(at(self.seconds)).await);
                self.ledger()
                    .void_undecided(at(self.seconds), 10)
                    .await
                    .expect("what is undecided is voided");
                None
            }
            What::Notification(kind) => {
                let operator = if its_own { operator() } else { OperatorId::parse("DE*QQQ").unwrap() };
                let intake = Intake { operator, ..notice(self.session, kind.into(), self.seconds) };
                match take_in(self.ledger(), intake).await {
                    Taken::Stored(_) => Some(Answer::Welcome),
                    Taken::Declined(Declined::SessionInvalid) => Some(Answer::Invalid),
                    other => panic!("neither stored nor declined: {other:?}"),
                }
            }
            other => panic!("the ledger is not told of {other:?}"),
        }
    }

    async fn state(&self) -> SessionState {
        let record = self.ledger().session(self.session).await.unwrap();
        record.map_or(SessionState::Gone, |record| record.state)
    }
}

/// One life, beside the domain's.
async fn live(place: &dyn Place, signs: &[(What, bool)]) {
    let ledger = begin(place).await;
    let session = SessionKey::new();
    ledger.open_pending(pending(session)).await.unwrap();
    let mut told = Told { ledger: Some(ledger), session, seconds: 0 };
    let mut life = Session::asked(SessionState::Pending);
    for (what, its_own) in signs {
        let by = if *its_own { what.rightful(life.opened) } else { By::Stranger };
        let Step { next, answer } = step(life, Sign { what: *what, by });
        let seen = told.tell(place, *what, *its_own).await;
        // A yes that changes nothing is an error for who brings it, whatever the reason.
        let expected = match (what, answer) {
            (What::Consent, Answer::Ignored) => Answer::Conflict,
            (_, answer) => answer,
        };
        if let Some(seen) = seen {
            assert_eq!(seen, expected, "{what:?} by {by:?} in {life:?}");
        }
        assert_eq!(told.state().await, next.stored(), "after {what:?} by {by:?} in {life:?}");
        life.state = next;
    }
}

pub(crate) fn the_ledger_decides_as_the_table_has_it<P: Place>() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let signs = proptest::collection::vec(sign(), 1..20);
    let result = TestRunner::new(config).run(&signs, |signs| {
        runtime.block_on(live(&P::fresh(), &signs));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
