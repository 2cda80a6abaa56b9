//! `init`, `check`, `topics` and `mail test`: from nothing to a configuration that works.

use std::fs;

use super::super::support::desk::{Desk, FAST, ROUTE, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Act, Setup, Stage, at};

#[test]
fn init_writes_what_check_calls_sound_and_overwrites_nothing() {
    let desk = Desk::new("");
    let fresh = desk.path("fresh");
    let dir = fresh.to_str().unwrap();
    let ran = desk.run(&["init", dir]).expect(0);
    assert!(ran.out.contains("wirewatch.toml") && ran.out.contains("next: "), "{}", ran.out);
    let ran = desk.run(&["--config", dir, "check"]).expect(0);
    assert!(ran.out.contains("is sound") && ran.out.contains("9 topics"), "{}", ran.out);
    assert_eq!(ran.err, "", "a fresh configuration earns no warning");
    desk.run(&["--config", dir, "topics", "test"]).expect(0);
    desk.run(&["--config", dir, "feeds", "list"]).expect(0);
    assert!(!desk.data().exists(), "checking makes no database");

    let edited = "# mine\n";
    fs::write(fresh.join("wirewatch.toml"), edited).unwrap();
    fs::remove_file(fresh.join("feeds.toml")).unwrap();
    let ran = desk.run(&["init", dir]).expect(1);
    assert!(ran.err.contains("wirewatch.toml exists already") && ran.err.contains("hint: "), "{}", ran.err);
    assert_eq!(fs::read_to_string(fresh.join("wirewatch.toml")).unwrap(), edited);
    assert!(!fresh.join("feeds.toml").exists(), "with one file in the way none is written");
    let file = desk.file("plain", "a file");
    desk.run(&["init", file.to_str().unwrap()]).expect(1);
}

#[test]
fn check_lists_every_problem_of_every_file_with_its_line() {
    let desk =
        Desk::new("[poll]\ninterval = \"soon\"\n[mail]\nserver = \"smtp://u:hunter2@mail.example.org\"\n");
    desk.write(
        "feeds.toml",
        "[[feed]]\nurl = \"https://a.example/feed\"\n\n[[feed]]\nurl = \"https://a.example/feed\"\n",
    );
    desk.write(
        "topics/bad.toml",
        "id = \"bad\"\n[[signal]]\nname = \"x\"\nwhen = \"a AND b OR c\"\nweight = 50\n",
    );
    for command in [&["check"][..], &["run", "--once"], &["score"], &["status"], &["topics", "list"]] {
        let ran = desk.run(command).expect(2);
        for place in ["wirewatch.toml:3", "wirewatch.toml:5", "feeds.toml:5", "topics/bad.toml:4"] {
            assert!(ran.err.contains(place), "{command:?} misses {place}:\n{}", ran.err);
        }
        assert!(ran.err.contains("4 problems in") && ran.err.contains("hint"), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    assert!(!desk.data().exists());
    let ran = desk.run(&["--config", "nowhere", "check"]).expect(2);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
}

#[test]
fn an_example_that_comes_out_wrong_fails_check_and_topics_test() {
    let desk = Desk::new(ROUTE);
    let topic = "id = \"strike\"\n[[signal]]\nname = \"a strike\"\nwhen = \"strike\"\nweight = 90\n\
                 [[example]]\nexpect = \"alert\"\ntext = \"Dockers on strike\"\n\
                 [[example]]\nexpect = \"quiet\"\ntext = \"Lightning strike hits barn\"\n";
    desk.write("topics/strike.toml", topic);
    let ran = desk.run(&["check"]).expect(2);
    assert!(
        ran.err.contains("topics/strike.toml:11") && ran.err.contains("should stay quiet"),
        "{}",
        ran.err
    );
    let ran = desk.run(&["topics", "test"]).expect(1);
    assert!(ran.out.contains("strike: 1 of 2 examples right"), "{}", ran.out);
    assert!(ran.out.contains("a strike") && ran.out.contains("topics/strike.toml:11"), "{}", ran.out);
    desk.run(&["topics", "test", "ceasefire-breakdown"]).expect(0);
    let ran = desk.run(&["topics", "test", "nothing"]).expect(2);
    assert!(ran.err.contains("aid-blockage, ceasefire-breakdown, strike"), "{}", ran.err);
    let listed = desk.run(&["topics", "list", "--json"]).expect(0).json();
    let ids: Vec<_> = listed.iter().map(|topic| topic["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["aid-blockage", "ceasefire-breakdown", "strike"]);
    assert_eq!(desk.run(&["topics", "list"]).expect(0).out.lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_online_polls_each_feed_and_opens_the_session_but_sends_and_stores_nothing() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    server.set("/feed", feed(&item("a", "Market hall reopens", "Stalls.", 1)));
    server.set("/page", Reply::ok("text/html", "<!doctype html><title>Us</title>"));
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    desk.feeds([server.url("/feed")]);
    let ran = desk.run(&["check", "--online"]).expect(0);
    assert!(ran.out.contains("1 entry") && ran.out.contains("ok      mail: "), "{}", ran.out);
    desk.feeds([server.url("/feed"), server.url("/page")]);
    let ran = desk.run(&["check", "--online"]).expect(1);
    assert!(ran.out.contains(&format!("failed  {}", server.url("/page"))), "{}", ran.out);
    mails.next(at(Stage::Greeting, Act::Reply("554 5.3.2 go away".to_owned())));
    desk.feeds([server.url("/feed")]);
    let ran = desk.run(&["check", "--online"]).expect(1);
    assert!(ran.out.contains("failed  mail: ") && ran.out.contains("go away"), "{}", ran.out);
    assert!(mails.messages().is_empty() && !desk.database().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_test_sends_one_message_and_says_what_the_server_said() {
    let mails = smtp::Server::start(Setup::default()).await;
    let desk = Desk::new(&format!("{}{ROUTE}", mail(mails.address)));
    let ran = desk.run(&["mail", "test"]).expect(0);
    assert!(ran.out.contains("desk@example.org: sent: 250"), "{}", ran.out);
    desk.run(&["mail", "test", "--to", "me@example.org"]).expect(0);
    let to: Vec<_> = mails.messages().into_iter().map(|message| message.to).collect();
    assert_eq!(to, [["desk@example.org"], ["me@example.org"]]);
    mails.next(at(Stage::Rcpt, Act::Reply("550 5.1.1 unknown".to_owned())));
    let ran = desk.run(&["mail", "test"]).expect(1);
    assert!(ran.out.contains("refused for good") && ran.out.contains("unknown"), "{}", ran.out);
    mails.next(at(Stage::Mail, Act::Reply("451 4.3.0 later".to_owned())));
    let ran = desk.run(&["mail", "test"]).expect(1);
    assert!(ran.out.contains("tried again") && ran.out.contains("later"), "{}", ran.out);
}

#[test]
fn without_a_server_mail_becomes_files() {
    let desk = Desk::new(ROUTE);
    let ran = desk.run(&["mail", "test"]).expect(0);
    let outbox = desk.data().join("outbox");
    let files: Vec<_> = fs::read_dir(&outbox).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{}", ran.out);
    assert_eq!(files[0].extension().unwrap(), "eml");
    assert!(fs::read_to_string(&files[0]).unwrap().contains("To: desk@example.org"));
    let nobody = Desk::new("");
    let ran = nobody.run(&["mail", "test"]).expect(2);
    assert!(ran.err.contains("hint: use --to"), "{}", ran.err);
    let ran = nobody.run(&["mail", "test", "--to", "not an address"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("refused for good"), "{ran:?}");
}
