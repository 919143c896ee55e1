//! `ovcheck serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::signals::{self, Received};
use super::terminal::print;
use super::{Stop, runtime, tell, warn};
use crate::complaint::Complaint;
use crate::config::serve::{
    self as configuration, ListenFlags, PageConfig, PublicUrl, ServeConfig,
};
use crate::exit::ExitStatus;
use crate::serve::{self, Listener, Prober};
use crate::store::{History, StoreError};

/// `ovcheck serve`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration with the targets to probe (TOML)
    #[cfg_attr(feature = "demo", arg(long, value_name = "FILE", required_unless_present = "demo"))]
    #[cfg_attr(not(feature = "demo"), arg(long, value_name = "FILE", required = true))]
    config: Option<PathBuf>,

    /// Address and port to listen at, instead of those of the configuration [default: 127.0.0.1:9717]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = configuration::address)]
    listen: Option<SocketAddr>,

    /// Address and port for the page for users, instead of those of the configuration
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = configuration::address)]
    public_listen: Option<SocketAddr>,

    /// Check the configuration and the files of all targets, and exit: 0 if they are right, otherwise 2
    #[arg(long)]
    check_config: bool,

    /// Serve the built-in deployment of `ovcheck demo`, and the page for users over it
    #[cfg(feature = "demo")]
    #[arg(long, conflicts_with_all = ["config", "check_config"])]
    demo: bool,

    /// Start the demo with a common fault; `ovcheck demo --list-faults` prints the names
    #[cfg(feature = "demo")]
    #[arg(long, value_name = "NAME", value_parser = super::demo::fault_named, requires = "demo")]
    fault: Option<crate::demo::Fault>,

    /// Media policy of the demo [default: the policy to which the fault applies, or `default`]
    #[cfg(feature = "demo")]
    #[arg(long, value_name = "POLICY", value_parser = super::demo::policies(), requires = "demo")]
    policy: Option<crate::model::deployment::Policy>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let flags = ListenFlags { operator: args.listen, public: args.public_listen };
    #[cfg(feature = "demo")]
    if args.demo {
        return super::demo::with_prober(args.policy, args.fault, flags);
    }
    let path = args.config.as_deref().expect("clap requires it");
    let config = configuration::load(path, flags)?;
    let is_right = tell_about(&config);
    if args.check_config {
        return checked(&config, is_right && history_is_right(&config)?);
    }
    runtime()?.block_on(answer(config, Some((path, flags))))
}

/// Tells what is wrong with single targets, and whether nothing is.
fn tell_about(config: &ServeConfig) -> bool {
    for target in &config.targets {
        warn(&target.run);
    }
    for broken in &config.broken {
        tell(&broken.complaint);
    }
    config.broken.is_empty()
}

/// Whether the file of the history is one that this version can use. It need not exist yet.
fn history_is_right(config: &ServeConfig) -> Result<bool, Complaint> {
    let Some(store) = &config.store else { return Ok(true) };
    match History::open(&store.path) {
        Ok(_) | Err(StoreError::Missing | StoreError::Older { .. } | StoreError::Locked) => {
            Ok(true)
        }
        Err(error) => Err(super::history::complaint(&store.path, &error)),
    }
}

fn checked(config: &ServeConfig, is_right: bool) -> Result<ExitStatus, Stop> {
    if !is_right {
        return Ok(ExitStatus::USAGE);
    }
    print(|out| {
        writeln!(out, "The configuration is right. It listens at {}.", config.listen)?;
        if let Some(PageConfig { listen, public_url, target, .. }) = &config.page {
            let PublicUrl { origin, path } = public_url;
            writeln!(out, "The page {origin}{path} tests {target}. It listens at {listen}.")?;
        }
        for target in &config.targets {
            let modules: Vec<String> = target.modules.iter().map(ToString::to_string).collect();
            let domain = &target.run.deployment.domain;
            writeln!(out, "{}  {domain}  {}", target.name, modules.join(", "))?;
        }
        Ok(())
    })?;
    Ok(ExitStatus::SUCCESS)
}

/// Answers until a signal ends it. SIGHUP reads the configuration at `source` again.
pub async fn answer(
    mut config: ServeConfig,
    source: Option<(&Path, ListenFlags)>,
) -> Result<ExitStatus, Stop> {
    let mut signals = signals::of_service()?;
    let listener = bind(config.listen).await?;
    let page = match &mut config.page {
        Some(page) => {
            let listener = bind(page.listen).await?;
            if source.is_none() {
                // Users of the demo open the listener itself, whose port the system may have chosen.
                page.public_url.origin = format!("http://{}", listener.address);
            }
            Some((listener, page.clone()))
        }
        None => None,
    };
    let prober = Prober::start(&config, listener.address, |text| tell(text));
    tell(format_args!(
        "listening at http://{}/ with {} targets",
        listener.address,
        config.targets.len()
    ));
    match &page {
        Some(_) if source.is_none() => tell_links(&prober, listener.address),
        Some((listener, page)) => {
            let PublicUrl { origin, path } = &page.public_url;
            tell(format_args!("serving {origin}{path} at http://{}{path}", listener.address));
        }
        None => {}
    }
    Prober::tell_ready();
    let end = async {
        loop {
            match (signals.next_or_hangup().await, source) {
                (Received::Hangup, Some((path, flags))) => reload(&prober, path, flags, &config),
                (Received::End | Received::Hangup, _) => return,
            }
        }
    };
    prober.answer(listener, page, end).await;
    Ok(ExitStatus::SUCCESS)
}

/// What one opens to look at the demo: as a user, and as the operator who sent the link.
fn tell_links(prober: &Prober, operator: SocketAddr) {
    if let Some(link) = prober.invite("a user of the demo") {
        tell(format_args!("As a user, open {link}"));
        tell(format_args!("As the operator, open http://{operator}/visits"));
    }
}

async fn bind(address: SocketAddr) -> Result<Listener, Stop> {
    serve::bind(address).await.map_err(Stop::trouble(format_args!("listen at {address}")))
}

/// Reads the configuration again. A wrong one changes nothing.
fn reload(prober: &Prober, path: &Path, flags: ListenFlags, first: &ServeConfig) {
    match configuration::load(path, flags) {
        Ok(config) => {
            tell_about(&config);
            let mut needs_restart = prober.reload(&config);
            if config.listen != first.listen {
                needs_restart.push("listen");
            }
            if config.page != first.page {
                needs_restart.push("the page");
            }
            tell(format_args!("read {} again: {} targets", path.display(), config.targets.len()));
            if !needs_restart.is_empty() {
                let settings = needs_restart.join(", ");
                tell(format_args!("warning: a restart is needed for the change of {settings}"));
            }
        }
        Err(complaint) => tell_not_reloaded(&complaint),
    }
}

fn tell_not_reloaded(complaint: &Complaint) {
    tell(complaint);
    tell("The configuration was not read again. What was served before is served on.");
}
