//! Where Traefik ends TLS: by which options, and with which certificate.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::config::{Config, EntryPoint, Layer4Or7, Named, Part, Router};
use super::follow::Walk;
use super::rule::fits;
use crate::lint::certificates::{CertificateReader, FileOfPair, NamedPath, start_fault};
use crate::lint::source::{Sources, Span};
use crate::lint::way::{Ended, TlsLayer, unfollowed};
use crate::model::configuration::{
    AlertCause, AllowedVersions, CloseCause, End, HopAction, Layer, OfferedProtocols, TlsEnding,
};
use crate::model::facts::{CertificateFile, ProxyFaultKind, ServerText, TlsVersion};
use crate::model::name::DomainName;

/// What Traefik offers by ALPN, unless options say otherwise.
const DEFAULT_ALPN: [&str; 3] = ["h2", "http/1.1", "acme-tls/1"];

/// The options that hold if none are named, and the store of all certificates.
const DEFAULT: &str = "default";

/// Options of TLS.
#[derive(Debug, Clone, Copy)]
pub struct Options<'t> {
    /// `None`: Traefik's own ones.
    part: Option<Part<'t>>,
}

impl<'t> Options<'t> {
    /// The ones that hold for everything without others.
    pub fn default_of(config: &Config<'t>) -> Result<Self, Ended> {
        Ok(Self { part: config.tls_options(DEFAULT) })
    }
}

impl<'t> Config<'t> {
    /// The options with this name. Where there are none, Traefik closes connections.
    pub fn options(&self, name: Option<Named<'t>>) -> Result<Options<'t>, Ended> {
        let Some(name) = name.filter(|it| it.name != DEFAULT) else {
            return Options::default_of(self);
        };
        match self.tls_options(name.name) {
            Some(part) => Ok(Options { part: Some(part) }),
            None if name.name.contains('@') && !name.name.ends_with("@file") => {
                Err(unfollowed(name.name, name.at))
            }
            None => Err(Ended::closed(CloseCause::Configured, name.at)),
        }
    }
}

/// A name for which HTTP over TLS has options of its own.
pub struct TlsName<'c, 't> {
    /// `*`: any, and none.
    pub name: String,
    pub options: Result<Options<'t>, Ended>,
    pub at: Span,
    pub router: Option<&'c Router<'t>>,
    /// Whether Traefik gets a certificate for it.
    pub is_managed: bool,
}

impl TlsName<'_, '_> {
    pub fn has(&self, sni: Option<&str>) -> bool {
        self.name == "*" || sni.is_some_and(|sni| fits(sni, &self.name))
    }
}

impl<'c, 't> Walk<'c, 't> {
    /// The names of HTTP routers with TLS, the longest first (`Manager.buildEntryPointHandler`).
    pub fn http_tls_names(&self, entry_point: &EntryPoint<'t>) -> Vec<TlsName<'c, 't>> {
        let mut names: Vec<TlsName<'c, 't>> = Vec::new();
        // The options of each name, of which there is to be one.
        let mut options: BTreeMap<String, BTreeSet<&'t str>> = BTreeMap::new();
        for (router, tls) in self.routers(entry_point, Layer4Or7::Http) {
            let (Some(tls), Some(tree)) = (tls, &router.tree) else { continue };
            let named = tls.word("options");
            let mut own = tree.names("Host");
            let has_names = !own.is_empty();
            if !has_names {
                own.push("*".to_owned());
            }
            let is_managed =
                tls.word("certResolver").is_some_and(|it| self.config.has_resolver(it.name));
            for name in own {
                let called = named.map_or(DEFAULT, |it| it.name.trim_end_matches("@file"));
                options.entry(name.clone()).or_default().insert(called);
                if let Some(known) = names.iter_mut().find(|it| it.name == name) {
                    known.is_managed |= is_managed;
                    continue;
                }
                let options = match has_names {
                    true => self.config.options(named),
                    false => Options::default_of(self.config),
                };
                let at = router.rule.at;
                names.push(TlsName { name, options, at, router: Some(router), is_managed });
            }
        }
        for name in &mut names {
            if options.get(&name.name).is_some_and(|options| options.len() > 1) {
                name.options = Options::default_of(self.config);
            }
        }
        names.sort_by_key(|it| std::cmp::Reverse(if it.name == "*" { 0 } else { it.name.len() }));
        names
    }

