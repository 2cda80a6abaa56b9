//! How many entries a worker makes comparable in a second: `cargo bench --bench normalize`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use jiff::Timestamp;
use wirewatch::article::place::places;
use wirewatch::article::{language, normalize, page, text, url};
use wirewatch::feed::{Entry, Feed};

fn main() {
    divan::main();
}

fn feed() -> Feed {
    let url = "https://feeds.example.org/world.xml".parse().expect("a fixed address");
    Feed { name: "Example".into(), ..Feed::new(url) }
}

/// An entry as feeds carry them: a short summary with a little markup, or a long text with much.
fn entry(paragraph_count: usize) -> Entry {
    let paragraph = "<p>The army announced a new <a href=\"https://www.example.org/a?utm_source=rss\">offensive</a> on \
        Thursday, hours after talks on reviving the truce had failed, witnesses said &ndash; and &ldquo;aircraft\u{201d} \
        were heard all night.</p>\n";
    Entry {
        url: Some("http://www.example.org/world/2024/05/01/army?utm_source=rss&utm_medium=feed&id=7".into()),
        title: "Army announces offensive as talks on truce fail &amp; aid is stuck".into(),
        summary: Some(paragraph.to_owned() + "<p>Continue reading...</p>"),
        content: (paragraph_count > 0).then(|| paragraph.repeat(paragraph_count)),
        language: Some("en".into()),
        ..Entry::default()
    }
}

#[divan::bench(args = [0, 20])]
fn entries(bencher: Bencher, paragraph_count: usize) {
    let (entry, feed) = (entry(paragraph_count), feed());
    bencher.counter(ItemsCount::new(1_usize)).bench(|| normalize(&entry, &feed, Timestamp::UNIX_EPOCH));
}

#[divan::bench]
fn plain(bencher: Bencher) {
    let html = entry(50).content.unwrap_or_default();
    bencher.counter(BytesCount::of_str(&html)).bench(|| text::plain(&html));
}

#[divan::bench]
fn canonical(bencher: Bencher) {
    let address = entry(0).url.unwrap_or_default();
    bencher.counter(ItemsCount::new(1_usize)).bench(|| url::canonical(&address));
}

/// A headline and a summary, as long as feeds have them, by script.
const TEXTS: [(&str, &str); 3] = [
    (
        "Latin",
        "Army announces offensive as talks on truce fail and aid is stuck\nThe army announced a new offensive on \
         Thursday, hours after talks on reviving the truce had failed, witnesses said, and aircraft were heard all night.",
    ),
    (
        "Cyrillic",
        "Армия объявила о наступлении после провала переговоров\nАрмия объявила в четверг о новом наступлении, через \
         несколько часов после того, как провалились переговоры о перемирии, и всю ночь была слышна авиация.",
    ),
    (
        "Arabic",
        "الجيش يعلن هجوما بعد فشل محادثات الهدنة\nأعلن الجيش يوم الخميس هجوما جديدا بعد ساعات من فشل المحادثات حول إحياء \
         الهدنة، وقال شهود إن أصوات الطائرات سمعت طوال الليل فوق المدينة وفي ضواحيها الشرقية والجنوبية.",
    ),
];

#[divan::bench(args = ["Latin", "Cyrillic", "Arabic"])]
fn detect(bencher: Bencher, script: &str) {
    let text = TEXTS.iter().find(|(name, _)| *name == script).map_or("", |(_, text)| text);
    bencher.counter(ItemsCount::new(1_usize)).bench(|| language::detect(text, None));
}

/// A headline and a summary of sixty words, with names in them and without.
#[divan::bench(args = [true, false])]
fn countries(bencher: Bencher, has_names: bool) {
    let title = if has_names {
        "Truce in Sudan collapses as Egypt talks fail"
    } else {
        "Truce collapses as talks fail"
    };
    let sentence = if has_names {
        "Fighting flared in Khartoum and in Omdurman across the Nile on Thursday, hours after envoys of the United States and \
         Saudi Arabia had left Jeddah. "
    } else {
        "Fighting flared in the capital and in the town across the river on the same day, hours after the envoys of both sides \
         had left. "
    };
    let summary = sentence.repeat(2)
        + "Nobody knows how many people were hurt, and the hospital of the town is closed.";
    bencher.counter(ItemsCount::new(1_usize)).bench(|| places(title, &summary, "", "en"));
}

#[divan::bench]
fn pages(bencher: Bencher) {
    let article = entry(50).content.unwrap_or_default();
    let menu = "<li><a class=\"menu-item\" href=\"/section\">Section</a></li>".repeat(500);
    let html =
        format!("<html><title>Truce</title><body><ul>{menu}</ul><article>{article}</article></body></html>");
    bencher.counter(BytesCount::of_str(&html)).bench(|| page::read(html.as_bytes(), None));
}
