//! What in an installation contradicts the guide, or itself.

use std::fmt;

use super::InstalledVersion;
use crate::model::deployment::{Edition, Module, Policy, Topology};

/// Something that a person should look at. Shown in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallationNote {
    /// The file, and the line if there is one: `openvidu.env:3`.
    pub place: String,
    pub trouble: Trouble,
}

/// What is wrong, or was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The install command lacks the flag with which the guide begins.
    NoExternalProxy {
        topology: Option<Topology>,
    },
    TurnOnMainDomain,
    TurnDomainIsDomain,
    NoTurnDomain,
    PolicyWithoutTurnDomain {
        policy: Policy,
    },
    NoSuchModule {
        module: Module,
        edition: Edition,
    },
    /// The files do not name the version; this is the newest that has the modules.
    GuessedEdition {
        edition: Edition,
    },
    OtherEdition {
        version: InstalledVersion,
        edition: Edition,
    },
    /// Two files, or two lines, say different things.
    Disagrees {
        what: &'static str,
        with: String,
    },
    DiffersFromFlag(&'static str),
    /// A variable, or a placeholder of the guide.
    Unfilled,
    NotA(&'static str),
}

impl fmt::Display for InstallationNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match &self.trouble {
            Trouble::NoExternalProxy { topology: Some(Topology::HighAvailability) } => f.write_str(
                "the command has no --external-load-balancer; without it, OpenVidu ends TLS itself, and \
                 the guide's proxy does not work",
            ),
            Trouble::NoExternalProxy { .. } => f.write_str(
                "the command has no --external-proxy; without it, OpenVidu ends TLS itself, and the \
                 guide's proxy does not work",
            ),
            Trouble::TurnOnMainDomain => f.write_str(
                "--experimental-turn-tls-with-main-domain does not work behind an external proxy, which \
                 distinguishes TURN from the API by the name; set a TURN domain instead",
            ),
            Trouble::TurnDomainIsDomain => f.write_str(
                "the TURN domain is the domain of the deployment; the proxy distinguishes TURN from the \
                 API by the name, so TURN needs its own. It was left out",
            ),
            Trouble::NoTurnDomain => f.write_str(
                "sets no TURN domain; users behind a firewall that allows only TCP 443 get no media, and \
                 the guide requires one since 3.6",
            ),
            Trouble::PolicyWithoutTurnDomain { policy } => write!(
                f,
                "sets no TURN domain, but the policy {policy} leaves no other path for media. The policy \
                 was left out"
            ),
            Trouble::NoSuchModule { module, edition } => {
                write!(f, "OpenVidu {edition} has no module {module}; it was left out")
            }
            Trouble::GuessedEdition { edition } => write!(
                f,
                "the files do not name the installed version; {edition} is the newest edition of the \
                 guide with these modules. Set guide to the installed version"
            ),
            Trouble::OtherEdition { version, edition } => write!(
                f,
                "the installed version is {version}; the edition of the guide for it is {edition}"
            ),
            Trouble::Disagrees { what, with } => {
                write!(f, "another {what} than in {with}, which was used")
            }
            Trouble::DiffersFromFlag(flag) => write!(f, "differs from {flag}, which was used"),
            Trouble::Unfilled => f.write_str("a variable or a placeholder; it was left out"),
            Trouble::NotA(what) => write!(f, "not {what}; it was left out"),
        }
    }
}
