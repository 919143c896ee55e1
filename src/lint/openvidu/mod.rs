//! OpenVidu's own configuration: environment files, `livekit.yaml` and `docker-compose.yaml` → facts.
//!
//! Values are dropped while they are read, unless a rule needs them: a secret may stand in the wrong place.

mod forms;
pub(in crate::lint) mod interpolation;
mod secrets;
pub(in crate::lint) mod variables;

use std::ops::Range;

use super::yaml::{self, Content, Entry, Node, Place, YamlError};
use interpolation::{Expanded, Form, expand};
use secrets::Secrets;
use variables::{Found, Source, Variables};

use super::comments;
use super::env::{self, Quote, SlipKind};
use crate::model::configuration::Location;
use crate::model::facts::{
    FaultKind, FileFault, OpenviduFacts, ServerText, Setting, SettingValue, SettingsFile,
    SettingsKind, UnknownVariable, ValueForm,
};

/// A file of an installation, as it was read. It holds secrets, so it is shown nowhere.
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// A file that is no configuration at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub path: String,
    pub line: usize,
    pub why: RefusalCause,
}

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCause {
    /// Its name says nothing, and neither does its content.
    UnknownFile,
    /// More levels than any configuration has.
    TooDeep,
    /// More nodes than any configuration has, or aliases that multiply.
    TooManyNodes,
}

/// What these files say.
///
/// # Errors
/// If one of them is not a configuration of OpenVidu, or is built to exhaust its reader.
pub fn read(files: &[SourceFile]) -> Result<OpenviduFacts, Refusal> {
    let mut kinds = Vec::new();
    for file in files {
        let refusal = Refusal { path: file.path.clone(), line: 1, why: RefusalCause::UnknownFile };
        kinds.push(kind_of(&file.path, &file.text).ok_or(refusal)?);
    }
    let mut variables = Variables::default();
    for (index, (file, kind)) in files.iter().zip(&kinds).enumerate() {
        if let Some(source) = source_of(*kind) {
            variables.add(source, index, &file.text);
        }
    }
    let mut reader = Reader { files, variables, secrets: Secrets::default() };
    let mut read = || -> Result<Vec<SettingsFile>, Refusal> {
        kinds.iter().enumerate().map(|(index, kind)| reader.file(index, *kind)).collect()
    };
    // What is a secret in one file may stand as something else in another one before it.
    read()?;
    let comments =
        files.iter().flat_map(|file| comments::of_file(&file.path, file.text.as_bytes()));
    Ok(OpenviduFacts { files: read()?, comments: comments.collect() })
}

/// Which file of an installation this is: by its name, otherwise by what is in it.
pub fn kind_of(path: &str, text: &str) -> Option<SettingsKind> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    kind_by_name(name).or_else(|| kind_by_content(text))
}

/// Whether the name of a file, without its directory, is that of a file of an installation.
pub fn is_settings_file(name: &str) -> bool {
    kind_by_name(name).is_some()
}

fn kind_by_name(name: &str) -> Option<SettingsKind> {
    match name.to_ascii_lowercase().replace('-', "_").as_str() {
        "openvidu.env" => Some(SettingsKind::OpenviduEnv),
        "master_node.env" => Some(SettingsKind::MasterEnv),
        "media_node.env" => Some(SettingsKind::MediaEnv),
        "meet.env" => Some(SettingsKind::MeetEnv),
        ".env" => Some(SettingsKind::ComposeEnv),
        "livekit.yaml" | "livekit.yml" => Some(SettingsKind::Livekit),
        "docker_compose.yaml" | "docker_compose.yml" | "compose.yaml" | "compose.yml" => {
            Some(SettingsKind::Compose)
        }
        "caddy.yaml" | "caddy.yml" => Some(SettingsKind::Caddy),
        other if other.ends_with(".env") => Some(SettingsKind::OtherEnv),
        _ => None,
    }
}

fn kind_by_content(text: &str) -> Option<SettingsKind> {
    let begins = |words: &[&str]| {
        text.lines().any(|line| words.iter().any(|word| line.trim_end().starts_with(word)))
    };
    if begins(&["rtc:", "turn:", "keys:"]) {
        Some(SettingsKind::Livekit)
    } else if begins(&["services:"]) {
        Some(SettingsKind::Compose)
    } else if begins(&["DOMAIN_NAME=", "LIVEKIT_TURN_DOMAIN_NAME="]) {
        Some(SettingsKind::OpenviduEnv)
    } else if begins(&["MASTER_NODE_PRIVATE_IP="]) {
        Some(SettingsKind::MasterEnv)
    } else if begins(&["MEDIA_NODE_PRIVATE_IP="]) {
        Some(SettingsKind::MediaEnv)
    } else {
        None
    }
}

