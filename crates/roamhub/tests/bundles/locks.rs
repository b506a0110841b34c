//! A lock stops new sessions; everything of a session that exists goes on.

use roamhub_testkit::{FakeOperator, messages};

use crate::stage::*;

#[tokio::test]
async fn a_locked_operator_opens_nothing_and_ends_what_it_has_opened() {
    let emp = fake("DE-DCB").await;
    let entries = |lines: &str| [operator("DE*ABC", lines), provider(&emp, ""), ALL.to_owned()];
    // A strict operator's own oddities refuse its messages; a lock is none of them.
    for strict in ["strict = false", "strict = true"] {
        let hub = hub(&entries(strict)).await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        let session = operator.open_session().await;
        now(&hub, &entries(&format!("{strict}\nlocked = true"))).await;
        let answer = with_card(&operator, "04AAAAAAAAAAAA").await;
        assert_not_authorised(&answer, "017");
        for body in [
            messages::start(&session),
            messages::progress(&session, 9),
            messages::error(&session),
            messages::end(&session),
        ] {
            let answer = operator.notify(body).await;
            assert_judged(&answer, true, "000");
            assert_eq!(findings(&hub, &answer).await, ["operator-locked"], "{strict}");
        }
    }
    assert_eq!(emp.notifications().len(), 8);
}

#[tokio::test]
async fn a_locked_provider_is_asked_nothing_new_and_hears_everything_of_what_it_authorised() {
    let (locked, other) = (fake("DE-DCB").await, fake("DE-AAA").await);
    let entries = |lines: &str| {
        let other = provider(&other, "");
        [
            operator("DE*ABC", ""),
            provider(&locked, &format!("sub_providers = [\"DE-SUB\"]\n{lines}")),
            other,
            ALL.to_owned(),
        ]
    };
    let hub = hub(&entries("")).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let session = session_of(&with_contract(&operator, "DE-DCB-C12345678-X").await);
    let card = "04AAAAAAAAAAAA";
    now(&hub, &entries("locked = true")).await;
    locked.forget();
    for evco in ["DE-DCB-C12345678-Y", "DE-SUB-C12345678-Y"] {
        assert_not_authorised(&with_contract(&operator, evco).await, "320");
    }
    assert_eq!(with_card(&operator, card).await.json()["ProviderID"], "DE-AAA", "the others are asked");
    assert!(locked.received().is_empty());
    for body in [messages::start(&session), messages::end(&session)] {
        let answer = operator.notify(body).await;
        assert_judged(&answer, true, "000");
        assert_eq!(findings(&hub, &answer).await, ["provider-locked"]);
    }
    assert_eq!(locked.notifications().len(), 2);
}

#[tokio::test]
async fn a_session_outlives_its_contract() {
    let emp = fake("DE-DCB").await;
    let entries = |contracts: &str| [operator("DE*ABC", ""), provider(&emp, ""), contracts.to_owned()];
    let hub = hub(&entries(ALL)).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let session = operator.open_session().await;
    now(&hub, &entries("")).await;
    assert_not_authorised(&with_card(&operator, "04AAAAAAAAAAAA").await, "210");
    let answer = operator.notify(messages::end(&session)).await;
    assert_judged(&answer, true, "000");
    assert_eq!(findings(&hub, &answer).await, ["contract-ended"]);
}
