//! Facts as probes bring them home, made by hand.

use std::net::{IpAddr, SocketAddr};

use ovcheck::model::facts::{
    ApiFacts, AuthorityAnswer, CandidateFacts, CandidatePlace, CertificateFacts, ChainFacts,
    Connect, DnsAnswer, DnsFacts, Facts, Handshake, HttpAnswer, HttpResponse, IceScheme, IceUrl,
    IceUrlParts, IcmpError, IcmpSender, RtmpAnswer, RtmpFacts, Sentinel, ServerText, StunAnswer,
    TlsFacts, TlsSession, TlsVersion, Trust, TurnFacts, UdpAnswer, UdpFacts, UdpPortFacts,
};
use ovcheck::model::port::Transport;
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::proto::html;

/// When everything here happens: 2026-01-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

/// So many days from [`NOW`].
pub fn in_days(days: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOW.unix_seconds() + days * 86_400)
}

/// What a DNS server said.
pub fn dns(answer: DnsAnswer, addresses: Vec<IpAddr>) -> DnsFacts {
    DnsFacts {
        server: "10.0.0.1:53".parse().unwrap(),
        over_udp: true,
        answer,
        cname_chain: Vec::new(),
        addresses,
        without_validation: Vec::new(),
        denied_by: None,
        invalid_at: None,
    }
}

/// A response without header fields, of a server whose clock is right.
/// What a name server of the zone has.
pub fn authority(name: &str, answer: DnsAnswer, addresses: Vec<IpAddr>) -> AuthorityAnswer {
    AuthorityAnswer {
        name: name.parse().unwrap(),
        server: "192.0.2.53:53".parse().unwrap(),
        authoritative: true,
        answer,
        addresses,
    }
}

pub fn http_response(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        date_ahead_s: Some(0),
        body: ServerText::new(body),
        page: html::read(body, None).map(Box::new),
        ..HttpResponse::default()
    }
}

pub fn response(status: u16, body: &str) -> HttpAnswer {
    response_with(status, body, |_| {})
}

pub fn response_with(
    status: u16,
    body: &str,
    change: impl FnOnce(&mut HttpResponse),
) -> HttpAnswer {
    let mut response = http_response(status, body);
    change(&mut response);
    HttpAnswer::Response(response)
}

/// A permanent redirect.
pub fn redirect(to: &str) -> HttpAnswer {
    response_with(301, "", |response| response.location = Some(ServerText::new(to)))
}

/// What the API answers behind the proxy.
pub fn api_behind_tls(answer: HttpAnswer) -> Facts {
    Facts::Api(ApiFacts {
        connect: Connect::Accepted,
        dialled: None,
        handshake: Some(completed(TlsVersion::Tls13, right_chain)),
        answer: Some(answer),
        otherwise: None,
    })
}

/// What RTMP met behind the proxy's TLS.
pub fn rtmps(answer: RtmpAnswer) -> Facts {
    Facts::Rtmp(RtmpFacts {
        second_try: None,
        connect: Connect::Accepted,
        dialled: None,
        handshake: Some(completed(TlsVersion::Tls13, right_chain)),
        answer: Some(answer),
        otherwise: None,
    })
}

/// How a handshake ended on an accepted connection.
pub fn tls(handshake: Option<Handshake>) -> TlsFacts {
    TlsFacts {
        connect: Connect::Accepted,
        dialled: None,
        handshake,
        second: None,
        behind: None,
        second_try: None,
    }
}

/// What UDP ports answered, when nothing was swept. Behind the silent ones a port that was refused is
/// refused again.
pub fn udp(ports: Vec<UdpPortFacts>) -> UdpFacts {
    let refused = ports.iter().find(|port| matches!(port.answer, UdpAnswer::Icmp(_)));
    let silent = ports.iter().filter(|port| port.answer == UdpAnswer::Silent);
    let last_ms = silent.flat_map(|port| &port.sent_ms).max();
    let sentinel = refused.zip(last_ms).map(|(port, last_ms)| Sentinel {
        port: port.port,
        sent_ms: last_ms + 1,
        answered: true,
    });
    UdpFacts { extent: None, swept: None, sentinels: sentinel.into_iter().collect(), ports }
}

