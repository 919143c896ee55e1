//! Connects the steps of a run: deployment and rules → names → plan → probes → findings → report.

mod configurations;
mod local_proxy;
mod together;
mod via;
mod visit;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::complaint::{Complaint, Place, help_for_unknown, suggest};
use crate::config::{CheckOptions, Responder, RunConfig};
use crate::evaluate::{self, Case, Observations, Strictness};
use crate::model::context::{RunCommand, RunContext};
use crate::model::deployment::{Deployment, Edition, Node};
use crate::model::dial::StunServer;
use crate::model::edition::{self, ChosenBy, EditionChoice, EditionSign};
use crate::model::facts::Facts;
use crate::model::name::{DomainName, NodeName};
use crate::model::observation::{LocalTrouble, Observation, Outcome};
use crate::model::plan::{LeftOut, Plan, RunScope};
use crate::model::port::Port;
use crate::model::probe::{CallDepth, ProbeSpec, SweepLoad};
use crate::model::recording::{Recording, RecordingHead};
use crate::model::report::{Gate, Report};
use crate::model::resolution::Resolution;
use crate::model::responder::ResponderToken;
use crate::model::rule::Rule;
use crate::model::selection::{Selection, Selector};
use crate::model::target::Family;
use crate::model::timestamp::{Date, Timestamp};
use crate::model::vantage::Vantage;
use crate::model::vantages::Viewpoints;
use crate::net::clock::Clock;
use crate::net::farewell::Farewells;
use crate::net::sweeps::Sweeps;
use crate::net::tls::Roots;
use crate::net::{Configurations, Limits, Network, vantage};
use crate::plan::{self, ConfigurationsRead, Inputs};
use crate::probe::responder;
use crate::ruleset::Ruleset;
use crate::runner::{self, Ending};

pub use configurations::names as names_in_configuration;
pub use local_proxy::ProxyHere;
pub use together::judge_together;
pub use via::{Program, RunsElsewhere, asked_of_machines, begin_elsewhere, for_machines_elsewhere};
pub use visit::{Invitation, NotInvited, VisitTokens, expected_ways, invite};

/// The maximum time that a run waits to leave its rooms, after everything else is done.
const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

/// The same for `ovcheck call`, where a user waits for the result.
const LONGEST_FAREWELL_OF_CALL: Duration = Duration::from_secs(1);

/// A run that has resolved the names and made the plan, but has not probed the deployment yet.
pub struct Prepared {
    pub plan: Plan,
    pub vantage: Vantage,
    deployment: Deployment,
    ruleset: Ruleset,
    net: Network,
    names: runner::Run,
    start: Instant,
    deadline: Instant,
    deadline_is_set: bool,
    seed: u64,
    pub context: RunContext,
    /// What became of the proxy of this machine, if no file of the proxy was named.
    pub proxy_here: Option<ProxyHere>,
}

/// A request to end the run early with a partial report. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// An interrupt and its sender. Sending `true` raises the interrupt.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits until it is raised.
    pub async fn raised(mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            // The sender is gone, so the interrupt can no longer be raised.
            std::future::pending::<()>().await;
        }
    }
}

/// The day in UTC.
pub fn today() -> Date {
    Clock::start().now().day()
}

/// A rule with a deployment's own values in its remedies.
pub fn filled_in(rule: &Rule, config: &RunConfig) -> Rule {
    evaluate::filled_in(rule, &config.deployment)
}

/// The content of the files that a run needs besides its deployment file.
pub struct Files {
    ruleset: Ruleset,
    roots: Roots,
    selection: Selection,
    configurations: Configurations,
}

impl Files {
    /// Reads the rules, the root certificates and the configuration files.
    ///
    /// # Errors
    /// A [`Complaint`] about one of them.
    pub fn read(config: &RunConfig) -> Result<Self, Complaint> {
        let ruleset = Ruleset::chosen(config.rules.as_deref())?;
        let selection = Selection {
            only: select(&config.only, &ruleset, "--only")?,
            skip: select(&config.skip, &ruleset, "--skip")?,
        };
        let configurations =
            configurations::read(&config.configurations, &config.deployment, &ruleset)?;
        let roots = match config.command {
            // Nothing is verified.
            RunCommand::Lint => Roots::empty(),
            _ => roots(config.ca_file.as_deref())?,
        };
        Ok(Self { ruleset, roots, selection, configurations })
    }
}

