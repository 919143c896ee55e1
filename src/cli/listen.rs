//! `ovcheck listen`.

use std::path::PathBuf;
use std::time::Duration;

use super::Stop;
use super::terminal::OUTPUT;
use crate::config::value;
use crate::exit::ExitStatus;

/// `ovcheck listen`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// How long to listen, such as 90s or 5m; at most 1h
    #[arg(long = "for", value_name = "TIME", default_value = "5m", value_parser = duration)]
    lasts: Duration,

    /// File with the token that checks must have, 32 hexadecimal digits [default: a new token, which is
    /// printed]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// What to print on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    format: ListenFormat,

    /// Also write what was seen to a file, as JSON
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    output: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
}

/// What is printed on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListenFormat {
    /// Text for people, while probes arrive
    Text,
    /// JSON at the end; text for people goes to stderr
    Json,
}

const AFTER_HELP: &str = "\
What it does:
  \
Runs on a node of the deployment, on Linux. It watches the network interfaces for the probes of \
`ovcheck check --responder`, before and behind the node's firewall, and reports to that check which \
ports reach the node, pass its firewall, or are forwarded to a container. It opens no port, takes none \
from LiveKit, and does not change the firewall. Without the token it answers nothing.
  \
Needs the capability CAP_NET_RAW, and gives it up before it reads a packet:
    sudo ovcheck listen
    docker run --rm --net=host --cap-drop=ALL --cap-add=NET_RAW IMAGE listen

Exit status:
    0  the time is over, or Ctrl-C ended it
    2  invalid usage, or a capability is missing
    4  internal error, or a file could not be written";

/// The longest time to listen: nobody should find a forgotten responder days later.
const LONGEST: Duration = Duration::from_secs(3_600);

fn duration(text: &str) -> Result<Duration, String> {
    value::duration_up_to(LONGEST, text)
        .ok_or_else(|| "must be a time such as 90s, 5m or 1h, at most 1h".to_owned())
}

#[cfg(target_os = "linux")]
pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    linux::run(args)
}

/// Only Linux has the sockets.
#[cfg(not(target_os = "linux"))]
pub fn run(_args: &Args) -> Result<ExitStatus, Stop> {
    use crate::complaint::{Complaint, Place};
    let refused = Complaint::new("ovcheck listen works only on Linux", Place::Nowhere);
    Err(refused.with_help("run it on the node of the deployment").into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Display;
    use std::fs::{File, OpenOptions};
    use std::io::{ErrorKind, Write};
    use std::path::Path;

    use super::super::signals;
    use super::super::terminal::print;
    use super::super::{Stop, tell};
    use super::{Args, ListenFormat};
    use crate::complaint::{Complaint, Place};
    use crate::config;
    use crate::exit::ExitStatus;
    use crate::model::responder::{ResponderRecord, ResponderToken};
    use crate::net::clock::Clock;
    use crate::output::listen as words;
    use crate::responder::{self, News, OpenError, Responder};

    pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
        let given = args.token_file.as_deref().map(config::responder_token).transpose()?;
        let token = given.clone().unwrap_or_else(|| ResponderToken::new(rand::random()));
        let responder = Responder::open().map_err(|error| cannot_open(&error))?;
        let file = args.output.as_deref().map(|path| create(path, args.force)).transpose()?;
        // From here on this program can do nothing but read its sockets. No thread has started yet.
        responder::drop_privileges().map_err(Stop::trouble("give up privileges"))?;
        let beginning = words::Beginning {
            lasts: args.lasts,
            ends_at: Clock::start().now().plus(args.lasts),
            token: given.is_none().then_some(&token),
            has_v6: responder.has_v6(),
            room: responder.room(),
        };
        let mut text = Vec::new();
        words::begin(&beginning, &mut text).map_err(Stop::trouble("write the instructions"))?;
        let voice = Voice(args.format);
        voice.say(String::from_utf8_lossy(&text).trim_end_matches('\n'))?;
        let record = listen(args, responder, token, voice)?;
        finish(&record, args.format, file)?;
        Ok(ExitStatus::SUCCESS)
    }

    fn listen(
        args: &Args,
        responder: Responder,
        token: ResponderToken,
        voice: Voice,
    ) -> Result<ResponderRecord, Stop> {
        // On this thread alone: others would have their own privileges.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Stop::trouble("start the runtime"))?.block_on(async {
            let mut signals = signals::listen()?;
            let mut trouble = None;
            let mut on_news = |news: News<'_>| {
                let line = match news {
                    News::Session(session) => words::session(session),
                    News::Refused { packets, last_from } => words::refused(packets, last_from),
                    News::Lost { packets } => words::lost(packets),
                };
                trouble = voice.say(&line).err().or(trouble.take());
            };
            let stop = async { signals.next().await };
            let ended = responder.run(token, args.lasts, stop, &mut on_news).await;
            match trouble {
                Some(trouble) => Err(trouble),
                None => ended.map_err(Stop::trouble("wait for packets")),
            }
        })
    }

    /// Where text for people goes.
    #[derive(Clone, Copy)]
    struct Voice(ListenFormat);

    impl Voice {
        fn say(self, text: impl Display) -> Result<(), Stop> {
            match self.0 {
                ListenFormat::Text => print(|out| writeln!(out, "{text}")),
                ListenFormat::Json => {
                    tell(text);
                    Ok(())
                }
            }
        }
    }

    fn finish(
        record: &ResponderRecord,
        format: ListenFormat,
        file: Option<File>,
    ) -> Result<(), Stop> {
        let mut json =
            serde_json::to_vec_pretty(record).map_err(Stop::trouble("write what was seen"))?;
        json.push(b'\n');
        match format {
            ListenFormat::Text => print(|out| words::end(record, out))?,
            ListenFormat::Json => print(|out| out.write_all(&json))?,
        }
        if let Some(mut file) = file {
            let written = file.write_all(&json).and_then(|()| file.sync_all());
            written.map_err(Stop::trouble("write the file of --output"))?;
        }
        Ok(())
    }

    /// The file is created before the privileges are gone with which its directory may be written to.
    fn create(path: &Path, force: bool) -> Result<File, Stop> {
        let mut options = OpenOptions::new();
        let created = match force {
            true => options.write(true).create(true).truncate(true).open(path),
            false => options.write(true).create_new(true).open(path),
        };
        created.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                let place = Place::Flag("--output".to_owned());
                Complaint::new(format!("{} already exists", path.display()), place)
                    .with_help("choose another name, or overwrite it with --force")
                    .into()
            }
            _ => Stop::Trouble(format!("write {}: {error}", path.display())),
        })
    }

    fn cannot_open(error: &OpenError) -> Stop {
        match error {
            OpenError::NotPermitted => {
                let refused = Complaint::new(
                    "ovcheck listen needs the capability CAP_NET_RAW",
                    Place::Nowhere,
                );
                refused
                    .with_help(
                        "run it with sudo, or give it the capability: sudo setcap cap_net_raw+ep \
                         /path/to/ovcheck; in a container: --cap-add=NET_RAW (a rootless container \
                         cannot have it)",
                    )
                    .into()
            }
            OpenError::System { .. } => Stop::Trouble(error.to_string()),
        }
    }
}