    /// Ends TLS. `at`: the words that say so.
    pub fn end_tls(
        &mut self,
        options: &Options<'t>,
        layer: Layer,
        is_managed: bool,
        at: Span,
    ) -> Result<(), Ended> {
        self.tls_ending = Some(Box::new(self.tls_ending_of(options, layer, at)));
        self.choose_certificate(options, is_managed, at)?;
        if let Some(client) = options.part.and_then(|part| part.get("clientAuth")) {
            let kind = client.word("clientAuthType").map(|it| it.name);
            let has_authorities = !client.texts("caFiles").is_empty();
            let is_required = match kind {
                Some(kind) => matches!(kind, "RequireAnyClientCert" | "RequireAndVerifyClientCert"),
                None => has_authorities,
            };
            if is_required {
                if let Some(ending) = self.tls_ending.as_mut() {
                    ending.client_certificate = Some(self.sources.location(client.at()));
                }
                return Err(Ended::closed(CloseCause::ClientCertificateMissing, client.at()));
            }
        }
        if let Some(ending) = &self.tls_ending
            && let AllowedVersions::Listed { versions, .. } = &ending.versions
            && versions.iter().all(|version| *version < TlsVersion::Tls12)
        {
            return Err(Ended::new(End::Alert(AlertCause::NoCommonVersion), at));
        }
        self.tls = TlsLayer::None;
        self.hop(at, HopAction::EndsTls);
        Ok(())
    }

    fn tls_ending_of(&self, options: &Options<'t>, layer: Layer, at: Span) -> TlsEnding {
        let part = options.part;
        let version = |key: &str, default: TlsVersion| {
            let word = part.and_then(|part| part.word(key));
            match word.map(|it| it.name) {
                Some("VersionTLS10") => TlsVersion::Tls10,
                Some("VersionTLS11") => TlsVersion::Tls11,
                Some("VersionTLS12") => TlsVersion::Tls12,
                Some("VersionTLS13") => TlsVersion::Tls13,
                _ => default,
            }
        };
        let (least, most) =
            (version("minVersion", TlsVersion::Tls12), version("maxVersion", TlsVersion::Tls13));
        let limit = part.and_then(|part| part.get("minVersion").or_else(|| part.get("maxVersion")));
        let all = [TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13];
        let versions = AllowedVersions::Listed {
            versions: all.into_iter().filter(|it| (least..=most).contains(it)).collect(),
            at: self.sources.location(limit.map_or(at, Part::at)),
            other: None,
        };
        let own = part.and_then(|part| part.get("alpnProtocols"));
        let offered: Vec<&str> = match (own, part) {
            (Some(_), Some(part)) => {
                part.texts("alpnProtocols").into_iter().map(|it| it.name).collect()
            }
            _ => DEFAULT_ALPN.to_vec(),
        };
        TlsEnding {
            at: self.sources.location(at),
            layer,
            certificates: Vec::new(),
            covers_name: None,
            versions,
            alpn: Some(OfferedProtocols {
                protocols: offered.into_iter().map(ServerText::new).collect(),
                at: self.sources.location(own.map_or(at, Part::at)),
            }),
            client_certificate: None,
            hsts: None,
            alt_svc: None,
        }
    }

