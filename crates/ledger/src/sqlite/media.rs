//! What may stop a session without its provider being asked, and how often PINs were wrong.

use roamhub_core::SessionKey;
use roamhub_core::guesses::Guesses;
use roamhub_core::media::{Form, Grounds, MediumHash, StopFacts, StopQuestion};
use roamhub_core::ports::{LedgerTask, MediaPort};
use roamhub_core::session::Opened;
use rusqlite::{Connection, params};

use super::rows::{bytes, contradiction, instant, micros};
use super::{Sqlite, StoreError, rows};

impl MediaPort for Sqlite {
    fn keep_grounds(&self, session: SessionKey, grounds: Grounds) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.work(move |desk| {
            desk.book.forget(session);
            keep_grounds(desk.connection, session, &grounds)
        }))
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
            connection
                .prepare_cached("UPDATE session SET opened_by = ?2 WHERE id = ?1")?
                .execute(params![session.as_bytes(), Opened::Uploaded.as_str()])?;
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
    let mut statement = connection.prepare_cached(
        "SELECT s.kind, s.opened_by, s.state, s.medium = ?2 AS started_it,
                EXISTS (SELECT 1 FROM stop_medium m WHERE m.session = s.id AND m.medium = ?2) AS named,
                (SELECT u.form FROM uploaded_session u WHERE u.session = s.id) AS form
         FROM session s WHERE s.id = ?1 AND s.provider IS NOT NULL",
    )?;
    let mut rows = statement.query(params![question.session.as_bytes(), &question.medium])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let form: Option<String> = row.get("form")?;
    let read = |word: String| Form::parse(&word).ok_or_else(|| contradiction("form", word));
    let uploaded = form.map(read).transpose()?;
    let life = rows::life(row)?;
    Ok(Some(StopFacts { life, started_it: row.get("started_it")?, named: row.get("named")?, uploaded }))
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
