//! Who answers a service's own question, without credentials?

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::reach;
use crate::model::facts::{
    BucketReply, Connect, Facts, HttpAnswer, MongoLogin, RedisAnswer, ServiceAnswer, ServiceFacts,
};
use crate::model::name::BucketName;
use crate::model::observation::Outcome;
use crate::model::probe::ServiceAsk;
use crate::model::target::Endpoint;
use crate::net::http::is_reset;
use crate::net::{Network, http, tcp};
use crate::proto::http::Request;
use crate::proto::service::{http2, ice_tcp, mongodb, redis, remainder};

/// How long a multiplexer of WebRTC over TCP has to keep a connection, at least, that it would
/// have hung up on otherwise. It hangs up on others at once.
const KEPT: Duration = Duration::from_millis(300);

/// Connects to `to` and asks; where HTTP answers, also for these buckets. Returns how many SYNs the first
/// connection took.
pub async fn run(
    net: &Network,
    to: Endpoint,
    ask: ServiceAsk,
    buckets: &[BucketName],
) -> (u32, Outcome) {
    let end = reach::deadline(net);
    let (attempts, connection) = reach::connect(net, to, end).await;
    let (connect, answer) = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => (connect, None),
        Ok(Ok(stream)) => {
            let asking =
                Asking { net, to, deadline: end.min(Instant::now() + net.limits.timeout), end };
            // In a box: most ports of a large deployment accept nothing, and wait at the same time.
            (Connect::Accepted, Some(Box::pin(asking.ask(stream, ask)).await))
        }
    };
    let buckets = match answer {
        Some(ServiceAnswer::Http(_)) => Box::pin(list_buckets(net, to, buckets, end)).await,
        _ => Vec::new(),
    };
    let facts = ServiceFacts { connect, dialled: net.dial.elsewhere(to), answer, buckets };
    (attempts, Outcome::Saw(Facts::Service(facts)))
}

/// What a server that speaks HTTP answers to a question without credentials for the list of each bucket.
async fn list_buckets(
    net: &Network,
    to: Endpoint,
    names: &[BucketName],
    end: Instant,
) -> Vec<BucketReply> {
    let mut replies = Vec::new();
    for name in names {
        // A list without any object: no file of anybody is named in a report.
        let path = format!("/{name}/?list-type=2&max-keys=0");
        let answer = reach::get(net, to, reach::Page { sni: None, path: &path }, end).await;
        replies.extend(answer.map(|answer| BucketReply { name: name.clone(), answer }));
    }
    replies
}

/// A probe whose connection was accepted.
struct Asking<'a> {
    net: &'a Network,
    to: Endpoint,
    /// When a wait for the first answer ends.
    deadline: Instant,
    /// The end of the whole probe.
    end: Instant,
}

impl Asking<'_> {
    async fn ask(&self, mut stream: TcpStream, ask: ServiceAsk) -> ServiceAnswer {
        let deadline = self.deadline;
        match ask {
            ServiceAsk::RedisPing => {
                let question = Question {
                    bytes: redis::PING,
                    longest: redis::LONGEST,
                    read: &redis::read,
                    cut_off: &remainder,
                };
                match question.ask(&mut stream, deadline).await {
                    ServiceAnswer::Redis(RedisAnswer::Pong) => {
                        of_which_mode(stream, deadline).await
                    }
                    other => other,
                }
            }
            ServiceAsk::Http2Settings => {
                let question = Question {
                    bytes: http2::HELLO,
                    longest: http2::LONGEST,
                    read: &http2::read,
                    cut_off: &remainder,
                };
                question.ask(&mut stream, deadline).await
            }
            ServiceAsk::MongoHello => {
                let hello = mongodb::Hello::new(rand::random());
                let question = Question {
                    bytes: &hello.bytes(),
                    longest: mongodb::LONGEST,
                    read: &|received| hello.read(received),
                    cut_off: &|received| hello.cut_off(received),
                };
                let answer = question.ask(&mut stream, deadline).await;
                match answer {
                    ServiceAnswer::MongoDb { set_name, is_primary, .. } => {
                        let login = demands_login(stream, deadline).await;
                        ServiceAnswer::MongoDb { set_name, is_primary, login }
                    }
                    other => other,
                }
            }
            ServiceAsk::IceTcp => self.ice_tcp(stream).await,
            ServiceAsk::MinioLive
            | ServiceAsk::GrafanaHealth
            | ServiceAsk::Ready
            | ServiceAsk::V2Config
            | ServiceAsk::IngressHealth
            | ServiceAsk::Page => {
                let path = ask.path().expect("a question by HTTP has a path");
                let host = self.to.to_string();
                let request =
                    Request { fields: &["Connection: close"], ..Request::get(path, &host) };
                let bytes = request.to_bytes();
                over_http(http::exchange(self.net, &mut stream, &bytes, deadline).await)
            }
        }
    }

    /// A Binding request without USERNAME has to be hung up on; one with a USERNAME, on a
    /// connection of its own, has to be kept, without an answer, for twice as long as that took.
    async fn ice_tcp(&self, mut stream: TcpStream) -> ServiceAnswer {
        let asked = Instant::now();
        let nameless = ice_tcp::nameless(rand::random());
        match packet(&nameless).ask(&mut stream, self.deadline).await {
            ServiceAnswer::Closed => {}
            // A web server waits for the end of a line.
            ServiceAnswer::Silent => return self.page_or_silence().await,
            other => return other,
        }
        let patience = KEPT.max(asked.elapsed() * 2);
        // This place accepted a connection a moment ago: that it does not now says nothing.
        let Ok(Ok(mut stream)) = tcp::connect(self.net, self.to, self.end).await else {
            return ServiceAnswer::HangsUpOnNameless;
        };
        let kept_until = Instant::now() + patience;
        if kept_until > self.end {
            return ServiceAnswer::HangsUpOnNameless;
        }
        let named = ice_tcp::named(rand::random(), rand::random());
        match packet(&named).ask(&mut stream, kept_until).await {
            ServiceAnswer::Silent => ServiceAnswer::IceTcp,
            other => other,
        }
    }

    /// What a web server says on a connection of its own, where one is.
    async fn page_or_silence(&self) -> ServiceAnswer {
        let page = reach::Page { sni: None, path: "/" };
        match reach::get(self.net, self.to, page, self.end).await {
            Some(HttpAnswer::Response(response)) => ServiceAnswer::Http(response),
            Some(_) | None => ServiceAnswer::Silent,
        }
    }
}

