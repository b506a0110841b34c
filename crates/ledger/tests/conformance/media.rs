//! What may stop a session, and how often PINs were wrong.

use roamhub_core::SessionKey;
use roamhub_core::guesses::Guesses;
use roamhub_core::media::{Form, Grounds, StopFacts, StopQuestion};
use roamhub_core::session::machine::Session;
use roamhub_core::session::{Opened, SessionState};

use crate::Place;
use crate::scene::{at, begin, decision, pending, provider, session};

const STARTED: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

pub(crate) async fn a_session_knows_what_may_stop_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let (asked, uploaded) = (session(&*ledger).await, session(&*ledger).await);
    ledger.keep_grounds(asked, Grounds::Named(vec![OTHER, OTHER])).await.unwrap();
    ledger.keep_grounds(uploaded, Grounds::Uploaded(Form::Code)).await.unwrap();
    drop(ledger);
    let ledger = place.open(at(1)).await;
    let facts = async |session, medium| ledger.stop_facts(StopQuestion { session, medium }).await.unwrap();
    let open = |started_it, named, uploaded: Option<Form>| {
        let opened = if uploaded.is_some() { Opened::Uploaded } else { Opened::Asked };
        let life = Session { opened, ..Session::asked(SessionState::Active) };
        Some(StopFacts { life, started_it, named, uploaded })
    };
    assert_eq!(facts(asked, STARTED).await, open(true, false, None));
    assert_eq!(facts(asked, OTHER).await, open(false, true, None));
    assert_eq!(facts(asked, [9; 32]).await, open(false, false, None));
    assert_eq!(facts(uploaded, STARTED).await, open(true, false, Some(Form::Code)));
    assert_eq!(facts(uploaded, OTHER).await, open(false, false, Some(Form::Code)));
}

pub(crate) async fn a_session_that_nobody_authorised_cannot_be_stopped(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let question = StopQuestion { session: key, medium: STARTED };
    assert_eq!(ledger.stop_facts(question).await.unwrap(), None);
    ledger.open_pending(pending(key)).await.unwrap();
    assert_eq!(ledger.stop_facts(question).await.unwrap(), None);
    ledger.decide(decision(key, Some(provider()))).await.unwrap();
    assert!(ledger.stop_facts(question).await.unwrap().is_some());
}

pub(crate) async fn wrong_pins_are_counted_over_a_restart(place: &dyn Place) {
    let ledger = begin(place).await;
    let wrong = |wrong| Some(Guesses { wrong, last: at(3) });
    ledger.keep_guesses(vec![(STARTED, wrong(1)), (OTHER, wrong(2))]).await.unwrap();
    ledger.keep_guesses(vec![(STARTED, wrong(5)), (OTHER, None)]).await.unwrap();
    drop(ledger);
    let ledger = place.open(at(1)).await;
    assert_eq!(ledger.guesses().await.unwrap(), [(STARTED, Guesses { wrong: 5, last: at(3) })]);
    // Whoever is erased is not counted any more.
    ledger.erase_uploads_of(STARTED).await.unwrap();
    assert_eq!(ledger.guesses().await.unwrap(), []);
}
