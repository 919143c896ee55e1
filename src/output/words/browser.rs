//! Rules about browsers and the paths of clients, in words.

use super::{Statement, facts};
use crate::model::facts::{HelloShape, Http2Answer};
use crate::model::seen::{BrowserSeen, HelloCause, StoppedPath};
use crate::output::quote::{quoted, quoted_list};
use crate::output::text::list;

pub(super) fn statement(seen: &BrowserSeen) -> Statement {
    match seen {
        BrowserSeen::HelloAnswered { version, http2 } => Statement::new(format!(
            "the server answers the ClientHello of Chromium and Firefox with {version}{}",
            if *http2 { ", and speaks HTTP/2" } else { "" }
        )),
        BrowserSeen::HelloRefused { browsers, met, cause } => {
            let names: Vec<&str> = browsers.iter().map(|browser| shape(*browser)).collect();
            Statement::new(format!(
                "TLS works for older clients but not for {}: {}",
                list(&names),
                of(cause)
            ))
            .detail(format!("to the first message of {}: {}", names[0], facts::handshake(met)))
            .detail("the short message of an older client is answered")
        }
        BrowserSeen::RefusedOnce { browser, met } => Statement::new(format!(
            "the first message of {} was not answered once, but then it was",
            shape(*browser)
        ))
        .detail(facts::handshake(met)),
        BrowserSeen::NothingAnswered { browser, met } => Statement::new(format!(
            "the first message of {} is not answered, and a moment later no other message either",
            shape(*browser)
        ))
        .detail(facts::handshake(met)),
        BrowserSeen::LargeSegmentsLost => Statement::new(
            "packets of full size are lost on the way: a browser's first message is answered only \
             if it is sent in small packets",
        ),
        BrowserSeen::Http2NotSpoken(answer) => {
            Statement::new("the server chooses HTTP/2 (ALPN h2) but does not speak it")
                .detail(format!("to a request over HTTP/2: {}", http2(answer)))
        }
        BrowserSeen::PathsPass(requests) => {
            Statement::new(format!("answered as expected: {}", list(requests)))
        }
        BrowserSeen::PathsStopped(stopped) => {
            let names: Vec<String> = stopped.iter().map(request).collect();
            let details = stopped.iter().zip(&names).map(|(stopped, name)| {
                let answer = match stopped {
                    StoppedPath::OverHttp1 { answer, .. } => facts::http(answer),
                    StoppedPath::OverHttp2 { answer, .. } => http2(answer),
                };
                format!("{name}: {answer}")
            });
            Statement::new(format!("not passed on to OpenVidu: {}", list(&names))).with(details)
        }
        BrowserSeen::QueryLost => {
            Statement::new("the query of the URL is lost: no access token reaches LiveKit")
                .detail("WebSocket upgrade /rtc?access_token=…: LiveKit answers as without a token")
        }
        BrowserSeen::NewestPathPasses => Statement::new("/rtc/v1 reaches LiveKit"),
        BrowserSeen::NewestPathStopped(answer) => {
            Statement::new("/rtc/v1 does not reach LiveKit").detail(facts::http(answer))
        }
        BrowserSeen::OriginAllowed => {
            Statement::new("pages of other origins may read LiveKit's answers (CORS)")
        }
        BrowserSeen::SeveralOrigins(origins) => Statement::new(
            "Access-Control-Allow-Origin is there more than once, so browsers refuse the answer",
        )
        .detail(format!(
            "to GET /rtc/validate: {}. LiveKit sends one; the proxy adds another",
            quoted_list(origins)
        )),
        BrowserSeen::OtherOrigin(origins) => Statement::new(format!(
            "only pages of {} may read LiveKit's answers",
            quoted_list(origins)
        ))
        .detail("the proxy replaces LiveKit's header Access-Control-Allow-Origin"),
        BrowserSeen::NoOrigin => {
            Statement::new("no page of another origin may read LiveKit's answers")
                .detail("the proxy removes LiveKit's header Access-Control-Allow-Origin")
        }
        BrowserSeen::OriginRefused(answer) => {
            Statement::new("requests with the header Origin do not reach LiveKit")
                .detail(facts::http(answer))
        }
    }
}

fn request(stopped: &StoppedPath) -> String {
    match stopped {
        StoppedPath::OverHttp1 { request, .. } => request.to_string(),
        StoppedPath::OverHttp2 { is_websocket: true, .. } => {
            "WebSocket /rtc over HTTP/2".to_owned()
        }
        StoppedPath::OverHttp2 { is_websocket: false, .. } => {
            "GET /rtc/validate over HTTP/2".to_owned()
        }
    }
}

/// A browser, or what its message lacks.
fn shape(shape: HelloShape) -> &'static str {
    match shape {
        HelloShape::Chromium | HelloShape::ChromiumInPieces => "Chromium",
        HelloShape::Firefox => "Firefox",
        HelloShape::WithoutGrease => "GREASE (values that servers must ignore)",
        HelloShape::WithoutEncryptedHello => "Encrypted ClientHello (ECH)",
        HelloShape::WithoutPostQuantum => "the post-quantum key share (X25519MLKEM768)",
        HelloShape::WithoutNewExtensions => "newer extensions (ALPS, trust anchors, compression)",
        HelloShape::WithoutAlpn => "ALPN (h2 and http/1.1)",
        HelloShape::Short | HelloShape::ShortInTwo | HelloShape::ShortPadded => "older clients",
    }
}

fn of(cause: &HelloCause) -> String {
    match cause {
        HelloCause::SecondSegment => {
            "a ClientHello in more than one TCP segment is not read to its end".to_owned()
        }
        HelloCause::Size => "a long ClientHello is refused".to_owned(),
        HelloCause::Part(part) => format!("the refused part is {}", shape(*part)),
        HelloCause::Unknown => "something in their ClientHello is refused".to_owned(),
    }
}

fn http2(answer: &Http2Answer) -> String {
    match answer {
        Http2Answer::Response { status, body } if body.is_blank() => {
            format!("HTTP {status}")
        }
        Http2Answer::Response { status, body } => format!("HTTP {status} {}", quoted(body)),
        Http2Answer::StreamReset { code } => format!("the stream is reset (error {code})"),
        Http2Answer::GoAway { code } => format!("the connection is ended by GOAWAY (error {code})"),
        Http2Answer::NotHttp2(first) => {
            format!("the answer is {}, not HTTP/2", facts::first_bytes(first))
        }
        Http2Answer::Closed => "the connection ends without an answer".to_owned(),
        Http2Answer::Reset => "the connection is reset without an answer".to_owned(),
        Http2Answer::Silent => "no answer".to_owned(),
    }
}
