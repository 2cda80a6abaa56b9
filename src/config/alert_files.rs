//! `[files]`: alerts as files.
//!
//! Owns where they go. Refuses to write them: `files` does.

use std::path::Path;

use super::source::Sheet;
use super::{Files, raw};

/// Where alerts are written and under which words; `None` when they are not.
pub(super) fn check_files(data_dir: &Path, raw: &raw::Files, sheet: &mut Sheet<'_>) -> Option<Files> {
    let folder = raw.dir.value.trim();
    if folder.is_empty() {
        for (item, key) in [(&raw.status.span, "files.status"), (&raw.category.span, "files.category")] {
            if let Some(span) = item.clone() {
                let message = "no files are written, so this says nothing".to_owned();
                sheet.warning(span, key, message, "remove the line, or set files.dir");
            }
        }
        return None;
    }
    Some(Files {
        dir: data_dir.join(folder),
        status: raw.status.value.word().to_owned(),
        category: raw.category.value.word().to_owned(),
    })
}
