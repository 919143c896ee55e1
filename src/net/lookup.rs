//! DNS queries, made so that no answer hides another.
//!
//! There is no cache, no search list and no hosts file. The result is exactly what the server answered.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::future::join_all;
use hickory_resolver::proto::rr::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Network, icmp, tcp};
use crate::model::facts::{AuthorityAnswer, AuthorityFacts, DnsAnswer, DnsFacts, Facts};
use crate::model::name::DomainName;
use crate::model::named::Acquaintance;
use crate::model::observation::{Blindness, LocalTrouble, Outcome};
use crate::model::target::Family;
use crate::proto::dns::{self, About, LONGEST_CHAIN, Question, Reply, ReplyKind};

/// Queries the addresses of `name` in one family. Returns the number of queries sent, and
/// [`Facts::Dns`] or the problem of this machine.
pub async fn addresses(net: &Network, name: &DomainName, family: Family) -> (u32, Outcome) {
    if net.dns_servers.is_empty() {
        return (1, Outcome::Blind(Blindness::NoDnsServer));
    }
    let Ok(name) = Name::from_ascii(format!("{name}.")) else {
        let trouble = LocalTrouble::UnaskableName(name.to_string());
        return (1, Outcome::Blind(trouble.into()));
    };
    let latest = Instant::now() + net.limits.probe;
    let mut path = Path::from(name, family);
    // Each name at the end of an unfinished chain needs another query.
    loop {
        let deadline = latest.min(Instant::now() + net.limits.timeout);
        let heard = match path.ask_all(&net.dns_servers, deadline).await {
            Ok(heard) => heard,
            Err(blindness) => return (path.queries.max(1), Outcome::Blind(blindness)),
        };
        let server = heard.server;
        match path.follow(heard) {
            Next::Ask(name) => path.asked = name,
            Next::Done(facts) => {
                let facts = match (facts.answer, path.failed_at) {
                    (DnsAnswer::ServFail, _) => path.find_failure(server, facts, deadline).await,
                    (DnsAnswer::Addresses, Some(failed)) => {
                        let invalid_at = path.validates_in_vain(failed, deadline).await;
                        DnsFacts { invalid_at: invalid_at.then_some(failed), ..facts }
                    }
                    _ => facts,
                };
                return (path.queries.max(1), Outcome::Saw(Facts::Dns(facts)));
            }
        }
    }
}

/// The result of one query to one server.
#[derive(Debug)]
struct Heard {
    server: SocketAddr,
    over_udp: bool,
    answer: Answer,
}

impl Heard {
    /// Whether no other server needs to be asked.
    fn is_enough(&self) -> bool {
        self.answer.worth() == Answer::FINAL && !self.answer.denies()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Reply(Reply),
    Malformed,
    Silent,
    Unreachable,
}

impl Answer {
    /// Whether another server could give a better answer, and how useful this one is.
    fn worth(&self) -> u8 {
        match self {
            Self::Reply(reply) => match reply.kind {
                ReplyKind::Addresses(_)
                | ReplyKind::NameServers(_)
                | ReplyKind::NoData
                | ReplyKind::OnlyCname
                | ReplyKind::NxDomain
                | ReplyKind::Loop => Self::FINAL,
                ReplyKind::ServFail
                | ReplyKind::Refused
                | ReplyKind::NotUnderstood(_)
                | ReplyKind::OtherCode(_) => 3,
                ReplyKind::Truncated => 2,
            },
            Self::Malformed => 2,
            Self::Unreachable => 1,
            Self::Silent => 0,
        }
    }

    const FINAL: u8 = 4;

    fn denies(&self) -> bool {
        matches!(self, Self::Reply(Reply { kind: ReplyKind::NxDomain, .. }))
    }

    fn has_addresses(&self) -> bool {
        matches!(self, Self::Reply(Reply { kind: ReplyKind::Addresses(_), .. }))
    }
}

enum Next {
    Ask(Name),
    Done(DnsFacts),
}

/// CNAME records that lead back.
struct Circle {
    names: Vec<Name>,
    /// Whether the server says that all of them are its own.
    authoritative: bool,
}

/// The chain of CNAMEs from a name.
struct Path {
    asked: Name,
    about: About,
    /// Whether a server shall ask others.
    recursive: bool,
    /// The names passed so far, without the first one.
    chain: Vec<Name>,
    queries: u32,
    /// Whether the servers are asked not to validate.
    without_validation: bool,
    /// A server that denied the name before another one had addresses of it.
    denied_by: Option<SocketAddr>,
    /// A server that failed before another one answered.
    failed_at: Option<SocketAddr>,
}

impl Path {
    fn from(name: Name, family: Family) -> Self {
        Self::about(name, About::Addresses(family))
    }

