//! The files of certificates that the configuration of a proxy names, as far as they could be read.

use serde::{Deserialize, Serialize};

use super::text::ServerText;
use super::tls::CertificateFacts;
use crate::model::configuration::{Location, NamedFile};

/// The file of a certificate with the file of its key. Of the key, only what is compared is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFile {
    pub path: ServerText,
    /// Where it is named first.
    pub at: Location,
    pub chain: ChainReading,
    /// `None`: the configuration names no file of a key with it.
    pub key: Option<KeyFile>,
    /// The proxy opens both files for each handshake, and not once when it starts or is reloaded.
    pub is_opened_per_handshake: bool,
    /// What keeps the user as whom the proxy opens the files for a handshake from reading one of them.
    pub denial: Option<Denial>,
}

/// What a file of a certificate holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainReading {
    Read(Box<ChainFile>),
    /// It is not there, on the machine of the proxy.
    Missing,
    /// It could not be read here.
    Unread,
    /// It holds no certificate that can be read.
    NoCertificate,
}

/// A chain of certificates in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFile {
    /// In the order of the file; at most 10 are kept.
    pub certificates: Vec<CertificateFacts>,
    /// How many there are.
    pub count: usize,
    /// SHA-256 of all of them in DER, one after the other, in hexadecimal digits.
    pub sha256: String,
    /// Whether another certificate of the file has issued the first one.
    pub has_issuer: bool,
    /// Whether the first certificate has signed itself.
    pub is_self_signed: bool,
    /// Whether the first certificate says where its issuer's is to be had (AIA, RFC 5280 §4.2.2.1).
    pub names_issuer: bool,
    /// The place of the server's own certificate, from 0: the one that the key belongs to, else the first that may
    /// not sign others. `None`: there is none.
    pub leaf: Option<usize>,
}

/// The file of a private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    pub file: NamedFile,
    pub reading: KeyReading,
}

/// What a file of a key shows about its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyReading {
    /// It is the key of the first certificate.
    Belongs,
    /// It is the key of another certificate, which is not the first one of the file or not in it.
    OfAnother,
    /// It is not there, on the machine of the proxy.
    Missing,
    /// It could not be read here, or not compared.
    Unread,
    /// It holds no private key.
    NoKey,
}

/// Permissions that keep a user from reading a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The file, or the directory on the way to it.
    pub path: ServerText,
    /// The user. `None`: the one that the proxy was built with.
    pub user: Option<ServerText>,
    /// Whether nothing else can let the user in (an access control list, a group that is not listed).
    pub is_proven: bool,
}

/// Whether the proxy is reloaded after its certificates are renewed, as far as the files of certbot show it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenewalReload {
    /// Another program renews them, or the files could not be read here.
    #[default]
    Unknown,
    /// This file says so.
    Seen(ServerText),
    /// No hook is in the file with which certbot renews this certificate, or in its directories.
    NotSeen { renewal: ServerText },
}
