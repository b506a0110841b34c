//! People, log-ins, tokens, the audit trail, and drain rates.

use oicp::ProviderId;
use roamhub_core::Partner;
use roamhub_core::access::Role;
use roamhub_core::account::{AuditOutcome, AuditRecord, TokenName, TokenNo, UserName};
use roamhub_core::contact::Secret;
use roamhub_core::ports::Ledger;
use roamhub_core::ports::accounts::Place as Seat;
use roamhub_core::ports::accounts::{
    LogIn, MOST_AUDITED_STRANGERS, NewToken, SecretHash, Token, UserAdded, UserChanged,
};
use roamhub_core::ports::rates::LaneRate;

use crate::Place;
use crate::scene::*;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

fn anna() -> UserName {
    UserName::parse("anna").unwrap()
}

fn hash(number: u8) -> SecretHash {
    SecretHash([number; 32])
}

fn of_provider(id: &str) -> Role {
    Role::Partner(Partner::Provider(ProviderId::parse(id).unwrap()))
}

async fn add(ledger: &dyn Ledger, name: &str, role: Role) -> UserAdded {
    let name = UserName::parse(name).unwrap();
    ledger.add_user(name, role, Secret::new(HASH.to_owned()), Seat::Any, at(1)).await.unwrap()
}

async fn open(ledger: &dyn Ledger, number: u8, name: &str) -> bool {
    let (name, password) = (UserName::parse(name).unwrap(), Secret::new(HASH.to_owned()));
    ledger.open_log_in(hash(number), name, password, at(2), at(1000)).await.unwrap()
}

async fn log_in(ledger: &dyn Ledger, number: u8) -> Option<LogIn> {
    ledger.log_in(hash(number)).await.unwrap()
}

fn new_token(number: u8, role: Role, owner: Option<UserName>, parent: Option<TokenNo>) -> NewToken {
    let name = TokenName::parse(&format!("Nr. {number} ü")).unwrap();
    NewToken { hash: hash(number), name, role, owner, parent, made_at: at(3), expires_at: None }
}

async fn token(ledger: &dyn Ledger, number: u8) -> Token {
    ledger.token(hash(number)).await.unwrap().unwrap()
}

async fn hold(ledger: &dyn Ledger, numbers: &[u8]) -> Vec<bool> {
    let mut hold = Vec::new();
    for number in numbers {
        hold.push(token(ledger, *number).await.holds(at(50)));
    }
    hold
}

pub(crate) async fn only_one_is_first_and_a_name_is_given_once(place: &dyn Place) {
    let ledger = begin(place).await;
    let first = |name: &str| {
        let (name, password) = (UserName::parse(name).unwrap(), Secret::new(HASH.to_owned()));
        ledger.add_user(name, Role::Administer, password, Seat::First, at(0))
    };
    assert_eq!(first("anna").await.unwrap(), UserAdded::Added);
    assert_eq!(first("bob").await.unwrap(), UserAdded::NotFirst);
    assert_eq!(add(&*ledger, "anna", Role::Read).await, UserAdded::Taken);
    assert_eq!(add(&*ledger, "bob", of_provider("DE-DCB")).await, UserAdded::Added);
    drop(ledger);
    let ledger = place.open(at(60)).await;
    let users = ledger.users().await.unwrap();
    let seen: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.role)).collect();
    assert_eq!(seen, [("anna", Role::Administer), ("bob", of_provider("DE-DCB"))]);
    let (user, password) = ledger.user(anna()).await.unwrap().unwrap();
    assert_eq!((user.added_at, user.password_at, user.last_log_in), (at(0), at(0), None));
    assert_eq!(password.expose(), HASH);
    assert_eq!(ledger.user(UserName::parse("carl").unwrap()).await.unwrap(), None);
}

pub(crate) async fn a_log_in_is_found_by_its_hash_until_it_is_closed(place: &dyn Place) {
    let ledger = begin(place).await;
    assert!(!open(&*ledger, 1, "anna").await, "nobody has this name");
    add(&*ledger, "anna", Role::Operate).await;
    assert!(open(&*ledger, 1, "anna").await);
    drop(ledger);
    let ledger = place.open(at(60)).await;
    let expected = LogIn {
        user: anna(),
        role: Role::Operate,
        opened_at: at(2),
        last_seen_at: at(2),
        expires_at: at(1000),
    };
    assert_eq!(log_in(&*ledger, 1).await, Some(expected.clone()));
    ledger.touch_log_in(hash(1), at(70)).await.unwrap();
    ledger.touch_log_in(hash(1), at(65)).await.unwrap();
    assert_eq!(log_in(&*ledger, 1).await, Some(LogIn { last_seen_at: at(70), ..expected }));
    assert_eq!(ledger.user(anna()).await.unwrap().unwrap().0.last_log_in, Some(at(2)));
    assert!(ledger.close_log_in(hash(1)).await.unwrap());
    assert!(!ledger.close_log_in(hash(1)).await.unwrap());
    assert_eq!(log_in(&*ledger, 1).await, None);
}

