//! Any text is read as a query, or refused with a column inside it; what is read can be asked of any text.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use wirewatch::article::Article;
use wirewatch::feed::Tier;
use wirewatch::topic::Query;
use wirewatch::topic::SetSource;
use wirewatch::topic::matcher::ArticleText;
use wirewatch::topic::sets::Sets;

fuzz_target!(|data: (&str, &str)| {
    let (query, text) = data;
    let terms = vec!["truce".to_owned(), query.to_owned()];
    let list = SetSource { name: "set".to_owned(), language: None, terms, is_stemmed: false };
    let sets = Arc::new(Sets::compile(&[list]).unwrap_or_default());
    match Query::parse(query, &sets) {
        Ok(query) => {
            let article = article(text);
            let hits = query.hits(&ArticleText::new(&article));
            assert!(hits.holds || hits.spans.is_empty());
        }
        Err(problems) => {
            let length = query.chars().count();
            assert!(
                problems
                    .iter()
                    .all(|problem| problem.span.start <= length && problem.span.start < problem.span.end)
            );
        }
    }
});

fn article(text: &str) -> Article {
    Article {
        title: text.to_owned(),
        summary: String::new(),
        body: text.to_owned(),
        url: None,
        language: "und".to_owned(),
        publisher: "example.org".to_owned(),
        tier: Tier::default(),
        feed: "https://example.org/feed".to_owned(),
        tags: Vec::new(),
        published_at: None,
        seen_at: Default::default(),
        places: vec!["ZZ".to_owned()],
        fingerprint: 0,
    }
}
