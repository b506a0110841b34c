//! What the partners document says about client certificates: which of them stand for a partner.
//!
//! A certificate is named by the SHA-256 of its DER (pinned), or by issuer and subject; then somebody has to have verified
//! that this issuer did sign it. Who verifies is not the domain's business.

use std::fmt;

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of this digest.
    #[must_use]
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Reads `sha256:` and 64 hexadecimal digits in either case, with or without colons between the bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.strip_prefix("sha256:")?.bytes().filter(|byte| *byte != b':').collect();
        if digits.len() != 64 {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Issuer and subject of a certificate, each in one normal spelling (RFC 4514).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CertificateName {
    /// Who signed it.
    pub issuer: String,
    /// Whose it is.
    pub subject: String,
}

/// Which certificates stand for a partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificateRule {
    /// This one.
    Pinned(Fingerprint),
    /// Any of this issuer and subject, once it is verified that the issuer signed it.
    Named(CertificateName),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_tools_print_them() {
        let plain = format!("sha256:{}", "0a".repeat(31) + "fF");
        let colons = format!("sha256:{}", ["0A"; 31].join(":") + ":ff");
        let read = Fingerprint::parse(&plain).unwrap();
        assert_eq!(Fingerprint::parse(&colons), Some(read));
        assert_eq!(read.to_string(), plain.to_ascii_lowercase());
        for bad in ["", "sha256:", "0a", &plain[..70], &format!("{plain}0"), &plain.replace('f', "g")] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
    }
}
