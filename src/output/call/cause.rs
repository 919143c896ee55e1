//! What in the network is the cause, in sentences.

use super::words;
use crate::model::call::{Cause, CauseSign, NetworkCause};
use crate::output::quote::quoted;
use crate::output::text::{list, one_line};
use crate::output::words::facts;

/// What it is, and how it shows.
pub fn sentence(cause: &Cause) -> String {
    let what = match &cause.cause {
        NetworkCause::CaptivePortal { .. } => {
            "This network requires a login first, on a page of its own (a captive portal)."
                .to_owned()
        }
        NetworkCause::TlsInspection { host, issuer } => {
            let issuer = quoted(issuer);
            format!(
                "A device on the path decrypts TLS to {host} (TLS inspection) and presents a \
                 certificate issued by {issuer}."
            )
        }
        NetworkCause::Filtered { host, who } => {
            format!("A web filter of this network ({who}) blocks {host}.")
        }
        NetworkCause::ResolverLies { name, .. } => {
            format!("The DNS server of this network gives a wrong address for {name}.")
        }
        NetworkCause::ProxyNeeded { proxy } => {
            format!("This network allows connections only through its HTTP proxy, {proxy}.")
        }
        NetworkCause::ProxyRefuses { proxy } => {
            format!("This network's HTTP proxy {proxy} refused the connection.")
        }
        NetworkCause::HttpOnly => {
            "Plain HTTP leaves this network, but HTTPS to this name does not.".to_owned()
        }
        NetworkCause::NothingLeaves => "Nothing reaches the deployment.".to_owned(),
        NetworkCause::UdpBlocked => "UDP is blocked.".to_owned(),
        NetworkCause::OwnFirewall => {
            "The firewall of this computer blocks packets of the call before they reach the network."
                .to_owned()
        }
        NetworkCause::OwnClock { ahead_s } => {
            format!("The clock of this computer is wrong: {}.", clock_difference(*ahead_s))
        }
    };
    let sure = if cause.certain { "" } else { "Probably: " };
    let doubt = other_reading(cause).unwrap_or_default();
    format!("{sure}{what} Seen: {}.{doubt}", one_line(&sign(&cause.shown_by)))
}

/// What shows a cause.
pub fn sign(sign: &CauseSign) -> String {
    match sign {
        CauseSign::AnsweredInstead { name, response } => {
            let status = response.status;
            let url = format!("http://{name}/");
            match &response.location {
                Some(to) if status != 511 => {
                    format!(
                        "{url} redirects to {} ({status}) instead of https://{name}/",
                        quoted(to)
                    )
                }
                _ if status == 511 => {
                    format!("{url} is answered with 511 (Network Authentication Required)")
                }
                _ => format!(
                    "{url} is answered with a page ({status}) instead of a redirect to https://{name}/"
                ),
            }
        }
        CauseSign::HttpInPlaceOfTls { name, port, line } => {
            format!("plain HTTP answers at {name}:{port} ({})", quoted(line))
        }
        CauseSign::IssuerOfProduct => {
            "the issuer has the name of a TLS inspection product".to_owned()
        }
        CauseSign::UnknownIssuer => "this computer does not know that issuer".to_owned(),
        CauseSign::TrustedHereOnly => {
            "this computer trusts that issuer, browsers elsewhere do not; TLS completes, but what \
             answers then is not the server"
                .to_owned()
        }
        CauseSign::ProductAnswers { who, means } => {
            format!("{who} answers the join: {means}")
        }
        CauseSign::UnreachableAddresses(addresses) => {
            format!("it answers {}, which the internet cannot reach", list(addresses))
        }
        CauseSign::OnlyHttpAnswers { name, port } => {
            format!(
                "http://{name}/ answers, but port {port} of the same name accepts no connection"
            )
        }
        CauseSign::Prohibited(error) => format!("a firewall on the path reports it: {error}"),
        CauseSign::NoPortAnswers(name) => {
            format!("no answer from {name}, at any port that was tried")
        }
        CauseSign::NoDnsAnswer => "the DNS server does not answer either".to_owned(),
        CauseSign::OfProxy(met) => words::proxy(met),
        CauseSign::NotWithoutProxy(name) => {
            format!("without the proxy, {name} accepts no connection")
        }
        CauseSign::UnknownWithoutProxy(name) => {
            format!("without the proxy, the address of {name} is not known here")
        }
        CauseSign::NoUdpAnywhere => {
            "neither the deployment nor the STUN server outside answers over UDP".to_owned()
        }
        CauseSign::NoUdpOfDeployment => {
            "no UDP port of the deployment answers, TCP does".to_owned()
        }
        CauseSign::RefusedToSend => "the system refused to send (EPERM)".to_owned(),
        CauseSign::RejectedHere(error) => {
            format!("this computer itself reports the rejection: {error}")
        }
        CauseSign::CertificateOfTheFuture { from } => format!(
            "the certificate of the server is valid from {}, and the server tells a time at which \
             it is valid",
            from.date()
        ),
        CauseSign::ServerTellsTime => "the server tells another time".to_owned(),
        CauseSign::NotYetValid { from } => format!(
            "the certificate of the server is valid only from {}, and certificates are not issued \
             for the future",
            from.date()
        ),
    }
}

