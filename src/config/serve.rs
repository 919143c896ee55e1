//! The configuration of `ovcheck serve`: where it listens, the targets that it probes, and the page for users.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_spanned::Spanned;

use super::file::{self, DeploymentFile};
use super::value::{self, InvalidValue};
use super::{Flags, RunConfig};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::prober::{ProberModule, TargetName};
use crate::model::secret::Secret;
use crate::model::url::Url;
use page::PageShape;

pub use page::{BrowserPlaces, PageConfig, PublicUrl};

/// The directory beside the configuration in which each file `*.toml` is a target.
pub const TARGETS_DIRECTORY: &str = "targets.d";

/// Where it listens unless the configuration or a flag says otherwise.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9717);

/// The most checks at the same time, unless the configuration says otherwise: a check keeps one core busy for a moment, and a
/// machine that is late sees less.
const DEFAULT_AT_ONCE: usize = 2;

/// The time between two runs of the demo.
const DEMO_EVERY: Duration = Duration::from_secs(300);

/// The most targets of one process.
const MOST_TARGETS: usize = 1_000;

/// The shortest and the longest time between two runs of a schedule.
const EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));

/// The shortest and the longest time for which runs are kept.
const KEEP: (Duration, Duration) =
    (Duration::from_secs(24 * 60 * 60), Duration::from_secs(3_650 * 24 * 60 * 60));

/// A token is a secret of its own, not a password: 128 bits in hexadecimal digits have 32.
const SHORTEST_TOKEN: usize = 16;

/// More than a token and the end of its line.
const TOKEN_SIZE_LIMIT: u64 = 1_024;

/// What `ovcheck serve` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where Prometheus and the operator connect.
    pub listen: SocketAddr,
    /// What they have to show (RFC 6750). `None`: every request is answered; only on loopback.
    pub operator_token: Option<Secret>,
    /// The most checks at the same time.
    pub runs_at_once: usize,
    /// Where runs are kept. `None`: only the last of each module, in memory.
    pub store: Option<StoreConfig>,
    /// Who is told when a target fails.
    pub alert: Option<AlertConfig>,
    pub targets: Vec<ServeTarget>,
    /// The files of targets that are wrong; the others are served all the same.
    pub broken: Vec<BrokenTarget>,
    /// The page for users; `None`: there is none.
    pub page: Option<PageConfig>,
}

/// Where and for how long runs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The file.
    pub path: PathBuf,
    pub keep: Duration,
}

impl StoreConfig {
    /// The time for which runs are kept unless the configuration says otherwise.
    pub const DEFAULT_KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);
}

/// Who is told when a target fails or recovers; at least one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertConfig {
    pub webhook: Option<WebhookConfig>,
    /// Where Alertmanager takes alerts: its address with `/api/v2/alerts`.
    pub alertmanager: Option<Url>,
}

/// A receiver of signed messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Where messages are sent. Its path may be a secret.
    pub url: Url,
    /// The key with which messages are signed.
    pub secret: Option<Secret>,
}

/// A deployment that is probed, under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeTarget {
    pub name: TargetName,
    pub run: RunConfig,
    /// The ways in which it may be probed; at least one.
    pub modules: BTreeSet<ProberModule>,
    /// The time between two runs of each of them. `None`: only a request makes it run.
    pub every: Option<Duration>,
    /// Labels of its series in `/metrics`.
    pub labels: BTreeMap<String, String>,
}

/// A target whose file is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenTarget {
    pub name: String,
    pub complaint: Complaint,
}

impl ServeConfig {
    /// The configuration that serves a single target, the demo, keeps its history in this file, and has the page over it for
    /// browsers on this machine.
    pub fn of_demo(
        run: RunConfig,
        listen: ListenFlags,
        places: BrowserPlaces,
        history: PathBuf,
    ) -> Self {
        let target: TargetName = "demo".parse().expect("it is a name");
        let page = page::of_demo(&target, listen.public, places);
        Self {
            listen: listen.operator.unwrap_or(DEFAULT_ADDRESS),
            operator_token: None,
            runs_at_once: DEFAULT_AT_ONCE,
            store: Some(StoreConfig { path: history, keep: StoreConfig::DEFAULT_KEEP }),
            alert: None,
            targets: vec![ServeTarget {
                name: target,
                run,
                modules: ProberModule::ALL.into(),
                every: Some(DEMO_EVERY),
                labels: BTreeMap::new(),
            }],
            broken: Vec::new(),
            page: Some(page),
        }
    }
}

