//! Flags → the text of a deployment file, with comments (`ovcheck init`).

use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Value;

use super::flags::Flags;
use super::load;
use super::value::{Features, ModuleList};
use super::{DeploymentFile, FileChoice};
use crate::complaint::Complaint;
use crate::model::deployment::{Edition, NodeRole, Topology};
use crate::model::dial::{ConnectTo, Resolve};
use crate::model::name::NodeName;
use crate::model::probe::SweepTarget;
use crate::model::word_list::WordList;

/// How wide the comments of the file are.
const WIDTH: usize = 100;

/// What the file says besides the values of the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNotes {
    /// Paragraphs at the top of the file.
    pub about: Vec<String>,
    /// Machines of which only the private addresses are known: they are shown as comments, because a
    /// machine needs the addresses at which users reach it.
    pub private_only: Vec<PrivateOnly>,
}

/// A machine of which only the private addresses are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateOnly {
    pub name: NodeName,
    pub role: NodeRole,
    pub addresses: Vec<IpAddr>,
}

/// The text of a deployment file that says what these flags say. `--config` is not a key of the file.
///
/// # Errors
/// If a run would refuse the flags. Files with credentials are named, but not read.
pub fn deployment_file(flags: &Flags, notes: &FileNotes) -> Result<String, Complaint> {
    // What a run would read now may not be there yet.
    let without_credentials =
        Flags { token_file: None, api_key: None, api_secret_file: None, ..flags.clone() };
    load(&without_credentials, &|_| None, None)?;
    let text = Text::of(flags, notes).0;
    let file = DeploymentFile { path: "ovcheck.toml".to_owned(), text, choice: FileChoice::Named };
    // What is written must be what the next run reads.
    file.shape()?;
    Ok(file.text)
}

