//! What is known of our own place, and what follows for verdicts that rest on it.
//!
//! A deployment is seen through this machine, its network and the way there. Each premise about these
//! ([`Premise`](crate::model::premise::Premise)) has a control in the run. It is read here, once; then
//! every judgement is asked whether it rests on a premise that is in doubt. What does is inconclusive
//! and says which premise it is, in the same words everywhere, so that a report names it once.

mod between;
mod clock;
mod inside;
mod network;
mod packets;
mod prompt;
mod proxy;
mod resolver;
mod shut_out;

use super::Case;
use super::judgement::Judgement;
use super::view::View;
use crate::model::plan::Ask;
use crate::model::premise::{Doubt, Standing};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::Seen;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

use between::Between;
use inside::Inside;
use network::OtherNetwork;
use packets::LostPackets;
use prompt::Prompt;
use proxy::OnlyProxy;
use resolver::Resolver;
pub(super) use shut_out::LetIn;

/// What the controls of a run say about our own place.
pub(super) struct Place {
    clock: Standing,
    inside: Inside,
    between: Between,
    let_in: LetIn,
    packets: LostPackets,
    prompt: Prompt,
    only_proxy: OnlyProxy,
    other_network: OtherNetwork,
    resolver: Resolver,
}

impl Place {
    /// Reads the controls.
    pub fn of(case: &Case<'_>) -> Self {
        Self {
            clock: clock::standing(case),
            inside: Inside::of(case),
            between: Between::of(case),
            let_in: LetIn::of(case),
            packets: LostPackets::of(case),
            prompt: Prompt::of(case),
            only_proxy: OnlyProxy::of(case),
            other_network: OtherNetwork::of(case),
            resolver: Resolver::of(case),
        }
    }

    /// What is left of a judgement when the premises that it rests on are taken into account.
    /// `judge` judges the same check in another case.
    pub fn question(
        &self,
        view: &View<'_>,
        judgement: Judgement,
        judge: impl Fn(&Case<'_>) -> Judgement,
    ) -> Judgement {
        let judgement = clock::question(&self.clock, view, judgement, judge);
        let judgement = self.prompt.question(view, judgement);
        let judgement = self.packets.question(view, judgement);
        let judgement = self.let_in.question(view, judgement);
        let judgement = self.between.question(view, judgement);
        let judgement = self.only_proxy.question(view, judgement);
        let judgement = self.other_network.question(view, judgement);
        // Where a name leads comes before what answers there.
        let judgement = self.resolver.question(view, judgement);
        // Who stands behind the address sees nothing of the deployment: that says it all.
        self.inside.question(view, judgement)
    }
}

/// Nothing follows, because a premise is in doubt.
fn doubted(doubt: &Doubt) -> Judgement {
    let reason = match doubt {
        Doubt::Clocks { .. } => ReasonCode::ClockDiffers,
        Doubt::ShutOut { .. } => ReasonCode::ShutOut,
        Doubt::LargePackets { .. } => ReasonCode::LargePacketsLost,
        Doubt::BehindDeployment { .. } | Doubt::AnotherMachine { .. } => {
            ReasonCode::BehindDeployment
        }
        Doubt::SlowMachine { .. } => ReasonCode::SlowMachine,
        Doubt::Inspection { .. } => ReasonCode::TlsInspected,
        Doubt::Portal { .. } => ReasonCode::CaptivePortal,
        Doubt::OnlyProxy { .. } => ReasonCode::OnlyProxy,
        Doubt::OtherNetwork { .. } => ReasonCode::OtherNetwork,
        Doubt::Resolver { .. } => ReasonCode::ResolverDiffers,
    };
    Judgement::unsettled(reason, Seen::Doubted(doubt.clone()))
}

/// What was proven, when no control showed that a premise holds.
fn without_proof(judgement: Judgement) -> Judgement {
    let verdict = match judgement.verdict {
        Verdict::Pass(PassConfidence::Proven) => Verdict::Pass(PassConfidence::Uncontradicted),
        Verdict::Fail(FailConfidence::Proven) => Verdict::Fail(FailConfidence::Suspected),
        other => other,
    };
    Judgement { verdict, ..judgement }
}

/// Whether a judgement accuses, or leaves open what something in doubt explains.
fn is_violated_or_open(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Fail(_))
        || (judgement.verdict == Verdict::Inconclusive(InconclusiveKind::Unsettled)
            && !matches!(judgement.seen, Seen::Doubted(_)))
}

/// Whether a judgement may rest on something that was not answered: it accuses, it is open, or it says
/// that something is closed.
fn may_rest_on_silence(view: &View<'_>, judgement: &Judgement) -> bool {
    is_violated_or_open(judgement)
        || (matches!(judgement.verdict, Verdict::Pass(_)) && is_of_closed_ports(view))
}

/// Whether a pass of this check says that something does not answer.
fn is_of_closed_ports(view: &View<'_>) -> bool {
    matches!(view.check.ask, Ask::MustBeClosed | Ask::NeedNotBeOpen(_))
        || matches!(
            view.rule.demand,
            Demand::UndocumentedClosed
                | Demand::RedisNeedsPassword
                | Demand::MongodbNeedsLogin
                | Demand::MinioBucketsNeedLogin(_)
                | Demand::PortClosed
                | Demand::VersionsRefused(_)
                | Demand::UnknownNameReachesNoBackend
                | Demand::PlaintextRefused
        )
}
