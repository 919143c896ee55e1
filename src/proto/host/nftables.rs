//! The listing of `nft -j list ruleset` (libnftables-json(5)).

use std::collections::HashMap;

use serde_json::Value;

use super::{block, port_range, ports};
use crate::model::facts::{
    Action, BlockList, ChainHook, Condition, ConnectionStates, FilterChain, FilterRule, HookPoint,
    InterfaceNames, NetworkBlock, Policy, PortSet, ProtocolList, ServerText,
};
use crate::model::port::Transport;
use crate::model::target::Family;

/// The most elements of a set, and the most rules of a chain, that are kept.
const MOST: usize = 65_536;

/// The text of each rule of `nft -a list ruleset`, by table, chain and handle.
#[derive(Debug, Default)]
pub struct RuleTexts(HashMap<(String, String, u64), String>);

impl RuleTexts {
    /// Reads the listing. What it does not understand has no text.
    pub fn read(listing: &str) -> Self {
        let mut texts = HashMap::new();
        let (mut table, mut chain) = (String::new(), String::new());
        for line in listing.lines() {
            let line = line.trim();
            let (code, handle) = match line.rsplit_once(" # handle ") {
                Some((code, handle)) => (code.trim(), handle.parse::<u64>().ok()),
                None => (line, None),
            };
            let head = code.strip_suffix('{').map(str::trim);
            if let Some(name) = head.and_then(|head| head.strip_prefix("table ")) {
                name.clone_into(&mut table);
            } else if let Some(name) = head.and_then(|head| head.strip_prefix("chain ")) {
                name.clone_into(&mut chain);
            } else if let Some(handle) = handle {
                texts.insert((table.clone(), chain.clone(), handle), code.to_owned());
            }
        }
        Self(texts)
    }

    fn of(&self, table: &str, chain: &str, handle: u64) -> Option<&str> {
        self.0.get(&(table.to_owned(), chain.to_owned(), handle)).map(String::as_str)
    }
}

/// The chains of a listing, without the tables that iptables lists itself (`ip filter`): its own listing
/// says more about them. `None`: it is no listing.
pub fn chains(
    listing: &[u8],
    texts: &RuleTexts,
    listed_by_iptables: &[String],
) -> Option<Vec<FilterChain>> {
    let listing: Value = serde_json::from_slice(listing).ok()?;
    let objects = listing.get("nftables")?.as_array()?;
    let sets = Sets::of(objects);
    let mut chains: Vec<FilterChain> = Vec::new();
    for object in objects {
        if let Some(chain) = object.get("chain") {
            let is_listed = listed_by_iptables.contains(&table_of(chain)?);
            chains.extend((!is_listed).then(|| chain_of(chain)).flatten());
        }
    }
    for rule in objects.iter().filter_map(|object| object.get("rule")) {
        let table = table_of(rule)?;
        let chain = text(rule, "chain")?;
        let mut all = chains.iter_mut();
        let own = all.find(|it| it.table.unquoted() == table && it.name.unquoted() == chain);
        if let Some(own) = own.filter(|own| own.rules.len() < MOST) {
            let handle = rule.get("handle").and_then(Value::as_u64).unwrap_or(0);
            let line = texts.of(&table, chain, handle);
            let line = line.map_or_else(|| format!("handle {handle}"), str::to_owned);
            let reader = RuleReader { sets: &sets, table: &table };
            own.rules.extend(reader.rules(rule, &ServerText::new(&line)));
        }
    }
    Some(chains)
}

/// A text of an object.
fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// `inet filter`
fn table_of(object: &Value) -> Option<String> {
    Some(format!("{} {}", text(object, "family")?, text(object, "table")?))
}

fn chain_of(chain: &Value) -> Option<FilterChain> {
    let family = match text(chain, "family")? {
        "ip" => Some(Family::V4),
        "ip6" => Some(Family::V6),
        _ => None,
    };
    let point = text(chain, "hook").and_then(|hook| match hook {
        "ingress" => Some(HookPoint::Ingress),
        "prerouting" => Some(HookPoint::Prerouting),
        "input" => Some(HookPoint::Input),
        "output" => Some(HookPoint::Output),
        "postrouting" => Some(HookPoint::Postrouting),
        _ => None,
    });
    // What a bridge forwards is not for this machine, and ARP is another protocol.
    let sees_packets = !matches!(text(chain, "family")?, "bridge" | "arp");
    let policy = if text(chain, "policy") == Some("drop") { Policy::Drop } else { Policy::Accept };
    let hook = point.filter(|_| sees_packets).map(|point| ChainHook {
        point,
        policy,
        translates: text(chain, "type") == Some("nat"),
        device: text(chain, "dev").map(ServerText::new),
    });
    Some(FilterChain {
        table: ServerText::new(&table_of(chain)?),
        name: ServerText::new(text(chain, "name")?),
        family,
        hook,
        rules: Vec::new(),
    })
}

