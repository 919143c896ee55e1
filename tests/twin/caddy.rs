//! Caddy with the app layer4, which no distribution packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use ovcheck::lint::yaml::{self, Content, Node};
use serde_json::{Map, Value, json};

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

/// The configuration as it runs: nobody gives certificates here, so Caddy signs them itself, and leaves the
/// authorities of this machine alone.
fn running(text: &str, folder: &Path) -> Result<String, String> {
    let mut config = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|e| e.to_string())?
    } else {
        let (root, twice) = yaml::read(text).map_err(|e| format!("{e:?}"))?;
        if let Some(twice) = twice.first() {
            return Err(format!("{} is twice", twice.key));
        }
        root.as_ref().map_or(Value::Null, value)
    };
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
