//! Contracts: for every service, for all of one side (`*`), for a sub-provider; and services that are switched off.

use roamhub_testkit::{FakeOperator, messages};

use crate::stage::*;

/// What comes of a card, of a contract id of the provider, and of one of its sub-provider.
struct Expected {
    contracts: String,
    codes: [&'static str; 3],
}

#[tokio::test]
async fn each_combination_of_a_contracts_sides() {
    let yes = ["000", "000", "000"];
    let no = ["210", "210", "210"];
    let cases = [
        Expected { contracts: String::new(), codes: no },
        Expected { contracts: contract("*", "*"), codes: yes },
        Expected { contracts: contract("DE*ABC", "*"), codes: yes },
        Expected { contracts: contract("*", "DE-DCB"), codes: yes },
        Expected { contracts: contract("DE*ABC", "DE-DCB"), codes: yes },
        // The same partners in other spellings.
        Expected { contracts: contract("deabc", "DE*DCB"), codes: yes },
        Expected { contracts: contract("DE*QQQ", "*"), codes: no },
        Expected { contracts: contract("DE*QQQ", "DE-DCB"), codes: no },
        Expected { contracts: contract("*", "DE-AAA"), codes: no },
        // With a sub-provider alone: its contracts, and cards of which nobody knows whose they are.
        Expected { contracts: contract("*", "DE-SUB"), codes: ["000", "210", "000"] },
        Expected { contracts: contract("DE*ABC", "DE-SUB"), codes: ["000", "210", "000"] },
        Expected { contracts: contract("DE*QQQ", "DE-SUB"), codes: no },
        // For another service.
        Expected { contracts: contract("*", "*").replace("authorization", "reservation"), codes: no },
        Expected { contracts: contract("*", "*").replace("authorization", "notifications"), codes: no },
    ];
    let emp = fake("DE-DCB").await;
    let other = fake("DE-AAA").await;
    let entries = |contracts: &str| {
        [
            operator("DE*ABC", ""),
            operator("DE*QQQ", ""),
            provider(&emp, "sub_providers = [\"DE-SUB\"]"),
            provider(&other, "broadcast = false"),
            contracts.to_owned(),
        ]
    };
    let hub = hub(&entries("")).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    for (number, Expected { contracts, codes }) in cases.iter().enumerate() {
        now(&hub, &entries(contracts)).await;
        let answers = [
            // A card of its own each time: the hub remembers who knew one.
            with_card(&operator, &format!("04{number:012}")).await,
            with_contract(&operator, &format!("DE-DCB-C{number:08}-X")).await,
            with_contract(&operator, &format!("DE-SUB-C{number:08}-X")).await,
        ];
        let card = match (codes[0], contracts.contains("DE-AAA")) {
            // There is a contract, with somebody who does not want to be asked about unknown cards.
            ("210", true) => "320",
            (code, _) => code,
        };
        for (answer, code) in answers.iter().zip([card, codes[1], codes[2]]) {
            assert_eq!(answer.code(), code, "{contracts}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_memory_of_a_card_does_not_outlive_the_contract() {
    let (first, second) = (fake("DE-DCB").await, fake("DE-AAA").await);
    let entries =
        |contracts: String| [operator("DE*ABC", ""), provider(&first, ""), provider(&second, ""), contracts];
    let hub = hub(&entries(contract("*", "DE-DCB"))).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    assert_eq!(with_card(&operator, "04AAAAAAAAAAAA").await.json()["ProviderID"], "DE-DCB");
    now(&hub, &entries(contract("*", "DE-AAA"))).await;
    let mut body = messages::authorize_start_rfid("04AAAAAAAAAAAA");
    body["CPOPartnerSessionID"] = "another question".into();
    assert_eq!(operator.authorize_start(body).await.json()["ProviderID"], "DE-AAA");
    assert_eq!(first.received().len(), 1);
}

#[tokio::test]
async fn what_a_provider_does_not_offer_is_320() {
    let emp = fake("DE-DCB").await;
    let entries = |services: &str| {
        [operator("DE*ABC", ""), provider(&emp, &format!("services = {services}")), ALL.to_owned()]
    };
    let hub = hub(&entries("[\"notifications\"]")).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    assert_not_authorised(&with_contract(&operator, "DE-DCB-C12345678-X").await, "320");
    assert_not_authorised(&with_card(&operator, "04AAAAAAAAAAAA").await, "320");
    now(&hub, &entries("[\"authorization\"]")).await;
    let session = session_of(&with_card(&operator, "04BBBBBBBBBBBB").await);
    assert_judged(&operator.notify(messages::start(&session)).await, false, "320");
    now(&hub, &entries("[\"authorization\", \"notifications\"]")).await;
    assert_judged(&operator.notify(messages::end(&session)).await, true, "000");
}
