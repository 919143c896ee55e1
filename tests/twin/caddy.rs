//! Caddy with the app layer4, which no distribution packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use ovcheck::lint::yaml::{self, Content, Node};
use serde_json::{Map, Value, json};

use crate::mutations::{Random, replaced};

/// Where it is, or why it is not there.
pub fn program() -> Result<PathBuf, String> {
    const VARIABLE: &str = "OVCHECK_CADDY_LAYER4";
    let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return Err(format!("no Caddy with layer4 (.ci/run builds it; then set {VARIABLE})"));
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{VARIABLE}: there is no {}", path.display()))
}

/// The command that starts it with a configuration.
pub fn start<'c>(
    command: &'c mut Command,
    text: &str,
    folder: &Path,
    pid_file: &str,
) -> Result<&'c mut Command, String> {
    let file = folder.join("running.json");
    std::fs::write(&file, running(text, folder)?).map_err(|e| e.to_string())?;
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.arg(program()?).args(["start", "--pidfile", pid_file, "--config"]);
    Ok(command.arg(file))
}

/// A configuration as JSON.
fn parsed(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|e| e.to_string());
    }
    let (root, twice) = yaml::read(text).map_err(|e| format!("{e:?}"))?;
    match twice.first() {
        Some(twice) => Err(format!("{} is twice", twice.key)),
        None => Ok(root.as_ref().map_or(Value::Null, value)),
    }
}

/// The configuration as it runs: nobody gives certificates here, so Caddy signs them itself, and leaves the
/// authorities of this machine alone.
fn running(text: &str, folder: &Path) -> Result<String, String> {
    let mut config = parsed(text)?;
    let Some(all) = config.as_object_mut() else { return Ok(config.to_string()) };
    all.insert("storage".to_owned(), json!({"module": "file_system", "root": folder.join("data")}));
    all.insert("admin".to_owned(), json!({"disabled": true}));
    if let Some(apps) = all.get_mut("apps").and_then(Value::as_object_mut) {
        let own = json!({"certificate_authorities": {"local": {"install_trust": false}}});
        apps.insert("pki".to_owned(), own);
        let tls = apps.entry("tls").or_insert_with(|| Value::Object(Map::new()));
        if let Some(tls) = tls.as_object_mut() {
            let policy = json!({"policies": [{"issuers": [{"module": "internal"}]}]});
            tls.entry("automation").or_insert(policy);
        }
    }
    Ok(config.to_string())
}

fn value(node: &Node) -> Value {
    match &node.content {
        Content::Scalar { text, is_quoted: false } => match text.as_str() {
            "" | "~" | "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => text.parse::<i64>().map_or_else(|_| Value::String(text.clone()), Value::from),
        },
        Content::Scalar { text, .. } => Value::String(text.clone()),
        Content::List(items) => items.iter().map(value).collect(),
        Content::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect()
        }
    }
}

/// The configuration with one part dropped, swapped or doubled, with a handler more, or with another port or name.
pub fn changed(text: &str, random: &mut Random) -> (String, String) {
    let mut config = parsed(text).unwrap();
    let apps = config.pointer("/apps").unwrap();
    let mut all = Vec::new();
    pointers(apps, "/apps", &mut all);
    let lists: Vec<&String> = all.iter().filter(|at| is_long_list(&config, at)).collect();
    let list = lists[random.below(lists.len())].clone();
    let handles: Vec<&String> = all.iter().filter(|at| at.ends_with("/handle")).collect();
    let handle = handles[random.below(handles.len())].clone();
    let any = all[random.below(all.len())].clone();
    let items = |at: &str| config.pointer(at).unwrap().as_array().unwrap().clone();
    let what = match random.below(7) {
        0 | 1 => {
            let (parent, last) = any.rsplit_once('/').unwrap();
            match config.pointer_mut(parent).unwrap() {
                Value::Array(items) => drop(items.remove(last.parse().unwrap())),
                Value::Object(entries) => drop(entries.remove(last)),
                _ => {}
            }
            format!("without {any}")
        }
        2 => {
            let mut items = items(&list);
            let (first, second) = (random.below(items.len()), random.below(items.len()));
            items.swap(first, second);
            *config.pointer_mut(&list).unwrap() = items.into();
            format!("swapped {first} and {second} of {list}")
        }
        3 => {
            let mut items = items(&list);
            let place = random.below(items.len());
            items.insert(random.below(items.len()), items[place].clone());
            *config.pointer_mut(&list).unwrap() = items.into();
            format!("{place} of {list} twice")
        }
        4 => {
            let more = [
                json!({"handler": "tls"}),
                json!({"handler": "close"}),
                json!({"handler": "proxy_protocol"}),
                json!({"handler": "proxy", "proxy_protocol": "v1", "upstreams": [{"dial": ["10.0.0.20:8080"]}]}),
                json!({"handler": "static_response", "status_code": 404}),
            ];
            let more = more[random.below(more.len())].clone();
            let mut items = items(&handle);
            let what = format!("{more} more in {handle}");
            items.insert(random.below(items.len() + 1), more);
            *config.pointer_mut(&handle).unwrap() = items.into();
            what
        }
        kind => {
            let mut lines: Vec<String> = format!("{config:#}").lines().map(str::to_owned).collect();
            let (old, new): (&[&str], &[&str]) = if kind == 5 {
                (&["443", "1935", "80", "7880", "5349"], &["443", "1935", "80", "5349", "8443", ""])
            } else {
                (
                    &["openvidu.example.io", "turn.example.io"],
                    &["turn.example.io", "*.example.io", "TURN.example.io", "*", ""],
                )
            };
            let what = replaced(&mut lines, random, old, new);
            return (what, lines.join("\n"));
        }
    };
    (what, format!("{config:#}"))
}

/// Where everything is in a configuration.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(entries) => entries.iter().map(|(key, it)| (key.clone(), it)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in below {
        let place = format!("{at}/{key}");
        pointers(value, &place, all);
        all.push(place);
    }
}

fn is_long_list(config: &Value, at: &str) -> bool {
    config.pointer(at).and_then(Value::as_array).is_some_and(|items| items.len() > 1)
}
