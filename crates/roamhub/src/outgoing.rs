//! `[outgoing]` in `roamhub.toml`, each setting also as `ROAMHUB_OUTGOING_…`, which goes first: how the hub calls partners.

use std::path::PathBuf;

use anyhow::bail;
use roamhub_core::route::ClientCertificate;
use serde::Deserialize;

/// `[outgoing]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutgoingSection {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The certificate that the hub shows when it calls, if it has one.
pub(crate) fn settle(section: OutgoingSection) -> anyhow::Result<Option<ClientCertificate>> {
    let said = |variable: &str, from_file: Option<PathBuf>| {
        let said = std::env::var_os(format!("ROAMHUB_OUTGOING_{variable}")).filter(|value| !value.is_empty());
        said.map(PathBuf::from).or(from_file)
    };
    match (said("CERTIFICATE", section.certificate), said("KEY", section.key)) {
        (Some(certificate), Some(key)) => Ok(Some(ClientCertificate { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            bail!("outgoing.certificate is of use only with its private key: say outgoing.key too")
        }
        (None, Some(_)) => bail!("outgoing.key needs its certificate: say outgoing.certificate too"),
    }
}
