//! The steps of `firewall.toml`, in place of a step such as `open = "udp 443"`.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{FirewallFile, RawStep};
use super::shared::parse;
use super::values::title;
use crate::complaint::Complaint;
use crate::model::rule::{RemedyTemplate, Topic};

/// What `firewall.toml` contains.
#[derive(Debug)]
pub(super) struct Firewall {
    file: RuleFile,
    steps: FirewallFile,
}

/// What the steps stand for: words between `@` and what takes their place.
type Values = Vec<(&'static str, String)>;

impl Firewall {
    pub fn read(file: &RuleFile) -> Result<Self, Complaint> {
        Ok(Self { steps: parse(file)?, file: file.clone() })
    }

    /// What `ovcheck explain firewall` shows.
    pub fn topic(&self) -> Result<Topic, Complaint> {
        let raw = self.steps.topic.get_ref();
        let steps = super::texts::remedy(&self.file, &raw.steps, self)?;
        Ok(Topic { title: title(&self.file, &raw.title)?, steps })
    }

    /// The steps that `raw` of `file` stands for.
    pub fn steps(
        &self,
        file: &RuleFile,
        raw: &Spanned<RawStep>,
    ) -> Result<Vec<RemedyTemplate>, Complaint> {
        let step = raw.get_ref();
        let (steps, values) = match (&step.open, &step.close, &step.block, step.audience) {
            (Some(port), None, None, None) => (&self.steps.open, port_values(port)),
            (Some(port), None, None, Some(_)) => (&self.steps.open_for, port_values(port)),
            (None, Some(port), None, None) => (&self.steps.close, port_values(port)),
            (None, Some(port), None, Some(_)) => (&self.steps.close_except, port_values(port)),
            (None, None, Some(what), None) => {
                (&self.steps.block, Some(vec![("match", what.get_ref().clone())]))
            }
            _ => (&self.steps.open, None),
        };
        let wrong = || {
            file.complaint(raw.span(), "this step of a firewall is incomplete", "cannot be used")
                .with_help(
                    "use { on = MACHINE, open = \"udp 443\" }, close instead of open, and \
                     for = \"sources\" to name machines; \"this port\" is the port of the finding",
                )
        };
        let mut values = values.ok_or_else(wrong)?;
        if let Some(audience) = step.audience {
            let words = self.steps.audiences.get(&audience).ok_or_else(wrong)?;
            let restricts = if step.open.is_some() { &words.from } else { &words.except };
            if restricts.is_empty() {
                return Err(wrong());
            }
            values.push(("from", restricts.clone()));
            values.push(("each", words.each.clone()));
            values.push(("words", words.words.clone()));
        }
        let filled = steps.iter().map(|shared| {
            let mut filled = shared.get_ref().clone();
            for text in [&mut filled.say, &mut filled.run].into_iter().flatten() {
                *text = Spanned::new(text.span(), fill(text.get_ref(), &values));
            }
            if filled.run.is_some() {
                filled.on = step.on;
            }
            super::texts::step(&self.file, &Spanned::new(shared.span(), filled))
        });
        filled.collect()
    }
}

/// A port in the languages of the firewalls. `None`: it is not a transport and ports.
fn port_values(raw: &Spanned<String>) -> Option<Values> {
    let text = raw.get_ref().as_str();
    let values = |transport: &str, nft: &str, ufw: &str, ufw_port: &str, port: String| {
        vec![
            ("transport", transport.to_owned()),
            ("nft", nft.to_owned()),
            ("ufw", ufw.to_owned()),
            ("ufw-port", ufw_port.to_owned()),
            ("port", port),
        ]
    };
    if text == "this port" {
        let port = "the port (${transport})".to_owned();
        return Some(values("${transport}", "${nft-ports}", "${ufw-ports}", "${ufw-port}", port));
    }
    let (transport, ports) = text.split_once(' ')?;
    let nft = match ports.contains(',') {
        true => format!("{{ {} }}", ports.replace(',', ", ")),
        false => ports.to_owned(),
    };
    let ufw = ports.replace('-', ":");
    let port = format!("{} {}", transport.to_uppercase(), ports.replace(',', ", "));
    Some(values(transport, &nft, &ufw, &ufw, port))
}

fn fill(text: &str, values: &Values) -> String {
    let put =
        |text: String, (word, value): &(&str, String)| text.replace(&format!("@{word}@"), value);
    values.iter().fold(text.to_owned(), put)
}
