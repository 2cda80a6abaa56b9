//! News in seconds: from a publisher's word to its hub until the mail server has accepted the alert.
//!
//! The real program, a real hub and a real mail server on loopback. `cargo bench --bench websub`; with `--test` three
//! publications instead of a hundred. Prints milliseconds; asserts nothing about time.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(dead_code, reason = "the tests' servers can do more than is measured here")]

#[path = "../tests/it/support/desk.rs"]
mod desk;
#[path = "../tests/it/support/http.rs"]
mod http;
#[path = "../tests/it/support/hub.rs"]
mod hub;
#[path = "../tests/it/support/smtp.rs"]
mod smtp;

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use desk::{Desk, ROUTE, eventually, item, mail};

/// A topic of its own for each publication, so that each is an alert of its own.
fn topic(number: usize) -> String {
    format!(
        "id = \"number-{number}\"\ndescription = \"Number {number}.\"\n[[signal]]\nname = \"it\"\nwhen = \"word{number}x\"\n\
         weight = 80\n[alert]\nthreshold = 0.7\n"
    )
}

fn main() {
    let count = if std::env::args().any(|argument| argument == "--test") { 3 } else { 100 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut times = runtime.block_on(measure(count));
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "publish → mail accepted, {count} publications: median {:.1} ms, p95 {:.1} ms, longest {:.1} ms",
        at(50),
        at(95),
        at(100)
    );
}

async fn measure(count: usize) -> Vec<Duration> {
    let (publisher, hub) = (http::Server::start().await, hub::Hub::start().await);
    let mails = smtp::Server::start(smtp::Setup::default()).await;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let poll = "[poll]\nhost_spacing = \"0s\"\nallow_private_addresses = true\n";
    let web = format!("[web]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n");
    let desk = Desk::new(&format!("{poll}{web}{}{ROUTE}", mail(mails.address)));
    for number in 0..count {
        desk.write(&format!("topics/number-{number}.toml"), &topic(number));
    }
    let url = publisher.url("/feed");
    desk.feeds([&url]);
    let document = |items: &str| {
        let hub = hub.url();
        format!(
            "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>World</title>\
             <atom:link rel=\"hub\" href=\"{hub}\"/><atom:link rel=\"self\" href=\"{url}\"/>{items}</channel></rss>"
        )
    };
    let calm = item("calm", "Market hall reopens after repairs", "Stalls are back.", 1);
    publisher.set("/feed", http::Reply::ok("application/rss+xml", document(&calm)));
    let daemon = desk.start();
    eventually("the hub has a subscriber", || (!hub.subscribers(url.as_str()).is_empty()).then_some(()));
    let mut times = Vec::new();
    for number in 0..count {
        let news =
            item(&format!("news-{number}"), &format!("The word is word{number}x today"), "It was said.", 0);
        let begun = Instant::now();
        let answers = hub.publish(url.as_str(), "application/rss+xml", &document(&news)).await;
        assert_eq!(answers, [202]);
        while mails.messages().len() <= number {
            assert!(begun.elapsed() < Duration::from_mins(1), "no mail within a minute");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        times.push(begun.elapsed());
    }
    daemon.stop().expect(0);
    times
}
