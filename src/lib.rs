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
//!  1  plan      names to ask for ─► DNS ─► resolution     │
//!                           ▼                             │
//!               checks, probes, what is left out and why  │
//!                           ▼                             │
//!  2  runner    the only step that touches the network    │
//!                           ▼                             │
//!               observations: what was seen, no judgement │
//!                           ▼                             ▼
//!  3  evaluate  checks and observations ─► findings ◄─────┘
//!                           ▼
//!  4  output    report ─► table, JSON       and, apart from it, the exit status
//! ```
//!
//! 1. [`plan::build`] decides which checks a run makes, which probes they need, and what is left
//!    out. It is pure, and so are the third and the fourth step.
//! 2. [`runner::run`] makes all probes at the same time and brings one
//!    [`Observation`](model::observation::Observation) for each, whatever happens: a refusal, an
//!    alert and silence are facts; that we could not look is
//!    [`Blindness`](model::observation::Blindness), and says nothing about the deployment.
//! 3. [`evaluate::evaluate`] gives each check exactly one [`Verdict`](model::verdict::Verdict):
//!    pass, fail, inconclusive or not applicable. Pass and fail say how far the packets carry them.
//! 4. [`output`] writes the [`Report`](model::report::Report), and [`exit::ExitStatus::of`] reads
//!    from it what a pipeline gets.
//!
//! [`app`] wires the steps; [`cli`] is the command line around it.
//!
//! # Words
//!
//! What is *claimed* is a [`Deployment`](model::deployment::Deployment), what is *demanded* a
//! [`Rule`](model::rule::Rule), what was *seen* an observation; a
//! [`Finding`](model::report::Finding) is where they meet. A [`Check`](model::plan::Check) is one
//! rule on one [`Target`](model::target::Target), seen from one
//! [`Vantage`](model::vantage::Vantage). All words are in [`model`].
//!
//! # Who may know whom
//!
//! ```text
//! main ─► cli ─┬─► app ──┬─► plan ─────► ruleset ──┐
//!              │         ├─► runner ─► probe ─► proto
//!              │         │               └────► net ─┤
//!              │         ├─► evaluate ─► ruleset     ├─► model
//!              │         └─► config ─► proto ───────┤
//!              ├─► output, exit ─────────────────────┤
//!              └─► demo (servers only; no rule, no probe)
//! ```
//!
//! Sockets are opened in [`net`] and [`demo`], the clock is read in [`net::clock`], something is
//! printed in [`cli`] and `main`. `tests/layers.rs` and `clippy.toml` hold that.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod complaint;
pub mod config;
pub mod demo;
pub mod evaluate;
pub mod exit;
pub mod model;
pub mod net;
pub mod output;
pub mod plan;
pub mod probe;
pub mod proto;
pub mod ruleset;
pub mod runner;
