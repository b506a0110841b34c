//! A record as a provider downloads it (OICP 2.3, PullEvseDataRecord): the bytes that the operator sent, with those members
//! set that are the hub's, coordinates in the form that was asked for, and names spelt as the protocol's text has them.
//! Every other byte stays.

use std::ops::Range;

use jiff::Timestamp;
use thiserror::Error;

use crate::field::Judge;
use crate::geo::{self, GeoFormat};
use crate::ids::OperatorId;
use crate::json::{self, Kind, Member, Splice};
use crate::place::Path;
use crate::words::words;

words! {
    /// What has become of a record since the provider's last call.
    pub DeltaType {
        /// It is new.
        Insert = "insert",
        /// It has changed.
        Update = "update",
        /// It is gone; the record is the last that there was.
        Delete = "delete",
    }
}

/// What the hub adds to a stored record, or puts in place of what the sender had there.
#[derive(Clone, Copy, Debug)]
pub struct Pulled<'a> {
    /// What has become of it; without one the record has no such member, whatever the sender wrote.
    pub delta: Option<DeltaType>,
    /// When the hub stored it.
    pub last_update: Timestamp,
    /// Who uploaded it.
    pub operator_id: OperatorId,
    /// The name of who uploaded it.
    pub operator_name: &'a str,
    /// The form of coordinates that was asked for.
    pub format: GeoFormat,
    /// Whether the operator supplies a status: then `DynamicInfoAvailable` `auto` becomes `true`.
    pub has_status: bool,
}

/// A text that is no record: it did not come out of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a JSON object: only records of an upload can be written for a pull")]
pub struct NoRecord;

/// The members that the hub sets, in the order in which they are added where they are missing.
const SET: [&str; 4] = ["deltaType", "lastUpdate", "OperatorID", "OperatorName"];

impl Pulled<'_> {
    /// Appends the record to `out`.
    ///
    /// # Errors
    ///
    /// [`NoRecord`]; then `out` is as it was.
    pub fn write(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), NoRecord> {
        let text = std::str::from_utf8(record).map_err(|_| NoRecord)?;
        let mut changes = Changes::default();
        json::each_member(text, |member| self.member(text, member, &mut changes)).map_err(|_| NoRecord)?;
        changes.close_gap(None);
        self.add_missing(text, &mut changes)?;
        json::splice_into(out, record, &mut changes.splices);
        Ok(())
    }

    /// The record by itself.
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn to_vec(&self, record: &[u8]) -> Result<Vec<u8>, NoRecord> {
        let mut out = Vec::new();
        self.write(record, &mut out)?;
        Ok(out)
    }

    fn member(&self, text: &str, member: Member<'_>, changes: &mut Changes) {
        let Member { name, key, value, place } = member;
        let set = match &*name {
            "OperatorId" => SET.iter().position(|set| *set == "OperatorID"),
            name => SET.iter().position(|set| *set == name),
        };
        if let Some(index) = set {
            let written =
                if std::mem::replace(&mut changes.met[index], true) { None } else { self.value(index) };
            match written {
                // Gone with the comma before it, or, where it is the first, with the comma after it.
                None => changes.drop(key, place),
                Some(value) => {
                    changes.keep(&key, &place);
                    changes.replace(key, format!("\"{}\"", SET[index]));
                    changes.replace(place, value);
                }
            }
            return;
        }
        changes.keep(&key, &place);
        match &*name {
            "ChargingStationId" => changes.replace(key, "\"ChargingStationID\"".to_owned()),
            "GeoCoordinates" | "GeoChargingPointEntrance" => {
                if let Some(converted) = self.converted(value) {
                    changes.replace(place, converted);
                }
            }
            "DynamicInfoAvailable" if self.has_status && json::string(value).as_deref() == Some("auto") => {
                changes.replace(place, "\"true\"".to_owned());
            }
            "Plugs" => unspecified(text, value, changes),
            "OpeningTimes" => respell(text, value, &[("On", "on"), ("Periods", "Period")], changes),
            "ChargingFacilities" => respell(text, value, &[("Charging Modes", "ChargingModes")], changes),
            _ => {}
        }
    }

    /// What the hub sets a member to, as JSON.
    fn value(&self, index: usize) -> Option<String> {
        let quoted = |text: &str| {
            let mut out = Vec::with_capacity(text.len() + 2);
            json::write_string(&mut out, text);
            String::from_utf8(out).ok()
        };
        match index {
            0 => self.delta.map(|delta| format!("\"{delta}\"")),
            1 => Some(format!("\"{:.3}\"", self.last_update)),
            2 => Some(format!("\"{}\"", self.operator_id)),
            _ => quoted(self.operator_name),
        }
    }

    /// Coordinates in the form asked for; `None` where they are already, or are none.
    fn converted(&self, value: &str) -> Option<String> {
        let located = geo::read(Path::ROOT, value, &mut Judge::new(value, &[]))?;
        let right = located.format == self.format && located.usual;
        (!right).then(|| located.point.to_json(self.format))
    }

    /// Adds the members that were not there, as the last ones.
    fn add_missing(&self, text: &str, changes: &mut Changes) -> Result<(), NoRecord> {
        let end = text.rfind('}').ok_or(NoRecord)?;
        let mut added = String::new();
        let mut first = changes.kept == 0;
        for (index, name) in SET.into_iter().enumerate() {
            let Some(value) = self.value(index).filter(|_| !changes.met[index]) else { continue };
            let comma = if std::mem::replace(&mut first, false) { "" } else { "," };
            added.extend([comma, "\"", name, "\":", &value]);
        }
        changes.replace(end..end, added);
        Ok(())
    }
}

