//! How feeds are asked, as their owner says it: headers, passwords, tokens, proxies, budgets, intervals.

use std::sync::Arc;
use std::time::Duration;

use wirewatch::config::{self, Config};
use wirewatch::feed::Feed;
use wirewatch::feed::access::{Authorization, ProxyChoice};

use super::{ROUTE, TOPIC, check_fault, directory, listing, load, warnings};

const URL: &str = "[[feed]]\nurl = \"https://example.org/feed.xml\"\n";

/// A PEM block; what is in it is looked at when the door opens.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

/// What these lines of a feed, or of `[poll]`, come to.
fn read(poll: &str, feed: &str) -> (Config, Feed) {
    let dir = directory(&[
        ("wirewatch.toml", &format!("{ROUTE}[poll]\n{poll}")),
        ("feeds.toml", &format!("{URL}{feed}")),
        ("topics/strike.toml", TOPIC),
        ("password", "p\u{e4}ss: word\n"),
        ("token", "t0ken\r\n"),
        ("ca.pem", PEM),
    ]);
    let loaded = load(&dir).unwrap_or_else(|problems| panic!("{}", config::render(&problems, false)));
    let feed = loaded.config.feeds[0].clone();
    (loaded.config, feed)
}

#[test]
fn owners_say_how_a_feed_is_asked() {
    let (_, feed) = read("", "");
    assert_eq!(feed.access, wirewatch::feed::access::Access::default());

    let headers = "headers = { \"X-Api-Key\" = \"k3y\", Cookie = \"id=7; b=c\" }\n";
    let (_, feed) = read("", &format!("user = \"me\"\npassword_file = \"password\"\n{headers}"));
    match feed.access.authorization.unwrap() {
        Authorization::Basic { user, password } => {
            assert_eq!((user.as_str(), password.expose()), ("me", "p\u{e4}ss: word"));
        }
        Authorization::Bearer(_) => panic!("that was a password"),
    }
    let mut shown: Vec<_> =
        feed.access.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    shown.sort_unstable();
    assert_eq!(shown, [("cookie", "id=7; b=c"), ("x-api-key", "k3y")]);

    let (_, feed) = read("", "token_file = \"token\"\n[feed.headers]\nAccept = \"text/xml\"\n");
    match feed.access.authorization.unwrap() {
        Authorization::Bearer(token) => assert_eq!(token.expose(), "t0ken"),
        Authorization::Basic { .. } => panic!("that was a token"),
    }
    assert_eq!(feed.access.headers.len(), 1);
}

#[test]
fn proxies_are_for_all_or_one_and_shared() {
    let tor = "proxy = \"socks5h://127.0.0.1:9050\"\n";
    let (config, feed) = read(tor, "");
    assert_eq!(config.poll.proxy.clone().unwrap().shown(), "127.0.0.1:9050");
    assert_eq!(config.poll.fetch_options().proxy, config.poll.proxy);
    assert_eq!(feed.access.proxy, ProxyChoice::Global);
    for none in ["proxy = \"\"\n", "proxy = \"none\"\n"] {
        assert_eq!(read(tor, none).1.access.proxy, ProxyChoice::Direct);
    }
    let own = "proxy = \"http://me:pw@proxy.example.org:3128\"\n";
    let two = format!("{own}[[feed]]\nurl = \"https://example.org/two\"\n{own}");
    let (config, _) = read("", &two);
    let proxies: Vec<_> = config.feeds.iter().map(|feed| feed.access.proxy.clone()).collect();
    match proxies.as_slice() {
        [ProxyChoice::Own(one), ProxyChoice::Own(two)] => {
            assert!(Arc::ptr_eq(one, two), "one proxy, one client");
            assert_eq!(one.shown(), "proxy.example.org:3128");
        }
        other => panic!("{other:?}"),
    }
    assert!(!format!("{config:?}").contains("me:pw"));
}

#[test]
fn budgets_and_authorities_are_read() {
    let (config, _) = read("", "");
    assert_eq!((config.poll.daily_bytes, config.poll.feed_daily_bytes), (None, 24 << 20));
    assert_eq!(config.poll.timeout, Duration::from_secs(30));
    let lines = "daily_budget = \"500MiB\"\nfeed_daily_budget = \"1MiB\"\nca_file = \"ca.pem\"\n";
    let (config, _) = read(lines, "");
    assert_eq!((config.poll.daily_bytes, config.poll.feed_daily_bytes), (Some(500 << 20), 1 << 20));
    assert_eq!(config.poll.fetch_options().root_certificates_pem.as_deref(), Some(PEM.as_bytes()));
}

