//! The RTMP server of the demo: the handshake, and nothing behind it.

use std::io;

use rand::RngCore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VERSION: u8 = 3;

/// The length of C1, C2, S1 and S2 (RTMP specification §5.2.3).
const CHUNK: usize = 1536;

/// Time and zero, or time and time, before the random bytes of a chunk.
const TIMES: usize = 8;

/// Shakes hands as OpenVidu's ingress does: S0 and S1 follow the first byte, whatever it is.
///
/// # Errors
/// The connection's.
pub async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.read_u8().await?;
    let mut s0_s1 = [0; 1 + CHUNK];
    s0_s1[0] = VERSION;
    rand::rng().fill_bytes(&mut s0_s1[1 + TIMES..]);
    stream.write_all(&s0_s1).await?;
    let mut c1 = [0; CHUNK];
    stream.read_exact(&mut c1).await?;
    // S2: the time of C1, the time it was read (here 0), its random bytes.
    let mut s2 = c1;
    s2[4..TIMES].fill(0);
    stream.write_all(&s2).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}
