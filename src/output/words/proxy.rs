//! The configuration of a proxy, in words.

use super::Statement;
use super::numbers::grouped;
use super::tls::days;
use crate::model::configuration::{
    Admission, AlertCause, Backend, BackendAddress, BackendTls, CloseCause, End, HopAction, Layer,
    MemberState, MetSetting, ProxyHeader, ProxyKind, StartFailure, Throttle, Undecided,
    UnusedBecause,
};
use crate::model::facts::{ConnectionLimit, Denial, ProxyFaultKind, ProxyRemarkKind, ServerText};
use crate::model::seen::{CertificateFault, ProxySeen};
use crate::model::target::Family;
use crate::output::quote::{self, quoted};
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
        ProxySeen::OtherProxy => "the proxy is not HAProxy".to_owned(),
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
        ProxySeen::CertificatesFit => "each file holds a valid certificate for its name".to_owned(),
        ProxySeen::CertificateFile { file, fault } => return certificate_fault(file, fault),
        ProxySeen::OwnCertificate => {
            "the proxy has no certificate for this name, and shows one that it makes itself"
                .to_owned()
        }
        ProxySeen::CertificateUnread { file } => {
            format!("{} could not be read here", quoted(file))
        }
        ProxySeen::TlsVersionsAllowed(versions) => {
            format!("the configuration allows {}", text::list(versions))
        }
        ProxySeen::TlsVersions { missing, old } => {
            let missing =
                (!missing.is_empty()).then(|| format!("does not allow {}", text::list(missing)));
            let old = (!old.is_empty()).then(|| format!("allows {}", text::list(old)));
            let parts: Vec<String> = missing.into_iter().chain(old).collect();
            format!("the configuration {}", text::list(&parts))
        }
        ProxySeen::NameOfBackend(name) => {
            format!(
                "only the proxy resolves {}: whether it is a declared machine is not known",
                quoted(name)
            )
        }
        ProxySeen::TlsVersionsByDefault => {
            "no version of TLS is set, and the default depends on the \
             version of the proxy: set the versions, or look at the version that is installed"
                .to_owned()
        }
        ProxySeen::ClientCertificateRequired => {
            "clients without a certificate of their own are refused".to_owned()
        }
        ProxySeen::NoClientCertificate => "no client certificate is required".to_owned(),
        ProxySeen::AlpnOffered(protocols) => format!(
            "browsers are offered {}, and what they send is passed on as it is",
            quote::quoted_list(protocols)
        ),
        ProxySeen::AlpnFits => "browsers are not offered HTTP/2 for the API".to_owned(),
        ProxySeen::Http3Offered { is_listening: true } => {
            "the proxy listens for HTTP/3 (QUIC), which is UDP".to_owned()
        }
        ProxySeen::Http3Offered { is_listening: false } => {
            "the header Alt-Svc offers HTTP/3, which is UDP".to_owned()
        }
        ProxySeen::NoHttp3 => "HTTP/3 is not offered".to_owned(),
        ProxySeen::Hsts(value) => {
            format!("Strict-Transport-Security is {}", quoted(value))
        }
        ProxySeen::HstsFits => "Strict-Transport-Security does not include other names".to_owned(),
        ProxySeen::OpenedPerHandshake => {
            "the proxy opens the certificates for each handshake".to_owned()
        }
        ProxySeen::RenewalReloads { hook } => {
            format!("{} has a hook that runs after a renewal", quoted(hook))
        }
        ProxySeen::RenewalKeepsOld { renewal } => format!(
            "this file is read only when the proxy is started or reloaded, and no hook reloads it after \
             the renewal in {}",
            quoted(renewal)
        ),
        ProxySeen::RenewalUnknown => {
            "the files do not show how the certificates are renewed".to_owned()
        }
        ProxySeen::ServesItsFiles => {
            "the network shows the certificates that are in the files".to_owned()
        }
        ProxySeen::NotReloaded { file, shown_until, held_until } => {
            return Statement::new(
                "the certificate was renewed, but the proxy was not reloaded: it still shows the old one",
            )
            .detail(format!(
                "shown: valid until {}; {}: valid until {}",
                shown_until.date(),
                quoted(file),
                held_until.date()
            ));
        }
        ProxySeen::ShorterThanFile { file, shown, held } => format!(
            "the proxy shows {}, but {} holds {held}",
            text::counted(*shown, "certificate"),
            quoted(file)
        ),
        ProxySeen::ServesAnother { file } => {
            format!("the certificate that is shown is not the one in {}", quoted(file))
        }
        ProxySeen::NothingCompared => {
            "the network shows nothing that could be compared with the configuration".to_owned()
        }
        ProxySeen::Met(what) => met(what),
        ProxySeen::Remark(what) => remark(what),
        ProxySeen::NothingFound => "nothing in the configuration breaks this".to_owned(),
        ProxySeen::Capacity(limit) => capacity(limit),
        ProxySeen::OpenFiles { files: Some(files), connections } => format!(
            "a process may have {} files open and takes {} connections",
            grouped(*files),
            grouped(*connections)
        ),
        ProxySeen::OpenFiles { files: None, connections } => format!(
            "a process takes {} connections; how many files it may have open is not set in these files",
            grouped(*connections)
        ),
        ProxySeen::CutsAfter(Some(lasts)) => {
            format!("connections are cut {} s after a reload", lasts.as_secs_f64())
        }
        ProxySeen::CutsAfter(None) => "a reload cuts no connection".to_owned(),
        ProxySeen::Undeclared(address) => {
            format!(
                "connections are passed to {address}, which no declared machine behind the proxy has"
            )
        }
        ProxySeen::NotAMember(nodes) => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            format!("no connection is passed to {}", text::list(&nodes))
        }
        ProxySeen::ListensOutside(port) => {
            format!(
                "port {port}, which only the proxy itself uses, is open on every address of the machine"
            )
        }
        ProxySeen::PortOfOpenvidu(port) => {
            format!("the proxy listens on {port}, which OpenVidu needs on the same machine")
        }
        ProxySeen::NotRead(kind) => {
            format!("this is not looked at in the configuration of {}", program(*kind))
        }
        ProxySeen::NotFollowed => "the configuration was not followed for this name".to_owned(),
    })
}

