//! CSV for spreadsheets (RFC 4180).
//!
//! Owns the `csv` library and the guard against formulas: a cell that begins like one would be computed by the spreadsheet
//! that opens the file, and feeds write our cells. Such a cell gets an apostrophe in front, which spreadsheets hide.

use std::borrow::Cow;

use super::{Failure, Output};

/// What formulas begin with; the last three are stripped or obeyed by some spreadsheets.
const BEGINNINGS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Rows of text on standard output.
pub(super) struct Sheet {
    writer: csv::Writer<Vec<u8>>,
    output: Output,
}

impl Sheet {
    /// A sheet with these columns.
    pub(super) fn open(output: Output, columns: &[&str]) -> Result<Self, Failure> {
        let mut sheet = Self { writer: csv::Writer::from_writer(Vec::new()), output };
        sheet.row(columns)?;
        Ok(sheet)
    }

    /// A row.
    pub(super) fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<(), Failure> {
        let guarded: Vec<Cow<'_, str>> = cells.iter().map(|cell| guarded(cell.as_ref())).collect();
        let failed = |error: csv::Error| Failure::new(error, "");
        self.writer.write_record(guarded.iter().map(|cell| cell.as_bytes())).map_err(failed)?;
        self.writer.flush()?;
        let written = std::mem::replace(&mut self.writer, csv::Writer::from_writer(Vec::new()));
        let bytes = written.into_inner().map_err(|error| Failure::new(error.error(), ""))?;
        self.output.text(&String::from_utf8_lossy(&bytes))
    }

    /// Everything so far reaches its reader.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.output.finish()
    }
}

/// A cell that no spreadsheet computes.
fn guarded(cell: &str) -> Cow<'_, str> {
    let begins_formula = |text: &str| text.starts_with(BEGINNINGS);
    // Blanks in front do not keep every spreadsheet from it.
    if begins_formula(cell) || begins_formula(cell.trim_start()) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}
