//! A session's life: which sign is welcome in which state, what gets 400, and what changes the state (OICP 2.3, sessions
//! and SessionID). One pure function, [`step`]; whoever decides about a session asks it.
//!
//! A session is valid for a call when it exists and the caller is a party to it. A charge detail record closes it; nothing
//! else does, neither an End nor a stop. What the field sends is let in wherever the session may be alive: an End without a
//! Start, a Progress after an End, a second End.
//!
//! | sign, and whose it is            | Pending              | Unconfirmed    | Active         | ChargingEnded  | Closed | Gone     |
//! |----------------------------------|----------------------|----------------|----------------|----------------|--------|----------|
//! | yes, of who was asked            | Active               | Active         | –              | –              | –      | conflict |
//! | yes, of another                  | conflict             | conflict       | conflict       | conflict       | conflict | conflict |
//! | no, of who was asked             | Gone                 | Gone           | –              | –              | –      | –        |
//! | silence (remote only)            | Unconfirmed          | –              | –              | –              | –      | –        |
//! | crash of the hub                 | Gone; remote: Unconfirmed | –         | –              | –              | –      | –        |
//! | Start, Progress, Error: operator | 400; remote: Active  | Active         | welcome        | welcome        | 400    | 400      |
//! | End: operator                    | 400; remote: ChargingEnded | ChargingEnded | ChargingEnded | welcome    | 400    | 400      |
//! | AuthorizeStop: operator          | 400; remote: Active  | Active         | welcome        | welcome        | 400    | 400      |
//! | RemoteStop: provider (charging)  | 400                  | welcome        | welcome        | welcome        | 400    | 400      |
//! | ReservationStop: provider (reservation) | 400           | welcome        | welcome        | welcome        | 400    | 400      |
//! | charge detail record: operator   | 400; remote: Closed  | Closed         | Closed         | Closed         | 400    | 400      |
//! | … identical to the stored one    | as the first         | as the first   | as the first   | as the first   | repeat | 400      |
//! | expiry                           | Gone                 | Gone           | Gone           | Gone           | –      | –        |
//!
//! `–`: nothing changes and nobody is answered; `welcome`: goes on, the state stays; a state: goes on, and that is the next
//! state. A call by anybody but the session's own partner is 400 in every state and changes nothing.
//!
//! An operator that was asked from remote knows the SessionID from that moment on, so what it says of the session before its
//! answer is there is taken for a yes. An operator at whose charge point a driver asks hears the SessionID with the answer:
//! before that nothing can come.

use oicp::NotificationType;

use super::SessionKind;
use crate::MessageKind;

/// Where a session stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SessionState {
    /// Durable, but nobody has answered yet.
    Pending,
    /// A remote start was sent, and what became of it is not known: the operator may have begun.
    Unconfirmed,
    /// Somebody said yes: notifications are welcome.
    Active,
    /// Active, and an End is in: the energy has stopped flowing, the session goes on. The ledger keeps it as `Active`; the
    /// End itself says the rest.
    ChargingEnded,
    /// The charge detail record is in: nothing more is expected.
    Closed,
    /// Refused, void, expired, or never there.
    Gone,
}

impl SessionState {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Unconfirmed, Self::Active, Self::ChargingEnded, Self::Closed, Self::Gone];

    /// The word in the ledger and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unconfirmed => "unconfirmed",
            Self::Active => "active",
            Self::ChargingEnded => "charging-ended",
            Self::Closed => "closed",
            Self::Gone => "gone",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The state as the ledger keeps it: that an End is in is said by the End.
    #[must_use]
    pub fn stored(self) -> Self {
        match self {
            Self::ChargingEnded => Self::Active,
            other => other,
        }
    }
}

/// How a session was opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Opened {
    /// At the charge point; providers were asked.
    Asked,
    /// At the charge point; the hub decided from data that a provider had uploaded.
    Uploaded,
    /// By a provider; the operator was asked.
    Remote,
}

impl Opened {
    /// The word in the ledger and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "card",
            Self::Uploaded => "uploaded",
            Self::Remote => "remote",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Asked, Self::Uploaded, Self::Remote].into_iter().find(|opened| opened.as_str() == word)
    }
}

/// As much of a session as its life depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    /// What it is for.
    pub kind: SessionKind,
    /// How it was opened.
    pub opened: Opened,
    /// Where it stands.
    pub state: SessionState,
}

impl Session {
    /// A session whose provider is being asked for a driver at a charge point.
    #[must_use]
    pub fn asked(state: SessionState) -> Self {
        Self { kind: SessionKind::Charging, opened: Opened::Asked, state }
    }
}

/// A charge detail record, beside the one that is stored of the session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Record {
    /// None is stored.
    First,
    /// The same bytes are.
    Identical,
    /// Other bytes are.
    Another,
}

/// What happens to a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// A yes to the question that opens the session.
    Consent,
    /// A no to it.
    Refusal,
    /// No answer came to a request that was sent.
    Silence,
    /// The hub died while the question was open.
    Crash,
    /// A charging notification.
    Notification(NotificationType),
    /// eRoamingAuthorizeStop.
    AuthorizeStop,
    /// eRoamingAuthorizeRemoteStop.
    RemoteStop,
    /// eRoamingAuthorizeRemoteReservationStop.
    ReservationStop,
    /// eRoamingChargeDetailRecord.
    ChargeDetailRecord(Record),
    /// It has been open for so long that nobody expects anything of it.
    Expiry,
}

