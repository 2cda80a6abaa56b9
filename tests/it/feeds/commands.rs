//! The commands, as they are typed: the real program, a real directory, a scripted publisher.
//!
//! One file because every command works on the same desk and is read beside the others.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::support::desk::{Desk, FAST, ROUTE, eventually, feed, item, rss};
use super::super::support::http::{Reply, Server};

const BREACH: &str = "Army violates ceasefire hours after deal";

fn page(head: &str) -> Reply {
    Reply::ok(
        "text/html; charset=utf-8",
        format!("<!doctype html><html><head><title>News</title>{head}</head><body>x"),
    )
}

fn declared(path: &str, title: &str) -> String {
    format!("<link rel=\"alternate\" type=\"application/rss+xml\" title=\"{title}\" href=\"{path}\">")
}

fn feeds_file(desk: &Desk) -> String {
    fs::read_to_string(desk.config().join("feeds.toml")).unwrap()
}

/// Targets asked for, in order.
fn targets(server: &Server) -> Vec<String> {
    server.requests().into_iter().map(|request| request.target).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_adding_a_feed_is_one_request_and_its_first_poll() {
    let server = Server::start().await;
    let news = item("a", BREACH, "Shells fell on the market on Monday.", 1);
    server.set("/feed", feed(&news).header("etag", "\"one\"").conditional());
    let desk = Desk::new(&format!("{FAST}{ROUTE}"));
    desk.write("feeds.toml", "# mine\r\n");
    let url = server.url("/feed");
    let args = [
        "feeds",
        "add",
        url.as_str(),
        "--tag",
        "world",
        "--tier",
        "1",
        "--interval",
        "1h",
        "--language",
        "en",
    ];
    let ran = desk.run(&args).expect(0);
    assert!(ran.out.contains("first poll: 1 entry: 1 new") && ran.out.contains("added World"), "{}", ran.out);
    assert_eq!(
        feeds_file(&desk),
        format!(
            "# mine\r\n\r\n[[feed]]\r\nurl = \"{url}\"\r\nname = \"World\"\r\ntier = 1\r\ntags = [\"world\"]\r\nlanguage = \"en\"\r\ninterval = \"1h\"\r\n"
        )
    );
    assert_eq!(server.requests().len(), 1, "one request in all, and no HEAD");
    assert_eq!(desk.count("deliveries WHERE status = 'queued'"), 1, "mail is left to run");
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert_eq!(server.requests().len(), 1, "the feed is known and not due: {}", ran.out);
    assert!(ran.out.contains("1 sent"), "{}", ran.out);
    desk.make_due();
    desk.run(&["run", "--once"]).expect(0);
    let asked = server.requests();
    assert_eq!(
        asked[1].text("if-none-match").as_deref(),
        Some("\"one\""),
        "its validators are the first poll's"
    );
    let ran = desk.run(&["feeds", "list", "--json"]).expect(0);
    assert_eq!(ran.json()[0]["last_outcome"], "not modified");
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_what_is_there_changes_nothing_and_asks_nobody() {
    let server = Server::start().await;
    let desk = Desk::new(FAST);
    let text = format!(
        "[[feed]]\nurl = \"{}\"\n[[feed]]\nurl = \"{}\"\nenabled = false\n",
        server.url("/a"),
        server.url("/b")
    );
    desk.write("feeds.toml", &text);
    let typed = format!("{}#top", server.url("/a"));
    let ran = desk.run(&["feeds", "add", &typed]).expect(0);
    assert!(ran.out.contains("is there already, in") && ran.out.contains("feeds.toml:1"), "{}", ran.out);
    let ran = desk.run(&["feeds", "add", server.url("/b").as_str(), "--json"]).expect(0);
    assert_eq!((&ran.json()[0]["added"], &ran.json()[0]["enabled"]), (&false.into(), &false.into()));
    assert_eq!(feeds_file(&desk), text);
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_one_feed_leads_to_it_and_one_with_several_asks() {
    let server = Server::start().await;
    server.set("/feed", feed(&item("a", "Quiet day", "Nothing much.", 1)));
    server.set("/page", page(&(declared("/feed", "News") + &declared("/comments/feed", "Comments"))));
    server.set("/two", page(&(declared("/feed", "News") + &declared("/sport", "Sport"))));
    server.set("/none", page(""));
    let desk = Desk::new(FAST);
    let before = feeds_file(&desk);
    let ran = desk.run(&["feeds", "add", server.url("/two").as_str()]).expect(2);
    assert!(ran.err.contains("names 2 feeds") && ran.err.contains("/sport  Sport"), "{}", ran.err);
    let ran = desk.run(&["feeds", "add", server.url("/none").as_str()]).expect(1);
    assert!(ran.err.contains("web page") && ran.err.contains("feeds discover"), "{}", ran.err);
    let ran = desk.run(&["feeds", "add", server.url("/gone").as_str()]).expect(1);
    assert!(ran.err.contains("404") && ran.err.contains("--no-poll"), "{}", ran.err);
    let secret = server.url("/gone").as_str().replace("http://", "http://me:hunter2@");
    for command in ["add", "discover"] {
        let ran = desk.run(&["feeds", command, &secret]).expect(1);
        assert!(!ran.err.contains("hunter2") && ran.err.contains("me@"), "{}", ran.err);
    }
    assert_eq!(feeds_file(&desk), before);
    assert!(!desk.data().exists(), "nothing was added, so there is no database");
    let asked = server.requests().len();
    let ran = desk.run(&["feeds", "add", server.url("/page").as_str(), "--name", "Mine"]).expect(0);
    assert!(ran.err.contains("is a page; its feed is"), "{}", ran.err);
    assert_eq!(targets(&server)[asked..], ["/page", "/feed"]);
    assert!(feeds_file(&desk).contains(&format!("url = \"{}\"\nname = \"Mine\"\n", server.url("/feed"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_redirects_is_written_as_typed_and_where_it_leads_is_said() {
    let server = Server::start().await;
    server.set("/new", feed(&item("a", "Quiet day", "Nothing much.", 1)));
    server.set("/old", Reply::redirect(301, "/new"));
    server.set("/detour", Reply::redirect(302, "/new"));
    let desk = Desk::new(FAST);
    let ran = desk.run(&["feeds", "add", server.url("/old").as_str()]).expect(0);
    assert!(ran.err.contains("moved for good"), "{}", ran.err);
    let written = feeds_file(&desk);
    assert!(
        written.contains(server.url("/old").as_str()) && !written.contains(server.url("/new").as_str()),
        "one answer is not believed (C28): {written}"
    );
    assert!(ran.err.contains(server.url("/new").as_str()), "{}", ran.err);
    desk.run(&["feeds", "add", server.url("/detour").as_str()]).expect(0);
    assert!(feeds_file(&desk).contains(server.url("/detour").as_str()));
    let ran = desk.run(&["feeds", "add", server.url("/old").as_str()]).expect(0);
    assert!(ran.out.contains("is there already"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_said_before_anybody_is_asked() {
    let server = Server::start().await;
    server.set("/feed", feed(""));
    let url = server.url("/feed");
    let desk = Desk::new(FAST);
    let check = |args: &[&str], code: i32, words: &str| {
        let ran = desk.run(&[&["feeds", "add", url.as_str()], args].concat()).expect(code);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    };
    check(&["--tag", "two words"], 2, "not one word");
    check(&["--language", "English"], 2, "not a language code");
    check(&["--interval", "soon"], 2, "not a duration");
    check(&["--interval", "30d"], 2, "longer than poll.max_interval");
    check(&["--tier", "4"], 2, "--tier");
    desk.main(&format!("feed_files = [\"list.opml\"]\n{FAST}"));
    desk.write("list.opml", "<opml><body/></opml>");
    check(&[], 2, "names no TOML file");
    desk.main(FAST);
    desk.write("feeds.toml", "feed = {}\n");
    check(&[], 2, "feed");
    assert!(server.requests().is_empty());
    let ran = desk.run(&["feeds", "add", "ftp://example.org/"]).expect(2);
    assert!(ran.err.contains("neither http"), "{}", ran.err);
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    let desk = Desk::new(FAST);
    desk.write("feeds.toml", "[[feed]]\nurl = \"https://a.example/\"\n");
    fs::set_permissions(desk.config(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere; an ordinary user is told what to do.
    let is_root = fs::write(desk.config().join("probe"), "").is_ok();
    let ran = desk.run(&["feeds", "remove", "https://a.example/"]);
    fs::set_permissions(desk.config(), fs::Permissions::from_mode(0o755)).unwrap();
    if is_root {
        assert_eq!(ran.code, Some(0), "{ran:?}");
        return;
    }
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("feeds.toml: this user may not") && ran.err.contains("sudo"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_with_a_daemon_the_document_is_handed_over_and_still_one_request() {
    let server = Server::start().await;
    let news = item("a", BREACH, "Shells fell on the market on Monday.", 1);
    server.set("/feed", feed(&news).header("etag", "\"1\"").conditional());
    let desk = Desk::new(&format!("[poll]\nallow_private_addresses = true\nhost_spacing = \"0s\"\n{ROUTE}"));
    desk.feeds(["http://127.0.0.1:9/"]);
    let mut daemon = desk.start();
    daemon.logged("Watching");
    let ran = desk.run(&["feeds", "add", server.url("/feed").as_str()]).expect(0);
    assert!(ran.out.contains("not polled yet: the running daemon takes what was fetched"), "{}", ran.out);
    assert!(ran.err.contains("systemctl reload wirewatch"), "{}", ran.err);
    assert_eq!((desk.count("articles"), desk.count("first_documents")), (0, 1));
    daemon.signal("HUP");
    daemon.logged("Reloaded");
    eventually("its alert is mailed", || (desk.count("deliveries WHERE status = 'sent'") == 1).then_some(()));
    assert_eq!((desk.count("articles"), desk.count("first_documents")), (1, 0));
    assert_eq!(server.requests().len(), 1, "the feed is known and not due");
    desk.run(&["feeds", "poll", "2"]).expect(0);
    assert_eq!(server.requests()[1].text("if-none-match").as_deref(), Some("\"1\""));
    daemon.stop().expect(0);
    // A daemon that was started anew instead takes it up as well.
    server.set("/other", feed(&item("b", "Quiet day", "Nothing.", 1)));
    let mut daemon = desk.start();
    daemon.logged("Watching");
    desk.run(&["feeds", "add", server.url("/other").as_str()]).expect(0);
    daemon.kill();
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(server.requests_to("/other").len(), 1);
    assert_eq!(desk.count("articles"), 2);
}

#[test]
fn removing_keeps_all_else_and_names_what_it_does_not_know() {
    let desk = Desk::new("feed_files = [\"feeds.toml\", \"more.toml\", \"list.opml\"]\n");
    desk.write(
        "feeds.toml",
        "# all\n\n# about a\n[[feed]]\nurl = \"https://a.example/\"\nname = \"Alpha\"\n\n# about b\n[[feed]]\nurl = \"https://b.example/\"\n",
    );
    desk.write("more.toml", "feed = [{ url = \"https://c.example/\", name = \"Twin\" }, { url = \"https://d.example/\", name = \"twin\", enabled = false }]\n");
    desk.write(
        "list.opml",
        "<opml><body>\n<outline text='Listed' xmlUrl='https://e.example/'/></body></opml>",
    );
    let check = |args: &[&str], words: &str| {
        let ran = desk.run(&[&["feeds", "remove"], args].concat()).expect(2);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    };
    check(&["alp"], "no feed has the address or the name `alp`");
    check(&["alpha", "nobody"], "`nobody`; nothing was removed");
    check(&["Twin"], "is the name of 2 feeds");
    check(&["Listed"], "list.opml:2");
    let ran = desk.run(&["feeds", "remove", "ALPHA", "https://d.example", "https://a.example/"]).expect(0);
    assert!(ran.out.contains("removed Alpha (https://a.example/)"), "{}", ran.out);
    assert_eq!(feeds_file(&desk), "# all\n\n# about b\n[[feed]]\nurl = \"https://b.example/\"\n");
    let more = fs::read_to_string(desk.config().join("more.toml")).unwrap();
    assert_eq!(more, "feed = [{ url = \"https://c.example/\", name = \"Twin\" }]\n");
    let ran = desk.run(&["feeds", "remove", "b.example", "--json"]).expect(0);
    assert_eq!(ran.json()[0]["removed"], true);
    assert_eq!(feeds_file(&desk), "# all\n");
}

#[test]
fn a_list_is_imported_once() {
    let desk = Desk::new("");
    desk.write("feeds.toml", "# mine\n[[feed]]\nurl = \"https://a.example/\"\nenabled = false\n");
    let list = desk.file(
        "list.opml",
        "<opml><body><outline text='World News'>\n<outline text='A' xmlUrl='https://a.example/'/>\n\
         <outline text='B' xmlUrl='https://b.example/' language='fr-CA'/>\n</outline>\n<outline text='Africa'>\
         <outline text='B' xmlUrl='https://b.example/'/>\n<outline text='F' xmlUrl='ftp://f.example/'/>\n\
         <outline text='C' xmlUrl='https://me:hunter2@c.example/'/></body></opml>",
    );
    let list = list.to_str().unwrap();
    let before = feeds_file(&desk);
    let ran = desk.run(&["feeds", "import", list, "--tag", "imported", "--dry-run"]).expect(1);
    assert!(ran.out.contains("2 feeds would be added"), "{}", ran.out);
    assert!(ran.out.contains("https://b.example/  B  [imported world-news africa]"), "{}", ran.out);
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
    assert_eq!(feeds_file(&desk), before);
    // What was left out is no success, as a script must hear.
    let ran = desk.run(&["feeds", "import", list, "--tag", "imported"]).expect(1);
    assert!(ran.out.contains("2 feeds added") && ran.out.contains("1 there already"), "{}", ran.out);
    assert!(
        ran.err.contains("list.opml:6: ftp://f.example/") && ran.err.contains("list.opml:5"),
        "{}",
        ran.err
    );
    assert_eq!(
        feeds_file(&desk),
        format!(
            "{before}\n[[feed]]\nurl = \"https://b.example/\"\nname = \"B\"\ntags = [\"imported\", \"world-news\", \"africa\"]\nlanguage = \"fr\"\n\
             \n[[feed]]\nurl = \"https://me:hunter2@c.example/\"\nname = \"C\"\ntags = [\"imported\", \"africa\"]\n"
        )
    );
    let ran = desk.run(&["feeds", "import", list, "--json"]).expect(1);
    assert_eq!((&ran.json()[0]["added"], &ran.json()[0]["already_there"]), (&0.into(), &4.into()));
    let cut = desk.file("cut.opml", "<opml><body><outline xmlUrl='https://z.example/'/><outline text='");
    let ran = desk.run(&["feeds", "import", cut.to_str().unwrap()]).expect(1);
    assert!(
        ran.out.contains("1 feed added") && ran.out.contains("could not be read to its end"),
        "{}",
        ran.out
    );
    let none = desk.file("none.opml", "hello");
    desk.run(&["feeds", "import", none.to_str().unwrap()]).expect(2);
    desk.run(&["feeds", "import", "nowhere.opml"]).expect(2);
    desk.run(&["check"]).expect(0);
}

#[test]
fn an_export_is_what_import_and_the_configuration_read() {
    let desk = Desk::new("");
    let text = "[[feed]]\nurl = \"https://me:hunter2@a.example/\"\nname = \"A & B\"\npublisher = \"p.example\"\ntier = 3\ntags = [\"x\", \"y\"]\nlanguage = \"en\"\ninterval = \"2h\"\n";
    desk.write("feeds.toml", text);
    for format in ["opml", "toml", "json"] {
        let ran = desk.run(&["feeds", "export", "--format", format]).expect(0);
        assert!(!ran.out.contains("hunter2") && ran.out.contains("a.example"), "{}", ran.out);
    }
    let toml = desk.run(&["feeds", "export", "--format", "toml"]).expect(0).out;
    assert_eq!(toml, text.replace("me:hunter2@", "me@"));
    let json = desk.run(&["feeds", "export", "--format", "json"]).expect(0).json();
    assert_eq!((&json[0]["tier"], &json[0]["interval_seconds"]), (&3.into(), &7200.into()));
    let opml = desk.run(&["feeds", "export"]).expect(0).out;
    let other = Desk::new("");
    let file = other.file("feeds.opml", &opml);
    other.run(&["feeds", "import", file.to_str().unwrap()]).expect(0);
    let back = feeds_file(&other);
    assert!(back.contains("name = \"A & B\"\ntags = [\"x\", \"y\"]\nlanguage = \"en\"\n"), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn discover_shows_what_a_page_names_and_was_read() {
    let server = Server::start().await;
    server.set("/feed", feed(&item("a", "Quiet day", "Nothing much.", 1)));
    server.set("/sport", feed(""));
    server.set("/broken", Reply::status(500));
    let head = declared("/broken", "Broken") + &declared("/feed", "News") + &declared("/sport", "Sport");
    server.set("/page", page(&head));
    let desk = Desk::new(FAST);
    let ran = desk.run(&["feeds", "discover", server.url("/page").as_str(), "--json"]).expect(0);
    let found = ran.json();
    assert_eq!(found.len(), 2, "{}", ran.out);
    assert_eq!((&found[0]["url"], &found[0]["kind"]), (&server.url("/feed").as_str().into(), &"RSS".into()));
    assert_eq!((&found[0]["entries"], &found[0]["found"]), (&1.into(), &"declared".into()));
    assert!(found[0]["newest"].is_string() && found[1]["newest"].is_null(), "{}", ran.out);
    assert!(ran.err.contains("not a feed:") && ran.err.contains("/broken"), "{}", ran.err);
    assert_eq!(targets(&server), ["/page", "/broken", "/feed", "/sport"]);
    let ran = desk.run(&["feeds", "discover", server.url("/feed").as_str()]).expect(0);
    assert!(ran.out.contains("World (RSS, 1 entry, newest 20"), "{}", ran.out);
    assert_eq!(feeds_file(&desk), "");
    assert!(!desk.data().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn discover_guesses_only_when_a_page_names_nothing_and_stops_early() {
    let server = Server::start().await;
    server.set("/", page(""));
    server.set("/rss.xml", feed(&item("a", "Quiet day", "Nothing much.", 1)));
    let desk = Desk::new(FAST);
    let ran = desk.run(&["feeds", "discover", server.url("/").as_str(), "--json"]).expect(0);
    assert_eq!(ran.json()[0]["found"], "guess");
    assert_eq!(targets(&server), ["/", "/feed", "/rss", "/rss.xml"]);
    let nothing = Server::start().await;
    nothing.set("/", page("<script>1</script>"));
    let ran = desk.run(&["feeds", "discover", nothing.url("/").as_str()]).expect(1);
    assert!(ran.err.contains("no feed was found"), "{}", ran.err);
    assert_eq!(nothing.requests().len(), 9);
    assert!(nothing.requests().iter().all(|request| request.method == "GET"));
    // A page of links to nowhere is not followed without end, and no further places are tried.
    let liar = Server::start().await;
    liar.set("/", page(&(0..30).map(|n| declared(&format!("/{n}"), "x")).collect::<String>()));
    desk.run(&["feeds", "discover", liar.url("/").as_str()]).expect(1);
    assert_eq!(liar.requests().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn show_says_all_about_one_feed() {
    let server = Server::start().await;
    let broken = rss("<item><title>Fish & chips</title></item>");
    server.set("/a", Reply::ok("application/rss+xml", broken).header("etag", "\"1\""));
    let desk = Desk::new(FAST);
    let (a, b) = (server.url("/a"), server.url("/b"));
    desk.write(
        "feeds.toml",
        &format!("[[feed]]\nurl = \"{a}\"\nname = \"Alpha news\"\ntags = [\"x\"]\n[[feed]]\nurl = \"{b}\"\nname = \"Beta news\"\ninterval = \"1h\"\n"),
    );
    let ran = desk.run(&["feeds", "show", "alpha"]).expect(0);
    assert!(ran.out.contains("last poll  never") && ran.out.contains("number 1 of 2, in"), "{}", ran.out);
    desk.run(&["run", "--once"]).expect(0);
    let ran = desk.run(&["feeds", "show", a.as_str()]).expect(0);
    for words in
        ["health     ok", "(ETag)", "1 entry", "interval   1s (poll.interval)", "mended in the last one"]
    {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let ran = desk.run(&["feeds", "show", "2"]).expect(0);
    assert!(ran.out.contains("1 poll failed in a row, it never succeeded"), "{}", ran.out);
    assert!(ran.out.contains("404") && ran.out.contains("1h (its own)"), "{}", ran.out);
    let json = desk.run(&["feeds", "show", "Beta news", "--json"]).expect(0).json();
    assert_eq!(
        (&json[0]["health"], &json[0]["number"], &json[0]["failures"]),
        (&"degraded".into(), &2.into(), &1.into())
    );
    let c = server.url("/c");
    desk.run(&["feeds", "add", c.as_str(), "--no-poll", "--name", "Gamma", "--full-text=borderline"])
        .expect(0);
    assert!(
        fs::read_to_string(desk.config().join("feeds.toml")).unwrap().contains("full_text = \"borderline\"")
    );
    let ran = desk.run(&["feeds", "show", "gamma"]).expect(0);
    assert!(
        ran.out.contains("full text  pages of articles whose score is uncertain are read"),
        "{}",
        ran.out
    );
    desk.run(&["feeds", "remove", "gamma"]).expect(0);
    let ran = desk.run(&["feeds", "show", "news"]).expect(2);
    assert!(ran.err.contains("fits 2 feeds") && ran.err.contains("1  Alpha news"), "{}", ran.err);
    for nobody in ["3", "0", "zzz", " "] {
        let ran = desk.run(&["feeds", "show", nobody]).expect(2);
        assert!(ran.err.contains("no feed is called"), "{nobody}: {}", ran.err);
    }
    let listed =
        |args: &[&str]| desk.run(&[&["feeds", "list", "--json"], args].concat()).expect(0).json().len();
    assert_eq!((listed(&[]), listed(&["--health", "degraded"]), listed(&["--tag", "X"])), (2, 1, 1));
    assert_eq!(listed(&["--tag", "x", "--health", "degraded"]), 0);
    desk.run(&["feeds", "list", "--health", "fine"]).expect(2);
}

/// Keeps a feed from being asked for an hour, as its server's `Retry-After` does.
fn make_wait(desk: &Desk) {
    desk.change("UPDATE feeds SET wait_until = (unixepoch() + 3600) * 1000000, next_due_reason = 'the server asked to wait 1h'");
}

/// Keeps the loopback host's feeds from being asked, as a 429 does.
fn make_host_wait(desk: &Desk) {
    desk.change(
        "INSERT OR REPLACE INTO hosts (host, paused_until, reason)
         VALUES ('127.0.0.1', (unixepoch() + 3600) * 1000000, 'asked us to wait 1h')",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_poll_by_hand_is_conditional_and_refused_while_we_are_asked_to_wait() {
    let server = Server::start().await;
    server.set("/feed", feed(&item("a", BREACH, "Shells fell.", 1)).header("etag", "\"1\"").conditional());
    let desk = Desk::new(&format!("[poll]\nallow_private_addresses = true\nhost_spacing = \"0s\"\n{ROUTE}"));
    desk.feeds([server.url("/feed")]);
    let ran = desk.run(&["feeds", "poll", "127.0.0.1"]).expect(0);
    assert!(
        ran.out.contains("ok: 127.0.0.1") && ran.out.contains("1 new") && ran.out.contains("next poll"),
        "{}",
        ran.out
    );
    assert_eq!(desk.count("deliveries WHERE status = 'queued'"), 1, "mail is left to run");
    // Not due, and polled all the same; conditionally.
    let json = desk.run(&["feeds", "poll", "1", "--json"]).expect(0).json();
    assert_eq!((&json[0]["outcome"], &json[0]["success"]), (&"not modified".into(), &true.into()));
    assert_eq!(server.requests()[1].text("if-none-match").as_deref(), Some("\"1\""));
    for make in [make_wait, make_host_wait] {
        desk.change("UPDATE feeds SET wait_until = NULL");
        make(&desk);
        let asked = server.requests().len();
        let ran = desk.run(&["feeds", "poll", "1"]).expect(1);
        assert!(ran.out.contains("not polled: 127.0.0.1") && ran.out.contains("asked"), "{}", ran.out);
        assert!(ran.out.contains("refused until") && ran.out.contains("--force"), "{}", ran.out);
        assert_eq!(server.requests().len(), asked, "nobody was asked");
        desk.run(&["feeds", "poll", "1", "--force"]).expect(0);
        assert_eq!(server.requests().len(), asked + 1);
        assert!(server.requests()[asked].header("if-none-match").is_some(), "forced is conditional, too");
    }
    let ran = desk.run(&["feeds", "show", "1"]).expect(0);
    assert!(
        ran.out.contains("127.0.0.1 asked us to wait 1h: none of its feeds is asked before"),
        "{}",
        ran.out
    );
    let ran = desk.run(&["feeds", "add", server.url("/other").as_str()]).expect(1);
    assert!(ran.err.contains("not asked: 127.0.0.1 asked us to wait"), "{}", ran.err);
    desk.run(&["feeds", "poll", "nobody"]).expect(2);
    server.set("/feed", Reply::status(500));
    let ran = desk.run(&["feeds", "poll", "1", "--force"]).expect(1);
    assert!(ran.out.contains("failed: 127.0.0.1") && ran.out.contains("500"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_with_a_daemon_it_is_the_daemon_that_polls() {
    let server = Server::start().await;
    server.set("/a", feed(&item("a", "Quiet day", "Nothing.", 1)).header("etag", "\"1\"").conditional());
    server.set("/b", feed(&item("b", "Calm night", "Nothing.", 1)));
    let desk = Desk::new("[poll]\nallow_private_addresses = true\nhost_spacing = \"0s\"\ntimeout = \"5s\"\n");
    desk.feeds([server.url("/a"), server.url("/b")]);
    let daemon = desk.start();
    eventually("both are polled", || {
        (server.requests().len() == 2 && desk.count("articles") == 2).then_some(())
    });
    let json = desk.run(&["feeds", "poll", "1", "2", "--json"]).expect(0).json();
    assert_eq!((&json[0]["outcome"], &json[1]["success"]), (&"not modified".into(), &true.into()));
    assert_eq!(server.requests().len(), 4);
    assert_eq!(desk.count("poll_requests"), 0);
    make_wait(&desk);
    let ran = desk.run(&["feeds", "poll", "1"]).expect(1);
    assert!(ran.out.contains("refused until"), "{}", ran.out);
    assert_eq!(server.requests().len(), 4);
    desk.run(&["feeds", "poll", "1", "--force"]).expect(0);
    assert_eq!(server.requests().len(), 5);
    assert!(daemon.log().contains("Asked by hand to poll"), "{}", daemon.log());
    // One it has not read yet.
    desk.feeds([server.url("/a"), server.url("/b"), server.url("/c")]);
    let ran = desk.run(&["feeds", "poll", "3"]).expect(1);
    assert!(ran.out.contains("does not know it yet"), "{}", ran.out);
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c43_politeness_counts_what_hosts_were_asked() {
    let server = Server::start().await;
    server.set("/a", feed(&item("a", "Quiet day", "Nothing.", 1)).header("etag", "\"1\"").conditional());
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/a")]);
    for _ in 0..4 {
        desk.run(&["feeds", "poll", "1"]).expect(0);
    }
    server.set("/a", Reply::status(429));
    desk.run(&["feeds", "poll", "1"]).expect(1);
    let json = desk.run(&["feeds", "politeness", "--json"]).expect(0).json();
    assert_eq!(json.len(), 1);
    let of = |key: &str| &json[0][key];
    assert_eq!((of("host"), of("requests"), of("not_modified")), (&"127.0.0.1".into(), &5.into(), &3.into()));
    assert_eq!((of("limited"), of("not_modified_share")), (&1.into(), &0.6.into()));
    assert!(of("gap_min_ms").is_u64() && of("bytes").as_u64().unwrap() > 100, "{json:?}");
    let ran = desk.run(&["feeds", "politeness"]).expect(0);
    assert!(ran.out.contains("smallest gap") && ran.out.contains(" 60%"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_search_and_is_kept_for_all() {
    for code in [429, 403, 503] {
        let server = Server::start().await;
        server.set("/", page(""));
        for path in ["/feed", "/feed/", "/rss", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml", "/feeds"]
        {
            server.set(path, Reply::status(code).header("retry-after", "3600"));
        }
        let desk = Desk::new(FAST);
        desk.feeds(["http://127.0.0.1:9/"]);
        desk.run(&["run", "--once"]);
        let ran = desk.run(&["feeds", "discover", server.url("/").as_str()]).expect(1);
        assert_eq!(server.requests().len(), 2, "the page and one guess: {:?}", targets(&server));
        assert!(ran.err.contains("asked no more"), "{}", ran.err);
        // Every request counts, whoever made it.
        assert_eq!(
            desk.ask::<i64>("SELECT sum(requests) FROM traffic WHERE host = '127.0.0.1'").unwrap_or(0),
            3
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_by_hand_keeps_the_distance_of_the_polls_before() {
    let server = Server::start().await;
    server.set("/feed", feed(""));
    server.set("/other", feed(""));
    let desk = Desk::new("[poll]\nallow_private_addresses = true\nhost_spacing = \"2s\"\n");
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    let began = std::time::Instant::now();
    desk.change(&format!(
        "UPDATE hosts SET last_asked_at = {}",
        super::super::support::desk::now().as_microsecond()
    ));
    desk.run(&["feeds", "discover", server.url("/other").as_str()]).expect(0);
    assert!(began.elapsed() >= std::time::Duration::from_millis(1900), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_cannot_turn_the_line_around() {
    let server = Server::start().await;
    let document =
        "<rss version=\"2.0\"><channel><title>Safe \u{202e}news\u{2066} x\u{200b}</title></channel></rss>";
    server.set("/feed", Reply::ok("application/rss+xml", document));
    let desk = Desk::new(FAST);
    let ran = desk.run(&["feeds", "add", server.url("/feed").as_str()]).expect(0);
    assert!(ran.out.contains("added Safe news x ("), "{:?}", ran.out);
    assert!(feeds_file(&desk).contains("name = \"Safe news x\"\n"), "{:?}", feeds_file(&desk));
}

#[test]
fn an_export_says_what_it_leaves_out() {
    let desk = Desk::new("");
    desk.write(
        "feeds.toml",
        "[[feed]]\nurl = \"https://a.example/\"\nfull_text = true\n\n[[feed]]\nurl = \"https://b.example/\"\nenabled = false\n",
    );
    let ran = desk.run(&["feeds", "export", "--format", "toml"]).expect(0);
    assert!(ran.out.contains("full_text = true"), "{}", ran.out);
    assert!(!ran.out.contains("b.example") && ran.err.contains("1 feed is left out"), "{ran:?}");
}
