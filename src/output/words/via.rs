//! Why there is no run from another machine, and what to do.

use crate::model::facts::ServerText;
use crate::model::via::{SshHost, ViaFailure};
use crate::output::quote::quoted;

/// What keeps a machine from being a vantage, and what to do about it.
pub(super) fn failure(host: &SshHost, why: &ViaFailure) -> String {
    match why {
        ViaFailure::NoSsh => {
            "this machine has no program ssh: install it (on Debian: openssh-client)".to_owned()
        }
        ViaFailure::UnknownHostKey => format!(
            "ssh does not know the key of that machine: run `ssh {host} true` once, and compare the key \
             that it shows"
        ),
        ViaFailure::OtherHostKey => format!(
            "that machine has another key than ssh knows: find out why before you trust it, with \
             `ssh {host} true`"
        ),
        ViaFailure::LoginRefused => format!(
            "that machine refused the login: `ssh -o BatchMode=yes {host} true` must work (a key, or \
             an agent)"
        ),
        ViaFailure::NotConnected(words) => {
            format!("ssh could not connect{}: try `ssh {host} true`", said(words))
        }
        ViaFailure::OtherProcessor { is, needed } => format!(
            "the program is for Linux on {needed}, and that machine says that it is {}: name a program \
             for it with --via-binary FILE",
            quoted(is)
        ),
        ViaFailure::NoPlace => {
            "no program can be started there from /tmp, /var/tmp or the home directory (full, or mounted \
             noexec): free space, or run ovcheck there with --record and use `ovcheck merge`"
                .to_owned()
        }
        ViaFailure::NotCopied => {
            "the program did not arrive whole: free space there (df -h /tmp), or check the connection"
                .to_owned()
        }
        ViaFailure::TooSlow => {
            "the run did not end in time: run ovcheck there with --record and use `ovcheck merge`"
                .to_owned()
        }
        ViaFailure::TooMuch => format!(
            "that machine sent more than a recording can be: `ssh {host} true` must print nothing"
        ),
        ViaFailure::Interrupted => "the run was interrupted".to_owned(),
        ViaFailure::NoRecording(words) => format!(
            "ovcheck recorded nothing there{}: run it there by hand with --record",
            said(words)
        ),
        ViaFailure::Unfit(words) => {
            format!("what that machine sent cannot be used{}", said(words))
        }
    }
}

fn said(words: &ServerText) -> String {
    if words.is_blank() { String::new() } else { format!(" ({})", quoted(words)) }
}
