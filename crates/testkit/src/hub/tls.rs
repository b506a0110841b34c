//! The certificates of a hub under test and of its partners.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ca::{ClientTls, ServerTls, TestCa};

/// Where the hub listens, and what its certificate is for.
const HOST: &str = "127.0.0.1";

/// An authority, the hub's certificate of it, and those of the partners.
pub struct HubTls {
    ca: TestCa,
    clients: HashMap<String, ClientTls>,
    files: Option<[PathBuf; 2]>,
}

impl HubTls {
    pub(super) fn new() -> Self {
        Self { ca: TestCa::new(), clients: HashMap::new(), files: None }
    }

    /// The partners file with a certificate for each partner that names none. Partners' own servers are on this machine,
    /// which a hub that speaks TLS calls only where it may.
    pub(super) fn pinned(&mut self, partners: &str) -> String {
        let sections: Vec<&str> = partners.split("\n[[").collect();
        let mut text = Vec::with_capacity(sections.len());
        for section in sections {
            let of_partner = section.trim_start().trim_start_matches("[[");
            let is_partner = of_partner.starts_with("operator]]") || of_partner.starts_with("provider]]");
            let id = section.lines().find_map(|line| line.trim().strip_prefix("id = \"")?.strip_suffix('"'));
            let says = |what: &str| section.lines().any(|line| line.trim().starts_with(what));
            let Some(id) = id.filter(|_| is_partner) else {
                text.push(section.to_owned());
                continue;
            };
            let line = format!("id = \"{id}\"\n");
            let mut lines = line.clone();
            if says("url") && !says("allow_private") {
                lines.push_str("allow_private = true\n");
            }
            if !says("certificates") {
                let client = self.ca.client(id, HOST);
                lines.push_str(&format!("certificates = [\"{}\"]\n", client.fingerprint()));
                self.clients.insert(id.to_owned(), client);
            }
            text.push(section.replacen(&line, &lines, 1));
        }
        text.join("\n[[")
    }

    /// Writes the hub's certificate and key, and says with which arguments it finds them.
    pub(super) fn write_into(&mut self, folder: &Path) -> Vec<OsString> {
        let files = [folder.join("hub.pem"), folder.join("hub-key.pem")];
        self.files = Some(files.clone());
        self.write_server(&self.ca.server(HOST));
        let [certificate, key] = files;
        ["--tls-certificate".into(), certificate.into(), "--tls-key".into(), key.into()].into()
    }

    /// Gives the hub another certificate; it reads it when it is told, or notices.
    ///
    /// # Panics
    /// Before the hub was started.
    pub fn write_server(&self, server: &ServerTls) {
        let [certificate, key] = self.files.as_ref().expect("the hub was started");
        server.write_pem(certificate, key);
    }

    /// Where the hub's certificate is.
    ///
    /// # Panics
    /// Before the hub was started.
    #[must_use]
    pub fn certificate_file(&self) -> &Path {
        &self.files.as_ref().expect("the hub was started")[0]
    }

    /// Where its key is.
    ///
    /// # Panics
    /// Before the hub was started.
    #[must_use]
    pub fn key_file(&self) -> &Path {
        &self.files.as_ref().expect("the hub was started")[1]
    }

    /// The authority that signed them all.
    #[must_use]
    pub fn ca(&self) -> &TestCa {
        &self.ca
    }

    /// The name that the hub's certificate is for.
    #[must_use]
    pub fn host(&self) -> &'static str {
        HOST
    }

    /// The client that was made for a partner.
    ///
    /// # Panics
    /// When there is none: its certificates were named in the partners file, or it is not there.
    #[must_use]
    pub fn client(&self, id: &str) -> ClientTls {
        self.clients.get(id).cloned().unwrap_or_else(|| panic!("no certificate was made for {id}"))
    }
}