impl What {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 15] = [
        Self::Consent,
        Self::Refusal,
        Self::Silence,
        Self::Crash,
        Self::Notification(NotificationType::Start),
        Self::Notification(NotificationType::Progress),
        Self::Notification(NotificationType::End),
        Self::Notification(NotificationType::Error),
        Self::AuthorizeStop,
        Self::RemoteStop,
        Self::ReservationStop,
        Self::ChargeDetailRecord(Record::First),
        Self::ChargeDetailRecord(Record::Identical),
        Self::ChargeDetailRecord(Record::Another),
        Self::Expiry,
    ];

    /// Whose business it is in a session that was opened so.
    #[must_use]
    pub fn rightful(self, opened: Opened) -> By {
        match self {
            Self::Consent | Self::Refusal => match opened {
                Opened::Asked => By::Provider,
                Opened::Remote => By::Operator,
                Opened::Uploaded => By::Nobody,
            },
            Self::Silence | Self::Crash | Self::Expiry => By::Nobody,
            Self::Notification(_) | Self::AuthorizeStop | Self::ChargeDetailRecord(_) => By::Operator,
            Self::RemoteStop | Self::ReservationStop => By::Provider,
        }
    }

    /// Is it a partner's call, which gets an answer?
    fn is_a_call(self) -> bool {
        match self {
            Self::Consent | Self::Refusal | Self::Silence | Self::Crash | Self::Expiry => false,
            Self::Notification(_)
            | Self::AuthorizeStop
            | Self::RemoteStop
            | Self::ReservationStop
            | Self::ChargeDetailRecord(_) => true,
        }
    }
}

impl From<MessageKind> for What {
    /// A message that is new to the ledger.
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Start => Self::Notification(NotificationType::Start),
            MessageKind::Progress => Self::Notification(NotificationType::Progress),
            MessageKind::End => Self::Notification(NotificationType::End),
            MessageKind::Error => Self::Notification(NotificationType::Error),
            MessageKind::ChargeDetailRecord => Self::ChargeDetailRecord(Record::First),
        }
    }
}

/// Who gives a sign.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// The session's operator.
    Operator,
    /// The session's provider, or one that is asked to be it.
    Provider,
    /// A partner that is no party to the session.
    Stranger,
    /// No partner: time, or the hub itself.
    Nobody,
}

impl By {
    /// An operator that calls: the session's own or not.
    #[must_use]
    pub fn operator(its_own: bool) -> Self {
        if its_own { Self::Operator } else { Self::Stranger }
    }

    /// A provider that calls: the session's own or not.
    #[must_use]
    pub fn provider(its_own: bool) -> Self {
        if its_own { Self::Provider } else { Self::Stranger }
    }
}

/// A sign of life or death.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sign {
    /// What.
    pub what: What,
    /// Whose.
    pub by: By,
}

/// How a sign is met.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// It counts, and goes on.
    Welcome,
    /// The answer to the first is given again; nothing goes on.
    Repeat,
    /// The caller hears 400, and nothing goes on.
    Invalid,
    /// A yes that changes nothing: who gave it believes in a session that is not its own.
    Conflict,
    /// It says nothing new, and nobody is answered.
    Ignored,
}

/// What a sign comes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Step {
    /// The state from now on.
    pub next: SessionState,
    /// What becomes of the sign.
    pub answer: Answer,
}

/// What a sign comes to in a session. A session that is not there is [`SessionState::Gone`].
#[must_use]
pub fn step(session: Session, sign: Sign) -> Step {
    use SessionState::{Active, ChargingEnded, Closed, Gone, Pending, Unconfirmed};
    let Session { kind, opened, state } = session;
    let stays = |answer| Step { next: state, answer };
    let goes = |next| Step { next, answer: Answer::Welcome };
    if sign.by != sign.what.rightful(opened) {
        return stays(out_of_place(sign.what));
    }
    match (sign.what, state) {
        (What::Consent, Pending | Unconfirmed) => goes(Active),
        (What::Consent, Gone) => stays(Answer::Conflict),
        (What::Refusal, Pending | Unconfirmed) => goes(Gone),
        // It may have been sent, and heard.
        (What::Silence | What::Crash, Pending) if opened == Opened::Remote => goes(Unconfirmed),
        (What::Crash, Pending) => goes(Gone),
        (What::Expiry, Pending | Unconfirmed | Active | ChargingEnded) => goes(Gone),

        (What::ChargeDetailRecord(Record::Identical), Closed) => stays(Answer::Repeat),
        (what, Closed | Gone) if what.is_a_call() => stays(Answer::Invalid),
        (what, Pending) if what.is_a_call() && !knows_it_already(what, opened) => stays(Answer::Invalid),
        (What::RemoteStop, _) if kind == SessionKind::Reservation => stays(Answer::Invalid),
        (What::ReservationStop, _) if kind == SessionKind::Charging => stays(Answer::Invalid),
        // A stop by the provider says nothing of what the operator did.
        (What::RemoteStop | What::ReservationStop, _) => stays(Answer::Welcome),
        (What::ChargeDetailRecord(_), _) => goes(Closed),
        (What::Notification(NotificationType::End), _) => goes(ChargingEnded),
        (What::Notification(_) | What::AuthorizeStop, Pending | Unconfirmed) => goes(Active),
        (What::Notification(_) | What::AuthorizeStop, _) => stays(Answer::Welcome),

        (What::Consent | What::Refusal | What::Silence | What::Crash | What::Expiry, _) => {
            stays(Answer::Ignored)
        }
    }
}

/// What somebody says whose business it is not.
fn out_of_place(what: What) -> Answer {
    match what {
        What::Consent => Answer::Conflict,
        what if what.is_a_call() => Answer::Invalid,
        _ => Answer::Ignored,
    }
}

/// Whether the caller can know a session that is still pending: the operator that was asked from remote does.
fn knows_it_already(what: What, opened: Opened) -> bool {
    opened == Opened::Remote && what.rightful(opened) == By::Operator
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
