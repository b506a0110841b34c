//! `certificates = ["sha256:…", { issuer = "CN=…", subject = "CN=…" }]` of a partner: which client certificates stand for it.

use std::str::FromStr;

use roamhub_core::certificate::{CertificateName, CertificateRule, Fingerprint};
use toml::{Spanned, Value};
use x509_cert::name::RdnSequence;

use crate::partners_file::{PartnersError, Reader};

impl Reader<'_> {
    pub(crate) fn certificates(
        &self,
        entries: &[Spanned<Value>],
    ) -> Result<Vec<CertificateRule>, PartnersError> {
        entries
            .iter()
            .map(|entry| rule(entry.get_ref()).map_err(|problem| self.wrong(entry, problem)))
            .collect()
    }
}

fn rule(entry: &Value) -> Result<CertificateRule, String> {
    match entry {
        Value::String(text) => Fingerprint::parse(text)
            .map(CertificateRule::Pinned)
            .ok_or_else(|| "a certificate is \"sha256:\" and 64 hexadecimal digits".to_owned()),
        Value::Table(table) => {
            if let Some(other) = table.keys().find(|key| *key != "issuer" && *key != "subject") {
                return Err(format!(
                    "{other:?} means nothing here; a certificate has an issuer and a subject"
                ));
            }
            let part = |key: &str| match table.get(key) {
                Some(Value::String(name)) => normal(name),
                _ => Err(format!("{key} is missing; write {{ issuer = \"CN=…\", subject = \"CN=…\" }}")),
            };
            Ok(CertificateRule::Named(CertificateName { issuer: part("issuer")?, subject: part("subject")? }))
        }
        _ => Err("a certificate is \"sha256:…\" or { issuer = \"CN=…\", subject = \"CN=…\" }".to_owned()),
    }
}

/// The one spelling of a distinguished name.
fn normal(name: &str) -> Result<String, String> {
    RdnSequence::from_str(name).ok().filter(|name| !name.is_empty()).map(|name| name.to_string()).ok_or_else(|| {
        format!(
            "{name:?} is no name of a certificate; write it as `openssl x509 -noout -subject -issuer -nameopt RFC2253` \
             does, like CN=ABC,O=ABC Charging,C=DE"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::partners_file::read;

    fn rules(certificates: &str) -> Result<Vec<CertificateRule>, PartnersError> {
        let text = format!("[[operator]]\nid = \"DE*ABC\"\ncertificates = {certificates}\n");
        let directory = read(&text, Path::new("."))?;
        Ok(directory.operators().next().expect("there is one operator").certificates.clone())
    }

    #[test]
    fn a_certificate_is_pinned_or_named() {
        let pin = format!("sha256:{}", "ab".repeat(32));
        let read =
            rules(&format!("[\"{pin}\", {{ issuer = \"CN=CA,O=X\", subject = \"CN=abc,C=DE\" }}]")).unwrap();
        assert_eq!(read[0], CertificateRule::Pinned(Fingerprint::parse(&pin).unwrap()));
        let name = CertificateName { issuer: "CN=CA,O=X".to_owned(), subject: "CN=abc,C=DE".to_owned() };
        assert_eq!(read[1], CertificateRule::Named(name));
        assert_eq!(normal(r"CN=A\, B,O=\#1"), Ok(r"CN=A\, B,O=\#1".to_owned()));
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for (certificates, problem) in [
            ("[\"sha256:ab\"]", "64 hexadecimal digits"),
            ("[17]", "sha256:"),
            ("[{ issuer = \"CN=CA\" }]", "subject is missing"),
            ("[{ issuer = \"CN=CA\", subject = \"CN=x\", cn = \"x\" }]", "means nothing here"),
            ("[{ issuer = \"CA\", subject = \"CN=x\" }]", "no name of a certificate"),
            ("[{ issuer = \"\", subject = \"CN=x\" }]", "no name of a certificate"),
        ] {
            let error = rules(certificates).expect_err(certificates);
            assert_eq!(error.line, 3, "{certificates}: {error}");
            assert!(error.problem.contains(problem), "{certificates}: {error}");
        }
    }
}
