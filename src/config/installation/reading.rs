//! One file of an installation → what ovcheck needs of it. Everything else, secrets above all, is dropped
//! while the text is read.

use super::{InstalledVersion, Known};
use crate::lint::env;

/// Something that a file says, and the line on which it says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub line: usize,
    pub known: Known,
    /// An environment file shows what is installed, a command what was meant to be.
    pub is_setting: bool,
}

/// Keys of `openvidu.env`, `master_node.env` and `media_node.env`.
fn of_setting(key: &str) -> Option<fn(String) -> Known> {
    Some(match key {
        "DOMAIN_NAME" => Known::Domain,
        "LIVEKIT_TURN_DOMAIN_NAME" => Known::TurnDomain,
        "ENABLED_MODULES" => Known::Modules,
        "COMPOSE_PROFILES" => Known::Profiles,
        "OPENVIDU_RTC_ENGINE" => Known::Engine,
        "MASTER_NODE_PRIVATE_IP" => Known::Master,
        "MEDIA_NODE_PRIVATE_IP" => Known::Media,
        "MASTER_NODE_PRIVATE_IP_LIST" => Known::Masters,
        numbered if is_numbered_master(numbered) => Known::OneOfMasters,
        _ => return None,
    })
}

/// `MASTER_NODE_1_PRIVATE_IP`: of one Master Node of several.
fn is_numbered_master(key: &str) -> bool {
    let number = key.strip_prefix("MASTER_NODE_").and_then(|rest| rest.strip_suffix("_PRIVATE_IP"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
}

/// Flags of the installer that have a value.
fn of_flag(flag: &str) -> Option<fn(String) -> Known> {
    Some(match flag {
        "domain-name" => Known::Domain,
        "turn-domain-name" => Known::TurnDomain,
        "enabled-modules" => Known::Modules,
        "rtc-engine" => Known::Engine,
        "node-role" => Known::Role,
        "deployment-type" => Known::DeploymentType,
        "private-ip" => Known::Private,
        "public-ip" => Known::Public,
        "master-node-private-ip" => Known::Master,
        "master-node-private-ip-list" => Known::Masters,
        _ => return None,
    })
}

/// Flags of the installer that are given or not.
fn of_switch(flag: &str) -> Option<Known> {
    Some(match flag {
        "external-proxy" => Known::ExternalProxy,
        "external-load-balancer" => Known::ExternalLoadBalancer,
        "experimental-turn-tls-with-main-domain" => Known::TurnOnMainDomain,
        _ => return None,
    })
}

/// What a text says.
pub fn said(text: &str) -> Vec<Said> {
    let mut all: Vec<Said> = settings(text).collect();
    for (line, text) in logical_lines(text) {
        if text.trim_start().starts_with('#') {
            continue;
        }
        let words = words(&text);
        all.extend(from_words(line, &words));
    }
    all
}

/// The lines, each with its number. A line that ends with `\` goes on in the next one.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let whole = line.trim_end();
        let (part, is_open) = match whole.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (whole, false),
        };
        match lines.last_mut() {
            Some((_, last)) if goes_on => {
                // Keeps the number of the line of each word.
                last.push('\n');
                last.push_str(part);
            }
            Some(_) | None => lines.push((index + 1, part.to_owned())),
        }
        goes_on = is_open;
    }
    lines
}

/// The variables that a text sets, as Docker Compose reads them.
fn settings(text: &str) -> impl Iterator<Item = Said> {
    let (assignments, _) = env::read(text);
    assignments.into_iter().filter_map(|assignment| {
        let make = of_setting(&text[assignment.name.clone()])?;
        let value = assignment.unescaped().trim().to_owned();
        Some(Said { line: assignment.line, known: make(value), is_setting: true })
    })
}

/// A word of a command, and how many lines below the first one it begins.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    below: usize,
    text: String,
}

/// The words of a command, as a shell reads them: without quotation marks and comments.
fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut below = 0;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\n' {
            below += 1;
        }
        let is_end = c.is_whitespace() || "()<>;|&".contains(c);
        match quote {
            None if is_end => words.extend(word.take()),
            None if c == '#' && word.is_none() => {
                // The comment ends with its line.
                if characters.by_ref().any(|c| c == '\n') {
                    below += 1;
                }
            }
            Some(mark) if c == mark => quote = None,
            _ => {
                let word = word.get_or_insert_with(|| Word { below, text: String::new() });
                match c {
                    '"' | '\'' if quote.is_none() => quote = Some(c),
                    '\\' if quote != Some('\'') => word.text.extend(characters.next()),
                    c => word.text.push(c),
                }
            }
        }
    }
    words.extend(word);
    words
}

