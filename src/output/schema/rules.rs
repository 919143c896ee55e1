//! The schema of the files of rules (`--rules DIR`): one for all of them, as editors take one for a directory.
//!
//! It knows keys and types. What a rule means is checked when it is read.

use serde_json::{Map, Value, json};

use super::{word, words};
use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

/// The JSON schema of a file of rules, with a final newline.
pub fn rules() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ovcheck:schema:rules:1.0",
        "title": "ovcheck rules",
        "description": "A file of rules (CONTRIBUTING.md), such as ports.toml.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "rule": list(reference("rule")),
            "row": list(reference("row")),
            "table": list(table()),
            "texts": list(shared_texts()),
            "controls": closed(
                &[],
                json!({"udp": numbers(), "tcp": numbers(), "usual": numbers()}),
            ),
            "endpoint": list(endpoint()),
            "policy": list(closed(
                &["name", "ways"],
                json!({"name": word::<Policy>("The policy."), "ways": texts("The paths that it allows.")}),
            )),
            "front": list(closed(
                &["server", "kind"],
                json!({
                    "server": text("How the Server header of its answers begins."),
                    "kind": text("What it is."),
                }),
            )),
            "intention": list(closed(
                &["says", "remedy"],
                json!({"says": text("The intention."), "remedy": reference("steps")}),
            )),
            "face": list(face()),
            "versions": texts("The versions of LiveKit whose source was read, oldest first."),
            "release": list(closed(
                &["openvidu", "livekit"],
                json!({"openvidu": word::<Edition>("The OpenVidu."), "livekit": text("Its LiveKit.")}),
            )),
            "keys": list(closed(
                &["since", "names"],
                json!({
                    "since": text("The first version that has these keys."),
                    "until": text("The last one; omitted: the newest."),
                    "names": texts("Keys of livekit.yaml, each with its type."),
                }),
            )),
            "added": list(closed(
                &["since", "names"],
                json!({
                    "since": word::<Edition>("The first OpenVidu that is known to have these keys."),
                    "not-before": word::<Edition>("The first one that may have them."),
                    "names": texts("Keys that OpenVidu added."),
                }),
            )),
            "trouble": list(trouble()),
            "open": reference("steps"),
            "open-for": reference("steps"),
            "close": reference("steps"),
            "close-except": reference("steps"),
            "block": reference("steps"),
            "for": {"description": "Audiences of a firewall.", "type": "object"},
            "topic": closed(
                &["title", "steps"],
                json!({"title": text("The title."), "steps": reference("steps")}),
            ),
        },
        "$defs": {
            "editions": {
                "description": "Versions of OpenVidu, and ranges of them: \"3.0-3.5\".",
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": r"^3\.[0-9](-3\.[0-9])?$"},
            },
            "source": closed(
                &["document", "section"],
                json!({
                    "document": text("The document."),
                    "section": text("The section."),
                    "row": text("The row, quoted."),
                }),
            ),
            "limit": closed(
                &["family", "editions", "why"],
                json!({
                    "family": {"enum": ["ipv4", "ipv6"]},
                    "editions": reference("editions"),
                    "why": text("Why the other family is left out."),
                }),
            ),
            "steps": list(step()),
            "texts": closed(
                &[],
                json!({
                    "means": text("What a violation means for calls."),
                    "remedy": reference("steps"),
                }),
            ),
            "rule": rule(),
            "row": row(),
        },
    });
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

fn text(about: &str) -> Value {
    json!({"description": about, "type": "string", "minLength": 1})
}

fn texts(about: &str) -> Value {
    json!({"description": about, "type": "array", "items": {"type": "string"}})
}

fn numbers() -> Value {
    list(json!({"type": "integer", "minimum": 1, "maximum": 65_535}))
}

fn yes_or_no(about: &str) -> Value {
    json!({"description": about, "type": "boolean"})
}

fn list(of: Value) -> Value {
    object([("type", json!("array")), ("items", of)])
}

fn reference(to: &str) -> Value {
    json!({"$ref": format!("#/$defs/{to}")})
}