fn certificate_fault(file: &ServerText, fault: &CertificateFault) -> Statement {
    let file = quoted(file);
    Statement::new(match fault {
        CertificateFault::LeafNotFirst => {
            format!("the first certificate in {file} is not the server's own")
        }
        CertificateFault::Expired { on, days_ago } => {
            format!("the certificate in {file} expired on {}, {} ago", on.date(), days(*days_ago))
        }
        CertificateFault::NotYetValid { from } => {
            format!("the certificate in {file} is not valid before {}", from.date())
        }
        CertificateFault::ExpiresIn { days: left, on } => {
            format!("the certificate in {file} expires in {}, on {}", days(*left), on.date())
        }
        CertificateFault::NameNotCovered { names } if names.is_empty() => {
            format!("the certificate in {file} names no server (it has no subjectAltName)")
        }
        CertificateFault::NameNotCovered { names } => {
            format!("the certificate in {file} is for {}", quote::quoted_list(names))
        }
        CertificateFault::IssuerMissing => {
            format!("{file} holds only the server's own certificate, without that of its issuer")
        }
        CertificateFault::Denied(Denial { path, user, is_proven }) => {
            let user = match user {
                Some(user) => format!("the user {}", quoted(user)),
                None => "the user of the proxy's workers".to_owned(),
            };
            let may = if *is_proven { "may not" } else { "probably may not" };
            return Statement::new(format!("{user} {may} read {}", quoted(path)))
                .detail("the proxy opens this file for each handshake, as that user");
        }
    })
}

/// What a connection meets, as a phrase.
fn met(what: &MetSetting) -> String {
    match what {
        MetSetting::NoEntry { by } => {
            format!("the map by {} has no entry for this name", quoted(by))
        }
        MetSetting::IgnoredKey(key) => {
            format!("{} is compared as a plain text, so that no name equals it", quoted(key))
        }
        MetSetting::EmptyVariable { name, needs } => {
            format!("{} is always empty here: it needs {}", quoted(name), quoted(needs))
        }
        MetSetting::UnknownGroup(name) => {
            format!("no group of backends has the name {}", quoted(name))
        }
        MetSetting::ResolverMissing(name) => {
            format!("{} is resolved for each connection, but there is no resolver", quoted(name))
        }
        MetSetting::TakenByDefault => {
            "no server has this name, so that the first or default one takes its requests"
                .to_owned()
        }
        MetSetting::Member { address, state } => {
            let state = match state {
                MemberState::Down => "gets no connection (down)",
                MemberState::Backup => "gets connections only when all others fail (backup)",
                MemberState::NeverFailed => {
                    "is tried for each connection even when it does not answer (max_fails=0)"
                }
            };
            format!("{} {state}", quoted(address))
        }
        MetSetting::Throttle(Throttle::Rate) => "the rate of a connection is limited".to_owned(),
        MetSetting::Throttle(Throttle::Connections) => {
            "the number of connections from one address is limited".to_owned()
        }
        MetSetting::Throttle(Throttle::Requests) => {
            "the number of requests from one address is limited".to_owned()
        }
        MetSetting::MostConnections(most) => {
            format!("{} connections at the same time are taken here", grouped(*most))
        }
        MetSetting::AccessList(Admission::Named) => {
            "only the addresses in this list are let in".to_owned()
        }
        MetSetting::AccessList(Admission::AllBut(networks)) => {
            let networks: Vec<String> = networks
                .iter()
                .map(|network| format!("{}/{}", network.first, network.prefix()))
                .collect();
            format!("{} is not let in", text::list(&networks))
        }
        MetSetting::LargestBody(most) => {
            format!("the proxy refuses a request of more than {} bytes", grouped(*most))
        }
        MetSetting::Cache => "answers are cached".to_owned(),
        MetSetting::Login => "the proxy asks for a login of its own".to_owned(),
        MetSetting::ChangesContent => "the proxy changes the content of answers".to_owned(),
        MetSetting::UnusedRouter { router, why } => unused(router, why),
        MetSetting::ClientAddressLost { header } => {
            format!("{} names the proxy itself and not the client", quoted(header))
        }
    }
}

