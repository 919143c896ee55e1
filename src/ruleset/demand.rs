//! The demand of a rule, and what it takes besides its name.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{DemandName, RawRule};
use crate::complaint::Complaint;
use crate::model::rule::{AllowedWays, Demand, RuleId};

impl DemandName {
    /// The key that it takes besides.
    fn parameter(self) -> Option<&'static str> {
        match self {
            Self::ExpiresLaterThan | Self::RenewalNotRedirected => Some("days"),
            Self::ClockAgrees | Self::HoldsIdle => Some("seconds"),
            Self::VersionAccepted => Some("version"),
            Self::VersionsRefused => Some("versions"),
            Self::AllPass => Some("all-of"),
            Self::MediaPath => Some("way"),
            Self::MediaPathsOnly => Some("ways"),
            Self::NameResolves
            | Self::PointsToProxy
            | Self::AddressesPublic
            | Self::FamiliesAgree
            | Self::HoldsByParsing
            | Self::RedirectsToHttps
            | Self::HandshakeCompletes
            | Self::ChainVerifies
            | Self::NameMatches
            | Self::NotExpired
            | Self::UnknownNameReachesNoBackend
            | Self::ApiAnswers
            | Self::WebSocketUpgradePasses
            | Self::PostPasses
            | Self::AnswersBinding
            | Self::ChallengesAllocate
            | Self::MappedAddressPlausible
            | Self::EditionMatches
            | Self::RtmpsHandshakes
            | Self::PlaintextRefused
            | Self::UndocumentedClosed
            | Self::RedisNeedsPassword
            | Self::PortClosed
            | Self::PortOpen
            | Self::JoinAccepted
            | Self::IceServersAgree
            | Self::CandidatesAgree
            | Self::AllocationGranted
            | Self::RelayCarriesMedia
            | Self::WrongPasswordRefused
            | Self::ForeignPeersRefused
            | Self::NotPunchedOut
            | Self::LargePacketsPass
            | Self::DtlsPasses => None,
        }
    }
}

/// The demand of a rule. `all_of` are the rules named by the key of this name.
pub(super) fn demand(
    file: &RuleFile,
    raw: &RawRule,
    all_of: Vec<RuleId>,
) -> Result<Demand, Complaint> {
    refuse_other_parameters(file, raw)?;
    Ok(match raw.demand.get_ref() {
        DemandName::NameResolves => Demand::NameResolves,
        DemandName::PointsToProxy => Demand::PointsToProxy,
        DemandName::AddressesPublic => Demand::AddressesPublic,
        DemandName::FamiliesAgree => Demand::FamiliesAgree,
        DemandName::HoldsByParsing => Demand::HoldsByParsing,
        DemandName::RedirectsToHttps => Demand::RedirectsToHttps,
        DemandName::HandshakeCompletes => Demand::HandshakeCompletes,
        DemandName::ChainVerifies => Demand::ChainVerifies,
        DemandName::NameMatches => Demand::NameMatches,
        DemandName::NotExpired => Demand::NotExpired,
        DemandName::ExpiresLaterThan => {
            Demand::ExpiresLaterThan { days: *taken(file, raw, raw.days.as_ref())? }
        }
        DemandName::RenewalNotRedirected => {
            Demand::RenewalNotRedirected { days: *taken(file, raw, raw.days.as_ref())? }
        }
        DemandName::VersionAccepted => {
            Demand::VersionAccepted(*taken(file, raw, raw.version.as_ref())?)
        }
        DemandName::VersionsRefused => {
            Demand::VersionsRefused(taken(file, raw, raw.versions.as_ref())?.clone())
        }
        DemandName::UnknownNameReachesNoBackend => Demand::UnknownNameReachesNoBackend,
        DemandName::ApiAnswers => Demand::ApiAnswers,
        DemandName::WebSocketUpgradePasses => Demand::WebSocketUpgradePasses,
        DemandName::PostPasses => Demand::PostPasses,
        DemandName::ClockAgrees => {
            Demand::ClockAgrees { seconds: *taken(file, raw, raw.seconds.as_ref())? }
        }
        DemandName::HoldsIdle => {
            Demand::HoldsIdle { seconds: *taken(file, raw, raw.seconds.as_ref())? }
        }
        DemandName::AnswersBinding => Demand::AnswersBinding,
        DemandName::ChallengesAllocate => Demand::ChallengesAllocate,
        DemandName::MappedAddressPlausible => Demand::MappedAddressPlausible,
        DemandName::EditionMatches => Demand::EditionMatches,
        DemandName::RtmpsHandshakes => Demand::RtmpsHandshakes,
        DemandName::PlaintextRefused => Demand::PlaintextRefused,
        DemandName::UndocumentedClosed => Demand::UndocumentedClosed,
        DemandName::RedisNeedsPassword => Demand::RedisNeedsPassword,
        DemandName::PortClosed => Demand::PortClosed,
        DemandName::PortOpen => Demand::PortOpen,
        DemandName::AllPass => {
            taken(file, raw, raw.all_of.as_ref())?;
            Demand::AllPass(all_of)
        }
        DemandName::JoinAccepted => Demand::JoinAccepted,
        DemandName::IceServersAgree => Demand::IceServersAgree,
        DemandName::CandidatesAgree => Demand::CandidatesAgree,
        DemandName::AllocationGranted => Demand::AllocationGranted,
        DemandName::RelayCarriesMedia => Demand::RelayCarriesMedia,
        DemandName::WrongPasswordRefused => Demand::WrongPasswordRefused,
        DemandName::ForeignPeersRefused => Demand::ForeignPeersRefused,
        DemandName::MediaPath => Demand::MediaPath(*taken(file, raw, raw.way.as_ref())?),
        DemandName::MediaPathsOnly => Demand::MediaPathsOnly(ways(file, raw)?),
        DemandName::NotPunchedOut => Demand::NotPunchedOut,
        DemandName::LargePacketsPass => Demand::LargePacketsPass,
        DemandName::DtlsPasses => Demand::DtlsPasses,
    })
}

