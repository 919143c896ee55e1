//! Certificates and keys that a configuration names: what their files hold, for whichever proxy.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::files::{FileProblem, Files, Permissions};
use crate::model::configuration::{AlertCause, Location, NamedFile};
use crate::model::facts::{
    CertificateFile, ChainFile, ChainReading, Denial, KeyFile, KeyReading, ProxyFaultKind,
    RenewalReload, ServerText,
};
use crate::model::name::DomainName;
use crate::proto::certificate::{self, KeyContent};

/// The most bytes of a file with certificates or a key. Usual ones have a few thousand.
const LARGEST: usize = 1 << 20;

/// The most pairs of files that are read: whoever has more serves other names, too.
const MOST_PAIRS: usize = 200;

/// The most certificates of a file that are kept.
const MOST_CERTIFICATES: usize = 10;

/// The user as whom a proxy opens files for each handshake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Worker {
    /// `None`: the one that the proxy was built with.
    pub name: Option<String>,
    /// Its number and the numbers of its groups. `None`: not known here.
    pub numbers: Option<(u32, Vec<u32>)>,
}

impl Worker {
    /// The user of this name, by the lists of users and groups of the machine.
    pub fn new(name: Option<&str>, files: &dyn Files) -> Self {
        let lines = |path: &str| {
            let bytes = files.read(path, LARGEST).unwrap_or_default();
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let numbers =
            name.filter(|_| !files.permissions("/etc/passwd").is_empty()).and_then(|name| {
                let users = lines("/etc/passwd");
                let mut fields = users
                    .iter()
                    .map(|line| line.split(':').collect::<Vec<_>>())
                    .filter(|fields| fields.first() == Some(&name));
                let of_user = fields.next()?;
                let user = of_user.get(2)?.parse().ok()?;
                let mut groups: Vec<u32> = of_user.get(3)?.parse().ok().into_iter().collect();
                groups.extend(lines("/etc/group").iter().filter_map(|line| {
                    let fields: Vec<&str> = line.split(':').collect();
                    let is_member = fields.get(3)?.split(',').any(|member| member.trim() == name);
                    fields.get(2)?.parse::<u32>().ok().filter(|_| is_member)
                }));
                Some((user, groups))
            });
        Self { name: name.map(str::to_owned), numbers }
    }

    fn is_root(&self) -> bool {
        const ROOT: u32 = 0;
        self.name.as_deref() == Some("root")
            || self.numbers.as_ref().is_some_and(|(user, _)| *user == ROOT)
    }

    /// What on the way to a file keeps this user from reading it.
    fn denial(&self, way: &[Permissions]) -> Option<Denial> {
        if self.is_root() {
            return None;
        }
        way.iter().find_map(|step| {
            let is_proven = self.is_denied(step)?;
            let user = self.name.as_deref().map(ServerText::new);
            Some(Denial { path: ServerText::new(&step.path), user, is_proven })
        })
    }

    /// Whether the step is closed to this user; `Some(false)`: unless an access control list lets it in.
    fn is_denied(&self, step: &Permissions) -> Option<bool> {
        const ROOT: u32 = 0;
        let needed = if step.is_directory { 0o1 } else { 0o4 };
        let of_owner = step.mode >> 6 & needed != 0;
        let of_group = step.mode >> 3 & needed != 0;
        let of_others = step.mode & needed != 0;
        match &self.numbers {
            Some((user, _)) if *user == step.owner => (!of_owner).then_some(true),
            _ if of_others => None,
            // The bits of the group are the most that an access control list can give.
            Some(_) if !of_group => Some(step.owner == ROOT),
            None if !of_group && step.owner == ROOT => Some(true),
            Some((_, groups)) if of_group && !groups.contains(&step.group) => Some(false),
            _ => None,
        }
    }
}

/// A file that a configuration names, by the path under which the proxy opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPath {
    pub path: String,
    pub at: Location,
}

impl NamedPath {
    /// The same as a fact.
    pub fn file(&self) -> NamedFile {
        NamedFile { path: ServerText::new(&self.path), at: self.at.clone() }
    }
}

/// A certificate with its key, as they are named together.
#[derive(Debug)]
struct Pair {
    certificate: String,
    key: Option<String>,
    file: Rc<CertificateFile>,
    /// The first certificate of the file in DER.
    first: Option<Vec<u8>>,
}