/// Resolves the names and makes the plan. Sends only DNS queries.
///
/// # Errors
/// A [`Complaint`] about a setting.
pub async fn prepare(
    config: RunConfig,
    files: Files,
    interrupt: &Interrupt,
) -> Result<Prepared, Complaint> {
    let Files { ruleset, roots, selection, configurations } = files;
    let clock = Clock::start();
    let mut context = config.context();
    context.options.selection = selection;
    let start = Instant::now();
    let deadline = start + config.deadline;
    let dns_servers = match config.dns_server {
        Some(server) => vec![server],
        None => vantage::system_dns_servers(),
    };
    let mut net = Network {
        dial: Arc::new(config.dial),
        limits: Limits {
            hold: config.hold,
            udp_rate: config.udp_rate,
            run_ends: Some(deadline),
            ..Limits::with_timeout(config.timeout)
        },
        clock,
        dns_servers: dns_servers.clone().into(),
        roots: Arc::new(roots),
        credentials: config.credentials.map(Arc::new),
        http_proxy: config.http_proxy.map(Arc::new),
        responders: Arc::new(responder_tokens(&config.responders, &config.deployment)),
        configurations,
        farewells: Farewells::default(),
        sweeps: Sweeps::new(config.udp_rate, config.sweep),
    };

    // Resolve the names of the deployment and of the STUN servers outside it together.
    let mut questions = plan::first_questions(&config.deployment, config.command.scope());
    let asked_for_plan = questions.len();
    for server in &config.stun_servers {
        if let StunServer::Name(name, _) = server {
            questions
                .extend(Family::BOTH.map(|family| ProbeSpec::Dns { name: name.clone(), family }));
        }
    }
    let mut names =
        runner::run(&net, &questions, deadline, interrupt.clone().raised(), &mut |_| {}).await;
    let names_of_stun = names.observations.split_off(asked_for_plan);

    let stun_servers = stun_addresses(&config.stun_servers, &names_of_stun);
    let addresses = vantage::own_addresses();
    let stands_on =
        (config.stands_on).unwrap_or_else(|| plan::standing_on(&addresses, &config.deployment));
    let zone = config.zone.unwrap_or_else(|| plan::zone_of(&stands_on, &config.deployment));
    let near = dns_servers
        .iter()
        .chain(&stun_servers)
        .map(SocketAddr::ip)
        .filter(|address| vantage::is_on_own_link(*address))
        .collect();
    let vantage = Vantage {
        name: config.vantage_name,
        zone,
        stands_on,
        addresses,
        dns_servers,
        stun_servers,
        near,
        http_proxy: config.configured_proxy,
    };
    let seed = rand::random();
    let proxy_here = if config.configurations.finds_proxy_here {
        let resolution = Resolution::new(&names.observations, context.options.resolve.clone());
        let here = (&config.deployment, &vantage, &ruleset);
        local_proxy::read(here, &resolution, &mut net, &mut context)
    } else {
        None
    };
    let ground = Ground { deployment: &config.deployment, vantage: &vantage, context: &context };
    let plan = plan_of(ground, &ruleset, seed, &names.observations);
    let mut prepared = Prepared {
        plan,
        deployment: config.deployment,
        ruleset,
        vantage,
        net,
        names,
        start,
        deadline,
        deadline_is_set: config.deadline_is_set,
        seed,
        context,
        proxy_here,
    };
    prepared.give_time();
    Ok(prepared)
}

/// How long the probes for responders may take, which run at the same time, behind all others.
fn responding(probes: &[ProbeSpec], net: &Network) -> Duration {
    let each = probes.iter().filter_map(|probe| match probe {
        ProbeSpec::Responder { ports, .. } => Some(responder::longest(net, ports)),
        _ => None,
    });
    each.sum()
}

