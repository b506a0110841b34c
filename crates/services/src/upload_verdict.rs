//! What came of a push of authentication data, in the hub's own terms and in words. Records are named by their place in
//! the list, never by their number.

use oicp::ProviderId;
use oicp::authentication::ActionType;
use oicp::status::Code;
use roamhub_core::media::Upload;

/// So many records are named in an answer.
const MOST_NAMED: usize = 10;
/// Where the records stand.
pub(crate) const LIST: &str = "/ProviderAuthenticationData/AuthenticationDataRecord";

/// What came of a push.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UploadVerdict {
    /// Carried out.
    Done {
        /// As it is kept.
        upload: Upload,
        /// Records to be deleted that did not exist.
        unknown: Named,
    },
    /// The same bytes as the push before, which holds.
    Repeat(Upload),
    /// The provider may not upload.
    NoContract(ProviderId),
    /// Contracts of somebody else.
    Foreign(Named),
    /// Records that exist and must not, or do not exist and should.
    Unfit(ActionType, Named),
}

/// Places in the list of a push: the first ones, and how many there are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Named {
    first: Vec<usize>,
    count: usize,
}

impl Named {
    pub(crate) fn add(&mut self, place: usize) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < MOST_NAMED {
            self.first.push(place);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// More than will be named.
    pub(crate) fn is_enough(&self) -> bool {
        self.count > MOST_NAMED
    }

    fn in_words(&self) -> String {
        let places: Vec<_> = self.first.iter().map(usize::to_string).collect();
        let more = match self.count.saturating_sub(self.first.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("records {}{more} of {LIST}", places.join(", "))
    }
}

impl UploadVerdict {
    /// The OICP code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Done { .. } | Self::Repeat(_) => Code::SUCCESS,
            Self::NoContract(_) => Code::NO_CONTRACT,
            Self::Foreign(_) => Code::EVCO_INCONSISTENT,
            Self::Unfit(..) => Code::DATA_TRANSACTION,
        }
    }

    /// Whether nothing was changed because the push was refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Done { .. } | Self::Repeat(_))
    }

    /// What is said beside the code. Records are named by their place in the list, never by a number of a card.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Done { upload, unknown } => {
                let also = match unknown.count {
                    0 => String::new(),
                    _ => format!("; these did not exist: {}", unknown.in_words()),
                };
                format!("version {}: {} records{also}", upload.version.0, upload.total)
            }
            Self::Repeat(upload) => {
                let Upload { version, total, .. } = upload;
                format!("the same bytes were carried out before, as version {}: {total} records", version.0)
            }
            Self::NoContract(id) => format!(
                "{id} has no contract with this hub for authentication data; ask the people who run it to add \
                 \"authentication-data\" to its services"
            ),
            Self::Foreign(named) => {
                format!("contracts of other providers: {}; nothing was stored", named.in_words())
            }
            Self::Unfit(ActionType::Update, named) => {
                format!("these do not exist: {}; nothing was changed", named.in_words())
            }
            Self::Unfit(_, named) => format!("these exist: {}; nothing was stored", named.in_words()),
        }
    }
}
