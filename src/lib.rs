//! ovcheck: network diagnostics and compliance checks for OpenVidu deployments behind an external
//! proxy.
//!
//! # One run is four steps over plain data
//!
//! ```text
//!  deployment (flags, ovcheck.toml)    rules/*.toml      now
//!             │                             │             │
//!             └─────────────┬───────────────┘             │
//!                           ▼                             │
//!  1  plan      names to resolve ─► DNS ─► resolution     │
//!                           ▼                             │
//!               checks, probes, skipped tests and why     │
//!                           ▼                             │
//!  2  runner    the only step that touches the network    │
//!                           ▼                             │
//!               observations: facts without a verdict     │
//!                           ▼                             ▼
//!  3  evaluate  checks and observations ─► findings ◄─────┘
//!                           ▼               data: a verdict, what was seen and expected,
//!                           ▼               a target, texts of the rule filled in
//!  4  output    report ─► words ─► table, JSON       and, separately, the exit status
//! ```
//!
//! 1. [`plan::build`] decides which checks a run makes, which probes they need, and which tests are
//!    skipped. This step is pure, as are the third and the fourth.
//! 2. [`runner::run`] makes all probes at the same time and returns one
//!    [`Observation`](model::observation::Observation) for each, whatever happens. A refusal, an alert
//!    and silence are facts. A problem of this machine is
//!    [`Blindness`](model::observation::Blindness) and says nothing about the deployment.
//! 3. [`evaluate::evaluate`] gives each check a [`Verdict`](model::verdict::Verdict): pass, fail,
//!    inconclusive or not applicable. A pass or fail has a confidence, which says how strong the
//!    evidence is. A check that fails has one finding for each violation that is mended apart. The
//!    facts of a call are read once, as a ladder of steps; rules and the summary of `ovcheck call`
//!    share it. What was seen stays data ([`Seen`](model::seen::Seen)): judges make no sentence, and
//!    a finding's [`Fingerprint`](model::fingerprint::Fingerprint) holds no word.
//! 4. [`output`] makes the words ([`output::words`]) and writes the
//!    [`Report`](model::report::Report); it decides nothing. The texts of rules (what a violation
//!    means, and what to do, by reason) are data in `rules/`. [`exit::ExitStatus::of`] computes the
//!    exit status from the report.
//!
//! Between the third and the fourth step, [`gate`] marks the violations that are waived ([`waivers`]) or
//! known to the report of a former run ([`stored`]). It changes no verdict. [`compare`] says what changed
//! between two such reports.
//!
//! [`app`] connects the steps, and [`cli`] is the command line around it.
//!
//! # Terms
//!
//! A [`Deployment`](model::deployment::Deployment) is what the operator *claims*, a
//! [`Rule`](model::rule::Rule) is what the guide *demands*, and an observation is what ovcheck *saw*. A
//! [`Finding`](model::report::Finding) combines the three. A [`Check`](model::plan::Check) applies one
//! rule to one [`Target`](model::target::Target) from one [`Vantage`](model::vantage::Vantage). All
//! terms are defined in [`model`].
//!
//! # Dependencies between modules
//!
//! ```text
//! main ─► cli ─┬─► serve ─► app, gate, output, exit, waivers
//!              ├─► app ──┬─► plan ─────► ruleset ──┐
//!              │         ├─► runner ─► probe ─► proto
//!              │         │               └────► net ─┤
//!              │         ├─► evaluate ─► ruleset     ├─► model
//!              │         └─► config ─► proto ───────┤
//!              ├─► gate, output, exit ───────────────┤
//!              ├─► waivers, stored, compare, store ──┤
//!              └─► demo (servers only; no rule, no probe)
//! ```
//!
//! [`serve`] answers over HTTP with the results of runs, for Prometheus and for people. [`store`] keeps them in a file.
//!
//! Configuration files are read by [`lint`]: bytes in, facts out. It follows connections through a proxy's.
//!
//! Files that the user named are read by [`input`] alone, within limits. Only [`net`], [`demo`] and [`serve`] open
//! sockets, only [`net::clock`] reads the clock, and only [`cli`] and
//! `main` print. [`evaluate`] also reads LiveKit's refusals, which [`proto`] recognises.
//! `tests/layers.rs` and `clippy.toml` enforce these boundaries.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod compare;
pub mod complaint;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod evaluate;
pub mod exit;
pub mod gate;
pub mod input;
pub mod lint;
pub mod model;
pub mod net;
pub mod output;
pub mod plan;
pub mod probe;
pub mod proto;
pub mod record;
pub mod redact;
#[cfg(target_os = "linux")]
pub mod responder;
pub mod ruleset;
pub mod runner;
pub mod serve;
pub mod store;
pub mod stored;
pub mod waivers;
