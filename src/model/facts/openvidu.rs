//! OpenVidu's own configuration, as its files say it. Nothing in here is a judgement, and no secret is in here.

use serde::{Deserialize, Serialize};

use super::ServerText;
use crate::model::configuration::{IgnoreComment, Location};
use crate::model::port::PortRange;

/// The files of an installation of OpenVidu.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenviduFacts {
    /// In the order in which they were read.
    pub files: Vec<SettingsFile>,
    /// In the order of the files.
    #[serde(default)]
    pub comments: Vec<IgnoreComment>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsFile {
    pub path: ServerText,
    pub kind: SettingsKind,
    /// In the order of the file. A variable that is set twice is in here twice, and the last one counts.
    pub settings: Vec<Setting>,
    /// What keeps the program that reads the file from taking it.
    pub faults: Vec<FileFault>,
}

/// Which of an installation's files one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsKind {
    /// `openvidu.env`: the settings that all machines share.
    OpenviduEnv,
    /// `master_node.env`.
    MasterEnv,
    /// `media_node.env`.
    MediaEnv,
    /// `meet.env`.
    MeetEnv,
    /// `.env` beside `docker-compose.yaml`.
    ComposeEnv,
    /// The environment of another service.
    OtherEnv,
    /// `livekit.yaml`.
    Livekit,
    /// `docker-compose.yaml`.
    Compose,
    /// `caddy.yaml`: the Caddy that is part of OpenVidu.
    Caddy,
}

impl SettingsKind {
    /// Whether it is YAML; otherwise lines of `NAME=value`.
    pub fn is_yaml(self) -> bool {
        matches!(self, Self::Livekit | Self::Compose | Self::Caddy)
    }
}

/// A setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The name of a variable, or the keys down to it: `rtc.node_ip`, `rtc.ips.includes[]`. A key whose text
    /// may be a secret is `*`.
    pub key: ServerText,
    /// Its name in the file.
    pub key_at: Location,
    /// What it is set to. Where it has no value, its name.
    pub at: Location,
    pub value: SettingValue,
    pub form: ValueForm,
    /// The line of the variable that it takes its whole value from.
    pub comes_from: Option<Location>,
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingValue {
    /// Its variables are replaced.
    Text(ServerText),
    /// Nothing stands behind it, or an empty text.
    Empty,
    /// Other settings are below it.
    Group,
    /// It names a variable that is not set, or that ovcheck does not know.
    Unexpanded(UnknownVariable),
    /// It is or may be a secret.
    Secret(SecretMark),
    /// No rule reads it, so it was dropped.
    Dropped,
}

/// As what YAML reads a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueForm {
    Nothing,
    Text,
    /// A text like `10s`.
    Duration,
    Truth,
    /// A word that is a truth only where one is expected: `yes`, `off`.
    TruthWord,
    /// A whole number, of which only the size is kept.
    Integer {
        is_negative: bool,
        bits: u8,
    },
    Number,
    List,
    Map,
}

/// A variable that could not be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownVariable {
    /// `openvidu.DOMAIN_NAME`.
    pub name: ServerText,
    pub why: VariableTrouble,
}

/// Why a variable could not be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariableTrouble {
    /// The file that it is from was read, and does not set it.
    NotSet,
    /// The file demands a value with `:?` or `?`, and there is none.
    Mandatory,
    /// The file that it is from was not given to ovcheck.
    FileNotRead,
    /// No file of OpenVidu has this name, or the braces are not closed.
    Malformed,
}

/// What is kept of a secret: enough to see whether two are the same, and whether it is long enough.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretMark {
    /// Equal secrets of a run have the same number, in the order in which they were met. A digest could be
    /// tried out.
    pub number: u32,
    /// In characters.
    pub length: u32,
}

impl std::fmt::Debug for SecretMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretMark(…)")
    }
}

/// What is wrong with the form of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFault {
    pub at: Location,
    pub what: FaultKind,
}

/// What is wrong with the form of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It is not YAML: what the parser says, which repeats no value.
    Yaml(ServerText),
    /// A key is twice in one mapping; first on this line.
    DuplicateKey { key: ServerText, first_line: u32 },
    /// A line of an environment file without `=`.
    NoAssignment,
    /// The name of a variable has a character that no name has.
    InvalidName,
    /// A quotation mark without its end.
    OpenQuote,
    /// Text behind the end of a quotation.
    BehindQuote,
}

impl SettingsFile {
    /// The setting that counts: the last of this name.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.key.unquoted() == key)
    }

    /// All settings of this name: those of a list, or of an image of each service.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.settings.iter().filter(move |setting| setting.key.unquoted() == key)
    }
}

impl OpenviduFacts {
    /// What `openvidu.env` sets a variable to. `None`: nothing, or it is a secret.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let files = self.of_kind(SettingsKind::OpenviduEnv);
        files.filter_map(|file| file.setting(name)).last()?.text()
    }

    /// The files of a kind.
    pub fn of_kind(&self, kind: SettingsKind) -> impl Iterator<Item = &SettingsFile> {
        self.files.iter().filter(move |file| file.kind == kind)
    }
}

impl Setting {
    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            SettingValue::Text(text) => Some(text.unquoted()),
            _ => None,
        }
    }

    /// The TCP ports of an address of Caddy: `:443`, `tcp/10.0.0.20:443`, `:7880-7881`. `None`: it is for another
    /// transport, or a placeholder that Caddy fills.
    pub fn tcp_ports(&self) -> Option<PortRange> {
        let text = self.text()?;
        let address = match text.split_once('/') {
            Some((network, rest)) => network.starts_with("tcp").then_some(rest)?,
            None => text,
        };
        let (_, ports) = address.rsplit_once(':')?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        PortRange::new(first.parse().ok()?, last.parse().ok()?).ok()
    }

    /// The place that has to be changed: the line of its variable, or its own.
    pub fn origin(&self) -> &Location {
        self.comes_from.as_ref().unwrap_or(&self.at)
    }
}
