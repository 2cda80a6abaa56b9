//! Time to read one document: a short and a long feed, well formed and broken.

#![allow(clippy::format_push_string, reason = "a document is built before the clock starts")]

use divan::Bencher;
use url::Url;
use wirewatch::feed::parse::{date, parse};

fn main() {
    divan::main();
}

/// A feed as blog software writes it: `bare` puts an unescaped `&` into every title.
fn document(items: usize, paragraphs: usize, bare: bool) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>World</title>\
         <link>https://news.example.org/</link><atom:link rel=\"self\" href=\"https://news.example.org/rss\"/>",
    );
    for number in 0..items {
        let title = if bare { "Truce & talks" } else { "Truce &amp; talks" };
        out += &format!(
            "<item><title>{title} collapse in the {number}th week</title><link>https://news.example.org/a/{number}</link>\
             <dc:creator><![CDATA[Ann Lee]]></dc:creator><pubDate>Tue, 07 Jul 2026 10:00:00 +0200</pubDate><category>World</category>\
             <category>War</category><guid isPermaLink=\"false\">https://news.example.org/?p={number}</guid>\
             <description><![CDATA[<p>Fighting resumed hours after the sides had agreed to stop, witnesses said. {number}</p>]]></description>"
        );
        if paragraphs > 0 {
            let text = "<p>Shelling was heard in the north of the city, and aid lorries turned back at the border.</p>".repeat(paragraphs);
            out += &format!("<content:encoded><![CDATA[{text}]]></content:encoded>");
        }
        out.push_str("</item>");
    }
    out + "</channel></rss>"
}

fn run(bencher: Bencher<'_, '_>, document: &str) {
    let base = Url::parse("https://news.example.org/rss").expect("a valid address");
    bencher
        .counter(divan::counter::BytesCount::of_str(document))
        .bench(|| parse(divan::black_box(document.as_bytes()), &base, None).map(|feed| feed.entries.len()));
}

#[divan::bench(args = [30, 500])]
fn short_items(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, &document(items, 0, false));
}

#[divan::bench(args = [30, 500])]
fn full_texts(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, &document(items, 45, false));
}

#[divan::bench(args = [30, 500])]
fn bare_ampersands(bencher: Bencher<'_, '_>, items: usize) {
    run(bencher, &document(items, 0, true));
}

#[divan::bench(args = [30, 500])]
fn feed_rs_alone_short_items(bencher: Bencher<'_, '_>, items: usize) {
    let document = document(items, 0, false);
    bencher.counter(divan::counter::BytesCount::of_str(&document)).bench(|| {
        feed_rs::parser::parse(divan::black_box(document.as_bytes())).map(|feed| feed.entries.len())
    });
}

#[divan::bench]
fn one_date() -> Option<jiff::Timestamp> {
    date::read(divan::black_box("Tue, 07 Jul 2026 10:00:00 CEST"))
}
