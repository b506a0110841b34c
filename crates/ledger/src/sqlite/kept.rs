//! The statements of the usual message, prepared once. To look a statement up in the connection's cache, to put it back and
//! to clear what was bound costs a message a tenth of the writer's own work; these few stay where they are, with what
//! was bound last.

use rusqlite::{Connection, Statement};

/// Statements that are kept as long as their connection.
#[derive(Debug)]
pub(super) struct Kept<'c> {
    connection: &'c Connection,
    /// A handful: the right one is found by comparing lengths.
    statements: Vec<(&'static str, Statement<'c>)>,
}

impl<'c> Kept<'c> {
    /// None yet.
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self { connection, statements: Vec::new() }
    }

    /// The statement of this text, prepared when it is needed first.
    pub(super) fn statement(&mut self, sql: &'static str) -> rusqlite::Result<&mut Statement<'c>> {
        let place = match self.statements.iter().position(|(text, _)| *text == sql) {
            Some(place) => place,
            None => {
                self.statements.push((sql, self.connection.prepare(sql)?));
                self.statements.len() - 1
            }
        };
        Ok(&mut self.statements[place].1)
    }
}