/// That a router is not used, as a phrase.
fn unused(router: &ServerText, why: &UnusedBecause) -> String {
    let why = match why {
        UnusedBecause::NoTls => {
            "its rule has a name, which only TLS shows, but the router has no tls".to_owned()
        }
        UnusedBecause::Rule => "Traefik 3 does not understand its rule".to_owned(),
        UnusedBecause::Service(name) => format!("there is no service {}", quoted(name)),
        UnusedBecause::Middleware(name) => format!("there is no middleware {}", quoted(name)),
        UnusedBecause::EntryPoint(name) => format!("there is no entry point {}", quoted(name)),
        UnusedBecause::TlsOptions(name) => format!("there are no TLS options {}", quoted(name)),
    };
    format!("the router {} is not used as it is meant: {why}", quoted(router))
}

/// What the text says at one place, as a phrase.
fn remark(what: &ProxyRemarkKind) -> String {
    match what {
        ProxyRemarkKind::Placeholder(word) => format!("{} was not filled in", quoted(word)),
        ProxyRemarkKind::ExampleName(name) => {
            format!("{} is the name of an example", quoted(name))
        }
        ProxyRemarkKind::KeyNeverMatches(key) => format!("no name equals the key {}", quoted(key)),
        ProxyRemarkKind::ModuleUnseen(name) => {
            format!("nothing in these files loads the module for {}", quoted(name))
        }
        ProxyRemarkKind::NameTwice(name) => {
            format!("another server at the same address has the name {}", quoted(name))
        }
        ProxyRemarkKind::PortShared(port) => format!(
            "another part of the proxy listens on port {}, too: each connection goes to either of them",
            quoted(port)
        ),
        ProxyRemarkKind::TrustsEveryone(network) => {
            format!("every client may say which address it has ({})", quoted(network))
        }
        ProxyRemarkKind::HelloNotAwaited => {
            "the name is looked for before the ClientHello has arrived, so the condition is false or true by chance"
                .to_owned()
        }
        ProxyRemarkKind::NameNotThere => {
            "the listener never has this name: ssl_fc_sni needs ssl on its bind line, and req.ssl_sni needs none"
                .to_owned()
        }
        ProxyRemarkKind::TimeoutMissing => {
            "a time limit is missing: timeout client, server or connect".to_owned()
        }
        ProxyRemarkKind::CheckMissing => "the server has no check".to_owned(),
        ProxyRemarkKind::UnusedRouter { router, why } => unused(router, why),
    }
}

fn capacity(limit: &ConnectionLimit) -> String {
    let of_one = limit.per_process.most / limit.per_client.max(1);
    let connections = grouped(limit.per_process.most);
    match limit.processes {
        Some(1) => format!(
            "the proxy takes {} clients: {connections} connections in one process",
            grouped(of_one)
        ),
        Some(processes) => format!(
            "the proxy takes {} clients: {connections} connections for each of {processes} processes",
            grouped(of_one.saturating_mul(processes))
        ),
        None => format!(
            "the proxy takes {} clients for each processor: {connections} connections for each",
            grouped(of_one)
        ),
    }
}

/// The name of the program.
fn program(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Nginx => "nginx",
        ProxyKind::Haproxy => "HAProxy",
        ProxyKind::Caddy => "Caddy",
        ProxyKind::Traefik => "Traefik",
    }
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
        AlertCause::FileDenied(path) => {
            format!("the proxy's workers may not read {}", quoted(path))
        }
        AlertCause::NotPem(path) => {
            format!("{} contains no certificate or key in PEM format", quoted(path))
        }
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
        StartFailure::NotPem(path) => {
            format!("{} contains no certificate or key in PEM format", quoted(path))
        }
        StartFailure::KeyOfAnother(path) => {
            format!("{} is the private key of another certificate", quoted(path))
        }
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
        Fault::Unparsable => "this is not JSON, YAML or TOML".to_owned(),
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
        Fault::NotPem(file) => {
            format!("{} contains no certificate or key in PEM format", quoted(file))
        }
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
