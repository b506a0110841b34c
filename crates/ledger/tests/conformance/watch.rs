//! The watchdog's view: what it learns of messages and decisions, when it looks, what it lists.

use std::time::Duration;

use roamhub_core::MessageKind::{End, Error, Progress, Start};
use roamhub_core::SessionKey;
use roamhub_core::ports::Ledger;
use roamhub_core::ports::watch::{Followed, Ghost, GhostChange};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::watchdog::{GhostKind, Limits, Watched, judge};

use crate::Place;
use crate::scene::*;

/// A rule may apply a minute after a message.
const SOONEST: Duration = Duration::from_secs(60);

/// Follows until nothing is left; what came of it.
async fn follow(ledger: &dyn Ledger) -> Followed {
    let mut all = Followed::default();
    loop {
        let some = ledger.follow(100, SOONEST).await.expect("the ledger can be followed");
        all.cleared.extend(some.cleared);
        all.blocked.extend(some.blocked);
        if !some.behind {
            return all;
        }
    }
}

async fn due(ledger: &dyn Ledger, seconds: i64) -> Vec<Watched> {
    ledger.due_for_a_look(at(seconds), 100).await.expect("the ledger can be read")
}

async fn ghosts(ledger: &dyn Ledger) -> Vec<Ghost> {
    ledger.ghosts(None, 100).await.expect("the ledger can be read")
}

async fn kinds(ledger: &dyn Ledger) -> Vec<GhostKind> {
    ghosts(ledger).await.into_iter().map(|ghost| ghost.kind).collect()
}

/// Looks at whatever is due, as the watchdog does.
async fn look(ledger: &dyn Ledger, seconds: i64) -> Vec<GhostChange> {
    follow(ledger).await;
    let due = due(ledger, seconds).await;
    let judged = due.into_iter().map(|watched| (watched, judge(&watched, &Limits::default(), at(seconds))));
    ledger.note_judgements(judged.collect()).await.expect("judgements are written")
}

/// A session of a medium, asked for at this instant; `None` of a provider is a refusal with this code.
async fn asked(ledger: &dyn Ledger, medium: u8, seconds: i64, by: bool, code: u16) -> SessionKey {
    let key = SessionKey::new();
    let opened = PendingSession { opened_at: at(seconds), medium: [medium; 32], ..pending(key) };
    ledger.open_pending(opened).await.unwrap();
    let by = by.then(provider);
    let outcome =
        AuthorisationOutcome { medium: [medium; 32], decided_at: at(seconds), code, ..decision(key, by) };
    ledger.decide(outcome).await.unwrap();
    key
}

pub(crate) async fn a_session_is_watched_from_its_authorisation_on(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    asked(&*ledger, 1, 0, false, 102).await;
    assert!(due(&*ledger, 1).await.is_empty(), "nothing is known before it is followed");
    follow(&*ledger).await;
    assert!(due(&*ledger, 59).await.is_empty(), "no rule can apply yet");
    let [watched] = due(&*ledger, 60).await[..] else { panic!("one session is watched") };
    assert_eq!((watched.session, watched.operator, watched.provider), (key, operator(), provider()));
    assert_eq!((watched.authorised_at, watched.heard), (at(0), None));
    assert!(!watched.over && watched.ghost.is_none());
}

pub(crate) async fn what_is_heard_is_known_and_what_has_ended_is_left_alone(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    for (kind, seconds) in [(Start, 10), (Progress, 400), (Progress, 1000), (Error, 1100)] {
        stored(&*ledger, notice(key, kind, seconds)).await;
    }
    follow(&*ledger).await;
    let [watched] = due(&*ledger, 2000).await[..] else { panic!("one session is watched") };
    let heard = watched.heard.expect("something was heard");
    assert_eq!((heard.first_at, heard.last_at), (at(10), at(1100)));
    assert!(heard.progress);
    assert_eq!(heard.distance, Duration::from_secs(600));
    stored(&*ledger, notice(key, End, 1200)).await;
    follow(&*ledger).await;
    stored(&*ledger, notice(key, Error, 1300)).await;
    follow(&*ledger).await;
    assert!(due(&*ledger, 1_000_000).await.is_empty(), "an ended session is looked at no more");
}

