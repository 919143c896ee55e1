//! The configuration of a proxy, in words.

use super::Statement;
use crate::model::configuration::{
    AlertCause, Backend, BackendAddress, BackendTls, CloseCause, End, HopAction, Layer,
    ProxyHeader, StartFailure, Undecided,
};
use crate::model::seen::ProxySeen;
use crate::model::target::Family;
use crate::output::quote::quoted;

pub(super) fn statement(seen: &ProxySeen) -> Statement {
    Statement::new(match seen {
        ProxySeen::AllRead => "every part was read".to_owned(),
        ProxySeen::Unreadable(what) => format!("syntax error: {}", quoted(what)),
        ProxySeen::LeadsThere => "the configuration leads there".to_owned(),
        ProxySeen::EndsAt { families, end } => {
            let names: Vec<String> = families.iter().map(Family::to_string).collect();
            let over = match families.len() {
                1 => format!(" over {}", names[0]),
                _ => String::new(),
            };
            format!("{}{over}", self::end(end))
        }
        ProxySeen::NotFollowed => "the configuration was not followed for this name".to_owned(),
    })
}

/// Where a connection ends, as a phrase.
pub fn end(end: &End) -> String {
    match end {
        End::Backend(backend) => format!("it is passed to {}", self::backend(backend)),
        End::Alert(cause) => format!("TLS ends with an alert: {}", alert(cause)),
        End::Closed(cause) => format!("the proxy closes it: {}", closed(cause)),
        End::Refused => "nothing listens there".to_owned(),
        End::Redirect { status, location } => {
            format!("the proxy redirects it to {} ({status})", quoted(location))
        }
        End::LocalAnswer { status } => format!("the proxy answers it itself ({status})"),
        End::NotStarted(failure) => format!("the proxy does not start: {}", not_started(failure)),
        End::Undecided(undecided) => {
            format!("the configuration alone does not tell: {}", self::undecided(undecided))
        }
    }
}

/// To what a connection is passed: `10.0.0.20:5349 with a PROXY header`.
pub fn backend(backend: &Backend) -> String {
    let address = match &backend.address {
        BackendAddress::Ip(address) => {
            std::net::SocketAddr::new(*address, backend.port.number()).to_string()
        }
        BackendAddress::Name(name) => format!("{} port {}", quoted(name), backend.port),
    };
    let tls = match backend.tls {
        BackendTls::None => "",
        BackendTls::Again => ", in TLS again",
        BackendTls::Still => ", with the client's TLS",
    };
    let header = match backend.proxy_header {
        None => "",
        Some(ProxyHeader::V1) => ", with a PROXY header (version 1)",
        Some(ProxyHeader::V2) => ", with a PROXY header (version 2)",
    };
    format!("{address}{tls}{header}")
}

fn alert(cause: &AlertCause) -> String {
    match cause {
        AlertCause::NoCertificate => "there is no certificate for this name".to_owned(),
        AlertCause::NameRefused => "the name is refused".to_owned(),
        AlertCause::FileMissing(path) => format!("{} cannot be read", quoted(path)),
        AlertCause::KeyOfAnother => "the key belongs to another certificate".to_owned(),
    }
}

fn closed(cause: &CloseCause) -> String {
    match cause {
        CloseCause::NoBackend => "no backend is named".to_owned(),
        CloseCause::NoPort(name) => format!("the backend {} has no port", quoted(name)),
        CloseCause::NoResolver(name) => {
            format!("{} is no configured group of backends, and there is no resolver", quoted(name))
        }
        CloseCause::ProxyHeaderMissing => {
            "the listener expects a PROXY header, and none is sent".to_owned()
        }
        CloseCause::ProxyHeaderUnexpected => {
            "a PROXY header is sent to a listener that expects none".to_owned()
        }
        CloseCause::OtherProtocol => "the listener expects another protocol".to_owned(),
        CloseCause::AccessDenied => "an access list refuses it".to_owned(),
        CloseCause::Circle => "the hops lead in a circle".to_owned(),
    }
}

fn not_started(failure: &StartFailure) -> String {
    match failure {
        StartFailure::Syntax => "a syntax error".to_owned(),
        StartFailure::PortTwice => "two parts of the configuration have the same port".to_owned(),
        StartFailure::FileMissing(path) => format!("{} is missing", quoted(path)),
        StartFailure::UnknownVariable(name) => format!("unknown variable {}", quoted(name)),
        StartFailure::Misplaced(name) => format!("{} is not allowed where it is", quoted(name)),
        StartFailure::Conflict(what) | StartFailure::Other(what) => quoted(what),
    }
}

fn undecided(undecided: &Undecided) -> String {
    match undecided {
        Undecided::Variable(name) => {
            format!("{} has its value only while the proxy runs", quoted(name))
        }
        Undecided::FileUnread(path) => format!("{} was not read", quoted(path)),
        Undecided::Name(name) => format!("only the proxy resolves {}", quoted(name)),
        Undecided::Directive(name) => format!("{} may answer otherwise", quoted(name)),
        Undecided::Version => "it depends on the version of the proxy".to_owned(),
        Undecided::Environment(name) => format!("the environment variable {}", quoted(name)),
    }
}

/// What a hop does, as a phrase.
pub fn hop(action: &HopAction) -> String {
    match action {
        HopAction::Accepts { layer, reads_proxy_header } => {
            let layer = match layer {
                Layer::Tcp => "accepts TCP",
                Layer::Http => "accepts HTTP",
            };
            let header = if *reads_proxy_header { ", behind a PROXY header" } else { "" };
            format!("{layer}{header}")
        }
        HopAction::EndsTls => "ends TLS".to_owned(),
        HopAction::ReadsServerName => "reads the server name, and leaves TLS as it is".to_owned(),
        HopAction::Chooses { by, chosen } => {
            format!("chooses {} by {}", quoted(chosen), quoted(by))
        }
        HopAction::TakesAsServer { name } => format!("is the server {}", quoted(name)),
        HopAction::TakesAsPath { path } => format!("takes the path {}", quoted(path)),
        HopAction::PassesTo { target } => format!("passes to {}", quoted(target)),
    }
}
