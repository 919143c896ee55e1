//! `ovcheck demo`.

use std::fs::{self, DirBuilder, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;

use super::report::{self, Outputs};
use super::signals::{self, Interrupts};
use super::terminal::{Look, print};
use super::{Stop, runtime, tell};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::serve::{BrowserPlaces, ListenFlags, ServeConfig};
use crate::config::value::words_parser;
use crate::config::{self, CheckOptions, DeploymentFile, FileChoice, Flags, RunConfig};
use crate::demo::{Demo, DemoError, Fault};
use crate::exit::ExitStatus;
use crate::model::context::RunCommand;
use crate::model::deployment::{Edition, Policy};
use crate::model::secret::Credentials;

/// The name of a demo's directory, before the number of its process.
const HOME_NAME: &str = "ovcheck-demo-";

/// The file in it that is locked while the demo runs.
const LOCK_NAME: &str = "lock";

/// `ovcheck demo`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Start the demo with a common fault; --list-faults prints the names
    #[arg(long, value_name = "NAME", value_parser = fault_named)]
    fault: Option<Fault>,

    /// Print the name and description of each fault
    #[arg(long, conflicts_with_all = ["fault", "policy", "serve"])]
    list_faults: bool,

    /// Media policy of the demo [default: the policy to which the fault applies, or `default`]
    #[arg(long, value_name = "POLICY", value_parser = policies())]
    policy: Option<Policy>,

    /// Keep the demo running, and print its deployment file and the command that checks it
    #[arg(long, conflicts_with_all = ["format", "output", "verbose", "quiet"])]
    serve: bool,

    #[command(flatten)]
    outputs: Outputs,

    #[command(flatten)]
    look: Look,
}

/// The policies of the demo's edition of the guide.
pub fn policies() -> impl TypedValueParser<Value = Policy> {
    words_parser(Edition::V3_2.policies())
}

pub fn fault_named(text: &str) -> Result<Fault, String> {
    let found = Fault::ALL.iter().find(|fault| fault.name() == text);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        format!("unknown fault; {}", help_for_unknown(text, &names))
    })
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    if args.list_faults {
        return list_faults();
    }
    args.outputs.check()?;
    runtime()?.block_on(async {
        let demo = start(args.policy, args.fault).await?;
        let home = Home::make(&demo)?;
        if args.serve { serve(&demo, &home).await } else { check(&demo, &home, args).await }
    })
}

fn list_faults() -> Result<ExitStatus, Stop> {
    let names = Fault::ALL.iter().map(|fault| fault.name().len());
    let width = names.max().unwrap_or_default() + 2;
    print(|out| {
        Fault::ALL
            .iter()
            .try_for_each(|fault| writeln!(out, "{:width$}{}", fault.name(), fault.describe()))
    })?;
    Ok(ExitStatus::SUCCESS)
}

async fn start(policy: Option<Policy>, fault: Option<Fault>) -> Result<Demo, Stop> {
    let started = Demo::start(policy_of(policy, fault), fault).await;
    started.map_err(|error| failed(&error))
}

fn policy_of(policy: Option<Policy>, fault: Option<Fault>) -> Policy {
    policy.or(fault.map(Fault::policy)).unwrap_or(Policy::Default)
}

fn failed(error: &DemoError) -> Stop {
    match error {
        DemoError::NoFaultThere { fault, .. } => {
            Complaint::new(error.to_string(), Place::Flag("--policy".to_owned()))
                .with_help(format!("omit --policy, or use {}", fault.policy()))
                .into()
        }
        DemoError::Port(_)
        | DemoError::Certificates(_)
        | DemoError::Tls(_)
        | DemoError::Turn(_) => Stop::Trouble(format!("start the demo: {}", with_causes(error))),
    }
}

/// An error and its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    text
}

/// Checks the demo like any other deployment: from its deployment file, over sockets, and with the
/// operator's API key.
async fn check(demo: &Demo, home: &Home, args: &Args) -> Result<ExitStatus, Stop> {
    let mut config = home.config(demo)?;
    config.command = RunCommand::Demo;
    let interrupts = Interrupts::listen()?;
    let report = report::of_run(config, CheckOptions::default(), args.look, &interrupts).await?;
    args.outputs.write(&report, args.look)
}

/// `ovcheck serve --demo`: the demo as the target of a prober, with the page for users over it.
pub fn with_prober(
    policy: Option<Policy>,
    fault: Option<Fault>,
    listen: ListenFlags,
) -> Result<ExitStatus, Stop> {
    runtime()?.block_on(async {
        let policy = policy_of(policy, fault);
        let (demo, doors) =
            Demo::start_for_browsers(policy, fault).await.map_err(|error| failed(&error))?;
        if doors.media.is_loopback() {
            tell(
                "This machine has no network address, and Firefox uses no loopback address for \
                 media: open the page in Chromium.",
            );
        }
        let places = BrowserPlaces {
            domain: demo.deployment().domain.to_string(),
            signalling: format!("ws://{}", doors.signalling),
            turn: doors.turn.map(|door| format!("http://{door}")),
        };
        let home = Home::make(&demo)?;
        let history = home.directory.join("history.sqlite");
        let config = ServeConfig::of_demo(home.config(&demo)?, listen, places, history);
        super::serve::answer(config, None).await
    })
}

