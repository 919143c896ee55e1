//! What a run would do, for people: `ovcheck plan`.

use std::io::{self, Write};

use crate::model::context::RunContext;
use crate::model::deployment::Edition;
use crate::model::plan::{Ask, Check, Plan, ProbeIndex};
use crate::model::probe::SweepLoad;
use crate::model::vantage::Vantage;
use crate::model::verdict::Severity;

use super::page::{Ink, Page};
use super::text::{clean, counted};
use super::words::edition::of_plan as edition_words;
use super::words::numbers::thousands;
use super::words::plan as words;
use super::{Style, Verbosity, place, settings, vantage};

/// Writes where ovcheck runs and with which settings, the checks by family, the probes they need, and what is left out and why.
///
/// # Errors
/// Those of `out`.
pub fn write(
    plan: &Plan,
    (seen_from, context, edition): (&Vantage, &RunContext, Edition),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    match style.verbosity {
        Verbosity::Quiet => {}
        Verbosity::Normal | Verbosity::Verbose => {
            page.hanging(&[], 0, &vantage::from(seen_from))?;
            settings::write(context, &mut page)?;
            for words in edition_words(edition, context.options.edition.by) {
                page.hanging(&[], 0, &words)?;
            }
            page.blank()?;
            checks(plan, &mut page)?;
            probes(plan, &mut page)?;
            sweeps(plan, context, &mut page)?;
            left_out(plan, &mut page)?;
        }
    }
    count(plan, &mut page)?;
    out.flush()
}

/// Checks of one rule that ask the same, in the order of the plan.
struct Asked<'a> {
    first: &'a Check,
    /// The places, each with the checks at its addresses.
    places: Vec<(String, Vec<&'a Check>)>,
}

fn checks(plan: &Plan, page: &mut Page<'_>) -> io::Result<()> {
    let mut family = "";
    for asked in asked(plan) {
        if asked.first.rule.family() != family {
            if !family.is_empty() {
                page.blank()?;
            }
            family = asked.first.rule.family();
            page.line(&[(Ink::Strong, family)])?;
        }
        let ask = in_words(asked.first);
        page.edges(
            &[(Ink::Plain, "  "), (Ink::Plain, asked.first.rule.as_str())],
            (Ink::Faint, &ask),
        )?;
        for (name, checks) in &asked.places {
            let addresses = place::addresses(checks.iter().map(|check| &check.target));
            page.beside(6, name, &addresses)?;
        }
        if let Some(why) = why_not(&asked.first.ask) {
            page.beside(6, &format!("not checked: {}", clean(&why)), "")?;
        }
    }
    page.blank()
}

fn asked(plan: &Plan) -> Vec<Asked<'_>> {
    let mut all: Vec<Asked<'_>> = Vec::new();
    for check in &plan.checks {
        let same = |asked: &&mut Asked<'_>| {
            let first = asked.first;
            first.rule == check.rule && first.ask == check.ask && first.severity == check.severity
        };
        let at = all.iter().position(|known| known.first.rule == check.rule);
        let asked = match all.iter_mut().find(same) {
            Some(asked) => asked,
            None => {
                // Beside the other checks of the rule.
                let after = at.map_or(all.len(), |at| {
                    let more = all[at..].iter();
                    at + more.take_while(|asked| asked.first.rule == check.rule).count()
                });
                let places = Vec::new();
                all.insert(after, Asked { first: check, places });
                &mut all[after]
            }
        };
        let name = place::name(&check.target);
        match asked.places.iter_mut().find(|(known, _)| *known == name) {
            Some((_, checks)) => checks.push(check),
            None => asked.places.push((name, vec![check])),
        }
    }
    all
}

/// Why nothing is asked.
fn why_not(ask: &Ask) -> Option<String> {
    match ask {
        Ask::Nothing(why) => Some(words::not_asked(why)),
        Ask::Undeclared(role) => Some(words::undeclared(*role)),
        Ask::Demand
        | Ask::MustBeOpen
        | Ask::MustBeClosed
        | Ask::NeedNotBeOpen(_)
        | Ask::EitherWay(_) => None,
    }
}

