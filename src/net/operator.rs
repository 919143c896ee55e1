//! A request to `ovcheck serve` at its operator's address.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::model::secret::Secret;

/// The time for all of it.
const TIME: Duration = Duration::from_secs(10);

/// The longest answer, in bytes.
const LONGEST_ANSWER: u64 = 16 * 1024;

/// Sends JSON, and returns the HTTP status and the body of the answer.
///
/// # Errors
/// Those of the connection; `InvalidData`: the answer is not HTTP/1.1.
pub async fn post_json(
    address: SocketAddr,
    path: &str,
    token: Option<&Secret>,
    body: &str,
) -> io::Result<(u16, Vec<u8>)> {
    let exchange = async {
        #[expect(clippy::disallowed_methods, reason = "the operator's own server, and no probe")]
        let mut stream = TcpStream::connect(address).await?;
        let authorization = token
            .map(|token| format!("Authorization: Bearer {}\r\n", token.expose()))
            .unwrap_or_default();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout(TIME, exchange).await.map_err(|_| io::ErrorKind::TimedOut)??;
    parsed(&answer).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the answer is not that of ovcheck serve")
    })
}

fn parsed(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(answer).ok()? else { return None };
    Some((response.code?, answer[length..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parsed(answer), Some((201, b"{}".to_vec())));
        for wrong in [&b""[..], b"HTTP/1.1 201", b"SSH-2.0-x\r\n\r\n"] {
            assert_eq!(parsed(wrong), None);
        }
    }
}
