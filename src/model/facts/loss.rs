//! What was asked and not answered, as every reader of facts sees it.

use serde::{Deserialize, Serialize};

use super::{
    Connect, Facts, Handshake, HttpAnswer, IdleEnd, RtmpAnswer, ServiceAnswer, StunAnswer,
    UdpAnswer,
};

/// How a question stayed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// No answer to connection attempts, or to datagrams.
    Silence,
    /// The connection was refused, by RST or ICMP.
    Refusal,
    /// The connection was accepted, and then ended or stayed silent.
    Behind,
}

impl Facts {
    /// What the connection attempt of a probe met; `None` when it made none of its own. A call has one
    /// for each of its steps.
    pub fn connect(&self) -> Option<&Connect> {
        match self {
            Self::Tcp(facts) => Some(&facts.connect),
            Self::Http(facts) => Some(&facts.connect),
            Self::Tls(facts) => Some(&facts.connect),
            Self::Api(facts) => Some(&facts.connect),
            Self::Browser(facts) => Some(&facts.connect),
            Self::Hold(facts) => Some(&facts.connect),
            Self::Rtmp(facts) => Some(&facts.connect),
            Self::Service(facts) => Some(&facts.connect),
            Self::Turn(facts) => facts.connect.as_ref(),
            Self::Dns(_)
            | Self::Authority(_)
            | Self::Udp(_)
            | Self::Echo(_)
            | Self::Responder(_)
            | Self::Call(_)
            | Self::Host(_)
            | Self::ProxyConfiguration(_)
            | Self::OpenviduConfiguration(_) => None,
        }
    }

    /// How the question of a probe stayed without an answer; `None` when it was answered, whatever the
    /// answer says.
    pub fn loss(&self) -> Option<Loss> {
        match self {
            // An echo is a control itself: what it says of silence is read where ports are judged.
            // That a responder is silent says nothing of a port.
            Self::Dns(_)
            | Self::Authority(_)
            | Self::Echo(_)
            | Self::Responder(_)
            | Self::Call(_)
            | Self::Host(_)
            | Self::ProxyConfiguration(_)
            | Self::OpenviduConfiguration(_) => None,
            Self::Tcp(facts) => of_connect(&facts.connect),
            Self::Http(facts) => of_connect(&facts.connect)
                .or_else(|| behind(facts.answer.as_ref().is_some_and(is_http_lost))),
            Self::Tls(facts) => of_connect(&facts.connect).or_else(|| of_tls(&facts.handshake)),
            Self::Browser(facts) => of_connect(&facts.connect)
                .or_else(|| behind(facts.hellos.iter().any(|hello| is_tls_lost(&hello.answer)))),
            Self::Api(facts) => of_connect(&facts.connect)
                .or_else(|| of_tls(&facts.handshake))
                .or_else(|| behind(facts.answer.as_ref().is_some_and(is_http_lost))),
            Self::Hold(facts) => of_connect(&facts.connect)
                .or_else(|| of_tls(&facts.handshake))
                .or_else(|| behind(facts.binding.as_ref().is_some_and(is_stun_lost))),
            Self::Rtmp(facts) => of_connect(&facts.connect)
                .or_else(|| of_tls(&facts.handshake))
                .or_else(|| behind(facts.answer.as_ref().is_some_and(is_rtmp_lost))),
            Self::Service(facts) => of_connect(&facts.connect)
                .or_else(|| behind(facts.answer.as_ref().is_some_and(is_service_lost))),
            Self::Turn(facts) => match &facts.connect {
                Some(connect) => {
                    of_connect(connect).or_else(|| of_tls(&facts.handshake)).or_else(|| {
                        behind(
                            [&facts.binding, &facts.allocate]
                                .into_iter()
                                .flatten()
                                .any(is_stun_lost),
                        )
                    })
                }
                None => {
                    let mut answers = [&facts.binding, &facts.allocate].into_iter().flatten();
                    let is_silent = answers.any(|answer| *answer == StunAnswer::Silent);
                    (is_silent && facts.other_protocol.is_none()).then_some(Loss::Silence)
                }
            },
            Self::Udp(facts) => {
                let mut ports = facts.ports.iter();
                ports.any(|port| port.answer == UdpAnswer::Silent).then_some(Loss::Silence)
            }
        }
    }
}

