//! What the operator of a deployment is told: what is broken there, and what to do about it.

use super::{requests, words};
use crate::model::call::{Addressee, CallSummary, Contact, Responsible, Step, Stop};
use crate::model::face::Intention;
use crate::model::facts::{Handshake, LivekitRefusal, UpgradeFlaw};
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallSeen, DoorSeen, JoinSeen, JoinSpeaker, Seen, TlsSeen};
use crate::output::quote::quoted;
use crate::output::text::one_line;
use crate::output::words::call::speaker;
use crate::output::words::facts;

/// Something that is broken at the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFault {
    /// What was seen, as sentences.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// What else could look the same, and what decides.
    pub otherwise: Option<&'static str>,
}

/// What the operator is to be told; nothing where he cannot help.
pub fn faults(call: &CallSummary) -> Vec<ServerFault> {
    if !call.help.who.contains(&Addressee::Operator) {
        return Vec::new();
    }
    let mut faults: Vec<ServerFault> = Vec::new();
    for contact in stopped(call) {
        let fault = contact.state.stop().map(|stop| fault(contact, stop));
        faults.extend(fault.filter(|fault| !faults.contains(fault)));
    }
    faults
}

/// The places at which the deployment stops a call.
fn stopped(call: &CallSummary) -> Vec<&Contact> {
    let is_theirs = |contact: &&Contact| {
        let stop = contact.state.stop();
        stop.is_some_and(|stop| stop.responsible.is_deployment())
    };
    if !call.join.state.works() {
        return Some(&call.join).into_iter().filter(is_theirs).collect();
    }
    let works = call.gets_through();
    let open = call.ways.iter().filter(|way| !way.state.works() && !way.closed_on_purpose);
    open.flat_map(|way| &way.contacts)
        .filter(is_theirs)
        // Where calls work, a port that refuses may be closed on purpose.
        .filter(|contact| !works || contact.tls)
        .collect()
}

/// What the operator is told where the user decides that it is his: where a join stops.
pub fn unexplained(call: &CallSummary) -> Vec<ServerFault> {
    let open = call.ways.iter().filter(|way| !way.closed_on_purpose);
    let ways = open.flat_map(|way| &way.contacts);
    let all = std::iter::once(&call.join).chain(ways);
    let stopped = all.filter_map(|contact| Some((contact, contact.state.stop()?)));
    stopped
        .map(|(contact, stop)| ServerFault {
            what: format!("{}: {}.", requests::host(contact), words::stopped(stop)),
            remedy: "The same shows on another network.".to_owned(),
            otherwise: None,
        })
        .collect()
}

const MAY_BE_INSPECTION: &str = "TLS inspection in this network would look the same. The name of the \
                                 issuer decides, or the same page on another network: the fault is \
                                 the server's if it shows there too.";

const MAY_BE_BLOCKED: &str = "A page of this network that blocks the site would look the same. Another \
                              network decides: the fault is the server's if it shows there too.";

const MAY_BE_A_PAGE: &str = "A login page of this network could look the same. Another network \
                             decides: the fault is the server's if it shows there too.";

const MAY_BE_THE_NETWORK: &str = "A filter in this network could look the same. Another network \
                                  decides: the fault is the server's if it shows there too.";

fn fault(contact: &Contact, stop: &Stop) -> ServerFault {
    let (what, remedy) = match (&stop.why, stop.at) {
        (CallSeen::Door(DoorSeen::Untrusted { why, .. }), _) => certificate(contact, stop, why),
        (CallSeen::Door(DoorSeen::Met { met, .. }), Step::Tls) => handshake(contact, met),
        (CallSeen::Door(DoorSeen::NoAddress { .. }), _) => name(contact),
        (CallSeen::Join(seen), _) => join(contact, seen),
        _ => other(contact, stop),
    };
    let is_doubtful = stop.responsible == Responsible::DeploymentOrPath;
    let otherwise = match stop.at {
        // No device that inspects TLS has a certificate for another name.
        Step::Certificate if stop.reason == ReasonCode::TlsNameMismatch => MAY_BE_A_PAGE,
        Step::Certificate if stop.reason == ReasonCode::TlsSelfSigned => MAY_BE_BLOCKED,
        Step::Certificate => MAY_BE_INSPECTION,
        _ => MAY_BE_THE_NETWORK,
    };
    ServerFault { what, remedy, otherwise: is_doubtful.then_some(otherwise) }
}