#[test]
fn faults_of_polling_are_named() {
    let check = |line: &str, expected, hint| {
        check_fault("wirewatch.toml", &format!("[poll]\n{line}\n"), expected, hint);
    };
    check(
        "proxy = \"127.0.0.1:9050\"",
        ":2: error: poll.proxy: this is not the address of a proxy",
        "socks5h://",
    );
    check("proxy = \"socks4://127.0.0.1\"", "`socks4://` is not a kind of proxy", "socks5h://");
    check("proxy = \"\"", ":2: error: poll.proxy: this must not be empty", "remove the key");
    check("ca_file = \"none.pem\"", ":2: error: poll.ca_file: ", "-----BEGIN CERTIFICATE-----");
    check("ca_file = \"wirewatch.toml\"", "holds no PEM certificate", "-----BEGIN CERTIFICATE-----");
    check("daily_budget = \"10\"", ":2: error: poll.daily_budget: `10` has no unit", "10MiB");
    check("daily_budget = \"10KiB\"", "10KiB a day is less than a few polls bring", "1MiB");
    check("feed_daily_budget = \"1KiB\"", "1KiB a day is less than one poll", "64KiB");
    check(
        "daily_budget = \"10MiB\"\nfeed_daily_budget = \"20MiB\"",
        ":3: error: poll.feed_daily_budget: 20MiB for one feed is more than poll.daily_budget (10MiB) for all",
        "lower it",
    );
}

#[test]
fn faults_of_access_are_named() {
    let check =
        |lines: &str, expected, hint| check_fault("feeds.toml", &format!("{URL}{lines}\n"), expected, hint);
    check("user = \"me\"", ":3: error: feed[1].user: there is a user but no password", "password_file");
    check("password_file = \"topics/strike.toml\"", "there is a password but no user", "user");
    check("user = \"me\"\npassword_file = \"none\"", ":4: error: feed[1].password_file: ", "only line");
    check("user = \"me\"\npassword_file = \"topics/strike.toml\"", "more than one line", "only line");
    check("token_file = \"none\"", ":3: error: feed[1].token_file: ", "only line");
    check(
        "token_file = \"none\"\nuser = \"me\"",
        ":3: error: feed[1].token_file: a token and a password",
        "remove",
    );
    check(
        "proxy = \"ftp://e.org\"",
        ":3: error: feed[1].proxy: `ftp://` is not a kind of proxy",
        "socks5h://",
    );
    check(
        "headers = \"X: y\"",
        ":3: error: feed[1].headers: this must be a table, not a string",
        "X-Api-Key",
    );
    check("headers = { X = 3 }", "feed[1].headers.X: this must be text, not a whole number", "quotes");
    for (name, expected, hint) in [
        ("Authorization", "does not belong in this file", "token_file"),
        ("User-Agent", "publishers block what pretends", "poll.contact"),
        ("host", "belongs to the connection", "remove"),
        ("Connection", "belongs to the connection", "remove"),
        ("transfer-encoding", "belongs to the connection", "remove"),
        ("Proxy-Authorization", "is for a proxy", "`proxy`"),
        ("If-None-Match", "by what the server sent", "remove"),
        ("If-Modified-Since", "by what the server sent", "remove"),
        ("Range", "by what the server sent", "remove"),
        ("Accept-Encoding", "can unpack", "remove"),
        ("A-IM", "can unpack", "remove"),
        ("Referer", "from no page", "remove"),
        ("X Key", "not the name of a header", "X-Api-Key"),
        ("", "not the name of a header", "X-Api-Key"),
    ] {
        check(&format!("headers = {{ \"{name}\" = \"s3cret\" }}"), expected, hint);
    }
    check("headers = { X = \"\u{e4}\" }", "letters outside ASCII", "encode");
    check("headers = { X = \"a\\nb\" }", "line breaks", "one line");
    check(&format!("headers = {{ X = \"{}\" }}", "x".repeat(5000)), "more than 4096 bytes", "refuse");
    check("headers = { X-Key = \"1\", x-key = \"2\" }", "stands twice", "capitals");
    let many: Vec<String> = (0..33).map(|number| format!("X-{number} = \"1\"")).collect();
    check(&format!("headers = {{ {} }}", many.join(", ")), "more than 32 headers", "keep those");
}

#[test]
fn the_address_and_the_file_do_not_both_name_a_user() {
    let feed =
        "[[feed]]\nurl = \"https://you:pw@example.org/\"\nuser = \"me\"\npassword_file = \"password\"\n";
    let dir = directory(&[("wirewatch.toml", ROUTE), ("feeds.toml", feed), ("password", "pw")]);
    let problems = load(&dir).unwrap_err();
    let listed = listing(dir.path(), &problems).join("\n");
    assert!(
        listed.contains("feeds.toml:3: error: feed[1].url: the address names a user as well"),
        "{listed}"
    );
}