fn source_of(kind: SettingsKind) -> Option<Source> {
    match kind {
        SettingsKind::OpenviduEnv => Some(Source::Openvidu),
        SettingsKind::MasterEnv => Some(Source::Master),
        SettingsKind::MediaEnv => Some(Source::Media),
        SettingsKind::ComposeEnv => Some(Source::Compose),
        _ => None,
    }
}

/// Variables whose values are kept.
fn is_kept_variable(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "DOMAIN_NAME",
        "LIVEKIT_TURN_DOMAIN_NAME",
        "ENABLED_MODULES",
        "COMPOSE_PROFILES",
        "OPENVIDU_RTC_ENGINE",
        "MEET_BASE_PATH",
        "SERVER_TRUST_PROXY",
        "OPENVIDU_VERSION",
    ];
    let is_address =
        ["_PRIVATE_IP", "_PUBLIC_IP", "_PRIVATE_IP_LIST"].iter().any(|end| name.ends_with(end));
    NAMES.contains(&name) || (is_address && !secrets::is_named_secret(name))
}

/// Keys of `livekit.yaml` whose values are kept: a section, or one key in it.
fn is_kept_key(kind: SettingsKind, path: &str) -> bool {
    if kind == SettingsKind::Compose {
        let last = path.rsplit('.').next().unwrap_or(path);
        return path.starts_with("services.")
            && ["image", "network_mode", "ports[]"].contains(&last);
    }
    if kind == SettingsKind::Caddy {
        return path.starts_with("apps.") && path.ends_with(".listen[]");
    }
    const SECTIONS: [&str; 5] = ["turn", "ingress", "limit", "webtransport", "openvidu"];
    const KEYS: [&str; 4] = ["port", "prometheus_port", "prometheus.port", "debug_handler.port"];
    let section = path.split('.').next().unwrap_or(path);
    let is_of_rtc = section == "rtc" && !path.starts_with("rtc.turn_servers");
    let is_public = !secrets::is_named_secret(path) || path == "turn.key_file";
    is_public
        && (is_of_rtc
            || SECTIONS.contains(&section)
            || KEYS.contains(&path)
            || path == "webhook.urls[]")
}

/// The YAML file that is read.
#[derive(Clone, Copy)]
struct YamlFile {
    index: usize,
    kind: SettingsKind,
}

/// Where a node is: the keys down to it, and the place of the last one.
#[derive(Clone, Copy)]
struct Below<'a> {
    path: &'a str,
    key: Place,
}

struct Reader<'a> {
    files: &'a [SourceFile],
    variables: Variables,
    secrets: Secrets,
}

/// What a setting is before it is known what of it is kept.
struct Draft<'a> {
    file: usize,
    path: String,
    key: Place,
    value: Place,
    text: &'a str,
    expanded: Expanded,
    is_kept: bool,
    is_secret: bool,
    form: ValueForm,
}