impl Prepared {
    /// Lets the run last as long as the sweeps of its plan take, unless its deadline was set.
    fn give_time(&mut self) {
        let load = self.sweep_load();
        let options = &mut self.context.options;
        self.net.limits.sweeping = load.longest(options.udp_rate);
        let for_responders = responding(&self.plan.probes, &self.net);
        if !self.deadline_is_set && (load.addresses > 0 || !for_responders.is_zero()) {
            // What was sent last is answered, or not, behind all that.
            let working = self.net.limits.sweeping * SweepLoad::PATIENCE
                + options.timeout * 3
                + for_responders;
            options.deadline = options.deadline.max(working);
            self.deadline = self.start + options.deadline;
            self.net.limits.run_ends = Some(self.deadline);
        }
    }

    /// Where no edition of the guide is declared, chooses the newest one that fits what the server shows of
    /// its version. Asks it for nothing else, and for nothing where one is declared.
    pub async fn choose_edition(&mut self, interrupt: &Interrupt) {
        if self.context.options.edition.by == ChosenBy::Declared {
            return;
        }
        let questions = self.edition_questions();
        let enough = async {
            tokio::select! {
                () = interrupt.clone().raised() => {}
                // A TURN server that does not answer is what the run itself will tell.
                () = tokio::time::sleep(self.net.limits.timeout / 2) => {}
            }
        };
        let asked = runner::run(&self.net, &questions, self.deadline, enough, &mut |_| {}).await;
        let seen = asked.observations;
        let Some((edition, signs)) = edition_shown(&self.deployment, &seen) else { return };
        self.context.options.edition = EditionChoice { by: ChosenBy::Server, signs };
        self.deployment.edition = edition;
        self.plan = self.planned(&self.context);
        self.give_time();
    }

    /// Whatever the run is asked about.
    fn edition_questions(&self) -> Vec<ProbeSpec> {
        let mut context = self.context.clone();
        context.options.selection = Selection::default();
        plan::edition_questions(&self.planned(&context), &self.ruleset)
    }

    fn planned(&self, context: &RunContext) -> Plan {
        let Self { deployment, vantage, ruleset, seed, names, .. } = self;
        let ground = Ground { deployment, vantage, context };
        plan_of(ground, ruleset, *seed, &names.observations)
    }

    /// The edition of the guide by which the run is judged.
    pub fn edition(&self) -> Edition {
        self.deployment.edition
    }

    /// From which machines the whole of the deployment is seen.
    pub fn viewpoints(&self) -> Viewpoints {
        let Self { deployment, vantage, context, .. } = self;
        let resolve = context.options.resolve.clone();
        let resolution = Resolution::new(&self.names.observations, resolve);
        let ground = Ground { deployment, vantage, context };
        let inputs = plan_inputs(ground, &self.ruleset, &resolution, self.seed);
        let needed = plan::fewest(&inputs, &BTreeSet::new());
        let mut others = plan::standpoints(deployment);
        others.retain(|it| !needed.iter().any(|needed| needed.standpoint == *it));
        let everywhere = |left_out: &&LeftOut| left_out.is_undeclared() || left_out.is_of_call();
        let left_out = self.plan.left_out.iter().filter(everywhere).cloned().collect();
        Viewpoints { needed, others, left_out }
    }

    /// What the sweeps of this run send.
    pub fn sweep_load(&self) -> SweepLoad {
        SweepLoad::of(&self.plan.probes)
    }

    /// How long they take to send, at the rate of the run.
    pub fn sweeping(&self) -> Duration {
        self.net.limits.sweeping
    }

    /// Whether the run may send what it plans to send.
    ///
    /// # Errors
    /// If it is more than a run sends without permission, or than it can send before its deadline.
    pub fn may_run(&self) -> Result<(), Complaint> {
        let (SweepLoad { addresses, datagrams }, options) =
            (self.sweep_load(), &self.context.options);
        if datagrams > SweepLoad::MOST_UNASKED && !options.allow_large_sweep {
            return Err(Complaint::new(
                format!(
                    "this run would send {datagrams} datagrams to the closed UDP ranges of {addresses} \
                     addresses; more than {} need a permission",
                    SweepLoad::MOST_UNASKED
                ),
                Place::Nowhere,
            )
            .with_help(
                "run with --allow-large-sweep, or test fewer nodes at a time; `ovcheck plan` shows what \
                 is sent",
            ));
        }
        if options.deadline < self.sweeping() + options.timeout {
            return Err(Complaint::new(
                format!(
                    "the deadline ({} seconds) is too short to send {datagrams} datagrams at {} per \
                     second, which takes {:.1} seconds",
                    options.deadline.as_secs_f64(),
                    options.udp_rate,
                    self.sweeping().as_secs_f64()
                ),
                Place::Nowhere,
            )
            .with_help("set a longer deadline, or omit --deadline: it then grows with the work"));
        }
        Ok(())
    }
}

