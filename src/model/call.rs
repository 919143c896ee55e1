//! What a call came to, for a person who wants to have one: the ways that media can take from here,
//! where each of the others stops, and what in the network is the cause.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::facts::{HttpResponse, IcmpError, ServerText, Way};
use super::name::{DomainName, NodeName};
use super::observation::{Blindness, ProxyMet};
use super::port::{Port, PortRange, Transport};
use super::premise::NowMet;
use super::reason::ReasonCode;
use super::seen::{CallSeen, CallUnknown};
use super::timestamp::Timestamp;
use super::url::Origin;

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The join, without which there is no way at all.
    pub join: Contact,
    /// One for each [`Way`], in the order of [`Way::ALL`]. Where calls were on several nodes: as it is on
    /// the node on which it comes least far.
    pub ways: Vec<WaySummary>,
    /// The same by Media Node, where a call was looked for on each; the declared ones in their order.
    pub nodes: Vec<NodeWays>,
    /// What in the network between this machine and the deployment explains what stops; the most
    /// certain first.
    pub causes: Vec<Cause>,
    /// The addresses under which the deployment sees this machine, each once.
    pub seen_as: Vec<IpAddr>,
    /// Who can remove what stops calls.
    pub help: Help,
    /// What media needs by the guide, where no join tells what the server needs; the easiest to allow
    /// first. Empty after a join.
    pub documented: Vec<DocumentedPath>,
}

impl CallSummary {
    /// The ways that are proven to work.
    pub fn working(&self) -> impl Iterator<Item = &WaySummary> {
        self.ways.iter().filter(|way| way.state.works())
    }

    /// Whether a call works: by some way at which packets of the size of media are not lost.
    pub fn gets_through(&self) -> bool {
        self.working().any(|way| !way.small_packets_only)
    }

    /// The way that browsers choose, where DTLS fails on it: they choose by ICE checks, and those
    /// pass. Other ways that work do not help then.
    pub fn chosen_without_dtls(&self) -> Option<&WaySummary> {
        let is_at_dtls =
            |way: &WaySummary| way.state.stop().is_some_and(|stop| stop.at == Step::Dtls);
        let mut connected = self.ways.iter().filter(|way| way.state.works() || is_at_dtls(way));
        connected.next().filter(|way| is_at_dtls(way))
    }

    /// Whether a place was not asked that users may reach: ovcheck does not go wherever a server sends it.
    pub fn leaves_out_places(&self) -> bool {
        let is_left_out = |state: &State| {
            matches!(state, State::Unknown { why: CallSeen::Unknown(CallUnknown::NotDialled(_)) })
        };
        self.ways.iter().flat_map(|way| &way.contacts).any(|contact| is_left_out(&contact.state))
    }

    /// From where this machine was shut out during the run, as far as that leaves something open.
    pub fn shut_out(&self) -> Option<(SocketAddr, NowMet)> {
        let of_ways = self.ways.iter().map(|way| &way.state);
        std::iter::once(&self.join.state).chain(of_ways).find_map(|state| match state {
            State::Unknown { why: CallSeen::Unknown(CallUnknown::ShutOut { from, now }) } => {
                Some((*from, *now))
            }
            _ => None,
        })
    }

    /// Whether nothing follows: because of a trouble of this machine, because the run ended before a path
    /// was known, because this machine was shut out, or because a place was left out.
    pub fn is_unknown(&self) -> bool {
        match self.join.state {
            State::Unknown { .. } => true,
            State::Stops(_) => false,
            State::Works { .. } | State::NotOffered => {
                let mut ways = self.ways.iter();
                let ended = ways.clone().any(|way| way.state.is_cut_short());
                if ended || self.leaves_out_places() || self.shut_out().is_some() {
                    return !ways.any(|way| way.state.works());
                }
                ways.all(|way| matches!(way.state, State::Unknown { .. } | State::NotOffered))
                    && !ways.all(|way| way.state == State::NotOffered)
            }
        }
    }
}

/// The ways of the calls that were on one Media Node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeWays {
    /// None: on no declared one. Several: behind one address, so that it is not known which.
    pub nodes: Vec<NodeName>,
    /// Where the calls offered media.
    pub addresses: Vec<IpAddr>,
    /// One for each [`Way`]; empty: no call was on it.
    pub ways: Vec<NodeWay>,
}

/// One way on one Media Node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeWay {
    pub way: Way,
    pub state: State,
    /// Whether it works for small packets only.
    pub small_packets_only: bool,
    /// Whether the policy of the deployment closes it.
    pub closed_on_purpose: bool,
}