    /// The certificate for the name in the ClientHello (`CertificateStore.GetBestCertificate`).
    fn choose_certificate(
        &mut self,
        options: &Options<'t>,
        is_managed: bool,
        at: Span,
    ) -> Result<(), Ended> {
        let asked: Option<DomainName> = self.sni.as_ref().and_then(|name| name.parse().ok());
        let mut unread = None;
        for pair in self.config.certificates() {
            let Some(file) = PairOfFiles::new(pair) else {
                // Its text stands in this file.
                unread = unread.or(Some(None));
                continue;
            };
            if !file.is_in_default_store(pair)
                || file.fault(self.sources, self.certificates).is_some()
            {
                continue;
            }
            let covers = asked.as_ref().map_or(Some(false), |asked| {
                self.certificates.covers(file.certificate.name, asked)
            });
            match covers {
                Some(true) => {
                    self.takes_certificate(&file);
                    return Ok(());
                }
                Some(false) => {}
                None => unread = unread.or(Some(Some(file))),
            }
        }
        if is_managed {
            return Ok(());
        }
        if let (Some(unread), Some(_)) = (unread, &asked) {
            // Which names it has is not read. Where it is the only one, it is meant.
            if let (Some(file), 1) = (unread, self.config.certificates().len()) {
                self.takes_certificate(&file);
            }
            return Ok(());
        }
        let is_strict = options.part.is_some_and(|part| part.is_true("sniStrict"));
        if is_strict {
            return Err(Ended::new(End::Alert(AlertCause::NoCertificate), at));
        }
        let store = self.config.default_store();
        if let Some(file) =
            store.and_then(|it| it.get("defaultCertificate")).and_then(PairOfFiles::new)
            && file.fault(self.sources, self.certificates).is_none()
        {
            self.takes_certificate(&file);
            return Ok(());
        }
        if store.is_some_and(|store| {
            !store.entries().any(|(key, ..)| !key.eq_ignore_ascii_case("defaultCertificate"))
        }) || store.is_none()
        {
            // The one that Traefik makes itself when it starts.
            if let Some(ending) = self.tls_ending.as_mut() {
                ending.covers_name = asked.map(|_| false);
            }
        }
        Ok(())
    }

    fn takes_certificate(&mut self, file: &PairOfFiles<'t>) {
        if let Some(ending) = self.tls_ending.as_mut() {
            let name = self.sni.as_ref().and_then(|name| name.parse::<DomainName>().ok());
            file.read(self.sources, self.certificates);
            ending.covers_name =
                name.and_then(|name| self.certificates.covers(file.certificate.name, &name));
            ending.certificates.push(ServerText::new(file.certificate.name));
        }
        self.certificate = Some((file.certificate.name.to_owned(), file.certificate.at));
    }
}

/// The files of a certificate and its key.
#[derive(Debug, Clone, Copy)]
pub struct PairOfFiles<'t> {
    certificate: Named<'t>,
    key: Option<Named<'t>>,
}

impl<'t> PairOfFiles<'t> {
    /// `None`: what it has is the text of a certificate.
    pub fn new(part: Part<'t>) -> Option<Self> {
        let certificate = part.word("certFile").filter(|it| !is_content(it.name))?;
        let key = part.word("keyFile").filter(|it| !is_content(it.name));
        Some(Self { certificate, key })
    }

    fn is_in_default_store(&self, part: Part<'t>) -> bool {
        let stores = part.texts("stores");
        stores.is_empty() || stores.iter().any(|store| store.name == DEFAULT)
    }

    fn read(&self, sources: &Sources, reader: &CertificateReader<'_>) -> Rc<CertificateFile> {
        let named =
            |it: Named<'t>| NamedPath { path: it.name.to_owned(), at: sources.location(it.at) };
        reader.read(&named(self.certificate), self.key.map(named).as_ref(), false)
    }

    /// Why Traefik does not use it.
    pub fn fault(
        &self,
        sources: &Sources,
        reader: &CertificateReader<'_>,
    ) -> Option<(Span, ProxyFaultKind)> {
        let file = self.read(sources, reader);
        let key = self.key.map(|key| key.name);
        let (which, what) = start_fault(&file, self.certificate.name, key)?;
        let at = match (which, self.key) {
            (FileOfPair::Key, Some(key)) => key.at,
            _ => self.certificate.at,
        };
        Some((at, what))
    }
}

fn is_content(text: &str) -> bool {
    text.contains("-----BEGIN")
}
