//! A page of records on the wire: what stands before, between and after the records, which are written one by one.

use serde::Serialize;

use crate::status::{Code, Status};

/// OICP 2.3, eRoamingChargeDetailRecords and eRoamingEVSEData, without the records themselves: these are written between
/// [`Page::HEAD`] and [`Page::tail`], [`Page::BETWEEN`] them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The page's index, counted from zero.
    pub number: u64,
    /// Records on a full page; at least one.
    pub size: u64,
    /// Records on all pages.
    pub total: u64,
    /// Records on this page.
    pub records: u64,
}

#[derive(Serialize)]
struct Tail {
    number: u64,
    size: u64,
    #[serde(rename = "totalElements")]
    total_elements: u64,
    last: bool,
    first: bool,
    #[serde(rename = "totalPages")]
    total_pages: u64,
    #[serde(rename = "numberOfElements")]
    number_of_elements: u64,
    empty: bool,
    #[serde(rename = "StatusCode")]
    status: Status,
    pageable: Pageable,
}

#[derive(Serialize)]
struct Pageable {
    sort: Sort,
    #[serde(rename = "pageNumber")]
    page_number: u64,
    #[serde(rename = "pageSize")]
    page_size: u64,
    offset: u64,
    paged: bool,
    unpaged: bool,
}

#[derive(Serialize)]
struct Sort {
    sorted: bool,
    unsorted: bool,
    empty: bool,
}

impl Page {
    /// Before the first record.
    pub const HEAD: &'static [u8] = br#"{"content":["#;
    /// Between two records.
    pub const BETWEEN: &'static [u8] = b",";

    /// How many records lie before this page.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.number.saturating_mul(self.size)
    }

    /// After the last record. `note` tells what the hub did otherwise than it was asked.
    #[must_use]
    pub fn tail(&self, note: Option<&str>) -> Vec<u8> {
        let size = self.size.max(1);
        let mut status = Status::new(Code::SUCCESS);
        if let Some(note) = note {
            status = status.with_info(note);
        }
        let tail = Tail {
            number: self.number,
            size,
            total_elements: self.total,
            last: self.offset().saturating_add(size) >= self.total,
            first: self.number == 0,
            total_pages: self.total.div_ceil(size),
            number_of_elements: self.records,
            empty: self.records == 0,
            status,
            pageable: Pageable {
                sort: Sort { sorted: true, unsorted: false, empty: false },
                page_number: self.number,
                page_size: size,
                offset: self.offset(),
                paged: true,
                unpaged: false,
            },
        };
        let mut text = serde_json::to_vec(&tail).expect("numbers and strings can always be written as JSON");
        // The object was begun by the head.
        if let Some(brace) = text.first_mut() {
            *brace = b',';
        }
        let mut whole = b"]".to_vec();
        whole.append(&mut text);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use serde_json::Value;

    fn page(number: u64, size: u64, total: u64, records: &[&str]) -> Value {
        let page = Page { number, size, total, records: records.len() as u64 };
        let content = records.join(std::str::from_utf8(Page::BETWEEN).unwrap());
        let whole = [Page::HEAD, content.as_bytes(), &page.tail(None)].concat();
        serde_json::from_slice(&whole).unwrap()
    }

    #[test]
    fn a_page_knows_where_it_stands() {
        let middle = page(1, 2, 5, &["{}", "{\"a\":1}"]);
        assert_eq!(middle["content"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            (&middle["number"], &middle["totalElements"], &middle["totalPages"]),
            (&1.into(), &5.into(), &3.into())
        );
        assert_eq!(
            (&middle["first"], &middle["last"], &middle["empty"]),
            (&false.into(), &false.into(), &false.into())
        );
        assert_eq!(middle["pageable"]["offset"], 2);
        assert_eq!(middle["StatusCode"]["Code"], "000");
        let last = page(2, 2, 5, &["{}"]);
        assert_eq!(
            (&last["first"], &last["last"], &last["numberOfElements"]),
            (&false.into(), &true.into(), &1.into())
        );
    }

    #[test]
    fn a_page_past_the_end_is_empty_and_the_last_one() {
        let past = page(7, 20, 5, &[]);
        assert_eq!(
            (&past["last"], &past["empty"], &past["totalPages"]),
            (&true.into(), &true.into(), &1.into())
        );
        let nothing = page(0, 20, 0, &[]);
        assert_eq!(
            (&nothing["first"], &nothing["last"], &nothing["totalPages"]),
            (&true.into(), &true.into(), &0.into())
        );
        assert_eq!(page(u64::MAX, 2000, 5, &[])["last"], true);
    }
}