/// A deployment file that is being written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn of(flags: &Flags, notes: &FileNotes) -> Self {
        let mut text = Self::default();
        text.comment(
            "What ovcheck checks: `ovcheck check` reads this file. A line that begins with # has no \
             effect; remove the # to set its key. `ovcheck check --help` describes all keys: they are \
             called as the flags.",
        );
        for paragraph in &notes.about {
            text.empty_line();
            text.comment(paragraph);
        }
        text.what_is_checked(flags);
        text.settings(flags);
        text.nodes(flags, notes);
        text.vantage(flags);
        text
    }

    fn what_is_checked(&mut self, flags: &Flags) {
        let topology = flags.topology.unwrap_or(Topology::SingleNode);
        let edition = flags.guide.unwrap_or(Edition::NEWEST);
        self.key(
            "Domain name of the deployment. It must resolve to the proxy.",
            "domain-name",
            flags.domain.as_ref().or(flags.domain_name.as_ref()).map(text_of),
            "openvidu.example.io",
        );
        self.key(
            "Domain name for TURN over TLS. It must resolve to the proxy, too.",
            "turn-domain-name",
            flags.turn_domain_name.as_ref().map(text_of),
            "turn.example.io",
        );
        self.key(
            "The installed version of OpenVidu, which is the edition of the guide.",
            "guide",
            flags.guide.map(word_of),
            edition.word(),
        );
        self.key(
            &format!("Deployment type: {}.", alternatives(&Topology::ALL)),
            "topology",
            flags.topology.map(word_of),
            topology.word(),
        );
        self.key(
            &format!(
                "How media is expected to reach clients: {}.",
                alternatives(edition.policies())
            ),
            "policy",
            flags.policy.map(word_of),
            "default",
        );
        self.key(
            "WebRTC engine of OpenVidu PRO: pion or mediasoup.",
            "rtc-engine",
            flags.rtc_engine.map(word_of),
            "pion",
        );
        let uses = flags.uses.as_ref().map(|Features(features)| words_of(features));
        self.key(
            "Optional features in use: rtmp, whip, ice-tcp, public-minio. The ports of a feature in \
             use must be open. If this is set, an open port of any other feature is a warning; [] \
             means that none is in use.",
            "uses",
            uses,
            Value::Array(Vec::new()),
        );
        let modules = flags.enabled_modules.as_ref().map(|ModuleList(modules)| words_of(modules));
        self.key(
            "Enabled modules, by the names that the installer uses.",
            "enabled-modules",
            modules,
            words_of(edition.modules()),
        );
    }

    /// Settings of a run. They are written only if they are set.
    fn settings(&mut self, flags: &Flags) {
        let path = |path: &PathBuf| Value::from(path.display().to_string());
        let all = |texts: Vec<String>| Some(texts).filter(|texts| !texts.is_empty());
        let stun_servers = flags.stun_server.iter().map(ToString::to_string).collect();
        let sweep = flags.sweep.iter().map(|target| match target {
            SweepTarget::Address(address) => address.to_string(),
            SweepTarget::Node(name) => name.to_string(),
        });
        let settings = [
            ("nodes-from", flags.nodes_from.as_ref().map(path)),
            ("rules", flags.rules.as_ref().map(path)),
            ("dns-server", flags.dns_server.map(|server| Value::from(server.to_string()))),
            ("ca-file", flags.ca_file.as_ref().map(path)),
            ("stun-server", all(stun_servers).map(Value::from)),
            ("connect-to", all(flags.connect_to.iter().map(connected).collect()).map(Value::from)),
            ("resolve", all(flags.resolve.iter().map(resolved).collect()).map(Value::from)),
            ("token-file", flags.token_file.as_ref().map(path)),
            ("api-key", flags.api_key.clone().map(Value::from)),
            ("api-secret-file", flags.api_secret_file.as_ref().map(path)),
            ("http-proxy", flags.http_proxy.clone().map(Value::from)),
            ("deep", flags.deep.map(Value::from)),
            ("timeout", flags.timeout.map(seconds)),
            ("hold", flags.hold.map(seconds)),
            ("deadline", flags.deadline.map(seconds)),
            ("udp-rate", flags.udp_rate.map(|rate| Value::from(i64::from(rate.per_second())))),
            ("sweep", all(sweep.collect()).map(Value::from)),
            ("allow-large-sweep", flags.allow_large_sweep.map(Value::from)),
            ("find-extent", flags.find_extent.map(Value::from)),
        ];
        let mut settings =
            settings.into_iter().filter_map(|(key, value)| Some((key, value?))).peekable();
        if settings.peek().is_some() {
            self.empty_line();
            self.comment("Settings of a run.");
        }
        for (key, value) in settings {
            self.line(&format!("{key} = {value}"));
        }
    }

    fn nodes(&mut self, flags: &Flags, notes: &FileNotes) {
        self.empty_line();
        self.comment(
            "The machines: all addresses at which users (for the Master Nodes: the proxy) reach each \
             of them, IPv4 and IPv6; and in private-addresses those at which the other machines of the \
             deployment reach it. A machine whose name is not its role has role = \"…\".",
        );
        for node in &flags.node {
            self.empty_line();
            self.line(&format!("[nodes.{}]", key_of(&node.name)));
            if let Some(role) = node.role {
                self.line(&format!("role = {}", word_of(role)));
            }
            self.line(&format!("addresses = {}", list_of(&node.addresses)));
            let private = flags.private_address.iter().find(|flag| flag.node == node.name);
            if let Some(private) = private {
                self.line(&format!("private-addresses = {}", list_of(&private.addresses)));
            }
        }
        for node in &notes.private_only {
            self.example_of_node(&node.name.to_string(), node.role, Some(&node.addresses));
        }
        let topology = flags.topology.unwrap_or(Topology::SingleNode);
        for role in topology.roles() {
            let is_of_role = |name: &NodeName, named: Option<NodeRole>| {
                named.or_else(|| NodeRole::from_word(name.as_str())) == Some(*role)
            };
            let is_known = flags.node.iter().any(|node| is_of_role(&node.name, node.role))
                || notes.private_only.iter().any(|node| node.role == *role);
            if !is_known {
                let name = match topology.most(*role) {
                    None if *role != NodeRole::Proxy => format!("{role}-1"),
                    None | Some(_) => role.to_string(),
                };
                self.example_of_node(&name, *role, None);
            }
        }
    }

    /// A machine that has no address yet, as comments.
    fn example_of_node(&mut self, name: &str, role: NodeRole, private: Option<&[IpAddr]>) {
        self.empty_line();
        self.line(&format!("#[nodes.{name}]"));
        if name != role.word() {
            self.line(&format!("#role = \"{role}\""));
        }
        self.line("#addresses = [\"…\"]");
        if let Some(private) = private {
            self.line(&format!("#private-addresses = {}", list_of(private)));
        }
    }

    fn vantage(&mut self, flags: &Flags) {
        if flags.zone.is_none() && flags.vantage_name.is_none() {
            return;
        }
        self.empty_line();
        self.comment("The machine on which ovcheck runs.");
        self.line("[vantage]");
        if let Some(zone) = flags.zone {
            self.line(&format!("zone = {}", word_of(zone)));
        }
        if let Some(name) = &flags.vantage_name {
            self.line(&format!("name = {}", Value::from(name.clone())));
        }
    }

    /// A key with its comment. Without a value, it is a comment itself, with `example`.
    fn key(&mut self, about: &str, key: &str, value: Option<Value>, example: impl Into<Value>) {
        self.empty_line();
        self.comment(about);
        match value {
            Some(value) => self.line(&format!("{key} = {value}")),
            None => self.line(&format!("#{key} = {}", example.into())),
        }
    }

    /// A comment, broken into lines.
    fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        // A path may hold anything.
        let printable: String =
            text.chars().map(|c| if c.is_control() { '\u{b7}' } else { c }).collect();
        for word in printable.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
                self.line(&line);
                "#".clone_into(&mut line);
            }
            write!(line, " {word}").expect("a string takes everything that is written to it");
        }
        self.line(&line);
    }

    fn empty_line(&mut self) {
        self.line("");
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

fn alternatives<T: WordList>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.word()).collect();
    match words.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        words => words.concat(),
    }
}