fn from_words(line: usize, words: &[Word]) -> Vec<Said> {
    let mut all = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let mut say = |known| {
            all.push(Said { line: line + word.below, known, is_setting: false });
        };
        let place = &word.text;
        if let Some(installer) = Installer::in_address(place) {
            say(Known::DeploymentType(installer.kind));
            installer.version.into_iter().for_each(|version| say(Known::Version(version)));
            installer.role.into_iter().for_each(|role| say(Known::Role(role)));
        }
        if let Some(version) = of_image(place) {
            say(Known::Version(version));
        }
        let Some(flag) = place.strip_prefix("--") else { continue };
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (flag, None),
        };
        if let Some(known) = of_switch(flag).filter(|_| value != Some("false")) {
            say(known);
        }
        let Some(make) = of_flag(flag) else { continue };
        let behind = || words.get(index + 1).map(|word| word.text.as_str());
        let value = value.or_else(|| behind().filter(|text| !text.starts_with("--")));
        say(make(value.unwrap_or_default().trim().to_owned()));
    }
    all
}

/// What the address of an install script says.
struct Installer {
    kind: String,
    version: Option<InstalledVersion>,
    role: Option<String>,
}

impl Installer {
    /// Of `http://get.openvidu.io/pro/elastic/3.9.0/install_ov_master_node.sh`.
    fn in_address(word: &str) -> Option<Self> {
        let (_, path) = word.split_once("get.openvidu.io/")?;
        let mut segments = path.split('/');
        let (_, kind, version) = (segments.next()?, segments.next()?, segments.next()?);
        let script = segments.next().unwrap_or_default();
        let role = ["master-node", "media-node"]
            .into_iter()
            .find(|role| script.contains(&role.replace('-', "_")));
        Some(Self {
            kind: kind.to_owned(),
            version: InstalledVersion::in_version(version),
            role: role.map(str::to_owned),
        })
    }
}

/// The version in `docker.io/openvidu/openvidu-server:3.9.0`: all images of OpenVidu's own have it.
fn of_image(word: &str) -> Option<InstalledVersion> {
    let (_, image) = word.split_once("openvidu/openvidu-")?;
    let (_, tag) = image.split_once(':')?;
    InstalledVersion::in_version(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Vec<Known> {
        said(text).into_iter().map(|said| said.known).collect()
    }

    #[test]
    fn settings_are_read_as_docker_compose_reads_them() {
        let text = "\u{feff}# DOMAIN_NAME=no\nDOMAIN_NAME=a.example # ours\r\n  export \
                    LIVEKIT_TURN_DOMAIN_NAME=\"turn.example\"\nENABLED_MODULES='app,observability'\n\
                    LIVEKIT_API_SECRET=hidden\nMASTER_NODE_2_PRIVATE_IP=10.0.0.2\nDOMAIN_NAME_2=b\n\
                    OPENVIDU_RTC_ENGINE=\n";
        assert_eq!(
            known(text),
            [
                Known::Domain("a.example".to_owned()),
                Known::TurnDomain("turn.example".to_owned()),
                Known::Modules("app,observability".to_owned()),
                Known::OneOfMasters("10.0.0.2".to_owned()),
                Known::Engine(String::new()),
            ]
        );
        assert_eq!(said(text)[0].line, 2);
    }

    #[test]
    fn an_install_command_is_read_as_a_shell_reads_it() {
        let text = "sh <(curl -fsSL http://get.openvidu.io/pro/elastic/3.9.0/install_ov_master_node.sh) \\\n\
                    \x20   --no-tty --install \\\n    --node-role='master-node' \\\n    --livekit-api-secret='hidden' \\\n\
                    \x20   --domain-name \"openvidu.example.io\" \\\n  --private-ip=10.0.0.1 --external-proxy # --rtc-engine=pion\n";
        let all = said(text);
        let lines: Vec<(usize, &Known)> = all.iter().map(|said| (said.line, &said.known)).collect();
        assert_eq!(
            lines,
            [
                (1, &Known::DeploymentType("elastic".to_owned())),
                (1, &Known::Version(InstalledVersion { minor: 9 })),
                (1, &Known::Role("master-node".to_owned())),
                (3, &Known::Role("master-node".to_owned())),
                (5, &Known::Domain("openvidu.example.io".to_owned())),
                (6, &Known::Private("10.0.0.1".to_owned())),
                (6, &Known::ExternalProxy),
            ]
        );
    }

    #[test]
    fn a_script_that_builds_the_command_is_read_too() {
        let text = "INSTALL_COMMAND=\"sh <(curl http://get.openvidu.io/pro/ha/$V/install_ov_media_node.sh)\"\n\
                    ARGS=(\n  \"--node-role=media-node\"\n  --external-proxy=false\n)\n";
        assert_eq!(
            known(text),
            [
                Known::DeploymentType("ha".to_owned()),
                Known::Role("media-node".to_owned()),
                Known::Role("media-node".to_owned()),
            ]
        );
    }

    #[test]
    fn the_version_is_that_of_the_images() {
        let compose = "    image: docker.io/openvidu/openvidu-server:3.7.0\n    image: mongo:8.0\n";
        assert_eq!(known(compose), [Known::Version(InstalledVersion { minor: 7 })]);
        assert_eq!(known("IMAGE=openvidu/openvidu-caddy:main\n"), []);
        assert_eq!(
            known("docker run openvidu/openvidu-installer:3.10.1 --deployment-type=ha"),
            [
                Known::Version(InstalledVersion { minor: 10 }),
                Known::DeploymentType("ha".to_owned())
            ]
        );
    }
}