    fn about(name: Name, about: About) -> Self {
        Self {
            asked: name,
            about,
            recursive: true,
            chain: Vec::new(),
            queries: 0,
            without_validation: false,
            denied_by: None,
            failed_at: None,
        }
    }

    /// Whether a server that failed answers if it is asked not to validate, and fails again otherwise.
    async fn validates_in_vain(&mut self, server: SocketAddr, deadline: Instant) -> bool {
        self.without_validation = true;
        let unvalidated = self.ask(server, deadline).await;
        self.without_validation = false;
        let is_failure = |answer: &Answer| matches!(answer, Answer::Reply(reply) if reply.kind == ReplyKind::ServFail);
        unvalidated.is_ok_and(|it| it.answer.has_addresses())
            && self.ask(server, deadline).await.is_ok_and(|it| is_failure(&it.answer))
    }

    /// The CNAME records themselves, one after the other: many servers answer a circle of them with
    /// SERVFAIL. `None`: they lead in no circle.
    async fn find_circle(&self, server: SocketAddr, deadline: Instant) -> Option<Circle> {
        let mut passed = vec![self.asked.to_lowercase()];
        let mut authoritative = true;
        while passed.len() <= LONGEST_CHAIN {
            let here = passed.last()?.clone();
            let mut path = Self { recursive: self.recursive, ..Self::about(here, About::Alias) };
            let heard = path.ask(server, deadline).await.ok()?;
            let Answer::Reply(reply) = heard.answer else { return None };
            let next = reply.chain.first()?.clone();
            authoritative &= reply.authoritative;
            let is_circle = passed.contains(&next);
            passed.push(next);
            if is_circle {
                return Some(Circle { names: passed.split_off(1), authoritative });
            }
        }
        None
    }

    /// Whether a failure of `server` comes from its validation of signatures: the same question, to be
    /// answered without validation. Then the first question once more, because a server may have
    /// failed only once.
    async fn find_failure(
        &mut self,
        server: SocketAddr,
        failed: DnsFacts,
        deadline: Instant,
    ) -> DnsFacts {
        self.without_validation = true;
        let unvalidated = self.ask(server, deadline).await;
        self.without_validation = false;
        let found = match unvalidated {
            Ok(Heard { answer: Answer::Reply(Reply { kind, .. }), .. }) => match kind {
                ReplyKind::Addresses(found) => found,
                _ => return self.or_circle(server, failed, deadline).await,
            },
            _ => return failed,
        };
        match self.ask(server, deadline).await {
            Ok(again) if again.answer.worth() == Answer::FINAL => match self.follow(again) {
                Next::Done(facts) => facts,
                Next::Ask(_) => failed,
            },
            _ => DnsFacts { without_validation: found, ..failed },
        }
    }

    async fn or_circle(&self, server: SocketAddr, failed: DnsFacts, deadline: Instant) -> DnsFacts {
        match self.find_circle(server, deadline).await {
            Some(circle) => {
                let cname_chain = names(&circle.names);
                DnsFacts { answer: DnsAnswer::CnameLoop, cname_chain, ..failed }
            }
            None => failed,
        }
    }

    /// Queries one server after another until one has the answer. Otherwise returns the most useful one.
    async fn ask_all(
        &mut self,
        servers: &[SocketAddr],
        deadline: Instant,
    ) -> Result<Heard, Blindness> {
        let mut best: Option<Heard> = None;
        let mut trouble = Blindness::NoDnsServer;
        for (index, server) in (0_u32..).zip(servers) {
            let left = u32::try_from(servers.len()).unwrap_or(u32::MAX) - index;
            let now = Instant::now();
            let until = now + deadline.saturating_duration_since(now) / left;
            let heard = match self.ask(*server, until).await {
                Ok(heard) => heard,
                Err(blindness) => {
                    trouble = blindness;
                    continue;
                }
            };
            let worth = heard.answer.worth();
            if heard.answer.denies() {
                // Another server of this machine may know the name: it may be an internal one.
                self.denied_by.get_or_insert(heard.server);
            }
            if matches!(&heard.answer, Answer::Reply(reply) if reply.kind == ReplyKind::ServFail) {
                self.failed_at.get_or_insert(heard.server);
            }
            let is_better = |best: &Heard| {
                best.answer.worth() < worth || best.answer.denies() && heard.answer.has_addresses()
            };
            if best.as_ref().is_none_or(is_better) {
                best = Some(heard);
            }
            if best.as_ref().is_some_and(Heard::is_enough) {
                break;
            }
        }
        best.ok_or(trouble)
    }

