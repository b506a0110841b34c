//! `roamhub pki`: what it makes is right in the eyes of others, kept from others, and never lost by chance.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use roamhub_testkit::skip;
use serde_json::Value;

use crate::stage::{Folder, has_openssl, openssl};

#[tokio::test]
async fn an_authority_and_what_it_issues_last_as_long_as_they_should() {
    let folder = Folder::with_authority().await;
    folder.pki(&["server", "--name", "hub.example", "--name", "127.0.0.1"]).await;
    folder.pki(&["outgoing", "--name", "hub.example"]).await;
    folder.pki(&["partner", "DE*ABC"]).await;
    folder.pki(&["partner", "DE-DCB", "--days", "30"]).await;
    for (file, r#use, subject, days) in [
        ("ca.pem", "authority", "CN=hub.example CA", 3651),
        ("server.pem", "server", "CN=hub.example", 396),
        ("outgoing.pem", "client", "CN=hub.example", 729),
        ("partners/DE_ABC.pem", "client", "CN=DE*ABC", 729),
        ("partners/DE-DCB.pem", "client", "CN=DE-DCB", 29),
    ] {
        let said = folder.shown(&folder.kept(file)).await;
        assert_eq!(said["use"], r#use, "{said:#}");
        assert_eq!(said["subject"], subject, "{said:#}");
        assert_eq!(said["issuer"], "CN=hub.example CA", "{said:#}");
        assert_eq!(said["key"], "ECDSA P-256", "{said:#}");
        let left = said["daysLeft"].as_i64().unwrap();
        assert!((days..=days + 1).contains(&left), "{file}: {said:#}");
    }
    let server = folder.shown(&folder.kept("server.pem")).await;
    assert_eq!(server["names"], serde_json::json!(["hub.example", "127.0.0.1"]));
}

#[tokio::test]
async fn everything_is_for_its_owner_alone() {
    let folder = Folder::with_authority().await;
    folder.pki(&["server", "--name", "hub.example"]).await;
    folder.pki(&["partner", "DE*ABC"]).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for inner in ["", "partners", "issued"] {
        assert_eq!(mode(&folder.kept(inner)), 0o700, "{inner}");
    }
    for key in ["ca-key.pem", "server-key.pem", "partners/DE_ABC-key.pem"] {
        assert_eq!(mode(&folder.kept(key)), 0o600, "{key}");
    }
}

#[tokio::test]
async fn what_is_there_stays_unless_that_is_said() {
    let folder = Folder::new();
    let said = folder.refuses(&["server", "--name", "hub.example"]).await;
    assert!(said.contains("roamhub pki init"), "{said}");
    folder.pki(&["init"]).await;
    folder.pki(&["server", "--name", "hub.example"]).await;
    for (command, file) in
        [(&["init"][..], "ca-key.pem"), (&["server", "--name", "a.example"], "server-key.pem")]
    {
        let before = fs::read(folder.kept(file)).unwrap();
        let said = folder.refuses(command).await;
        assert!(said.contains("--force"), "{said}");
        assert_eq!(fs::read(folder.kept(file)).unwrap(), before);
        folder.pki(&[command, &["--force"]].concat()).await;
        assert_ne!(fs::read(folder.kept(file)).unwrap(), before);
    }
    // A partner's are never in the way of each other: the old one works on while the new one is brought in.
    folder.pki(&["partner", "DE*ABC"]).await;
    folder.pki(&["partner", "DE*ABC"]).await;
    assert!(folder.kept("partners/DE_ABC.pem").exists() && folder.kept("partners/DE_ABC-2.pem").exists());
}

#[tokio::test]
async fn every_command_says_the_line_to_paste_and_the_next_step() {
    let folder = Folder::with_authority().await;
    let said = folder.pki(&["partner", "DE*ABC"]).await;
    let fingerprint = folder.shown(&folder.kept("partners/DE_ABC.pem")).await["fingerprint"].clone();
    let line = format!("certificates = [\"{}\"]", fingerprint.as_str().unwrap());
    assert!(said.contains(&line), "{said}");
    assert!(said.contains("Next: ") && said.contains("curl --cert"), "{said}");
    let shown = folder.pki(&["show", folder.kept("partners/DE_ABC.pem").to_str().unwrap()]).await;
    assert!(shown.starts_with(&line), "{shown}");
    // The partners file takes it as it is printed.
    let partners = folder.path("partners.toml");
    fs::write(&partners, format!("[[operator]]\nid = \"DE*ABC\"\n{line}\n")).unwrap();
    let applied = folder.run(&["partners", "apply", "--dry-run", partners.to_str().unwrap()]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    for (command, word) in [
        (&["server", "--name", "hub.example"][..], "[tls]"),
        (&["outgoing", "--name", "hub.example"], "[outgoing]"),
    ] {
        let said = folder.pki(command).await;
        assert!(said.contains(word) && said.contains("Next: "), "{said}");
    }
}

#[tokio::test]
async fn the_list_has_everything_that_was_issued_the_next_to_expire_first() {
    let folder = Folder::new();
    let said = folder.pki(&["list"]).await;
    assert!(said.contains("roamhub pki init"), "{said}");
    folder.pki(&["init"]).await;
    folder.pki(&["server", "--name", "hub.example"]).await;
    folder.pki(&["server", "--name", "hub.example", "--force", "--days", "500"]).await;
    folder.pki(&["partner", "DE*ABC", "--days", "7"]).await;
    let said: Value = serde_json::from_str(&folder.pki(&["list", "--json"]).await).unwrap();
    let all = said["certificates"].as_array().unwrap();
    let uses: Vec<_> = all.iter().map(|one| one["use"].as_str().unwrap()).collect();
    assert_eq!(uses, ["client", "server", "server", "authority"], "also what was replaced: {said:#}");
    let serials: std::collections::BTreeSet<_> =
        all.iter().map(|one| one["serial"].as_str().unwrap()).collect();
    assert_eq!(serials.len(), 4);
    for (member, like) in
        [("fingerprint", "sha256:"), ("expires", "20"), ("subject", "CN="), ("begins", "20")]
    {
        assert!(all.iter().all(|one| one[member].as_str().unwrap().starts_with(like)), "{member}: {said:#}");
    }
    let table = folder.pki(&["list"]).await;
    let first = table.lines().nth(1).unwrap();
    assert!(first.contains("CN=DE*ABC") && first.contains(" !"), "{table}");
}

#[tokio::test]
async fn what_is_no_certificate_or_no_id_is_said() {
    let folder = Folder::with_authority().await;
    let (not, cut) = (folder.path("not.pem"), folder.path("cut.pem"));
    fs::write(&not, "hello\n").unwrap();
    fs::write(&cut, "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    for (arguments, word) in [
        (&["show", not.to_str().unwrap()][..], "no certificate"),
        (&["show", cut.to_str().unwrap()], "CERTIFICATE has no end"),
        (&["show", "/nowhere/at.all"], "/nowhere/at.all"),
        (&["partner", "hub.example"], "DE*ABC"),
        (&["server", "--name", "https://hub.example"], "without https://"),
        (&["sign", not.to_str().unwrap(), "--id", "DE*ABC"], "openssl req"),
        (&["sign", folder.kept("ca-key.pem").to_str().unwrap(), "--id", "DE*ABC"], "private key"),
    ] {
        let said = folder.refuses(arguments).await;
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

/// A request of a partner, made with `openssl`.
fn request(folder: &Folder, key: &[&str]) -> String {
    let (key_file, file) = (folder.path("partner-key.pem"), folder.path("partner.csr"));
    let (key_file, file) = (key_file.to_str().unwrap(), file.to_str().unwrap().to_owned());
    let fixed = ["req", "-new", "-nodes", "-keyout", key_file, "-out", &file, "-subj", "/O=Evil/CN=DE*QQQ"];
    let wishes =
        ["-addext", "subjectAltName=DNS:hub.example", "-addext", "basicConstraints=critical,CA:TRUE"];
    openssl(&[&fixed[..], &wishes[..], key].concat());
    file
}

#[tokio::test]
async fn a_signed_request_gets_a_certificate_that_says_what_the_hub_says() {
    if !has_openssl() {
        return skip("openssl", "a_signed_request_gets_a_certificate_that_says_what_the_hub_says");
    }
    let folder = Folder::with_authority().await;
    for (number, key) in [
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-newkey", "rsa:2048"],
        &["-newkey", "ed25519"],
    ]
    .into_iter()
    .enumerate()
    {
        let said = folder.pki(&["sign", &request(&folder, key), "--id", "DE*ABC"]).await;
        assert!(said.contains("certificates = [\"sha256:") && said.contains("send"), "{said}");
        let name = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        let certificate = folder.kept(&format!("partners/DE_ABC{name}.pem"));
        assert!(!folder.kept(&format!("partners/DE_ABC{name}-key.pem")).exists(), "the key is the partner's");
        let shown = folder.shown(&certificate).await;
        assert_eq!((&shown["subject"], &shown["use"]), (&"CN=DE*ABC".into(), &"client".into()), "{shown:#}");
        assert_eq!(shown["names"], serde_json::json!([]), "{shown:#}");
        let certificate = certificate.to_str().unwrap();
        openssl(&[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslclient",
            "-CAfile",
            ca(&folder).as_str(),
            certificate,
        ]);
        // It is for the partner's key.
        let key_file = folder.path("partner-key.pem");
        let of_key = openssl(&["pkey", "-in", key_file.to_str().unwrap(), "-pubout"]);
        assert_eq!(openssl(&["x509", "-in", certificate, "-noout", "-pubkey"]), of_key);
    }
}

#[tokio::test]
async fn a_request_that_is_weak_or_was_changed_is_not_signed() {
    if !has_openssl() {
        return skip("openssl", "a_request_that_is_weak_or_was_changed_is_not_signed");
    }
    let folder = Folder::with_authority().await;
    for (key, word) in [
        (&["-newkey", "rsa:1024"][..], "2048"),
        (&["-newkey", "rsa:2048", "-sha1"], "SHA-256"),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "P-256"),
    ] {
        let said = folder.refuses(&["sign", &request(&folder, key), "--id", "DE*ABC"]).await;
        assert!(said.contains(word), "{key:?}: {said}");
    }
    let file = request(&folder, &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let der = folder.path("partner.der");
    openssl(&["req", "-in", &file, "-outform", "DER", "-out", der.to_str().unwrap()]);
    let mut changed = fs::read(&der).unwrap();
    let at =
        changed.windows(7).position(|window| window == b"DE*QQQ\x30" || &window[..6] == b"DE*QQQ").unwrap();
    changed[at + 3] = b'A';
    fs::write(&der, changed).unwrap();
    let said = folder.refuses(&["sign", der.to_str().unwrap(), "--id", "DE*ABC"]).await;
    assert!(said.contains("signature is wrong"), "{said}");
    assert!(!folder.kept("partners/DE_ABC.pem").exists());
}

#[tokio::test]
async fn others_find_everything_right_with_these_certificates() {
    if !has_openssl() {
        return skip("openssl", "others_find_everything_right_with_these_certificates");
    }
    let folder = Folder::with_authority().await;
    folder.pki(&["server", "--name", "hub.example"]).await;
    folder.pki(&["partner", "DE*ABC"]).await;
    let ca = ca(&folder);
    let server = folder.kept("server.pem");
    let client = folder.kept("partners/DE_ABC.pem");
    let (server, client) = (server.to_str().unwrap(), client.to_str().unwrap());
    openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "hub.example",
        "-CAfile",
        &ca,
        server,
    ]);
    openssl(&["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", &ca, client]);
    let text = openssl(&["x509", "-in", &ca, "-noout", "-text"]);
    for word in ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "Subject Key Identifier", "prime256v1"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let identifier = |text: &str, heading: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains(heading)).skip(1);
        lines.next().unwrap().trim().trim_start_matches("keyid:").to_owned()
    };
    for (file, usage) in
        [(server, "TLS Web Server Authentication"), (client, "TLS Web Client Authentication")]
    {
        let leaf = openssl(&["x509", "-in", file, "-noout", "-text"]);
        for word in ["CA:FALSE", "Digital Signature", usage, "Subject Key Identifier"] {
            assert!(leaf.contains(word), "{word}: {leaf}");
        }
        assert!(!leaf.contains("Certificate Sign"), "{leaf}");
        assert_eq!(identifier(&leaf, "Authority Key"), identifier(&text, "Subject Key"));
    }
    // What the hub calls a fingerprint is what others call one.
    let theirs = openssl(&["x509", "-in", client, "-noout", "-fingerprint", "-sha256"]);
    let theirs = theirs.split('=').nth(1).unwrap().trim().replace(':', "").to_lowercase();
    let ours = folder.shown(Path::new(client)).await;
    assert_eq!(ours["fingerprint"], format!("sha256:{theirs}"));
}

fn ca(folder: &Folder) -> String {
    folder.kept("ca.pem").to_str().unwrap().to_owned()
}
