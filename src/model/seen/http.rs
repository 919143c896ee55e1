//! What rules about plain HTTP and LiveKit's HTTP API saw.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::face::{Intention, Ownership};
use crate::model::facts::{
    Connect, FirstBytes, HttpAnswer, HttpResponse, LivekitReply, ServerText,
};
use crate::model::probe::ApiRequest;

/// What a rule about HTTP saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpSeen {
    /// A permanent redirect to the same URL on https.
    RedirectsToHttps { status: u16 },
    /// A permanent redirect to https on the same name, and to another path.
    RedirectsToOtherPath { status: u16 },
    /// A temporary redirect to https on the same name.
    TemporaryRedirect { status: u16 },
    /// A redirect to the same URL without https: round and round.
    RedirectsToItself { status: u16 },
    /// A redirect to another place.
    RedirectsElsewhere { status: u16, location: ServerText },
    /// A redirect that does not say where to.
    NoLocation { status: u16 },
    /// A response that is not a redirect.
    NoRedirect(HttpResponse),
    /// The certificate is valid for this many more days.
    NoRenewalDue { days: i64 },
    /// No connection for a challenge of ACME.
    NoChallengeConnection(Connect),
    /// No HTTP response to a challenge of ACME.
    NoChallengeResponse(HttpAnswer),
    /// A challenge of ACME is answered without a redirect.
    ChallengeAnswered(HttpResponse),
    /// A challenge of ACME is redirected to another place.
    ChallengeRedirected { location: ServerText },
    /// A challenge of ACME is redirected to TLS on the same name, where a TURN server answers.
    ChallengeMeetsTurn { status: u16, location: ServerText },
    /// LiveKit answers as it does to a request without a token.
    Livekit(LivekitReply),
    /// Somebody else answers in the place of LiveKit.
    Spoken(Box<Spoken>),
    /// The response would be LiveKit's, but for a body that is not known.
    BodyUnread(HttpResponse),
    /// The answer is not one of LiveKit's API.
    NotLivekit(HttpAnswer),
    /// The upgrade reaches LiveKit, which asks for a token.
    UpgradePasses,
    /// LiveKit answers 404, as it does to a request without upgrade headers.
    UpgradeHeadersLost,
    /// LiveKit's refusal of the upgrade comes with a `Sec-WebSocket-Accept`, and a wrong one.
    AcceptAdded,
    /// LiveKit's answer to the upgrade comes without its head.
    UpgradeBeheaded(FirstBytes),
    /// The upgrade meets another response than LiveKit's.
    UpgradeRefused(HttpResponse),
    /// The POST reaches LiveKit with another method or path.
    PostAltered,
    /// The response has no readable `Date`.
    NoDate,
    /// The server's clock and this machine's agree.
    ClocksAgree,
    /// The server's clock is ahead by this many seconds; negative: behind.
    ClockDiffers { ahead_s: i64 },
}

/// An answer of somebody in the place of LiveKit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    pub says: Intention,
    pub answer: HttpResponse,
    /// The request that was answered.
    pub asked: ApiRequest,
    /// Requests to the same name that LiveKit itself answered.
    pub passes: Vec<ApiRequest>,
    /// Where it sends people.
    pub to: Option<Destination>,
    pub speaker: Option<Speaker>,
}

/// Who is known to give such an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// The id of the face.
    pub face: String,
    pub who: String,
    pub whose: Ownership,
    pub means: String,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// To the URL that was asked for: round and round.
    Itself,
    /// To another path of the same place.
    Path(ServerText),
    /// To another place, with the signs of a login in its URL.
    Login(ServerText),
    /// To another place.
    Place(ServerText),
}

impl From<HttpSeen> for Seen {
    fn from(seen: HttpSeen) -> Self {
        Self::Http(seen)
    }
}
