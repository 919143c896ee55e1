//! Rules about TLS and certificates, in words.

use super::{Statement, facts};
use crate::model::facts::ServerText;
use crate::model::seen::{ProxiedBackend, TlsSeen};
use crate::output::text::{counted, list};

pub(super) fn statement(seen: &TlsSeen) -> Statement {
    Statement::new(match seen {
        TlsSeen::Completed { version, cipher } => format!("{version} with {cipher}"),
        TlsSeen::NoCertificate => "ovcheck received no certificate that it can read".to_owned(),
        TlsSeen::Verified { roots } => format!("the certificate chain verifies with {roots}"),
        TlsSeen::SelfSigned => "the certificate is self-signed, so no browser trusts it".to_owned(),
        TlsSeen::IssuerNotSent { issuer } => format!(
            "the server sends only its own certificate, without that of its issuer{}",
            named(issuer)
        ),
        TlsSeen::UnknownIssuer { issuer, roots } => {
            format!(
                "the certificate chain ends at an issuer that is not among {roots}{}",
                named(issuer)
            )
        }
        TlsSeen::InvalidChain(why) => format!("the certificate chain does not verify: {why}"),
        TlsSeen::CertificateNames(names) if names.is_empty() => {
            "the certificate is for no name".to_owned()
        }
        TlsSeen::CertificateNames(names) => format!("the certificate is for {}", list(names)),
        TlsSeen::ValidUntil(until) => format!("the certificate is valid until {}", until.date()),
        TlsSeen::Expired { on, days_ago } => {
            format!("the certificate expired on {}, {} ago", on.date(), days(*days_ago))
        }
        TlsSeen::NotYetValid { from } => {
            format!("the certificate is not valid before {}", from.date())
        }
        TlsSeen::ExpiresIn { days: left, on } => {
            format!("the certificate expires in {}, on {}", days(*left), on.date())
        }
        TlsSeen::OtherVersion { offered, chosen } => {
            format!("the server chooses {chosen} although only {offered} is offered")
        }
        TlsSeen::OneVersionOffered { version, met } => {
            format!("only {version} is offered: {}", facts::handshake(met))
        }
        TlsSeen::VersionsRefused(versions) => format!("the server refuses {}", list(versions)),
        TlsSeen::VersionsAccepted(versions) => format!("the server accepts {}", list(versions)),
        TlsSeen::NamelessReach { unknown_name, no_name } => nameless(*unknown_name, *no_name),
    })
}

fn named(issuer: &Option<ServerText>) -> String {
    issuer.as_ref().map_or_else(String::new, |issuer| format!(" ({issuer})"))
}

/// Whole days; the rest of a day is told as that.
fn days(number: i64) -> String {
    match usize::try_from(number) {
        Ok(0) => "less than a day".to_owned(),
        Ok(number) => counted(number, "day"),
        Err(_) => format!("{number} days"),
    }
}

fn nameless(unknown_name: Option<ProxiedBackend>, no_name: Option<ProxiedBackend>) -> String {
    let clients = [("asks for an unknown name", unknown_name), ("sends no name (SNI)", no_name)];
    let reached = clients.iter().filter_map(|(does, backend)| {
        let backend = match (*backend)? {
            ProxiedBackend::LivekitApi => "the LiveKit API",
            ProxiedBackend::Turn => "the TURN server",
        };
        Some(format!("a client that {does} reaches {backend}"))
    });
    let reached: Vec<String> = reached.collect();
    if reached.is_empty() {
        "a client that asks for an unknown name, or for none, reaches no backend".to_owned()
    } else {
        reached.join("; ")
    }
}
