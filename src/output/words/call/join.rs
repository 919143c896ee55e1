//! What the API says to a join, in words.

use super::super::{Statement, facts};
use super::statement;
use crate::model::face::Intention;
use crate::model::facts::{HttpAnswer, LivekitRefusal, LostWebSocket, UpgradeFlaw};
use crate::model::seen::{ClockShown, JoinSeen, JoinSpeaker, Speaker};
use crate::output::quote::quoted;

pub(super) fn join(seen: &JoinSeen) -> Statement {
    match seen {
        JoinSeen::Joined { server_version, after_ms, certificate } => {
            let after = after_ms.map_or_else(String::new, |ms| format!(", after {ms} ms"));
            let version = match server_version.is_blank() {
                true => String::new(),
                false => format!(" {}", quoted(server_version)),
            };
            let text = format!("LiveKit{version} accepts a participant{after}");
            Statement::new(text).with(certificate.iter().flat_map(|seen| statement(seen).lines()))
        }
        JoinSeen::Refused { why, clock, status, said } => {
            let statement = Statement::new(refusal(*why, *clock));
            let statement = match clock {
                ClockShown::Differs { ahead_s } if *why == LivekitRefusal::Expired => {
                    statement.detail(clocks(*ahead_s))
                }
                ClockShown::Agrees | ClockShown::Differs { .. }
                    if *why == LivekitRefusal::NotValidYet =>
                {
                    statement.detail("it begins later, or another clock made it")
                }
                ClockShown::IsTheCause { .. }
                | ClockShown::Differs { .. }
                | ClockShown::Agrees
                | ClockShown::NotTold => statement,
            };
            statement.detail(format!("HTTP {status} {}", quoted(said)))
        }
        JoinSeen::UpgradeLost(answer) => {
            Statement::new("the WebSocket upgrade is lost on the way to LiveKit")
                .detail(facts::http(answer))
        }
        JoinSeen::NothingBehind(answer) => {
            let statement = Statement::new("nothing answers behind the proxy");
            statement.detail(match answer {
                HttpAnswer::Response(_) => {
                    format!("{}, from the proxy itself", facts::http(answer))
                }
                HttpAnswer::Closed
                | HttpAnswer::Reset
                | HttpAnswer::Silent
                | HttpAnswer::Unfinished { .. }
                | HttpAnswer::NotHttp(_) => format!("TLS completes, then {}", facts::http(answer)),
            })
        }
        JoinSeen::NotLiveKit(answer) => {
            Statement::new("the answer is not LiveKit's").detail(facts::http(answer))
        }
        JoinSeen::KnownSpeaker(known) => {
            let Speaker { who, means, .. } = &known.speaker;
            Statement::new(speaker(known))
                .detail(facts::http(&known.answer))
                .detail(format!("{who} answers like this: {means}"))
        }
        JoinSeen::WebSocketLost { fate, is_livekit_there } => {
            let (summary, detail) = match fate {
                LostWebSocket::Closed { after_ms } => (
                    "the WebSocket opens, but is closed before LiveKit's first message",
                    format!("closed with a close frame after {}", facts::seconds(*after_ms)),
                ),
                LostWebSocket::Cut { after_ms } => (
                    "the WebSocket opens, but its connection ends before LiveKit's first message",
                    format!("ended without a close frame after {} ms", after_ms),
                ),
                LostWebSocket::Mute { for_ms } => (
                    "the WebSocket opens, but carries nothing",
                    format!("no message within {}", facts::seconds(*for_ms)),
                ),
            };
            let statement = Statement::new(summary).detail(detail);
            match is_livekit_there {
                true => statement.detail(
                    "LiveKit answers other requests at the same place: something between the client \
                     and LiveKit loses the WebSocket",
                ),
                false => statement,
            }
        }
        JoinSeen::Beheaded(first) => {
            Statement::new("LiveKit's answer to the WebSocket upgrade arrives without its head")
                .detail(format!(
                    "the answer is {}: its status and headers were taken off on the way",
                    facts::first_bytes(first)
                ))
        }
        JoinSeen::GrantedWrongly(flaw) => {
            Statement::new("the WebSocket opens with headers that browsers and clients reject")
                .detail(upgrade_flaw(flaw))
        }
        JoinSeen::NotLiveKitInWebSocket(first) => {
            Statement::new("a WebSocket opens, but the first message is not LiveKit's")
                .detail(format!("instead of a join response: {}", quoted(first)))
        }
    }
}