/// Addresses that replace those of the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListenFlags {
    pub operator: Option<SocketAddr>,
    pub public: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ServeShape {
    #[serde(default)]
    listen: ListenShape,
    #[serde(default)]
    auth: AuthShape,
    #[serde(default)]
    runs: RunsShape,
    store: Option<StoreShape>,
    alert: Option<Spanned<AlertShape>>,
    #[serde(default)]
    targets: BTreeMap<Spanned<String>, TargetShape>,
    page: Option<PageShape>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ListenShape {
    operator: Option<Spanned<String>>,
    public: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    #[serde(default)]
    trusted_proxies: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AuthShape {
    operator_token_file: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RunsShape {
    at_once: Option<Spanned<usize>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StoreShape {
    path: Spanned<String>,
    keep: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AlertShape {
    webhook: Option<Spanned<String>>,
    webhook_secret_file: Option<Spanned<String>>,
    alertmanager: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TargetShape {
    config: Spanned<String>,
    modules: Option<Spanned<Vec<Spanned<String>>>>,
    every: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// Reads the configuration at `path`, the deployment file of each target, and the files of targets beside it. `flags`
/// replace the addresses of the configuration.
///
/// # Errors
/// If the configuration is wrong, or the deployment file of a target in it. A wrong file in [`TARGETS_DIRECTORY`] is that
/// target's fault alone: it is in [`ServeConfig::broken`].
pub fn load(path: &Path, flags: ListenFlags) -> Result<ServeConfig, Complaint> {
    let file = file::read(path, &Place::Flag("--config".to_owned()))?;
    let shape: ServeShape = file.parsed()?;
    let listen = match (flags.operator, &shape.listen.operator) {
        (Some(listen), _) => listen,
        (None, Some(text)) => read_value(&file, text, address)?,
        (None, None) => DEFAULT_ADDRESS,
    };
    let operator_token = match &shape.auth.operator_token_file {
        Some(path) => Some(token(&beside(&file, path.get_ref()), place(&file, path))?),
        None => None,
    };
    if operator_token.is_none() && !listen.ip().is_loopback() {
        let place = match &shape.listen.operator {
            Some(text) => place(&file, text),
            None => Place::Flag("--listen".to_owned()),
        };
        return Err(Complaint::new(
            format!("without a token, {listen} would show the deployments to everybody"),
            place,
        )
        .with_help(
            "set operator-token-file in [auth], and the same token in Prometheus (authorization: \
             credentials_file); or listen on 127.0.0.1",
        ));
    }
    let runs_at_once = match &shape.runs.at_once {
        None => DEFAULT_AT_ONCE,
        Some(number) if (1..=16).contains(number.get_ref()) => *number.get_ref(),
        Some(number) => {
            let wrong = "at-once must be between 1 and 16";
            return Err(Complaint::new(wrong, place(&file, number)));
        }
    };
    let store = shape.store.as_ref().map(|shape| store(&file, shape)).transpose()?;
    let alert = shape.alert.as_ref().map(|shape| alert(&file, shape)).transpose()?;
    let mut targets = Vec::new();
    for (name, shape) in &shape.targets {
        let name = read_value(&file, name, target_name)?;
        targets.push(target(&file, name, shape)?);
    }
    let mut broken = Vec::new();
    for path in files_of_targets(&beside(&file, TARGETS_DIRECTORY))? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match target_in(&path, &stem, &targets) {
            Ok(target) => targets.push(target),
            Err(complaint) => broken.push(BrokenTarget { name: stem, complaint }),
        }
    }
    if targets.is_empty() && broken.is_empty() {
        return Err(Complaint::new("there is no target", Place::Path(file.path.clone())).with_help(
            "add one, such as [targets.main] with config = \"ovcheck.toml\"; `ovcheck init` writes \
             that file",
        ));
    }
    let page = page::read(&file, &shape.listen, shape.page.as_ref(), flags.public, &targets)?;
    Ok(ServeConfig { listen, operator_token, runs_at_once, store, alert, targets, broken, page })
}

fn store(file: &DeploymentFile, shape: &StoreShape) -> Result<StoreConfig, Complaint> {
    let path = beside(file, read_value(file, &shape.path, value::path)?);
    let keep = match &shape.keep {
        None => StoreConfig::DEFAULT_KEEP,
        Some(text) => read_value(file, text, |text| value::time_between(text, KEEP.0, KEEP.1))?,
    };
    Ok(StoreConfig { path, keep })
}

fn alert(file: &DeploymentFile, shape: &Spanned<AlertShape>) -> Result<AlertConfig, Complaint> {
    let AlertShape { webhook, webhook_secret_file, alertmanager } = shape.get_ref();
    let secret = match webhook_secret_file {
        None => None,
        Some(path) => Some(token(&beside(file, path.get_ref()), place(file, path))?),
    };
    let webhook = match (webhook, webhook_secret_file) {
        (Some(text), _) => {
            let read = |text: &str| receiver(text, "https://hooks.example.org/ovcheck");
            let url = read_hidden(file, text, read)?;
            Some(WebhookConfig { url, secret })
        }
        (None, Some(path)) => {
            return Err(Complaint::new("there is no webhook to sign for", place(file, path))
                .with_help("set webhook, or remove webhook-secret-file"));
        }
        (None, None) => None,
    };
    let alertmanager =
        alertmanager.as_ref().map(|text| read_hidden(file, text, alertmanager_url)).transpose()?;
    if webhook.is_none() && alertmanager.is_none() {
        return Err(Complaint::new("[alert] has no receiver", place(file, shape))
            .with_help("set webhook or alertmanager, or remove [alert]"));
    }
    Ok(AlertConfig { webhook, alertmanager })
}

/// Reads a value that may hold a secret, and is not repeated.
fn read_hidden<T>(
    file: &DeploymentFile,
    text: &Spanned<String>,
    read: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<T, Complaint> {
    read_value(file, text, read).map_err(|complaint| {
        let shown = file::without_values_in_line_of(&file.text, text.span().start);
        Complaint { place: Place::in_file(&file.path, &shown, text.span(), "here"), ..complaint }
    })
}

/// The URL of a receiver of alerts. It may hold a secret, and is not repeated.
fn receiver(text: &str, example: &str) -> Result<Url, InvalidValue> {
    // A user and a password in it would not be sent.
    let has_user = text.split('/').nth(2).is_some_and(|authority| authority.contains('@'));
    Url::absolute(text).filter(|_| !has_user).ok_or_else(|| {
        InvalidValue::new(format!("must be a URL without user and password, such as {example}"))
    })
}

/// Where Alertmanager takes alerts, by its address.
fn alertmanager_url(text: &str) -> Result<Url, InvalidValue> {
    const EXAMPLE: &str = "https://alertmanager.example.org";
    const ALERTS: &str = "/api/v2/alerts";
    let url = receiver(text, EXAMPLE)?;
    let path = url.path.trim_end_matches('/');
    if url.query.is_some() || path.ends_with(ALERTS) {
        let wrong =
            format!("must be the address of Alertmanager without {ALERTS}, such as {EXAMPLE}");
        return Err(InvalidValue::new(wrong));
    }
    let path = format!("{path}{ALERTS}");
    Ok(Url { path, ..url })
}

/// The files of a directory that are targets, in the order of their names; none where it does not exist.
fn files_of_targets(directory: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let failed = |error: io::Error| {
        let place = Place::Path(directory.display().to_string());
        Complaint::new(format!("failed to read the directory: {error}"), place)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            files.push(path);
        }
        if files.len() > MOST_TARGETS {
            let place = Place::Path(directory.display().to_string());
            return Err(Complaint::new(format!("more than {MOST_TARGETS} targets"), place)
                .with_help("let a second instance serve the others"));
        }
    }
    files.sort();
    Ok(files)
}

/// The target of a file of its own.
fn target_in(path: &Path, stem: &str, others: &[ServeTarget]) -> Result<ServeTarget, Complaint> {
    let shown = Place::Path(path.display().to_string());
    let name = target_name(stem).map_err(|wrong| Complaint::new(wrong.message, shown.clone()))?;
    if others.iter().any(|other| other.name == name) {
        return Err(Complaint::new(format!("there are two targets \"{name}\""), shown)
            .with_help("rename this file, or the table in the configuration"));
    }
    let file = file::read(path, &shown)?;
    target(&file, name, &file.parsed()?)
}

fn target(
    file: &DeploymentFile,
    name: TargetName,
    shape: &TargetShape,
) -> Result<ServeTarget, Complaint> {
    let path = beside(file, read_value(file, &shape.config, value::path)?);
    let deployment_file = file::read(&path, &place(file, &shape.config))?;
    // A service has no environment of its own to describe a deployment.
    let run = super::load(&Flags::default(), &|_| None, Some(&deployment_file))?;
    let modules = modules(file, shape, &run)?;
    let every = match &shape.every {
        None => None,
        Some(text) => {
            Some(read_value(file, text, |text| value::time_between(text, EVERY.0, EVERY.1))?)
        }
    };
    let slowest = modules.iter().map(|module| module.least_distance()).max().unwrap_or_default();
    if let (Some(text), Some(_)) = (&shape.every, every.filter(|every| *every < slowest)) {
        let wrong = format!("the modules run at most every {} seconds", slowest.as_secs());
        return Err(Complaint::new(wrong, place(file, text))
            .with_help("choose a longer time, or leave the module \"full\" out of modules"));
    }
    let mut labels = BTreeMap::new();
    for (name, text) in &shape.labels {
        labels.insert(read_value(file, name, label_name)?, read_value(file, text, label_value)?);
    }
    Ok(ServeTarget { name, run, modules, every, labels })
}

/// The modules of a target; those that it can have, if the file names none.
fn modules(
    file: &DeploymentFile,
    shape: &TargetShape,
    run: &RunConfig,
) -> Result<BTreeSet<ProberModule>, Complaint> {
    let Some(named) = &shape.modules else {
        let can =
            |module: &ProberModule| *module != ProberModule::Call || run.credentials.is_some();
        return Ok(ProberModule::ALL.into_iter().filter(can).collect());
    };
    let mut modules = BTreeSet::new();
    for text in named.get_ref() {
        let module = read_value(file, text, value::word::<ProberModule>)?;
        if module == ProberModule::Call && run.credentials.is_none() {
            return Err(Complaint::new("a call requires credentials", place(file, text))
                .with_help(
                    "set api-key and api-secret-file in the deployment file, or leave \"call\" out",
                ));
        }
        modules.insert(module);
    }
    if modules.is_empty() {
        let empty = "a target needs a module";
        return Err(Complaint::new(empty, place(file, named)).with_help("use [\"fast\", \"full\"]"));
    }
    Ok(modules)
}

fn place<T>(file: &DeploymentFile, at: &Spanned<T>) -> Place {
    Place::in_file(&file.path, &file.text, at.span(), "here")
}

/// A path in `file`, which begins at the directory of that file.
fn beside(file: &DeploymentFile, path: impl AsRef<Path>) -> PathBuf {
    Path::new(&file.path).parent().unwrap_or(Path::new("")).join(path)
}

fn read_value<T>(
    file: &DeploymentFile,
    text: &Spanned<String>,
    read: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<T, Complaint> {
    read(text.get_ref()).map_err(|InvalidValue { message, help }| Complaint {
        message,
        place: place(file, text),
        help,
    })
}

fn target_name(text: &str) -> Result<TargetName, InvalidValue> {
    text.parse().map_err(|invalid| InvalidValue::new(format!("{invalid}")))
}

/// An address and a port to listen at.
///
/// # Errors
/// For any other text.
pub fn address(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new("must be an IP address and a port, such as 127.0.0.1:9717 or [::1]:9717")
    })
}

/// How far to look back into the history.
///
/// # Errors
/// For any other text.
pub fn age(text: &str) -> Result<Duration, InvalidValue> {
    value::time_between(text, Duration::from_secs(60), KEEP.1)
}

/// The name of a label that Prometheus accepts, and that no series has itself.
fn label_name(text: &str) -> Result<String, InvalidValue> {
    /// Labels of the series.
    const TAKEN: [&str; 23] = [
        "browser",
        "code",
        "confidence",
        "digest",
        "endpoint",
        "family",
        "guide",
        "kind",
        "module",
        "node_role",
        "outcome",
        "path",
        "policy",
        "result",
        "rule",
        "severity",
        "step",
        "target",
        "topology",
        "transport",
        "verdict",
        "version",
        "why",
    ];
    let mut characters = text.chars();
    let is_fit = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !text.starts_with("__")
        && text.len() <= 64;
    if !is_fit {
        let wrong = "the name of a label has letters, digits and `_`, and begins with a letter";
        return Err(InvalidValue::new(wrong));
    }
    if TAKEN.contains(&text) {
        return Err(InvalidValue::new(format!("the series have a label \"{text}\" themselves")));
    }
    Ok(text.to_owned())
}

fn label_value(text: &str) -> Result<String, InvalidValue> {
    match text.chars().count() <= 128 && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => {
            Err(InvalidValue::new("the value of a label has at most 128 printable characters"))
        }
    }
}

/// The token of the operator in a file.
///
/// # Errors
/// If the file cannot be read, or has no token. What it has instead is not repeated.
pub fn token(path: &Path, named_at: Place) -> Result<Secret, Complaint> {
    let shown = path.display();
    let bytes = input::read(path, TOKEN_SIZE_LIMIT).map_err(|error| {
        Complaint::new(format!("failed to read {shown}: {error}"), named_at.clone())
            .with_help("write a token into it: openssl rand -hex 32")
    })?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let is_fit = text.len() >= SHORTEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic());
    // What is in the file instead may be a secret, and is not repeated.
    is_fit.then(|| Secret::new(text)).ok_or_else(|| {
        let wrong =
            format!("{shown} does not have a token of at least {SHORTEST_TOKEN} characters");
        Complaint::new(wrong, named_at).with_help("make one: openssl rand -hex 32")
    })
}
