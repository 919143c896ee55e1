//! The configuration of a proxy that does what a deployment needs.

use std::io::{self, Write};

use askama::Template;

use crate::model::name::DomainName;
use crate::model::proxy::ProxyDuties;
use crate::model::word_list::word_list;

word_list! {
    /// The proxies whose configuration can be written.
    pub enum ProxyProgram {
        /// nginx as the guide configures it: its stream block passes everything on.
        Nginx = "nginx",
        /// nginx that reads the requests of the API, as in the guide since 3.6.
        NginxAdvanced = "nginx-advanced",
        /// HAProxy
        Haproxy = "haproxy",
        /// Caddy with its module layer4, which gets the certificates itself
        Caddy = "caddy",
        /// Traefik 3, which gets the certificates itself
        Traefik = "traefik",
    }
}

/// Writes the whole configuration file of a proxy. `guide` says by what: `guide 3.9`.
///
/// # Errors
/// Those of `out`.
pub fn write(
    duties: &ProxyDuties,
    program: ProxyProgram,
    guide: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name_list: Vec<&DomainName> =
        std::iter::once(&duties.domain).chain(duties.turn.iter().map(|(name, _)| name)).collect();
    let words: Vec<String> = name_list.iter().map(ToString::to_string).collect();
    let version = env!("CARGO_PKG_VERSION");
    let text = match program {
        ProxyProgram::Nginx => {
            Nginx { duties, version, guide, names: words.join(" "), name_list }.render()
        }
        ProxyProgram::NginxAdvanced => {
            NginxAdvanced { duties, version, guide, names: words.join(" "), name_list }.render()
        }
        ProxyProgram::Haproxy => Haproxy { duties, version, guide, name_list }.render(),
        ProxyProgram::Caddy => Caddy { duties, name_list }.render(),
        ProxyProgram::Traefik => Traefik { duties, version, guide }.render(),
    };
    out.write_all(text.map_err(io::Error::other)?.as_bytes())?;
    out.write_all(b"\n")
}

#[derive(Template)]
#[template(path = "nginx.conf", escape = "none")]
struct Nginx<'a> {
    duties: &'a ProxyDuties,
    version: &'static str,
    guide: &'a str,
    names: String,
    name_list: Vec<&'a DomainName>,
}

#[derive(Template)]
#[template(path = "nginx-advanced.conf", escape = "none")]
struct NginxAdvanced<'a> {
    duties: &'a ProxyDuties,
    version: &'static str,
    guide: &'a str,
    names: String,
    name_list: Vec<&'a DomainName>,
}

/// JSON has no comments: what the others say in their first lines is in `docs/proxy.md`.
#[derive(Template)]
#[template(path = "caddy.json", escape = "none")]
struct Caddy<'a> {
    duties: &'a ProxyDuties,
    name_list: Vec<&'a DomainName>,
}

#[derive(Template)]
#[template(path = "traefik.yml", escape = "none")]
struct Traefik<'a> {
    duties: &'a ProxyDuties,
    version: &'static str,
    guide: &'a str,
}

#[derive(Template)]
#[template(path = "haproxy.cfg", escape = "none")]
struct Haproxy<'a> {
    duties: &'a ProxyDuties,
    version: &'static str,
    guide: &'a str,
    name_list: Vec<&'a DomainName>,
}
