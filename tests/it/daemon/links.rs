//! Links in mails over real HTTP: the daemon signs, serves and does what they ask.

use std::net::{Ipv4Addr, TcpListener};

use jiff::Timestamp;
use wirewatch::alert::AlertId;
use wirewatch::delivery::DeliveryId;
use wirewatch::delivery::follow_up::{Action, Key, Recipient, token};

use super::super::support::desk::{Desk, eventually};
use super::super::support::hub::{Answer, call};
use super::super::support::smtp::{self, Parsed, Setup};
use super::post::{alarming, until};

/// A port nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::new(127, 42, 0, 1), 0)).unwrap().local_addr().unwrap().port()
}

/// The link of the first delivery, as its mail has it.
fn link(desk: &Desk, port: u16, action: Action) -> String {
    let key: Vec<u8> = desk.ask("SELECT key FROM follow_up_keys").unwrap();
    let at: i64 = desk.ask("SELECT at FROM alerts WHERE id = 1").unwrap();
    let at = Timestamp::from_microsecond(at).unwrap();
    let recipient = Recipient { delivery: DeliveryId(1), alert: AlertId(1), at, address: "desk@example.org" };
    let token = token(&Key::new(key.try_into().unwrap()), action, recipient);
    format!("http://127.42.0.1:{port}/f/{token}")
}

fn is_strict(answer: &Answer) {
    for header in [
        "content-security-policy: default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "x-robots-tag: noindex",
    ] {
        assert!(answer.head.contains(header), "{header}: {}", answer.head);
    }
    assert!(!answer.body.contains("<script") && !answer.body.contains("http://"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_asks_and_its_button_does_it_once() {
    let mails = smtp::Server::start(Setup::default()).await;
    let port = free_port();
    let more = format!(
        "[web]\nlisten = \"127.42.0.1:{port}\"\npublic_url = \"http://127.42.0.1:{port}\"\n[log]\nlevel = \"trace\"\n\
         [[route]]\nto = [\"desk@example.org\"]\n"
    );
    let (_feed, desk) = alarming(mails.address, &more).await;
    let daemon = desk.start();
    until(&desk, 1, "status = 'sent'");
    desk.change("UPDATE alerts SET subject = '[Truce] <b>\"Fish\" & chips</b>'");
    let unsubscribe = link(&desk, port, Action::Unsubscribe);
    // The mail has them, each recipient's own, in both parts and for its program; no placeholder is left.
    let mail = mails.messages().remove(0);
    let header = Parsed::read(&mail.raw).one("List-Unsubscribe");
    assert!(header.contains(&format!("<{unsubscribe}>")), "{header}");
    let body = String::from_utf8_lossy(&mail.raw).replace("=\r\n", "");
    for action in Action::ALL {
        assert!(body.matches(&link(&desk, port, action)).count() >= 2, "{action:?}: {body}");
    }
    assert!(!body.contains("/f/0"), "{body}");
    let rows = || desk.count("unsubscriptions WHERE restored_at IS NULL");

    // A scanner that follows every link changes nothing.
    for method in ["GET", "HEAD", "GET"] {
        let answer = call(method, &unsubscribe, &[], b"").await;
        assert_eq!(answer.code, 200);
        is_strict(&answer);
        if method == "GET" {
            assert!(
                answer.body.contains("<form method=\"post\"><button>Unsubscribe</button></form>"),
                "{}",
                answer.body
            );
            assert!(
                answer.body.contains("&lt;b&gt;&quot;Fish&quot; &amp; chips&lt;/b&gt;"),
                "{}",
                answer.body
            );
        }
    }
    assert_eq!(rows(), 0);

    // RFC 8058: the mail program posts without anybody looking at a page; and a second time does no harm.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for _ in 0..2 {
        let answer = call("POST", &unsubscribe, &form, b"List-Unsubscribe=One-Click").await;
        assert_eq!(answer.code, 200);
        is_strict(&answer);
        assert!(answer.body.contains("gets no more mail about ceasefire-breakdown"), "{}", answer.body);
        assert_eq!(rows(), 1);
    }
    let useful = call("POST", &link(&desk, port, Action::Useful), &form, b"").await;
    assert_eq!((useful.code, desk.count("labels WHERE grade = 2")), (200, 1));

    for (action, rows) in [(Action::Acknowledge, "acknowledgements"), (Action::Silence, "silences")] {
        let url = link(&desk, port, action);
        assert_eq!((call("GET", &url, &[], b"").await.code, desk.count(rows)), (200, 0), "{rows}");
        assert_eq!((call("POST", &url, &form, b"").await.code, desk.count(rows)), (200, 1), "{rows}");
    }

    let base = format!("http://127.42.0.1:{port}/f");
    for (method, url, code) in [
        ("GET", format!("{base}/"), 404),
        ("GET", format!("{base}/u1-7fffffff-{}", "0".repeat(64)), 404),
        ("POST", format!("{base}/u1-7fffffff-{}", "0".repeat(64)), 404),
        ("POST", format!("{base}/{}", "x".repeat(5000)), 404),
        ("PUT", unsubscribe.clone(), 405),
        ("DELETE", unsubscribe.clone(), 405),
    ] {
        assert_eq!(call(method, &url, &[], b"").await.code, code, "{method} {url}");
    }
    let large = vec![b'x'; 64 << 10];
    assert_eq!(call("POST", &unsubscribe, &form, &large).await.code, 400);

    let log = daemon.log();
    assert!(log.contains("A recipient answered"), "{log}");
    let secret = unsubscribe.rsplit('-').next().unwrap().to_owned();
    assert!(!log.contains(&secret), "a token is in the log");
    daemon.stop().expect(0);
    let listed = desk.run(&["mail", "unsubscribed"]).expect(0).out;
    assert!(listed.contains("desk@example.org from ceasefire-breakdown, by the mail of alert 1"), "{listed}");
    desk.run(&["mail", "unsubscribed", "--restore", "desk@example.org"]).expect(0);
    desk.run(&["mail", "unsubscribed", "--restore", "desk@example.org"]).expect(1);
    assert_eq!(rows(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_hears_who_unsubscribed_and_old_links_say_so() {
    let mails = smtp::Server::start(Setup::default()).await;
    let port = free_port();
    let web = format!("[web]\nlisten = \"127.42.0.1:{port}\"\npublic_url = \"http://127.42.0.1:{port}\"\n");
    let (_feed, desk) =
        alarming(mails.address, &format!("{web}[[route]]\nto = [\"desk@example.org\"]\n")).await;
    let main = std::fs::read_to_string(desk.config().join("wirewatch.toml")).unwrap();
    desk.write("wirewatch.toml", &main.replace("[mail]\n", "[mail]\noperator = [\"ops@example.org\"]\n"));
    let daemon = desk.start();
    until(&desk, 1, "status = 'sent'");
    assert_eq!(call("POST", &link(&desk, port, Action::Unsubscribe), &[], b"").await.code, 200);
    eventually("the operator is told", || {
        mails.messages().iter().any(|message| message.to == ["ops@example.org"]).then_some(())
    });
    // The same alert, decided a month and a day earlier.
    desk.change("UPDATE alerts SET at = at - 31 * 86400000000 WHERE id = 1");
    let old = call("GET", &link(&desk, port, Action::Noise), &[], b"").await;
    assert_eq!(old.code, 410);
    is_strict(&old);
    daemon.stop().expect(0);
}
