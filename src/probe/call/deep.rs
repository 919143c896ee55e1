//! Whether DTLS passes where STUN does: one more join for each proven way, in the same room, since
//! a server uses one pair of addresses for each connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::relay::{self, Relay};
use super::rights::Rights;
use super::{Call, MOST_RELAYS, Ready, direct, gather, join};
use crate::model::facts::{DtlsFacts, PathFacts, SessionFacts, Way};
use crate::model::observation::Blindness;
use crate::model::port::Transport;
use crate::net::messages::Messages;
use crate::proto::half_dtls::HalfDtls;
use crate::proto::ice::Purpose;
use crate::proto::turn::{read_data, send_indication};

/// Looks at each proven way once, all at the same time, and writes it into its path.
pub(super) async fn look(
    call: &Call,
    rights: &Rights,
    paths: &mut [PathFacts],
    _session: &SessionFacts,
) {
    let mut looks = JoinSet::new();
    for way in Way::ALL {
        let proven = paths
            .iter()
            .position(|path| path.way == way && path.check.is_answered());
        let Some(index) = proven else {
            continue;
        };
        let call = call.clone();
        let rights = rights.again();
        looks.spawn(async move { (index, again(&call, &rights, way).await) });
    }
    for (index, facts) in super::all(&mut looks).await {
        paths[index].dtls = Some(facts);
    }
}
