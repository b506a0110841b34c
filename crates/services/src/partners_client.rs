//! `client_certificate` and `client_key` of a partner: what the hub shows when it calls it, if not the certificate of all
//! its calls.

use roamhub_core::route::ClientCertificate;
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};

impl Reader<'_> {
    pub(crate) fn client(
        &self,
        certificate: Option<&Spanned<String>>,
        key: Option<&Spanned<String>>,
    ) -> Result<Option<ClientCertificate>, PartnersError> {
        let alone = |word: &Spanned<String>, other: &str| {
            Err(self.wrong(
                word,
                format!("{other} is missing: a certificate is of use only with its private key"),
            ))
        };
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), None) => alone(certificate, "client_key"),
            (None, Some(key)) => alone(key, "client_certificate"),
            (Some(certificate), Some(key)) => Ok(Some(ClientCertificate {
                certificate: self.folder.join(self.file(certificate)?),
                key: self.folder.join(self.file(key)?),
            })),
        }
    }

    fn file<'a>(&self, name: &'a Spanned<String>) -> Result<&'a str, PartnersError> {
        let text = name.get_ref().as_str();
        if text.trim().is_empty() {
            return Err(self.wrong(name, "this is the name of a PEM file"));
        }
        if text.contains("-----BEGIN") {
            return Err(self.wrong(name, "say the name of a PEM file here, not what is in it"));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::partners_file::read;

    const URL: &str = "url = \"https://emp.example\"\nservices = [\"notifications\"]";

    #[test]
    fn files_are_found_beside_the_partners_file() {
        let text = format!(
            "[[provider]]\nid = \"DE-DCB\"\n{URL}\nclient_certificate = \"hub.pem\"\nclient_key = \"/keys/hub.pem\"\n\
             [[operator]]\nid = \"DE*ABC\"\nclient_certificate = \"a.pem\"\nclient_key = \"b.pem\"\n"
        );
        let directory = read(&text, Path::new("/etc/roamhub")).unwrap();
        let provider = directory.providers().next().unwrap();
        let client = provider.client.as_ref().unwrap();
        assert_eq!(client.certificate, Path::new("/etc/roamhub/hub.pem"));
        assert_eq!(client.key, Path::new("/keys/hub.pem"));
        let operator = directory.operators().next().unwrap();
        assert_eq!(operator.remote.client.as_ref().unwrap().key, Path::new("/etc/roamhub/b.pem"));
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for (lines, line, problem) in [
            ("client_certificate = \"hub.pem\"", 5, "client_key is missing"),
            ("client_key = \"hub.pem\"", 5, "client_certificate is missing"),
            ("client_certificate = \"hub.pem\"\nclient_key = \" \"", 6, "the name of a PEM file"),
            (
                "client_certificate = \"-----BEGIN CERTIFICATE-----\"\nclient_key = \"k\"",
                5,
                "not what is in it",
            ),
        ] {
            let text = format!("[[provider]]\nid = \"DE-DCB\"\n{URL}\n{lines}\n");
            let error = read(&text, Path::new("/")).expect_err(lines);
            assert_eq!(error.line, line, "{lines}: {error}");
            assert!(error.problem.contains(problem), "{lines}: {error}");
        }
    }
}