    /// Queries one server over UDP, and over TCP if the answer does not fit.
    async fn ask(&mut self, server: SocketAddr, until: Instant) -> Result<Heard, Blindness> {
        let answer = self.ask_udp(server, until).await?;
        let is_cut = matches!(&answer, Answer::Reply(reply) if reply.kind == ReplyKind::Truncated);
        if !is_cut {
            return Ok(Heard { server, over_udp: true, answer });
        }
        Ok(Heard { server, over_udp: false, answer: self.ask_tcp(server, until).await? })
    }

    fn question(&mut self, edns: bool) -> Result<(Question, Vec<u8>), Blindness> {
        let question = Question {
            id: rand::random(),
            name: dns::in_mixed_case(&self.asked, rand::random()),
            about: self.about,
            recursive: self.recursive,
            edns,
            without_validation: self.without_validation,
        };
        let bytes = question
            .to_bytes()
            .ok_or_else(|| LocalTrouble::UnaskableName(self.asked.to_string()))?;
        self.queries += 1;
        Ok((question, bytes))
    }

    /// Sends two copies. The second one is sent after two fifths of the time and without EDNS, because
    /// some old servers answer EDNS with silence or an error (RFC 6891 §7).
    async fn ask_udp(&mut self, server: SocketAddr, until: Instant) -> Result<Answer, Blindness> {
        let started = Instant::now();
        let again = started + until.saturating_duration_since(started) * 2 / 5;
        let socket =
            connected(server).map_err(|e| tcp::own_trouble("query DNS server", server, &e))?;
        let mut sent = Vec::with_capacity(2);
        let mut worst = Answer::Silent;
        for (edns, until) in [(true, again), (false, until)] {
            let (question, bytes) = self.question(edns)?;
            match socket.send(&bytes).await {
                Ok(_) => sent.push(question),
                Err(error) => match icmp_or_trouble(&socket, server, &sent, &error)? {
                    Some(answer) => return Ok(answer),
                    None => continue,
                },
            }
            match receive(&socket, server, &sent, until).await? {
                Answer::Silent => {}
                Answer::Malformed => worst = Answer::Malformed,
                Answer::Reply(reply)
                    if edns && matches!(reply.kind, ReplyKind::NotUnderstood(_)) => {}
                answer @ (Answer::Reply(_) | Answer::Unreachable) => return Ok(answer),
            }
        }
        Ok(worst)
    }

    /// Sends and receives a message with its length in front (RFC 1035 §4.2.2).
    async fn ask_tcp(&mut self, server: SocketAddr, until: Instant) -> Result<Answer, Blindness> {
        use crate::model::facts::Connect;
        let mut stream = match tcp::dial(server.into(), until).await? {
            Ok(stream) => stream,
            Err(Connect::Silent) => return Ok(Answer::Silent),
            Err(Connect::Accepted | Connect::Reset | Connect::Icmp(_)) => {
                return Ok(Answer::Unreachable);
            }
        };
        let (question, bytes) = self.question(false)?;
        let length = u16::try_from(bytes.len()).expect("a question has a few hundred bytes");
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        let exchange = async {
            stream.write_all(&framed).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            io::Result::Ok(answer)
        };
        Ok(match timeout_at(until, exchange).await {
            Err(_) => Answer::Silent,
            // The connection ended in the middle, so this is not a DNS message.
            Ok(Err(_)) => Answer::Malformed,
            Ok(Ok(bytes)) => dns::read(&question, &bytes).map_or(Answer::Malformed, Answer::Reply),
        })
    }

