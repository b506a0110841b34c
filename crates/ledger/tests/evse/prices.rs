//! Dynamic prices.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;
use oicp::pricing::PricedFor;
use roamhub_core::evse::change::{Applied, Change, Misfit, Refused};
use roamhub_core::evse::price::{
    EvsePrice, EvsePriceKey, EvsePricePush, PriceQuery, Priced, Product, ProductPush,
};
use roamhub_core::ports::evse::EvseStore;

use crate::Place;
use crate::scene::*;

const ABC: &str = "DE*ABC";
const XYZ: &str = "DE*XYZ";

fn other() -> ProviderId {
    ProviderId::parse("NL-QQQ").unwrap()
}

fn product(id: &str, content: &str) -> Product {
    Product { id: id.to_owned(), body: Bytes::from(format!("{{\"{content}\":1}}")) }
}

fn products(ids: &[&str], content: &str) -> Vec<Product> {
    ids.iter().map(|id| product(id, content)).collect()
}

async fn push(
    store: &dyn EvseStore,
    audience: PricedFor,
    change: Change<Product, String>,
    seconds: i64,
) -> Priced<String> {
    let terms = Bytes::from_static(b"{}");
    let (operator, received_at) = (operator(ABC), at(seconds));
    store
        .push_products(Arc::new(ProductPush { operator, audience, received_at, terms, change }))
        .await
        .unwrap()
}

fn stored<K: std::fmt::Debug>(priced: Priced<K>) -> (Timestamp, Applied<K>) {
    match priced {
        Priced::Stored(at, applied) => (at, applied),
        other => panic!("not stored: {other:?}"),
    }
}

