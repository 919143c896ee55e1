//! `ovcheck man`.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use super::files::{self, Overwrite};
use super::terminal::print;
use super::{PROGRAM, Stop, command};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::exit::ExitStatus;

/// `ovcheck man [COMMAND]`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The subcommand whose page to print [default: the page of ovcheck itself]
    command: Option<String>,

    /// Write the pages of ovcheck and of all its subcommands to this directory, such as ovcheck.1
    ///
    /// Overwrites pages that are there.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output_dir: Option<PathBuf>,
}

/// A page of the manual.
struct Page {
    /// `ovcheck-check`.
    name: String,
    command: Command,
}

impl Page {
    /// The page of ovcheck, and one for each subcommand.
    fn all() -> Vec<Self> {
        let whole = command();
        let of_subcommands = whole.get_subcommands().map(|subcommand| {
            let name = format!("{PROGRAM}-{}", subcommand.get_name());
            let command = subcommand.clone().name(name.clone()).bin_name(name.replace('-', " "));
            Self { name, command }
        });
        let pages: Vec<Self> = of_subcommands.collect();
        [Self { name: PROGRAM.to_owned(), command: whole }].into_iter().chain(pages).collect()
    }

    fn text(self) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        let name = self.name;
        // A version of its own would give a subcommand a flag in its page that it does not have.
        Man::new(self.command)
            .source(concat!("ovcheck ", env!("CARGO_PKG_VERSION")))
            .render(&mut bytes)
            .map_err(Stop::trouble(format!("write the page of {name}")))?;
        Ok(bytes)
    }
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let pages = Page::all();
    if let Some(directory) = &args.output_dir {
        for page in pages {
            let path = directory.join(format!("{}.1", page.name));
            let shown = path.display().to_string();
            files::write(&path, &page.text()?, Overwrite::Allowed)
                .map_err(Stop::trouble(format!("write {shown}")))?;
        }
        return Ok(ExitStatus::SUCCESS);
    }
    let wanted = args.command.as_ref().map(|word| format!("{PROGRAM}-{word}"));
    let wanted = wanted.unwrap_or_else(|| PROGRAM.to_owned());
    let names: Vec<String> = pages.iter().map(|page| page.name.clone()).collect();
    let Some(page) = pages.into_iter().find(|page| page.name == wanted) else {
        let word = args.command.clone().unwrap_or_default();
        let known: Vec<&str> =
            names.iter().filter_map(|name| name.strip_prefix("ovcheck-")).collect();
        return Err(Complaint::new(format!("there is no subcommand \"{word}\""), Place::Nowhere)
            .with_help(help_for_unknown(&word, &known))
            .into());
    };
    let text = page.text()?;
    print(|out| out.write_all(&text))?;
    Ok(ExitStatus::SUCCESS)
}
