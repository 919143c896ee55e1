//! The configuration of a proxy, in words.

use super::Statement;
use crate::model::configuration::{
    AlertCause, Backend, BackendAddress, BackendTls, CloseCause, End, HopAction, Layer,
    ProxyHeader, StartFailure, Undecided,
};
use crate::model::facts::ProxyFaultKind;
use crate::model::seen::ProxySeen;
use crate::model::target::Family;
use crate::output::quote::quoted;
use crate::output::text;

pub(super) fn statement(seen: &ProxySeen) -> Statement {
    Statement::new(match seen {
        ProxySeen::AllRead => "every part was read".to_owned(),
        ProxySeen::Unreadable(what) => fault(what),
        ProxySeen::Request(request) => {
            let upgrade =
                if request.keeps_upgrade { "" } else { ", without Upgrade and Connection" };
            format!("the request arrives with the path {}{upgrade}", quoted(&request.path))
        }
        ProxySeen::Waits(lasts) => format!("the proxy waits {} s", lasts.as_secs_f64()),
        ProxySeen::NoHeader => "no PROXY header is sent to a backend".to_owned(),
        ProxySeen::HeaderToTurn => {
            "a PROXY header is sent to the TURN server, which reads it".to_owned()
        }
        ProxySeen::TurnReadsHeader => {
            "by livekit.yaml, the TURN server demands a PROXY header".to_owned()
        }
        ProxySeen::LeadsThere => "the configuration leads there".to_owned(),
        ProxySeen::EndsAt { families, end } => {
            let names: Vec<String> = families.iter().map(Family::to_string).collect();
            let over = match families.len() {
                1 => format!(" over {}", names[0]),
                _ => String::new(),
            };
            format!("{}{over}", self::end(end))
        }
        ProxySeen::RightInFile { file } => format!(
            "{} leads there, so the cause is before the proxy or behind it, unless the proxy runs with \
             another configuration",
            quoted(file)
        ),
        ProxySeen::FitsNetwork => "what the network shows fits the configuration".to_owned(),
        ProxySeen::ContradictsNetwork(rules) => {
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            let fails = if rules.len() == 1 { "fails" } else { "fail" };
            format!(
                "by the configuration, {} {fails}, but the network shows that it works",
                text::list(&rules)
            )
        }
        ProxySeen::NothingCompared => {
            "the network shows nothing that could be compared with the configuration".to_owned()
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
        End::LocalAnswer { status: Some(status) } => {
            format!("the proxy answers it itself ({status})")
        }
        End::LocalAnswer { status: None } => "the proxy answers it itself".to_owned(),
        End::NotStarted(failure) => format!("the proxy does not start: {}", not_started(failure)),
        End::Undecided(undecided) => {
            format!("the configuration alone does not tell: {}", self::undecided(undecided))
        }
    }
}

/// To what a connection is passed: `10.0.0.20:5349 with a PROXY header`.
pub fn backend(backend: &Backend) -> String {
    let address = match (&backend.address, backend.port) {
        (BackendAddress::Ip(address), Some(port)) => {
            std::net::SocketAddr::new(*address, port.number()).to_string()
        }
        (BackendAddress::Ip(address), None) => address.to_string(),
        (BackendAddress::Name(name), Some(port)) => format!("{} port {port}", quoted(name)),
        (BackendAddress::Name(name) | BackendAddress::Socket(name), _) => quoted(name),
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
        AlertCause::NoCommonVersion => "no version of TLS that clients use is allowed".to_owned(),
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
        CloseCause::ClientCertificateMissing => "it requires a client certificate".to_owned(),
        CloseCause::Configured => "the configuration says so".to_owned(),
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

/// What is wrong with the text, as a phrase.
fn fault(what: &ProxyFaultKind) -> String {
    use ProxyFaultKind as Fault;
    match what {
        Fault::TextAfterQuote => "a quoted word must be followed by a space, ; or {".to_owned(),
        Fault::OpenQuote => "this quote is never closed".to_owned(),
        Fault::LongWord => "this word is longer than nginx can read (4,096 bytes)".to_owned(),
        Fault::NothingBefore => "there is no directive before this character".to_owned(),
        Fault::NothingToClose => "this } closes no block".to_owned(),
        Fault::SemicolonMissing => "a ; is missing here".to_owned(),
        Fault::BlockOpen => "this block is never closed".to_owned(),
        Fault::TooDeep => "blocks are nested deeper than ovcheck reads".to_owned(),
        Fault::TooMany => "there are more directives than ovcheck reads".to_owned(),
        Fault::IncludeCircle => "this file includes itself".to_owned(),
        Fault::IncludesTooLarge => "there are more or larger files than ovcheck reads".to_owned(),
        Fault::IncludeMissing(file) => format!("the included file {} does not exist", quoted(file)),
        Fault::IncludeUnread(file) => format!("{} could not be read", quoted(file)),
        Fault::UnknownDirective(name) => format!("unknown directive {}", quoted(name)),
        Fault::Misplaced { name, within: Some(within) } => {
            format!("{} is not allowed in {}", quoted(name), quoted(within))
        }
        Fault::Misplaced { name, within: None } => {
            format!("{} is not allowed outside of its block", quoted(name))
        }
        Fault::Twice(name) => format!("{} is set twice in one block", quoted(name)),
        Fault::WordCount(name) => format!("{} has too few or too many parameters", quoted(name)),
        Fault::BlockMissing(name) => format!("{} must be followed by a block", quoted(name)),
        Fault::InvalidValue(name) => format!("{} does not accept this value", quoted(name)),
        Fault::Lacks { name, needed } => format!("{} lacks {}", quoted(name), quoted(needed)),
        Fault::PortTwice(listen) => {
            format!(
                "another part of the configuration has the address and port of {}",
                quoted(listen)
            )
        }
        Fault::UnknownVariable(name) => format!("unknown variable {}", quoted(name)),
        Fault::Conflict(name) => format!("{} is defined twice", quoted(name)),
        Fault::FileMissing(file) => format!("the file {} does not exist", quoted(file)),
        Fault::KeyOfAnother(file) => {
            format!("{} is the private key of another certificate", quoted(file))
        }
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
        HopAction::SendsProxyHeader(ProxyHeader::V1) => {
            "sends a PROXY header (version 1)".to_owned()
        }
        HopAction::SendsProxyHeader(ProxyHeader::V2) => {
            "sends a PROXY header (version 2)".to_owned()
        }
        HopAction::PassesTo { target } => format!("passes to {}", quoted(target)),
    }
}
