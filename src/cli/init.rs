//! `ovcheck init`.

mod interview;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::files::{self, Overwrite};
use super::terminal::print;
use super::{Stop, tell};
use crate::complaint::{Complaint, Place};
use crate::config::installation::{self, Installation};
use crate::config::{self, FileNotes, Flags, value};
use crate::exit::ExitStatus;
use interview::Interview;

/// Standard output, in place of a file.
const STDOUT: &str = "-";

/// `ovcheck init [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, mut_arg("config", |flag| flag.hide(true)))]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    /// Directory, or file, of an OpenVidu installation to start from; `-` is standard input (repeatable)
    ///
    /// Reads openvidu.env, master_node.env, media_node.env and the tags of OpenVidu's images in a
    /// directory such as /opt/openvidu, or a file with the install command. Flags override what it
    /// says. No secret is kept. What contradicts the guide is a warning, and a comment in the file.
    #[arg(long, value_name = "DIR|FILE", help_heading = FILE)]
    from_openvidu: Vec<PathBuf>,

    /// File to write; `-` is standard output
    #[arg(long, value_name = "PATH", default_value = "ovcheck.toml", help_heading = FILE)]
    file: PathBuf,

    /// Overwrite an existing file
    #[arg(long, help_heading = FILE)]
    force: bool,
}

const FILE: &str = "File";

const AFTER_HELP: &str = "\
Examples:
  ovcheck init                                       # asks (only on a terminal)
  ovcheck init openvidu.example.io --turn-domain-name turn.example.io \\
      --node proxy=203.0.113.10 --node openvidu=203.0.113.20 --guide 3.9
  ovcheck init openvidu.example.io --file -          # prints the file
  ovcheck init --from-openvidu /opt/openvidu         # on an OpenVidu machine
  ovcheck init --from-openvidu install-command.txt --node proxy=203.0.113.10

Without a domain, ovcheck asks for everything that no flag says. The file contains what the flags and \
answers say; every other key is in it as a comment. Environment variables are not used. Sends nothing.";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { mut flags, from_openvidu, file, force } = args;
    if flags.config.is_some() {
        let flag = Place::Flag("--config".to_owned());
        return Err(Complaint::new("ovcheck init writes a deployment file and reads none", flag)
            .with_help("name the file to write with --file")
            .into());
    }
    let to_stdout = file == Path::new(STDOUT);
    if !to_stdout {
        can_be_written(&file, force)?;
    }
    listed_machines(&mut flags)?;
    let mut notes = FileNotes::default();
    if !from_openvidu.is_empty() {
        (flags, notes) = from_installation(flags, &from_openvidu)?;
    }
    if flags.domain.is_none() && flags.domain_name.is_none() {
        flags = ask(flags)?;
    }
    if !to_stdout && !is_in_working_directory(&file) {
        flags = config::with_absolute_paths(flags)
            .map_err(Stop::trouble("find the working directory"))?;
    }
    let text = config::deployment_file(&flags, &notes)?;
    if to_stdout {
        print(|out| out.write_all(text.as_bytes()))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let shown = file.display();
    files::write(&file, text.as_bytes(), overwrite(force))
        .map_err(Stop::trouble(format!("write {shown}")))?;
    print(|out| writeln!(out, "Wrote {shown}. Next: {}", next_command(&file)))?;
    Ok(ExitStatus::SUCCESS)
}

/// Machines of a list are written to the file: the list may be of a program.
fn listed_machines(flags: &mut Flags) -> Result<(), Complaint> {
    let Some(path) = flags.nodes_from.take() else { return Ok(()) };
    let listed = config::machines(&path)?;
    let is_new = |machine: &value::NodeFlag| flags.node.iter().all(|it| it.name != machine.name);
    let listed: Vec<value::NodeFlag> = listed.into_iter().filter(is_new).collect();
    flags.node.splice(0..0, listed);
    Ok(())
}

/// The flags, with what the installation says besides.
fn from_installation(flags: Flags, paths: &[PathBuf]) -> Result<(Flags, FileNotes), Complaint> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(installation::read(path)?);
    }
    let (flags, notes, warnings) = Installation::of(&files)?.complete(flags)?;
    for warning in warnings {
        tell(format_args!("warning: {warning}"));
    }
    Ok((flags, notes))
}

fn overwrite(force: bool) -> Overwrite {
    if force { Overwrite::Allowed } else { Overwrite::Refused }
}

/// Finds out before any question whether the answers can be saved.
fn can_be_written(file: &Path, force: bool) -> Result<(), Complaint> {
    let place = Place::Path(file.display().to_string());
    if file.is_dir() {
        return Err(Complaint::new("this is a directory", place)
            .with_help("name the file to write, such as --file ovcheck.toml"));
    }
    if !force && files::is_taken(file) {
        return Err(Complaint::new("the file exists", place)
            .with_help("choose another name with --file, or overwrite it with --force"));
    }
    files::can_be_written(file)
        .map_err(|error| Complaint::new(format!("cannot write this file: {error}"), place))
}

fn is_in_working_directory(file: &Path) -> bool {
    file.parent().is_none_or(|parent| parent.as_os_str().is_empty() || parent == Path::new("."))
}

/// How to use the file.
fn next_command(file: &Path) -> String {
    if file == Path::new(config::DEFAULT_PATH) {
        return "ovcheck check".to_owned();
    }
    format!("ovcheck check --config {}", config::word_of_shell(&file.display().to_string()))
}

/// Asks for what the flags do not say.
fn ask(flags: Flags) -> Result<Flags, Complaint> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Complaint::new("the domain name is missing", Place::Nowhere).with_help(
            "run `ovcheck init openvidu.example.io`, or run `ovcheck init` on a terminal, where it asks",
        ));
    }
    Interview::new(io::stdin().lock(), io::stderr()).about(flags)
}
