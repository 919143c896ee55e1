//! Which service an HTTP response is of.

use super::http::HttpResponse;
use crate::model::rule::Service;

/// Whether an answer is one of the service that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Is,
    /// Something else answers, or nothing that answers as this service does.
    IsNot,
    Unknown,
}

impl HttpResponse {
    /// Whether it is one of this service, which was asked for its own path.
    pub fn likeness(&self, service: Service) -> Likeness {
        // A line end is a `·` in the text of a server.
        let body = self.body.as_str().trim_matches([' ', '·']);
        let server = self.server.as_ref().map(|server| server.as_str());
        let json = |keys: [&str; 2]| keys.iter().all(|key| body.contains(&format!("\"{key}\"")));
        let is = match service {
            Service::Minio => {
                server.is_some_and(|server| server.starts_with("MinIO"))
                    // Behind another server, whose name comes first.
                    || (self.status == 200 && body.is_empty())
            }
            Service::Grafana => self.status == 200 && json(["database", "version"]),
            Service::Loki | Service::Mimir => self.status == 200 && body == "ready",
            Service::Whip => self.status == 200 && body == "Healthy",
            // Its API is the only one that knows the path; without credentials it asks for them.
            Service::V2Compatibility => self.status == 401,
            Service::Web => return Likeness::Unknown,
            Service::LivekitApi
            | Service::TurnTcp
            | Service::TurnUdp
            | Service::Rtmp
            | Service::IceTcp
            | Service::Redis
            | Service::MongoDb
            | Service::Grpc => false,
        };
        // Go's words, and nginx's, for a request without TLS on a port that wants TLS.
        let wants_tls = self.status == 400 && body.contains("HTTPS");
        // Not ready, too many requests: which service says so is unknown.
        let elsewhere_busy = matches!(self.status, 429 | 500..=599);
        if is {
            Likeness::Is
        } else if wants_tls || elsewhere_busy {
            Likeness::Unknown
        } else {
            Likeness::IsNot
        }
    }
}
