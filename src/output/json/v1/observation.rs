//! What one probe asked and saw.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::AskedV1;
use super::facts::FactsV1;
use super::publish::PublishedAs;
use super::values::ObservationIdV1;
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::plan::ProbeIndex;

/// What one probe asked and saw. Exactly one of `facts` and `blind` is null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("oneOf" = facts_or_blind(), "allOf" = what_belongs_to_each_probe()))]
pub struct ObservationV1 {
    /// The id.
    pub id: ObservationIdV1,
    /// The name of the probe, as in `asked.probe`.
    pub probe: &'static str,
    /// What the probe asked.
    pub asked: AskedV1,
    /// The name of the vantage, or its zone if it has no name.
    pub vantage: String,
    /// When the probe started, in milliseconds after the start of the run.
    pub started_ms: u64,
    /// How long the probe took, in milliseconds.
    pub took_ms: u64,
    /// How many requests, datagrams or SYN packets were sent for the first question.
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// What was seen. Silence is a fact too.
    pub facts: Option<FactsV1>,
    /// Why the probe could not look. It says nothing about the deployment.
    pub blind: Option<BlindV1>,
}

fn facts_or_blind() -> Value {
    let (nothing, object) = (json!({"type": "null"}), json!({"type": "object"}));
    json!([
        {"properties": {"facts": object, "blind": nothing}},
        {"properties": {"facts": nothing, "blind": object}},
    ])
}

/// The name of each probe, and the kind of facts that it sees.
const PROBES: [(&str, &str); 15] = [
    ("dns", "dns"),
    ("tcp", "tcp"),
    ("http", "http"),
    ("tls", "tls"),
    ("api", "api"),
    ("turn", "turn"),
    ("hold", "hold"),
    ("rtmp", "rtmp"),
    ("service", "service"),
    ("udp", "udp"),
    ("echo", "echo"),
    ("responder", "responder"),
    ("own_udp", "turn"),
    ("call", "call"),
    ("host", "host"),
];

fn what_belongs_to_each_probe() -> Vec<Value> {
    let rule = |(probe, kind): &(&str, &str)| {
        json!({
            "if": {"properties": {"probe": {"const": probe}}},
            "then": {"properties": {
                "asked": {"type": "object", "properties": {"probe": {"const": probe}}},
                "facts": {"type": ["object", "null"], "properties": {"kind": {"const": kind}}},
            }},
        })
    };
    PROBES.iter().map(rule).collect()
}

impl ObservationV1 {
    /// The observation of the probe at this place in the plan, made from this vantage.
    pub fn new(index: ProbeIndex, observation: &Observation, vantage: &str) -> Self {
        let Observation { spec, started, took, attempts, outcome } = observation;
        let (facts, blind) = match outcome {
            Outcome::Saw(facts) => (Some(facts.published()), None),
            Outcome::Blind(blindness) => (None, Some(blindness.published())),
        };
        Self {
            id: index.published(),
            probe: spec.name(),
            asked: spec.published(),
            vantage: vantage.to_owned(),
            started_ms: started.published(),
            took_ms: took.published(),
            attempts: attempts.published(),
            facts,
            blind,
        }
    }
}

/// Why a probe could not look.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BlindV1 {
    /// The reason.
    pub why: BlindReasonV1,
    /// The same in words, with the operating system's words if there are any.
    pub words: String,
}

/// Why a probe could not look.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlindReasonV1 {
    /// This machine has no route to the address.
    NoRoute,
    /// The firewall of this machine refuses to send.
    OwnFirewall,
    /// This machine has no DNS server configured.
    NoDnsServer,
    /// No address of the host is known.
    NoAddress,
    /// The HTTP proxy of this network refused the connection.
    OwnProxy,
    /// Another error of this machine.
    Local,
    /// The run was interrupted before an answer arrived.
    Interrupted,
    /// The deadline of the run came before an answer (`--deadline`).
    DeadlineSpent,
}

impl PublishedAs<BlindV1> for Blindness {
    fn published(&self) -> BlindV1 {
        let why = match self {
            Self::NoRoute(_) => BlindReasonV1::NoRoute,
            Self::OwnFirewall => BlindReasonV1::OwnFirewall,
            Self::NoDnsServer => BlindReasonV1::NoDnsServer,
            Self::NoAddress { .. } => BlindReasonV1::NoAddress,
            Self::OwnProxy(_) => BlindReasonV1::OwnProxy,
            Self::Local(_) => BlindReasonV1::Local,
            Self::Interrupted => BlindReasonV1::Interrupted,
            Self::DeadlineSpent => BlindReasonV1::DeadlineSpent,
        };
        BlindV1 { why, words: self.to_string().published() }
    }
}