/// The elements of the named sets and maps, by table and name.
struct Sets<'a>(HashMap<(String, &'a str), Vec<&'a Value>>);

impl<'a> Sets<'a> {
    fn of(objects: &'a [Value]) -> Self {
        let mut sets: HashMap<(String, &str), Vec<&Value>> = HashMap::new();
        for object in objects {
            let Some(set) = ["set", "map", "element"].iter().find_map(|kind| object.get(kind))
            else {
                continue;
            };
            let (Some(table), Some(name)) = (table_of(set), text(set, "name")) else { continue };
            let elements = set.get("elem").and_then(Value::as_array);
            let own = sets.entry((table, name)).or_default();
            own.extend(elements.into_iter().flatten().take(MOST));
        }
        Self(sets)
    }

    fn named(&self, table: &str, name: &str) -> Option<Vec<&Value>> {
        let mut all = self.0.iter();
        let (_, elements) = all.find(|((of, own), _)| of == table && *own == name)?;
        Some(elements.clone())
    }
}

/// Reads rules of one table.
struct RuleReader<'a> {
    sets: &'a Sets<'a>,
    table: &'a str,
}

impl RuleReader<'_> {
    /// The rules that a rule stands for: a map of verdicts is one rule for each of its elements.
    fn rules(&self, rule: &Value, line: &ServerText) -> Vec<FilterRule> {
        let of = |conditions: &[Condition], action| FilterRule {
            line: line.clone(),
            conditions: conditions.to_vec(),
            action,
        };
        let mut conditions = Vec::new();
        let mut rules = Vec::new();
        let statements = rule.get("expr").and_then(Value::as_array);
        for statement in statements.into_iter().flatten() {
            match self.statement(statement) {
                Statement::Condition(condition) => conditions.push(condition),
                Statement::Action(action) => rules.push(of(&conditions, action)),
                Statement::Map(entries) => {
                    for (condition, action) in entries {
                        let mut own = conditions.clone();
                        own.extend(condition);
                        rules.push(of(&own, action));
                    }
                }
                Statement::Nothing => {}
            }
        }
        rules
    }

    fn statement(&self, statement: &Value) -> Statement {
        let Some((kind, value)) = statement.as_object().and_then(|it| it.iter().next()) else {
            return Statement::Condition(Condition::Unknown);
        };
        let target = || text(value, "target").map(ServerText::new);
        let action = match kind.as_str() {
            "match" => return Statement::Condition(self.condition(value)),
            "vmap" => return self.verdict_map(value),
            "counter" | "log" | "mangle" | "set" | "ct helper" | "ct timeout" => {
                return Statement::Nothing;
            }
            // The source of what is sent: it is sent all the same.
            "snat" | "masquerade" => Action::Accept,
            "dnat" | "redirect" | "tproxy" => Action::Translate,
            "limit" | "quota" | "ct count" | "meter" | "socket" => {
                return Statement::Condition(Condition::Unknown);
            }
            "xt" => return Statement::Condition(Condition::Unknown),
            "accept" => Action::Accept,
            "drop" | "reject" => Action::Drop,
            "return" => Action::Return,
            "continue" => Action::Continue,
            "jump" => target().map_or(Action::Unknown, Action::Jump),
            "goto" => target().map_or(Action::Unknown, Action::Goto),
            _ => Action::Unknown,
        };
        Statement::Action(action)
    }

    fn verdict_map(&self, value: &Value) -> Statement {
        let (Some(key), Some(data)) = (value.get("key"), value.get("data")) else {
            return Statement::Action(Action::Unknown);
        };
        let Some(elements) = self.elements(data) else {
            return Statement::Action(Action::Unknown);
        };
        let entry = |element: &Value| {
            let pair = element.as_array()?;
            let (matched, verdict) = (pair.first()?, pair.get(1)?);
            let Statement::Action(action) = self.statement(verdict) else { return None };
            if matched.as_str() == Some("*") {
                return Some((None, action));
            }
            Some((Some(self.compare(key, matched, false)), action))
        };
        let unknown = (Some(Condition::Unknown), Action::Unknown);
        Statement::Map(
            elements.iter().map(|it| entry(it).unwrap_or_else(|| unknown.clone())).collect(),
        )
    }

    /// The elements of an anonymous or named set.
    fn elements<'v>(&'v self, set: &'v Value) -> Option<Vec<&'v Value>> {
        if let Some(name) = set.as_str().and_then(|name| name.strip_prefix('@')) {
            return self.sets.named(self.table, name);
        }
        let elements = set.get("set").unwrap_or(set).as_array()?;
        (elements.len() <= MOST).then(|| elements.iter().collect())
    }

    fn condition(&self, value: &Value) -> Condition {
        let (Some(left), Some(right)) = (value.get("left"), value.get("right")) else {
            return Condition::Unknown;
        };
        match text(value, "op") {
            Some("==" | "in") => self.compare(left, right, false),
            Some("!=") => self.compare(left, right, true),
            _ => Condition::Unknown,
        }
    }

    fn compare(&self, left: &Value, right: &Value, negated: bool) -> Condition {
        let found = if let Some(payload) = left.get("payload") {
            self.payload(payload, right, negated)
        } else if let Some(key) = left.get("meta").and_then(|meta| text(meta, "key")) {
            self.meta(key, right, negated)
        } else if let Some(ct) = left.get("ct") {
            self.connection(ct, right, negated)
        } else if let Some(fib) = left.get("fib") {
            of_route(fib, right, negated)
        } else {
            None
        };
        found.unwrap_or(Condition::Unknown)
    }

    fn payload(&self, payload: &Value, right: &Value, negated: bool) -> Option<Condition> {
        let (protocol, field) = (text(payload, "protocol")?, text(payload, "field")?);
        let transport = match protocol {
            "tcp" => Some(Transport::Tcp),
            "udp" => Some(Transport::Udp),
            _ => None,
        };
        Some(match (protocol, field) {
            ("tcp" | "udp" | "th", "dport") => {
                Condition::DestinationPort(transport, self.port_set(right, negated)?)
            }
            ("tcp" | "udp" | "th", "sport") => {
                Condition::SourcePort(transport, self.port_set(right, negated)?)
            }
            ("ip" | "ip6", "saddr") => Condition::Source(self.block_list(right, negated)?),
            ("ip" | "ip6", "daddr") => Condition::Destination(self.block_list(right, negated)?),
            ("ip", "protocol") | ("ip6", "nexthdr") => self.protocols(right, negated)?,
            // Only packets of this protocol have the field, and ours are of another.
            ("icmp" | "icmpv6" | "igmp" | "esp" | "ah" | "comp" | "sctp" | "dccp" | "arp", _) => {
                Condition::Never
            }
            _ => return None,
        })
    }

    fn meta(&self, key: &str, right: &Value, negated: bool) -> Option<Condition> {
        Some(match key {
            "l4proto" => self.protocols(right, negated)?,
            "nfproto" | "protocol" => {
                let families = self.words(right)?.into_iter().map(|word| match word {
                    "ipv4" | "ip" => Some(Family::V4),
                    "ipv6" | "ip6" => Some(Family::V6),
                    _ => None,
                });
                let families: Vec<Family> = families.flatten().collect();
                match (families.as_slice(), negated) {
                    ([one], false) => Condition::Family(*one),
                    ([Family::V4], true) => Condition::Family(Family::V6),
                    ([Family::V6], true) => Condition::Family(Family::V4),
                    ([], false) => Condition::Never,
                    _ => return None,
                }
            }
            "iifname" | "iif" => Condition::InInterface(self.interfaces(right, negated)?),
            "oifname" | "oif" => Condition::OutInterface(self.interfaces(right, negated)?),
            "pkttype" => match (self.words(right)?.contains(&"host"), negated) {
                (false, false) | (true, true) => Condition::Never,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn connection(&self, ct: &Value, right: &Value, negated: bool) -> Option<Condition> {
        let words = self.words(right)?;
        Some(match text(ct, "key")? {
            "state" => Condition::ConnectionState(ConnectionStates {
                holds_new: words.contains(&"new"),
                negated,
            }),
            "direction" => Condition::ConnectionState(ConnectionStates {
                holds_new: words.contains(&"original"),
                negated,
            }),
            // No connection of ours is one of another, or was translated already.
            "status" if !negated && !words.contains(&"confirmed") => Condition::Never,
            _ => return None,
        })
    }

    fn protocols(&self, right: &Value, negated: bool) -> Option<Condition> {
        let transports = self.words(right)?.into_iter().filter_map(|word| match word {
            "tcp" => Some(Transport::Tcp),
            "udp" => Some(Transport::Udp),
            _ => None,
        });
        let numbers = self.numbers(right).into_iter().filter_map(|number| match number {
            6 => Some(Transport::Tcp),
            17 => Some(Transport::Udp),
            _ => None,
        });
        let transports = transports.chain(numbers).collect();
        Some(Condition::Protocol(ProtocolList { transports, negated }))
    }

    fn interfaces(&self, right: &Value, negated: bool) -> Option<InterfaceNames> {
        let names: Vec<ServerText> = self.words(right)?.into_iter().map(ServerText::new).collect();
        (!names.is_empty()).then_some(InterfaceNames { names, negated })
    }

    fn port_set(&self, right: &Value, negated: bool) -> Option<PortSet> {
        let one = |value: &Value| {
            if let Some(number) = value.as_u64() {
                let port = u16::try_from(number).ok()?;
                return Some((port, port));
            }
            if let Some(range) = value.get("range").and_then(Value::as_array) {
                let end = |at: usize| u16::try_from(range.get(at)?.as_u64()?).ok();
                return Some((end(0)?, end(1)?));
            }
            port_range(value.as_str()?, '-')
        };
        let ranges: Option<Vec<_>> = self.values(right)?.into_iter().map(one).collect();
        Some(ports(ranges?, negated))
    }

    fn block_list(&self, right: &Value, negated: bool) -> Option<BlockList> {
        let one = |value: &Value| {
            if let Some(prefix) = value.get("prefix") {
                let length = u32::try_from(prefix.get("len")?.as_u64()?).ok()?;
                return NetworkBlock::of_prefix(text(prefix, "addr")?.parse().ok()?, length);
            }
            if let Some(range) = value.get("range").and_then(Value::as_array) {
                let end = |at: usize| range.get(at)?.as_str()?.parse().ok();
                return Some(NetworkBlock { first: end(0)?, last: end(1)? });
            }
            block(value.as_str()?)
        };
        let blocks: Option<Vec<_>> = self.values(right)?.into_iter().map(one).collect();
        Some(BlockList { blocks: blocks?, negated })
    }

    /// The values of one value, a list or a set; an element with a time or a counter is its value.
    fn values<'v>(&'v self, right: &'v Value) -> Option<Vec<&'v Value>> {
        let is_set = right.is_array()
            || right.get("set").is_some()
            || right.as_str().is_some_and(|name| name.starts_with('@'));
        let all = if is_set { self.elements(right)? } else { vec![right] };
        let value = |element: &'v Value| {
            element.get("elem").and_then(|elem| elem.get("val")).unwrap_or(element)
        };
        Some(all.into_iter().map(value).collect())
    }

    /// The values that are words; `None`: it is a set that is not known, or an expression.
    fn words<'v>(&'v self, right: &'v Value) -> Option<Vec<&'v str>> {
        let values = self.values(right)?;
        let is_expression = values.iter().any(|value| value.is_object() || value.is_array());
        (!is_expression).then(|| values.into_iter().filter_map(Value::as_str).collect())
    }

    fn numbers(&self, right: &Value) -> Vec<u64> {
        self.values(right).into_iter().flatten().filter_map(Value::as_u64).collect()
    }
}

/// What a statement of a rule is.
enum Statement {
    Condition(Condition),
    Action(Action),
    /// What happens to each value; `None`: to all others.
    Map(Vec<(Option<Condition>, Action)>),
    /// Nothing that decides.
    Nothing,
}

/// `fib daddr type local`, `fib saddr . iif oif missing`
fn of_route(fib: &Value, right: &Value, negated: bool) -> Option<Condition> {
    let flags = fib.get("flags")?;
    let has = |wanted: &str| {
        let mut all = flags.as_array().into_iter().flatten();
        flags.as_str() == Some(wanted) || all.any(|flag| flag == wanted)
    };
    let result = text(fib, "result");
    if result == Some("oif") && has("saddr") && has("iif") {
        return right.as_bool().map(|exists| Condition::RoutedBack(exists != negated));
    }
    let is_type = result == Some("type") && has("daddr");
    match (is_type, right.as_str()?) {
        (true, "local") => Some(Condition::ToThisMachine(!negated)),
        (true, "broadcast" | "multicast" | "anycast") if !negated => Some(Condition::Never),
        _ => None,
    }
}