/// One way of the four.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaySummary {
    pub way: Way,
    /// That of the contact which came farthest.
    pub state: State,
    /// Whether it works for small packets only: those of the size of media are lost.
    pub small_packets_only: bool,
    /// Whether the beginning of DTLS was seen to pass, where an ICE check does; `None`: not tried.
    pub dtls_passes: Option<bool>,
    /// Whether the policy of the deployment closes it, as far as ovcheck was told.
    pub closed_on_purpose: bool,
    /// Every place of the deployment that was asked for it.
    pub contacts: Vec<Contact>,
}

/// What media needs by one way, as the guide says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentedPath {
    pub way: Way,
    /// The name at which TURN over TLS is, where it was declared. Every other path is at each machine
    /// that carries media.
    pub name: Option<DomainName>,
    pub transport: Transport,
    pub ports: PortRange,
}

/// A place of the deployment that was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The name, where it is reached by name.
    pub name: Option<DomainName>,
    /// `None` where the name has none, or an HTTP proxy finds it.
    pub address: Option<IpAddr>,
    pub transport: Transport,
    pub port: Port,
    /// The ports out of which the server takes a new one for every call, where it does.
    pub range: Option<PortRange>,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// Whether the server named it, and nothing else knows of it: no declaration, no name of the
    /// deployment, or no row of the port tables.
    pub named_by_server: bool,
    pub state: State,
    /// When it was asked, in milliseconds after the run's start.
    pub tried_ms: Option<u64>,
}

/// How far something came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// To its end: the check, or the join, was answered after so many milliseconds.
    Works { took_ms: u64 },
    /// To this step, and no farther.
    Stops(Stop),
    /// The server does not offer it to participants.
    NotOffered,
    /// It is not known, and why.
    Unknown { why: CallSeen },
}

impl State {
    /// Whether it came to its end.
    pub fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }

    /// Whether the run ended before it was known.
    pub fn is_cut_short(&self) -> bool {
        let Self::Unknown { why: CallSeen::Unknown(CallUnknown::Blind(why)) } = self else {
            return false;
        };
        matches!(why, Blindness::DeadlineSpent | Blindness::Interrupted)
    }

    /// Where it stopped, if it did.
    pub fn stop(&self) -> Option<&Stop> {
        match self {
            Self::Stops(stop) => Some(stop),
            Self::Works { .. } | Self::NotOffered | Self::Unknown { .. } => None,
        }
    }
}

/// Where something stopped. All steps before it were passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub at: Step,
    pub reason: ReasonCode,
    pub why: CallSeen,
    pub certainty: Certainty,
    pub responsible: Responsible,
}

/// How sure it is that the deployment, as its users meet it, stops there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certainty {
    /// What was seen leaves no other reading.
    Proven,
    /// The likely reading; something else could look the same.
    Suspected,
    /// It may as well be the network of this machine, or a passing trouble.
    CannotTell,
}

/// Who can remove what stops a call: whose the place is at which it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Responsible {
    /// This computer: its clock, its firewall, its settings.
    ThisComputer,
    /// The person who issued the credentials of the call.
    Credentials,
    /// The network of this computer.
    ThisNetwork,
    /// The HTTP proxy of this network.
    HttpProxy,
    /// A device between this computer and the deployment, in whatever network.
    OnPath,
    /// The proxy of the deployment.
    DeploymentProxy,
    /// The deployment, behind its proxy or beside it.
    Deployment,
    /// Most likely the deployment; a device on the path could look the same.
    DeploymentOrPath,
    /// The packets do not tell.
    NotKnown,
}

impl Responsible {
    /// Whether the administrator of this network may be able to help.
    pub fn may_be_this_network(self) -> bool {
        match self {
            Self::ThisNetwork | Self::HttpProxy | Self::OnPath | Self::NotKnown => true,
            Self::ThisComputer
            | Self::Credentials
            | Self::DeploymentProxy
            | Self::Deployment
            | Self::DeploymentOrPath => false,
        }
    }

    /// Whether it is the deployment, or most likely is.
    pub fn is_deployment(self) -> bool {
        match self {
            Self::DeploymentProxy | Self::Deployment | Self::DeploymentOrPath => true,
            Self::ThisComputer
            | Self::Credentials
            | Self::ThisNetwork
            | Self::HttpProxy
            | Self::OnPath
            | Self::NotKnown => false,
        }
    }
}

/// Who can remove what stops calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Help {
    /// The most likely one first; nobody where there is nothing to remove.
    pub who: Vec<Addressee>,
    /// Whether all of them are meant. Otherwise it is one of them, and something else must decide
    /// which.
    pub decided: bool,
}

impl Help {
    /// Those to whom a letter can be written now. Where the user must do something first, it is not
    /// known yet who else is needed.
    pub fn letters(&self) -> &[Addressee] {
        match self.who.as_slice() {
            [Addressee::User | Addressee::TokenIssuer, ..] | [] => &[],
            all if self.decided => all,
            [first, ..] => std::slice::from_ref(first),
        }
    }
}

