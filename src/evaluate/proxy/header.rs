//! The PROXY header: what the proxy sends, and what OpenVidu reads.

use super::super::config::{self, Value};
use super::super::judgement::Judgement;
use super::super::view::View;
use super::routes::{is_of_deployment, place, undecided};
use crate::model::configuration::{Backend, End, HopAction, Location, Opening, ProxyKind, Trace};
use crate::model::deployment::Edition;
use crate::model::facts::{Facts, ProxyFacts, SettingsKind};
use crate::model::reason::ReasonCode;
use crate::model::remedy::{Change, Edit};
use crate::model::seen::{ProxySeen, Seen};
use crate::model::target::Family;

/// Whether TURN over TLS reads a PROXY header: `turn.proxy_protocol` in `livekit.yaml`.
pub(super) enum TurnHeader<'a> {
    /// It demands one from every client. Where that is set.
    Read(&'a Location),
    /// It takes one for the first bytes of the client.
    NotRead,
    /// The files of OpenVidu were not read, or do not tell.
    Unknown,
}

impl<'a> TurnHeader<'a> {
    /// What the `livekit.yaml` of this run say.
    pub(super) fn of(view: &View<'a>) -> Self {
        let Some(facts) = view.case.saw().find_map(Facts::as_openvidu_configuration) else {
            return Self::Unknown;
        };
        let mut said = facts.of_kind(SettingsKind::Livekit).map(|file| {
            match config::truth(file, "turn.proxy_protocol") {
                Value::Is(true, setting) => Self::Read(setting.origin()),
                Value::Is(false, _) | Value::Absent => Self::NotRead,
                Value::Not(_) | Value::Unclear(_) => Self::Unknown,
            }
        });
        let Some(first) = said.next() else { return Self::Unknown };
        let is_same =
            |other: Self| std::mem::discriminant(&other) == std::mem::discriminant(&first);
        if said.all(is_same) { first } else { Self::Unknown }
    }
}

/// Whether a PROXY header goes to TURN if TURN reads one, and to nothing else of the deployment.
pub(super) fn agrees(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let turn = TurnHeader::of(view);
    let mut apart: Vec<(&Trace, &Backend)> = Vec::new();
    for trace in facts.traces.iter().filter(|trace| is_of_deployment(view, trace)) {
        let End::Backend(backend) = &trace.end else { continue };
        let is_same = |(known, other): &(&Trace, &Backend)| {
            (&known.asked.name, known.asked.port, known.asked.opening, other.proxy_header)
                == (&trace.asked.name, trace.asked.port, trace.asked.opening, backend.proxy_header)
        };
        if !apart.iter().any(is_same) {
            apart.push((trace, backend));
        }
    }
    let judged = apart.into_iter().filter_map(|(trace, backend)| {
        let turn = if trace.asked.opening == Opening::Stun { &turn } else { &TurnHeader::NotRead };
        match (backend.proxy_header, turn) {
            (Some(_), TurnHeader::NotRead) => Some(sent(facts.kind, trace, true)),
            // Since 3.9, the TURN server can be told to read one.
            (Some(_), TurnHeader::Unknown) => {
                Some(sent(facts.kind, trace, view.case.deployment.edition < Edition::V3_9))
            }
            (None, TurnHeader::Read(at)) => Some(wanted(trace, at)),
            (Some(_), TurnHeader::Read(_)) | (None, _) => None,
        }
    });
    let of_deployment = facts.traces.iter().filter(|trace| is_of_deployment(view, trace));
    Judgement::several(judged).or_else(|| undecided(of_deployment)).unwrap_or_else(|| {
        Judgement::pass(match turn {
            TurnHeader::Read(_) => ProxySeen::HeaderToTurn,
            _ => ProxySeen::NoHeader,
        })
    })
}

fn ends(trace: &Trace) -> ProxySeen {
    ProxySeen::EndsAt { families: Family::BOTH.to_vec(), end: Box::new(trace.end.clone()) }
}

/// A header that the backend does not read.
fn sent(kind: ProxyKind, trace: &Trace, is_proven: bool) -> Judgement {
    let mut hops = trace.hops.iter().rev();
    let sender = hops.find(|hop| matches!(hop.does, HopAction::SendsProxyHeader(_)));
    let at = sender.map(|hop| hop.at.clone()).or_else(|| trace.decided_at.clone());
    let judgement = match is_proven {
        true => Judgement::fail(ReasonCode::ProxyHeaderSent, ends(trace)),
        false => Judgement::suspected(ReasonCode::ProxyHeaderSent, ends(trace)),
    };
    // nginx has a line of its own for it, HAProxy a word.
    let edit = match kind {
        ProxyKind::Haproxy => at.as_ref().and_then(Edit::without),
        _ => at.clone().map(|at| Edit { at, change: Change::Delete }),
    };
    judgement.located(at).mended_by(edit).at(place(trace))
}

/// No header, to a TURN server that reads one. The line of the proxy that would send it is often the one of
/// the API as well, which reads none: the edit is on the other side.
fn wanted(trace: &Trace, setting: &Location) -> Judgement {
    let seen = Seen::from(ends(trace)).and(ProxySeen::TurnReadsHeader);
    let at = [Some(setting), trace.decided_at.as_ref()].into_iter().flatten().cloned();
    let line = setting.text.as_ref().map(|text| text.unquoted());
    let word = |line: &str| {
        let behind = line.chars().skip(setting.column.saturating_sub(1) as usize);
        behind.take(setting.width as usize).collect::<String>()
    };
    let edit = line.and_then(|line| Edit::replacing(setting, &word(line), "false"));
    Judgement::fail(ReasonCode::ProxyHeaderExpected, seen)
        .located(at)
        .mended_by(edit)
        .at(place(trace))
}
