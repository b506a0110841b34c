//! Headers that are sent with every request to a partner, as the partners document says them: `headers`, or the names of
//! files that hold their values, `header_files`. Values are secrets: no error repeats one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use roamhub_core::contact::Secret;
use roamhub_core::route::is_of_the_connection;
use toml::Spanned;

use crate::partners_file::{PartnersError, Reader};
use crate::secret_text::{SecretText, read_file};

impl Reader<'_> {
    /// Each header is checked by itself; none is there twice.
    pub(crate) fn headers(
        &self,
        headers: &BTreeMap<Spanned<String>, Spanned<SecretText>>,
        files: &BTreeMap<Spanned<String>, Spanned<PathBuf>>,
    ) -> Result<Vec<(String, Secret)>, PartnersError> {
        let mut all: Vec<(String, Secret)> = Vec::with_capacity(headers.len() + files.len());
        for (name, value) in headers {
            all.push((self.header_name(name)?, self.header_value(value, value.get_ref().0.clone())?));
        }
        for (name, file) in files {
            let key = self.header_name(name)?;
            if all.iter().any(|(other, _)| *other == key) {
                return Err(self.wrong(name, format!("the header {:?} is there twice", name.get_ref())));
            }
            let secret =
                read_file(&self.folder.join(file.get_ref())).map_err(|problem| self.wrong(file, problem))?;
            all.push((key, self.header_value(file, secret)?));
        }
        Ok(all)
    }

    fn header_name(&self, name: &Spanned<String>) -> Result<String, PartnersError> {
        let text = name.get_ref();
        let token =
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let key = text.to_ascii_lowercase();
        if is_of_the_connection(&key) {
            return Err(self.wrong(name, format!("the header {text:?} is the hub's to set: leave it out")));
        }
        if token { Ok(key) } else { Err(self.wrong(name, format!("{text:?} is no name for a header"))) }
    }

    fn header_value<T>(&self, place: &Spanned<T>, value: Secret) -> Result<Secret, PartnersError> {
        if value.expose().bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Ok(value);
        }
        Err(self.wrong(place, "a header's value is visible ASCII"))
    }
}
