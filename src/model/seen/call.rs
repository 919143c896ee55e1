//! What a call showed, as reasons: for the rules about a call, and for the places where a call
//! stops.
//!
//! Candidates are written with their ports although a target may name their address: LiveKit takes
//! another port for each session, so that the port never belongs to a target.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Seen, Speaker};
use crate::model::address::AddressKind;
use crate::model::deployment::NodeRole;
use crate::model::face::Intention;
use crate::model::facts::{
    CandidatePlace, Connect, DnsAnswer, DtlsFacts, FirstBytes, HttpAnswer, IceCheck, IcmpError,
    LivekitRefusal, LostWebSocket, PeerKind, SdpAnswer, SearchEnd, ServerText, StunAnswer,
    UpgradeFlaw, Way,
};
use crate::model::name::{DomainName, NodeName};
use crate::model::named::Forbidden;
use crate::model::observation::{Blindness, ProxyRefusal};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::premise::NowMet;
use crate::model::target::Family;

/// What a call showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallSeen {
    Unknown(CallUnknown),
    Door(DoorSeen),
    Join(JoinSeen),
    IceServers(IceServersSeen),
    Candidates(CandidatesSeen),
    Nodes(NodesSeen),
    Media(MediaSeen),
    Relay(RelaySeen),
    Policy(PolicySeen),
    Payload(PayloadSeen),
    Port(PortInCall),
}

/// Why a call shows nothing about something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallUnknown {
    /// ovcheck could not look at all.
    Blind(Blindness),
    /// It takes a join, and there was none.
    NoJoin,
    /// ovcheck did not ask for it.
    NotAsked,
    /// ovcheck does not go where the server sends it.
    NotDialled(Forbidden),
    /// The TURN server challenges each answer anew.
    EndlessChallenges,
    /// It was not answered, and at the end of the run neither was the API, which had been before: this
    /// machine may be shut out.
    ShutOut { from: SocketAddr, now: NowMet },
}

/// What makes a bad sign doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallDoubt {
    /// Nothing else came back in this family, over UDP or over anything (`None`): the network of
    /// this machine may be the cause.
    NothingElseCameBack { family: Family, over: Option<Transport> },
    /// No check of the session was answered: it may be dead itself.
    DeadSession,
    /// LiveKit waits 15 s for checks, and this one was sent later.
    TooLate,
    /// An HTTP proxy (`host:port`) of this network carried it.
    OwnHttpProxy(String),
    /// The address that was offered is behind NAT.
    BehindNat,
}

/// The way to the API or to a TURN server, before either is asked for anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoorSeen {
    /// What a connection or a TLS handshake met.
    Met { met: Box<Seen>, doubt: Option<CallDoubt> },
    /// The HTTP proxy of this network refused the connection.
    HttpProxyRefused(Box<ProxyRefusal>),
    /// Browsers refuse the certificate.
    Untrusted { why: Box<Seen>, issuer: Option<ServerText> },
    /// The name has no address; what the DNS said, where anybody asked it, and which server.
    NoAddress { answer: Option<DnsAnswer>, server: Option<SocketAddr> },
    /// Users cannot reach where the server sends them; why ovcheck did not go there, where it did not.
    ForbiddenAddress(Option<Forbidden>),
}

/// What the API says to a join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinSeen {
    /// The participant joined. Where browsers refuse the certificate, what they see.
    Joined { server_version: ServerText, after_ms: Option<u64>, certificate: Option<Box<CallSeen>> },
    /// LiveKit refuses, for a reason of its own.
    Refused { why: LivekitRefusal, clock: ClockShown, status: u16, said: ServerText },
    /// The request for a WebSocket lost its upgrade headers on the way.
    UpgradeLost(HttpAnswer),
    /// The proxy answers, nothing behind it does.
    NothingBehind(HttpAnswer),
    /// Not LiveKit answers.
    NotLiveKit(HttpAnswer),
    /// Not LiveKit answers, and it is known who does.
    KnownSpeaker(Box<JoinSpeaker>),
    /// A WebSocket opens, and the first message is not LiveKit's.
    NotLiveKitInWebSocket(ServerText),
    /// A WebSocket opens and then nothing comes; whether LiveKit answers other requests at the same
    /// place, so that something between loses the WebSocket.
    WebSocketLost { fate: LostWebSocket, is_livekit_there: bool },
    /// LiveKit's answer comes without its head.
    Beheaded(FirstBytes),
    /// A WebSocket opens, and clients have to refuse it.
    GrantedWrongly(UpgradeFlaw),
}

