//! Outlets through the whole daemon: told, put off, refused, redirected, and in nobody's way.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::super::support::desk::{Desk, eventually};
use super::super::support::http::{Received, Reply, Server};
use super::super::support::smtp::{self, Setup};
use super::post::{alarming, until};

const SECRET: &str = "a-secret-of-some-length";

/// An alarming desk whose alerts go to a mailbox and to a webhook at this path, with more lines for the outlet.
async fn hooked(mails: &smtp::Server, path: &str, more: &str) -> (Server, Server, Desk) {
    let hook = Server::start().await;
    let outlet = format!(
        "[[route]]\nto = [\"outlet:hook\", \"desk@example.org\"]\n[[outlet]]\nname = \"hook\"\nkind = \"webhook\"\n\
         url = \"{}\"\nsecret_file = \"hook.secret\"\n{more}\n",
        hook.url(path)
    );
    let (feed, desk) = alarming(mails.address, &outlet).await;
    desk.write("hook.secret", &format!("{SECRET}\n"));
    (feed, hook, desk)
}

const PRIVATE: &str = "allow_private_addresses = true";

fn is_signed(request: &Received) -> bool {
    let header = request.text("wirewatch-signature").unwrap_or_default();
    let Some((time, signature)) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")) else {
        return false;
    };
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(&request.body);
    let own: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    own == signature
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_told_signed_and_again_until_it_takes_it() {
    let mails = smtp::Server::start(Setup::default()).await;
    let (_feed, hook, desk) = hooked(&mails, "/in", PRIVATE).await;
    hook.queue(
        "/in",
        [
            Reply::status(503).header("retry-after", "1").body("not now"),
            Reply::silence().until_close(),
            Reply::status(204),
        ],
    );
    desk.main(
        &std::fs::read_to_string(desk.config().join("wirewatch.toml"))
            .unwrap()
            .replace("data_dir = \"../data\"\n", "")
            .replace("timeout = \"20s\"\n", "timeout = \"2s\"\n"),
    );
    let daemon = desk.start();
    until(&desk, 1, "status = 'sent' AND address = 'outlet:hook' AND attempts = 3");
    until(&desk, 1, "status = 'sent' AND address = 'desk@example.org' AND attempts = 1");
    let ran = daemon.stop().expect(0);
    assert!(ran.err.contains("Outlet deferred") && ran.err.contains("Outlet told"), "{}", ran.err);
    assert!(!ran.err.contains(SECRET));
    let requests = hook.requests_to("/in");
    assert_eq!(requests.len(), 3);
    let ids: Vec<_> = requests.iter().map(|request| request.text("wirewatch-delivery").unwrap()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[0].starts_with("alert-1-"), "{ids:?}");
    for request in &requests {
        assert_eq!(
            (request.method.as_str(), request.text("content-type").as_deref()),
            ("POST", Some("application/json"))
        );
        assert!(is_signed(request), "{:?}", request.headers);
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((&body["type"], &body["topic"]), (&"alert".into(), &"ceasefire-breakdown".into()));
        assert!(!body["reports"][0]["evidence"].as_array().unwrap().is_empty(), "{body:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_refuses_or_redirects_is_given_up_and_can_be_told_later() {
    for (reply, words) in [
        (Reply::status(404).body("no such hook"), "no such hook"),
        (Reply::status(401).body("who are you"), "token or secret is not accepted"),
        (Reply::redirect(302, "/elsewhere"), "a redirect, and none is followed"),
        (Reply::redirect(307, "/elsewhere"), "a redirect, and none is followed"),
    ] {
        let mails = smtp::Server::start(Setup::default()).await;
        let (_feed, hook, desk) = hooked(&mails, "/in", PRIVATE).await;
        hook.set("/in", reply);
        hook.set("/elsewhere", Reply::status(200));
        let ran = desk.run(&["run", "--once"]).expect(0);
        assert!(ran.out.contains("1 sent, 0 deferred, 1 refused"), "{}", ran.out);
        let failed = desk.run(&["mail", "failed"]).expect(0).out;
        assert!(failed.contains("outlet:hook") && failed.contains(words), "{failed}");
        assert!(hook.requests_to("/elsewhere").is_empty());
        assert_eq!(mails.messages().len(), 1);
        hook.set("/in", Reply::status(200));
        desk.run(&["mail", "resend", "--all"]).expect(0);
        assert!(desk.run(&["run", "--once"]).expect(0).out.contains("1 sent"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_inside_the_network_is_told_only_if_its_owner_allows_that() {
    let mails = smtp::Server::start(Setup::default()).await;
    let (_feed, hook, desk) = hooked(&mails, "/in", "").await;
    hook.set("/in", Reply::status(200));
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("1 sent, 1 deferred"), "{}", ran.out);
    assert!(hook.requests().is_empty());
    let reply: String = desk.ask("SELECT reply FROM deliveries WHERE address = 'outlet:hook'").unwrap();
    assert!(reply.contains("loopback") && reply.contains("allow_private_addresses"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_hangs_holds_up_no_mail_and_neither_does_one_that_is_gone() {
    let mails = smtp::Server::start(Setup::default()).await;
    let (_feed, hook, desk) = hooked(&mails, "/in", PRIVATE).await;
    hook.set("/in", Reply::silence());
    let daemon = desk.start();
    until(&desk, 1, "status = 'sent' AND address = 'desk@example.org'");
    eventually("the webhook is asked", || (!hook.requests_to("/in").is_empty()).then_some(()));
    assert_eq!(desk.count("deliveries WHERE status = 'sending' AND address = 'outlet:hook'"), 1);
    daemon.kill();
    // Taken out of the configuration, it is no reason to lose the alert.
    let main = std::fs::read_to_string(desk.config().join("wirewatch.toml")).unwrap();
    let (before, _) = main.split_once("[[route]]").unwrap();
    desk.write("wirewatch.toml", &format!("{before}[[route]]\nto = [\"desk@example.org\"]\n"));
    let ran = desk.run(&["run", "--once"]).expect(0);
    // A slow machine tries it twice in a round.
    assert!(!ran.out.contains(" 0 deferred"), "{}", ran.out);
    let reply: String = desk.ask("SELECT reply FROM deliveries WHERE address = 'outlet:hook'").unwrap();
    assert!(reply.contains("no [[outlet]] is called hook"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ntfy_is_told_with_its_token_and_a_test_reaches_it() {
    let mails = smtp::Server::start(Setup::default()).await;
    let ntfy = Server::start().await;
    ntfy.set("/", Reply::ok("application/json", "{\"id\":\"x\"}"));
    let outlet = format!(
        "[[route]]\nto = [\"outlet:phone\"]\n[[outlet]]\nname = \"phone\"\nkind = \"ntfy\"\nurl = \"{}\"\n\
         token_file = \"ntfy.token\"\n{PRIVATE}\n",
        ntfy.url("/desk-alerts-7f3a9c")
    );
    let (_feed, desk) = alarming(mails.address, &outlet).await;
    desk.write("ntfy.token", "tk_very-secret-token\n");
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("1 sent"), "{}", ran.out);
    let tested = desk.run(&["mail", "test"]).expect(0);
    assert!(tested.out.contains("outlet:phone: sent: 200"), "{}", tested.out);
    assert!(!format!("{ran:?}{tested:?}").contains("very-secret"));
    let requests = ntfy.requests_to("/");
    assert_eq!(requests.len(), 2);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!((&body["topic"], &body["priority"]), (&"desk-alerts-7f3a9c".into(), &5.into()));
    assert!(
        requests.iter().all(|it| it.text("authorization").as_deref() == Some("Bearer tk_very-secret-token"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_man_service_is_asked_while_everything_leaves_and_not_while_it_does_not() {
    let mails = smtp::Server::start(Setup::default()).await;
    let service = Server::start().await;
    service.set("/ping", Reply::status(200).body("OK"));
    let lines =
        format!("[health]\nping = \"{}\"\n[[route]]\nto = [\"desk@example.org\"]\n", service.url("/ping"));
    let (_feed, desk) = alarming(mails.address, &lines).await;
    desk.run(&["run", "--once"]).expect(0);
    eventually("the service is asked", || (!service.requests_to("/ping").is_empty()).then_some(()));
    let count = service.requests_to("/ping").len();
    // Something has been waiting for an hour.
    desk.change(
        "UPDATE deliveries SET status = 'queued', queued_at = queued_at - 3600000000,
             next_attempt_at = next_attempt_at + 1800000000",
    );
    mails.recipient("desk@example.org", Some(smtp::Act::Reply("451 later".to_owned())));
    let mut daemon = desk.start();
    daemon.logged("Deliveries wait for too long");
    daemon.stop().expect(0);
    assert_eq!(service.requests_to("/ping").len(), count);
}
