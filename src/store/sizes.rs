//! What the archive costs: rows and bytes, table by table.
//!
//! Owns [`Sizes`]. Reads every page of the file, which takes minutes on a large one. Refuses to change anything.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{Reader, StoreError};

/// What the database holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Bytes of the database file.
    pub file: u64,
    /// Bytes of the write-ahead log beside it.
    pub log: u64,
    /// Bytes in the file that are free.
    pub free: u64,
    /// Its tables, largest first.
    pub tables: Vec<TableSize>,
}

/// A table, and its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableSize {
    /// Its name.
    pub table: String,
    /// Rows in it; for the full-text index, articles.
    pub rows: u64,
    /// Bytes of its rows.
    pub bytes: u64,
    /// Bytes of its indexes.
    pub index_bytes: u64,
}

/// The full-text index, and what the names of its inner tables begin with.
const WORDS: &str = "articles_words";

impl Reader {
    /// Sizes of the database at `path`, which this reads.
    pub fn sizes(&self, path: &Path) -> Result<Sizes, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT m.tbl_name, sum(CASE m.type WHEN 'table' THEN s.pgsize ELSE 0 END),
                 sum(CASE m.type WHEN 'index' THEN s.pgsize ELSE 0 END)
             FROM dbstat('main', 1) s JOIN sqlite_schema m ON m.name = s.name GROUP BY m.tbl_name",
        )?;
        let mut rows = statement.query([])?;
        let mut tables: Vec<TableSize> = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let (bytes, index_bytes): (i64, i64) = (row.get(1)?, row.get(2)?);
            let table = if name.starts_with(WORDS) { WORDS.to_owned() } else { name };
            let (bytes, index_bytes) = (bytes.unsigned_abs(), index_bytes.unsigned_abs());
            match tables.iter_mut().find(|known| known.table == table) {
                Some(known) => {
                    known.bytes += bytes;
                    known.index_bytes += index_bytes;
                }
                None => tables.push(TableSize { table, rows: 0, bytes, index_bytes }),
            }
        }
        for size in &mut tables {
            // A name of the schema, which is ours; the index counts by what it is of.
            let counted = if size.table == WORDS { "articles_words_docsize" } else { &size.table };
            let sql = format!("SELECT count(*) FROM \"{}\"", counted.replace('"', "\"\""));
            size.rows = self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
        }
        tables.sort_by_key(|size| (std::cmp::Reverse(size.bytes + size.index_bytes), size.table.clone()));
        let pragma = |name: &str| -> Result<u64, StoreError> {
            let value: i64 = self.connection.pragma_query_value(None, name, |row| row.get(0))?;
            Ok(value.unsigned_abs())
        };
        let log = path.with_file_name(format!("{}-wal", super::FILE_NAME));
        Ok(Sizes {
            file: pragma("page_count")? * pragma("page_size")?,
            log: fs::metadata(log).map_or(0, |file| file.len()),
            free: pragma("freelist_count")? * pragma("page_size")?,
            tables,
        })
    }
}
