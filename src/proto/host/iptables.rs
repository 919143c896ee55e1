//! The listing of `iptables-save` and `ip6tables-save`.

use super::{block, port_range, ports};
use crate::model::facts::{
    Action, BlockList, ChainHook, Condition, ConnectionStates, FilterChain, FilterRule, HookPoint,
    InterfaceNames, Policy, ProtocolList, ServerText,
};
use crate::model::port::Transport;
use crate::model::target::Family;

/// Whether the rules of a listing are kept in the kernel's nftables, where they are listed too.
pub fn is_kept_by_nftables(listing: &str) -> bool {
    listing.lines().take(3).any(|line| line.starts_with('#') && line.contains("(nf_tables)"))
}

/// The tables of a listing as nftables names them: `ip filter`.
pub fn tables(listing: &str, family: Family) -> Vec<String> {
    let word = match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    let names = listing.lines().filter_map(|line| line.strip_prefix('*'));
    names.map(|name| format!("{word} {}", name.trim())).collect()
}

/// The most rules that are kept.
const MOST_RULES: usize = 65_536;

/// The chains of a listing. `None`: it is not one.
pub fn chains(listing: &str, family: Family, listed_by: &str) -> Option<Vec<FilterChain>> {
    let mut chains: Vec<FilterChain> = Vec::new();
    let mut table = None;
    for line in listing.lines().map(str::trim).take(MOST_RULES) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('*') {
            table = Some(name.to_owned());
        } else if line == "COMMIT" {
            table = None;
        } else if let Some(declared) = line.strip_prefix(':') {
            chains.push(chain(declared, table.as_deref()?, family, listed_by)?);
        } else {
            let words = words(line)?;
            let (kind, words) = words.split_first()?;
            let (name, rest) = words.split_first()?;
            if kind != "-A" {
                return None;
            }
            let table = table_name(table.as_deref()?, listed_by);
            let mut all = chains.iter_mut();
            let own = all.find(|it| it.table == table && it.name.unquoted() == name)?;
            let line = ServerText::new(line);
            own.rules.push(rule(line, rest));
        }
    }
    Some(chains)
}

fn table_name(table: &str, listed_by: &str) -> ServerText {
    ServerText::new(&format!("{listed_by} {table}"))
}

/// `INPUT DROP [0:0]`
fn chain(text: &str, table: &str, family: Family, listed_by: &str) -> Option<FilterChain> {
    let mut words = text.split_whitespace();
    let (name, policy) = (words.next()?, words.next()?);
    let point = match name {
        "PREROUTING" => Some(HookPoint::Prerouting),
        "INPUT" => Some(HookPoint::Input),
        "OUTPUT" => Some(HookPoint::Output),
        "POSTROUTING" => Some(HookPoint::Postrouting),
        _ => None,
    };
    let policy = if policy == "DROP" { Policy::Drop } else { Policy::Accept };
    let hook =
        point.map(|point| ChainHook { point, policy, translates: table == "nat", device: None });
    Some(FilterChain {
        table: table_name(table, listed_by),
        name: ServerText::new(name),
        family: Some(family),
        hook,
        rules: Vec::new(),
    })
}

/// The words of a line, as a shell would split it: quotation marks hold blanks together.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut is_quoted, mut is_word) = (false, false);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if is_quoted => word.push(characters.next()?),
            '"' => {
                is_quoted = !is_quoted;
                is_word = true;
            }
            c if c.is_whitespace() && !is_quoted => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            c => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    (!is_quoted).then_some(words)
}

/// Modules that only name the protocol of the following options.
const SILENT_MODULES: [&str; 9] =
    ["tcp", "udp", "multiport", "conntrack", "state", "addrtype", "comment", "iprange", "set"];

/// Modules whose packets are no ordinary ones: ICMP, other protocols, extension headers, and what only
/// packets of the machine itself have.
const RARE_MODULES: [&str; 10] =
    ["icmp", "icmp6", "sctp", "dccp", "ah", "esp", "rt", "frag", "hbh", "policy"];

