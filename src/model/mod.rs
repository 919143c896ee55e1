//! The words of ovcheck, as plain data: what is claimed (a [`deployment::Deployment`]), what was
//! asked for (a [`plan::Plan`]), what was seen ([`observation::Observation`]) and what follows
//! from it ([`report::Report`]).
//!
//! Nothing here opens a socket, reads a clock or decides anything.

pub mod address;
pub mod admission;
pub mod call;
pub mod configuration;
pub mod context;
pub mod deployment;
pub mod dial;
pub mod difference;
pub mod edition;
pub mod expected;
pub mod face;
pub mod facts;
pub mod fingerprint;
pub mod front;
pub mod history;
pub mod language;
pub mod livekit_keys;
pub mod name;
pub mod named;
pub mod observation;
pub mod overview;
pub mod plan;
pub mod port;
pub mod prefix;
pub mod premise;
pub mod probe;
pub mod prober;
pub mod proxy;
pub mod reason;
pub mod recording;
pub mod remedy;
pub mod report;
pub mod resolution;
pub mod responder;
pub mod rule;
pub mod secret;
pub mod seen;
pub mod selection;
pub mod stored;
pub mod target;
pub mod timestamp;
pub mod trouble;
pub mod upgrade;
pub mod url;
pub mod vantage;
pub mod vantages;
pub mod verdict;
pub mod via;
pub mod visit;
pub mod waiver;
pub mod word_list;
