//! Whether large packets arrive. Control: the same question with small segments, asked when one stayed
//! without an answer on a connection that was accepted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, is_violated_or_open};
use crate::model::facts::{
    BrowserFacts, Facts, Handshake, HelloFacts, HelloShape, Loss, SecondTry, TlsFacts,
};
use crate::model::observation::{Observation, Outcome};
use crate::model::premise::{Direction, Doubt};
use crate::model::probe::{Carrier, ProbeSpec, TlsOffer};

/// The addresses to and from which only small packets arrive.
pub(super) struct LostPackets(Vec<Doubt>);

/// What second attempts and handshakes showed at one address.
#[derive(Default)]
struct Attempts {
    of_tls: Vec<SecondTry>,
    of_rtmp: Vec<SecondTry>,
    /// A chain of several certificates arrived: it fills a segment.
    long_chain: bool,
    /// What became of messages as long as a browser's, which fill a segment.
    long_hellos: LongHellos,
}

/// What long first messages of TLS met.
#[derive(Clone, Copy, Default)]
struct LongHellos {
    /// One arrived: what of the others was lost was not lost for its size.
    arrived: bool,
    /// One stayed unanswered twice, and the same one was answered in small segments.
    only_small: bool,
}

impl LostPackets {
    pub fn of(case: &Case<'_>) -> Self {
        let mut addresses: BTreeMap<IpAddr, Attempts> = BTreeMap::new();
        for observation in case.observations.iter() {
            let (Some(to), Outcome::Saw(facts)) =
                (observation.spec.endpoint(), &observation.outcome)
            else {
                continue;
            };
            let attempts = addresses.entry(to.address).or_default();
            match (&observation.spec, facts) {
                (
                    ProbeSpec::Tls { offer: TlsOffer::Web | TlsOffer::Stream, .. },
                    Facts::Tls(facts),
                ) => {
                    attempts.long_chain |= is_long_chain(facts);
                    attempts.of_tls.extend(facts.second_try);
                }
                (ProbeSpec::Browser { .. }, Facts::Browser(facts)) => {
                    attempts.long_hellos.add(facts);
                }
                // What wants TLS waits for the rest of a record of plain RTMP.
                (ProbeSpec::Rtmp { over: Carrier::Tls(_), .. }, Facts::Rtmp(facts)) => {
                    attempts.of_rtmp.extend(facts.second_try);
                }
                _ => {}
            }
        }
        let doubts = [Direction::ToUs, Direction::FromUs].into_iter().filter_map(|lost| {
            let of_direction =
                addresses.iter().filter(|(_, attempts)| attempts.lost() == Some(lost));
            let addresses: Vec<IpAddr> = of_direction.map(|(address, _)| *address).collect();
            (!addresses.is_empty()).then_some(Doubt::LargePackets { addresses, lost })
        });
        Self(doubts.collect())
    }

    /// What is left of a judgement that rests on what was not answered on an accepted connection.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        if !is_violated_or_open(&judgement) {
            return judgement;
        }
        let doubt = view.observations().filter(|it| is_lost(it)).find_map(|it| {
            let address = it.spec.address()?;
            self.0.iter().find(|doubt| match doubt {
                Doubt::LargePackets { addresses, .. } => addresses.contains(&address),
                _ => false,
            })
        });
        doubt.map_or(judgement, doubted)
    }
}

impl Attempts {
    /// The hello is a small packet in either attempt: where handshakes differ, it is the answer that
    /// was lost. A browser's hello is a large packet. C1 of RTMP is one, and so are S1 and S2: what is
    /// sent in pieces tells which.
    ///
    /// Where a large packet came the same way, the attempts differ for another reason: of several
    /// machines behind one front, one does not answer.
    fn lost(&self) -> Option<Direction> {
        let only_small = |it: &SecondTry| it.with_small_segments && !it.as_before;
        let are_lost = |all: &[SecondTry]| !all.is_empty() && all.iter().all(only_small);
        let LongHellos { arrived, only_small } = self.long_hellos;
        let in_pieces = || self.of_rtmp.iter().all(|it| it.in_pieces == Some(true));
        if are_lost(&self.of_tls) && !self.long_chain {
            Some(Direction::ToUs)
        } else if are_lost(&self.of_rtmp) && in_pieces() && !arrived {
            Some(Direction::FromUs)
        } else if are_lost(&self.of_rtmp) && !in_pieces() && !self.long_chain {
            Some(Direction::ToUs)
        } else {
            (only_small && !arrived).then_some(Direction::FromUs)
        }
    }
}

fn is_long_chain(facts: &TlsFacts) -> bool {
    let Some(Handshake::Completed(session)) = &facts.handshake else { return false };
    session.certificate.as_ref().is_some_and(|chain| chain.sent > 1)
}

impl LongHellos {
    /// What cannot put a message together from two segments does not answer it in smaller ones either:
    /// that is no loss.
    fn add(&mut self, facts: &BrowserFacts) {
        use HelloShape as Shape;
        let answer = |shape| facts.twin(shape);
        let is_answered =
            |shape| answer(shape).is_some_and(|it| matches!(it, Handshake::Completed(_)));
        let is_lost_again = |hello: &HelloFacts| {
            hello.answer == Handshake::Silent && answer(hello.shape) == Some(&Handshake::Silent)
        };
        self.arrived |= facts.hellos.iter().any(|hello| hello.answer != Handshake::Silent);
        self.arrived |= [Shape::Chromium, Shape::Firefox].into_iter().any(is_answered);
        self.only_small |= facts.hellos.iter().any(is_lost_again)
            && is_answered(Shape::ChromiumInPieces)
            && is_answered(Shape::ShortInTwo)
            && is_answered(Shape::Short);
    }
}

fn is_lost(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(facts) => facts.loss() == Some(Loss::Behind),
        Outcome::Blind(_) => false,
    }
}