/// A rule behind its chain.
fn rule(line: ServerText, words: &[String]) -> FilterRule {
    let mut conditions = Vec::new();
    let mut action = Action::Continue;
    let mut transport = None;
    let mut negated = false;
    let mut at = 0;
    while let Some(word) = words.get(at).map(String::as_str) {
        let value = words.get(at + 1).map_or("", String::as_str);
        at += 2;
        let condition = match word {
            "!" => {
                negated = true;
                at -= 1;
                continue;
            }
            "-p" => {
                transport = transport_of(value).filter(|_| !negated);
                Some(protocol(value, negated))
            }
            "-s" | "--src-range" => Some(addresses(value, negated, Condition::Source)),
            "-d" | "--dst-range" => Some(addresses(value, negated, Condition::Destination)),
            "-i" => Some(Condition::InInterface(interface(value, negated))),
            "-o" => Some(Condition::OutInterface(interface(value, negated))),
            "--dport" | "--dports" => Some(port_list(value, negated, |ports| {
                Condition::DestinationPort(transport, ports)
            })),
            "--sport" | "--sports" => {
                Some(port_list(value, negated, |ports| Condition::SourcePort(transport, ports)))
            }
            "--ctstate" | "--state" => Some(Condition::ConnectionState(ConnectionStates {
                holds_new: value.split(',').any(|state| state == "NEW"),
                negated,
            })),
            "--dst-type" => Some(destination_type(value, negated)),
            // Every packet comes from an ordinary address.
            "--src-type" if value == "LOCAL" && !negated => Some(Condition::Never),
            "--comment" => None,
            "--tcp-flags" => {
                let wanted = words.get(at).map_or("", String::as_str);
                at += 1;
                begins_connection(value, wanted, negated)
            }
            // The first packet of a TCP connection has it.
            "--syn" => {
                at -= 1;
                negated.then_some(Condition::Never)
            }
            "-m" if SILENT_MODULES.contains(&value) => None,
            "-m" if value == "rpfilter" => {
                let end = end_of_options(words, at);
                let is_inverted = words[at..end].iter().any(|option| option == "--invert");
                at = end;
                Some(Condition::RoutedBack(!is_inverted))
            }
            "-m" if RARE_MODULES.contains(&value) => {
                // Its options belong to it.
                at = end_of_options(words, at);
                Some(if negated { Condition::Unknown } else { Condition::Never })
            }
            "-j" | "-g" => {
                action = target(word, value);
                // What follows are the options of the target.
                at = words.len();
                None
            }
            _ => {
                at = end_of_options(words, at - 1);
                Some(Condition::Unknown)
            }
        };
        negated = false;
        conditions.extend(condition);
    }
    FilterRule { line, conditions, action }
}

/// Where the next module or the target begins.
fn end_of_options(words: &[String], from: usize) -> usize {
    let is_end = |word: &String| matches!(word.as_str(), "-m" | "-j" | "-g");
    words.iter().skip(from).position(is_end).map_or(words.len(), |more| from + more)
}

fn transport_of(name: &str) -> Option<Transport> {
    match name {
        "tcp" | "6" => Some(Transport::Tcp),
        "udp" | "17" => Some(Transport::Udp),
        _ => None,
    }
}

fn protocol(name: &str, negated: bool) -> Condition {
    if name == "all" || name == "0" {
        return if negated { Condition::Never } else { both_protocols() };
    }
    Condition::Protocol(ProtocolList {
        transports: transport_of(name).into_iter().collect(),
        negated,
    })
}

fn both_protocols() -> Condition {
    let transports = vec![Transport::Tcp, Transport::Udp];
    Condition::Protocol(ProtocolList { transports, negated: false })
}

fn addresses(text: &str, negated: bool, of: fn(BlockList) -> Condition) -> Condition {
    let one = |text: &str| match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            Some(crate::model::facts::NetworkBlock { first, last })
        }
        None => block(text),
    };
    let blocks: Option<Vec<_>> = text.split(',').map(one).collect();
    blocks.map_or(Condition::Unknown, |blocks| of(BlockList { blocks, negated }))
}

fn interface(name: &str, negated: bool) -> InterfaceNames {
    let name = name.strip_suffix('+').map_or(name.to_owned(), |start| format!("{start}*"));
    InterfaceNames { names: vec![ServerText::new(&name)], negated }
}

fn port_list(
    text: &str,
    negated: bool,
    of: impl FnOnce(crate::model::facts::PortSet) -> Condition,
) -> Condition {
    let ranges: Option<Vec<_>> = text.split(',').map(|part| port_range(part, ':')).collect();
    ranges.map_or(Condition::Unknown, |ranges| of(ports(ranges, negated)))
}

/// Of the flags that are looked at, the first packet of a connection has SYN and no other.
fn begins_connection(mask: &str, wanted: &str, negated: bool) -> Option<Condition> {
    let has = |flags: &str, flag: &str| flags.split(',').any(|it| it == flag || it == "ALL");
    let wanted: Vec<&str> = wanted.split(',').filter(|flag| *flag != "NONE").collect();
    let fits = wanted == if has(mask, "SYN") { vec!["SYN"] } else { Vec::new() };
    (fits == negated).then_some(Condition::Never)
}

fn destination_type(value: &str, negated: bool) -> Condition {
    match value {
        "LOCAL" => Condition::ToThisMachine(!negated),
        "BROADCAST" | "MULTICAST" | "ANYCAST" if !negated => Condition::Never,
        _ => Condition::Unknown,
    }
}

/// Targets that count, log or mark.
const PASSING_TARGETS: [&str; 14] = [
    "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TRACE", "SET", "TOS", "DSCP", "TTL", "HL",
    "TCPMSS", "CLASSIFY", "CHECKSUM",
];

fn target(word: &str, name: &str) -> Action {
    match name {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" | "TARPIT" => Action::Drop,
        "RETURN" => Action::Return,
        "DNAT" | "REDIRECT" | "TPROXY" | "NETMAP" => Action::Translate,
        // The source of what is sent: it is sent all the same.
        "SNAT" | "MASQUERADE" => Action::Accept,
        "" | "CT" | "NOTRACK" | "NFQUEUE" | "QUEUE" | "SYNPROXY" => Action::Unknown,
        _ if PASSING_TARGETS.contains(&name) => Action::Continue,
        _ if word == "-g" => Action::Goto(ServerText::new(name)),
        _ => Action::Jump(ServerText::new(name)),
    }
}