impl Facts {
    /// Whether something in it did not come within the time-out: a connection, a handshake, an answer or
    /// the rest of one. What was refused, closed or reset came in time, whatever it says. A call has
    /// many waits, and is not asked.
    pub fn is_out_of_time(&self) -> bool {
        let is_handshake = |handshake: &Option<Handshake>| *handshake == Some(Handshake::Silent);
        let is_stun = |answer: &Option<StunAnswer>| *answer == Some(StunAnswer::Silent);
        let behind = match self {
            Self::Dns(_)
            | Self::Authority(_)
            | Self::Tcp(_)
            | Self::Echo(_)
            | Self::Responder(_)
            | Self::Call(_)
            | Self::Host(_)
            | Self::ProxyConfiguration(_)
            | Self::OpenviduConfiguration(_) => false,
            Self::Http(facts) => facts.answer.as_ref().is_some_and(is_http_out_of_time),
            Self::Tls(facts) => is_handshake(&facts.handshake),
            Self::Browser(facts) => {
                facts.hellos.iter().any(|hello| hello.answer == Handshake::Silent)
            }
            Self::Api(facts) => {
                is_handshake(&facts.handshake)
                    || facts.answer.as_ref().is_some_and(is_http_out_of_time)
            }
            Self::Turn(facts) => {
                is_handshake(&facts.handshake)
                    || is_stun(&facts.binding)
                    || is_stun(&facts.allocate)
            }
            Self::Hold(facts) => {
                is_handshake(&facts.handshake)
                    || is_stun(&facts.binding)
                    || facts.idle.is_some_and(|idle| idle.end == IdleEnd::Forgotten)
            }
            Self::Rtmp(facts) => {
                is_handshake(&facts.handshake)
                    || matches!(
                        facts.answer,
                        Some(RtmpAnswer::Silent | RtmpAnswer::Unfinished { .. })
                    )
            }
            Self::Service(facts) => matches!(
                facts.answer,
                Some(ServiceAnswer::Silent | ServiceAnswer::Unfinished { .. })
            ),
            Self::Udp(facts) => facts.ports.iter().any(|port| port.answer == UdpAnswer::Silent),
        };
        behind || self.connect() == Some(&Connect::Silent)
    }
}

fn is_http_out_of_time(answer: &HttpAnswer) -> bool {
    matches!(answer, HttpAnswer::Silent | HttpAnswer::Unfinished { .. })
}

fn of_connect(connect: &Connect) -> Option<Loss> {
    match connect {
        Connect::Accepted => None,
        Connect::Silent => Some(Loss::Silence),
        Connect::Reset | Connect::Icmp(_) => Some(Loss::Refusal),
    }
}

fn behind(is_lost: bool) -> Option<Loss> {
    is_lost.then_some(Loss::Behind)
}

fn of_tls(handshake: &Option<Handshake>) -> Option<Loss> {
    behind(handshake.as_ref().is_some_and(is_tls_lost))
}

fn is_tls_lost(handshake: &Handshake) -> bool {
    matches!(handshake, Handshake::Silent | Handshake::Closed | Handshake::Reset)
}

fn is_http_lost(answer: &HttpAnswer) -> bool {
    matches!(answer, HttpAnswer::Silent | HttpAnswer::Closed | HttpAnswer::Reset)
}

fn is_stun_lost(answer: &StunAnswer) -> bool {
    matches!(answer, StunAnswer::Silent | StunAnswer::Closed | StunAnswer::Reset)
}

fn is_rtmp_lost(answer: &RtmpAnswer) -> bool {
    matches!(answer, RtmpAnswer::Silent | RtmpAnswer::Closed | RtmpAnswer::Reset)
}

fn is_service_lost(answer: &ServiceAnswer) -> bool {
    matches!(answer, ServiceAnswer::Silent | ServiceAnswer::Closed | ServiceAnswer::Reset)
}
