//! robots.txt as RFC 9309 reads it.

use wirewatch::feed::robots::{Robots, Standing};

use crate::support::lab::{Lab, hour};

fn check(text: &str, expected: &[(&str, bool)]) {
    let robots = Robots::parse(text.as_bytes(), "wirewatch");
    for (target, allowed) in expected {
        assert_eq!(robots.allows(target), *allowed, "{target} by\n{text}");
        let kept = Robots::parse(robots.to_text().as_bytes(), "wirewatch");
        assert_eq!(kept.allows(target), *allowed, "{target} by what was kept of\n{text}");
    }
}

#[test]
fn groups_are_chosen_by_product() {
    check("", &[("/", true), ("/a", true)]);
    check("User-agent: *\nDisallow: /\n", &[("/a", false), ("/robots.txt", true)]);
    check("User-agent: other\nDisallow: /\n", &[("/a", true)]);
    check(
        "User-agent: *\nDisallow: /\nUser-agent: WireWatch/1.0\nDisallow: /b\n",
        &[("/a", true), ("/b", false)],
    );
    check("User-agent: other\nUser-agent: wirewatch\nDisallow: /b\n", &[("/a", true), ("/b", false)]);
    check("User-agent: wirewatchers\nDisallow: /\n", &[("/a", true)]);
    // Groups of one product are one (section 2.2.1).
    check(
        "User-agent: wirewatch\nDisallow: /a\n\nUser-agent: x\nDisallow: /c\n\nuser-AGENT : wirewatch\nDISALLOW:/b # no\n",
        &[("/a", false), ("/b", false), ("/c", true)],
    );
    // Named without a rule: all is allowed.
    check("User-agent: wirewatch\n\nUser-agent: *\nDisallow: /\n", &[("/a", false)]);
    check("User-agent: wirewatch\nDisallow:\n\nUser-agent: *\nDisallow: /\n", &[("/a", true)]);
    // Other records end no group; lines end in any way; a byte order mark is nothing.
    check(
        "\u{feff}User-agent: *\rCrawl-delay: 10\rSitemap: x\r\nDisallow: /a",
        &[("/a", false), ("/b", true)],
    );
    check("Disallow: /\n", &[("/a", true)]);
    check("<!doctype html><title>Not found</title>", &[("/a", true)]);
}

#[test]
fn the_longest_pattern_decides() {
    let rules = |lines: &str| format!("User-agent: *\n{lines}\n");
    check(&rules("Disallow: /a\nAllow: /a/b"), &[("/a", false), ("/a/c", false), ("/a/b/c", true)]);
    check(&rules("Allow: /a\nDisallow: /a"), &[("/a", true)]);
    check(&rules("Disallow: /*.php"), &[("/x.php", false), ("/x/y.php?z", false), ("/x.html", true)]);
    check(&rules("Disallow: /*.php$"), &[("/x.php", false), ("/x.php?z", true), ("/x.php.php", false)]);
    check(
        &rules("Disallow: /a*b*c$"),
        &[("/abc", false), ("/aXbYc", false), ("/abcd", true), ("/acb", true)],
    );
    check(&rules("Disallow: /$"), &[("/", false), ("/a", true)]);
    check(&rules("Disallow: *"), &[("/", false), ("/a", false)]);
    check(&rules("Disallow: /a$b"), &[("/a", true), ("/a$b", false)]);
    check(&rules("Disallow: /*?"), &[("/a?b", false), ("/a", true)]);
    check(&rules("Disallow: private"), &[("/private", true)]);
}

#[test]
fn percent_encoding_makes_no_difference() {
    let rules = |lines: &str| format!("User-agent: *\n{lines}\n");
    check(&rules("Disallow: /ä"), &[("/%C3%A4", false), ("/%c3%a4", false), ("/ä", false), ("/a", true)]);
    check(&rules("Disallow: /%7Ejoe"), &[("/~joe", false), ("/%7ejoe", false)]);
    check(&rules("Disallow: /a%2Fb"), &[("/a%2fb", false), ("/a/b", true)]);
    check(&rules("Disallow: /100%"), &[("/100%", false), ("/100%2", false)]);
}

#[test]
fn no_file_is_too_strange_or_too_slow() {
    let long = format!("User-agent: *\n{}", format!("Disallow: /{}b\n", "a*".repeat(900)).repeat(500));
    let robots = Robots::parse(long.as_bytes(), "wirewatch");
    assert!(robots.allows(&format!("/{}", "a".repeat(2_000))));
    let endless = "User-agent: *\nDisallow: /".to_owned() + &"x".repeat(2 << 20);
    assert!(Robots::parse(endless.as_bytes(), "wirewatch").allows("/x"));
    let many = "User-agent: *\n".to_owned() + &"Disallow: /x\n".repeat(100_000);
    assert!(!Robots::parse(many.as_bytes(), "wirewatch").allows("/x"));
    for bytes in [
        &[0xff, 0xfe, 0, 1][..],
        b"%",
        b":",
        b"User-agent:%\nDisallow:/%%%zz$*$",
        b"user-agent:*\nallow:/*$*$",
    ] {
        Robots::parse(bytes, "wirewatch").allows("/%");
    }
}

#[test]
fn rules_that_a_clock_ahead_wrote_are_asked_for_again() {
    let mut lab = Lab::new();
    let origin = "https://a.example";
    let standing = Standing::Rules(Robots::default());
    lab.within(|tx| tx.save_robots(origin, &standing, hour(24 * 30)));
    assert!(lab.within(|tx| tx.robots(origin, hour(0))).is_none());
    assert!(lab.within(|tx| tx.robots(origin, hour(24 * 29))).is_some());
}