/// Reads files of certificates, each once.
pub struct CertificateReader<'f> {
    files: &'f dyn Files,
    worker: Worker,
    pairs: RefCell<Vec<Pair>>,
    left: Cell<usize>,
}

impl<'f> CertificateReader<'f> {
    pub fn new(files: &'f dyn Files, worker: Worker) -> Self {
        Self { files, worker, pairs: RefCell::default(), left: Cell::new(MOST_PAIRS) }
    }

    /// What the files hold.
    pub fn read(
        &self,
        certificate: &NamedPath,
        key: Option<&NamedPath>,
        is_opened_per_handshake: bool,
    ) -> Rc<CertificateFile> {
        let is_same = |pair: &&Pair| {
            pair.certificate == certificate.path
                && pair.key.as_deref() == key.map(|key| key.path.as_str())
                && pair.file.is_opened_per_handshake == is_opened_per_handshake
        };
        if let Some(known) = self.pairs.borrow().iter().find(is_same) {
            return Rc::clone(&known.file);
        }
        let pair = self.read_pair(certificate, key, is_opened_per_handshake);
        let file = Rc::clone(&pair.file);
        self.pairs.borrow_mut().push(pair);
        file
    }

    /// Whether the first certificate of a file that was read is for this name.
    pub fn covers(&self, path: &str, name: &DomainName) -> Option<bool> {
        let pairs = self.pairs.borrow();
        let pair = pairs.iter().find(|pair| pair.certificate == path)?;
        certificate::covers(pair.first.as_ref()?, name)
    }

    /// The names by which the first certificate of a file that was read is chosen.
    pub fn names(&self, path: &str) -> Option<Vec<String>> {
        let pairs = self.pairs.borrow();
        let pair = pairs.iter().find(|pair| pair.certificate == path)?;
        certificate::chosen_by(pair.first.as_ref()?)
    }

    /// Whether a file was read and holds no private key.
    pub fn lacks_key(&self, path: &str) -> bool {
        let bytes = self.files.read(path, LARGEST);
        bytes.is_ok_and(|bytes| certificate::public_half(&bytes) == KeyContent::None)
    }

    /// All files that were read, in that order.
    pub fn into_facts(self) -> Vec<CertificateFile> {
        let pairs = self.pairs.into_inner();
        pairs.into_iter().map(|pair| Rc::unwrap_or_clone(pair.file)).collect()
    }

    fn bytes_of(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        let Some(left) = self.left.get().checked_sub(1) else { return Err(FileProblem::NotInCopy) };
        self.left.set(left);
        self.files.read(path, LARGEST)
    }

    fn read_pair(
        &self,
        certificate: &NamedPath,
        key: Option<&NamedPath>,
        is_opened_per_handshake: bool,
    ) -> Pair {
        let content = self.bytes_of(&certificate.path);
        let key_content = key.map(|key| {
            let bytes = match key.path == certificate.path {
                true => content.clone(),
                false => self.bytes_of(&key.path),
            };
            // The bytes of the key end here.
            bytes.map(|bytes| certificate::public_half(&bytes))
        });
        let chain = match &content {
            Ok(bytes) => {
                certificate::certificates_in(bytes).filter(|all| !all.is_empty()).ok_or(())
            }
            Err(_) => Err(()),
        };
        let public = match &key_content {
            Some(Ok(KeyContent::Public(public))) => Some(public.as_slice()),
            _ => None,
        };
        let reading = match (&content, &chain) {
            (_, Ok(chain)) => match chain_file(chain, public) {
                Some(file) => ChainReading::Read(Box::new(file)),
                None => ChainReading::NoCertificate,
            },
            (Ok(_), Err(())) => ChainReading::NoCertificate,
            (Err(FileProblem::Missing), _) => ChainReading::Missing,
            (Err(_), _) => ChainReading::Unread,
        };
        let first = chain.ok().and_then(|chain| chain.into_iter().next());
        let key_file = key.zip(key_content).map(|(key, content)| KeyFile {
            file: key.file(),
            reading: key_reading(&content, first.as_deref()),
        });
        let paths = std::iter::once(certificate).chain(key);
        let mut denials =
            paths.filter_map(|named| self.worker.denial(&self.files.permissions(&named.path)));
        let denial = is_opened_per_handshake.then(|| denials.next()).flatten();
        let NamedFile { path, at } = certificate.file();
        let file = CertificateFile {
            path,
            at,
            chain: reading,
            key: key_file,
            is_opened_per_handshake,
            denial,
        };
        Pair {
            certificate: certificate.path.clone(),
            key: key.map(|key| key.path.clone()),
            file: Rc::new(file),
            first,
        }
    }
}