pub(crate) async fn what_has_expired_is_forgotten_at_the_next_log_in(place: &dyn Place) {
    let ledger = begin(place).await;
    add(&*ledger, "anna", Role::Read).await;
    assert!(open(&*ledger, 1, "anna").await);
    let password = || Secret::new(HASH.to_owned());
    assert!(ledger.open_log_in(hash(2), anna(), password(), at(999), at(2000)).await.unwrap());
    assert!(log_in(&*ledger, 1).await.is_some());
    assert!(ledger.open_log_in(hash(3), anna(), password(), at(1000), at(2000)).await.unwrap());
    assert_eq!(log_in(&*ledger, 1).await, None);
    assert!(log_in(&*ledger, 2).await.is_some());
}

pub(crate) async fn a_new_password_ends_the_other_log_ins_and_bars_those_under_way(place: &dyn Place) {
    let ledger = begin(place).await;
    add(&*ledger, "anna", Role::Read).await;
    add(&*ledger, "bob", Role::Read).await;
    for (number, name) in [(1, "anna"), (2, "anna"), (3, "anna"), (4, "bob")] {
        assert!(open(&*ledger, number, name).await);
    }
    let new = Secret::new("$argon2id$new".to_owned());
    let changed = ledger.set_password(anna(), new.clone(), Some(hash(2)), at(20)).await.unwrap();
    assert_eq!(changed, UserChanged::Changed { log_ins: 2, tokens: 0 });
    assert!(log_in(&*ledger, 1).await.is_none() && log_in(&*ledger, 3).await.is_none());
    assert!(log_in(&*ledger, 2).await.is_some() && log_in(&*ledger, 4).await.is_some());
    assert!(!open(&*ledger, 5, "anna").await, "it had looked at the old password");
    let (user, password) = ledger.user(anna()).await.unwrap().unwrap();
    assert_eq!((user.password_at, password), (at(20), new.clone()));
    assert_eq!(
        ledger.set_password(anna(), new.clone(), None, at(21)).await.unwrap(),
        UserChanged::Changed { log_ins: 1, tokens: 0 }
    );
    let nobody = UserName::parse("nobody").unwrap();
    assert_eq!(ledger.set_password(nobody, new, None, at(22)).await.unwrap(), UserChanged::Unknown);
}

pub(crate) async fn a_new_role_ends_log_ins_and_revokes_what_may_do_more(place: &dyn Place) {
    let ledger = begin(place).await;
    add(&*ledger, "anna", Role::Administer).await;
    assert!(open(&*ledger, 1, "anna").await);
    let roles = [Role::Administer, Role::Operate, Role::Read, of_provider("DE-DCB")];
    for (number, role) in (1..).zip(roles) {
        ledger.add_token(new_token(number, role, Some(anna()), None)).await.unwrap().unwrap();
    }
    ledger.add_token(new_token(9, Role::Administer, None, None)).await.unwrap().unwrap();
    let changed = ledger.set_role(anna(), Role::Operate, at(20)).await.unwrap();
    assert_eq!(changed, UserChanged::Changed { log_ins: 1, tokens: 2 });
    assert_eq!(log_in(&*ledger, 1).await, None);
    assert_eq!(hold(&*ledger, &[1, 2, 3, 4, 9]).await, [false, true, true, false, true]);
    assert_eq!(ledger.user(anna()).await.unwrap().unwrap().0.role, Role::Operate);
}

pub(crate) async fn a_user_who_goes_takes_log_ins_and_tokens_along(place: &dyn Place) {
    let ledger = begin(place).await;
    add(&*ledger, "anna", Role::Read).await;
    assert!(open(&*ledger, 1, "anna").await);
    let own = ledger.add_token(new_token(1, Role::Read, Some(anna()), None)).await.unwrap().unwrap();
    ledger.add_token(new_token(2, Role::Read, None, Some(own))).await.unwrap().unwrap();
    ledger.add_token(new_token(3, Role::Read, None, None)).await.unwrap().unwrap();
    let gone = ledger.remove_user(anna(), at(20)).await.unwrap();
    assert_eq!(gone, UserChanged::Changed { log_ins: 1, tokens: 2 });
    assert_eq!(hold(&*ledger, &[1, 2, 3]).await, [false, false, true]);
    assert_eq!(log_in(&*ledger, 1).await, None);
    assert_eq!(ledger.remove_user(anna(), at(21)).await.unwrap(), UserChanged::Unknown);
    add(&*ledger, "anna", Role::Read).await;
    assert_eq!(log_in(&*ledger, 1).await, None, "somebody else of the same name");
    let orphan = new_token(4, Role::Read, Some(UserName::parse("bob").unwrap()), None);
    assert_eq!(ledger.add_token(orphan).await.unwrap(), None);
}

