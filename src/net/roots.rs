//! The root certificates with which chains are verified.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::input;

/// The maximum size of a file of root certificates, in bytes. That of Mozilla has some 220,000.
const LARGEST_FILE: u64 = 4 << 20;

/// The root certificates with which chains are verified, and their name for reports.
pub struct Roots {
    /// `the system's roots`, `Mozilla's roots`, or `the system's roots and FILE`.
    pub name: String,
    store: Arc<RootCertStore>,
    /// The roots that the operator added for this run. `None`: all of them.
    named: Option<RootCertStore>,
}

/// Why a file of root certificates was rejected.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error("failed to read {path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0} is larger than 4 MiB")]
    TooLarge(PathBuf),
    #[error("{path} is not PEM: {why}")]
    NotPem { path: PathBuf, why: String },
    #[error("{0} contains no certificate (-----BEGIN CERTIFICATE-----)")]
    Empty(PathBuf),
    #[error("{path} contains a certificate that cannot be used as a root: {why}")]
    NotRoot { path: PathBuf, why: String },
}

impl Roots {
    /// The roots of this machine. If it has none, as in a small container, Mozilla's.
    pub fn system() -> Self {
        // Files that cannot be read and certificates that cannot be parsed are skipped. The others
        // are used.
        let native = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(native.certs);
        let (name, store) = if store.is_empty() {
            ("Mozilla's roots", mozillas().clone())
        } else {
            ("the system's roots", store)
        };
        Self { named: Some(RootCertStore::empty()), ..Self::new(name.to_owned(), store) }
    }

    /// All of them, for a client that verifies chains in the usual way.
    pub(super) fn all(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// [`Self::system`] and the certificates of a PEM file.
    ///
    /// # Errors
    /// [`RootsError`] describes the problem with the file.
    pub fn system_and(file: &Path) -> Result<Self, RootsError> {
        let system = Self::system();
        let mut named = RootCertStore::empty();
        for certificate in read_pem(file)? {
            named.add(certificate).map_err(|error| RootsError::NotRoot {
                path: file.to_owned(),
                why: error.to_string(),
            })?;
        }
        let mut store = RootCertStore::clone(&system.store);
        store.extend(named.roots.iter().cloned());
        let name = format!("{} and {}", system.name, file.display());
        Ok(Self { named: Some(named), ..Self::new(name, store) })
    }

    /// Exactly these roots.
    ///
    /// # Errors
    /// The verifier's message about the first certificate that cannot be used as a root.
    pub fn of(
        name: &str,
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let mut store = RootCertStore::empty();
        for certificate in certificates {
            store.add(certificate)?;
        }
        Ok(Self::new(name.to_owned(), store))
    }

    /// No roots: no chain can be verified.
    pub fn empty() -> Self {
        Self::new("no roots".to_owned(), RootCertStore::empty())
    }

    fn new(name: String, store: RootCertStore) -> Self {
        Self { name, store: Arc::new(store), named: None }
    }

    /// The store that the verifier uses.
    pub(super) fn store(&self) -> &RootCertStore {
        &self.store
    }

    /// Whether a chain is valid only because of a root that only this machine trusts: neither a root
    /// that browsers include, nor one that the operator added for this run.
    pub(super) fn is_private(&self, verifies_by: impl Fn(&RootCertStore) -> bool) -> bool {
        let is_named = self.named.as_ref().is_none_or(&verifies_by);
        !is_named && !verifies_by(mozillas())
    }

    /// Whether `certificate` is itself one of the roots: same subject, same key.
    pub(super) fn contains(&self, certificate: &CertificateDer) -> bool {
        let mut alone = RootCertStore::empty();
        match alone.add(certificate.clone().into_owned()) {
            Ok(()) => alone.roots.iter().all(|root| self.store.roots.contains(root)),
            Err(_) => false,
        }
    }
}

/// The roots that browsers include, from Mozilla.
fn mozillas() -> &'static RootCertStore {
    static MOZILLAS: OnceLock<RootCertStore> = OnceLock::new();
    MOZILLAS.get_or_init(|| webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let text = input::read(file, LARGEST_FILE).map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => RootsError::TooLarge(file.to_owned()),
        _ => RootsError::Unreadable { path: file.to_owned(), source },
    })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| RootsError::NotPem { path: file.to_owned(), why: error.to_string() })?;
    if certificates.is_empty() {
        return Err(RootsError::Empty(file.to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(content: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let Err(error) = Roots::system_and(file.path()) else {
            panic!("the file was taken");
        };
        error.to_string().replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        assert_eq!(
            refusal("nothing"),
            "FILE contains no certificate (-----BEGIN CERTIFICATE-----)"
        );
    }

    #[test]
    fn a_certificate_that_is_none_is_refused() {
        let pem = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let words = refusal(pem);
        assert!(
            words.starts_with("FILE contains a certificate that cannot be used as a root"),
            "{words}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_refused() {
        let Err(error) = Roots::system_and(Path::new("/nowhere/ca.pem")) else {
            panic!("the file was taken");
        };
        assert!(error.to_string().starts_with("failed to read /nowhere/ca.pem"));
    }
}