/// What a chain says; `None`: its first certificate cannot be read.
fn chain_file(chain: &[Vec<u8>], public: Option<&[u8]>) -> Option<ChainFile> {
    let first = chain.first()?;
    let kept = || chain.iter().take(MOST_CERTIFICATES);
    let certificates: Vec<_> = kept().map_while(|der| certificate::facts_of(der)).collect();
    if certificates.is_empty() {
        return None;
    }
    let of_key = |der: &Vec<u8>| public.and_then(|public| certificate::is_for_key(der, public));
    let by_key = kept().position(|der| of_key(der) == Some(true));
    let is_self_signed = certificate::signs_itself(first);
    let by_kind = || {
        let is_server = |der: &Vec<u8>| !certificate::is_authority(der);
        // A certificate that somebody made for one server often calls itself an authority.
        if chain.len() == 1 { Some(0) } else { kept().position(is_server) }
    };
    Some(ChainFile {
        certificates,
        count: chain.len(),
        sha256: certificate::sha256(chain.iter().map(Vec::as_slice)),
        has_issuer: kept().skip(1).any(|issuer| certificate::is_issued_by(first, issuer)),
        is_self_signed,
        names_issuer: certificate::says_who_issued_it(first),
        leaf: by_key.or_else(by_kind),
    })
}

fn key_reading(content: &Result<KeyContent, FileProblem>, first: Option<&[u8]>) -> KeyReading {
    match content {
        Err(FileProblem::Missing) => KeyReading::Missing,
        Err(_) | Ok(KeyContent::Unknown) => KeyReading::Unread,
        Ok(KeyContent::None) => KeyReading::NoKey,
        Ok(KeyContent::Public(public)) => {
            match first.and_then(|first| certificate::is_for_key(first, public)) {
                Some(true) => KeyReading::Belongs,
                Some(false) => KeyReading::OfAnother,
                None => KeyReading::Unread,
            }
        }
    }
}

/// What keeps a proxy from starting that opens these files when it starts: in the file of the key, or in that of
/// the certificate. `certificate` and `key` are their names as the configuration writes them.
pub fn start_fault(
    file: &CertificateFile,
    certificate: &str,
    key: Option<&str>,
) -> Option<(FileOfPair, ProxyFaultKind)> {
    let path = || ServerText::new(certificate);
    let of_chain = match file.chain {
        ChainReading::Missing => Some(ProxyFaultKind::FileMissing(path())),
        ChainReading::NoCertificate => Some(ProxyFaultKind::NotPem(path())),
        ChainReading::Read(_) | ChainReading::Unread => None,
    };
    let of_key = || {
        let path = ServerText::new(key?);
        match file.key.as_ref()?.reading {
            KeyReading::Missing => Some(ProxyFaultKind::FileMissing(path)),
            KeyReading::NoKey => Some(ProxyFaultKind::NotPem(path)),
            KeyReading::OfAnother => Some(ProxyFaultKind::KeyOfAnother(path)),
            KeyReading::Belongs | KeyReading::Unread => None,
        }
    };
    let of_chain = of_chain.map(|what| (FileOfPair::Certificate, what));
    of_chain.or_else(|| Some((FileOfPair::Key, of_key()?)))
}

/// Which of two files that belong together is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOfPair {
    Certificate,
    Key,
}

/// Why a proxy that opens these files for a handshake ends it with an alert; `None`: nothing shows that it does.
pub fn alert_of(file: &CertificateFile) -> Option<AlertCause> {
    let path = || file.path.clone();
    let of_chain = match file.chain {
        ChainReading::Missing => Some(AlertCause::FileMissing(path())),
        ChainReading::NoCertificate => Some(AlertCause::NotPem(path())),
        ChainReading::Read(_) | ChainReading::Unread => None,
    };
    let denied = || {
        let denial = file.denial.as_ref().filter(|denial| denial.is_proven)?;
        Some(AlertCause::FileDenied(denial.path.clone()))
    };
    let of_key = || {
        let key = file.key.as_ref()?;
        match key.reading {
            KeyReading::Missing => Some(AlertCause::FileMissing(key.file.path.clone())),
            KeyReading::NoKey => Some(AlertCause::NotPem(key.file.path.clone())),
            KeyReading::OfAnother => Some(AlertCause::KeyOfAnother),
            KeyReading::Belongs | KeyReading::Unread => None,
        }
    };
    of_chain.or_else(of_key).or_else(denied)
}

