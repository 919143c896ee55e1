//! The HTTP server ([hyper](https://docs.rs/hyper)): connections, their number, their time, and the size of what they send.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Prober;
use super::public::PublicPage;
use super::routes::{self, Asked, Reply};

/// The most connections at the same time; more have to wait.
const MOST_CONNECTIONS: usize = 200;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// The time for the head of a request, also for the next one on the same connection.
const FOR_HEAD: Duration = Duration::from_secs(5);

/// The time of a connection, with all its requests: longer than any module, and than a scrape may take.
const FOR_CONNECTION: Duration = Duration::from_secs(600);

/// The same for a user: the page, its assets, and two requests.
const FOR_CONNECTION_OF_USER: Duration = Duration::from_secs(60);

/// The time for a body.
const FOR_BODY: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted: usually there are too many open files.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A socket that listens, and its address.
pub struct Listener {
    socket: TcpListener,
    pub address: SocketAddr,
}

/// Begins to listen.
///
/// # Errors
/// The system's.
pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
    #[expect(clippy::disallowed_methods, reason = "the prober's own listener, and no probe")]
    let socket = TcpListener::bind(address).await?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

/// Who is answered.
#[derive(Clone)]
pub enum Site {
    /// Prometheus and the operator.
    Operator(Prober),
    /// Users.
    Public(PublicPage),
}

impl Site {
    /// The time of a connection, with all its requests.
    fn for_connection(&self) -> Duration {
        match self {
            Self::Operator(_) => FOR_CONNECTION,
            Self::Public(_) => FOR_CONNECTION_OF_USER,
        }
    }
}

/// Answers without end.
pub async fn answer(listener: Listener, site: Site) {
    let Listener { socket, address } = listener;
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let Ok((stream, peer)) = socket.accept().await else {
            sleep(AFTER_FAILURE).await;
            continue;
        };
        let site = site.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, &site, address, peer.ip()));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(FOR_HEAD)
                .max_buf_size(LONGEST_HEAD)
                .serve_connection(TokioIo::new(stream), service);
            // A client that broke the connection does not wait for an answer.
            let _ = timeout(site.for_connection(), connection).await;
            drop(permit);
        });
    }
}

/// Answers a request. Its body is only read by what needs it.
async fn respond(
    request: Request<Incoming>,
    site: &Site,
    address: SocketAddr,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        method: &parts.method,
        peer,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        host: (parts.headers.get(HOST).and_then(|value| value.to_str().ok()))
            .or(parts.uri.authority().map(|it| it.as_str())),
    };
    Ok(response(match site {
        Site::Operator(prober) => routes::answer(&asked, body, prober, address).await,
        Site::Public(page) => page.answer(&asked, body).await,
    }))
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    TooLarge,
    /// It ended early, or did not come in time.
    Unfinished,
}

/// Reads a body of at most so many bytes.
pub async fn read(body: Incoming, most: usize) -> Result<Bytes, BodyFault> {
    match timeout(FOR_BODY, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Ok(Err(_)) | Err(_) => Err(BodyFault::Unfinished),
    }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let Reply { status, content_type, body, headers: own } = reply;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The pages allow their own style in themselves: nothing is loaded, and nothing is run.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    );
    if status == hyper::StatusCode::UNAUTHORIZED {
        headers.insert(hyper::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    // Those of the reply replace these: of two policies, browsers would keep to both.
    for (name, value) in own {
        headers.insert(name, value);
    }
    response
}
