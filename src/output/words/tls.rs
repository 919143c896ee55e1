//! Rules about TLS and certificates, in words.

use super::{Statement, facts};
use crate::model::facts::{CertificateFacts, ChainFault, ServerText};
use crate::model::seen::{ProxiedBackend, TlsSeen};
use crate::model::timestamp::Timestamp;
use crate::output::quote::{quoted, quoted_list};
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
        TlsSeen::UnknownIssuer { issuer, roots, is_alone } => {
            let mut words = format!(
                "the certificate chain ends at an issuer that is not among {roots}{}",
                named(issuer)
            );
            if *is_alone {
                words.push_str(", and the server sends only its own certificate");
            }
            words
        }
        TlsSeen::InvalidChain { fault, certificate, leaf_until } => {
            return invalid_chain(fault, certificate.as_deref(), *leaf_until);
        }
        TlsSeen::ExpectsProxyHeader { otherwise } => {
            return Statement::new("the server expects a PROXY protocol header before TLS")
                .detail(format!("without it, {}", facts::handshake(otherwise)))
                .detail("with a PROXY protocol header before it, the TLS handshake completes");
        }
        TlsSeen::UncommonKey { key, otherwise } => {
            return Statement::new(format!(
                "the certificate has a key of a kind that Chromium and other clients refuse: {key}"
            ))
            .detail(facts::handshake(otherwise))
            .detail("with more signature algorithms in the ClientHello, the handshake completes");
        }
        TlsSeen::OnlyOldVersions { versions, otherwise } => {
            return Statement::new(format!(
                "the server speaks only {}, which browsers refuse",
                list(versions)
            ))
            .detail(facts::handshake(otherwise));
        }
        TlsSeen::NameInCommonNameOnly(name) => {
            return Statement::new(format!(
                "the certificate names {} in its CN only",
                quoted(name)
            ))
            .detail("browsers read subjectAltName only; this certificate does not name it there");
        }
        TlsSeen::NotReloaded { until, port, newer_until } => {
            return Statement::new(
                "the certificate was renewed, but this port still shows the old one",
            )
            .detail(format!(
                "this port: valid until {}; port {port}: valid until {}",
                until.date(),
                newer_until.date()
            ));
        }
        TlsSeen::CertificateNames(names) if names.is_empty() => {
            "the certificate names no server (it has no subjectAltName)".to_owned()
        }
        TlsSeen::CertificateNames(names) => {
            format!("the certificate is for {}", quoted_list(names))
        }
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
        TlsSeen::ShortLived { days: left, on, of_days } => format!(
            "the certificate expires in {}, on {}; its lifetime is {}",
            days(*left),
            on.date(),
            days(*of_days)
        ),
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

/// What is wrong with a chain, and with which of its certificates.
fn invalid_chain(
    fault: &ChainFault,
    certificate: Option<&CertificateFacts>,
    leaf_until: Option<Timestamp>,
) -> Statement {
    let dates = certificate.zip(fault.place()).map(|(certificate, place)| {
        let (subject, until) = (quoted(&certificate.subject), certificate.not_after.date());
        match fault {
            ChainFault::Expired { .. } => {
                format!("certificate {place} ({subject}) expired on {until}")
            }
            ChainFault::NotYetValid { .. } => format!(
                "certificate {place} ({subject}) is not valid before {}",
                certificate.not_before.date()
            ),
            _ => format!("certificate {place} is {subject}"),
        }
    });
    let statement = match fault {
        ChainFault::Expired { .. } => {
            Statement::new("an intermediate certificate that the server sends has expired")
        }
        ChainFault::NotYetValid { .. } => {
            Statement::new("an intermediate certificate that the server sends is not valid yet")
        }
        fault => {
            Statement::new(format!("the certificate chain is not valid: {}", chain_fault(fault)))
        }
    };
    let leaf = leaf_until.filter(|_| dates.is_some());
    let leaf = leaf
        .map(|until| format!("the server's own certificate (1) is valid until {}", until.date()));
    dates.into_iter().chain(leaf).fold(statement, Statement::detail)
}

fn named(issuer: &Option<ServerText>) -> String {
    issuer.as_ref().map_or_else(String::new, |issuer| format!(" ({})", quoted(issuer)))
}

/// What is wrong with a chain.
pub(in crate::output) fn chain_fault(fault: &ChainFault) -> String {
    let of = |place: &Option<usize>| match place {
        Some(0) => "the server's certificate".to_owned(),
        Some(place) => format!("certificate {} of the chain", place + 1),
        None => "a certificate of the chain".to_owned(),
    };
    let words = match fault {
        ChainFault::Expired { place } => return format!("{} has expired", of(place)),
        ChainFault::NotYetValid { place } => return format!("{} is not valid yet", of(place)),
        ChainFault::NotAnAuthority { place } => {
            return format!("{} signed another one but may not (CA:FALSE)", of(place));
        }
        ChainFault::BadSignature { place } => {
            return format!("{} is not signed by the certificate sent as its issuer", of(place));
        }
        ChainFault::Other(words) => return quoted(words),
        ChainFault::AuthorityAsServer => {
            "the server's certificate is that of an authority (CA:TRUE)"
        }
        ChainFault::OtherPurpose => {
            "the certificate is not for servers (no serverAuth in its key usage)"
        }
        ChainFault::NameNotAllowed => {
            "an authority in the chain may not issue certificates for this name"
        }
        ChainFault::TooManyAuthorities => "the chain has more authorities than one of them allows",
        ChainFault::UnknownSignature => {
            "a certificate is signed with an algorithm that is too weak or too uncommon"
        }
        ChainFault::CriticalExtension => {
            "a certificate has a critical extension that clients do not know"
        }
        ChainFault::Revoked => "a certificate of the chain has been revoked",
        ChainFault::Unreadable => "a certificate cannot be parsed",
        ChainFault::ForeignKey => "the server's private key does not belong to its certificate",
    };
    words.to_owned()
}

/// Whole days; the rest of a day is told as that.
pub(super) fn days(number: i64) -> String {
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
