//! How text is shown on the terminal: width, colour and level of detail.

use std::io::{self, IsTerminal, Write};

use super::Stop;
use crate::output::{Colour, Style, Verbosity};

/// How a report is shown on stdout.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Look {
    #[command(flatten)]
    basics: Basics,

    /// Show every finding, including those that passed
    #[arg(long, short, conflicts_with = "quiet", help_heading = OUTPUT)]
    verbose: bool,
}

/// The options that every text for people has.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Basics {
    /// Show only the last line, and no progress
    #[arg(long, short, help_heading = OUTPUT)]
    quiet: bool,

    /// When to use colour; `auto` considers NO_COLOR, CLICOLOR_FORCE and the terminal
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = OUTPUT)]
    color: ColorChoice,
}

/// The heading for these flags in the help.
pub const OUTPUT: &str = "Output";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl Basics {
    /// The style of stdout.
    pub fn of_stdout(self) -> Style {
        let of_terminal = terminal_size::terminal_size_of(io::stdout());
        Style {
            width: of_terminal
                .map_or_else(width_without_terminal, |(width, _)| usize::from(width.0)),
            colour: colour(self.color, io::stdout().is_terminal(), &super::environment),
            verbosity: if self.quiet { Verbosity::Quiet } else { Verbosity::Normal },
        }
    }
}

impl Look {
    /// The style of stdout.
    pub fn of_stdout(self) -> Style {
        let style = self.basics.of_stdout();
        if self.verbose {
            return Style { verbosity: Verbosity::Verbose, ..style };
        }
        style
    }

    /// The style of a file: without colour, and never reduced to the last line.
    pub fn of_file(self) -> Style {
        Style {
            verbosity: if self.verbose { Verbosity::Verbose } else { Verbosity::Normal },
            ..Style::default()
        }
    }

    /// Whether progress is shown: on a terminal, and not with `--quiet`.
    pub fn shows_progress(self) -> bool {
        !self.basics.quiet && io::stderr().is_terminal() && !is_dumb(&super::environment)
    }
}

/// The width in `COLUMNS`, for a pipe or a log.
fn width_without_terminal() -> usize {
    width_of(super::environment("COLUMNS").as_deref())
}

/// As wide as a terminal can be: text is padded to 65,535 columns at most.
fn width_of(columns: Option<&str>) -> usize {
    const USUAL: u16 = 80;
    columns.and_then(|columns| columns.parse().ok()).unwrap_or(USUAL).into()
}

/// See <https://no-color.org> and <https://bixense.com/clicolors>.
fn colour(
    choice: ColorChoice,
    is_terminal: bool,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Colour {
    let set = |name| environment(name).filter(|value| !value.is_empty());
    let coloured = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
            let able = is_terminal && !is_dumb(environment);
            set("NO_COLOR").is_none() && (forced || able)
        }
    };
    if coloured { Colour::Ansi } else { Colour::Plain }
}

/// Whether the terminal understands no control sequences.
fn is_dumb(environment: &dyn Fn(&str) -> Option<String>) -> bool {
    environment("TERM").is_some_and(|value| value == "dumb")
}

/// Writes to stdout in one piece. A reader that closes the pipe early (`| head`) is not an error.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    let printed = write(&mut bytes).and_then(|()| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::Trouble(format!("write to stdout: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_width_is_wider_than_text_can_be_padded() {
        for (columns, width) in
            [(None, 80), (Some("100"), 100), (Some("65535"), 65_535), (Some("65536"), 80)]
        {
            assert_eq!(width_of(columns), width);
            assert_eq!(format!("{:width$}", "").len(), width);
        }
    }

    #[test]
    fn colour_follows_the_flag_then_the_environment_then_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        use Colour::{Ansi, Plain};
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let table: &[(&str, ColorChoice, bool, Variables, Colour)] = &[
            ("a terminal", Auto, true, &[], Ansi),
            ("a pipe", Auto, false, &[], Plain),
            ("a dumb terminal", Auto, true, &[("TERM", "dumb")], Plain),
            ("NO_COLOR", Auto, true, &[("NO_COLOR", "1")], Plain),
            ("an empty NO_COLOR", Auto, true, &[("NO_COLOR", "")], Ansi),
            ("forced", Auto, false, &[("CLICOLOR_FORCE", "1")], Ansi),
            ("forced by 0", Auto, false, &[("CLICOLOR_FORCE", "0")], Plain),
            (
                "NO_COLOR takes precedence over CLICOLOR_FORCE",
                Auto,
                true,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                Plain,
            ),
            ("always", Always, false, &[("NO_COLOR", "1")], Ansi),
            ("never", Never, true, &[("CLICOLOR_FORCE", "1")], Plain),
        ];
        for (name, choice, is_terminal, variables, expected) in table {
            let environment = |wanted: &str| {
                let mut found = variables.iter().filter(|(name, _)| *name == wanted);
                found.next().map(|(_, value)| (*value).to_owned())
            };
            let seen = colour(*choice, *is_terminal, &environment);
            assert_eq!(seen, *expected, "{name}");
        }
    }
}