/// Where certbot keeps the certificates that it renews, and how.
const CERTBOT: &str = "/etc/letsencrypt";

/// Whether certbot reloads the proxy after it renewed one of these certificates.
pub fn renewal_of(certificates: &[CertificateFile], files: &dyn Files) -> RenewalReload {
    let live = format!("{CERTBOT}/live/");
    let mut names: Vec<&str> = certificates
        .iter()
        .filter(|file| !file.is_opened_per_handshake)
        .filter_map(|file| file.path.unquoted().strip_prefix(&live)?.split('/').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut reload = RenewalReload::Unknown;
    for name in names {
        let renewal = format!("{CERTBOT}/renewal/{name}.conf");
        let hook = files.read(&renewal, LARGEST).ok().and_then(|bytes| hook_of(&bytes, files));
        let renewal = ServerText::new(&renewal);
        match hook {
            None => return RenewalReload::Unknown,
            Some(Hook::None) => return RenewalReload::NotSeen { renewal },
            Some(Hook::OfCertificate) => reload = RenewalReload::Seen(renewal),
            Some(Hook::OfAll(file)) => reload = RenewalReload::Seen(ServerText::new(&file)),
        }
    }
    reload
}

/// Where certbot finds what it runs after a renewal.
enum Hook {
    None,
    /// In the file with which the certificate is renewed.
    OfCertificate,
    /// In this file, for every certificate.
    OfAll(String),
}

/// The hook for a certificate that is renewed so; `None`: that could not be read.
fn hook_of(renewal: &[u8], files: &dyn Files) -> Option<Hook> {
    const KEYS: [&str; 3] = ["renew_hook", "deploy_hook", "post_hook"];
    const OPTIONS: [&str; 3] = ["renew-hook", "deploy-hook", "post-hook"];
    let text = String::from_utf8_lossy(renewal);
    let setting = |line: &str| {
        line.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
    };
    let settings: Vec<(String, String)> = text.lines().filter_map(setting).collect();
    let is_hook = |(key, value): &(String, String)| {
        let is_installed = key == "installer" && !matches!(value.as_str(), "" | "None" | "null");
        is_installed || KEYS.contains(&key.as_str()) && !matches!(value.as_str(), "" | "None")
    };
    if settings.iter().any(is_hook) {
        return Some(Hook::OfCertificate);
    }
    for directory in ["deploy", "post"] {
        let directory = format!("{CERTBOT}/renewal-hooks/{directory}");
        match files.list(&directory) {
            Ok(mut names) => {
                names.retain(|name| !name.starts_with('.') && !name.ends_with('~'));
                if let Some(name) = names.into_iter().min() {
                    return Some(Hook::OfAll(format!("{directory}/{name}")));
                }
            }
            Err(FileProblem::Missing) => {}
            Err(_) => return None,
        }
    }
    let own = format!("{CERTBOT}/cli.ini");
    match files.read(&own, LARGEST) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut lines = text.lines().map(str::trim);
            let has = lines.any(|line| OPTIONS.iter().any(|option| line.starts_with(option)));
            Some(if has { Hook::OfAll(own) } else { Hook::None })
        }
        Err(FileProblem::Missing) => Some(Hook::None),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Files with their owners, of the machine of the proxy.
    #[derive(Default)]
    struct Machine {
        files: BTreeMap<&'static str, &'static str>,
        permissions: Vec<Permissions>,
    }

    impl Files for Machine {
        fn read(&self, path: &str, _: usize) -> Result<Vec<u8>, FileProblem> {
            let content = self.files.get(path).ok_or(FileProblem::Missing)?;
            Ok(content.as_bytes().to_vec())
        }

        fn list(&self, directory: &str) -> Result<Vec<String>, FileProblem> {
            let below = self.files.keys().filter_map(|path| path.strip_prefix(directory));
            let names: Vec<String> =
                below.map(|rest| rest.trim_start_matches('/').to_owned()).collect();
            if names.is_empty() { Err(FileProblem::Missing) } else { Ok(names) }
        }

        fn permissions(&self, _: &str) -> Vec<Permissions> {
            self.permissions.clone()
        }
    }

    fn permissions(is_directory: bool, owner: u32, group: u32, mode: u32) -> Permissions {
        Permissions { path: "/x".to_owned(), is_directory, owner, group, mode }
    }

    /// Whether www-data (33, in groups 33 and 101) is denied, and whether that is proven.
    fn denied(user: Option<&str>, step: Permissions) -> Option<bool> {
        let machine = Machine {
            files: BTreeMap::from([
                ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n"),
                ("/etc/group", "root:x:0:\nwww-data:x:33:\ncerts:x:101:a,www-data\n"),
            ]),
            permissions: vec![step],
        };
        let worker = Worker::new(user, &machine);
        worker.denial(&machine.permissions).map(|denial| denial.is_proven)
    }

    #[test]
    fn a_user_reads_what_its_bits_let_it_read() {
        let www = Some("www-data");
        for (user, step, expected) in [
            (www, permissions(false, 0, 0, 0o644), None),
            (www, permissions(false, 0, 0, 0o600), Some(true)),
            (www, permissions(true, 0, 0, 0o700), Some(true)),
            (www, permissions(true, 0, 0, 0o711), None),
            (www, permissions(false, 0, 101, 0o640), None),
            // An access control list may let it in.
            (www, permissions(false, 0, 0, 0o640), Some(false)),
            (www, permissions(false, 1000, 1000, 0o600), Some(false)),
            (www, permissions(false, 33, 33, 0o400), None),
            (www, permissions(false, 33, 33, 0o200), Some(true)),
            (Some("root"), permissions(false, 0, 0, 0o600), None),
            // A user that is not known here.
            (None, permissions(false, 0, 0, 0o600), Some(true)),
            (None, permissions(false, 0, 0, 0o640), None),
            (None, permissions(false, 1000, 0, 0o600), None),
        ] {
            assert_eq!(denied(user, step.clone()), expected, "{user:?} {step:?}");
        }
    }

    fn reload(files: &[(&'static str, &'static str)]) -> RenewalReload {
        let machine = Machine { files: files.iter().copied().collect(), ..Machine::default() };
        let location = crate::lint::source::Sources::default()
            .location(crate::lint::source::Span { file: 0, start: 0, end: 0 });
        let file = CertificateFile {
            path: ServerText::new("/etc/letsencrypt/live/a.example/fullchain.pem"),
            at: location,
            chain: ChainReading::Unread,
            key: None,
            is_opened_per_handshake: false,
            denial: None,
        };
        renewal_of(&[file], &machine)
    }

    #[test]
    fn a_hook_of_certbot_is_found_where_it_can_be() {
        const OWN: &str = "/etc/letsencrypt/renewal/a.example.conf";
        let seen = |path: &str| RenewalReload::Seen(ServerText::new(path));
        let none = RenewalReload::NotSeen { renewal: ServerText::new(OWN) };
        assert_eq!(reload(&[]), RenewalReload::Unknown);
        assert_eq!(reload(&[(OWN, "authenticator = standalone\n")]), none);
        assert_eq!(reload(&[(OWN, "installer = None\n")]), none);
        assert_eq!(reload(&[(OWN, "installer = nginx\n")]), seen(OWN));
        assert_eq!(reload(&[(OWN, "renew_hook = nginx -s reload\n")]), seen(OWN));
        let hook = "/etc/letsencrypt/renewal-hooks/deploy/reload";
        assert_eq!(reload(&[(OWN, ""), (hook, "")]), seen(hook));
        let options = "/etc/letsencrypt/cli.ini";
        assert_eq!(reload(&[(OWN, ""), (options, "deploy-hook = x\n")]), seen(options));
        assert_eq!(reload(&[(OWN, ""), (options, "rsa-key-size = 4096\n")]), none);
    }

    #[test]
    fn nothing_of_a_key_is_kept() {
        let secret = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        let machine = Machine { files: BTreeMap::from([("/key", secret)]), ..Machine::default() };
        let reader = CertificateReader::new(&machine, Worker::default());
        let at = crate::lint::source::Sources::default().location(crate::lint::source::Span {
            file: 0,
            start: 0,
            end: 0,
        });
        let named = |path: &str| NamedPath { path: path.to_owned(), at: at.clone() };
        reader.read(&named("/key"), Some(&named("/key")), false);
        let facts = reader.into_facts();
        assert_eq!(facts[0].chain, ChainReading::NoCertificate);
        assert_eq!(facts[0].key.as_ref().map(|key| key.reading), Some(KeyReading::Unread));
        assert!(!format!("{facts:?}").contains("c2VjcmV0"), "{facts:?}");
    }
}
