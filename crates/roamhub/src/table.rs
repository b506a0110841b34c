//! Columns for people.

use std::fmt;

/// Rows of text under headings, aligned.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with these headings.
    pub(crate) fn new(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned)] }
    }

    /// One more row. Control characters, which partners may have sent, do not reach the terminal.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(
            cells.map(|cell| {
                cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
            }),
        );
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line.push_str(&format!("{cell:<width$}  ", width = width(column).unwrap_or(0)));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["A", "LONGER", "C"]);
        table.row(["größer".to_owned(), "x".to_owned(), "1\u{1b}[2J".to_owned()]);
        assert_eq!(table.to_string(), "A       LONGER  C\ngrößer  x       1 [2J\n");
    }
}
