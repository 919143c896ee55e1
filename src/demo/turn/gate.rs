//! A filter in front of the TURN server, which refuses requests that the server would grant.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use stun::attributes::{ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS};
use stun::error_code::{
    CODE_ALLOC_QUOTA_REACHED, CODE_FORBIDDEN, CODE_UNAUTHORIZED, ErrorCode, ErrorCodeAttribute,
};
use stun::integrity::MessageIntegrity;
use stun::message::Getter;
use stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_REQUEST, METHOD_ALLOCATE, METHOD_CHANNEL_BIND,
    METHOD_CREATE_PERMISSION, Message, MessageType,
};
use turn::proto::peeraddr::PeerAddress;
use webrtc_util::Conn;

use super::super::place::is_from_here;
use super::Users;

/// The addresses to which relays may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// The node's own address (OpenVidu since 3.6).
    NodeAlone,
    /// Every address, including networks behind the node (LiveKit before 1.12).
    Everybody,
}

/// How many relays users may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    Unlimited,
    /// Used up.
    UsedUp,
}

/// A socket that shows the server only what it may grant.
pub struct Gate {
    pub conn: Arc<dyn Conn + Send + Sync>,
    pub users: Arc<Users>,
    pub node: IpAddr,
    pub peers: Peers,
    pub quota: Quota,
}

impl Gate {
    /// The answer to a refused request. The server itself rejects unknown users.
    fn refusal(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::new();
        message.raw = datagram.to_vec();
        message.decode().ok()?;
        let code = self.objection(&message)?;
        let name = String::from_utf8(message.get(ATTR_USERNAME).ok()?).ok()?;
        let integrity = MessageIntegrity(self.users.key(&name)?);
        integrity.check(&mut message).ok()?;
        // Like pion's errors, without MESSAGE-INTEGRITY.
        let mut answer = Message::new();
        answer
            .build(&[
                Box::new(message.transaction_id),
                Box::new(MessageType::new(message.typ.method, CLASS_ERROR_RESPONSE)),
                Box::new(ErrorCodeAttribute { code, reason: Vec::new() }),
            ])
            .ok()?;
        Some(answer.raw)
    }

    fn objection(&self, message: &Message) -> Option<ErrorCode> {
        if message.typ.class != CLASS_REQUEST {
            return None;
        }
        let wants_foreign = self.peers == Peers::NodeAlone
            && peers(message).any(|peer| peer.is_ipv4() && peer != self.node);
        match message.typ.method {
            METHOD_ALLOCATE if self.quota == Quota::UsedUp => Some(CODE_ALLOC_QUOTA_REACHED),
            METHOD_CREATE_PERMISSION if wants_foreign => Some(CODE_FORBIDDEN),
            METHOD_CHANNEL_BIND if wants_foreign => Some(CODE_UNAUTHORIZED),
            _ => None,
        }
    }
}

/// Every XOR-PEER-ADDRESS of a message. The library's getter reads only the first one.
fn peers(message: &Message) -> impl Iterator<Item = IpAddr> {
    let attributes = message.attributes.0.iter();
    attributes.filter(|attribute| attribute.typ == ATTR_XOR_PEER_ADDRESS).filter_map(|attribute| {
        let mut alone = Message::new();
        alone.transaction_id = message.transaction_id;
        alone.add(attribute.typ, &attribute.value);
        let mut peer = PeerAddress::default();
        peer.get_from(&alone).ok()?;
        Some(peer.ip)
    })
}

#[async_trait]
impl Conn for Gate {
    async fn recv_from(&self, buffer: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        loop {
            let (length, client) = self.conn.recv_from(buffer).await?;
            if !is_from_here(client.ip(), self.conn.local_addr()?.ip()) {
                continue;
            }
            match self.refusal(&buffer[..length]) {
                None => return Ok((length, client)),
                // What cannot be sent is like a lost datagram: the client asks again.
                Some(refusal) => drop(self.conn.send_to(&refusal, client).await),
            }
        }
    }

    async fn send_to(&self, bytes: &[u8], client: SocketAddr) -> webrtc_util::Result<usize> {
        self.conn.send_to(bytes, client).await
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        self.conn.local_addr()
    }

    async fn connect(&self, address: SocketAddr) -> webrtc_util::Result<()> {
        self.conn.connect(address).await
    }

    async fn recv(&self, buffer: &mut [u8]) -> webrtc_util::Result<usize> {
        self.conn.recv(buffer).await
    }

    async fn send(&self, bytes: &[u8]) -> webrtc_util::Result<usize> {
        self.conn.send(bytes).await
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        self.conn.remote_addr()
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        self.conn.close().await
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