    /// The meaning of an answer for the chain so far.
    fn follow(&mut self, heard: Heard) -> Next {
        let mut addresses = Vec::new();
        let answer = match heard.answer {
            Answer::Malformed => DnsAnswer::Malformed,
            Answer::Silent => DnsAnswer::Silent,
            Answer::Unreachable => DnsAnswer::Unreachable,
            Answer::Reply(reply) => {
                let leads_back = reply.chain.iter().any(|name| self.chain.contains(name));
                self.chain.extend(reply.chain);
                let kind = if leads_back || self.chain.len() > LONGEST_CHAIN {
                    ReplyKind::Loop
                } else {
                    reply.kind
                };
                match kind {
                    ReplyKind::OnlyCname => match self.chain.last() {
                        Some(end) => return Next::Ask(end.clone()),
                        None => DnsAnswer::Malformed,
                    },
                    ReplyKind::Addresses(found) => {
                        addresses = found;
                        DnsAnswer::Addresses
                    }
                    // An answer to another question.
                    ReplyKind::NameServers(_) => DnsAnswer::Malformed,
                    ReplyKind::NoData => DnsAnswer::NoData,
                    ReplyKind::NxDomain => DnsAnswer::NxDomain,
                    ReplyKind::ServFail => DnsAnswer::ServFail,
                    ReplyKind::Refused => DnsAnswer::Refused,
                    ReplyKind::NotUnderstood(code) | ReplyKind::OtherCode(code) => {
                        DnsAnswer::OtherCode(code)
                    }
                    ReplyKind::Loop => DnsAnswer::CnameLoop,
                    // Over TCP, where everything fits.
                    ReplyKind::Truncated => DnsAnswer::Malformed,
                }
            }
        };
        Next::Done(DnsFacts {
            server: heard.server,
            over_udp: heard.over_udp,
            answer,
            cname_chain: names(&self.chain),
            denied_by: self.denied_by.filter(|_| answer == DnsAnswer::Addresses),
            addresses,
            without_validation: Vec::new(),
            invalid_at: None,
        })
    }
}

/// Names that no host can have (`_acme.…`) are followed but not listed.
fn names(chain: &[Name]) -> Vec<DomainName> {
    chain.iter().filter_map(|name| name.to_ascii().parse().ok()).collect()
}

/// The maximum number of name servers that are asked, and of domains above a name where their zone may
/// begin.
const MOST_NAME_SERVERS: usize = 4;
const MOST_PARENTS: usize = 4;

/// The port of name servers.
const NAME_SERVER_PORT: u16 = 53;

/// Queries the name servers of the zone that `name` is in, which a server of this machine names. Ends
/// after one time-out.
pub async fn authority(net: &Network, name: &DomainName, family: Family) -> (u32, Outcome) {
    let deadline = Instant::now() + net.limits.timeout;
    let Some(server) = net.dns_servers.first().copied() else {
        return (1, Outcome::Blind(Blindness::NoDnsServer));
    };
    let zones = above(name).into_iter().take(MOST_PARENTS);
    let found = join_all(zones.map(|zone| name_servers(server, zone, deadline))).await;
    let servers = found.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default();
    let Ok(asked) = Name::from_ascii(format!("{name}.")) else {
        let trouble = LocalTrouble::UnaskableName(name.to_string());
        return (1, Outcome::Blind(trouble.into()));
    };
    let servers = servers.into_iter().take(MOST_NAME_SERVERS);
    let asked = join_all(servers.map(|(server, addresses)| {
        let path = Path { recursive: false, ..Path::from(asked.clone(), family) };
        one_authority(net, server, addresses, path, deadline)
    }));
    let servers: Vec<AuthorityAnswer> = asked.await.into_iter().flatten().collect();
    let queries = u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
    (queries, Outcome::Saw(Facts::Authority(AuthorityFacts { servers })))
}

/// The domains where the zone of a name may begin, the longest first; no top-level domain.
fn above(name: &DomainName) -> Vec<Name> {
    let text = name.as_str();
    let begins = std::iter::once(0).chain(text.match_indices('.').map(|(at, _)| at + 1));
    let domains = begins.map(|at| &text[at..]).filter(|domain| domain.contains('.'));
    domains.filter_map(|domain| Name::from_ascii(format!("{domain}.")).ok()).collect()
}

/// The name servers of the zone that begins at a name; none if no zone begins there.
async fn name_servers(
    server: SocketAddr,
    zone: Name,
    deadline: Instant,
) -> Vec<(Name, Vec<IpAddr>)> {
    let heard = Path::about(zone, About::NameServers).ask(server, deadline).await;
    match heard.map(|heard| heard.answer) {
        Ok(Answer::Reply(Reply { kind: ReplyKind::NameServers(servers), .. })) => servers,
        _ => Vec::new(),
    }
}

/// What one name server of a zone answers by itself.
async fn one_authority(
    net: &Network,
    name: Name,
    known: Vec<IpAddr>,
    mut path: Path,
    deadline: Instant,
) -> Option<AuthorityAnswer> {
    // Whoever owns the zone names any server. One in a private network is asked only if this machine asks
    // it anyway.
    let own = net.dns_servers.iter().map(SocketAddr::ip).collect();
    let asked = path.asked.to_ascii().parse().ok();
    let names = asked.into_iter().collect();
    let acquaintance = Acquaintance { names, declared: own, reached: None };
    acquaintance.host(&name.to_ascii()).ok()?;
    let known = if known.is_empty() {
        let mut of_server = Path::from(name.clone(), Family::V4);
        match of_server.ask_all(&net.dns_servers, deadline).await.ok()?.answer {
            Answer::Reply(Reply { kind: ReplyKind::Addresses(found), .. }) => found,
            _ => return None,
        }
    } else {
        known
    };
    let address = known.into_iter().find(|address| acquaintance.permits(*address).is_ok())?;
    let server = SocketAddr::new(address, NAME_SERVER_PORT);
    let heard = path.ask(server, deadline).await.ok()?;
    let authoritative = matches!(&heard.answer, Answer::Reply(reply) if reply.authoritative);
    let name = name.to_ascii().parse().ok()?;
    let failed = matches!(&heard.answer, Answer::Reply(reply) if reply.kind == ReplyKind::ServFail);
    if failed && let Some(circle) = path.find_circle(server, deadline).await {
        let Circle { authoritative, .. } = circle;
        let answer = DnsAnswer::CnameLoop;
        return Some(AuthorityAnswer {
            name,
            server,
            authoritative,
            answer,
            addresses: Vec::new(),
        });
    }
    match path.follow(heard) {
        // The end of a CNAME in another zone is for others to say.
        Next::Ask(_) => None,
        Next::Done(DnsFacts { answer, addresses, .. }) => {
            Some(AuthorityAnswer { name, server, authoritative, answer, addresses })
        }
    }
}

/// A socket that receives only answers from `server` and ICMP errors about it. The system chooses an
/// unpredictable port (RFC 5452 §4.5).
fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let domain = Domain::for_address(server);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    icmp::enable(&socket, Family::of(server.ip()))?;
    socket.bind(&any.into())?;
    socket.connect(&server.into())?;
    UdpSocket::from_std(socket.into())
}

