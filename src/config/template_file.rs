//! `templates/`: the owner's own look of mails.
//!
//! Owns which files count and where their faults are shown. Whether a template can be laid out is `alert/render`'s to say.

use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::check::note_bytes;
use super::report::Problem;
use super::source::{Source, named_files};
use crate::alert::render::templates::{REPLACEABLE, Templates};

/// Files the folder may hold; there are fewer mails than that.
const FILES_MAX: usize = 32;

/// Reads the folder; without one, or with a fault in it, the templates are those of the program.
pub(super) fn load_templates(dir: &Path, hash: &mut Xxh3, problems: &mut Vec<Problem>) -> Arc<Templates> {
    let folder = dir.join("templates");
    let paths = match named_files(&folder, &["txt", "html"], FILES_MAX, "templates") {
        Ok(paths) => paths,
        Err(problem) => {
            problems.push(*problem);
            return Arc::default();
        }
    };
    let mut sources = Vec::new();
    for path in paths {
        match Source::read(path) {
            Ok(source) => {
                note_bytes(hash, dir, &source);
                sources.push(source);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    let name = |source: &Source| {
        let name = source.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let named: Vec<(String, String)> =
        sources.iter().map(|source| (name(source), source.text.clone())).collect();
    match Templates::new(&named) {
        Ok(templates) => Arc::new(templates),
        Err(found) => {
            for fault in found {
                let path = folder.join(&fault.name);
                let hint = if REPLACEABLE.contains(&fault.name.as_str()) {
                    "mend it, or remove the file and the shipped template is used; docs/mail.md lists what it may use"
                } else {
                    "rename or remove the file"
                };
                let mut problem = Problem::whole_file(&path, fault.message, Some(hint.to_owned()));
                problem.line = fault.line;
                let source = sources.iter().find(|source| source.path == path);
                problem.source_line = fault.line.and_then(|line| source?.line_if_short(line));
                problems.push(problem);
            }
            Arc::default()
        }
    }
}
