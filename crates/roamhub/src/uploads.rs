//! What providers have uploaded, for people: versions and counts, no cards.

use roamhub_console::admin::view::hex;
use roamhub_core::media::Upload;
use serde_json::{Value, json};

use crate::table::Table;

/// The newest push of each provider, with its history.
pub(crate) fn as_json(newest: &[Upload], history: &[Upload]) -> Value {
    let providers = newest.iter().map(|upload| {
        let theirs = history.iter().filter(|one| one.provider == upload.provider);
        json!({
            "provider": upload.provider.to_string(),
            "version": upload.version.0,
            "records": upload.total,
            "at": upload.at.to_string(),
            "history": theirs.map(one_as_json).collect::<Vec<_>>(),
        })
    });
    json!({ "providers": providers.collect::<Vec<_>>() })
}

fn one_as_json(upload: &Upload) -> Value {
    json!({
        "version": upload.version.0,
        "at": upload.at.to_string(),
        "action": upload.action.as_str(),
        "pushed": upload.records,
        "records": upload.total,
        "process": upload.process.to_string(),
        "sha256": hex(&upload.digest),
    })
}

/// The history as a table.
pub(crate) fn in_words(history: &[Upload]) -> Table<6> {
    let mut table = Table::new(["PROVIDER", "VERSION", "AT", "ACTION", "PUSHED", "RECORDS"]);
    for upload in history {
        table.row([
            upload.provider.to_string(),
            upload.version.0.to_string(),
            format!("{:.3}", upload.at),
            upload.action.as_str().to_owned(),
            upload.records.to_string(),
            upload.total.to_string(),
        ]);
    }
    table
}
