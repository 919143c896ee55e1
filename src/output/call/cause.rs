//! What in the network is the cause, in sentences.

use crate::model::call::{Cause, NetworkCause};
use crate::output::text::{list, one_line};

/// What it is, and how it shows.
pub fn sentence(cause: &Cause) -> String {
    let what = match &cause.cause {
        NetworkCause::CaptivePortal { .. } => {
            "This network wants a login first, on a page of its own (a captive portal).".to_owned()
        }
        NetworkCause::TlsInspection { host, issuer } => {
            let issuer = one_line(issuer.as_str());
            format!(
                "TLS to {host} is opened on the way and closed again (TLS inspection), with a \
                 certificate issued by {issuer}."
            )
        }
        NetworkCause::ResolverLies { name, .. } => {
            format!("The DNS server of this network gives a wrong address for {name}.")
        }
        NetworkCause::ProxyNeeded { proxy } => {
            format!("This network lets nothing out but through its HTTP proxy, {proxy}.")
        }
        NetworkCause::ProxyRefuses { proxy } => {
            format!("The HTTP proxy of this network, {proxy}, does not let us through.")
        }
        NetworkCause::HttpOnly => {
            "Plain HTTP leaves this network, and HTTPS to this name does not.".to_owned()
        }
        NetworkCause::NothingLeaves => "Nothing gets out to the deployment.".to_owned(),
        NetworkCause::UdpBlocked => "UDP does not get through.".to_owned(),
    };
    let sure = if cause.certain { "" } else { "Probably: " };
    let doubt = other_reading(cause).unwrap_or_default();
    format!("{sure}{what} Seen: {}.{doubt}", one_line(&cause.shown_by))
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
        NetworkCause::ResolverLies { .. } => " Or the deployment is an internal one.",
        NetworkCause::HttpOnly => " Or the deployment does not serve HTTPS.",
        NetworkCause::NothingLeaves => {
            " Or the deployment is down, or this network has an HTTP proxy that nobody told us of."
        }
        NetworkCause::UdpBlocked => " Or the deployment keeps UDP closed on purpose.",
        NetworkCause::ProxyNeeded { .. } | NetworkCause::ProxyRefuses { .. } => return None,
    })
}

/// What the user can do about it without anybody's help.
pub fn own_remedy(cause: &NetworkCause) -> Option<String> {
    Some(match cause {
        NetworkCause::CaptivePortal { page: Some(page) } => {
            format!("Open a browser, log in at {}, and try again.", one_line(page.as_str()))
        }
        NetworkCause::CaptivePortal { page: None } => {
            "Open any page with http:// in a browser, log in, and try again.".to_owned()
        }
        NetworkCause::NothingLeaves => {
            "If this network has an HTTP proxy, name it: HTTPS_PROXY, or --http-proxy \
             http://HOST:PORT. If it has a VPN or a login, begin with that."
                .to_owned()
        }
        NetworkCause::ProxyRefuses { .. } => {
            "Is it the right one, as the browser has it? If it wants a password, give it in \
             HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT."
                .to_owned()
        }
        NetworkCause::ResolverLies { .. } => {
            "Try another DNS server, to see whether that is all: --dns-server ADDRESS.".to_owned()
        }
        NetworkCause::TlsInspection { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::UdpBlocked => return None,
    })
}

/// What the administrator of the network is asked for because of it.
pub fn wish(cause: &NetworkCause) -> Option<String> {
    Some(match cause {
        NetworkCause::TlsInspection { host, .. } => {
            format!("an exception from TLS inspection for {host}")
        }
        NetworkCause::ResolverLies { name, addresses } => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("the real address of {name} from the DNS (now: {})", list(&addresses))
        }
        NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::CaptivePortal { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked => return None,
    })
}
