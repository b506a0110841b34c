//! The published OpenAPI documents as a judge of what the hub says. They are not part of this repository:
//! `OICP_OPENAPI_DIR` names the folder that holds them.
//!
//! The judge is stricter than the documents where they mean more than they say: they bound the length of strings with
//! `maximum`, and they never forbid a member, so that a misspelt one would pass. Members they misspell themselves are
//! listed, with the spelling of the protocol's text.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// Whose document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// For charge point operators.
    Operator,
    /// For e-mobility providers.
    Provider,
}

/// What the documents spell otherwise than the protocol's text, which the hub follows: message, their spelling, ours.
const MISSPELT: [(&str, &str, &str); 3] = [
    ("eRoamingAuthorizeRemoteReservationStart", "EMPPartnerSessionId", "EMPPartnerSessionID"),
    ("eRoamingAuthorizeRemoteReservationStop", "EMPPartnerSessionId", "EMPPartnerSessionID"),
    ("eRoamingChargeDetailRecord", "HubProviderId", "HubProviderID"),
];

/// The documents.
pub struct Published {
    operator: Value,
    provider: Value,
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}

impl Published {
    /// Reads them, if this machine has them.
    ///
    /// # Panics
    /// When the folder is named and they cannot be read.
    #[must_use]
    pub fn find() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("OICP_OPENAPI_DIR")?);
        let read = |side: &str| {
            let file = folder.join(format!("oicp-2.3-{side}.openapi.json"));
            let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut document: Value =
                serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut schemas = document["components"]["schemas"].take();
            schemas.as_object_mut().into_iter().flatten().for_each(|(name, schema)| {
                correct(name, schema);
                tighten(schema);
            });
            schemas
        };
        Some(Self { operator: read("cpo"), provider: read("emp") })
    }

    /// What is wrong with this message by that schema, each with its JSON pointer.
    ///
    /// # Panics
    /// When the documents have no such schema.
    #[must_use]
    pub fn violations(&self, side: Side, schema: &str, message: &Value) -> Vec<String> {
        let schemas = match side {
            Side::Operator => &self.operator,
            Side::Provider => &self.provider,
        };
        assert!(schemas.get(schema).is_some(), "the documents have no {schema}");
        let root = json!({
            "$ref": format!("#/components/schemas/{schema}"),
            "components": {"schemas": schemas},
        });
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&root);
        let validator = validator.unwrap_or_else(|error| panic!("{schema} is no schema: {error}"));
        validator.iter_errors(message).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

fn correct(name: &str, schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (message, theirs, ours) in MISSPELT {
        if message == name
            && let Some(member) = properties.remove(theirs)
        {
            properties.insert(ours.to_owned(), member);
        }
    }
}

fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            tighten_object(object);
            object.values_mut().for_each(tighten);
        }
        Value::Array(list) => list.iter_mut().for_each(tighten),
        _ => {}
    }
}

fn tighten_object(schema: &mut Map<String, Value>) {
    schema.remove("example");
    // A schema says its type as a word; a property that is called `type` would be an object here.
    match schema.get("type").and_then(Value::as_str) {
        Some("object") if schema.get("properties").is_some_and(Value::is_object) => {
            schema.entry("additionalProperties").or_insert(false.into());
        }
        Some("string") => {
            if let Some(longest) = schema.remove("maximum") {
                schema.insert("maxLength".to_owned(), longest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_documents_forbid_is_found_and_what_they_allow_is_not() {
        let Some(published) = Published::find() else {
            crate::skip("OICP_OPENAPI_DIR", "what_the_documents_forbid_is_found_and_what_they_allow_is_not");
            return;
        };
        let said = |message: Value| published.violations(Side::Operator, "eRoamingAcknowledgment", &message);
        let fine = json!({"Result": true, "StatusCode": {"Code": "000"}});
        assert_eq!(said(fine), Vec::<String>::new());
        assert_eq!(said(json!({"Result": true})).len(), 1, "a member is missing");
        let misspelt = json!({"Result": true, "StatusCode": {"Code": "000"}, "SessionId": "x"});
        assert_eq!(said(misspelt).len(), 1, "a member is misspelt");
        let long =
            json!({"Result": true, "StatusCode": {"Code": "000"}, "CPOPartnerSessionID": "x".repeat(251)});
        assert_eq!(said(long).len(), 1, "a text is too long");
        assert_eq!(said(json!({"Result": "yes", "StatusCode": {"Code": "000"}})).len(), 1, "no boolean");
    }
}
