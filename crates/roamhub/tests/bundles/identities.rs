//! Ids of sub-partners stand inside EvseIDs and EvcoIDs and lead to the partner that bundles them.

use roamhub_testkit::{FakeOperator, Reply, messages};
use serde_json::Value;

use crate::stage::*;

/// The EVSE of the official examples, whose OperatorID is `DE*ABC`.
const EXAMPLE: &str = "DE*XYZ*ETEST1";
const OUTSIDE: &str = "evse-outside-bundle";

fn at(evse: &str, mut body: Value) -> Value {
    body["EvseID"] = evse.into();
    body
}

/// All four, as an operator sends them.
fn all_four(session: &str) -> [Value; 4] {
    [
        messages::start(session),
        messages::progress(session, 9),
        messages::end(session),
        messages::error(session),
    ]
}

#[tokio::test]
async fn the_official_examples_work_where_the_evses_operator_is_bundled() {
    let emp = fake("DE-DCB").await;
    // Whatever spelling the file has and the field sends: ISO with and without stars, either case, DIN.
    for (bundled, evse) in [
        ("DE*XYZ", EXAMPLE),
        ("DEXYZ", "de*xyz*etest1"),
        ("DE*XYZ", "DEXYZETEST1"),
        ("+49*810", "49*810*000*438"),
    ] {
        let cpo = operator("DE*ABC", &format!("sub_operators = [\"{bundled}\"]\nstrict = false"));
        let hub = hub(&[cpo, provider(&emp, ""), ALL.to_owned()]).await;
        let operator = FakeOperator::new("DE*ABC", hub.oicp());
        let answer =
            operator.authorize_start(at(evse, messages::authorize_start_rfid("04AAAAAAAAAAAA"))).await;
        let session = session_of(&answer);
        for body in all_four(&session) {
            let answer = operator.notify(at(evse, body)).await;
            assert_judged(&answer, true, "000");
            assert!(!findings(&hub, &answer).await.contains(&OUTSIDE.to_owned()), "{bundled} owns {evse}");
        }
    }
}

#[tokio::test]
async fn an_evse_outside_the_bundle_passes_with_a_finding_and_is_018_for_a_strict_operator() {
    let emp = fake("DE-DCB").await;
    let hub = hub(&[
        operator("DE*ABC", "sub_operators = [\"DE*SUB\"]"),
        operator("DE*QQQ", "strict = true"),
        provider(&emp, ""),
        ALL.to_owned(),
    ])
    .await;
    let lenient = FakeOperator::new("DE*ABC", hub.oicp());
    let answer = lenient.authorize_start(at(EXAMPLE, messages::authorize_start_rfid("04AAAAAAAAAAAA"))).await;
    let session = session_of(&answer);
    for body in all_four(&session) {
        let answer = lenient.notify(at(EXAMPLE, body)).await;
        assert_judged(&answer, true, "000");
        assert!(findings(&hub, &answer).await.contains(&OUTSIDE.to_owned()), "{answer:?}");
    }
    assert_eq!(emp.notifications().len(), 4, "all of them reached the provider");

    let strict = FakeOperator::new("DE*QQQ", hub.oicp());
    let session = strict.open_session().await;
    let mut body = at(EXAMPLE, messages::end(&session));
    body["OperatorID"] = "DE*QQQ".into();
    assert_judged(&strict.notify(body).await, false, "018");
    assert_eq!(emp.notifications().len(), 4);
}

#[tokio::test]
async fn a_sub_operator_does_not_talk_to_the_hub_itself() {
    let emp = fake("DE-DCB").await;
    let hub =
        hub(&[operator("DE*ABC", "sub_operators = [\"DE*XYZ\"]"), provider(&emp, ""), ALL.to_owned()]).await;
    let registered = FakeOperator::new("DE*ABC", hub.oicp());
    let session = registered.open_session().await;
    let sub = FakeOperator::new("DE*XYZ", hub.oicp());
    let mut body = messages::end(&session);
    body["OperatorID"] = "DE*XYZ".into();
    let answer = sub.notify(body).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "300"), "{answer:?}");
    let answer = with_card(&sub, "04AAAAAAAAAAAA").await;
    assert_eq!(answer.code(), "300", "{answer:?}");
    assert_judged(&registered.notify(messages::end(&session)).await, true, "000");
}

#[tokio::test]
async fn a_contract_id_of_a_sub_provider_leads_to_the_provider_that_bundles_it_for_the_whole_session() {
    let (bundler, other) = (fake("DE-DCB").await, fake("DE-AAA").await);
    let hub = hub(&[
        operator("DE*ABC", ""),
        provider(&other, ""),
        provider(&bundler, "sub_providers = [\"DE-SUB\"]"),
        ALL.to_owned(),
    ])
    .await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    // Who bundles may say in whose name it answers; nobody else's name is passed on.
    for (evco, says, passed_on) in [
        ("DE-SUB-C12345678-X", "DE-SUB", "DE-SUB"),
        ("DE*SUB*123456*7", "DE*DCB", "DE*DCB"),
        ("desubC12345679X", "DE-AAA", "DE-DCB"),
    ] {
        bundler.set_script(move |request| match request.is_authorize_start() {
            true => Reply::authorized(says),
            false => Reply::Acknowledge,
        });
        let answer = with_contract(&operator, evco).await;
        assert_eq!(answer.json()["ProviderID"], passed_on, "{evco}: {answer:?}");
        let session = session_of(&answer);
        assert_judged(&operator.notify(messages::end(&session)).await, true, "000");
        assert_eq!(bundler.notifications().last().map(roamhub_testkit::Received::session), Some(session));
    }
    assert_eq!(other.connections(), 0);
}
