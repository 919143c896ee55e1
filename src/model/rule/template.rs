//! What is said of a rule, with the deployment's own names in it.

use std::fmt;
use std::str::FromStr;

use crate::model::remedy::LinePart;

/// A text with the deployment's own names in it, written `${domain}`.
///
/// `$` before anything but `{` stands for itself, so that nginx variables can be written as they
/// are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

macro_rules! placeholders {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal,)+) => {
        /// What a [`Template`] can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Placeholder {
            $($(#[$doc])+ $variant,)+
        }

        impl Placeholder {
            /// Every placeholder.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word between `${` and `}`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

placeholders! {
    /// The domain of the deployment.
    Domain = "domain",
    /// The TURN domain; the word `<TURN_DOMAIN>` when there is none.
    TurnDomain = "turn-domain",
    /// The name that the finding is about.
    Host = "host",
    /// The address that the finding is about.
    Address = "address",
    /// The port or range that the finding is about, `50000-60000`.
    Port = "port",
    /// `tcp` or `udp`.
    Transport = "transport",
    /// The node that the finding is about.
    Node = "node",
    /// `A` or `AAAA`, after the address family of the finding.
    RecordType = "record-type",
    /// The addresses of the proxy as users reach it, separated by commas.
    ProxyAddresses = "proxy-addresses",
    /// One of them, of the finding's family.
    PublicProxyAddress = "public-proxy-address",
    /// The proxy's address as the machine behind it sees it, of the family of that machine's.
    ProxyAddress = "proxy-address",
    /// The same as nftables matches it: `ip saddr 10.0.0.10`.
    FromProxy = "from-proxy",
    /// The machine that the proxy forwards to, in words: `OpenVidu's machine`, `the Master Node`.
    Backend = "backend",
    /// Its address as the proxy reaches it. A line with it stands once for each such machine.
    BackendAddress = "backend-address",
    /// Who may reach the port, in words: `the external proxy and the Media Nodes`.
    Sources = "sources",
    /// The addresses of those, of the finding's family, separated by commas.
    SourceAddresses = "source-addresses",
    /// The same as nftables matches them: `ip saddr { 10.0.0.21, 10.0.0.22 }`.
    FromSources = "from-sources",
    /// Everybody but them, of the finding's family: `ip saddr != { 10.0.0.21 }`; `meta nfproto
    /// ipv6` where none of them has an address of it.
    ExceptSources = "except-sources",
    /// One of these addresses. A line with it stands once for each of them.
    EachSource = "each-source",
    /// The machines that media flows to, in words: `OpenVidu's machine`, `the Media Nodes`.
    MediaMachines = "media-machines",
    /// Their addresses as they see each other, as nftables matches them.
    FromMedia = "from-media",
    /// Everybody but them, of the finding's family.
    ExceptMedia = "except-media",
    /// One of these addresses. A line with it stands once for each of them.
    EachMediaAddress = "each-media-address",
    /// The address by which users reach the machine that media flows to; where there are several,
    /// words that say so.
    MediaAddress = "media-address",
    /// The settings by which LiveKit offers media at that address. A line with it stands once for
    /// each of them. Where several machines can share the file, none of them is an address.
    MediaAddressSetting = "media-address-setting",
    /// The command that tests the proxy's files and takes them over; nginx's, if it is not known which proxy it is.
    ReloadProxy = "reload-proxy",
    /// Everybody but the machines of OpenVidu, of the finding's family.
    ExceptNodes = "except-nodes",
    /// One of their addresses as the other machines see them. A line with it stands once for each.
    EachNode = "each-node",
    /// Every IPv4 network in which none of these machines has an address, separated by commas.
    NetworksWithoutMedia = "networks-without-media",
    /// The file of LiveKit's settings, on the machine behind the proxy.
    LivekitConfig = "livekit-config",
    /// The file of OpenVidu's own settings, on the machine behind the proxy.
    OpenviduEnv = "openvidu-env",
    /// What an optional row depends on: `rtmp`, `app`.
    Condition = "condition",
    /// The key of the deployment file that says so: `uses`, `enabled-modules`.
    ConditionKey = "condition-key",
    /// The port or range for nftables; a command with it can be for several ports.
    NftPorts = "nft-ports",
    /// The same for ufw, behind `port`.
    UfwPorts = "ufw-ports",
    /// The port or range as ufw writes it before a slash: `50000:60000`.
    UfwPort = "ufw-port",
    /// The port or range as a filter of `ss`: `sport = :443`.
    SsFilter = "ss-filter",
    /// What was seen, where a remedy has to repeat a part of it (the open ports of a list, the
    /// address of a candidate).
    Seen = "seen",
}

/// A `${…}` that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("unknown placeholder \"${{{0}}}\"")]
    Unknown(String),
    #[error("\"${{\" has no closing brace")]
    Unclosed,
}

impl Template {
    /// A text without placeholders.
    pub fn literal(text: String) -> Self {
        Self(vec![Piece::Text(text)])
    }

    /// The text with every placeholder replaced by `value(placeholder)`.
    pub fn render(&self, value: impl Fn(Placeholder) -> String) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Value(placeholder) => value(*placeholder),
            })
            .collect()
    }

    /// The lines of the text, filled in. A line in which a placeholder has several values stands
    /// once for each of them.
    pub fn lines_with(&self, values: impl Fn(Placeholder) -> Vec<LinePart>) -> Vec<Vec<LinePart>> {
        let mut lines = Vec::new();
        for line in self.lines() {
            let parts: Vec<Vec<LinePart>> = line
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => vec![LinePart::Text(text)],
                    Piece::Value(placeholder) => values(placeholder),
                })
                .collect();
            let times = parts.iter().map(Vec::len).max().unwrap_or(1);
            let nth = |all: &Vec<LinePart>, time: usize| all.get(time).or(all.last()).cloned();
            lines.extend((0..times).map(|time| {
                parts.iter().filter_map(|all| nth(all, time)).collect::<Vec<LinePart>>()
            }));
        }
        lines
    }

    /// The pieces of each line.
    fn lines(&self) -> Vec<Vec<Piece>> {
        let mut lines = vec![Vec::new()];
        let add = |lines: &mut Vec<Vec<Piece>>, piece: Piece| {
            lines.last_mut().expect("there is a line").push(piece);
        };
        for piece in &self.0 {
            match piece {
                Piece::Value(_) => add(&mut lines, piece.clone()),
                Piece::Text(text) => {
                    for (place, part) in text.split('\n').enumerate() {
                        if place > 0 {
                            lines.push(Vec::new());
                        }
                        add(&mut lines, Piece::Text(part.to_owned()));
                    }
                }
            }
        }
        lines
    }
}