/// What else could look the same.
fn other_reading(cause: &Cause) -> Option<&'static str> {
    if cause.certain {
        return None;
    }
    Some(match &cause.cause {
        NetworkCause::CaptivePortal { .. } => " Or that page is the deployment's own.",
        NetworkCause::TlsInspection { .. } => {
            " Or the deployment has a certificate of a CA of its own."
        }
        NetworkCause::Filtered { .. } => {
            " Or it belongs to the network of the deployment: another network decides."
        }
        NetworkCause::ResolverLies { .. } => " Or the deployment is an internal one.",
        NetworkCause::HttpOnly => " Or the deployment does not serve HTTPS.",
        NetworkCause::NothingLeaves => {
            " Or the deployment is down, or this network has an HTTP proxy that ovcheck was not \
             told about."
        }
        NetworkCause::UdpBlocked => " Or the deployment keeps UDP closed on purpose.",
        NetworkCause::OwnClock { .. } => " Or the clock of the server is wrong.",
        NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::OwnFirewall => return None,
    })
}

/// What the user can do about it without help.
pub fn own_remedy(cause: &Cause) -> Option<String> {
    let status = match &cause.shown_by {
        CauseSign::OfProxy(met) => met.status(),
        _ => None,
    };
    Some(match &cause.cause {
        NetworkCause::CaptivePortal { page: Some(page) } => {
            format!("Open a browser, log in at {page}, and try again.")
        }
        NetworkCause::CaptivePortal { page: None } => {
            "Open any page with http:// in a browser, log in, and try again.".to_owned()
        }
        NetworkCause::NothingLeaves => {
            "If this network has an HTTP proxy, name it: HTTPS_PROXY, or --http-proxy \
             http://HOST:PORT. If it has a VPN or a login, begin with that."
                .to_owned()
        }
        NetworkCause::ProxyRefuses { .. } if status == Some(407) => {
            "Name yourself to the proxy, with the user name and the password that you have for it: \
             HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT. Browsers ask for them, or use those of the \
             login to this computer."
                .to_owned()
        }
        NetworkCause::ProxyRefuses { .. } => {
            "Check that it is the proxy that the browser uses.".to_owned()
        }
        NetworkCause::OwnFirewall => {
            "In the firewall of this computer (security software, or the rules of the system; on \
             Linux: nft list ruleset), allow ovcheck and the browser to send to the addresses that ovcheck call \
             -v lists. Then run this command again, because only then it shows what the network lets \
             through."
                .to_owned()
        }
        NetworkCause::OwnClock { .. } => {
            "Compare the clock and the date of this computer with a phone's. Set them to be adjusted \
             automatically (Linux: timedatectl set-ntp true), and run this command again. If they \
             are right, tell the operator of the server to check its clock."
                .to_owned()
        }
        NetworkCause::ResolverLies { .. } => {
            "Try another DNS server, to see whether that is all: --dns-server ADDRESS.".to_owned()
        }
        NetworkCause::TlsInspection { .. }
        | NetworkCause::Filtered { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::UdpBlocked => return None,
    })
}

/// What the administrator of the network is asked for because of it.
pub fn wish(cause: &Cause) -> Option<String> {
    Some(match &cause.cause {
        NetworkCause::TlsInspection { host, .. } => match &cause.shown_by {
            CauseSign::ProductAnswers { who, .. } => {
                format!(
                    "an exception from TLS inspection and from every filter of {who} for {host}"
                )
            }
            _ => format!("an exception from TLS inspection for {host}"),
        },
        NetworkCause::Filtered { host, who } => {
            format!("an exception in the web filter ({who}) for {host}, with WebSockets")
        }
        NetworkCause::ResolverLies { name, addresses } => {
            format!("the real address of {name} from the DNS (now: {})", list(addresses))
        }
        NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::CaptivePortal { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked
        | NetworkCause::OwnFirewall
        | NetworkCause::OwnClock { .. } => return None,
    })
}

/// `the clock of the server is 2 hours ahead of it`.
fn clock_difference(ahead_s: i64) -> String {
    let direction = if ahead_s < 0 { "behind" } else { "ahead of" };
    // To the nearest minute: the time of an HTTP response has whole seconds only.
    let apart = facts::span(ahead_s.unsigned_abs() + 30);
    format!("the server's is {apart} {direction} it")
}