/// People who can remove something that stops calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressee {
    /// The person at this computer.
    User,
    /// Who runs this network.
    NetworkAdministrator,
    /// Who runs the deployment.
    Operator,
    /// Who issued the credentials of the call.
    TokenIssuer,
}

/// The steps of a way, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// The name must have an address.
    Dns,
    /// The address must be one that can be reached at all.
    Address,
    /// The HTTP proxy of this network must accept the connection.
    HttpProxy,
    /// A connection must be accepted.
    Tcp,
    /// A TLS handshake must complete.
    Tls,
    /// The certificate must be the server's own.
    Certificate,
    /// LiveKit must accept the join.
    Join,
    /// The TURN server must grant a relay.
    Allocation,
    /// The relay must be permitted to send to the media port.
    Permission,
    /// The media port must answer.
    Check,
    /// DTLS must pass where the check did.
    Dtls,
}

/// What between this computer, itself included, and the deployment is the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub cause: NetworkCause,
    /// Whether the packets leave no other reading.
    pub certain: bool,
    pub shown_by: CauseSign,
}

/// Causes between this computer and the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkCause {
    /// A page that wants a login answers in place of the deployment.
    CaptivePortal {
        /// Where it sends browsers; `None` also where that is no plain address of a page.
        page: Option<Origin>,
    },
    /// A device on the way decrypts TLS and shows a certificate of its own.
    TlsInspection {
        /// For whom the certificate claims to be.
        host: String,
        /// Who issued it.
        issuer: ServerText,
    },
    /// A web filter of the network answers in place of the deployment.
    Filtered {
        /// The name that it refuses.
        host: DomainName,
        /// The product.
        who: String,
    },
    /// The name leads to an address that cannot be the deployment's, or to none.
    ResolverLies { name: DomainName, addresses: Vec<IpAddr> },
    /// The web is reached through an HTTP proxy only.
    ProxyNeeded { proxy: String },
    /// The HTTP proxy of this network refuses the connection.
    ProxyRefuses { proxy: String },
    /// HTTP on its own port gets out, connections for HTTPS do not.
    HttpOnly,
    /// Nothing gets out to the deployment.
    NothingLeaves,
    /// The web gets out, and UDP does not.
    UdpBlocked,
    /// The firewall of this computer does not let everything out.
    OwnFirewall,
    /// The clock of this computer is wrong, or else the server's is, which is `ahead_s` seconds ahead
    /// of it.
    OwnClock { ahead_s: i64 },
}

/// What shows a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CauseSign {
    /// Plain HTTP at this name is answered with a redirect to another host, with a page, or with
    /// 511.
    AnsweredInstead { name: DomainName, response: HttpResponse },
    /// Plain HTTP answers where TLS should.
    HttpInPlaceOfTls { name: DomainName, port: Port, line: ServerText },
    /// Products that inspect TLS issue certificates by this name.
    IssuerOfProduct,
    /// This machine does not know the issuer.
    UnknownIssuer,
    /// Only this machine trusts the issuer, and what comes behind TLS is not the server's.
    TrustedHereOnly,
    /// A product of networks answers the join, behind TLS.
    ProductAnswers { who: String, means: String },
    /// The DNS answers with addresses that the internet cannot reach.
    UnreachableAddresses(Vec<IpAddr>),
    /// Plain HTTP at this name is answered, and this port of it accepts no connection.
    OnlyHttpAnswers { name: DomainName, port: Port },
    /// A firewall on the way says so itself.
    Prohibited(IcmpError),
    /// No port of this name that was tried answers.
    NoPortAnswers(DomainName),
    /// The DNS server does not answer either.
    NoDnsAnswer,
    /// What the HTTP proxy did.
    OfProxy(ProxyMet),
    /// Without the proxy this name accepts no connection.
    NotWithoutProxy(DomainName),
    /// Without the proxy the address of this name is not even known.
    UnknownWithoutProxy(DomainName),
    /// Neither the deployment nor a STUN server outside answers over UDP.
    NoUdpAnywhere,
    /// No UDP port of the deployment answers, TCP does.
    NoUdpOfDeployment,
    /// The system refused to send (EPERM).
    RefusedToSend,
    /// This computer itself rejects what is sent, with an ICMP error.
    RejectedHere(IcmpError),
    /// A certificate begins after what this computer takes for now, and the server gives a time at
    /// which it is valid.
    CertificateOfTheFuture { from: Timestamp },
    /// The server gives another time.
    ServerTellsTime,
    /// A certificate begins after what this computer takes for now; the server gives no time.
    NotYetValid { from: Timestamp },
}
