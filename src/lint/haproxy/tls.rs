//! How a listener of HAProxy ends TLS.

use super::certificates::{Certificates, OwnFile};
use super::follow::Walk;
use super::index::{Bind, Index, Mode, Proxy};
use crate::lint::source::Span;
use crate::model::configuration::{
    AddedHeader, AllowedVersions, Layer, OfferedProtocols, TlsEnding,
};
use crate::model::facts::{ServerText, TlsVersion};
use crate::model::name::DomainName;

/// The versions that HAProxy knows, in their order.
const VERSIONS: [(TlsVersion, &str); 5] = [
    (TlsVersion::Ssl3, "sslv3"),
    (TlsVersion::Tls10, "tlsv10"),
    (TlsVersion::Tls11, "tlsv11"),
    (TlsVersion::Tls12, "tlsv12"),
    (TlsVersion::Tls13, "tlsv13"),
];

/// What words say about the versions of TLS.
#[derive(Default)]
struct Limits {
    lowest: Option<usize>,
    highest: Option<usize>,
    /// Those that `no-…` and `force-…` leave out.
    without: Vec<usize>,
    /// The last word that says something.
    at: Option<Span>,
}

impl Limits {
    /// Reads words, each with its place.
    fn read(&mut self, words: &[(&str, Span)]) {
        let number =
            |text: &str| VERSIONS.iter().position(|(_, name)| text.eq_ignore_ascii_case(name));
        // `TLSv1.2` behind `ssl-min-ver`.
        let named = |at: usize| {
            let text = words.get(at).map_or("", |(text, _)| text);
            number(&text.replace('.', ""))
        };
        for (position, (word, at)) in words.iter().enumerate() {
            match *word {
                "ssl-min-ver" => self.lowest = named(position + 1),
                "ssl-max-ver" => self.highest = named(position + 1),
                word => {
                    let forced = word.strip_prefix("force-").and_then(number);
                    let left_out = word.strip_prefix("no-").and_then(number);
                    match (forced, left_out) {
                        (Some(only), _) => (self.lowest, self.highest) = (Some(only), Some(only)),
                        (_, Some(version)) => self.without.push(version),
                        (None, None) => continue,
                    }
                }
            }
            self.at = Some(*at);
        }
    }

    /// What these say, where they say something, else what `defaults` say.
    fn or(self, defaults: Self) -> Self {
        Self {
            lowest: self.lowest.or(defaults.lowest),
            highest: self.highest.or(defaults.highest),
            without: [self.without, defaults.without].concat(),
            at: self.at.or(defaults.at),
        }
    }