/// Who answers in the place of LiveKit, and what they want by it.
pub(in crate::output) fn speaker(known: &JoinSpeaker) -> String {
    let who = &known.speaker.who;
    match known.says {
        Intention::SentElsewhere => format!("{who} sends the join to another place"),
        Intention::PasswordAsked => format!("{who} asks for a password before LiveKit"),
        Intention::ClientCertificate => format!("{who} demands a client certificate"),
        Intention::Refused => format!("{who} refuses the join on purpose"),
        Intention::WrongProtocol => format!("{who} receives another protocol than it speaks"),
        Intention::WrongHost => format!("{who} does not know the name"),
        Intention::NotNow => format!("{who} does not serve the join at this time"),
        Intention::NothingBehind => format!("{who} gets no answer from behind it"),
        Intention::OtherSite => format!("{who} answers instead of LiveKit"),
    }
}

fn upgrade_flaw(flaw: &UpgradeFlaw) -> String {
    match flaw {
        UpgradeFlaw::NoUpgrade => {
            "the answer 101 does not have exactly one header Upgrade: websocket".to_owned()
        }
        UpgradeFlaw::NoConnection => {
            "the header Connection of the answer 101 does not list Upgrade".to_owned()
        }
        UpgradeFlaw::NoAccept => {
            "the header Sec-WebSocket-Accept is missing from the answer 101".to_owned()
        }
        UpgradeFlaw::WrongAccept => {
            "the header Sec-WebSocket-Accept does not match the key of the request".to_owned()
        }
        UpgradeFlaw::SeveralAccepts => {
            "the answer 101 has more than one header Sec-WebSocket-Accept".to_owned()
        }
        UpgradeFlaw::UnaskedProtocol(name) => format!(
            "the header Sec-WebSocket-Protocol names {}, which was not requested",
            quoted(name)
        ),
        UpgradeFlaw::UnaskedExtension(name) => format!(
            "the header Sec-WebSocket-Extensions names {}, which was not requested",
            quoted(name)
        ),
    }
}

fn clocks(ahead_s: i64) -> String {
    format!("the server's clock is {} the clock of this computer", facts::clock_is(ahead_s))
}

fn refusal(why: LivekitRefusal, clock: ClockShown) -> String {
    let token = |why: &str| format!("LiveKit refuses the token: {why}");
    match why {
        LivekitRefusal::WrongSecret => token("it is signed with a secret other than the server's"),
        LivekitRefusal::UnknownKey => token("the server does not know its API key"),
        LivekitRefusal::NotValidYet | LivekitRefusal::Expired => {
            let is_early = why == LivekitRefusal::NotValidYet;
            match clock {
                ClockShown::IsTheCause { ahead_s } => {
                    let state = if is_early { "not valid yet" } else { "expired" };
                    format!("{}, so that the token counts as {state}", clocks(ahead_s))
                }
                ClockShown::Agrees | ClockShown::Differs { .. } if is_early => {
                    token("it is not valid yet, although the clocks agree")
                }
                ClockShown::NotTold if is_early => token("it is not valid yet"),
                ClockShown::Agrees | ClockShown::Differs { .. } | ClockShown::NotTold => {
                    token("it has expired")
                }
            }
        }
        LivekitRefusal::NoJoinRight => token("it does not allow joining a room (roomJoin)"),
        LivekitRefusal::NoToken => {
            "LiveKit received no token: something on the way probably removes it from the URL"
                .to_owned()
        }
        LivekitRefusal::OtherToken => {
            "LiveKit refuses the token for the reason quoted below".to_owned()
        }
        LivekitRefusal::NoRoomName => token("it names no room"),
        LivekitRefusal::NoSuchRoom => {
            "the token is right, but its room does not exist, and LiveKit creates none \
             (auto_create)"
                .to_owned()
        }
        LivekitRefusal::RefusedByMedia => {
            "the token is right, but the room accepts no participant: it is probably full \
             (max_participants)"
                .to_owned()
        }
    }
}