fn ways(file: &RuleFile, raw: &RawRule) -> Result<AllowedWays, Complaint> {
    let ways = taken(file, raw, raw.ways.as_ref())?.clone();
    let ways_in = raw.ways_in.iter();
    let ways_in = ways_in.map(|(policy, ways)| (*policy, ways.get_ref().clone()));
    Ok(AllowedWays { ways, ways_in: ways_in.collect() })
}

fn refuse_other_parameters(file: &RuleFile, raw: &RawRule) -> Result<(), Complaint> {
    let written = [
        ("days", raw.days.as_ref().map(Spanned::span)),
        ("seconds", raw.seconds.as_ref().map(Spanned::span)),
        ("version", raw.version.as_ref().map(Spanned::span)),
        ("versions", raw.versions.as_ref().map(Spanned::span)),
        ("way", raw.way.as_ref().map(Spanned::span)),
        ("ways", raw.ways.as_ref().map(Spanned::span)),
        ("ways-in", raw.ways_in.values().next().map(Spanned::span)),
        ("all-of", raw.all_of.as_ref().map(Spanned::span)),
    ];
    let parameter = raw.demand.get_ref().parameter();
    // What is otherwise in some cases belongs to what it is otherwise than.
    let of = |key: &'static str| key.strip_suffix("-in").unwrap_or(key);
    let stranger = written
        .into_iter()
        .filter(|(key, _)| parameter != Some(of(key)))
        .find_map(|(key, span)| span.map(|span| (key, span)));
    let Some((key, span)) = stranger else {
        return Ok(());
    };
    let demand = file.written(raw.demand.span());
    let help = match parameter {
        Some(parameter) => format!("it takes \"{parameter}\""),
        None => format!("take \"{key}\" away"),
    };
    Err(file
        .complaint(span, format!("the demand {demand} takes no \"{key}\""), "of no use here")
        .with_help(help))
}

/// The value of the key that the rule's demand takes.
fn taken<'a, T>(
    file: &RuleFile,
    raw: &RawRule,
    value: Option<&'a Spanned<T>>,
) -> Result<&'a T, Complaint> {
    value.map(Spanned::get_ref).ok_or_else(|| {
        let demand = file.written(raw.demand.span());
        let parameter = raw.demand.get_ref().parameter().unwrap_or_default();
        file.complaint(
            raw.demand.span(),
            format!("the demand {demand} needs the key \"{parameter}\""),
            "says not yet what exactly",
        )
        .with_help(format!("add a line \"{parameter} = …\" to this rule"))
    })
}
