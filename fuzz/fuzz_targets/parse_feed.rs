//! Any bytes, read as a feed: no panic, no unbounded work, and the limits hold.
#![no_main]

use wirewatch::feed::parse::{ENTRIES_MAX, TEXT_BYTES_MAX, date, parse};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(base) = url::Url::parse("https://news.example.org/feeds/world.xml") else { return };
    if let Ok(feed) = parse(data, &base, None) {
        assert!(feed.entries.len() <= ENTRIES_MAX);
        for entry in &feed.entries {
            assert!(!entry.title.contains(['\n', '\r', '\0']));
            assert!(entry.content.as_ref().is_none_or(|text| text.len() <= TEXT_BYTES_MAX + 16));
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _read = date::read(text);
    }
});