#[test]
fn no_secret_of_a_feed_is_shown() {
    let check = |feed: &str, wrong: bool| {
        let feed = format!("[[feed]]\nurl = \"http://example.org/\"\n{feed}\n");
        let dir = directory(&[("feeds.toml", &feed), ("secret", "s3cret t0ken")]);
        let shown = match load(&dir) {
            Ok(loaded) => format!("{}{:?}", config::render(&loaded.warnings, false), loaded.config),
            Err(problems) => config::render(&problems, false),
        };
        assert!(!shown.contains("s3cret"), "{feed}\n{shown}");
        assert_eq!(shown.contains("error"), wrong, "{shown}");
    };
    check("headers = { X = \"s3cret\" }", false);
    check("headers = { X = \"s3cret\", Host = \"s3cret\" }", true);
    check("headers = { X = \"s3cret", true);
    check("[feed.headers]\nHost = \"s3cret\"", true);
    check("[feed.headers]\nX = \"s3cret\u{e4}\"", true);
    check("[feed.headers]\nX-Key = \"s3cret", true);
    check("[feed.headers]\nFoo = \"s3cret", true);
    check("[feed.headers]\nFoo = \"b\"\nBar = s3cret", true);
    check("proxy = \"http://me:s3cret@proxy.example\"", false);
    check("proxy = \"ftp://me:s3cret@proxy.example\"", true);
    check("user = \"me\"\npassword_file = \"secret\"", false);
    // With a blank in it, it is no token.
    check("token_file = \"secret\"", true);
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let check = |lines: &str, key: &str| {
        let feed = format!("{URL}{lines}");
        let dir = directory(&[
            ("wirewatch.toml", ROUTE),
            ("feeds.toml", &feed),
            ("topics/strike.toml", TOPIC),
            ("key", "k"),
        ]);
        for (mode, expected) in [(0o644, true), (0o600, false)] {
            std::fs::set_permissions(dir.path().join("key"), std::fs::Permissions::from_mode(mode)).unwrap();
            let listed = listing(dir.path(), &load(&dir).unwrap().warnings);
            assert_eq!(
                listed.iter().any(|line| line.contains(key) && line.contains("by others")),
                expected,
                "{listed:?}"
            );
        }
    };
    check("user = \"me\"\npassword_file = \"key\"\n", "feed[1].password_file");
    check("token_file = \"key\"\n", "feed[1].token_file");
}

#[test]
fn what_crosses_the_network_readably_is_a_warning() {
    let check = |feed: &str, expected: Option<&str>| {
        let files = [("wirewatch.toml", ROUTE), ("feeds.toml", feed), ("topics/strike.toml", TOPIC)];
        let listed = warnings(&files);
        assert_eq!(listed.len(), usize::from(expected.is_some()), "{listed:?}");
        assert!(expected.is_none_or(|words| listed[0].contains(words)), "{listed:?}");
    };
    let headers = "headers = { X = \"1\" }\n";
    let plain = "[[feed]]\nurl = \"http://example.org/\"\n";
    check(
        &format!("{plain}{headers}"),
        Some("feeds.toml:3: warning: feed[1].url: what stands in headers crosses"),
    );
    check(&format!("{plain}{headers}allow_private_addresses = true\n"), None);
    check(&format!("{URL}{headers}"), None);
}

#[test]
fn c13_an_interval_publishers_do_not_welcome_says_what_it_costs() {
    let check = |poll: &str, feeds: &str, expected: &[&str]| {
        let main = format!("{ROUTE}[poll]\nmin_interval = \"1m\"\n{poll}");
        let listed =
            warnings(&[("wirewatch.toml", &main), ("feeds.toml", feeds), ("topics/strike.toml", TOPIC)]);
        assert_eq!(listed.len(), expected.len(), "{listed:#?}");
        for (line, words) in listed.iter().zip(expected) {
            assert!(line.contains(words), "{line}");
        }
    };
    check("", URL, &[]);
    check("interval = \"15m\"\n", &format!("{URL}interval = \"15m\"\n"), &[]);
    check(
        "interval = \"5m\"\n",
        URL,
        &[":5: warning: poll.interval: every 5m is 288 requests a day to every publisher"],
    );
    check(
        "",
        &format!("{URL}interval = \"14m 59s\"\n[[feed]]\nurl = \"https://e.org/two\"\ninterval = \"1m\"\n"),
        &[
            ":3: warning: feed[1].interval: every 14m 59s is 96 requests a day to the publisher",
            ":6: warning: feed[2].interval: every 1m is 1440 requests a day",
        ],
    );
    // Who set it for a whole list has read enough after ten.
    let many = (0..30)
        .map(|number| format!("[[feed]]\nurl = \"https://e.org/{number}\"\ninterval = \"5m\"\n"))
        .collect::<Vec<_>>()
        .concat();
    check("", &many, &["every 5m"; 10]);
}