/// Who answers a join in the place of LiveKit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinSpeaker {
    pub says: Intention,
    pub answer: HttpAnswer,
    pub speaker: Speaker,
}

/// What the server's `Date` shows about its clock, in seconds ahead of the clock here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockShown {
    /// It differs by so much that the token is refused for it.
    IsTheCause {
        ahead_s: i64,
    },
    /// It differs, but by too little to be the cause.
    Differs {
        ahead_s: i64,
    },
    Agrees,
    /// The server sent no `Date`.
    NotTold,
}

/// The STUN and TURN servers that LiveKit names to participants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IceServersSeen {
    /// None of them is wrong.
    Named { urls: Vec<ServerText>, not_compared: Option<NotDeclared> },
    /// One is wrong: the target's URL.
    Wrong(IceServerFault),
    /// One is not the deployment's own, beside those that are.
    Additional { is_forbidden: bool },
    /// One is missing among these.
    Missing { missing: MissingIceServer, named: Vec<ServerText> },
}

/// What the deployment file does not declare, so that what LiveKit says could not be compared with
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotDeclared {
    Node(NodeRole),
    TurnDomain,
}

/// Why a TURN server that LiveKit names is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IceServerFault {
    Malformed,
    NoCredentials,
    /// A name over TLS that is not the TURN domain.
    NotTheTurnDomain(DomainName),
    /// TLS over UDP, which browsers do not speak.
    TlsOverUdp,
    /// The proxy has TURN over TLS on this port.
    NotTheTlsPort(Port),
    /// The guide opens this UDP port.
    NotTheUdpPort(Port),
    /// A name that is not the deployment's.
    ForeignName,
    /// An address that users cannot reach.
    UnreachableAddress,
    /// A public address of no declared machine that carries media.
    UndeclaredAddress,
}

/// Which STUN or TURN server is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingIceServer {
    All,
    /// There are STUN servers only.
    Turn,
    /// There is no TURN server over TLS, although this name is for one.
    TurnOverTls(DomainName),
}

/// Where LiveKit offers media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CandidatesSeen {
    /// None of them is wrong.
    Offered {
        places: Vec<OfferedPlace>,
        list_ended: bool,
        /// The nodes that carry media, where none is declared.
        not_compared: Option<NodeRole>,
    },
    /// One is wrong: the target's candidate.
    Wrong(CandidateFault),
    NoneOffered {
        list_ended: bool,
    },
    /// Our offer got no usable answer.
    OfferNotAnswered(SdpAnswer),
}

/// A candidate that is not wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedPlace {
    pub place: CandidatePlace,
    pub reached_by: ReachedBy,
    /// The guide's ports, where this is another one; otherwise empty.
    pub guide_ports: Vec<PortRange>,
}

/// From where an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReachedBy {
    Users,
    /// The machines of the deployment only.
    Deployment,
    /// The relay on the same machine only.
    Relay,
}

/// Why users do not get their media from a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CandidateFault {
    /// No address can be read in it.
    Unreadable,
    /// The address is of a kind that users cannot reach.
    Unreachable(AddressKind),
    /// Declared as the private address of a machine.
    OnlyInside,
    /// Of a machine that carries no media.
    CarriesNoMedia { node: NodeName, role: NodeRole },
    /// Public, and of no declared machine; `answers`: a check straight there was answered.
    Undeclared { answers: bool },
    /// Of a machine on which another server is, and nothing answers there for this one. Where it is not
    /// known which one this is: the nodes on which no call was.
    OfAnotherNode { node: NodeName, not_carried: Vec<NodeName> },
}

