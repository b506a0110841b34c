//! What may stop a session without its provider being asked, and how often PINs were wrong.

use roamhub_core::SessionKey;
use roamhub_core::guesses::Guesses;
use roamhub_core::media::{Form, Grounds, MediumHash, StopFacts, StopQuestion};
use roamhub_core::ports::{LedgerTask, MediaPort};
use roamhub_core::session::SessionState;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{bytes, contradiction, instant, micros};
use super::{Sqlite, StoreError};

impl MediaPort for Sqlite {
    fn keep_grounds(&self, session: SessionKey, grounds: Grounds) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| keep_grounds(connection, session, &grounds)))
    }

    fn stop_facts(&self, question: StopQuestion) -> LedgerTask<'_, Option<StopFacts>> {
        Box::pin(self.readers.read(move |connection| stop_facts(connection, &question)))
    }

    fn guesses(&self) -> LedgerTask<'_, Vec<(MediumHash, Guesses)>> {
        Box::pin(self.readers.read(guesses))
    }

    fn keep_guesses(&self, counted: Vec<(MediumHash, Option<Guesses>)>) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| keep_guesses(connection, &counted)))
    }
}

fn keep_grounds(connection: &Connection, session: SessionKey, grounds: &Grounds) -> Result<(), StoreError> {
    match grounds {
        Grounds::Uploaded(form) => {
            connection
                .prepare_cached("INSERT OR REPLACE INTO uploaded_session (session, form) VALUES (?1, ?2)")?
                .execute(params![session.as_bytes(), form.as_str()])?;
        }
        Grounds::Named(media) => {
            let mut statement = connection
                .prepare_cached("INSERT OR IGNORE INTO stop_medium (session, medium) VALUES (?1, ?2)")?;
            for medium in media {
                statement.execute(params![session.as_bytes(), medium])?;
            }
        }
    }
    Ok(())
}

fn stop_facts(connection: &Connection, question: &StopQuestion) -> Result<Option<StopFacts>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT s.state, s.medium = ?2,
                    EXISTS (SELECT 1 FROM stop_medium m WHERE m.session = s.id AND m.medium = ?2),
                    (SELECT u.form FROM uploaded_session u WHERE u.session = s.id)
             FROM session s WHERE s.id = ?1 AND s.state IN ('active', 'closed')",
        )?
        .query_row(params![question.session.as_bytes(), &question.medium], |row| {
            let state: String = row.get(0)?;
            Ok((state, row.get(1)?, row.get(2)?, row.get::<_, Option<String>>(3)?))
        })
        .optional()?;
    let Some((state, started_it, named, form)) = found else { return Ok(None) };
    let read = |word: String| Form::parse(&word).ok_or_else(|| contradiction("form", word));
    Ok(Some(StopFacts {
        state: if state == "active" { SessionState::Active } else { SessionState::Closed },
        started_it,
        named,
        uploaded: form.map(read).transpose()?,
    }))
}

fn guesses(connection: &Connection) -> Result<Vec<(MediumHash, Guesses)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT guessed, wrong, last_at FROM pin_guess")?;
    let mut rows = statement.query([])?;
    let mut guesses = Vec::new();
    while let Some(row) = rows.next()? {
        let last = instant(row.get("last_at")?, "last_at")?;
        guesses.push((bytes(row, "guessed")?, Guesses { wrong: row.get("wrong")?, last }));
    }
    Ok(guesses)
}

fn keep_guesses(
    connection: &Connection,
    counted: &[(MediumHash, Option<Guesses>)],
) -> Result<(), StoreError> {
    for (key, guesses) in counted {
        match guesses {
            Some(Guesses { wrong, last }) => connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO pin_guess (guessed, wrong, last_at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![key, wrong, micros(*last)])?,
            None => connection.prepare_cached("DELETE FROM pin_guess WHERE guessed = ?1")?.execute([key])?,
        };
    }
    Ok(())
}
