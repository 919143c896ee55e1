//! Which service an HTTP response is of, and whether it lists a bucket.

use serde::{Deserialize, Serialize};

use super::http::HttpResponse;
use crate::model::rule::Service;

/// Whether an answer is one of the service that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Likeness {
    Is,
    /// Something else answers.
    IsNot,
    /// What answers may be this service or another one: others say the same.
    Unknown,
    /// Something accepts connections, and says nothing that tells who it is.
    NoAnswer,
}

impl HttpResponse {
    /// Whether it is one of this service, which was asked for its own path.
    pub fn likeness(&self, service: Service) -> Likeness {
        // A line end is a `·` in the text of a server.
        let body = self.body.unquoted().trim_matches([' ', '·']);
        let server = self.server.as_ref().map(|server| server.unquoted());
        let json = |keys: [&str; 2]| keys.iter().all(|key| body.contains(&format!("\"{key}\"")));
        let is_ok = self.status == 200;
        // Whether nobody else says this, and whether it is what the service says among others.
        let (is, may_be) = match service {
            Service::Minio => {
                let is_named = server.is_some_and(|server| server.starts_with("MinIO"));
                // Behind another server, whose name comes first. An empty page is what a web server
                // without any site answers too.
                let is_healthy = is_ok && body.is_empty();
                (is_named || (is_healthy && self.amz_request_id.is_some()), is_healthy)
            }
            Service::Grafana => (is_ok && json(["database", "version"]), false),
            Service::Loki | Service::Mimir => (false, is_ok && body == "ready"),
            Service::Whip => (false, is_ok && body == "Healthy"),
            // Whatever asks for a password does it with this status.
            Service::V2Compatibility => (false, self.status == 401),
            Service::LivekitApi => {
                (self.livekit_reply().is_some(), self.status == 401 && body.is_empty())
            }
            Service::Web => (false, true),
            Service::TurnTcp
            | Service::TurnUdp
            | Service::Rtmp
            | Service::IceTcp
            | Service::Redis
            | Service::MongoDb
            | Service::Grpc => (false, false),
        };
        // Go's words, and nginx's, for a request without TLS on a port that wants TLS.
        let wants_tls = self.status == 400 && body.contains("HTTPS");
        // Not ready, too many requests: which service says so is unknown.
        let elsewhere_busy = matches!(self.status, 429 | 500..=599);
        if is {
            Likeness::Is
        } else if may_be || wants_tls || elsewhere_busy {
            Likeness::Unknown
        } else {
            Likeness::IsNot
        }
    }
}

/// What an S3 server says to the question for the list of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketAccess {
    /// The list.
    Listed,
    /// `AccessDenied`: of any name, whether there is such a bucket or not.
    Denied,
    /// `NoSuchBucket`.
    NoSuchBucket,
    /// An answer of something else, or one that may change.
    Unknown,
}

impl HttpResponse {
    /// What it says of the bucket that it was asked for (Amazon S3 API Reference, "ListObjectsV2" and
    /// "Error Responses").
    pub fn bucket_access(&self) -> BucketAccess {
        let body = self.body.unquoted();
        match self.status {
            200 if body.contains("<ListBucketResult") => BucketAccess::Listed,
            403 if body.contains("<Code>AccessDenied</Code>") => BucketAccess::Denied,
            404 if body.contains("<Code>NoSuchBucket</Code>") => BucketAccess::NoSuchBucket,
            _ => BucketAccess::Unknown,
        }
    }
}