impl Reader<'_> {
    fn file(&mut self, index: usize, kind: SettingsKind) -> Result<SettingsFile, Refusal> {
        let path = ServerText::new(&self.files[index].path);
        let mut file = SettingsFile { path, kind, settings: Vec::new(), faults: Vec::new() };
        if kind.is_yaml() {
            self.yaml(index, kind, &mut file)?;
        } else {
            self.env(index, &mut file);
        }
        Ok(file)
    }

    fn env(&mut self, index: usize, file: &mut SettingsFile) {
        let source = &self.files[index];
        let text = source.text.as_str();
        let (assignments, slips) = env::read(text);
        for slip in slips {
            let what = match slip.kind {
                SlipKind::NoAssignment => FaultKind::NoAssignment,
                SlipKind::InvalidName => FaultKind::InvalidName,
                SlipKind::OpenQuote => FaultKind::OpenQuote,
                SlipKind::BehindQuote => FaultKind::BehindQuote,
            };
            let place = Place { start: slip.bytes.start, end: slip.bytes.end, line: slip.line };
            file.faults.push(FileFault { at: hidden(source, place), what });
        }
        // A value may name variables that are set before it.
        let mut own = Variables::default();
        own.add(Source::Compose, index, text);
        let all = env_values(&own, &assignments, text);
        for (assignment, expanded) in assignments.iter().zip(all) {
            let name = &text[assignment.name.clone()];
            let line = assignment.line;
            let place = |bytes: &Range<usize>| Place { start: bytes.start, end: bytes.end, line };
            let draft = Draft {
                file: index,
                path: if self.is_shown_key(name) { name.to_owned() } else { "*".to_owned() },
                key: place(&assignment.name),
                value: place(&assignment.value),
                text: assignment.raw,
                is_kept: is_kept_variable(name),
                is_secret: secrets::is_named_secret(name) || expanded.is_secret,
                form: ValueForm::Text,
                expanded,
            };
            let setting = self.setting(&draft);
            file.settings.push(setting);
        }
    }

    fn yaml(
        &mut self,
        index: usize,
        kind: SettingsKind,
        file: &mut SettingsFile,
    ) -> Result<(), Refusal> {
        let source = &self.files[index];
        let refused = |line, why| Err(Refusal { path: source.path.clone(), line, why });
        let (root, twice) = match yaml::read(&source.text) {
            Ok(read) => read,
            Err(YamlError::TooDeep { line }) => return refused(line, RefusalCause::TooDeep),
            Err(YamlError::TooManyNodes { line }) => {
                return refused(line, RefusalCause::TooManyNodes);
            }
            Err(YamlError::Syntax { place, message }) => {
                let what = FaultKind::Yaml(ServerText::new(&message));
                file.faults.push(FileFault { at: hidden(source, place), what });
                return Ok(());
            }
        };
        for double in twice {
            let is_shown = self.is_shown_key(&double.key);
            let key = ServerText::new(if is_shown { &double.key } else { "*" });
            let first_line = u32::try_from(double.first_line).unwrap_or(u32::MAX);
            let at = if is_shown {
                location(source, double.place, double.place)
            } else {
                hidden(source, double.place)
            };
            file.faults.push(FileFault { at, what: FaultKind::DuplicateKey { key, first_line } });
        }
        if let Some(root) = root {
            let below = Below { path: "", key: root.place };
            self.nodes(YamlFile { index, kind }, &root, below, &mut file.settings);
        }
        Ok(())
    }

    /// Adds what a node says, and what is below it.
    fn nodes(
        &mut self,
        file: YamlFile,
        node: &Node,
        below: Below<'_>,
        settings: &mut Vec<Setting>,
    ) {
        let YamlFile { index, kind } = file;
        let Below { path, key } = below;
        let group = |reader: &Self| Setting {
            key: ServerText::new(path),
            key_at: location(&reader.files[index], key, key),
            at: location(&reader.files[index], key, key),
            value: SettingValue::Group,
            form: match &node.content {
                Content::Map(_) => ValueForm::Map,
                Content::List(_) | Content::Scalar { .. } => ValueForm::List,
            },
            comes_from: None,
        };
        match &node.content {
            Content::Map(entries) => {
                if !path.is_empty() {
                    settings.push(group(self));
                }
                for entry in entries {
                    self.entry(file, entry, path, settings);
                }
            }
            Content::List(items) => {
                settings.push(group(self));
                let path = format!("{path}[]");
                for item in items {
                    self.nodes(file, item, Below { path: &path, key: item.place }, settings);
                }
            }
            Content::Scalar { text, is_quoted } => {
                let form = if kind == SettingsKind::Compose { Form::Both } else { Form::Braces };
                let expanded = expand(text, form, &|name| match kind {
                    SettingsKind::Compose => self.variables.of(Source::Compose, name),
                    _ => self.variables.dotted(name),
                });
                let is_of_keys = kind == SettingsKind::Livekit && path.starts_with("keys.");
                let last = path.rsplit('.').next().unwrap_or(path);
                let draft = Draft {
                    file: index,
                    path: path.to_owned(),
                    key,
                    value: node.place,
                    text,
                    is_kept: is_kept_key(kind, path) && !expanded.is_secret,
                    is_secret: is_of_keys || secrets::is_named_secret(last) || expanded.is_secret,
                    form: forms::form_of(&expanded.text, *is_quoted),
                    expanded,
                };
                let setting = self.setting(&draft);
                settings.push(setting);
            }
        }
    }

    fn entry(&mut self, file: YamlFile, entry: &Entry, path: &str, settings: &mut Vec<Setting>) {
        let is_of_keys = file.kind == SettingsKind::Livekit && path == "keys";
        let is_shown = !is_of_keys && self.is_shown_key(&entry.key);
        let shown = if is_shown { &entry.key } else { "*" };
        let path = if path.is_empty() { shown.to_owned() } else { format!("{path}.{shown}") };
        self.nodes(file, &entry.value, Below { path: &path, key: entry.key_place }, settings);
    }

    /// Whether the text of a key is no secret.
    fn is_shown_key(&self, key: &str) -> bool {
        secrets::is_plain_word(key) && !self.secrets.are_in(key)
    }

    fn setting(&mut self, draft: &Draft<'_>) -> Setting {
        let source = &self.files[draft.file];
        let key_at = if draft.path.ends_with('*') {
            hidden(source, draft.key)
        } else {
            location(source, draft.key, draft.key)
        };
        let only = draft.expanded.only.as_ref();
        let is_secret = (draft.is_secret && !draft.is_kept)
            || self.secrets.are_in(&draft.expanded.text)
            || self.secrets.are_in(draft.text);
        let value = if is_secret {
            self.secrets.mark(&draft.expanded.text)
        } else if let Some((name, why)) = &draft.expanded.trouble {
            // The name of a variable is not a secret, if it looks like one.
            let name = if secrets::is_plain_word(name) { name } else { "" };
            SettingValue::Unexpanded(UnknownVariable { name: ServerText::new(name), why: *why })
        } else if draft.text.is_empty() || draft.expanded.text.is_empty() {
            SettingValue::Empty
        } else if draft.is_kept && is_harmless(&draft.expanded.text) && !draft.text.contains('\n') {
            SettingValue::Text(ServerText::new(&draft.expanded.text))
        } else {
            SettingValue::Dropped
        };
        let is_shown = matches!(value, SettingValue::Text(_) | SettingValue::Unexpanded(_))
            && draft.is_kept
            && !draft.text.contains('\n');
        let at = match (&value, is_shown) {
            (SettingValue::Empty, _) => key_at.clone(),
            (_, true) => location(source, draft.key, draft.value),
            (_, false) => hidden(source, draft.value),
        };
        let comes_from = only.map(|found| self.variable_at(found, is_shown));
        let form = draft.form;
        Setting { key: ServerText::new(&draft.path), key_at, at, value, form, comes_from }
    }

    fn variable_at(&self, found: &Found, is_shown: bool) -> Location {
        let source = &self.files[found.file];
        let place =
            |bytes: &Range<usize>| Place { start: bytes.start, end: bytes.end, line: found.line };
        let (name, bytes) = (place(&found.name), place(&found.bytes));
        match (is_shown && !found.is_secret, bytes.start == bytes.end) {
            (true, false) => location(source, name, bytes),
            (true, true) => location(source, name, name),
            (false, _) => hidden(source, bytes),
        }
    }
}

