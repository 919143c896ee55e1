//! The deployment file: its location and its structure.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_spanned::Spanned;

use super::flags::Flags;
use super::trust;
use crate::complaint::{Complaint, Place};
use crate::input;

/// The deployment file in the working directory.
pub const DEFAULT_PATH: &str = "ovcheck.toml";
/// The environment variable for another path.
const VARIABLE: &str = "OVCHECK_CONFIG";
/// The maximum size of the file, in bytes. A long one has a few thousand.
pub(super) const SIZE_LIMIT: u64 = 1 << 20;

/// A deployment file as read from disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFile {
    pub path: String,
    pub text: String,
    pub choice: FileChoice,
}

/// Who chose the deployment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChoice {
    /// The user named it.
    Named,
    /// It was in the working directory. It does not decide where credentials go.
    Found,
}

/// Reads the deployment file from `--config`, otherwise from `OVCHECK_CONFIG`, otherwise from
/// `ovcheck.toml` in the working directory if it exists.
///
/// # Errors
/// If a file that the user named does not exist, or if the file cannot be read, is larger than 1 MiB,
/// or is not UTF-8. If another user may have written the one in the working directory.
pub fn find(
    flags: &Flags,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<DeploymentFile>, Complaint> {
    if let Some(path) = &flags.config {
        return read(path, &Place::Flag("--config".to_owned())).map(Some);
    }
    if let Some(path) = environment(VARIABLE).filter(|path| !path.is_empty()) {
        let named_by = Place::Environment(VARIABLE.to_owned());
        return read(Path::new(&path), &named_by).map(Some);
    }
    let path = Path::new(DEFAULT_PATH);
    match path.try_exists() {
        Ok(false) => Ok(None),
        // If existence cannot be determined, reading reports the reason.
        Ok(true) | Err(_) => {
            trust::is_of_this_user(path, &trust::help())?;
            let file = read(path, &Place::Path(DEFAULT_PATH.to_owned()))?;
            Ok(Some(DeploymentFile { choice: FileChoice::Found, ..file }))
        }
    }
}

pub(super) fn read(path: &Path, named_by: &Place) -> Result<DeploymentFile, Complaint> {
    let shown = path.display();
    let whole = Place::Path(shown.to_string());
    let failed = |error: &io::Error| {
        Complaint::new(format!("failed to read {shown}: {error}"), named_by.clone())
    };
    let bytes = input::read(path, SIZE_LIMIT).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Complaint::new("the file is larger than 1 MiB", whole.clone())
                .with_help("a deployment file has a few dozen lines; check the file name")
        }
        io::ErrorKind::NotFound => {
            failed(&error).with_help("provide the path of a deployment file, or omit it")
        }
        _ => failed(&error),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Complaint::new(format!("line {line} is not UTF-8 text"), whole)
            .with_help("save the file as UTF-8")
    })?;
    Ok(DeploymentFile { path: shown.to_string(), text, choice: FileChoice::Named })
}

/// The keys of a deployment file, before their values are parsed.
///
/// Every value keeps its place in the file. The same functions parse the values of the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileShape {
    pub guide: Option<Spanned<String>>,
    pub topology: Option<Spanned<String>>,
    pub domain_name: Option<Spanned<String>>,
    pub turn_domain_name: Option<Spanned<String>>,
    pub policy: Option<Spanned<String>>,
    pub rtc_engine: Option<Spanned<String>>,
    pub uses: Option<Vec<Spanned<String>>>,
    pub enabled_modules: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub nodes: BTreeMap<Spanned<String>, NodeShape>,
    pub nodes_from: Option<Spanned<String>>,
    #[serde(default)]
    pub vantage: VantageShape,
    pub rules: Option<Spanned<String>>,
    pub dns_server: Option<Spanned<String>>,
    pub ca_file: Option<Spanned<String>>,
    pub stun_server: Option<Vec<Spanned<String>>>,
    pub connect_to: Option<Vec<Spanned<String>>>,
    pub resolve: Option<Vec<Spanned<String>>>,
    pub timeout: Option<Spanned<f64>>,
    pub deadline: Option<Spanned<f64>>,
    pub hold: Option<Spanned<f64>>,
    pub udp_rate: Option<Spanned<u32>>,
    pub sweep: Option<Vec<Spanned<String>>>,
    pub allow_large_sweep: Option<Spanned<bool>>,
    pub find_extent: Option<Spanned<bool>>,
    pub token_file: Option<Spanned<String>>,
    pub api_key: Option<Spanned<String>>,
    pub api_secret_file: Option<Spanned<String>>,
    pub http_proxy: Option<Spanned<String>>,
    pub deep: Option<Spanned<bool>>,
}

