//! Looking at whole sessions and at one partner's refusals.

use roamhub_core::MessageKind::{End, Start};
use roamhub_core::records::Refusal;
use roamhub_core::{ProcessId, SessionKey};

use crate::Place;
use crate::scene::*;

pub(crate) async fn a_session_shows_its_authorisation_its_conflicts_and_its_messages(place: &dyn Place) {
    let ledger = begin(place).await;
    assert!(ledger.session_story(SessionKey::new()).await.unwrap().is_none());
    let key = SessionKey::new();
    let asked = pending(key);
    let process = asked.process;
    ledger.open_pending(asked).await.unwrap();
    let pending = ledger.session_story(key).await.unwrap().unwrap();
    assert_eq!((pending.authorisations[0].code, pending.authorisations[0].provider), (None, None));
    ledger.decide(decision(key, Some(provider()))).await.unwrap();
    ledger.note_conflict(key, operator(), provider_named("NL-XYZ"), at(2));
    let mut sent = Vec::new();
    for (kind, seconds) in [(Start, 3), (End, 4)] {
        let intake = notice(key, kind, seconds);
        sent.push(intake.process);
        let lease = going(&*ledger, intake).await;
        deliver(&*ledger, lease, seconds).await;
    }
    // Of another session.
    going(&*ledger, notice(session(&*ledger).await, End, 5)).await;
    let story = ledger.session_story(key).await.unwrap().unwrap();
    assert_eq!((story.session.key, story.session.provider), (key, Some(provider())));
    let authorisation = &story.authorisations[0];
    assert_eq!((story.authorisations.len(), authorisation.process), (1, process));
    assert_eq!((authorisation.code, authorisation.provider), (Some(0), Some(provider())));
    assert_eq!((authorisation.received_at, authorisation.erased_at), (at(0), None));
    assert_eq!(story.conflicts.len(), 1);
    assert_eq!((story.conflicts[0].provider, story.conflicts[0].at), (provider_named("NL-XYZ"), at(2)));
    assert_eq!(story.messages.iter().map(|one| one.process).collect::<Vec<_>>(), sent);
}

pub(crate) async fn one_partners_refusals_are_found_however_it_spelt_itself(place: &dyn Place) {
    let ledger = begin(place).await;
    for (number, partner) in [(1, Some("DE*ABC")), (2, Some("de*abc")), (3, Some("DE*QQQ")), (4, None)] {
        ledger.note_refusal(Refusal {
            process: ProcessId::new(),
            received_at: at(number),
            service: "charging-notifications".to_owned(),
            partner: partner.map(str::to_owned),
            session: None,
            http_status: 400,
            code: 22,
            reason: format!("number {number}"),
        });
    }
    ledger.probe(at(5)).await.unwrap();
    let reasons = async |partner: Option<&str>, limit| -> Vec<String> {
        let found = ledger.refusals_of(partner.map(str::to_owned), limit).await.unwrap();
        found.into_iter().map(|refusal| refusal.reason).collect()
    };
    assert_eq!(reasons(Some("DE*ABC"), 10).await, ["number 2", "number 1"]);
    assert_eq!(reasons(Some("DE*ABC"), 1).await, ["number 2"]);
    assert_eq!(reasons(Some("DE*NIX"), 10).await, Vec::<String>::new());
    assert_eq!(reasons(None, 10).await.len(), 4);
}
