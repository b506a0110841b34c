//! A partner of either side: whoever calls the hub, or is called by it.

use std::fmt;

use oicp::{OperatorId, ProviderId};

/// An operator or a provider, by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Partner {
    /// A charge point operator.
    Operator(OperatorId),
    /// An e-mobility provider.
    Provider(ProviderId),
}

impl Partner {
    /// The operator, if it is one.
    #[must_use]
    pub fn operator(self) -> Option<OperatorId> {
        match self {
            Self::Operator(id) => Some(id),
            Self::Provider(_) => None,
        }
    }

    /// `operator` or `provider`.
    #[must_use]
    pub fn side(self) -> &'static str {
        match self {
            Self::Operator(_) => "operator",
            Self::Provider(_) => "provider",
        }
    }
}

impl From<OperatorId> for Partner {
    fn from(id: OperatorId) -> Self {
        Self::Operator(id)
    }
}

impl From<ProviderId> for Partner {
    fn from(id: ProviderId) -> Self {
        Self::Provider(id)
    }
}

impl fmt::Display for Partner {
    /// The id alone, as it was spelt.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(id) => id.fmt(out),
            Self::Provider(id) => id.fmt(out),
        }
    }
}
