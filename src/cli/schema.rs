//! `ovcheck schema`.

use super::Stop;
use super::terminal::print;
use crate::exit::ExitStatus;
use crate::{output, serve};

/// `ovcheck schema FORMAT`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to print the schema of
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// The report that `ovcheck check --format json` and `ovcheck call --format json` print
    Report,
    /// The deployment file, ovcheck.toml
    Config,
    /// A file of rules, for --rules DIR
    Rules,
    /// The waivers file, ovcheck-waivers.toml
    Waivers,
    /// What the page for users of `ovcheck serve` sends after a test
    Visit,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let schema = match args.format {
        Format::Report => output::schema::report(),
        Format::Rules => output::schema::rules(),
        Format::Config => output::schema::config(),
        Format::Waivers => output::schema::waivers(),
        Format::Visit => serve::visit_schema(),
    };
    print(|out| out.write_all(schema.as_bytes()))?;
    Ok(ExitStatus::SUCCESS)
}
