//! `wirewatch mail test`: one real message, and what the server said.

use std::path::Path;

use clap::Subcommand;

use super::{Exit, Failure, Outcome, Output, load, now, runtime};
use crate::alert::render;
use crate::mail::{Mailer, Message, Outcome as Sent};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send one test message and print what became of it
    #[command(after_help = "Example:\n  wirewatch mail test --to me@example.org")]
    Test {
        /// Address; without it, every address of every route
        #[arg(long)]
        to: Option<String>,
    },
}

pub(super) fn run(dir: &Path, Command::Test { to }: &Command) -> Outcome {
    let config = load(dir)?;
    let addresses = if let Some(address) = to {
        vec![address.clone()]
    } else {
        let mut addresses: Vec<String> = config.routes.iter().flat_map(|route| route.to.clone()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    };
    if addresses.is_empty() {
        return Err(Failure::usage(
            "there is nobody to write to",
            "use --to ADDRESS, or configure a [[route]]",
        ));
    }
    let mailer = Mailer::new(&config.mail.door).map_err(|error| Failure::new(error, ""))?;
    let at = now();
    let rendered = render::test_mail(at);
    let runtime = runtime()?;
    let mut output = Output::open();
    let mut exit = Exit::Done;
    for (index, to) in addresses.into_iter().enumerate() {
        let message = Message {
            message_id: format!("test-{}-{index}@{}", at.as_microsecond(), mailer.domain()),
            to,
            references: Vec::new(),
            date: at,
            subject: rendered.subject.clone(),
            text: rendered.text.clone(),
            html: rendered.html.clone(),
            headers: rendered.headers.clone(),
        };
        let (word, reply) = match runtime.block_on(mailer.send(&message)) {
            Sent::Sent(reply) => ("sent", reply),
            Sent::Deferred(reply) | Sent::Blocked(reply) => {
                ("not sent, a real alert would be tried again", reply)
            }
            Sent::Rejected(reply) => ("refused for good", reply),
        };
        if word != "sent" {
            exit = Exit::Failed;
        }
        output.line(format!("{}: {word}: {reply}", message.to))?;
    }
    output.finish()?;
    Ok(exit)
}
