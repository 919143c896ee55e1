//! A Redis without a password, reduced to the part that answers a `PING`.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest command that is read.
const LONGEST: u64 = 1024;

/// Answers the commands of one connection, one a line.
///
/// # Errors
/// The connection's.
pub async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut command = Vec::new();
        let length = (&mut stream).take(LONGEST).read_until(b'\n', &mut command).await?;
        if length == 0 || !command.ends_with(b"\n") {
            return Ok(());
        }
        let answer: &[u8] = match command.trim_ascii() {
            [] => continue,
            command if command.eq_ignore_ascii_case(b"PING") => b"+PONG\r\n",
            _ => b"-ERR unknown command\r\n",
        };
        stream.write_all(answer).await?;
    }
}