/// Whether what answered `PING` without a password is a Sentinel.
async fn of_which_mode(mut stream: TcpStream, deadline: Instant) -> ServiceAnswer {
    let question = Question {
        bytes: redis::INFO,
        longest: redis::LONGEST_INFO,
        read: &redis::read_info,
        cut_off: &redis::by_info,
    };
    match question.ask(&mut stream, deadline).await {
        answer @ ServiceAnswer::Redis(_) => answer,
        // It answered PING before.
        _ => ServiceAnswer::Redis(RedisAnswer::Pong),
    }
}

/// Whether MongoDB, which answered `hello`, lists its databases to nobody in particular.
async fn demands_login(mut stream: TcpStream, deadline: Instant) -> MongoLogin {
    let list = mongodb::ListDatabases::new(rand::random());
    let told = |login| ServiceAnswer::MongoDb { set_name: None, is_primary: None, login };
    let question = Question {
        bytes: &list.bytes(),
        longest: mongodb::LONGEST,
        read: &|received| list.read(received).map(told),
        cut_off: &|received| told(list.cut_off(received)),
    };
    match question.ask(&mut stream, deadline).await {
        ServiceAnswer::MongoDb { login, .. } => login,
        _ => MongoLogin::Unknown,
    }
}

fn over_http(answer: HttpAnswer) -> ServiceAnswer {
    match answer {
        HttpAnswer::Response(response) => ServiceAnswer::Http(response),
        HttpAnswer::Closed => ServiceAnswer::Closed,
        HttpAnswer::Reset => ServiceAnswer::Reset,
        HttpAnswer::Silent => ServiceAnswer::Silent,
        HttpAnswer::Unfinished { bytes } => ServiceAnswer::Unfinished { bytes },
        HttpAnswer::NotHttp(first) => ServiceAnswer::Other(first),
    }
}

/// A packet of WebRTC over TCP: nothing that comes back is expected.
fn packet(bytes: &[u8]) -> Question<'_> {
    /// As much as tells what else speaks.
    const LONGEST: usize = 512;
    Question { bytes, longest: LONGEST, read: &ice_tcp::read, cut_off: &remainder }
}

/// One question on a connection, and how its answer is read.
struct Question<'a> {
    bytes: &'a [u8],
    /// The most bytes of an answer that are read.
    longest: usize,
    /// The answer in what came so far, as soon as it is clear.
    read: &'a (dyn Fn(&[u8]) -> Option<ServiceAnswer> + Sync),
    /// The answer in what came, when nothing more will.
    cut_off: &'a (dyn Fn(&[u8]) -> ServiceAnswer + Sync),
}

impl Question<'_> {
    /// Asks on `stream`, and reads until the answer is clear, it is too long, or `deadline`.
    async fn ask(&self, stream: &mut TcpStream, deadline: Instant) -> ServiceAnswer {
        // Who refuses a question may have said something before it closed: that is read first.
        let sent = timeout_at(deadline, stream.write_all(self.bytes)).await;
        let was_reset = matches!(&sent, Ok(Err(error)) if is_reset(error));
        let mut received = Vec::new();
        let ending = loop {
            let room = self.longest.saturating_sub(received.len());
            if room == 0 {
                break ServiceAnswer::Unfinished { bytes: received.len() };
            }
            let mut next = (&mut *stream).take(room as u64);
            match timeout_at(deadline, next.read_buf(&mut received)).await {
                Err(_) => break ServiceAnswer::Silent,
                Ok(Ok(0)) if was_reset => break ServiceAnswer::Reset,
                Ok(Ok(0)) => break ServiceAnswer::Closed,
                Ok(Ok(_)) => {}
                Ok(Err(error)) if is_reset(&error) => break ServiceAnswer::Reset,
                Ok(Err(_)) => break ServiceAnswer::Closed,
            }
            if let Some(answer) = (self.read)(&received) {
                return answer;
            }
        };
        // What came says more than how it ended.
        if received.is_empty() { ending } else { (self.cut_off)(&received) }
    }
}
