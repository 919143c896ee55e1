//! What a judge says.

use std::net::IpAddr;

use crate::model::configuration::Location;
use crate::model::facts::{ServerText, Way};
use crate::model::name::{DomainName, NodeName};
use crate::model::observation::Blindness;
use crate::model::port::{Port, PortRange};
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::rule::RuleId;
use crate::model::seen::Seen;
use crate::model::target::{CandidateTarget, SettingTarget, Target};
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Severity, Verdict};

/// What a judge says; `Err` when the observation that it rests on could not be made.
pub(super) type Judged = Result<Judgement, Blindness>;

/// What `${seen}` stands for in a remedy. Only values of our own types: no remedy repeats the text of
/// a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The port of the target.
    Nothing,
    /// `51000, 54000-54999`.
    Ports(Vec<PortRange>),
    Port(u16),
    Address(IpAddr),
    /// An address that cannot be read.
    UnreadableAddress,
}

/// A verdict and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub verdict: Verdict,
    pub reason: ReasonCode,
    pub seen: Seen,
    /// For `${seen}` in a remedy; empty: the target's port.
    pub named: Named,
    pub because: Vec<RuleId>,
    /// The part of the check's target that it is about.
    pub place: Place,
    /// Where in configuration files the cause is; the first is what has to be changed.
    pub locations: Vec<Location>,
    /// What to change there, which the remedy begins with.
    pub edits: Vec<Edit>,
    /// Its severity, where the degree that was seen is not that of the rule.
    pub severity: Option<Severity>,
    /// Further violations of the same check, which a person mends apart from this one.
    pub others: Vec<Self>,
}

/// The part of a check's target that a judgement is about. A part that is `None` is the check's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub node: Option<NodeName>,
    pub host: Option<DomainName>,
    pub address: Option<IpAddr>,
    pub port: Option<Port>,
    pub turn_url: Option<ServerText>,
    pub candidate: Option<CandidateTarget>,
    pub way: Option<Way>,
    pub setting: Option<SettingTarget>,
}

impl Place {
    /// One port of a list.
    pub fn port(port: Port) -> Self {
        Self { port: Some(port), ..Self::default() }
    }

    /// The target of the check, narrowed to this part of it.
    pub fn narrow(&self, target: &Target) -> Target {
        let mut narrow = target.clone();
        narrow.port = self.port.map(PortRange::from).or(narrow.port);
        narrow.node = self.node.clone().or(narrow.node);
        narrow.host = self.host.clone().or(narrow.host);
        narrow.address = self.address.or(narrow.address);
        narrow.way = self.way.or(narrow.way);
        narrow.setting = self.setting.clone().or(narrow.setting);
        narrow.turn_url = self.turn_url.clone().or(narrow.turn_url);
        narrow.candidate = self.candidate.clone().or(narrow.candidate);
        narrow
    }
}

impl Judgement {
    fn new(verdict: Verdict, reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self {
            verdict,
            reason,
            seen: seen.into(),
            named: Named::Nothing,
            because: Vec::new(),
            place: Place::default(),
            locations: Vec::new(),
            edits: Vec::new(),
            severity: None,
            others: Vec::new(),
        }
    }

    /// The demand holds, proven.
    pub fn pass(seen: impl Into<Seen>) -> Self {
        Self::new(Verdict::Pass(PassConfidence::Proven), ReasonCode::Holds, seen)
    }

    /// Nothing speaks against the demand.
    pub fn uncontradicted(seen: impl Into<Seen>) -> Self {
        Self::new(Verdict::Pass(PassConfidence::Uncontradicted), ReasonCode::Holds, seen)
    }

    /// The demand is broken, proven.
    pub fn fail(reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self::new(Verdict::Fail(FailConfidence::Proven), reason, seen)
    }

    /// The demand is probably broken.
    pub fn suspected(reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self::new(Verdict::Fail(FailConfidence::Suspected), reason, seen)
    }

    /// Nothing follows.
    pub fn inconclusive(kind: InconclusiveKind, reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self::new(Verdict::Inconclusive(kind), reason, seen)
    }

    /// Nothing follows, and it need not have been so.
    pub fn unsettled(reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self::inconclusive(InconclusiveKind::Unsettled, reason, seen)
    }

