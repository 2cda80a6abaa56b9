//! What can be done with one click, put into a mail that is otherwise finished.
//!
//! Owns [`with_actions`]: links may be one recipient's own, while a mail is laid out once for all. Refuses to make links.

use super::Rendered;
use super::clean::clean;
use super::headers::with_unsubscribe;
use super::host::followable;
use super::view::Action;

/// Where the links stand in the HTML part. Feed text cannot say this: it is escaped.
const SLOT: &str = "<!-- actions -->";

/// What stands before the links in the text part, at its end.
const HEADING: &str = "\n\nWITH ONE CLICK\n";

/// Links shown.
const ACTIONS_MAX: usize = 8;

/// The mail with these links: at the end of the text part, where the template wants them in the HTML part (before the end of
/// the body where it does not say), and in the headers. Without links it stays as it is.
#[must_use]
pub fn with_actions(mut rendered: Rendered, actions: &[Action]) -> Rendered {
    let links: Vec<(String, String)> = actions
        .iter()
        .take(ACTIONS_MAX)
        .filter_map(|action| Some((clean(&action.label, 60), followable(Some(&action.url))?)))
        .collect();
    if links.is_empty() {
        return rendered;
    }
    let texts: Vec<String> = links.iter().map(|(label, url)| format!("  {label}:\n    {url}\n")).collect();
    rendered.text = format!("{}{HEADING}{}", rendered.text.trim_end(), texts.concat());
    let block = html(&links);
    rendered.html = match (rendered.html.split_once(SLOT), rendered.html.rsplit_once("</body>")) {
        (Some((before, after)), _) => format!("{before}{block}{after}"),
        (None, Some((before, after))) => format!("{before}{block}</body>{after}"),
        (None, None) => format!("{}{block}", rendered.html),
    };
    if let Some(way_out) = actions.iter().find(|action| action.is_unsubscribe) {
        with_unsubscribe(&mut rendered.headers, &way_out.url);
    }
    rendered
}

/// The text part without the links, for those they were not made for. No line of the links is empty, so feed text further up
/// is not taken for their heading.
pub fn without_actions(text: &str) -> &str {
    match text.rsplit_once(HEADING) {
        Some((before, links)) if !links.contains("\n\n") => before,
        _ => text,
    }
}

fn html(links: &[(String, String)]) -> String {
    let cell = |(label, url): &(String, String)| {
        format!(
            "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"display:inline-table;margin:8px 8px 0 0\">\
             <tr><td class=\"button\" bgcolor=\"#e8eefc\" style=\"padding:8px 14px;background:#e8eefc;border-radius:6px;font-size:14px\">\
             <a class=\"link\" href=\"{}\" rel=\"noopener noreferrer\" style=\"color:#175cd3;font-weight:600;text-decoration:none\">{}</a>\
             </td></tr></table>\n",
            escaped(url),
            escaped(label)
        )
    };
    links.iter().map(cell).collect()
}

fn escaped(text: &str) -> String {
    super::xml::escaped(text)
}
