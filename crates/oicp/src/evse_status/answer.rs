//! The two forms of answers about states, written one record after the other, so that an answer of a hundred thousand
//! records is never in memory as a whole: take what was written so far out of the buffer whenever it is long enough.

use super::EvseStatus;
use crate::ids::{EvseId, OperatorId};
use crate::json;
use crate::status::Status;
use crate::words::Word;

/// OICP 2.3, eRoamingEVSEStatus: the states by operator.
#[derive(Debug)]
pub struct StatusAnswer {
    operators: bool,
    records: bool,
}

impl StatusAnswer {
    /// Begins an answer.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"EvseStatuses":{"OperatorEvseStatus":["#);
        Self { operators: false, records: false }
    }

    /// From here on the records are this operator's.
    pub fn operator(&mut self, out: &mut Vec<u8>, id: &OperatorId, name: Option<&str>) {
        out.extend_from_slice(if self.operators { b"]}," } else { b"" });
        (self.operators, self.records) = (true, false);
        json::write_member(out, r#"{"OperatorID":"#, Some(id.as_str()));
        json::write_member(out, r#","OperatorName":"#, name);
        out.extend_from_slice(br#","EvseStatusRecord":["#);
    }

    /// One record; of nobody, it is left out.
    pub fn record(&mut self, out: &mut Vec<u8>, evse_id: &EvseId, status: EvseStatus) {
        if self.operators {
            record(out, std::mem::replace(&mut self.records, true), evse_id, status);
        }
    }

    /// Ends the answer.
    pub fn end(self, out: &mut Vec<u8>, status: &Status) {
        out.extend_from_slice(if self.operators { b"]}]}" } else { b"]}" });
        close(out, status);
    }
}

/// OICP 2.3, eRoamingEVSEStatusByID: the states of the spots that were asked for.
#[derive(Debug)]
pub struct StatusByIdAnswer {
    records: bool,
}

impl StatusByIdAnswer {
    /// Begins an answer.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"EVSEStatusRecords":{"EvseStatusRecord":["#);
        Self { records: false }
    }

    /// One record.
    pub fn record(&mut self, out: &mut Vec<u8>, evse_id: &EvseId, status: EvseStatus) {
        record(out, std::mem::replace(&mut self.records, true), evse_id, status);
    }

    /// Ends the answer.
    pub fn end(self, out: &mut Vec<u8>, status: &Status) {
        out.extend_from_slice(b"]}");
        close(out, status);
    }
}

fn record(out: &mut Vec<u8>, further: bool, evse_id: &EvseId, status: EvseStatus) {
    out.extend_from_slice(if further { b"," } else { b"" });
    json::write_member(out, r#"{"EvseID":"#, Some(evse_id.as_str()));
    json::write_member(out, r#","EvseStatus":"#, Some(status.as_str()));
    out.push(b'}');
}

fn close(out: &mut Vec<u8>, status: &Status) {
    out.extend_from_slice(br#","StatusCode":"#);
    out.append(
        &mut serde_json::to_vec(status).expect("a code and two strings can always be written as JSON"),
    );
    out.push(b'}');
}
