//! A backend that does not answer, in words.

use super::{Statement, facts};
use crate::model::seen::{BackendDown, BackendSign};

pub(super) fn statement(seen: &BackendDown) -> Statement {
    let sign = match &seen.sign {
        BackendSign::HangsUp => {
            "the TLS handshake completes, then the proxy closes the connection, as it does when its \
             backend refuses the connection"
                .to_owned()
        }
        BackendSign::Silent => {
            "the TLS handshake completes, then no answer comes, as when a firewall drops the \
             packets to the backend"
                .to_owned()
        }
        BackendSign::SilentToHttp => {
            "the TLS handshake completes, then no answer comes, as when a firewall drops the \
             packets to the backend, or when a TURN server waits for more data"
                .to_owned()
        }
        BackendSign::GatewayError(response) => {
            format!("{}, from the proxy itself", facts::http_response(response))
        }
    };
    let statement = Statement::new("nothing answers behind the proxy").detail(sign);
    if seen.is_one_of_several {
        return statement.detail(
            "other requests to the same place were answered: of several machines behind the proxy, \
             one does not answer",
        );
    }
    statement
}