/// What calls in several rooms show of the Media Nodes, and of the way to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodesSeen {
    /// A call was on the node, which offered media here.
    Carried(Vec<IpAddr>),
    /// As many servers as there are nodes behind their common address carried a call.
    CarriedBehindOneAddress { servers: usize, nodes: Vec<NodeName> },
    /// No call was on the node.
    NotCarried {
        /// How many rooms were opened in all.
        rooms: usize,
        ended: SearchEnd,
        /// How many of the joins failed.
        failures: usize,
        /// Where calls offered media that are on no declared Media Node.
        elsewhere: Vec<IpAddr>,
        /// The others that share an address with the node, so that it is not known which of them a call
        /// was on.
        shares_with: Vec<NodeName>,
    },
    /// There are not several Media Nodes, as far as it was declared.
    NotSeveral,
    /// Some joins were accepted and others were not: what one of those met.
    SomeFailed { joins: usize, failures: usize, masters: usize, why: Box<CallSeen> },
}

/// One check of one candidate by one way, and what it met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedPath {
    pub way: Way,
    pub candidate: SocketAddr,
    /// The TURN server that it goes through.
    pub turn_url: Option<ServerText>,
    /// What the connection for ICE-TCP met.
    pub connect: Option<Connect>,
    pub check: IceCheck,
    /// From the check to its answer, or to the end of the wait.
    pub after_ms: Option<u64>,
}

/// What shows that the session is alive, so that silence counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionProof {
    /// Another check of the same session was answered.
    Answered(Box<CheckedPath>),
    /// The server sent a check of its own from this address.
    ServerCheck(SocketAddr),
}

/// What the ways for media show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaSeen {
    /// Checks were answered; others by the same way were not.
    Answered { proven: Vec<CheckedPath>, others: Vec<CheckedPath> },
    /// A check was not answered.
    Unanswered { path: CheckedPath, doubt: Option<CallDoubt>, proof: Option<SessionProof> },
    /// All candidates of the way are at addresses that users cannot reach.
    OfferedNowhere(Vec<SocketAddr>),
    /// LiveKit offers no candidate for the way; whether its list came to its end.
    NotOffered { list_ended: bool },
    /// The mediasoup engine of this edition offers no TCP.
    NotOfMediasoup,
    /// LiveKit names no TURN server for the way.
    NoServerNamed,
}

/// What a TURN server shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelaySeen {
    /// Relays are granted.
    Granted(Vec<GrantedRelay>),
    /// The server answers, and refuses a relay.
    Refused { why: AllocationRefusal, answer: StunAnswer },
    /// What answered an Allocate, or did not, is no TURN server.
    NotTurn { answer: StunAnswer, over_tls: bool, doubt: Option<CallDoubt> },
    /// The relay is not permitted to send to the media address.
    PeerRefused { peer: IpAddr, answer: Option<StunAnswer>, is_private: bool },
    /// What the relay sends to the media ports is not answered.
    Silent {
        ports: Vec<SocketAddr>,
        control: Option<RelayControl>,
        proof: Option<SessionProof>,
        doubt: Option<CallDoubt>,
    },
    /// No check through the relay was silent, and none was answered.
    Unanswered(Vec<CheckedPath>),
    /// LiveKit offers no media over UDP, to which a relay could send.
    NothingToSendTo,
    /// LiveKit names no TURN server that could be asked.
    NoServer,
    /// No TURN server answers.
    NoServerAnswers,
    /// No TURN server granted a relay.
    NoRelay,
    /// A wrong password is granted a relay.
    WrongPasswordAccepted,
    /// Wrong passwords are refused: by which URL, and how.
    WrongPasswordRefused(Vec<RefusedPassword>),
    /// No TURN server answers to a wrong password.
    WrongPasswordUnanswered,
    /// Something is granted, and that is not signed with the password of the request.
    GrantNotSigned,
    /// The relay may send to machines that it should not reach.
    PeersAllowed(Vec<(IpAddr, PeerKind)>),
    /// Permission is refused for these; whether all that were asked for were answered.
    PeersRefused { peers: Vec<IpAddr>, all: bool },
    /// Permission is neither granted nor refused.
    PeersUnanswered,
}