pub(crate) async fn following_goes_on_where_it_stopped(place: &dyn Place) {
    let ledger = begin(place).await;
    let mut sessions = Vec::new();
    for second in 0..7 {
        let key = session(&*ledger).await;
        stored(&*ledger, notice(key, End, second)).await;
        sessions.push(key);
    }
    let open = session(&*ledger).await;
    assert!(ledger.follow(3, SOONEST).await.unwrap().behind);
    drop(ledger);
    let ledger = place.open(at(100)).await;
    follow(&*ledger).await;
    let due: Vec<_> = due(&*ledger, 1000).await.iter().map(|watched| watched.session).collect();
    assert_eq!(due, [open], "all Ends were seen, each session is known");
    assert_eq!(follow(&*ledger).await, Followed::default(), "and nothing is seen twice");
}

pub(crate) async fn a_session_that_says_something_is_looked_at_before_a_rule_can_apply(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    look(&*ledger, 60).await;
    assert!(due(&*ledger, 899).await.is_empty(), "it is fine until a quarter of an hour has passed");
    stored(&*ledger, notice(key, Start, 10)).await;
    follow(&*ledger).await;
    assert!(due(&*ledger, 69).await.is_empty());
    assert_eq!(due(&*ledger, 70).await.len(), 1);
}

pub(crate) async fn a_ghost_is_found_once_listed_counted_and_cleared_by_its_end(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    let found = GhostChange::Found(key, operator(), GhostKind::NeverStarted);
    assert_eq!(look(&*ledger, 900).await, [found]);
    assert_eq!(look(&*ledger, 900 + 3600).await, [], "it is a ghost already");
    let [ghost] = &ghosts(&*ledger).await[..] else { panic!("one ghost") };
    let expected = Ghost {
        session: key,
        kind: GhostKind::NeverStarted,
        operator: operator(),
        provider: Some(provider()),
        opened_at: at(0),
        last_heard_at: None,
        since: at(900),
    };
    assert_eq!(*ghost, expected);
    let [count] = ledger.ghost_counts().await.unwrap()[..] else { panic!("one count") };
    assert_eq!((count.operator, count.count, count.since), (operator(), 1, at(900)));
    let other = oicp::OperatorId::parse("DE*QQQ").unwrap();
    assert!(ledger.ghosts(Some(other), 10).await.unwrap().is_empty());
    assert_eq!(ledger.ghosts(Some(operator()), 10).await.unwrap().len(), 1);
    drop(ledger);
    let ledger = place.open(at(5000)).await;
    assert_eq!(kinds(&*ledger).await, [GhostKind::NeverStarted], "a restart forgets none");
    stored(&*ledger, notice(key, End, 6000)).await;
    assert_eq!(follow(&*ledger).await.cleared, [(operator(), GhostKind::NeverStarted)]);
    assert!(ghosts(&*ledger).await.is_empty());
    assert_eq!(look(&*ledger, 1_000_000).await, []);
}

pub(crate) async fn a_ghost_that_starts_after_all_is_none_any_more(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    look(&*ledger, 900).await;
    stored(&*ledger, notice(key, Start, 1000)).await;
    let cleared = GhostChange::Cleared(key, operator(), GhostKind::NeverStarted);
    assert_eq!(look(&*ledger, 1001).await, [cleared]);
    let found = GhostChange::Found(key, operator(), GhostKind::WithoutEnd);
    assert_eq!(look(&*ledger, 1000 + 86_400).await, [found]);
    assert_eq!(kinds(&*ledger).await, [GhostKind::WithoutEnd]);
}

pub(crate) async fn old_ghosts_are_forgotten(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    ledger.note_conflict(key, operator(), provider_named("NL-XYZ"), at(5));
    look(&*ledger, 900).await;
    assert_eq!(kinds(&*ledger).await, [GhostKind::LateYes, GhostKind::NeverStarted]);
    let forgotten = GhostChange::Forgotten(key, operator(), GhostKind::NeverStarted);
    assert_eq!(look(&*ledger, 900 + 8 * 86_400).await, [forgotten]);
    assert_eq!(ledger.forget(at(5)).await.unwrap(), [], "found at that very instant");
    let forgotten = GhostChange::Forgotten(key, operator(), GhostKind::LateYes);
    assert_eq!(ledger.forget(at(6)).await.unwrap(), [forgotten]);
    assert!(ghosts(&*ledger).await.is_empty());
}

