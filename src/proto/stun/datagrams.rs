//! STUN in datagrams: when to send again, and which port an answer is for.

use std::fmt;
use std::time::Duration;

use super::message::{HEADER, Request, looks_like_stun};

use crate::model::port::Port;
use crate::proto::first_bytes::MAGIC_COOKIE;

/// First retransmission timeout of a request over UDP: 350 ms, doubled after each copy.
///
/// RFC 8489 §6.2.1 (RTO, there 500 ms or more, Rc = 7 copies, 39.5 s). A person is waiting: with
/// 350 ms three copies, at 0, 350 and 1050 ms, fit before silence counts after 1.3 s. The last one
/// finds a Linux node's ICMP budget renewed (one error a second), so that its silence says
/// something. Nothing is lost on slower paths, where an answer to an earlier copy counts as well.
const INITIAL_RTO: Duration = Duration::from_millis(350);

/// The most copies of one request (RFC 8489 §6.2.1, Rc).
const MOST_COPIES: usize = 7;

/// When the next copy is due, counted from the first one, after `sent` of them; `None` when there
/// were enough.
pub fn next_copy(sent: usize) -> Option<Duration> {
    let sent = u32::try_from(sent).ok()?;
    let doubled = 2_u32.checked_pow(sent)?;
    (sent < MOST_COPIES as u32).then(|| INITIAL_RTO * (doubled - 1))
}

/// Transaction ids that tell the port a Binding request was sent to, so that answers and quotes in
/// ICMP errors find their port wherever it was dialled.
#[derive(Clone, Copy)]
pub struct PortIds {
    /// Random, one for all ports of a probe: who does not see a request cannot forge an answer.
    secret: [u8; 10],
}

impl PortIds {
    /// Ids around `secret`.
    pub fn new(secret: [u8; 10]) -> Self {
        Self { secret }
    }

    /// A Binding request for `port`.
    pub fn request(&self, port: Port) -> Request {
        let mut id = [0; 12];
        id[..10].copy_from_slice(&self.secret);
        id[10..].copy_from_slice(&port.number().to_be_bytes());
        Request::binding(id)
    }

    /// The bytes of [`Self::request`]: a bare header, made without an allocation.
    pub fn datagram(&self, port: Port) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[1] = 1;
        bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
        bytes[8..18].copy_from_slice(&self.secret);
        bytes[18..].copy_from_slice(&port.number().to_be_bytes());
        bytes
    }

    /// The port whose request `message` answers, quotes or repeats; `None` for anything else.
    pub fn port_of(&self, message: &[u8]) -> Option<Port> {
        let id = message.get(8..HEADER)?;
        let ours = looks_like_stun(message) && id[..10] == self.secret;
        let number = u16::from_be_bytes([id[10], id[11]]);
        Port::new(number).filter(|_| ours)
    }
}

impl fmt::Debug for PortIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortIds").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_copies_go_out_before_the_usual_time_out() {
        let due: Vec<_> = (0..4).map(next_copy).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(due, [ms(0), ms(350), ms(1050), ms(2450)]);
        assert_eq!(next_copy(7), None);
        assert_eq!(next_copy(usize::MAX), None);
    }

    #[test]
    fn an_id_leads_back_to_its_port() {
        let ids = PortIds::new(*b"0123456789");
        let port = Port::new(50_007).unwrap();
        let request = ids.request(port);
        assert_eq!(ids.datagram(port)[..], *request.bytes());
        assert_eq!(ids.port_of(request.bytes()), Some(port));
        assert_eq!(ids.port_of(&request.bytes()[..19]), None);
        assert_eq!(PortIds::new(*b"9876543210").port_of(request.bytes()), None);
    }
}
