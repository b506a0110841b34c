//! Which page of a long answer is wanted: `page` and `size` behind the question mark (OICP 2.3: page from 0, 20 records
//! unless told otherwise, 2000 at most).

use crate::violation::{Violation, Violations};

/// Records on a page unless the caller asks for another number.
const USUAL_SIZE: u64 = 20;
/// Records on a page at most.
pub const LARGEST_SIZE: u64 = 2000;

/// The longest query that is read, in bytes.
const LONGEST: usize = 512;

/// A page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paging {
    /// Its index, from zero.
    pub number: u64,
    /// Records on it, from 1 to [`LARGEST_SIZE`].
    pub size: u64,
    /// Whether more were asked for than a page may have.
    pub clamped: bool,
}

impl Paging {
    /// Reads what stands behind the question mark. Other names are ignored: clients add some of their frameworks' own.
    ///
    /// # Errors
    /// [`Violations`]: a page or a size that is no number, below zero, no records at all, or said twice; a query that is
    /// far too long.
    pub fn read(query: Option<&str>) -> Result<Self, Violations> {
        let (mut page, mut size, mut violations) = (None, None, Violations::new());
        let query = query.unwrap_or_default();
        if query.len() > LONGEST {
            violations.push(wrong("query", &format!("longer than {LONGEST} bytes")));
            return Err(violations);
        }
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match name {
                "page" => &mut page,
                "size" => &mut size,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                violations.push(wrong(name, "given twice; give it once"));
            }
        }
        let number = number("page", page, 0, 0, &mut violations);
        let size = number_of_records(size, &mut violations);
        if !violations.is_empty() {
            return Err(violations);
        }
        Ok(Self { number, size: size.min(LARGEST_SIZE), clamped: size > LARGEST_SIZE })
    }
}

fn number_of_records(size: Option<&str>, violations: &mut Violations) -> u64 {
    number("size", size, USUAL_SIZE, 1, violations)
}

fn number(name: &str, value: Option<&str>, usual: u64, least: u64, violations: &mut Violations) -> u64 {
    let Some(value) = value else { return usual };
    match value.parse::<u64>() {
        Ok(number) if number >= least => number,
        _ => {
            violations.push(wrong(name, &format!("expected a whole number from {least} on")));
            usual
        }
    }
}

fn wrong(name: &str, message: &str) -> Violation {
    // A parameter has no place in the body.
    Violation { pointer: String::new(), field: name.to_owned(), message: format!("{name}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_the_first_page_of_twenty() {
        let first = Paging { number: 0, size: 20, clamped: false };
        for query in [None, Some(""), Some("sort=asc&&"), Some("page=0&size=20")] {
            assert_eq!(Paging::read(query), Ok(first), "{query:?}");
        }
        assert_eq!(
            Paging::read(Some("size=2001&page=7")),
            Ok(Paging { number: 7, size: 2000, clamped: true })
        );
        assert_eq!(Paging::read(Some("size=2000")).map(|paging| paging.clamped), Ok(false));
    }

    #[test]
    fn a_page_below_zero_and_a_page_without_records_are_refused() {
        for (query, wrong) in [
            ("page=-1", 1),
            ("size=0", 1),
            ("size=-5&page=x", 2),
            ("page=1.0", 1),
            ("page=", 1),
            ("page=1&page=2", 1),
            ("size=99999999999999999999", 1),
        ] {
            assert_eq!(Paging::read(Some(query)).map_err(|all| all.len()), Err(wrong), "{query}");
        }
        let endless = "page=0&".repeat(100_000);
        assert_eq!(Paging::read(Some(&endless)).map_err(|all| all.len()), Err(1));
    }
}
