//! What decided where a run connects and whom it trusts, if that was not the DNS and the system: the files
//! and settings that a reader must know before the results.

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
    let mut lines = Vec::new();
    lines.extend(
        files
            .recording
            .iter()
            .map(|file| format!("What was seen is from the recording {file}; nothing was sent.")),
    );
    lines.extend(files.config.iter().map(|file| format!("Settings are from {file}.")));
    lines.extend(files.rules.iter().map(|directory| format!("Rules are from {directory}.")));
    let trusted = files.ca_file.iter();
    lines.extend(trusted.map(|file| format!("Root certificates in {file} are trusted as well.")));
    let server = options.dns_server.iter();
    lines.extend(server.map(|server| format!("DNS queries go to {server}.")));
    if !options.resolve.is_empty() {
        let names: Vec<String> = options.resolve.iter().map(resolved).collect();
        lines.push(format!("Addresses are not from DNS: {}.", list(&names)));
    }
    if !options.connect_to.is_empty() {
        let places: Vec<String> = options.connect_to.iter().map(connected).collect();
        lines.push(format!("Connections go elsewhere: {}.", list(&places)));
    }
    let Selection { only, skip } = &options.selection;
    if !only.is_empty() {
        lines.push(format!("Only these rules are reported: {}.", list(only)));
    }
    if !skip.is_empty() {
        lines.push(format!("These rules are not reported: {}.", list(skip)));
    }
    if !options.redact.is_empty() {
        lines.push(format!("Stand-ins replace the {} in this report.", list(&options.redact)));
    }
    if let (Some(proxy), Some(_)) = (&options.http_proxy, options.credentials) {
        lines.push(format!("The call uses the HTTP proxy {proxy}."));
    }
    lines
}

/// `openvidu.example.io is 203.0.113.10`.
fn resolved(entry: &Resolve) -> String {
    let port = entry.port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{}{port} is {}", entry.name, list(&entry.addresses))
}

/// `203.0.113.10 port 443 to 127.0.0.1 port 8443`.
fn connected(entry: &ConnectTo) -> String {
    let address = entry.address.map_or("any address".to_owned(), |address| address.to_string());
    let ports = entry.ports.map(|ports| format!(" port {ports}")).unwrap_or_default();
    let to_address =
        entry.to_address.map_or("the same address".to_owned(), |address| address.to_string());
    let to_port = entry.to_port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{address}{ports} to {to_address}{to_port}")
}