/// The newest edition that fits what the server showed, and what that was; `None` where it showed nothing,
/// or what no edition shows.
fn edition_shown(
    deployment: &Deployment,
    seen: &[Observation],
) -> Option<(Edition, Vec<EditionSign>)> {
    let signs = evaluate::edition_signs(seen);
    let edition = edition::newest(deployment, &signs).filter(|_| !signs.is_empty())?;
    Some((edition, signs))
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunProgress {
    /// The probes that have finished.
    pub done: usize,
    pub total: usize,
    /// The datagrams of sweeps that were sent.
    pub sent: u64,
    /// The most that are sent.
    pub datagrams: u64,
}

/// Makes the probes of a prepared run, evaluates the observations and returns the report.
/// `progress` is told now and then how far the run is.
pub async fn check(
    prepared: Prepared,
    options: CheckOptions,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(RunProgress),
) -> Report {
    judge(observe(prepared, interrupt, progress).await, options)
}

/// Judges the runs of several machines, and says which are missing.
pub fn judge_all(runs: Vec<Observed>, missing: Vec<LeftOut>, options: CheckOptions) -> Report {
    let mut report = judge_together(runs, options);
    report.complete &= missing.is_empty();
    report.not_tested.extend(missing);
    report
}

/// A run that has seen everything, and is not judged yet.
pub struct Observed {
    pub recording: Recording,
    plan: Plan,
    ruleset: Ruleset,
}

/// Makes the probes of a prepared run. `progress` is told now and then how far it is.
pub async fn observe(
    prepared: Prepared,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(RunProgress),
) -> Observed {
    let Prepared {
        plan, deployment, ruleset, vantage, net, names, deadline, seed, context, ..
    } = prepared;
    // The plan begins with the DNS queries, which `prepare` has already made.
    let open = &plan.probes[names.observations.len()..];
    let is_for_responder = |spec: &ProbeSpec| matches!(spec, ProbeSpec::Responder { .. });
    let (open, for_responders) =
        open.split_at(open.partition_point(|spec| !is_for_responder(spec)));
    let total = open.len();
    let datagrams = SweepLoad::of(open).datagrams.into();
    let probed = runner::run(&net, open, deadline, interrupt.clone().raised(), &mut |done| {
        progress(RunProgress { done, total, sent: net.sweeps.sent(), datagrams });
    })
    .await;
    let mut observations: Vec<Observation> = names.observations;
    observations.extend(probed.observations);
    let mut endings = vec![names.ending, probed.ending];
    // `None` is the least: the round in which the machine was slowest counts for all.
    let mut late_by = names.late_by.max(probed.late_by);
    // When the others are over: its probes draw ICMP errors, of which a node has few, and by which the
    // others tell a closed port from an open one.
    let raised = interrupt.clone().raised();
    let told = runner::run(&net, for_responders, deadline, raised, &mut |_| {}).await;
    observations.extend(told.observations);
    late_by = late_by.max(told.late_by);
    endings.push(told.ending);
    if endings.iter().all(|ending| *ending == Ending::Complete) {
        let again = match context.command.scope() {
            RunScope::Whole => plan::again(&observations),
            RunScope::Call => plan::again_after_call(&observations).into_iter().collect(),
            RunScope::Host | RunScope::Lint => Vec::new(),
        };
        let answered =
            runner::run(&net, &again, deadline, interrupt.clone().raised(), &mut |_| {}).await;
        observations.extend(answered.observations);
        late_by = late_by.max(answered.late_by);
        // A control that the deadline cuts off counts as not made.
        endings.extend((answered.ending == Ending::Interrupted).then_some(answered.ending));
    }
    // An interrupted run also leaves the rooms that it joined.
    let longest = match context.command.scope() {
        RunScope::Whole | RunScope::Host | RunScope::Lint => LONGEST_FAREWELL,
        RunScope::Call => LONGEST_FAREWELL_OF_CALL,
    };
    net.farewells.wait(longest).await;
    let recording = Recording {
        recording: RecordingHead {
            version: RecordingHead::VERSION,
            ovcheck: env!("CARGO_PKG_VERSION").to_owned(),
            ruleset: ruleset.digest.clone(),
        },
        started_at: net.clock.started_at(),
        duration: net.clock.elapsed(),
        judged_at: net.clock.now(),
        complete: endings.iter().all(|ending| *ending == Ending::Complete),
        interrupted: endings.contains(&Ending::Interrupted),
        deployment,
        context,
        vantage,
        seed,
        late_by,
        observations,
    };
    Observed { recording, plan, ruleset }.of_edition_seen()
}

impl Observed {
    /// What a call asks is the same in every edition, so that nothing has to be asked before: what it saw
    /// chooses the edition by which it is judged, if none is declared.
    fn of_edition_seen(mut self) -> Self {
        let Recording { deployment, context, vantage, seed, observations, .. } =
            &mut self.recording;
        let is_open = context.options.edition.by == ChosenBy::Default;
        let Some((edition, signs)) = edition_shown(deployment, observations).filter(|_| is_open)
        else {
            return self;
        };
        context.options.edition = EditionChoice { by: ChosenBy::Server, signs };
        if deployment.edition != edition {
            deployment.edition = edition;
            let asked_first = plan::questions(deployment).len().min(observations.len());
            let ground = Ground { deployment, vantage, context };
            self.plan = plan_of(ground, &self.ruleset, *seed, &observations[..asked_first]);
            *observations = in_order_of(&self.plan, std::mem::take(observations));
        }
        self
    }
}

/// Makes the plan of a recording once more, and gives each of its probes what was seen then. `path` is the
/// file of the recording.
///
/// # Errors
/// If the edition of the guide does not have the policy of the deployment.
pub fn replay(
    recording: Recording,
    path: &str,
    ruleset: Ruleset,
    edition: Option<Edition>,
) -> Result<Observed, Complaint> {
    let mut recording = recording;
    if let Some(edition) = edition {
        recording.deployment.edition = edition;
        recording.context.options.edition = EditionChoice::by(ChosenBy::Declared);
    }
    let Deployment { edition, policy, .. } = recording.deployment;
    if !edition.policies().contains(&policy) {
        let message = format!("edition {edition} of the guide has no policy {policy}");
        return Err(Complaint::new(message, Place::Flag("--guide".to_owned()))
            .with_help("evaluate it with the edition of the recording: omit --guide"));
    }
    recording.context.files.recording = Some(path.to_owned());
    let Recording { deployment, context, vantage, seed, observations, .. } = &mut recording;
    let questions = plan::first_questions(deployment, context.command.scope());
    let asked_first = questions.len().min(observations.len());
    let ground = Ground { deployment, vantage, context };
    let plan = plan_of(ground, &ruleset, *seed, &observations[..asked_first]);
    *observations = in_order_of(&plan, std::mem::take(observations));
    Ok(Observed { recording, plan, ruleset })
}

/// An observation for each probe of the plan, in its order, and behind them the others. What was not asked
/// then is not known.
fn in_order_of(plan: &Plan, recorded: Vec<Observation>) -> Vec<Observation> {
    let mut recorded: Vec<Option<Observation>> = recorded.into_iter().map(Some).collect();
    let mut places: BTreeMap<ProbeSpec, VecDeque<usize>> = BTreeMap::new();
    for (place, observation) in recorded.iter().enumerate() {
        let spec = observation.as_ref().map(|observation| observation.spec.clone());
        places.entry(spec.expect("none is taken yet")).or_default().push_back(place);
    }
    let mut ordered: Vec<Observation> = (plan.probes.iter())
        .map(|spec| {
            let place = places.get_mut(spec).and_then(VecDeque::pop_front);
            place.and_then(|place| recorded[place].take()).unwrap_or_else(|| Observation {
                spec: spec.clone(),
                started: Duration::ZERO,
                took: Duration::ZERO,
                attempts: 1,
                outcome: Outcome::Blind(LocalTrouble::NothingAsked.into()),
            })
        })
        .collect();
    ordered.extend(recorded.into_iter().flatten());
    ordered
}

/// What a plan is made from, besides the rules and what DNS says.
#[derive(Clone, Copy)]
struct Ground<'a> {
    deployment: &'a Deployment,
    vantage: &'a Vantage,
    context: &'a RunContext,
}