/// What is to be changed in a record.
#[derive(Default)]
struct Changes {
    splices: Vec<Splice>,
    /// Which of the members that the hub sets have been met.
    met: [bool; SET.len()],
    /// How many members stay.
    kept: usize,
    /// Where the last value ended.
    before: usize,
    /// Where the members begin that are dropped before any is kept, and where they end as yet.
    gap: Option<Range<usize>>,
}

impl Changes {
    fn replace(&mut self, range: Range<usize>, text: String) {
        self.splices.push(Splice { range, text });
    }

    fn keep(&mut self, key: &Range<usize>, place: &Range<usize>) {
        self.close_gap(Some(key.start));
        self.kept += 1;
        self.before = place.end;
    }

    fn drop(&mut self, key: Range<usize>, place: Range<usize>) {
        if self.kept == 0 {
            let start = self.gap.as_ref().map_or(key.start, |gap| gap.start);
            self.gap = Some(start..place.end);
        } else {
            self.replace(self.before..place.end, String::new());
        }
        self.before = place.end;
    }

    /// Takes away what was dropped at the beginning, up to the first member that stays.
    fn close_gap(&mut self, next: Option<usize>) {
        if let Some(gap) = self.gap.take() {
            self.replace(gap.start..next.unwrap_or(gap.end), String::new());
        }
    }
}

/// `Unspecified`, which is older than OICP 2.3, is written as null.
fn unspecified(text: &str, value: &str, changes: &mut Changes) {
    if json::kind(value) != Kind::List || !may_hold(value, "Unspecified") {
        return;
    }
    // What was stored has been read before.
    let _read = json::each_element(value, |_, element| {
        if json::string(element).as_deref() == Some("Unspecified") {
            changes.replace(json::span(text, element), "null".to_owned());
        }
    });
}

/// Renames members of the objects in a list.
pub(crate) fn respell_into(text: &str, value: &str, names: &[(&str, &str)], splices: &mut Vec<Splice>) {
    if json::kind(value) != Kind::List || !names.iter().any(|(from, _)| may_hold(value, from)) {
        return;
    }
    let _read = json::each_element(value, |_, element| {
        let offset = json::span(text, element).start;
        let _read = json::each_member(element, |member| {
            if let Some((_, to)) = names.iter().find(|(from, _)| *from == member.name) {
                let range = offset + member.key.start..offset + member.key.end;
                splices.push(Splice { range, text: format!("\"{to}\"") });
            }
        });
    });
}

fn respell(text: &str, value: &str, names: &[(&str, &str)], changes: &mut Changes) {
    respell_into(text, value, names, &mut changes.splices);
}

/// Whether a string with this content may occur in a text: one with escapes may hide it.
fn may_hold(text: &str, content: &str) -> bool {
    text.contains(content) || text.contains('\\')
}