fn certificate(contact: &Contact, stop: &Stop, why: &Seen) -> (String, String) {
    let host = words::host(contact);
    let place = requests::host(contact);
    let Seen::Tls(seen) = why else {
        return other(contact, stop);
    };
    match seen {
        TlsSeen::Expired { on, days_ago } => {
            let ago = if *days_ago == 1 { "1 day".to_owned() } else { format!("{days_ago} days") };
            let own = match stop.responsible {
                Responsible::Deployment => {
                    " It leads to a trusted root, so that it is the server's own."
                }
                _ => "",
            };
            (
                format!("The certificate of {place} expired on {}, {ago} ago.{own}", on.date()),
                "Renew the certificate (certbot renew), and reload the proxy so that it presents the new one."
                    .to_owned(),
            )
        }
        TlsSeen::NotYetValid { from } => (
            format!("The certificate of {place} is not valid before {}.", from.date()),
            "Install a certificate that is valid now, and check the clock of the server."
                .to_owned(),
        ),
        TlsSeen::IssuerNotSent { issuer } | TlsSeen::UnknownIssuer { issuer, .. } => {
            let issuer = issuer.as_ref().map(|issuer| format!(" ({})", quoted(issuer)));
            let issuer = issuer.unwrap_or_default();
            (
                format!(
                    "{place} presents its certificate without the intermediate certificate of its \
                     issuer{issuer}, so that browsers cannot verify it."
                ),
                "Configure the whole chain (with certbot: fullchain.pem instead of cert.pem), and \
                 reload the proxy."
                    .to_owned(),
            )
        }
        TlsSeen::SelfSigned => (
            format!("The certificate of {place} is self-signed. Browsers refuse it."),
            format!(
                "Install a certificate of a public authority for {host}, and reload the proxy."
            ),
        ),
        TlsSeen::CertificateNames(_) => (
            format!("{place} presents a certificate {}.", words::seen(&stop.why)),
            format!(
                "Install one for {host}, and name it in the proxy's configuration for this name."
            ),
        ),
        TlsSeen::InvalidChain { .. } => (
            format!("Browsers refuse the certificate of {place}: {}.", words::seen(&stop.why)),
            "Install the chain that the issuer gives now (fullchain.pem of the last renewal)."
                .to_owned(),
        ),
        _ => other(contact, stop),
    }
}

fn handshake(contact: &Contact, met: &Seen) -> (String, String) {
    let place = requests::host(contact);
    let what = match met {
        Seen::Handshake(Handshake::Alert { name, code }) => {
            format!("{place} refuses the TLS handshake with the alert {name} ({code}).")
        }
        _ => format!("{place} does not complete the TLS handshake."),
    };
    let remedy = format!(
        "Check that the proxy has a certificate and a key for {} that it can read. Its error log says \
         what it lacks.",
        words::host(contact)
    );
    (what, remedy)
}

fn name(contact: &Contact) -> (String, String) {
    let host = words::host(contact);
    (
        format!(
            "The server sends participants to {host}, and this name has no address in the DNS."
        ),
        format!(
            "Add a record for {host} that leads to the proxy, or correct the TURN domain of the \
             deployment."
        ),
    )
}

