//! WebRTC over TCP without a session: the multiplexer of pion's ICE, as a stranger meets it.

use std::io;

use stun::attributes::ATTR_USERNAME;
use stun::message::{BINDING_REQUEST, Message};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest first packet that is read.
const LONGEST: usize = 512;

/// Reads the first packet with its length before it (RFC 4571 §2). A Binding request with a
/// USERNAME might belong to a session to come, and the connection stays open for that; everything
/// else ends it.
///
/// # Errors
/// The connection's.
pub async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST {
        // HTTP, TLS, STUN without a length: over unread bytes this closes with RST.
        return Ok(());
    }
    let mut packet = Message::new();
    packet.raw = vec![0; length];
    stream.read_exact(&mut packet.raw).await?;
    let awaited =
        packet.decode().is_ok() && packet.typ == BINDING_REQUEST && packet.contains(ATTR_USERNAME);
    if awaited {
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(())
}