/// Keys that an operator might expect but that the file must not contain.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Secrets {
    #[serde(alias = "api_secret")]
    api_secret: Option<Spanned<IgnoredAny>>,
    token: Option<Spanned<IgnoredAny>>,
}

/// One table `[nodes.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct NodeShape {
    pub role: Option<Spanned<String>>,
    pub addresses: Option<Vec<Spanned<String>>>,
    pub private_addresses: Option<Vec<Spanned<String>>>,
}

/// The table `[vantage]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct VantageShape {
    pub zone: Option<Spanned<String>>,
    pub name: Option<Spanned<String>>,
}

impl DeploymentFile {
    /// The keys and values.
    ///
    /// # Errors
    /// For invalid TOML, unknown keys, values of the wrong type, and secrets. No message shows a
    /// secret.
    pub(super) fn shape(&self) -> Result<FileShape, Complaint> {
        self.holds_no_secret()?;
        self.parsed()
    }

    /// The same for a file of any structure.
    ///
    /// # Errors
    /// As for [`Self::shape`].
    pub(super) fn parsed<T: DeserializeOwned>(&self) -> Result<T, Complaint> {
        toml::from_str(&self.text).map_err(|error: toml::de::Error| {
            let text = self.without_secrets();
            // The value of a key that ovcheck does not know may be a secret of another program.
            let text = match error.span() {
                Some(span) if error.message().starts_with("unknown field") => {
                    without_values_in_line_of(&text, span.start)
                }
                Some(_) | None => text,
            };
            Complaint::from_toml(&error, &self.path, &text)
        })
    }

    fn holds_no_secret(&self) -> Result<(), Complaint> {
        // `shape` reports invalid TOML.
        let Ok(secrets) = toml::from_str::<Secrets>(&self.text) else {
            return Ok(());
        };
        let (key, value) = match (secrets.api_secret, secrets.token) {
            (Some(value), _) => ("api-secret", value),
            (None, Some(value)) => ("token", value),
            (None, None) => return Ok(()),
        };
        let text = self.without_secrets();
        let place = Place::in_file(&self.path, &text, value.span(), "not allowed here");
        Err(Complaint::new(
            format!("the deployment file must not contain the secret \"{key}\""),
            place,
        )
        .with_help(format!(
            "write it to a file that only you can read and set {key}-file = \"FILE\", or set it in \
             OVCHECK_{}",
            key.to_uppercase().replace('-', "_")
        )))
    }

    /// The text with every value masked whose key contains "secret" or "token". Positions stay the
    /// same, byte for byte.
    fn without_secrets(&self) -> String {
        let hidden = |line: &str| {
            let (key, value) = line.split_once('=')?;
            let key = key.to_lowercase();
            let names_a_path = key.trim_end().trim_end_matches('"').ends_with("file");
            ((key.contains("secret") || key.contains("token")) && !names_a_path)
                .then(|| line.replace(value.trim(), &"*".repeat(value.trim().len())))
        };
        let lines = self.text.split('\n');
        let lines: Vec<String> =
            lines.map(|line| hidden(line).unwrap_or_else(|| line.to_owned())).collect();
        lines.join("\n")
    }
}

/// A character of a value, masked in as many bytes. What gives the value its form stays.
fn masked(c: char) -> String {
    match c {
        ' ' | '\t' | '\r' | '"' | '\'' | '=' | ',' | '[' | ']' | '{' | '}' => c.to_string(),
        c => "*".repeat(c.len_utf8()),
    }
}

/// The text with the value masked that follows the first `=` of the line of the byte `at`. Positions stay
/// the same, byte for byte.
pub(super) fn without_values_in_line_of(text: &str, at: usize) -> String {
    let mut begin = 0;
    let lines = text.split('\n').map(|line| {
        let end = begin + line.len();
        let is_meant = (begin..=end).contains(&at);
        begin = end + 1;
        match line.split_once('=') {
            Some((key, value)) if is_meant => {
                format!("{key}={}", value.chars().map(masked).collect::<String>())
            }
            Some(_) | None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
