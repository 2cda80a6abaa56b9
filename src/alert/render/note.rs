//! A sentence above everything else in a mail, for one address: why it comes late, or why it comes to them at all.
//!
//! Owns where it stands in both parts. Refuses to change anything below it.

use super::Rendered;
use super::clean::{clean, wrap};

/// Longest note, characters.
const NOTE_CHARS_MAX: usize = 400;

/// The mail with a note on top; as it was when the note is empty.
pub fn with_note(mut rendered: Rendered, note: &str) -> Rendered {
    let note = clean(note, NOTE_CHARS_MAX);
    if note.is_empty() {
        return rendered;
    }
    rendered.text = format!("{}\n\n{}", wrap(&note, "", super::COLUMNS), rendered.text);
    let body = rendered.html.find("<body").and_then(|body| {
        let rest = rendered.html.get(body..)?;
        rest.find('>').map(|end| body + end + 1)
    });
    if let Some(at) = body {
        let block = format!(
            "\n<div dir=\"auto\" style=\"max-width:640px;margin:0 auto;padding:10px 20px;background:#fff3cd;\
             color:#1b2229;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
             font-size:15px;line-height:1.4\"><span style=\"color:#1b2229\">{}</span></div>",
            escape(&note)
        );
        rendered.html.insert_str(at, &block);
    }
    rendered
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
