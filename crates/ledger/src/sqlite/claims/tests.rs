//! The plans of what is asked all the time: with a million open rows none of it may read them all.

use rusqlite::Connection;

fn plan(sql: &str) -> String {
    let connection = Connection::open_in_memory().unwrap();
    for migration in super::super::schema::MIGRATIONS {
        connection.execute_batch(migration).unwrap();
    }
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps: Vec<String> =
        statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
    steps.join("\n")
}

#[test]
fn a_claim_and_what_is_due_are_served_by_the_index() {
    let claim = plan(super::CANDIDATES);
    assert!(claim.contains("USING INDEX delivery_due (provider=? AND rank=? AND due_at<?)"), "{claim}");
    assert!(!claim.contains("TEMP B-TREE"), "{claim}");
    let due = plan(super::DUE);
    assert!(due.contains("INDEX delivery_due (provider=? AND rank=? AND due_at>?)"), "{due}");
    assert!(!due.contains("SCAN d"), "{due}");
}

#[test]
fn the_ends_of_a_medium_are_served_by_the_indexes() {
    let ends = plan(super::super::release::ENDS_OF_MEDIUM);
    for index in ["delivery_medium (medium=?)", "delivery_unfiled"] {
        assert!(ends.contains(index), "{ends}");
    }
    assert!(!ends.contains("SCAN session") && !ends.contains("SCAN delivery\n"), "{ends}");
}