pub(crate) async fn a_token_is_listed_found_and_revoked_with_what_it_made(place: &dyn Place) {
    let ledger = begin(place).await;
    let first = ledger.add_token(new_token(1, Role::Operate, None, None)).await.unwrap().unwrap();
    let child = ledger.add_token(new_token(2, Role::Read, None, Some(first))).await.unwrap().unwrap();
    ledger.add_token(new_token(3, Role::Read, None, Some(child))).await.unwrap().unwrap();
    let expiring = NewToken { expires_at: Some(at(40)), ..new_token(4, of_provider("DE-DCB"), None, None) };
    ledger.add_token(expiring).await.unwrap().unwrap();
    assert_eq!(hold(&*ledger, &[1, 2, 3, 4]).await, [true, true, true, false]);
    assert!(token(&*ledger, 4).await.holds(at(39)) && !token(&*ledger, 4).await.holds(at(40)));
    ledger.touch_token(child, at(30)).await.unwrap();
    drop(ledger);
    let ledger = place.open(at(60)).await;
    assert_eq!(token(&*ledger, 2).await.last_used_at, Some(at(30)));
    assert_eq!(ledger.revoke_token(first, at(61)).await.unwrap(), 3);
    assert_eq!(ledger.revoke_token(child, at(62)).await.unwrap(), 0, "and stays as it was revoked first");
    let numbers: Vec<_> = ledger.tokens().await.unwrap().iter().map(|t| (t.no.0, t.revoked_at)).collect();
    assert_eq!(numbers, [(4, None), (3, Some(at(61))), (2, Some(at(61))), (1, Some(at(61)))]);
    assert_eq!(ledger.token(hash(7)).await.unwrap(), None);
    let late = new_token(5, Role::Read, None, Some(first));
    assert_eq!(ledger.add_token(late).await.unwrap(), None, "what made it is revoked");
}

fn line(kind: &str, action: &str) -> AuditRecord {
    AuditRecord {
        no: 0,
        at: at(5),
        kind: kind.to_owned(),
        who: "user anna".to_owned(),
        from: Some("192.0.2.7".to_owned()),
        action: action.to_owned(),
        about: Some("DE-DCB".to_owned()),
        outcome: AuditOutcome::Refused,
        detail: None,
    }
}

pub(crate) async fn the_audit_trail_is_read_backwards_page_by_page(place: &dyn Place) {
    let ledger = begin(place).await;
    for number in 1..=5 {
        ledger.note_audit(line("user", &format!("step.{number}"))).await.unwrap();
    }
    drop(ledger);
    let ledger = place.open(at(60)).await;
    let page = ledger.audit(None, 2).await.unwrap();
    assert_eq!(page[0], AuditRecord { no: 5, ..line("user", "step.5") });
    assert_eq!(page[1].action, "step.4");
    let rest = ledger.audit(Some(page[1].no), 10).await.unwrap();
    let actions: Vec<_> = rest.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["step.3", "step.2", "step.1"]);
}

pub(crate) async fn strangers_do_not_fill_the_audit_trail(place: &dyn Place) {
    let ledger = begin(place).await;
    ledger.note_audit(line("user", "kept")).await.unwrap();
    let mut left = MOST_AUDITED_STRANGERS + 3;
    while left > 0 {
        let mut noted = tokio::task::JoinSet::new();
        for _ in 0..left.min(1000) {
            let ledger = ledger.clone();
            noted.spawn(async move { ledger.note_audit(line("nobody", "log-in")).await });
            left -= 1;
        }
        noted.join_all().await.into_iter().for_each(|kept| kept.unwrap());
    }
    let all = ledger.audit(None, usize::MAX).await.unwrap();
    let strangers = all.iter().filter(|line| line.kind == "nobody");
    assert_eq!(strangers.count(), MOST_AUDITED_STRANGERS);
    assert_eq!(all.last().unwrap().action, "kept");
}

pub(crate) async fn a_drain_rate_holds_until_it_is_cleared(place: &dyn Place) {
    let ledger = begin(place).await;
    let rate = LaneRate { provider: provider(), per_second: 7, at: at(1), by: "user anna".to_owned() };
    ledger.set_rate(rate.clone()).await.unwrap();
    let rate = LaneRate { per_second: 9, at: at(2), ..rate };
    ledger.set_rate(rate.clone()).await.unwrap();
    drop(ledger);
    let ledger = place.open(at(60)).await;
    assert_eq!(ledger.rates().await.unwrap(), [rate]);
    assert!(ledger.clear_rate(provider()).await.unwrap());
    assert!(!ledger.clear_rate(provider()).await.unwrap());
    assert_eq!(ledger.rates().await.unwrap(), []);
}