/// A session whose certificate is for the domain, valid and trusted, unless `change` says
/// otherwise.
pub fn completed(version: TlsVersion, change: impl FnOnce(&mut ChainFacts)) -> Handshake {
    let mut chain = ChainFacts {
        certificates: vec![CertificateFacts {
            subject: ServerText::new("CN=openvidu.example.io"),
            issuer: ServerText::new("C=XX, O=Example Trust, CN=Example CA R3"),
            names: vec![ServerText::new("openvidu.example.io")],
            not_before: in_days(-30),
            not_after: in_days(60),
            is_publicly_logged: false,
            common_name: Some(ServerText::new("openvidu.example.io")),
            key: "EC P-256".into(),
            sha256: "5e".repeat(32),
        }],
        sent: 2,
        trust: Trust::Verified,
        private_root: false,
        is_vouched_for: true,
        name_matches: true,
        roots: "the system's roots".into(),
    };
    change(&mut chain);
    Handshake::Completed(Box::new(TlsSession {
        version,
        cipher: "TLS13_AES_128_GCM_SHA256".into(),
        alpn: None,
        certificate: Some(chain),
        client_certificate_wanted: false,
    }))
}

/// The change of a chain that is right.
pub fn right_chain(_: &mut ChainFacts) {}

/// What a STUN server said to one request, over UDP.
pub fn stun(binding: StunAnswer) -> TurnFacts {
    TurnFacts {
        connect: None,
        dialled: None,
        handshake: None,
        binding: Some(binding),
        allocate: None,
        instead: None,
        otherwise: None,
        other_protocol: None,
        sent_ms: vec![0],
    }
}

/// The same with the copies of a request that was not answered, or late.
pub fn stun_sent_again(binding: StunAnswer) -> TurnFacts {
    TurnFacts { sent_ms: vec![0, 350, 1050], ..stun(binding) }
}

/// A URL of a STUN or TURN server, as LiveKit names it to participants: `turn:host:port?transport=…`.
pub fn url(text: &str, scheme: IceScheme, port: u16) -> IceUrl {
    let (_, rest) = text.split_once(':').unwrap();
    let (place, _) = rest.split_once('?').unwrap();
    let (host, _) = place.rsplit_once(':').unwrap();
    IceUrl {
        text: ServerText::new(text),
        parts: Some(IceUrlParts {
            scheme,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            transport: match scheme {
                IceScheme::Turns => Transport::Tcp,
                IceScheme::Turn | IceScheme::Stun | IceScheme::Stuns => Transport::Udp,
            },
        }),
        with_credentials: true,
    }
}

/// A place at which the server offers media.
pub fn candidate(transport: Transport, address: SocketAddr) -> CandidateFacts {
    CandidateFacts {
        text: ServerText::new(&format!("candidate:1 1 {transport} 1 {address} typ host")),
        place: Some(CandidatePlace { transport, address }),
    }
}

/// Port unreachable from the machine itself.
pub fn unreachable_from(address: IpAddr) -> IcmpError {
    match Family::of(address) {
        Family::V4 => icmp(3, 3, address),
        Family::V6 => icmp(1, 4, address),
    }
}

/// Administratively prohibited, by the machine itself.
pub fn prohibited_by(address: IpAddr) -> IcmpError {
    match Family::of(address) {
        Family::V4 => icmp(3, 13, address),
        Family::V6 => icmp(1, 1, address),
    }
}

/// An error that the machine at this address sends about itself.
pub fn icmp(icmp_type: u8, code: u8, address: IpAddr) -> IcmpError {
    let from = IcmpSender::MeantMachine(address);
    IcmpError { family: Family::of(address), icmp_type, code, from }
}