    /// The versions that are accepted: one range, from 1.2 on unless something else is set (since HAProxy 2.2).
    fn versions(&self) -> Vec<TlsVersion> {
        const DEFAULT_LOWEST: usize = 3;
        let highest = self.highest.unwrap_or(VERSIONS.len() - 1);
        let lowest = self.lowest.unwrap_or(DEFAULT_LOWEST.min(highest));
        // Beside limits, HAProxy passes over `no-…`.
        let has_limits = self.lowest.is_some() || self.highest.is_some();
        let is_left = |number: &usize| has_limits || !self.without.contains(number);
        let left: Vec<usize> = (lowest..=highest).filter(is_left).collect();
        match (left.first(), left.last()) {
            // It accepts what is between them, too.
            (Some(first), Some(last)) => {
                VERSIONS[*first..=*last].iter().map(|(version, _)| *version).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The words behind `ssl-default-bind-options`.
fn default_words<'c>(index: &Index<'c>) -> Vec<(&'c str, Span)> {
    let lines = index.global.iter().filter(|line| line.text(0) == "ssl-default-bind-options");
    let words = lines.flat_map(|line| line.words.iter().skip(1));
    words.map(|word| (word.text.as_str(), word.span)).collect()
}

fn of_words(words: &[(&str, Span)]) -> Limits {
    let mut limits = Limits::default();
    limits.read(words);
    limits
}

/// What a listener says itself, else what all of them have.
fn of_listener(index: &Index<'_>, bind: &Bind<'_>) -> Limits {
    let words = bind.line.words.iter().skip(2);
    let own: Vec<(&str, Span)> = words.map(|word| (word.text.as_str(), word.span)).collect();
    of_words(&own).or(of_words(&default_words(index)))
}

/// The word that leaves a listener no version of TLS: HAProxy does not start.
pub fn word_without_versions(index: &Index<'_>, bind: &Bind<'_>) -> Option<Span> {
    let limits = of_listener(index, bind);
    limits.at.filter(|_| limits.versions().is_empty())
}

/// The versions of TLS that a listener accepts with one of its certificates.
fn versions_of(index: &Index<'_>, bind: &Bind<'_>, file: Option<&OwnFile>) -> AllowedVersions {
    let of_file: Vec<(&str, Span)> = file
        .map(|file| file.options.iter().map(|word| (word.as_str(), file.at)).collect())
        .unwrap_or_default();
    let limits = of_words(&of_file).or(of_listener(index, bind));
    AllowedVersions::Listed {
        versions: limits.versions(),
        at: index.configuration.sources.location(limits.at.unwrap_or(bind.line.span())),
        other: None,
    }
}

impl<'c> Walk<'c> {
    /// What a listener says about TLS, with the certificate that it uses for the name.
    pub fn tls_ending_of(
        &self,
        proxy: &Proxy<'c>,
        bind: &'c Bind<'c>,
        certificates: &Certificates,
    ) -> TlsEnding {
        let sources = &self.index.configuration.sources;
        let line = bind.line;
        let name = self.state.sni.as_deref();
        let file = certificates.file_for(name);
        let alpn = line.find(2, "alpn").map(|index| OfferedProtocols {
            protocols: line.text(index + 1).split(',').map(ServerText::new).collect(),
            at: sources.location(line.at(index).to(line.at(index + 1))),
        });
        let verify = line.find(2, "verify").filter(|_| bind.verifies_client);
        let covers = file.zip(name.and_then(|name| name.parse::<DomainName>().ok()));
        TlsEnding {
            at: sources.location(line.span()),
            layer: if proxy.mode().0 == Mode::Http { Layer::Http } else { Layer::Tcp },
            certificates: file.map(|file| ServerText::new(&file.path)).into_iter().collect(),
            covers_name: covers
                .and_then(|(file, name)| self.around.certificates.covers(&file.path, &name)),
            versions: versions_of(self.index, bind, file),
            alpn,
            client_certificate: verify
                .map(|index| sources.location(line.at(index).to(line.at(index + 1)))),
            hsts: None,
            alt_svc: None,
        }
    }

    /// The headers about TLS that a proxy adds to answers.
    pub fn added_headers(&mut self, proxy: &Proxy<'c>) {
        let sources = &self.index.configuration.sources;
        let rules = || proxy.rules(&["http-response"]).chain(proxy.rules(&["http-after-response"]));
        let added = |wanted: &str| {
            let is_it = |line: &&'c super::sections::Line| {
                matches!(line.text(1), "set-header" | "add-header")
                    && line.text(2).eq_ignore_ascii_case(wanted)
            };
            let line = rules().find(is_it)?;
            let at = sources.location(line.span());
            Some(AddedHeader { value: ServerText::new(line.text(3)), at })
        };
        let (hsts, alt_svc) = (added("strict-transport-security"), added("alt-svc"));
        let Some(ending) = self.tls_ending.as_mut() else { return };
        ending.hsts = ending.hsts.take().or(hsts);
        ending.alt_svc = ending.alt_svc.take().or(alt_svc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_one_range_from_1_2_on() {
        use TlsVersion::{Tls10, Tls11, Tls12, Tls13};
        let words = |text: &'static str| -> Vec<(&'static str, Span)> {
            let at = Span { file: 0, start: 0, end: 0 };
            text.split_whitespace().map(|word| (word, at)).collect()
        };
        for (own, defaults, expected) in [
            ("", "", vec![Tls12, Tls13]),
            ("ssl-min-ver TLSv1.0", "", vec![Tls10, Tls11, Tls12, Tls13]),
            ("ssl-min-ver TLSv1.2", "ssl-min-ver TLSv1.3", vec![Tls12, Tls13]),
            ("", "ssl-min-ver TLSv1.3", vec![Tls13]),
            ("ssl-max-ver TLSv1.1", "", vec![Tls11]),
            ("force-tlsv12", "", vec![Tls12]),
            ("no-tlsv13", "", vec![Tls12]),
            ("", "no-tlsv10 no-tlsv11", vec![Tls12, Tls13]),
            ("no-tlsv13", "ssl-min-ver TLSv1.2", vec![Tls12, Tls13]),
        ] {
            let read = |text| {
                let mut limits = Limits::default();
                limits.read(&words(text));
                limits
            };
            assert_eq!(read(own).or(read(defaults)).versions(), expected, "{own} | {defaults}");
        }
    }
}
