//! What other parts of the program give to the command line, in their own shape, until they are
//! there: `app`, `output` and `demo`.

pub mod app {
    use tokio::sync::watch;

    use crate::complaint::{Complaint, Place};
    use crate::config::{CheckOptions, RunConfig};
    use crate::model::plan::Plan;
    use crate::model::report::Report;

    pub struct Prepared {
        pub plan: Plan,
    }

    pub struct Interrupt(#[expect(dead_code)] watch::Receiver<bool>);

    impl Interrupt {
        pub fn new() -> (watch::Sender<bool>, Self) {
            let (sender, receiver) = watch::channel(false);
            (sender, Self(receiver))
        }
    }

    pub async fn prepare(_: RunConfig, _: &Interrupt) -> Result<Prepared, Complaint> {
        Err(Complaint::new("not wired yet", Place::Nowhere))
    }

    pub async fn check(
        _: Prepared,
        _: CheckOptions,
        _: &Interrupt,
        _: &mut dyn FnMut(usize, usize),
    ) -> Report {
        unreachable!("prepare refuses")
    }
}

pub mod output {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Style {
        pub width: usize,
        pub colour: Colour,
        pub verbosity: Verbosity,
    }

    impl Default for Style {
        fn default() -> Self {
            Self {
                width: 80,
                colour: Colour::Plain,
                verbosity: Verbosity::Normal,
            }
        }
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Colour {
        Plain,
        Ansi,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Verbosity {
        Quiet,
        Normal,
        Verbose,
    }

    pub mod table {
        use super::Style;
        use crate::model::report::Report;
        use std::io::{self, Write};

        pub fn write(_: &Report, _: &Style, _: u8, _: &mut dyn Write) -> io::Result<()> {
            Ok(())
        }
    }

    pub mod json {
        use crate::model::report::Report;
        use std::io::{self, Write};

        pub fn write(_: &Report, _: u8, _: &mut dyn Write) -> io::Result<()> {
            Ok(())
        }
    }

    pub mod plan {
        use super::Style;
        use crate::model::plan::Plan;
        use std::io::{self, Write};

        pub fn write(_: &Plan, _: &Style, _: &mut dyn Write) -> io::Result<()> {
            Ok(())
        }
    }

    pub mod schema {
        pub fn report() -> String {
            "{}\n".to_owned()
        }
    }
}

pub mod demo {
    use std::path::Path;

    use crate::model::deployment::Policy;

    pub struct Demo;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fault {}

    #[derive(Debug, thiserror::Error)]
    #[expect(dead_code)]
    pub enum DemoError {
        #[error("the fault is none under the policy {policy}")]
        NoFaultThere { fault: Fault, policy: Policy },
        #[error("failed to open a port on loopback")]
        Port(#[source] std::io::Error),
        #[error("failed to make the demo's certificates")]
        Certificates(#[from] rcgen::Error),
        #[error("failed to set up TLS")]
        Tls(#[from] rustls::Error),
        #[error("failed to start the TURN server")]
        Turn(#[from] ::turn::Error),
    }

    impl Fault {
        pub const ALL: &'static [Self] = &[];

        pub fn name(self) -> &'static str {
            match self {}
        }

        pub fn describe(self) -> &'static str {
            match self {}
        }

        pub fn policy(self) -> Policy {
            match self {}
        }
    }

    impl Demo {
        pub async fn start(_: Policy, _: Option<Fault>) -> Result<Self, DemoError> {
            Err(DemoError::Port(std::io::ErrorKind::Unsupported.into()))
        }

        pub fn deployment_file(&self, _: &Path) -> String {
            String::new()
        }

        pub fn ca_pem(&self) -> &str {
            ""
        }
    }
}
