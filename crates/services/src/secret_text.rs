//! A secret in a settings file: as text, or as the name of a file that holds it. What is wrong with one is said without it.

use std::fmt;
use std::path::Path;

use roamhub_core::contact::Secret;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A text that must not show up in an error, whatever it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretText(pub Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        /// The usual messages repeat what was found.
        fn no_text<T, E: Error>() -> Result<T, E> {
            Err(E::custom("a secret is a text in quotes"))
        }

        impl<'de> Visitor<'de> for Text {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret: a text in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText(Secret::new(text.to_owned())))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<SecretText, E> {
                no_text()
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<SecretText, E> {
                no_text()
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<SecretText, E> {
                no_text()
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<SecretText, E> {
                no_text()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<SecretText, A::Error> {
                no_text()
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<SecretText, A::Error> {
                no_text()
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// Reads a secret's file; the end of its last line is not part of it.
///
/// # Errors
/// What is wrong, in words, without the secret.
pub fn read_file(path: &Path) -> Result<Secret, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("{} is empty; it should hold a secret", path.display()));
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[allow(dead_code, reason = "only read")]
    struct Settings {
        secret: SecretText,
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_it() {
        let settings: Settings = toml::from_str("secret = \"hush-hush\"").unwrap();
        assert_eq!(format!("{settings:?}"), "Settings { secret: SecretText(Secret(…)) }");
        for wrong in ["4711471147114711", "true", "47.11", "[4711]", "{ a = 4711 }", "2026-03-02"] {
            let error = toml::from_str::<Settings>(&format!("secret = {wrong}")).unwrap_err();
            assert!(!error.message().contains("4711"), "{}", error.message());
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_end() {
        let folder = std::env::temp_dir().join(format!("roamhub-secret-{}", std::process::id()));
        std::fs::write(&folder, "hush-hush\r\n").unwrap();
        assert_eq!(read_file(&folder).unwrap().expose(), "hush-hush");
        std::fs::write(&folder, "\n").unwrap();
        assert!(read_file(&folder).unwrap_err().contains("empty"));
        std::fs::remove_file(&folder).unwrap();
        assert!(read_file(&folder).unwrap_err().contains("cannot read"));
    }
}
