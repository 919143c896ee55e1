//! How TLS handshakes end, and the certificates in them.

use super::{BehindV1, ConnectV1, FirstBytesV1};
use crate::model::facts::{
    CertificateFacts, ChainFacts, ChainFault, Handshake, HandshakeChange, SecondHandshake,
    SecondTry, TlsFacts, TlsSession, Trust,
};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{ServerTextV1, SocketAddressV1, TimeV1};
use crate::output::json::v1::words::TlsVersionV1;
use crate::output::quote::shown;
use crate::output::words::tls::chain_fault;

published! {
    /// What a TLS handshake met.
    struct TlsFactsV1 from TlsFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The handshake; null if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// A second handshake with one thing changed, which shows why the first one failed; null
        /// if ovcheck made none.
        second: Option<SecondHandshakeV1>,
        /// What answered after a handshake for a name that no server should accept; null if
        /// ovcheck did not ask.
        behind: Option<BehindV1>,
        /// Two further attempts after a handshake that stayed silent; null without one.
        second_try: Option<SecondTryV1>,
    }

    /// Two further attempts, after one that stayed silent on an accepted connection.
    struct SecondTryV1 from SecondTry {
        /// Whether the same was answered when TCP was kept to small segments, both ways.
        with_small_segments: bool,
        /// Whether it was answered when it was done again as before.
        as_before: bool,
        /// Whether it was answered when only ovcheck's own packets were small; null where they are
        /// small anyway.
        in_pieces: Option<bool>,
    }

    /// How a TLS handshake ended.
    enum HandshakeV1 from Handshake {
        /// It completed.
        Completed(session: Box<TlsSessionV1>),
        /// The peer sent a fatal alert (RFC 8446 §6.2).
        Alert {
            /// The number of the alert.
            code: u8,
            /// The name of the alert.
            name: String,
        },
        /// The peer answered something that is not TLS.
        NotTls(first_bytes: FirstBytesV1),
        /// The peer closed the connection before the handshake completed.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// The handshake did not complete within the time-out.
        Silent,
        /// The peer broke the protocol: the TLS library's words.
        Broken(error: ServerTextV1),
    }

    /// A completed TLS handshake.
    struct TlsSessionV1 from TlsSession {
        /// The negotiated version.
        version: TlsVersionV1,
        /// The IANA name of the cipher suite; before TLS 1.2 its number.
        cipher: String,
        /// The protocol that ALPN selected; null if none.
        alpn: Option<ServerTextV1>,
        /// The server's certificate chain; null if ovcheck only tested the version.
        certificate: Option<ChainFactsV1>,
        /// Whether the server asked for a client certificate. ovcheck has none.
        client_certificate_wanted: bool,
    }

    /// A second handshake at the same place, with one thing changed.
    struct SecondHandshakeV1 from SecondHandshake {
        /// What was different.
        change: HandshakeChangeV1,
        /// How it ended.
        met: HandshakeV1,
    }

    /// What was different in a second handshake.
    enum HandshakeChangeV1 from HandshakeChange {
        /// A PROXY protocol header (version 2) came first.
        ProxyHeader,
        /// More signature algorithms were offered, P-521 among them.
        MoreSignatures,
    }

    /// What is wrong with a certificate chain, in words. A part of it may be a server's text.
    text ChainFaultV1 from ChainFault as |fault| shown(&chain_fault(fault));

    /// A certificate chain, as the server sent it.
    struct ChainFactsV1 from ChainFacts {
        /// The certificates in the order in which they were sent; the first 10 at most.
        #[schemars(length(max = 10))]
        certificates: Vec<CertificateFactsV1>,
        /// How many certificates the server sent.
        sent: usize,
        /// Whether the chain leads to a trusted root, regardless of names and dates.
        trust: TrustV1,
        /// Whether the root is trusted by this machine only: browsers do not ship it, and
        /// `--ca-file` did not add it.
        private_root: bool,
        /// Whether the signatures lead to a trusted root at some time at which all certificates were
        /// valid.
        is_vouched_for: bool,
        /// Whether the first certificate is valid for the name in SNI (RFC 6125, SAN only).
        name_matches: bool,
        /// Where the trusted roots come from.
        roots: String,
    }

    /// Whether a certificate chain leads to a trusted root, regardless of names and dates.
    enum TrustV1 from Trust {
        /// It does.
        Verified,
        /// The server's certificate is signed by itself and is not trusted.
        SelfSigned,
        /// The server sent its own certificate only, without the intermediate certificate.
        IntermediateMissing,
        /// The chain ends at an issuer that is not trusted.
        UnknownIssuer,
        /// The chain is invalid for another reason, in words.
        Invalid(error: ChainFaultV1),
    }

    /// An X.509 certificate (RFC 5280).
    struct CertificateFactsV1 from CertificateFacts {
        /// The subject.
        subject: ServerTextV1,
        /// The common name of the subject; null if it has none.
        common_name: Option<ServerTextV1>,
        /// The issuer.
        issuer: ServerTextV1,
        /// The DNS names and addresses in subjectAltName; the first 20 at most.
        #[schemars(length(max = 20))]
        names: Vec<ServerTextV1>,
        /// When the certificate becomes valid.
        not_before: TimeV1,
        /// When the certificate expires.
        not_after: TimeV1,
        /// Whether it contains signed certificate timestamps (RFC 6962), as the certificates of
        /// public authorities do.
        is_publicly_logged: bool,
        /// The kind of the public key, for example `EC P-256`.
        key: String,
        /// The SHA-256 of its DER form, in hexadecimal digits; empty in recordings of older versions.
        sha256: String,
    }
}