impl fmt::Display for Template {
    /// The text as it stands in the rule file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|placeholder| format!("${{{}}}", placeholder.as_str())))
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or(InvalidTemplate::Unclosed)?;
            let placeholder = Placeholder::ALL
                .iter()
                .find(|placeholder| placeholder.as_str() == name)
                .ok_or_else(|| InvalidTemplate::Unknown(name.to_owned()))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Value(*placeholder));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::remedy::RemedyLine;

    #[test]
    fn a_template_takes_placeholders_and_leaves_nginx_variables_alone() {
        let template: Template =
            "return 301 https://$host; # ${domain}, { ${port} }".parse().unwrap();
        let text = template.render(|placeholder| placeholder.as_str().to_uppercase());
        assert_eq!(text, "return 301 https://$host; # DOMAIN, { PORT }");
    }

    #[test]
    fn a_line_stands_once_for_each_value() {
        let template: Template =
            "on ${backend}:\nserver ${backend-address}:5349;\nend".parse().unwrap();
        let lines = template.lines_with(|placeholder| {
            let values: &[&str] = match placeholder {
                Placeholder::BackendAddress => &["10.0.0.1", "10.0.0.2"],
                _ => &[placeholder.as_str()],
            };
            values.iter().map(|value| LinePart::Text((*value).to_owned())).collect()
        });
        let lines: Vec<String> =
            lines.into_iter().map(|line| RemedyLine::new(line).to_string()).collect();
        assert_eq!(lines, ["on backend:", "server 10.0.0.1:5349;", "server 10.0.0.2:5349;", "end"]);
    }

    #[test]
    fn a_template_refuses_what_it_cannot_fill_in() {
        let unknown = "${domian}".parse::<Template>().unwrap_err();
        assert_eq!(unknown.to_string(), "unknown placeholder \"${domian}\"");
        assert_eq!("${domain".parse::<Template>(), Err(InvalidTemplate::Unclosed));
    }
}
