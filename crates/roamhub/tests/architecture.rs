//! The house's walls: which crate may use which, and who may know a concrete ledger.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each room may use, beside crates from outside. `ARCHITECTURE.md` says why.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("oicp", &[]),
    ("roamhub-core", &["oicp"]),
    ("roamhub-ledger", &["oicp", "roamhub-core"]),
    ("roamhub-relay", &["oicp", "roamhub-core"]),
    ("roamhub-services", &["oicp", "roamhub-core", "roamhub-relay"]),
    ("roamhub-ingress", &["oicp", "roamhub-core", "roamhub-services"]),
    ("roamhub-console", &["oicp", "roamhub-core", "roamhub-services"]),
    (
        "roamhub",
        &[
            "oicp",
            "roamhub-core",
            "roamhub-ledger",
            "roamhub-relay",
            "roamhub-services",
            "roamhub-ingress",
            "roamhub-console",
        ],
    ),
    ("roamhub-testkit", &["oicp", "roamhub-core"]),
    ("roamhub-fuzzing", &["oicp", "roamhub-core", "roamhub-relay", "roamhub-services", "roamhub-ingress"]),
];

/// Crates from outside that a room must not use, and why.
const MUST_NOT_USE: [(&str, &[&str], &str); 3] = [
    ("oicp", &["tokio", "hyper", "rusqlite", "tracing"], "the language on the wire does no I/O"),
    ("roamhub-core", &["tokio", "hyper", "rusqlite", "tracing"], "the domain does no I/O"),
    ("roamhub-relay", &["rusqlite", "axum", "toml"], "the delivery engine knows no hub and no database"),
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec();
    let metadata = metadata.expect("cargo metadata describes the workspace");
    let normal = |package: &cargo_metadata::Package| {
        let kept = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        kept.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), normal(package))).collect()
}

#[test]
fn dependencies_point_one_way() {
    let dependencies = dependencies();
    let rooms: Vec<&String> = dependencies.keys().collect();
    let known: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    assert_eq!(rooms.len(), known.len(), "every room has its line here: {rooms:?}");
    for (room, uses) in &dependencies {
        let allowed = known.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no line in MAY_USE"));
        for used in uses.iter().filter(|used| known.contains_key(used.as_str())) {
            assert!(allowed.contains(&used.as_str()), "{room} must not use {used}");
        }
    }
}

#[test]
fn rooms_do_without_what_is_not_their_business() {
    let dependencies = dependencies();
    for (room, forbidden, why) in MUST_NOT_USE {
        for name in forbidden {
            assert!(!dependencies[room].contains(&(*name).to_owned()), "{room} uses {name}, but {why}");
        }
    }
}

#[test]
fn every_room_forbids_unsafe_code_by_the_workspaces_lints() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let workspace =
        std::fs::read_to_string(format!("{root}/Cargo.toml")).expect("the workspace has a manifest");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    for entry in std::fs::read_dir(format!("{root}/crates")).expect("there are rooms") {
        let manifest = entry.expect("a readable entry").path().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).expect("every room has a manifest");
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{} takes the workspace's lints",
            manifest.display()
        );
    }
}
