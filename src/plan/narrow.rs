//! What is left of a plan where only a call matters: the names, the way to the API, the call
//! itself, and what explains why it does not come about.

use super::draft::{Draft, Wanted};
use super::{Inputs, probes};
use crate::model::plan::RunScope;
use crate::model::probe::ProbeSpec;
use crate::model::rule::{Demand, Rule};

/// Whether a run of this scope looks at what the rule demands.
pub(super) fn is_looked_at(inputs: &Inputs<'_>, rule: &Rule) -> bool {
    match inputs.scope {
        RunScope::Whole => true,
        RunScope::Call => is_of_call(&rule.demand),
    }
}

fn is_of_call(demand: &Demand) -> bool {
    match demand {
        Demand::NameResolves
        | Demand::AddressesPublic
        // Shows a page that wants a login.
        | Demand::RedirectsToHttps
        | Demand::HandshakeCompletes
        | Demand::ChainVerifies
        | Demand::NameMatches
        | Demand::NotExpired
        | Demand::ApiAnswers
        | Demand::ClockAgrees { .. } => true,
        Demand::PointsToProxy
        | Demand::HoldsByParsing
        | Demand::ExpiresLaterThan { .. }
        | Demand::RenewalNotRedirected { .. }
        | Demand::VersionAccepted(_)
        | Demand::VersionsRefused(_)
        | Demand::UnknownNameReachesNoBackend
        | Demand::WebSocketUpgradePasses
        | Demand::PostPasses
        | Demand::AnswersBinding
        | Demand::ChallengesAllocate
        | Demand::MappedAddressPlausible
        | Demand::EditionMatches
        | Demand::HoldsIdle { .. }
        | Demand::RtmpsHandshakes
        | Demand::PlaintextRefused
        | Demand::PortRow(_)
        | Demand::UndocumentedClosed
        | Demand::RedisNeedsPassword
        | Demand::PortClosed
        | Demand::PortOpen
        | Demand::AllPass(_)
        | Demand::FamiliesAgree => false,
        Demand::JoinAccepted
        | Demand::IceServersAgree
        | Demand::CandidatesAgree
        | Demand::AllocationGranted
        | Demand::RelayCarriesMedia
        | Demand::WrongPasswordRefused
        | Demand::ForeignPeersRefused
        | Demand::MediaPath(_)
        | Demand::MediaPathsOnly(_)
        | Demand::NotPunchedOut
        | Demand::LargePacketsPass
        | Demand::DtlsPasses => true,
    }
}

/// Whether a run of this scope makes the check: of a rule about several endpoints a call needs
/// those without a feature of their own.
pub(super) fn is_of_scope(inputs: &Inputs<'_>, draft: &Draft<'_>) -> bool {
    use crate::model::plan::Ask;
    match inputs.scope {
        RunScope::Whole => true,
        RunScope::Call => draft.ask == Ask::Demand,
    }
}

/// What is looked at for no rule: the call, wherever we stand, and whether our own UDP gets out.
pub(super) fn besides(inputs: &Inputs<'_>) -> Vec<Wanted> {
    match inputs.scope {
        RunScope::Whole => Vec::new(),
        RunScope::Call => {
            let servers = inputs.vantage.stun_servers.iter();
            servers
                .map(|server| Wanted::Probe(ProbeSpec::OwnUdp { server: *server }))
                .chain(probes::call(inputs))
                .collect()
        }
    }
}