/// A relay that a TURN server granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedRelay {
    pub turn_url: ServerText,
    pub relayed: Option<SocketAddr>,
    pub after_ms: u64,
}

/// How a TURN server refused a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPassword {
    pub turn_url: ServerText,
    pub answer: StunAnswer,
}

/// Why a TURN server grants no relay (RFC 8656 §7, RFC 8489 §9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllocationRefusal {
    /// It refuses the credentials that LiveKit gave out with its URL.
    Credentials,
    /// 486: this participant has its share.
    QuotaOfParticipant,
    /// 508: the server has none left.
    QuotaOfServer,
    /// It says success without an address.
    NoAddress,
    /// It says success, and does not sign that with the password of the request.
    NotSigned,
    Other,
}

/// Whether the TURN server's own port answers through a silent relay: that tells the media range
/// from the range of the relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelayControl {
    Answers,
    Silent,
}

/// What the promises of a policy show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicySeen {
    /// Media goes around the proxy by this way.
    AroundProxy(CheckedPath),
    /// No check around the proxy was answered: what each of them met.
    NoneAround { met: Vec<CheckedPath>, proof: Option<SessionProof>, doubt: Option<CallDoubt> },
    /// The server sent a check from here to one of our addresses; whether it answered ours.
    PunchedOut { from: SocketAddr, offered: Vec<SocketAddr>, answered: bool },
    /// No check of the server's own came.
    NotPunched { offered: Vec<SocketAddr>, waited_ms: u64, doubt: Option<CallDoubt> },
    /// No address of ours was offered to the server.
    NothingOffered,
}

/// Whether a proven way carries all that media needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayloadSeen {
    /// Checks of 1,200 bytes are answered.
    LargePass(Vec<CheckedPath>),
    /// Short checks are answered, these of 1,200 bytes are not.
    LargeLost { lost: Vec<CheckedPath>, may_be_own_network: bool },
    /// DTLS passes in both directions.
    DtlsPasses(Vec<CheckedPath>),
    /// STUN passes, DTLS does not.
    DtlsBlocked { blocked: Vec<(CheckedPath, DtlsFacts)>, may_be_own_network: bool },
    /// No way is proven.
    NoWayProven,
    /// It is not asked over the ways that are proven.
    NotAskedThere,
    /// No second join came as far as the beginning of DTLS.
    NoSecondJoin,
}

/// What a call showed of a port that another rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortInCall {
    /// A check is answered at this port.
    CheckAnswered {
        at: CandidatePlace,
        after_ms: Option<u64>,
        /// Of a range, how many ports it has.
        of: Option<u32>,
    },
    /// The TURN server answers at this port; whether it granted a relay.
    TurnAnswered { at: SocketAddr, granted: bool },
    /// A check stayed silent, although another one of the session was answered.
    CheckSilent { transport: Transport, port: u16 },
    /// A check met an ICMP error of the machine, although LiveKit waits for it.
    CheckRefused { port: u16, error: IcmpError },
    /// It answered only after the machine itself had sent a packet to this computer: a firewall may
    /// have admitted the check because of that packet.
    AfterItSent(Box<Self>),
    /// The call contradicts what packets to the port showed.
    Contradicts(Box<Self>),
}

macro_rules! into_seen {
    ($($family:ident => $variant:ident,)+) => {
        $(
            impl From<$family> for CallSeen {
                fn from(seen: $family) -> Self {
                    Self::$variant(seen)
                }
            }

            impl From<$family> for Seen {
                fn from(seen: $family) -> Self {
                    Self::Call(seen.into())
                }
            }
        )+
    };
}

into_seen! {
    CallUnknown => Unknown,
    DoorSeen => Door,
    JoinSeen => Join,
    IceServersSeen => IceServers,
    CandidatesSeen => Candidates,
    NodesSeen => Nodes,
    MediaSeen => Media,
    RelaySeen => Relay,
    PolicySeen => Policy,
    PayloadSeen => Payload,
    PortInCall => Port,
}

impl From<CallSeen> for Seen {
    fn from(seen: CallSeen) -> Self {
        Self::Call(seen)
    }
}
