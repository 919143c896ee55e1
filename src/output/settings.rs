//! What decided where a run connects and whom it trusts, if that was not the DNS and the system: the files
//! and settings that a reader must know before the results.

use std::fmt::Display;
use std::io;

use super::page::Page;
use super::text::{list, one_line};
use crate::model::context::{RunCommand, RunContext};
use crate::model::dial::{ConnectTo, Resolve};
use crate::model::selection::Selection;

/// Writes one line for each such setting, and returns whether there was one. The demo made all of its
/// settings, so that none is new to the reader.
pub fn write(context: &RunContext, page: &mut Page<'_>) -> io::Result<bool> {
    if context.command == RunCommand::Demo {
        return Ok(false);
    }
    let lines = lines(context);
    for line in &lines {
        page.hanging(&[], 0, &one_line(line))?;
    }
    Ok(!lines.is_empty())
}

fn lines(context: &RunContext) -> Vec<String> {
    let (files, options) = (&context.files, &context.options);
    let Selection { only, skip } = &options.selection;
    Settings {
        recording: files.recording.clone(),
        config: files.config.clone(),
        rules: files.rules.clone(),
        ca_file: files.ca_file.clone(),
        dns_server: options.dns_server.map(|server| server.to_string()),
        resolve: options.resolve.iter().map(resolved).collect(),
        connect_to: options.connect_to.iter().map(connected).collect(),
        only: words(only),
        skip: words(skip),
        redact: words(&options.redact),
        proxy_of_call: options.http_proxy.clone().filter(|_| options.credentials.is_some()),
    }
    .sentences()
}

fn words<T: ToString>(things: &[T]) -> Vec<String> {
    things.iter().map(T::to_string).collect()
}

fn resolved(entry: &Resolve) -> String {
    resolved_words(&entry.name, entry.port, &entry.addresses)
}

fn connected(entry: &ConnectTo) -> String {
    let ConnectTo { address, ports, to_address, to_port } = entry;
    connected_words((*address, *ports), (*to_address, *to_port))
}

/// These settings of a run, in words; what is absent was left to the DNS and the system.
pub(super) struct Settings {
    pub recording: Option<String>,
    pub config: Option<String>,
    pub rules: Option<String>,
    pub ca_file: Option<String>,
    pub dns_server: Option<String>,
    /// As [`resolved_words`] has them.
    pub resolve: Vec<String>,
    /// As [`connected_words`] has them.
    pub connect_to: Vec<String>,
    pub only: Vec<String>,
    pub skip: Vec<String>,
    pub redact: Vec<String>,
    /// The HTTP proxy, if there was a call that uses it.
    pub proxy_of_call: Option<String>,
}

impl Settings {
    /// One sentence for each.
    pub fn sentences(self) -> Vec<String> {
        let named = |things: Vec<String>| (!things.is_empty()).then(|| list(&things));
        let sentences = [
            self.recording.map(|file| {
                let noun = if file.contains(", ") { "recordings" } else { "recording" };
                format!("What was seen is from the {noun} {file}; nothing was sent.")
            }),
            self.config.map(|file| format!("Settings are from {file}.")),
            self.rules.map(|directory| format!("Rules are from {directory}.")),
            self.ca_file.map(|file| format!("Root certificates in {file} are trusted as well.")),
            self.dns_server.map(|server| format!("DNS queries go to {server}.")),
            named(self.resolve).map(|names| format!("Addresses are not from DNS: {names}.")),
            named(self.connect_to).map(|places| format!("Connections go elsewhere: {places}.")),
            named(self.only).map(|rules| format!("Only these rules are reported: {rules}.")),
            named(self.skip).map(|rules| format!("These rules are not reported: {rules}.")),
            named(self.redact).map(|what| format!("Stand-ins replace the {what} in this report.")),
            self.proxy_of_call.map(|proxy| format!("The call uses the HTTP proxy {proxy}.")),
        ];
        sentences.into_iter().flatten().collect()
    }
}

/// `openvidu.example.io is 203.0.113.10`.
pub(super) fn resolved_words(
    name: &impl Display,
    port: Option<impl Display>,
    addresses: &[impl ToString],
) -> String {
    format!("{name}{} is {}", port_words(port), list(addresses))
}

/// `203.0.113.10 port 443 to 127.0.0.1 port 8443`.
pub(super) fn connected_words(
    (address, ports): (Option<impl Display>, Option<impl Display>),
    (to_address, to_port): (Option<impl Display>, Option<impl Display>),
) -> String {
    let address = address.map_or("any address".to_owned(), |address| address.to_string());
    let to_address =
        to_address.map_or("the same address".to_owned(), |address| address.to_string());
    format!("{address}{} to {to_address}{}", port_words(ports), port_words(to_port))
}

fn port_words(port: Option<impl Display>) -> String {
    port.map(|port| format!(" port {port}")).unwrap_or_default()
}