async fn serve(demo: &Demo, home: &Home) -> Result<ExitStatus, Stop> {
    let mut signals = signals::listen()?;
    let program =
        std::env::current_exe().map_err(Stop::trouble("find the path of this program"))?;
    let path = home.deployment_file();
    print(|out| {
        writeln!(out, "{}", home.text.trim_end())?;
        writeln!(
            out,
            "\n# The demo runs until you press Ctrl-C. To check it, run in a second terminal:"
        )?;
        writeln!(
            out,
            "# {} check --config {} --api-key {} --api-secret-file {}",
            program.display(),
            path.display(),
            demo.api_key(),
            home.secret_file().display()
        )?;
        writeln!(out, "# And as a user behind a firewall, who has only a token:")?;
        writeln!(
            out,
            "# {} call --config {} --token-file {}",
            program.display(),
            path.display(),
            home.token_file().display()
        )
    })?;
    signals.next().await;
    Ok(ExitStatus::SUCCESS)
}

/// The directory with the demo's deployment file, root certificate, API secret and a user's token. It
/// is removed when the demo ends.
struct Home {
    directory: PathBuf,
    text: String,
    /// Locked while the demo runs, so that another one can tell that this one was killed.
    _lock: File,
}

impl Home {
    fn make(demo: &Demo) -> Result<Self, Stop> {
        remove_what_killed_demos_left();
        let name = format!("{HOME_NAME}{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let failed = |error: io::Error| {
            Stop::Trouble(format!("write the demo's files to {}: {error}", directory.display()))
        };
        // Fails if the directory exists, so that another user cannot have prepared it.
        of_this_user_alone().create(&directory).map_err(failed)?;
        let ca_file = directory.join("ca.pem");
        let text = demo.deployment_file(&ca_file);
        let lock = File::create(directory.join(LOCK_NAME)).map_err(failed)?;
        // Without it, a later demo may remove the directory once this process is gone: nothing is lost.
        let _ = lock.try_lock();
        let home = Self { directory, text, _lock: lock };
        home.fill(&ca_file, demo)
            .map_err(|error| Stop::Trouble(format!("write the demo's files: {error}")))?;
        Ok(home)
    }

    /// The configuration of a run against the demo, with the operator's API key.
    fn config(&self, demo: &Demo) -> Result<RunConfig, Complaint> {
        let file = DeploymentFile {
            path: self.deployment_file().display().to_string(),
            text: self.text.clone(),
            choice: FileChoice::Named,
        };
        // The environment variables describe the user's own deployment.
        let config = config::load(&Flags::default(), &|_| None, Some(&file))?;
        Ok(RunConfig {
            credentials: Some(Credentials::Key {
                key: demo.api_key().to_owned(),
                secret: demo.api_secret().clone(),
            }),
            // The additional joins disturb no other participant.
            deep: Some(true),
            ..config
        })
    }

    fn fill(&self, ca_file: &Path, demo: &Demo) -> io::Result<()> {
        fs::write(ca_file, demo.ca_pem())?;
        fs::write(self.secret_file(), demo.api_secret().expose())?;
        fs::write(self.token_file(), demo.user_token().expose())?;
        fs::write(self.deployment_file(), &self.text)
    }

    fn secret_file(&self) -> PathBuf {
        self.directory.join("api-secret")
    }

    fn token_file(&self) -> PathBuf {
        self.directory.join("token.txt")
    }

    fn deployment_file(&self) -> PathBuf {
        self.directory.join("ovcheck.toml")
    }
}

/// Removes the directories of demos of this user that were killed. A demo on the other side of a container's wall may share the
/// directory for temporary files: its process is not seen, but its lock is.
fn remove_what_killed_demos_left() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(HOME_NAME));
        let Some(id) = id.and_then(|id| id.parse::<u32>().ok()) else { continue };
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_running = Path::new("/proc").join(id.to_string()).exists();
        if !is_directory || is_running || !belongs_to_this_user(&entry) {
            continue;
        }
        if let Ok(lock) = File::open(entry.path().join(LOCK_NAME))
            && lock.try_lock().is_ok()
        {
            // What cannot be removed does not keep this demo from its work.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(unix)]
fn belongs_to_this_user(entry: &DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    entry.metadata().is_ok_and(|it| it.uid() == nix::unistd::geteuid().as_raw())
}

/// The directory for temporary files is the user's own there.
#[cfg(windows)]
fn belongs_to_this_user(_: &DirEntry) -> bool {
    true
}

/// Makes a directory that no other user can enter. On Windows, the directory for temporary files is the
/// user's own already.
fn of_this_user_alone() -> DirBuilder {
    #[cfg_attr(windows, expect(unused_mut, reason = "no mode there"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            let shown = self.directory.display();
            tell(format_args!("warning: failed to remove {shown}: {error}"));
        }
    }
}