/// An object with these keys and no others.
fn closed(required: &[&str], properties: Value) -> Value {
    object([
        ("type", json!("object")),
        ("additionalProperties", json!(false)),
        ("required", json!(required)),
        ("properties", properties),
    ])
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The keys of both.
fn joined(one: Value, other: Value) -> Value {
    let keys = [one, other].into_iter().filter_map(|keys| match keys {
        Value::Object(keys) => Some(keys),
        _ => None,
    });
    Value::Object(keys.flatten().collect::<Map<_, _>>())
}

fn step() -> Value {
    closed(
        &[],
        json!({
            "say": text("A sentence."),
            "on": {
                "description": "The machine on which the commands run.",
                "enum": ["here", "proxy", "backend", "media", "node", "application"],
            },
            "run": text("Commands."),
            "in": text("The place of what \"show\" has."),
            "show": text("Text for a file."),
            "open": text("A port to open, such as \"udp 443\" or \"this port\"."),
            "close": text("A port to close."),
            "block": text("Outbound packets to block, for nftables."),
            "for": {
                "description": "To whom the port is opened, or for whom it stays open.",
                "enum": ["sources", "proxy", "media", "nodes"],
            },
        }),
    )
}

/// The texts of a rule or row.
fn keys_of_texts() -> Value {
    json!({
        "default": reference("texts"),
        "reason": {"type": "object", "additionalProperties": reference("texts")},
    })
}

fn rule() -> Value {
    let judged = json!({
        "id": {"type": "string", "pattern": "^[a-z0-9-]+/[a-z0-9-]+$"},
        "formerly": texts("Former ids."),
        "title": text("What should hold."),
        "expected": text("What is expected, beside what was seen."),
        "severity": word::<Severity>("The severity of a violation."),
        "severity-in": {"description": "By edition.", "type": "object"},
        "severity-under": {"description": "By policy.", "type": "object"},
        "demand": text("What has to hold."),
        "editions": reference("editions"),
        "policies": words::<Policy>("The policies under which it applies; omitted: all."),
        "judged-from": words::<Zone>("The zones from which it is checked; omitted: all."),
        "engine": word::<RtcEngine>("The engine with which it applies."),
        "feature": word::<Feature>("The feature without which it does not apply."),
        "needs-turn-domain": yes_or_no("Whether it needs a TURN domain."),
        "families": reference("limit"),
        "needs": texts("Rules that must pass first."),
        "explains": texts("Rules about the network that see the effects of this rule about a configuration."),
        "source": reference("source"),
        "sources": list(closed(
            &["document", "section"],
            json!({
                "topologies": words::<Topology>("The topologies."),
                "editions": reference("editions"),
                "document": text("The document."),
                "section": text("The section."),
                "row": text("The row, quoted."),
            }),
        )),
    });
    let number = || json!({"type": "integer", "minimum": 0});
    let taken = json!({
        "days": number(),
        "lifetime-share": number(),
        "seconds": number(),
        "version": text("A version of TLS."),
        "versions": texts("Versions of TLS."),
        "way": text("A media path."),
        "all-of": texts("Rules that must all pass."),
        "buckets": texts("Buckets of MinIO."),
        "least": number(),
        "programs": texts("Names of processes, or ids of distributions."),
        "aspect": text("The part of OpenVidu's configuration that it is about."),
        "setting": text("The part of the proxy's configuration that it is about."),
        "spared-ports": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
        "names": {"type": "array", "items": {"enum": ["domain", "turn-domain"]}},
        "at": texts("Endpoints of the proxy."),
        "nodes": words::<NodeRole>("The roles of the machines."),
        "machines": words::<NodeRole>("The roles of the machines on which it is checked."),
        "transport": {"enum": ["tcp", "udp"]},
        "ports": text("A port or a range."),
        "tcp": list(closed(
            &["port"],
            json!({
                "port": {"type": "integer", "minimum": 1, "maximum": 65_535},
                "service": text("The service that is expected there."),
                "severity": word::<Severity>("How serious it is if it is open."),
            }),
        )),
    });
    closed(
        &["id", "title", "severity", "demand", "editions", "source"],
        joined(joined(judged, taken), keys_of_texts()),
    )
}

fn row() -> Value {
    let from = || texts("The sources that may reach the port.");
    let own = json!({
        "node": word::<NodeRole>("The role of the machine."),
        "transport": {"enum": ["tcp", "udp"]},
        "ports": text("A port or a range."),
        "title": text("What should hold."),
        "severity": word::<Severity>("The severity of a violation."),
        "rows": list(closed(
            &["table", "row", "from"],
            json!({
                "table": text("The key of the table."),
                "row": text("The row, quoted."),
                "editions": reference("editions"),
                "from": from(),
                "feature": word::<Feature>("The feature without which it is not needed."),
                "module": word::<Module>("The module without which it is not needed."),
                "needs-turn-domain": yes_or_no("Whether it is needed only with a TURN domain."),
                "engine": word::<RtcEngine>("The engine with which it is needed."),
            }),
        )),
        "tolerated": list(closed(
            &["topologies", "editions", "from", "why", "source"],
            json!({
                "topologies": words::<Topology>("The topologies."),
                "editions": reference("editions"),
                "from": from(),
                "why": text("Why they may reach it."),
                "source": reference("source"),
            }),
        )),
        "service": text("The service that is expected there."),
        "only-in-sessions": yes_or_no("Whether a process listens only during sessions."),
        "listens-on": reference("limit"),
        "not-under": words::<Policy>("Policies under which a rule of its own judges the port."),
        "misprint": {"type": "integer"},
        "gone": text("Why newer editions no longer list the port."),
        "needs": texts("Rules that must pass first."),
        "texts": text("The key of shared texts."),
    });
    closed(
        &["node", "transport", "ports", "title", "severity", "rows"],
        joined(own, keys_of_texts()),
    )
}

fn table() -> Value {
    closed(
        &["key", "topology", "node", "editions", "document", "section"],
        json!({
            "key": text("The key to which rows refer."),
            "topology": word::<Topology>("The topology."),
            "node": word::<NodeRole>("The role of the machine."),
            "editions": reference("editions"),
            "amends": text("The key of the table to which this one adds rows."),
            "document": text("The document."),
            "section": text("The section."),
        }),
    )
}

fn shared_texts() -> Value {
    closed(&["key"], joined(json!({"key": text("The key to which rows refer.")}), keys_of_texts()))
}

fn endpoint() -> Value {
    closed(
        &["key", "name", "port", "service"],
        json!({
            "key": text("The key to which rules refer."),
            "name": {"enum": ["domain", "turn-domain"]},
            "port": {"type": "integer", "minimum": 1, "maximum": 65_535},
            "feature": word::<Feature>("The feature without which nothing is demanded of it."),
            "service": text("What answers behind the proxy."),
            "web": yes_or_no("Whether it speaks HTTP."),
        }),
    )
}

fn face() -> Value {
    closed(
        &["id", "who", "says", "whose", "means"],
        json!({
            "id": text("The id."),
            "who": text("Who answers."),
            "says": text("The intention."),
            "whose": text("Whose it is."),
            "status": list(json!({"type": "integer"})),
            "server": text("How the Server header begins."),
            "header": text("The name of a header."),
            "title": text("Words of the title."),
            "body": text("Words of the body."),
            "text": text("Words of the text."),
            "location": text("Words of the Location header."),
            "empty": yes_or_no("Whether the body is empty."),
            "means": text("What it means."),
            "remedy": reference("steps"),
        }),
    )
}

fn trouble() -> Value {
    closed(
        &["id", "people-say", "cause"],
        json!({
            "id": text("The id."),
            "people-say": texts("The words that people use."),
            "words": texts("Words that lead to it."),
            "codes": texts("Codes that lead to it."),
            "cause": text("The cause."),
            "first": text("What to do first."),
            "reported-in": texts("Where it was reported."),
            "seen": list(closed(
                &["rules"],
                json!({
                    "rules": texts("Rules that detect it."),
                    "from": words::<Zone>("The zones from which they do."),
                    "lab": text("A situation of the laboratory that shows it."),
                    "demo": text("A fault of the demo that shows it."),
                    "test": text("A test that shows it."),
                }),
            )),
            "not-seen": text("Why no rule can detect it."),
        }),
    )
}
