//! What decided where a run connected and whom it trusted, if that was not the DNS and the system: a reader
//! must know it before the results.

use super::types::{ShownConnectTo, ShownReport, ShownResolve, ShownSelection};
use crate::output::text::{list, one_line};

impl ShownReport {
    /// One sentence for each such setting. The demo made all of its settings, so that none is new to the
    /// reader.
    pub fn settings(&self) -> Vec<String> {
        if self.run.command == "demo" {
            return Vec::new();
        }
        let (files, options) = (&self.files_read, &self.options);
        let mut lines = Vec::new();
        lines.extend(
            files.recording.iter().map(|file| {
                format!("What was seen is from the recording {file}; nothing was sent.")
            }),
        );
        lines.extend(files.config.iter().map(|file| format!("Settings are from {file}.")));
        lines.extend(files.rules.iter().map(|directory| format!("Rules are from {directory}.")));
        let trusted = files.ca_file.iter();
        lines.extend(
            trusted.map(|file| format!("Root certificates in {file} are trusted as well.")),
        );
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
        let ShownSelection { only, skip } = &options.selection;
        if !only.is_empty() {
            lines.push(format!("Only these rules are reported: {}.", list(only)));
        }
        if !skip.is_empty() {
            lines.push(format!("These rules are not reported: {}.", list(skip)));
        }
        if !options.redact.is_empty() {
            let what = list(&options.redact);
            lines.push(format!("Stand-ins replace the {what} in this report."));
        }
        if let (Some(proxy), Some(_)) = (&options.http_proxy, &options.credentials) {
            lines.push(format!("The call uses the HTTP proxy {proxy}."));
        }
        lines.iter().map(|line| one_line(line)).collect()
    }
}

/// `openvidu.example.io is 203.0.113.10`.
fn resolved(entry: &ShownResolve) -> String {
    let port = entry.port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{}{port} is {}", entry.name, list(&entry.addresses))
}

/// `203.0.113.10 port 443 to 127.0.0.1 port 8443`.
fn connected(entry: &ShownConnectTo) -> String {
    let address = entry.address.as_deref().unwrap_or("any address");
    let ports = entry.ports.map(|ports| format!(" port {ports}")).unwrap_or_default();
    let to_address = entry.to_address.as_deref().unwrap_or("the same address");
    let to_port = entry.to_port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{address}{ports} to {to_address}{to_port}")
}
