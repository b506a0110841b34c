//! The paths of the hub's own services.

use oicp::service;
use roamhub_services::identity::Claim;

/// Where they live.
const ROOT: [&str; 3] = ["api", "hub", "v1"];

/// What a path under `/api/hub` leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// A resource.
    Resource(Resource),
    /// Nothing.
    Unknown,
}

/// A resource; ids are decoded but not checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resource {
    /// `keys`
    Keys,
    /// `operators/{OperatorID}/receipts/{Process-ID}` and `providers/{ProviderID}/receipts/{Process-ID}`
    Receipt(Partner, String),
    /// `operators/{OperatorID}/receipts` and `providers/{ProviderID}/receipts`
    Receipts(Partner),
    /// `providers/{ProviderID}/notifications`
    Notifications(String),
    /// `providers/{ProviderID}/notifications/confirm`
    Confirm(String),
}

/// A partner as a path names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Partner {
    /// `operators/{OperatorID}`
    Operator(String),
    /// `providers/{ProviderID}`
    Provider(String),
}

impl Resource {
    /// Who the path says that the caller is.
    #[must_use]
    pub fn claim(&self) -> Option<Claim<'_>> {
        match self {
            Self::Keys => None,
            Self::Receipt(Partner::Operator(id), _) | Self::Receipts(Partner::Operator(id)) => {
                Some(Claim::Operator(id))
            }
            Self::Receipt(Partner::Provider(id), _) | Self::Receipts(Partner::Provider(id)) => {
                Some(Claim::Provider(id))
            }
            Self::Notifications(id) | Self::Confirm(id) => Some(Claim::Provider(id)),
        }
    }
}

impl Found {
    /// The name of the service, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resource(Resource::Keys) => "Keys",
            Self::Resource(Resource::Receipt(..) | Resource::Receipts(_)) => "Receipts",
            Self::Resource(Resource::Notifications(_)) => "Feed",
            Self::Resource(Resource::Confirm(_)) => "FeedConfirmation",
            Self::Unknown => "unknown",
        }
    }
}

/// What a path (without query) leads to; `None` if it is not under `/api/hub`.
#[must_use]
pub fn find(path: &str) -> Option<Found> {
    let segments = service::decoded_segments(path)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (root, rest) = segments.split_at_checked(ROOT.len()).unwrap_or((&segments, &[]));
    if root != ROOT {
        let ours = segments.first_chunk() == Some(&["api", "hub"]);
        return ours.then_some(Found::Unknown);
    }
    let partner = |of: &str, id: &str| match of {
        "operators" => Some(Partner::Operator(id.to_owned())),
        "providers" => Some(Partner::Provider(id.to_owned())),
        _ => None,
    };
    let resource = match *rest {
        ["keys"] => Some(Resource::Keys),
        [of, id, "receipts"] => partner(of, id).map(Resource::Receipts),
        [of, id, "receipts", process] => {
            partner(of, id).map(|partner| Resource::Receipt(partner, process.to_owned()))
        }
        ["providers", id, "notifications"] => Some(Resource::Notifications(id.to_owned())),
        ["providers", id, "notifications", "confirm"] => Some(Resource::Confirm(id.to_owned())),
        _ => None,
    };
    Some(resource.map_or(Found::Unknown, Found::Resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_decoded_and_superfluous_slashes_do_not_count() {
        let receipt = |id: &str| {
            Found::Resource(Resource::Receipt(Partner::Operator(id.to_owned()), "0198".to_owned()))
        };
        for (path, id) in [
            ("/api/hub/v1/operators/DE*ABC/receipts/0198", "DE*ABC"),
            ("/api/hub/v1/operators/DE%2aABC/receipts/0198/", "DE*ABC"),
            ("//api//hub/v1/operators/%2B49*810/receipts/0198", "+49*810"),
        ] {
            assert_eq!(find(path), Some(receipt(id)), "{path}");
        }
        let confirm = Found::Resource(Resource::Confirm("DE-DCB".to_owned()));
        assert_eq!(find("/api/hub/v1/providers/DE-DCB/notifications/confirm"), Some(confirm));
    }

    #[test]
    fn what_is_not_there_is_ours_to_refuse_only_under_our_root() {
        for path in
            ["/api/hub", "/api/hub/v2/keys", "/api/hub/v1", "/api/hub/v1/keys/1", "/api/hub/v1/operators/X"]
        {
            assert_eq!(find(path), Some(Found::Unknown), "{path}");
        }
        for path in ["/", "/api", "/api/oicp/x", "/api/hubs", "/api/hub%zz", ""] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
