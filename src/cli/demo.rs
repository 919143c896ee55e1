//! `ovcheck demo`.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;

use super::report::{self, Outputs};
use super::signals::{self, Interrupts};
use super::terminal::{Look, print};
use super::{Stop, runtime, tell};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::value::words_parser;
use crate::config::{self, CheckOptions, DeploymentFile, FileChoice, Flags};
use crate::demo::{Demo, DemoError, Fault};
use crate::exit::ExitStatus;
use crate::model::context::RunCommand;
use crate::model::deployment::{Edition, Policy};
use crate::model::secret::Credentials;

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
fn policies() -> impl TypedValueParser<Value = Policy> {
    words_parser(Edition::V3_2.policies())
}

fn fault_named(text: &str) -> Result<Fault, String> {
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
        let demo = start(args).await?;
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

async fn start(args: &Args) -> Result<Demo, Stop> {
    let policy = args.policy.or(args.fault.map(Fault::policy)).unwrap_or(Policy::Default);
    let started = Demo::start(policy, args.fault).await;
    started.map_err(|error| match &error {
        DemoError::NoFaultThere { fault, .. } => {
            Complaint::new(error.to_string(), Place::Flag("--policy".to_owned()))
                .with_help(format!("omit --policy, or use {}", fault.policy()))
                .into()
        }
        DemoError::Port(_)
        | DemoError::Certificates(_)
        | DemoError::Tls(_)
        | DemoError::Turn(_) => Stop::Trouble(format!("start the demo: {}", with_causes(&error))),
    })
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
    let file = DeploymentFile {
        path: home.deployment_file().display().to_string(),
        text: home.text.clone(),
        choice: FileChoice::Named,
    };
    // The environment variables describe the user's own deployment.
    let mut config = config::load(&Flags::default(), &|_| None, Some(&file))?;
    config.command = RunCommand::Demo;
    config.credentials = Some(Credentials::Key {
        key: demo.api_key().to_owned(),
        secret: demo.api_secret().clone(),
    });
    // The additional joins disturb no other participant.
    config.deep = Some(true);
    let interrupts = Interrupts::listen()?;
    let report = report::of_run(config, CheckOptions::default(), args.look, &interrupts).await?;
    args.outputs.write(&report, args.look)
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
}

impl Home {
    fn make(demo: &Demo) -> Result<Self, Stop> {
        let name = format!("ovcheck-demo-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let failed = |error: io::Error| {
            Stop::Trouble(format!("write the demo's files to {}: {error}", directory.display()))
        };
        // Fails if the directory exists, so that another user cannot have prepared it.
        of_this_user_alone().create(&directory).map_err(failed)?;
        let ca_file = directory.join("ca.pem");
        let text = demo.deployment_file(&ca_file);
        let home = Self { directory, text };
        home.fill(&ca_file, demo)
            .map_err(|error| Stop::Trouble(format!("write the demo's files: {error}")))?;
        Ok(home)
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