/// The plan of a run in which DNS said this.
fn plan_of(ground: Ground<'_>, ruleset: &Ruleset, seed: u64, names: &[Observation]) -> Plan {
    let resolution = Resolution::new(names, ground.context.options.resolve.clone());
    let mut plan = plan::build(&plan_inputs(ground, ruleset, &resolution, seed));
    plan.left_out.extend(resolution.gaps());
    plan
}

fn plan_inputs<'a>(
    ground: Ground<'a>,
    ruleset: &'a Ruleset,
    resolution: &'a Resolution,
    seed: u64,
) -> Inputs<'a> {
    let Ground { deployment, vantage, context } = ground;
    Inputs {
        deployment,
        ruleset,
        vantage,
        resolution,
        seed,
        find_extent: context.options.find_extent,
        call: depth_of_call(context),
        scope: context.command.scope(),
        responders: &context.options.responder,
        selection: &context.options.selection,
        configurations: ConfigurationsRead {
            proxy: !context.files.proxy_config.is_empty(),
            openvidu: !context.files.openvidu_config.is_empty(),
        },
    }
}

/// How far the call of a run goes; `None`: there are no credentials for one.
fn depth_of_call(context: &RunContext) -> Option<CallDepth> {
    let options = &context.options;
    let depth = if options.deep { CallDepth::Dtls } else { CallDepth::Checks };
    options.credentials.map(|_| depth)
}

