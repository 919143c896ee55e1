//! The published schemas: of the JSON report, and of the files that people write.

mod rules;

pub use rules::rules;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::json::v1;
use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::vantage::Zone;
use crate::model::word_list::WordList;

/// The JSON schema (draft 2020-12) of the report that [`super::json::write`] writes, with a
/// final newline.
pub fn report() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        // Validators refuse formats of their authors' own, such as `uint16`.
        .with_transform(RestrictFormats::default())
        .with_transform(RecursiveTransform(allow_more_fields))
        .with_transform(RecursiveTransform(join_lines))
        .into_generator()
        .into_root_schema_for::<v1::ReportV1>();
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// The JSON schema (draft 2020-12) of what ovcheck reads as a `T`, with a final newline.
pub fn of_input<T: JsonSchema>() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with_transform(RestrictFormats::default())
        .with_transform(RecursiveTransform(join_lines))
        .into_generator()
        .into_root_schema_for::<T>();
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// The JSON schema of a waivers file, for editors that check and complete TOML, with a final newline.
pub fn waivers() -> String {
    let text =
        |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ovcheck:schema:waivers:1.0",
        "title": "ovcheck waivers",
        "description": "Violations that are accepted until a date (docs/gating.md).",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "waiver": {
                "description": "One entry for each accepted violation.",
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["reason", "until"],
                    "anyOf": [{"required": ["fingerprint"]}, {"required": ["rule", "target"]}],
                    "properties": {
                        "fingerprint": {
                            "description": "The fingerprint of the finding.",
                            "type": "string",
                            "pattern": "^(sha256:)?[0-9a-fA-F]{32}$",
                        },
                        "rule": {
                            "description": "The id of the rule.",
                            "type": "string",
                            "pattern": "^[a-z0-9-]+/[a-z0-9-]+$",
                        },
                        "target": text("The targets of the rule; * stands for any text."),
                        "reason": text("Why the violation is accepted."),
                        "owner": text("Who answers for it."),
                        "until": {
                            "description": "The last day on which it holds, in UTC: 2027-01-31, with or \
                                            without quotation marks.",
                            "type": "string",
                            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                        },
                    },
                },
            },
        },
    });
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// The JSON schema of a deployment file, for editors that check and complete TOML, with a final newline.
pub fn config() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ovcheck:schema:config:1.0",
        "title": "ovcheck.toml",
        "description": "What ovcheck checks (docs/deployment-file.md). The keys are called as the flags.",
        "type": "object",
        "additionalProperties": false,
        "properties": keys_of_config(),
        "$defs": {
            "addresses": {
                "type": "array",
                "items": {"type": "string", "pattern": "^[0-9a-fA-F:.\\[\\]]+$"},
            },
        },
    });
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// The keys of a deployment file.
fn keys_of_config() -> Value {
    let text = |about: &str| json!({"description": about, "type": "string", "minLength": 1});
    let texts =
        |about: &str| json!({"description": about, "type": "array", "items": {"type": "string"}});
    let flag = |about: &str| json!({"description": about, "type": "boolean"});
    let seconds = |about: &str, least: f64, most: f64| json!({"description": about, "type": "number", "minimum": least, "maximum": most});
    let name = |about: &str| json!({"description": about, "type": "string", "pattern": "^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+\\.?$"});
    json!({
        "guide": {
            "description": "The installed version of OpenVidu, which is the edition of the guide.",
            "anyOf": [
                {"type": "string", "enum": Edition::WORDS},
                {"type": "string", "pattern": "^3\\.[0-9]\\.[0-9]+$"},
            ],
        },
        "topology": word::<Topology>("Deployment type."),
        "domain-name": name("Domain name of the deployment. It must resolve to the proxy."),
        "turn-domain-name": name("Domain name for TURN over TLS. It must resolve to the proxy, too."),
        "policy": word::<Policy>("How media is expected to reach clients."),
        "rtc-engine": word::<RtcEngine>("WebRTC engine of OpenVidu PRO."),
        "uses": words::<Feature>("Optional features in use."),
        "enabled-modules": words::<Module>("Enabled modules, by the names that the installer uses."),
        "nodes": {
            "description": "The machines. A machine whose name is not a role has \"role\".",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9-]{0,31}$"},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "role": word::<NodeRole>("The role of the machine, if it is not its name."),
                    "addresses": {
                        "description": "The addresses at which users reach the machine.",
                        "$ref": "#/$defs/addresses",
                    },
                    "private-addresses": {
                        "description": "The addresses at which the other machines of the deployment \
                                        reach it.",
                        "$ref": "#/$defs/addresses",
                    },
                },
            },
        },
        "nodes-from": text("File with more machines, one in a line: NAME ROLE ADDRESS…"),
        "vantage": {
            "description": "The machine on which ovcheck runs.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "zone": word::<Zone>("The network zone of this machine."),
                "name": text("Name of this vantage point in reports."),
            },
        },
        "rules": text("Directory of rule files to use."),
        "dns-server": text("DNS server to query: ADDR[:PORT]."),
        "ca-file": text("PEM file of root certificates to trust in addition to the system's."),
        "stun-server": texts("STUN servers outside the deployment: NAME:PORT."),
        "connect-to": texts("Connect to another address and port: ADDR:PORT:ADDR:PORT."),
        "resolve": texts("Addresses to use instead of those in DNS: NAME:PORT:ADDR[,ADDR]."),
        "timeout": seconds("Seconds to wait for a response.", 0.2, 30.0),
        "deadline": seconds("Maximum duration of the run in seconds.", 1.0, 600.0),
        "hold": seconds("Seconds to hold a TURN connection without traffic.", 1.0, 120.0),
        "udp-rate": {
            "description": "UDP datagrams per second to all addresses together.",
            "type": "integer",
            "minimum": 100,
            "maximum": 200_000,
        },
        "sweep": texts("Addresses, or nodes, whose closed UDP ranges are tested port by port."),
        "allow-large-sweep": flag("Allow more than 250,000 datagrams to closed UDP ranges."),
        "find-extent": flag("Find the limits of a UDP range that is partly open or partly blocked."),
        "token-file": text("File with the access token to join a call."),
        "api-key": text("API key with which to create access tokens."),
        "api-secret-file": text("File with the secret of the API key."),
        "http-proxy": text("HTTP proxy of this network to use for the call, or `none`."),
        "deep": flag("Also test DTLS on each media path that works."),
    })
}

/// One word of a list.
fn word<T: WordList>(about: &str) -> Value {
    let words: Vec<&str> = T::all().iter().map(|value| value.word()).collect();
    json!({"description": about, "type": "string", "enum": words})
}

/// Several words of a list.
fn words<T: WordList>(about: &str) -> Value {
    let words: Vec<&str> = T::all().iter().map(|value| value.word()).collect();
    json!({"description": about, "type": "array", "items": {"type": "string", "enum": words}})
}

/// schemars closes the objects that stand for a variant; a minor version may add to them too.
fn allow_more_fields(schema: &mut Schema) {
    schema.remove("additionalProperties");
}

/// Doc comments are broken into lines; a description has paragraphs only.
fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|text| text.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}