fn refused<K: std::fmt::Debug>(priced: Priced<K>) -> Refused<K> {
    match priced {
        Priced::Refused(refused) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

fn for_whom(audience: &PricedFor) -> String {
    match audience {
        PricedFor::Everybody => "*".to_owned(),
        PricedFor::Provider(provider) => provider.key().to_owned(),
    }
}

fn query(provider: ProviderId, since: Option<Timestamp>) -> Arc<PriceQuery> {
    let operators = vec![operator(XYZ), operator(ABC), operator(ABC)];
    Arc::new(PriceQuery { provider, operators, since, now: at(1_000) })
}

/// PricedFor and id of what a provider sees, and the audiences of the lists.
async fn shown(
    store: &dyn EvseStore,
    provider: ProviderId,
    since: Option<Timestamp>,
) -> (Vec<String>, Vec<String>) {
    let query = query(provider, since);
    let lists = store.price_lists(query.clone()).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let part = store.product_part(query.clone(), after, 2).await.unwrap();
        assert!(part.prices.len() <= 2);
        seen.extend(
            part.prices
                .iter()
                .map(|product| format!("{} {}", for_whom(&product.audience), product.product.id)),
        );
        match part.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    (seen, lists.iter().map(|list| for_whom(&list.audience)).collect())
}

pub(crate) async fn a_full_load_of_products_replaces_those_of_its_audience(place: &dyn Place) {
    let store = place.open();
    let dcb = PricedFor::Provider(provider());
    stored(push(&*store, PricedFor::Everybody, Change::FullLoad(products(&["A", "B"], "x")), 1).await);
    stored(push(&*store, dcb, Change::FullLoad(products(&["A", "C", "D"], "x")), 2).await);
    let mut load = products(&["A"], "x");
    load.extend(products(&["C", "E"], "y"));
    let (_, applied) = stored(push(&*store, dcb, Change::FullLoad(load), 3).await);
    let counts = (applied.added, applied.changed, applied.unchanged, applied.removed);
    assert_eq!(counts, (1, 1, 1, 1));
    drop(store);
    let store = place.open();
    let (seen, _) = shown(&*store, provider(), None).await;
    assert_eq!(seen, ["* A", "* B", "DEDCB A", "DEDCB C", "DEDCB E"]);
    stored(push(&*store, PricedFor::Everybody, Change::FullLoad(Vec::new()), 4).await);
    assert_eq!(shown(&*store, provider(), None).await.0, ["DEDCB A", "DEDCB C", "DEDCB E"]);
}

pub(crate) async fn all_or_nothing_of_products_is_stored(place: &dyn Place) {
    let store = place.open();
    let all = PricedFor::Everybody;
    stored(push(&*store, all, Change::Insert(products(&["A", "B"], "x")), 1).await);
    let exists = refused(push(&*store, all, Change::Insert(products(&["C", "A", "B"], "y")), 2).await);
    assert_eq!((exists.misfit, exists.named.first), (Misfit::Exists, vec!["A".to_owned(), "B".to_owned()]));
    let missing = refused(push(&*store, all, Change::Update(products(&["A", "C"], "y")), 3).await);
    assert_eq!((missing.misfit, missing.named.first), (Misfit::Missing, vec!["C".to_owned()]));
    let twice = refused(push(&*store, all, Change::FullLoad(products(&["D", "D"], "y")), 4).await);
    assert_eq!(twice.misfit, Misfit::Twice);
    assert_eq!(shown(&*store, provider(), None).await.0, ["* A", "* B"]);
    assert_eq!(shown(&*store, provider(), Some(at(2))).await.0, Vec::<String>::new(), "nothing has changed");
    let gone = vec!["A".to_owned(), "Z".to_owned(), "A".to_owned()];
    let (_, applied) = stored(push(&*store, all, Change::Delete(gone), 5).await);
    assert_eq!((applied.removed, applied.unknown.first), (1, vec!["Z".to_owned()]));
    assert_eq!(shown(&*store, provider(), None).await.0, ["* B"]);
}

pub(crate) async fn a_provider_sees_its_own_and_everybodys(place: &dyn Place) {
    let store = place.open();
    for (audience, id) in [
        (PricedFor::Everybody, "A"),
        (PricedFor::Provider(provider()), "B"),
        (PricedFor::Provider(other()), "C"),
    ] {
        stored(push(&*store, audience, Change::Insert(products(&[id], "x")), 1).await);
    }
    let texts = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
    assert_eq!(shown(&*store, provider(), None).await, (texts(["* A", "DEDCB B"]), texts(["*", "DEDCB"])));
    assert_eq!(shown(&*store, other(), None).await, (texts(["* A", "NLQQQ C"]), texts(["*", "NLQQQ"])));
    let nobody = PriceQuery { operators: vec![operator(XYZ)], ..(*query(provider(), None)).clone() };
    assert!(store.price_lists(Arc::new(nobody)).await.unwrap().is_empty());
}

pub(crate) async fn after_a_last_call_only_what_has_changed_is_shown(place: &dyn Place) {
    let store = place.open();
    let all = PricedFor::Everybody;
    let (first, _) = stored(push(&*store, all, Change::Insert(products(&["A", "B", "C"], "x")), 1).await);
    assert_eq!(shown(&*store, provider(), Some(first)).await, (Vec::new(), Vec::new()));
    // A call is over; what came in before it and is committed after it is later.
    let mut load = products(&["A", "B"], "x");
    load.extend(products(&["C"], "y"));
    let (second, applied) = stored(push(&*store, all, Change::Update(load), 2).await);
    assert_eq!((applied.changed, applied.unchanged), (1, 2));
    assert!(second > at(1_000));
    let (seen, lists) = shown(&*store, provider(), Some(at(1_000))).await;
    assert_eq!((seen, lists), (vec!["* C".to_owned()], vec!["*".to_owned()]));
    // Other terms alone change the list and none of its products.
    let push = ProductPush {
        operator: operator(ABC),
        audience: all,
        received_at: at(2_000),
        terms: Bytes::from_static(b"{\"PricingDefaultPrice\":0}"),
        change: Change::Update(Vec::new()),
    };
    stored(store.push_products(Arc::new(push)).await.unwrap());
    let (seen, lists) = shown(&*store, provider(), Some(second)).await;
    assert_eq!((seen.len(), lists.len()), (0, 1));
    let lists = store.price_lists(query(provider(), None)).await.unwrap();
    assert_eq!(lists[0].terms, &b"{\"PricingDefaultPrice\":0}"[..]);
}

pub(crate) async fn prices_at_spots_are_replaced_per_operator(place: &dyn Place) {
    let store = place.open();
    let price = |name: &str, number: usize, audience: PricedFor, content: &str| EvsePrice {
        key: EvsePriceKey { evse: spot(name, number), audience },
        body: Bytes::from(format!("[\"{content}\"]")),
    };
    let push = async |name: &str, change, seconds| {
        let push = EvsePricePush { operator: operator(name), received_at: at(seconds), change };
        store.push_evse_prices(Arc::new(push)).await.unwrap()
    };
    let (all, own, others) =
        (PricedFor::Everybody, PricedFor::Provider(provider()), PricedFor::Provider(other()));
    let mine = vec![
        price(ABC, 1, all, "a"),
        price(ABC, 1, own, "b"),
        price(ABC, 1, others, "c"),
        price(ABC, 2, own, "d"),
    ];
    let (first, applied) = stored(push(ABC, Change::Insert(mine), 1).await);
    assert_eq!(applied.added, 4);
    stored(push(XYZ, Change::Insert(vec![price(XYZ, 1, all, "x")]), 2).await);
    let seen = async |since| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let part = store.evse_price_part(query(provider(), since), after, 2).await.unwrap();
            seen.extend(part.prices.into_iter().map(|pulled| (pulled.operator, pulled.price.body)));
            match part.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let words: Vec<String> = seen
            .iter()
            .map(|(operator, body)| format!("{} {}", operator.key(), String::from_utf8_lossy(body)))
            .collect();
        words
    };
    assert_eq!(seen(None).await, ["DEABC [\"a\"]", "DEABC [\"b\"]", "DEABC [\"d\"]", "DEXYZ [\"x\"]"]);
    assert_eq!(seen(Some(first)).await, ["DEXYZ [\"x\"]"]);
    let exists = refused(push(ABC, Change::Insert(vec![price(ABC, 2, own, "d")]), 3).await);
    assert_eq!(exists.named.first, [EvsePriceKey { evse: spot(ABC, 2), audience: own }]);
    let (_, applied) = stored(push(ABC, Change::FullLoad(vec![price(ABC, 1, own, "b")]), 4).await);
    assert_eq!((applied.unchanged, applied.removed), (1, 3));
    assert_eq!(seen(None).await, ["DEABC [\"b\"]", "DEXYZ [\"x\"]"]);
    let gone = EvsePriceKey { evse: spot(ABC, 1), audience: own };
    let (_, applied) =
        stored(push(ABC, Change::Delete(vec![gone, EvsePriceKey { audience: all, ..gone }]), 5).await);
    assert_eq!((applied.removed, applied.unknown.total), (1, 1));
}