fn strictness(options: CheckOptions) -> Strictness {
    if options.require_proof { Strictness::ProofOnly } else { Strictness::Likely }
}

/// What there is to judge of a run.
fn case_of<'a>(
    (deployment, vantage, now): (&'a Deployment, &'a Vantage, Timestamp),
    ruleset: &'a Ruleset,
    plan: &'a Plan,
    observations: &'a Observations,
    options: CheckOptions,
) -> Case<'a> {
    let strictness = strictness(options);
    Case { deployment, ruleset, vantage, plan, observations, now, strictness }
}

/// Evaluates what a run saw.
pub fn judge(observed: Observed, options: CheckOptions) -> Report {
    let Observed { recording, plan, ruleset } = observed;
    let Recording {
        recording: _,
        started_at,
        duration,
        judged_at,
        complete,
        interrupted,
        deployment,
        context,
        vantage,
        seed: _,
        late_by,
        observations,
    } = recording;
    let mut observations = Observations::new(observations);
    observations.late_by = late_by;
    let ground = (&deployment, &vantage, judged_at);
    let case = case_of(ground, &ruleset, &plan, &observations, options);
    let mut findings = evaluate::evaluate(&case);
    let call = evaluate::call_summary(&case);
    let overview = evaluate::overview(&findings, &observations);
    // What the others rest on is judged, too, and is not what the run was asked about.
    findings.retain(|finding| context.options.selection.takes(&finding.rule));
    Report {
        tool_version: env!("CARGO_PKG_VERSION"),
        started_at,
        duration,
        complete,
        ruleset_digest: ruleset.digest,
        deployment,
        context,
        vantage,
        vantages: Vec::new(),
        overview,
        findings,
        observations: observations.into_all(),
        not_tested: plan.left_out,
        call,
        waivers: Vec::new(),
        gate: Gate { interrupted, ..options.gate() },
    }
}

/// The tokens of responders by every address of their nodes.
fn responder_tokens(
    responders: &[Responder],
    deployment: &Deployment,
) -> HashMap<IpAddr, ResponderToken> {
    let of_node = |responder: &Responder| {
        let nodes = deployment.nodes.iter().filter(|node| node.name == responder.node);
        let addresses = nodes.flat_map(Node::every_address);
        addresses.map(|address| (*address, responder.token.clone())).collect::<Vec<_>>()
    };
    responders.iter().flat_map(of_node).collect()
}

