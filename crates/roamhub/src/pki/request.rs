//! Certificate signing requests (PKCS #10): of one, the hub takes the public key, once the signature has shown that its
//! sender has the private one. The names in it are what somebody wrote; the hub does not even read them.

use anyhow::{bail, ensure};
use rcgen::{PublicKeyData, SignatureAlgorithm};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::facts::KeyKind;

/// The longest request that is read; usual ones have about a thousand bytes.
const LONGEST: usize = 64 * 1024;
/// The shortest RSA modulus, in bytes.
const SHORTEST_RSA: usize = 256;

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The public key of a request whose signature is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Requested {
    kind: KeyKind,
    key: Vec<u8>,
}

impl Requested {
    /// Reads a request, PEM or DER, and checks its signature.
    pub(crate) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(bytes.len() <= LONGEST, "this is too long for a certificate signing request");
        if bytes.first() == Some(&0x30) {
            return Self::of(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        if text.contains("PRIVATE KEY-----") && !text.contains("CERTIFICATE REQUEST-----") {
            bail!(
                "this is a private key, which is nobody's but the partner's: ask for the certificate signing request \
                 (openssl req -new -key KEY -subj /CN=partner -out partner.csr)"
            );
        }
        match CertificateSigningRequestDer::from_pem_slice(bytes) {
            Ok(request) => Self::of(&request),
            Err(_) => bail!(
                "there is no certificate signing request in it (-----BEGIN CERTIFICATE REQUEST-----, or DER); \
                 a partner makes one with: openssl req -new -key KEY -subj /CN=partner -out partner.csr"
            ),
        }
    }

    fn of(der: &[u8]) -> anyhow::Result<Self> {
        let broken =
            |error: x509_cert::der::Error| anyhow::anyhow!("not a certificate signing request: {error}");
        let (signed, algorithm, signature) = parts(der).map_err(broken)?;
        let key = public_key(signed).map_err(broken)?;
        let Some(kind) = KeyKind::of(&key) else {
            bail!(
                "its key is of a kind that is not served: use ECDSA P-256 or P-384, RSA (2048 bits or more), or Ed25519"
            );
        };
        let bits = key.subject_public_key.as_bytes().unwrap_or_default();
        if kind == KeyKind::Rsa {
            let length = modulus(bits).map_err(broken)?;
            ensure!(length >= SHORTEST_RSA, "its RSA key has {} bits; 2048 are the least", length * 8);
        }
        let Some(check) = verification(kind, algorithm.oid) else {
            bail!(
                "it is signed in a way that is not served for a key of the kind {}: use SHA-256 (openssl req -new -sha256 …)",
                kind.as_str()
            );
        };
        let signature = signature.as_bytes().unwrap_or_default();
        if UnparsedPublicKey::new(check, bits).verify(signed, signature).is_err() {
            bail!(
                "its signature is wrong: whoever sent it has not shown to have the private key, or it was changed on its way"
            );
        }
        Ok(Self { kind, key: bits.to_vec() })
    }
}

impl PublicKeyData for Requested {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    /// Says which kind of key it is; the authority signs with its own.
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }
}

/// What is signed, how, and the signature.
fn parts(der: &[u8]) -> x509_cert::der::Result<(&[u8], AlgorithmIdentifierOwned, BitString)> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| -> x509_cert::der::Result<_> {
        Ok((reader.tlv_bytes()?, AlgorithmIdentifierOwned::decode(reader)?, BitString::decode(reader)?))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The third thing that is signed: version and subject come before it, attributes behind it.
fn public_key(signed: &[u8]) -> x509_cert::der::Result<SubjectPublicKeyInfoOwned> {
    let mut reader = SliceReader::new(signed)?;
    reader.sequence(|reader| -> x509_cert::der::Result<_> {
        reader.tlv_bytes()?;
        reader.tlv_bytes()?;
        let key = SubjectPublicKeyInfoOwned::decode(reader)?;
        while !reader.is_finished() {
            reader.tlv_bytes()?;
        }
        Ok(key)
    })
}

/// The length of an RSA key's modulus, in bytes.
fn modulus(key: &[u8]) -> x509_cert::der::Result<usize> {
    let mut reader = SliceReader::new(key)?;
    reader.sequence(|reader| -> x509_cert::der::Result<_> {
        let length = UintRef::decode(reader)?.as_bytes().len();
        reader.tlv_bytes()?;
        Ok(length)
    })
}

fn verification(kind: KeyKind, algorithm: ObjectIdentifier) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, algorithm) {
        (KeyKind::P256, ECDSA_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, ECDSA_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P384, ECDSA_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, ECDSA_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::Rsa, RSA_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa, RSA_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa, RSA_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Ed25519, ED25519) => &signature::ED25519,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn request(key: &KeyPair) -> Vec<u8> {
        let params = CertificateParams::new(vec!["partner.example".to_owned()]).unwrap();
        params.serialize_request(key).unwrap().der().to_vec()
    }

    #[test]
    fn the_key_of_a_signed_request_is_taken() {
        for algorithm in
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
        {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let requested = Requested::read(&request(&key)).unwrap();
            assert_eq!(requested.subject_public_key_info(), key.subject_public_key_info(), "{algorithm:?}");
        }
    }

    #[test]
    fn no_byte_of_a_request_can_be_changed() {
        let key = KeyPair::generate().unwrap();
        let good = request(&key);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // Other spellings of a signature are no forgery, but none of these is one.
                assert!(Requested::read(&bad).is_err(), "byte {at}, bit {bit}");
            }
        }
        for end in 0..good.len() {
            assert!(Requested::read(&good[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_next_step() {
        let key = KeyPair::generate().unwrap();
        for (bytes, word) in [
            (key.serialize_pem().into_bytes(), "nobody's but the partner's"),
            (b"hello".to_vec(), "openssl req -new"),
            (Vec::new(), "openssl req -new"),
            (vec![0x30; LONGEST + 1], "too long"),
            (vec![0x30, 0x80, 0, 0], "not a certificate signing request"),
        ] {
            let error = Requested::read(&bytes).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