    /// Nothing follows, and nobody could tell from here.
    pub fn vantage_limit(reason: ReasonCode, seen: impl Into<Seen>) -> Self {
        Self::inconclusive(InconclusiveKind::VantageLimit, reason, seen)
    }

    /// The rule says nothing here.
    pub fn not_applicable(why: impl Into<Seen>) -> Self {
        Self::new(Verdict::NotApplicable, ReasonCode::NotApplicable, why)
    }

    /// With what `${seen}` stands for in a remedy.
    pub fn naming(self, named: Named) -> Self {
        Self { named, ..self }
    }

    /// With the ports that `${seen}` stands for in a remedy: `51000, 54000-54999`.
    pub fn naming_ports(self, ports: impl IntoIterator<Item = impl Into<PortRange>>) -> Self {
        self.naming(Named::Ports(ports.into_iter().map(Into::into).collect()))
    }

    /// With the broken rules that it follows from.
    pub fn because(self, because: Vec<RuleId>) -> Self {
        Self { because, ..self }
    }

    /// About this part of the check's target.
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// With the places in configuration files where the cause is, the one to change first.
    pub fn located(self, locations: impl IntoIterator<Item = Location>) -> Self {
        Self { locations: locations.into_iter().collect(), ..self }
    }

    /// With what to change in a configuration file.
    pub fn mended_by(self, edits: impl IntoIterator<Item = Edit>) -> Self {
        Self { edits: edits.into_iter().collect(), ..self }
    }

    /// As serious as this, whatever the rule says.
    pub fn of_severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    /// Several violations of one check, which are mended apart; `None` where there is none.
    pub fn several(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let first = all.next()?;
        Some(Self { others: all.collect(), ..first })
    }

    /// Whether it is one verdict, or consists of violations alone.
    pub fn is_of_one_kind(&self) -> bool {
        let mut all = std::iter::once(self).chain(&self.others);
        self.others.is_empty() || all.all(|it| matches!(it.verdict, Verdict::Fail(_)))
    }

    /// With something else in the place of each of the judgements that it consists of.
    pub fn map_each(self, change: impl Fn(Self) -> Self) -> Self {
        Self::several(self.apart().map(change)).expect("a judgement consists of one at least")
    }

    /// Each of the violations that it consists of.
    pub fn apart(mut self) -> impl Iterator<Item = Self> {
        let others = std::mem::take(&mut self.others);
        std::iter::once(self).chain(others)
    }

    /// What remains of a judgement when only proof counts.
    pub fn proof_only(mut self) -> Self {
        self.others = self.others.into_iter().map(Self::proof_only).collect();
        match self.verdict {
            Verdict::Pass(PassConfidence::Uncontradicted)
            | Verdict::Fail(FailConfidence::Suspected) => Self {
                verdict: Verdict::Inconclusive(InconclusiveKind::Unsettled),
                seen: Seen::NotProven(Box::new(self.seen)),
                ..self
            },
            Verdict::Pass(PassConfidence::Proven)
            | Verdict::Fail(FailConfidence::Proven)
            | Verdict::Inconclusive(_)
            | Verdict::NotApplicable => self,
        }
    }

    /// How much there is to do about it: the more, the larger.
    pub fn badness(&self) -> u8 {
        match self.verdict {
            Verdict::NotApplicable => 0,
            Verdict::Pass(PassConfidence::Proven) => 1,
            Verdict::Pass(PassConfidence::Uncontradicted) => 2,
            Verdict::Inconclusive(_) => 3,
            Verdict::Fail(FailConfidence::Suspected) => 4,
            Verdict::Fail(FailConfidence::Proven) => 5,
        }
    }

    /// The worst of several; of equal ones the first.
    pub fn worst(all: impl Iterator<Item = Self>) -> Option<Self> {
        let mut all: Vec<Self> = all.collect();
        all.reverse();
        all.into_iter().max_by_key(Self::badness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equally_bad_judgements_the_first_is_the_worst() {
        let all = [
            Judgement::uncontradicted("nothing speaks against it"),
            Judgement::fail(ReasonCode::TcpReset, "first"),
            Judgement::suspected(ReasonCode::TcpTimeout, "probably"),
            Judgement::fail(ReasonCode::TcpTimeout, "second"),
        ];
        assert_eq!(Judgement::worst(all.iter().cloned()).as_ref(), Some(&all[1]));
        assert_eq!(Judgement::worst(std::iter::empty()), None);
    }
}
