//! What does an endpoint answer to the messages of a browser?

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::reach;
use crate::model::facts::{
    BrowserFacts, Connect, Facts, Handshake, HelloFacts, HelloShape, Http2Facts,
};
use crate::model::observation::Outcome;
use crate::model::probe::{ApiRequest, Sni};
use crate::model::target::Endpoint;
use crate::net::browser::Hello;
use crate::net::tls::{Alpn, Offer};
use crate::net::{Network, browser, tcp};

/// The messages of browsers.
const BROWSERS: [HelloShape; 2] = [HelloShape::Chromium, HelloShape::Firefox];

/// Sends the ClientHello of Chromium and Firefox at the same time; when the server chooses HTTP/2 it
/// is spoken too. Only when a browser is not answered, other messages follow.
pub async fn run(net: &Network, to: Endpoint, sni: &Sni, speaks_http: bool) -> (u32, Outcome) {
    let deadline = reach::deadline(net);
    let mut facts = BrowserFacts {
        connect: Connect::Accepted,
        dialled: net.dial.elsewhere(to),
        hellos: Vec::new(),
        twins: Vec::new(),
        http2: None,
    };
    let (attempts, connection) = reach::connect(net, to, deadline).await;
    let stream = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => {
            facts.connect = connect;
            return (attempts, Outcome::Saw(Facts::Browser(facts)));
        }
        Ok(Ok(stream)) => stream,
    };
    let of_shape = |shape| Hello { shape, sni: sni.clone(), speaks_http };
    let [first, second] = BROWSERS;
    let first_hello = of_shape(first);
    let (first_answer, second_answer, http2) = tokio::join!(
        browser::hello(net, stream, &first_hello, deadline),
        hello(net.clone(), to, of_shape(second), deadline),
        http2(net, to, sni, speaks_http, deadline),
    );
    facts.hellos.push(HelloFacts { shape: first, answer: first_answer });
    facts.hellos.extend(second_answer);
    facts.http2 = http2;
    if !facts.hellos.iter().all(|hello| matches!(hello.answer, Handshake::Completed(_))) {
        facts.twins = twins(net, to, sni, speaks_http).await;
    }
    (attempts, Outcome::Saw(Facts::Browser(facts)))
}

/// The messages of the second round, all at once.
async fn twins(net: &Network, to: Endpoint, sni: &Sni, speaks_http: bool) -> Vec<HelloFacts> {
    let deadline = Instant::now() + net.limits.timeout;
    let mut tasks = JoinSet::new();
    for (place, shape) in HelloShape::ALL.into_iter().enumerate() {
        let (net, sni) = (net.clone(), sni.clone());
        tasks.spawn(async move {
            (place, hello(net, to, Hello { shape, sni, speaks_http }, deadline).await)
        });
    }
    let mut all = tasks.join_all().await;
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().filter_map(|(_, hello)| hello).collect()
}

/// One message on a connection of its own; `None` when that is not accepted.
async fn hello(
    net: Network,
    to: Endpoint,
    message: Hello,
    deadline: Instant,
) -> Option<HelloFacts> {
    let Ok(Ok(stream)) = tcp::connect(&net, to, deadline).await else {
        return None;
    };
    let answer = browser::hello(&net, stream, &message, deadline).await;
    Some(HelloFacts { shape: message.shape, answer })
}

/// What HTTP/2 meets; `None` when it is not offered or not chosen.
async fn http2(
    net: &Network,
    to: Endpoint,
    sni: &Sni,
    speaks_http: bool,
    deadline: Instant,
) -> Option<Http2Facts> {
    let (Sni::Name(name), true) = (sni, speaks_http) else {
        return None;
    };
    let (_, Ok(reached)) = reach::open(net, to, Some(Offer::new(sni, Alpn::Web)), deadline).await
    else {
        return None;
    };
    let mut stream = reached.stream?;
    let Some(Handshake::Completed(session)) = reached.handshake else {
        return None;
    };
    if session.alpn?.unquoted() != "h2" {
        return None;
    }
    let paths = [ApiRequest::Validate, ApiRequest::WebSocketUpgrade].map(ApiRequest::path);
    Some(browser::http2(net, &mut stream, name.as_str(), paths, deadline).await)
}