/// The families and rules that these words name.
fn select(
    words: &[String],
    ruleset: &Ruleset,
    flag: &'static str,
) -> Result<Vec<Selector>, Complaint> {
    words.iter().map(|word| selector(word, ruleset, flag)).collect()
}

fn selector(word: &str, ruleset: &Ruleset, flag: &'static str) -> Result<Selector, Complaint> {
    let rules = &ruleset.rules;
    if let Some(rule) = rules.iter().find(|rule| rule.is_named(word)) {
        return Ok(Selector::Rule(rule.id.clone()));
    }
    let mut families: Vec<&str> = rules.iter().map(|rule| rule.id.family()).collect();
    families.dedup();
    if families.contains(&word) {
        return Ok(Selector::Family(word.to_owned()));
    }
    let message = format!("unknown family or rule \"{word}\"");
    let ids = rules.iter().map(|rule| rule.id.as_str());
    let help = match suggest(word, ids.chain(families.iter().copied())) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => {
            format!("the families are {}; `ovcheck rules` lists the rules", families.join(", "))
        }
    };
    Err(Complaint::new(message, Place::Flag(flag.to_owned())).with_help(help))
}

/// The root certificates to verify chains with: the machine's, and those of `--ca-file` if set.
fn roots(file: Option<&Path>) -> Result<Roots, Complaint> {
    match file {
        None => Ok(Roots::system()),
        Some(file) => Roots::system_and(file).map_err(|error| Complaint {
            message: error.to_string(),
            place: Place::Nowhere,
            help: Some("--ca-file requires a PEM file with root certificates".to_owned()),
        }),
    }
}

/// The same configuration for a run about this machine, which sends nothing. Without the name of a node,
/// its addresses say which nodes it is.
///
/// # Errors
/// If nobody can tell which nodes this machine is.
pub fn for_machine(config: RunConfig, machine: Option<&NodeName>) -> Result<RunConfig, Complaint> {
    let nodes = &config.deployment.nodes;
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let flag = || Place::Flag("--machine".to_owned());
    let stands_on = match machine {
        Some(name) => {
            let own = nodes.iter().find(|node| node.name == *name).ok_or_else(|| {
                Complaint::new("no node has this name", flag())
                    .with_help(help_for_unknown(name.as_str(), &names))
            })?;
            let addresses: Vec<IpAddr> = own.every_address().copied().collect();
            let mut all = plan::standing_on(&addresses, &config.deployment);
            if all.is_empty() {
                all.push(own.name.clone());
            }
            all
        }
        None => plan::standing_on(&vantage::own_addresses(), &config.deployment),
    };
    if stands_on.is_empty() {
        let message = "no declared node has an address of this machine";
        return Err(Complaint::new(message, Place::Nowhere).with_help(match names.as_slice() {
            [] => {
                "declare all machines: --node NAME=ADDRESS, or [nodes] in ovcheck.toml".to_owned()
            }
            names => format!("name the node: --machine NODE ({})", names.join(", ")),
        }));
    }
    Ok(RunConfig {
        command: RunCommand::Host,
        stands_on: Some(stands_on),
        credentials: None,
        stun_servers: Vec::new(),
        ..config
    })
}

/// The addresses of the STUN servers outside the deployment. A name gives one address per family.
fn stun_addresses(servers: &[StunServer], answers: &[Observation]) -> Vec<SocketAddr> {
    let of_name = |asked: &DomainName, port: Port| {
        answers
            .iter()
            .filter_map(|observation| match (&observation.spec, &observation.outcome) {
                (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts))) if name == asked => {
                    facts.addresses.first()
                }
                _ => None,
            })
            .map(|address| SocketAddr::new(*address, port.number()))
            .collect::<Vec<_>>()
    };
    servers
        .iter()
        .flat_map(|server| match server {
            StunServer::Address(address) => vec![*address],
            StunServer::Name(name, port) => of_name(name, *port),
        })
        .collect()
}
