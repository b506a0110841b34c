//! Twenty providers are asked about a card at once, and most of them do not answer.

use std::time::{Duration, Instant};

use roamhub_testkit::{FakeOperator, FakeProvider, Reply, messages};

use crate::stage::*;

const CARD: &str = "04A1B2C3D4E5F6";
const SILENT: usize = 18;
/// How long the one that authorises takes.
const PONDERS: Duration = Duration::from_millis(300);

fn hangs(provider: &FakeProvider) {
    provider.set_script(|_| Reply::Hang);
}

fn says_yes_after(provider: &FakeProvider, after: Duration) {
    provider.set_script(move |_| Reply::After(after, Box::new(Reply::Acknowledge)));
}

#[tokio::test]
async fn eighteen_silent_providers_of_twenty_cost_the_driver_nothing() {
    let mut providers = Vec::new();
    for number in 0..SILENT + 2 {
        providers.push(fake(&format!("DE-A{number:02}")).await);
    }
    let (silent, answering) = providers.split_at(SILENT);
    silent.iter().for_each(hangs);
    answering[0].set_script(|_| Reply::not_authorized("102"));
    says_yes_after(&answering[1], PONDERS);
    let mut entries: Vec<_> = providers.iter().map(|one| provider(one, "")).collect();
    entries.extend([operator("DE*ABC", ""), ALL.to_owned()]);
    let hub = hub(&entries).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let answer = with_card(&operator, CARD).await;
    let session = session_of(&answer);
    assert_eq!(answer.json()["ProviderID"], "DE-A19");
    // Their time budget is a second: nobody's silence was waited for.
    let bounds = PONDERS..PONDERS + Duration::from_millis(650);
    assert!(bounds.contains(&answer.took), "{answer:?}");
    assert_judged(&operator.notify(messages::end(&session)).await, true, "000");
    // The losers were all asked, and each ends with its budget.
    let began = Instant::now();
    let given_up = |log: &str| log.matches("no usable answer to AuthorizeStart").count();
    while given_up(&hub.log()) < SILENT {
        assert!(began.elapsed() < SOON, "{} of {SILENT} ended: {}", given_up(&hub.log()), hub.log());
        tokio::task::yield_now().await;
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for one in silent {
        assert_eq!(one.received().len(), 1, "{}", one.provider_id());
    }
    let story = inspect(hub.data_dir(), &session).await;
    assert_eq!(story["conflicts"].as_array().map(Vec::len), Some(0), "{story:#}");
}

#[tokio::test]
async fn a_second_yes_is_on_record_as_a_conflict() {
    let (quick, slow) = (fake("DE-AAA").await, fake("DE-BBB").await);
    says_yes_after(&slow, PONDERS);
    let hub = hub(&[operator("DE*ABC", ""), provider(&quick, ""), provider(&slow, ""), ALL.to_owned()]).await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let session = session_of(&with_card(&operator, CARD).await);
    let began = Instant::now();
    let story = loop {
        let story = inspect(hub.data_dir(), &session).await;
        if story["conflicts"].as_array().is_some_and(|all| !all.is_empty()) {
            break story;
        }
        assert!(began.elapsed() < SOON, "no conflict: {story:#}\n{}", hub.log());
    };
    let conflicts = story["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{story:#}");
    assert_eq!(conflicts[0]["provider"], "DE-BBB", "{story:#}");
    assert_eq!(story["provider"], "DE-AAA", "{story:#}");
    // The session is the first one's: the other hears nothing of it.
    assert_judged(&operator.notify(messages::end(&session)).await, true, "000");
    assert_eq!((quick.notifications().len(), slow.notifications().len()), (1, 0));
}