fn word_of<T: WordList>(word: T) -> Value {
    Value::from(word.word())
}

fn words_of<'a, T: WordList>(words: impl IntoIterator<Item = &'a T>) -> Value {
    Value::Array(words.into_iter().map(|word| word_of(*word)).collect())
}

fn text_of(value: &impl ToString) -> Value {
    Value::from(value.to_string())
}

fn list_of(addresses: &[IpAddr]) -> Value {
    Value::Array(addresses.iter().map(text_of).collect())
}

fn seconds(duration: Duration) -> Value {
    Value::from(duration.as_secs_f64())
}

/// The name of a node as a key of TOML.
fn key_of(name: &NodeName) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name.as_str() {
        bare if bare.chars().all(is_bare) => bare.to_owned(),
        other => Value::from(other).to_string(),
    }
}

/// An address as it stands before a port.
fn before_port(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// As `--connect-to` takes it.
fn connected(entry: &ConnectTo) -> String {
    let address = |address: Option<IpAddr>| address.map(before_port).unwrap_or_default();
    let ports = entry.ports.map(|ports| ports.to_string()).unwrap_or_default();
    let to_port = entry.to_port.map(|port| port.to_string()).unwrap_or_default();
    format!("{}:{ports}:{}:{to_port}", address(entry.address), address(entry.to_address))
}

/// As `--resolve` takes it.
fn resolved(entry: &Resolve) -> String {
    let port = entry.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
    let addresses: Vec<String> = entry.addresses.iter().map(ToString::to_string).collect();
    format!("{}:{port}:{}", entry.name, addresses.join(","))
}

/// The flags with paths that mean the same from any directory, for a file in another one.
///
/// # Errors
/// If the working directory is not known.
pub fn with_absolute_paths(flags: Flags) -> std::io::Result<Flags> {
    let absolute = |path: Option<PathBuf>| match path {
        // Standard input.
        Some(path) if path == Path::new("-") => Ok(Some(path)),
        Some(path) => std::path::absolute(path).map(Some),
        None => Ok(None),
    };
    Ok(Flags {
        nodes_from: absolute(flags.nodes_from)?,
        rules: absolute(flags.rules)?,
        ca_file: absolute(flags.ca_file)?,
        token_file: absolute(flags.token_file)?,
        api_secret_file: absolute(flags.api_secret_file)?,
        ..flags
    })
}
