//! Premises about the place of a run: what has to be true of this machine, its network and the way to
//! the deployment, so that what is seen may be laid to the deployment.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::ServerText;
use super::name::DomainName;
use super::port::Port;
use super::target::Family;
use super::timestamp::Timestamp;
use super::word_list::word_list;

word_list! {
    /// A premise that verdicts rest on. Each has a control: something asked or seen in the same run
    /// whose answer is known as long as the premise holds.
    pub enum Premise {
        /// The clock of this machine is right. Control: the `Date` of HTTP answers.
        OwnClock = "own-clock",
        /// What was let in at the beginning of the run is let in at its end. Control: a question that
        /// was answered, once more at the end.
        StillLetIn = "still-let-in",
        /// This machine sees answers in time. Control: how late its own timers were.
        Prompt = "prompt",
        /// Packets of the usual size arrive, both ways. Control: the same with small segments.
        LargePackets = "large-packets",
        /// This machine is not behind the address that it looks at. Control: its own address, as a
        /// STUN server outside sees it.
        Outside = "outside",
        /// The deployment itself answers, and nobody on the way in its place. Control: who signed the
        /// certificate, and where plain HTTP leads.
        NobodyBetween = "nobody-between",
        /// Connections of this machine get out directly. Control, where an HTTP proxy is configured:
        /// something of the deployment that answers one.
        DirectWayOut = "direct-way-out",
        /// Private addresses lead to the network of the deployment, and not to another one that has
        /// the same. Control: something at one of them shows that it is the deployment's.
        MeantNetwork = "meant-network",
        /// The DNS servers of this machine answer what the DNS has. Controls: the name servers of the
        /// zone, and a name that cannot exist.
        Resolver = "resolver",
    }
}

/// What a control says about a premise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The control shows that the premise is true.
    Held,
    /// There was no control in this run.
    Unknown,
    /// The control speaks against the premise.
    Doubted(Doubt),
}

impl Standing {
    /// What speaks against the premise, if anything does.
    pub fn doubt(&self) -> Option<&Doubt> {
        if let Self::Doubted(doubt) = self { Some(doubt) } else { None }
    }
}

/// What speaks against a premise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// The clocks of servers and that of this machine differ.
    Clocks {
        /// What this machine's clock says.
        ours: Timestamp,
        /// How many seconds the servers' clock is ahead; negative: behind.
        ahead_s: i64,
        /// Whose clock is probably wrong, if anything tells.
        wrong: Option<ClockOwner>,
    },
    /// What was answered at these places is not any more, at the end of the run.
    ShutOut { from: Vec<(IpAddr, Option<Port>)>, now: NowMet },
    /// Timers of this machine were late by so much.
    SlowMachine { late_by: Duration },
    /// Only small packets arrive, to or from these addresses.
    LargePackets { addresses: Vec<IpAddr>, lost: Direction },
    /// A STUN server outside sees us come from an address of the deployment.
    BehindDeployment { address: IpAddr },
    /// At an address that should be the deployment's, something answers with a certificate of its own,
    /// and nothing of OpenVidu does.
    AnotherMachine { address: IpAddr, shows: ServerText },
    /// A device opens TLS on the way.
    Inspection { issuer: ServerText, signer: Signer },
    /// A page that wants a login first answers in place of the deployment.
    Portal { page: Option<ServerText> },
    /// This machine has an HTTP proxy configured, and no direct connection is answered.
    OnlyProxy { proxy: String },
    /// Something answers at these private addresses, and nothing shows that it is the deployment's.
    OtherNetwork { addresses: Vec<IpAddr> },
    /// A DNS server of this machine answers otherwise than the name servers of the zones.
    Resolver {
        server: SocketAddr,
        /// Whether it has an address even for a name that cannot exist.
        makes_up: bool,
        /// What it answers, name by name.
        answers: Vec<TwoAnswers>,
    },
}

/// Who signed a certificate that no public list vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signer {
    /// A name by which products that inspect TLS sign.
    Product,
    /// Any other name: a device's authority, or one of the deployment's own.
    Authority,
    /// The key of the certificate itself. It names nobody.
    Itself,
    /// Unknown: the chain that was sent lacks a certificate, or is invalid, so that the signature cannot
    /// be verified.
    Unverified,
    /// A public authority, for another name, and nothing of OpenVidu answers behind it.
    OfAnotherName,
}

/// The addresses of a name in one family: those that the DNS server of this machine has, and those
/// that the name servers of its zone have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoAnswers {
    pub name: DomainName,
    pub family: Family,
    pub here: Vec<IpAddr>,
    /// `None`: no name server of the zone could be asked.
    pub zone: Option<Vec<IpAddr>>,
}

impl Doubt {
    /// The premise that it speaks against.
    pub fn premise(&self) -> Premise {
        match self {
            Self::Clocks { .. } => Premise::OwnClock,
            Self::ShutOut { .. } => Premise::StillLetIn,
            Self::SlowMachine { .. } => Premise::Prompt,
            Self::LargePackets { .. } => Premise::LargePackets,
            Self::BehindDeployment { .. } | Self::AnotherMachine { .. } => Premise::Outside,
            Self::Inspection { .. } | Self::Portal { .. } => Premise::NobodyBetween,
            Self::OnlyProxy { .. } => Premise::DirectWayOut,
            Self::OtherNetwork { .. } => Premise::MeantNetwork,
            Self::Resolver { .. } => Premise::Resolver,
        }
    }
}

/// Whose clock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockOwner {
    ThisMachine,
    Server,
}

/// What a question meets now that was answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NowMet {
    /// The connection attempt stays without an answer.
    Silence,
    /// The connection is refused.
    Refusal,
    /// The connection is accepted, and ends or stays silent.
    NothingBehind,
}

/// Which way packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// From the deployment to this machine.
    ToUs,
    /// From this machine to the deployment.
    FromUs,
}
