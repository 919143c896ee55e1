//! `ovcheck visit`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::terminal::print;
use super::{Stop, runtime, tell};
use crate::app::{self, NotInvited};
use crate::complaint::{Complaint, Place};
use crate::config::serve::{self as configuration, DEFAULT_ADDRESS};
use crate::exit::ExitStatus;

/// `ovcheck visit`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For whom the link is, as `/visits` shows it
    #[arg(long, value_name = "TEXT")]
    note: String,

    /// For how long the link is good: 5m to 720h [default: 24h]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,

    /// Address and port of the operator at `ovcheck serve`
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = configuration::address,
        default_value_t = DEFAULT_ADDRESS)]
    server: SocketAddr,

    /// File with the token of the operator, if `ovcheck serve` has one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let Args { note, expires, server, token_file } = args;
    let token = match token_file {
        Some(path) => Some(configuration::token(path, Place::Flag("--token-file".to_owned()))?),
        None => None,
    };
    let asked = app::invite(*server, token.as_ref(), note, expires.as_deref());
    let invitation = runtime()?.block_on(asked).map_err(|why| not_invited(*server, &why))?;
    print(|out| writeln!(out, "{}", invitation.url))?;
    tell(format_args!(
        "The link is good for one test until {}. The result: http://{server}/visits/{}",
        invitation.expires_at, invitation.code
    ));
    Ok(ExitStatus::SUCCESS)
}

fn not_invited(server: SocketAddr, why: &NotInvited) -> Stop {
    let at = |flag: &str| Place::Flag(flag.to_owned());
    match why {
        NotInvited::Refused(401, _) => {
            Complaint::new(format!("{server} requires a token"), at("--token-file"))
                .with_help("use the file that operator-token-file names in its configuration")
                .into()
        }
        NotInvited::Refused(404, _) => {
            Complaint::new(format!("the ovcheck serve at {server} has no page"), at("--server"))
                .with_help("add [page] to its configuration")
                .into()
        }
        NotInvited::Refused(400, said) => Complaint::new(said.clone(), at("--expires")).into(),
        NotInvited::Refused(..) | NotInvited::NoAnswer(_) => {
            Stop::Trouble(format!("get a code from {server}: {why}"))
        }
    }
}