/// What is asked, and how bad it is when the answer is no.
fn in_words(check: &Check) -> String {
    let severity = check.severity;
    match &check.ask {
        Ask::Demand => severity.to_string(),
        Ask::MustBeOpen => format!("must be open · {severity}"),
        Ask::MustBeClosed => format!("must be closed · {severity}"),
        Ask::NeedNotBeOpen(_) => {
            let told = match severity {
                Severity::Error | Severity::Warning => severity.to_string(),
                Severity::Info => "information only".to_owned(),
            };
            format!("need not be open · {told}")
        }
        Ask::EitherWay(condition) => {
            format!("open or closed: {condition} not declared · information only")
        }
        Ask::Nothing(_) => "not applicable".to_owned(),
        Ask::Undeclared(_) => format!("cannot be checked · {severity}"),
    }
}

fn probes(plan: &Plan, page: &mut Page<'_>) -> io::Result<()> {
    if plan.probes.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, "probes")])?;
    for (index, probe) in plan.probes.iter().enumerate() {
        let id = format!("  {}", ProbeIndex(index));
        page.hanging(&[(Ink::Faint, &id)], 11, &probe.to_string())?;
    }
    page.blank()
}

/// What is sent to ranges of which every port is asked.
fn sweeps(plan: &Plan, context: &RunContext, page: &mut Page<'_>) -> io::Result<()> {
    let load = SweepLoad::of(&plan.probes);
    if load.addresses == 0 {
        return Ok(());
    }
    let SweepLoad { addresses, datagrams } = load;
    let rate = context.options.udp_rate;
    let places = match addresses {
        1 => "1 address".to_owned(),
        _ => format!("{} addresses", thousands(addresses as usize)),
    };
    page.line(&[(Ink::Strong, "UDP ranges tested port by port")])?;
    let sent = format!(
        "up to {} datagrams to {places}, at most {} per second in all and {} to one address: {:.1} seconds",
        thousands(datagrams as usize),
        thousands(rate.per_second() as usize),
        thousands(rate.of_address().per_second() as usize),
        load.longest(rate).as_secs_f64()
    );
    page.hanging(&[(Ink::Faint, "  ·")], 4, &sent)?;
    let allowed = "only addresses at which something of this deployment answers during the run, or that \
                   --sweep names";
    page.hanging(&[(Ink::Faint, "  ·")], 4, allowed)?;
    if datagrams > SweepLoad::MOST_UNASKED && !context.options.allow_large_sweep {
        let flag = format!(
            "more than {}: the check requires --allow-large-sweep",
            thousands(SweepLoad::MOST_UNASKED as usize)
        );
        page.hanging(&[(Ink::Faint, "  ·")], 4, &flag)?;
    }
    page.blank()
}

fn left_out(plan: &Plan, page: &mut Page<'_>) -> io::Result<()> {
    if plan.left_out.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, "not tested")])?;
    for item in super::table::left_out_in_words(&plan.left_out) {
        page.hanging(&[(Ink::Faint, "  ·")], 4, &item)?;
    }
    page.blank()
}

fn count(plan: &Plan, page: &mut Page<'_>) -> io::Result<()> {
    let nothing = |check: &&Check| matches!(check.ask, Ask::Nothing(_));
    let idle = plan.checks.iter().filter(nothing).count();
    let rules: std::collections::BTreeSet<_> = plan.checks.iter().map(|c| &c.rule).collect();
    let mut line = format!(
        "{} of {}, {}, {} not tested",
        counted(plan.checks.len(), "check"),
        counted(rules.len(), "rule"),
        counted(plan.probes.len(), "probe"),
        plan.left_out.len()
    );
    if idle > 0 {
        line.push_str(&format!(" · {} not applicable here", counted(idle, "check")));
    }
    page.line(&[(Ink::Plain, &line)])
}