/// Waits for an answer to one of `questions`. Other datagrams are ignored until the time is over, so
/// that a forged one does not end the wait.
async fn receive(
    socket: &UdpSocket,
    server: SocketAddr,
    questions: &[Question],
    until: Instant,
) -> Result<Answer, Blindness> {
    let mut datagram = [0; 4096];
    let mut otherwise = Answer::Silent;
    loop {
        let length = match timeout_at(until, socket.recv(&mut datagram)).await {
            Err(_) => return Ok(otherwise),
            Ok(Ok(length)) => length,
            Ok(Err(error)) => match icmp_or_trouble(socket, server, questions, &error)? {
                Some(answer) => return Ok(answer),
                None => continue,
            },
        };
        let answer = &datagram[..length];
        let read = |question| Some((question, dns::read(question, answer)?));
        match questions.iter().find_map(read) {
            Some((question, reply)) if dns::repeats(question, answer) => {
                return Ok(Answer::Reply(reply));
            }
            // Servers that change the case of letters are rare, and forgers have to guess it: the
            // right answer may be still on its way.
            Some((_, reply)) => otherwise = Answer::Reply(reply),
            None if otherwise == Answer::Silent => otherwise = Answer::Malformed,
            None => {}
        }
    }
}

/// The maximum number of ICMP errors that are read for one query.
const MOST_ERRORS: usize = 64;

/// Whether an ICMP error quotes one of these questions, at least its header with the id.
fn is_quoted(questions: &[Question], quote: &[u8]) -> bool {
    let is_of = |question: Vec<u8>| question.iter().zip(quote).all(|(ours, theirs)| ours == theirs);
    quote.len() >= HEADER && questions.iter().filter_map(Question::to_bytes).any(is_of)
}

/// Bytes of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;

/// The origin of an error of a connected socket: `Some` from outside, `None` unknown (an error that was
/// already reported), `Err` this machine.
fn icmp_or_trouble(
    socket: &UdpSocket,
    server: SocketAddr,
    questions: &[Question],
    error: &io::Error,
) -> Result<Option<Answer>, Blindness> {
    let queued = icmp::read_errors(socket, MOST_ERRORS)
        .map_err(|error| tcp::own_trouble("read the ICMP errors of a socket to", server, &error))?;
    // Who does not see the questions cannot quote one.
    let about_us = queued.iter().filter(|queued| is_quoted(questions, &queued.payload));
    if let Some(icmp) = about_us.filter_map(icmp::QueuedError::icmp).next() {
        return icmp.unless_own_trouble(server.into()).map(|_| Some(Answer::Unreachable));
    }
    if queued.iter().any(|queued| queued.icmp().is_some()) {
        return Ok(None);
    }
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        // An ICMP error that is not in the queue: another system, or it arrived a moment later.
        Ok(Some(Answer::Unreachable))
    } else if matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
        Ok(None)
    } else {
        Err(tcp::own_trouble("query DNS server", server, error))
    }
}