pub(crate) async fn what_a_crash_left_undecided_is_voided(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.unwrap();
    let decided = session(&*ledger).await;
    drop(ledger);
    let ledger = place.open(at(10)).await;
    assert_eq!(ledger.void_undecided(at(0), 10).await.unwrap(), [], "it may still be under way");
    assert_eq!(ledger.void_undecided(at(1), 10).await.unwrap(), [(key, operator())]);
    assert!(ledger.session(key).await.unwrap().is_none(), "void");
    assert!(ledger.session(decided).await.unwrap().is_some());
    assert!(ledger.decide(decision(key, Some(provider()))).await.is_err(), "nobody can authorise it later");
    let [ghost] = &ghosts(&*ledger).await[..] else { panic!("one ghost") };
    assert_eq!((ghost.session, ghost.kind, ghost.provider), (key, GhostKind::Undecided, None));
    assert_eq!(ledger.void_undecided(at(1), 10).await.unwrap(), [], "once");
}

pub(crate) async fn a_late_yes_is_listed_with_the_provider_that_believes_in_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    ledger.note_conflict(key, operator(), provider_named("NL-XYZ"), at(5));
    ledger.note_conflict(key, operator(), provider_named("NL-XYZ"), at(6));
    ledger.probe(at(7)).await.unwrap();
    let [ghost] = &ghosts(&*ledger).await[..] else { panic!("one ghost") };
    assert_eq!((ghost.kind, ghost.provider), (GhostKind::LateYes, Some(provider_named("NL-XYZ"))));
    stored(&*ledger, notice(key, End, 10)).await;
    follow(&*ledger).await;
    assert_eq!(kinds(&*ledger).await, [GhostKind::LateYes], "the End went to the other provider");
}

pub(crate) async fn a_refusal_while_an_earlier_session_stands_open_is_kept(place: &dyn Place) {
    let ledger = begin(place).await;
    let open = asked(&*ledger, 1, 0, true, 0).await;
    let ended = asked(&*ledger, 2, 0, true, 0).await;
    stored(&*ledger, notice(ended, End, 50)).await;
    asked(&*ledger, 1, 100, false, 102).await;
    asked(&*ledger, 2, 100, false, 102).await;
    asked(&*ledger, 3, 100, false, 102).await;
    let [blocked] = &follow(&*ledger).await.blocked[..] else { panic!("one of three was blocked") };
    assert_eq!((blocked.earlier, blocked.caused_by, blocked.code), (open, operator(), 102));
    assert_eq!((blocked.operator, blocked.provider, blocked.at), (operator(), provider(), at(100)));
    assert_eq!(ledger.blocked(None, 10).await.unwrap(), std::slice::from_ref(blocked));
    assert_eq!(ledger.blocked(Some(operator()), 10).await.unwrap().len(), 1);
    let other = oicp::OperatorId::parse("DE*QQQ").unwrap();
    assert_eq!(ledger.blocked(Some(other), 10).await.unwrap(), []);
    assert_eq!(follow(&*ledger).await, Followed::default(), "counted once");
    asked(&*ledger, 1, 200, false, 310).await;
    assert_eq!(follow(&*ledger).await.blocked, [], "nobody answered: that has another cause");
    stored(&*ledger, notice(open, End, 250)).await;
    asked(&*ledger, 1, 240, false, 102).await;
    assert_eq!(follow(&*ledger).await.blocked.len(), 1, "it stood open when it was asked for");
    asked(&*ledger, 1, 260, false, 102).await;
    assert_eq!(follow(&*ledger).await.blocked, []);
}

pub(crate) async fn a_refusal_is_judged_only_once_all_messages_before_it_are_known(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = asked(&*ledger, 1, 0, true, 0).await;
    for (kind, seconds) in [(Start, 1), (Progress, 2), (End, 3)] {
        stored(&*ledger, notice(key, kind, seconds)).await;
    }
    asked(&*ledger, 1, 4, false, 102).await;
    let first = ledger.follow(2, SOONEST).await.unwrap();
    assert!(first.behind && first.blocked.is_empty(), "{first:?}");
    assert_eq!(follow(&*ledger).await.blocked, [], "by now its End is known");
}
