//! What stands in the client's own network, between it and the internet: on the router, whose
//! `client` is its inner side.

use std::path::Path;

use super::command::Fallible;
use super::network::{OUTSIDE, Place, fixture};
use super::services::{Service, in_folder, load_stream_module, words};
use super::world::fill;

/// What stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Ends TLS with certificates of its own, and goes on with TLS to whom was meant.
    TlsInspection,
    /// Answers in the place of every web server, with the way to a login.
    CaptivePortal,
    /// Refuses every web server by a page of its own, on plain HTTP alone.
    WebFilter,
    /// An HTTP proxy (squid) that has to be asked by name; it stands outside.
    HttpProxy,
}

impl Between {
    /// Chains of nftables on the router.
    pub fn translation(self) -> &'static str {
        match self {
            Self::TlsInspection => {
                "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                 iifname client tcp dport 443 redirect to :8443\n    }"
            }
            Self::CaptivePortal => {
                "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                 iifname client tcp dport 80 redirect to :8080\n        \
                 iifname client tcp dport 443 redirect to :8443\n    }"
            }
            Self::WebFilter => {
                "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                 iifname client tcp dport 80 redirect to :8080\n    }"
            }
            Self::HttpProxy => "",
        }
    }

    /// What the router accepts for itself.
    pub fn own_ports(self) -> &'static str {
        match self {
            Self::TlsInspection => "tcp dport 8443 accept",
            Self::CaptivePortal => "tcp dport { 8080, 8443 } accept",
            Self::WebFilter => "tcp dport 8080 accept",
            Self::HttpProxy => "",
        }
    }
}

/// The program that it is.
pub fn service(between: Between, folder: &Path) -> Fallible<Service> {
    let directory = folder.display().to_string();
    let nginx = |file: &str, ports: &[u16]| -> Fallible<Service> {
        let module = load_stream_module();
        let placeholders = [("DIR", directory.as_str()), ("LOAD_STREAM_MODULE", &module)];
        Ok(Service {
            name: file.replace(".conf", ""),
            place: Place::Router,
            program: "nginx".to_owned(),
            arguments: words(&["-c", &in_folder(folder, file)]),
            files: vec![(file.to_owned(), fill(&fixture(file)?, &placeholders))],
            listens: ports.iter().map(|port| ("tcp", *port)).collect(),
        })
    };
    match between {
        Between::TlsInspection => nginx("inspection.conf", &[8443]),
        Between::CaptivePortal => nginx("portal.conf", &[8080, 8443]),
        Between::WebFilter => nginx("filter.conf", &[8080]),
        Between::HttpProxy => Ok(Service {
            name: "squid".to_owned(),
            place: Place::Outside,
            program: "squid".to_owned(),
            arguments: words(&["-N", "-f", &in_folder(folder, "squid.conf")]),
            files: vec![(
                "squid.conf".to_owned(),
                fill(&fixture("squid.conf")?, &[("DIR", &directory), ("DNS", OUTSIDE[0])]),
            )],
            listens: vec![("tcp", 3128)],
        }),
    }
}