fn join(contact: &Contact, seen: &JoinSeen) -> (String, String) {
    let host = words::host(contact);
    let met = one_line(&words::join_met(seen));
    match seen {
        JoinSeen::NothingBehind(_) => (
            format!(
                "TLS with {} works, but the service behind it does not answer ({met}). The token was \
                 not even read.",
                requests::host(contact)
            ),
            "Check that OpenVidu runs (systemctl status openvidu), and that the proxy can reach it: the \
             error log of the proxy names the connection that failed."
                .to_owned(),
        ),
        JoinSeen::UpgradeLost(_) => (
            format!("The WebSocket upgrade does not arrive at LiveKit ({met}): it is lost at the proxy of {host}."),
            "Let the proxy pass on the headers Upgrade and Connection (nginx: proxy_http_version 1.1; \
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";)."
                .to_owned(),
        ),
        JoinSeen::WebSocketLost { .. } | JoinSeen::Beheaded(_) => (
            format!("A WebSocket to {host} is granted and then lost on the way ({met})."),
            "Look for a load balancer, a filter or a cache before LiveKit that reads HTTP and not what \
             follows it: time-outs, inspection, buffering. It must pass WebSockets on as they are."
                .to_owned(),
        ),
        JoinSeen::KnownSpeaker(known) => (
            format!(
                "{} ({}): {}.",
                speaker(known),
                one_line(&facts::http(&known.answer)),
                known.speaker.means
            ),
            speaker_remedy(&host, known),
        ),
        JoinSeen::GrantedWrongly(flaw) => {
            let header = match flaw {
                UpgradeFlaw::NoUpgrade => "Upgrade",
                UpgradeFlaw::NoConnection => "Connection",
                UpgradeFlaw::NoAccept | UpgradeFlaw::WrongAccept | UpgradeFlaw::SeveralAccepts => {
                    "Sec-WebSocket-Accept"
                }
                UpgradeFlaw::UnaskedProtocol(_) => "Sec-WebSocket-Protocol",
                UpgradeFlaw::UnaskedExtension(_) => "Sec-WebSocket-Extensions",
            };
            (
                format!(
                    "A WebSocket to {host} is granted, but browsers reject the answer ({met})."
                ),
                format!(
                    "Let the proxy pass on LiveKit's header {header} as it is: it must neither remove, \
                     replace nor add it (nginx: proxy_hide_header, add_header)."
                ),
            )
        }
        JoinSeen::NotLiveKit(_) | JoinSeen::NotLiveKitInWebSocket(_) => (
            format!("Something other than LiveKit answers a join at {host} ({met})."),
            "Look at what the proxy does with /rtc: a login, a filter or another server answers there."
                .to_owned(),
        ),
        JoinSeen::Refused { why, .. } => {
            let remedy = match why {
                LivekitRefusal::RefusedByMedia => {
                    "If the room is full, let somebody leave it, or raise max_participants."
                }
                LivekitRefusal::NoSuchRoom => {
                    "Create the room before people join it, or allow LiveKit to do so (auto_create)."
                }
                LivekitRefusal::NoToken => {
                    "Let the proxy pass on the query of the URL, in which the token is."
                }
                _ => "Look at the log of LiveKit for this join.",
            };
            (format!("LiveKit at {host} answers and refuses the join: {met}."), remedy.to_owned())
        }
        JoinSeen::Joined { .. } => (met, String::new()),
    }
}

/// What to do about what somebody in the place of LiveKit wants.
fn speaker_remedy(host: &str, known: &JoinSpeaker) -> String {
    let who = &known.speaker.who;
    match known.says {
        Intention::SentElsewhere | Intention::PasswordAsked => format!(
            "Exempt /rtc, /twirp and /whip of {host} from every login and redirect there: LiveKit \
             checks tokens itself."
        ),
        Intention::ClientCertificate => {
            "Do not demand client certificates on this name.".to_owned()
        }
        Intention::Refused => format!(
            "Exempt /rtc, /twirp and /whip of {host} from the rule that refuses this, with every \
             method and with WebSocket upgrades: a WebSocket can pass no challenge. The log or the \
             console of {who} names the rule."
        ),
        Intention::WrongProtocol => {
            "Let the proxy send requests to the port on which LiveKit speaks plain HTTP.".to_owned()
        }
        Intention::WrongHost | Intention::OtherSite => format!(
            "Let {host} lead to the proxy, and the proxy pass /rtc on to LiveKit, with the name \
             (Host) that it receives."
        ),
        Intention::NotNow => {
            format!("Raise the limit of {who}, or end its maintenance, for this name.")
        }
        Intention::NothingBehind => {
            format!("Check that what is behind {who} runs, and that {who} can reach it.")
        }
    }
}

fn other(contact: &Contact, stop: &Stop) -> (String, String) {
    let place = words::place(contact);
    let remedy = match (stop.at, stop.reason) {
        (Step::Allocation, ReasonCode::BackendDown | ReasonCode::BackendSilent) => {
            "Check that the TURN server runs, and that the proxy can reach it."
        }
        (Step::Allocation, ReasonCode::TurnQuota) => {
            "Raise the number of relays that the TURN server grants, or look for what uses them."
        }
        (Step::Allocation, ReasonCode::TurnNotSigned) => {
            "Check that LiveKit's own TURN server answers there, with its current API keys, and not \
             another program."
        }
        (Step::Permission | Step::Check, _) if contact.tls || stop.at == Step::Permission => {
            "Check the address that LiveKit announces (rtc.node_ip), and that the machine can reach its \
             own media ports at that address."
        }
        (Step::Dtls, _) => {
            "Let the firewalls before the media server pass every UDP packet of its media ports, not \
             only STUN."
        }
        _ => "If this path is meant to be used, open it in the firewall of that machine.",
    };
    (
        format!(
            "{place} is offered to participants, but does not work ({}).",
            words::stopped(stop)
        ),
        remedy.to_owned(),
    )
}
