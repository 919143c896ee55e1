//! Port 80 of the proxy, as the guide's nginx configuration makes it.

use std::io;

use tokio::net::TcpStream;

use super::connections::close_gently;
use super::http::{Incoming, Reader, Request, Response, date};
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;

/// What port 80 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port80 {
    /// `return 301 https://$host$request_uri;`
    Redirects,
    /// Still the page of a fresh nginx.
    ServesPage,
}

impl Port80 {
    /// Answers the requests of one connection.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self, mut stream: TcpStream, clock: Clock) -> io::Result<()> {
        let mut reader = Reader::default();
        loop {
            match reader.next(&mut stream).await? {
                Incoming::Request(request) => {
                    let response = self.answer(&request, clock.now());
                    response.send(&mut stream).await?;
                    if request.header_lists("Connection", "close") {
                        return close_gently(stream).await;
                    }
                }
                Incoming::Bad => {
                    let response = page("400 Bad Request", clock.now());
                    response.send(&mut stream).await?;
                    return close_gently(stream).await;
                }
                Incoming::End => return Ok(()),
            }
        }
    }

    fn answer(self, request: &Request, now: Timestamp) -> Response {
        let Some(host) = request.header("Host") else {
            return page("400 Bad Request", now);
        };
        match self {
            Self::Redirects => {
                let mut response = page("301 Moved Permanently", now);
                // nginx's $host is the name in lower case, without a port.
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                let location = format!("https://{}{}", name.to_lowercase(), request.target);
                response.headers.push(("Location", location));
                response
            }
            Self::ServesPage => {
                let mut response = page("200 OK", now);
                response.body = "<h1>Welcome to nginx!</h1>\n".to_owned();
                response
            }
        }
    }
}

/// A page of nginx's own about a status.
fn page(status: &'static str, now: Timestamp) -> Response {
    Response {
        status,
        headers: vec![
            ("Server", "nginx".to_owned()),
            ("Date", date(now)),
            ("Content-Type", "text/html".to_owned()),
        ],
        body: format!("<center><h1>{status}</h1></center>\r\n"),
    }
}