/// The values of a file's assignments, each with what was set before it.
fn env_values(own: &Variables, assignments: &[env::Assignment<'_>], text: &str) -> Vec<Expanded> {
    let value = |assignment: &env::Assignment<'_>| {
        let raw = assignment.unescaped();
        if assignment.quote == Quote::Single {
            return Expanded { text: raw, ..Expanded::default() };
        }
        // A variable that is set later, or is itself, is not set yet.
        let find = |name: &str| {
            let found = own.of(Source::Compose, name)?;
            Ok(found.filter(|found| found.name.start < assignment.name.start))
        };
        expand(&raw, Form::Both, &find)
    };
    debug_assert!(assignments.iter().all(|it| it.value.end <= text.len()));
    assignments.iter().map(value).collect()
}

/// Whether a text has nothing in it that only those should see who may use it: the user of a URL, what is
/// behind its `?`, or other lines.
fn is_harmless(text: &str) -> bool {
    let is_url_with_more = text.contains("://") && text.contains(['@', '?']);
    !is_url_with_more && !text.contains('\n')
}

/// A place, with the beginning of its line up to the end of `place`. If something else stands before the
/// key, the line may hold a secret and is not shown.
fn location(source: &SourceFile, key: Place, place: Place) -> Location {
    let mut location = hidden(source, place);
    let line_start = line_start(&source.text, place.start);
    let before = &source.text[line_start..key.start.max(line_start)];
    let is_alone = before.trim_matches([' ', '\t', '-', '\u{feff}', '"', '\'']).is_empty()
        || before.trim() == "export";
    let is_on_line = place.end >= line_start && key.start >= line_start;
    if is_alone && is_on_line {
        let end = place.end.max(place.start);
        location.text = Some(ServerText::new(&source.text[line_start..end]));
    }
    location
}

/// A place of which the line is not shown.
fn hidden(source: &SourceFile, place: Place) -> Location {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let start = place.start.min(source.text.len());
    let before = &source.text[line_start(&source.text, start)..start];
    let width = source.text[start..place.end.clamp(start, source.text.len())].chars().count();
    Location {
        file: ServerText::new(&source.path),
        line: number(place.line),
        column: number(before.chars().count() + 1),
        width: number(width.max(1)),
        text: None,
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests;
