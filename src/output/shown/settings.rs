//! What decided where a run connected and whom it trusted, if that was not the DNS and the system: a reader
//! must know it before the results.

use super::types::{ShownConnectTo, ShownReport, ShownResolve};
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
