//! Random `map` blocks before a running nginx: it leads each name where the reader says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ovcheck::input::configuration::ConfigurationFiles;
use ovcheck::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput};
use ovcheck::model::configuration::{End, Opening, Trace};
use ovcheck::model::name::DomainName;
use ovcheck::model::port::Port;
use ovcheck::model::target::Family;

use crate::mutations::Random;
use crate::world::{BACKEND_PORTS, BACKEND_V4, Program, World};
use crate::{finish, in_worlds};

const MAPS: u64 = 60;

/// Labels of which names and keys are made: few, so that keys match often.
const LABELS: &[&str] = &["a", "b", "turn", "x-1", "example", "io"];

/// The most bytes that a backend says.
const ANSWER: usize = 64;

pub fn random_maps(program: Program) -> Result<(), String> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("OVCHECK_FIRST_MAP").unwrap_or(0);
    let count: u64 = number("OVCHECK_MAPS").unwrap_or(MAPS);
    let all: Vec<u64> = (first..first + count).collect();
    finish(&in_worlds("r", program, &all, one_map)?)
}

/// How nginx and the reader differ about one map.
fn one_map(world: &World, seed: &u64) -> Vec<String> {
    let mut random = Random::new(*seed);
    let map = map(&mut random);
    let upstreams: String = BACKEND_PORTS
        .iter()
        .map(|port| format!("  upstream u{port} {{ server {BACKEND_V4}:{port}; }}\n"))
        .collect();
    let text = world.filled(&format!(
        "@HEAD@\nstream {{\n{upstreams}{map}  server {{\n    listen 443;\n    ssl_preread on;\n    \
         proxy_pass $to;\n  }}\n}}\n"
    ));
    let names: Vec<Option<DomainName>> =
        (0..30).map(|_| name(&mut random).parse().ok()).chain([None]).collect();
    let says = said(world, &text, &names);
    let complain = |what: String| format!("map {seed}: {what}\n{map}");
    let is_refused = says.iter().any(|end| matches!(end, End::NotStarted(_)));
    let running = match (world.start(&text), is_refused) {
        (Err(_), true) => return Vec::new(),
        (Ok(_), true) => return vec![complain(format!("it starts, but: {:?}", says.first()))],
        (Err(why), false) => return vec![complain(format!("it does not start: {}", why.trim()))],
        (Ok(running), false) => running,
    };
    let mut complaints = Vec::new();
    for (name, end) in names.iter().zip(&says) {
        let is = observed(world, name.as_ref().map(DomainName::as_str));
        let told = match end {
            End::Backend(backend) => Ok(backend.port.map(Port::number)),
            End::Closed(_) => Ok(None),
            other => Err(other),
        };
        if told != Ok(is) {
            complaints.push(complain(format!("{name:?}: says {end:?}, is {is:?}")));
        }
    }
    drop(running);
    complaints
}

/// Where each of these names ends, as the reader says.
fn said(world: &World, text: &str, names: &[Option<DomainName>]) -> Vec<End> {
    let port = |number: u16| Port::new(number).unwrap();
    let path = world.main_file(text).display().to_string();
    std::fs::write(&path, text).unwrap();
    let end_of = |name: &Option<DomainName>| {
        let asked = AskedNames {
            api: name.clone().or_else(|| "a.io".parse().ok()),
            turn: None,
            unknown: None,
            families: vec![Family::V4],
            ports: AskedPorts { https: port(443), http: port(80), rtmps: None },
        };
        let main = [ProxyInput::Path(path.clone())];
        let files = ConfigurationFiles::OfThisMachine;
        let facts = proxy::read(&main, Some(world.program.kind()), &asked, &files).unwrap();
        let is_asked = |trace: &&Trace| {
            let asked = &trace.asked;
            asked.name == *name && asked.port.number() == 443 && asked.opening == Opening::WebSocket
        };
        facts.traces.iter().find(is_asked).map(|trace| trace.end.clone())
    };
    names.iter().map(|name| end_of(name).unwrap_or_else(|| panic!("no trace: {name:?}"))).collect()
}

/// The port at which the ClientHello with this name arrives; `None`: nowhere.
fn observed(world: &World, name: Option<&str>) -> Option<u16> {
    world.take_arrived();
    let address = SocketAddr::new(World::proxy(false), 443);
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    drop(stream.set_read_timeout(Some(Duration::from_secs(10))));
    stream.write_all(&client_hello(name)).unwrap();
    // Until it is answered or closed.
    let _ = stream.read(&mut [0; ANSWER]);
    world.take_arrived().map(|arrived| arrived.port)
}

/// As much of a ClientHello as nginx reads (RFC 8446 §4.1.2, RFC 6066 §3).
fn client_hello(name: Option<&str>) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let extensions = name.map_or_else(Vec::new, |name| {
        let entry = [&[0][..], &sized(name.as_bytes())].concat();
        [&[0, 0][..], &sized(&sized(&entry))].concat()
    });
    let body =
        [&[3, 3][..], &[7; 32], &[0], &sized(&[0xc0, 0x2f]), &[1, 0], &sized(&extensions)].concat();
    let length = (body.len() as u32).to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[0x16, 3, 1][..], &sized(&message)].concat()
}

/// Two to four labels.
fn name(random: &mut Random) -> String {
    let labels: Vec<&str> = (0..2 + random.below(3)).map(|_| label(random)).collect();
    labels.join(".")
}

fn label(random: &mut Random) -> &'static str {
    LABELS[random.below(LABELS.len())]
}

/// A map with up to 12 keys of all kinds, in any order.
fn map(random: &mut Random) -> String {
    let mut lines = Vec::new();
    if random.below(3) > 0 {
        lines.push("hostnames;".to_owned());
    }
    if random.below(2) > 0 {
        lines.push(format!("default {};", value(random)));
    }
    for _ in 0..1 + random.below(12) {
        lines.push(format!("{} {};", key(random), value(random)));
    }
    if random.below(6) == 0 {
        let again = lines[random.below(lines.len())].clone();
        lines.push(again);
    }
    for place in (1..lines.len()).rev() {
        lines.swap(place, random.below(place + 1));
    }
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("  map $ssl_preread_server_name $to {{\n{lines}  }}\n")
}

fn value(random: &mut Random) -> String {
    let port = BACKEND_PORTS[random.below(BACKEND_PORTS.len())];
    match random.below(8) {
        0 => "\"\"".to_owned(),
        1..=3 => format!("u{port}"),
        _ => format!("{BACKEND_V4}:{port}"),
    }
}

fn key(random: &mut Random) -> String {
    let name = name(random);
    let last = label(random);
    match random.below(16) {
        0 | 1 => format!("*.{name}"),
        2 => format!("*.{last}"),
        3 | 4 => format!(".{name}"),
        5 => format!(".{last}"),
        6 => format!("{last}.*"),
        7 => format!("{name}.*"),
        8 => format!("~^{last}\\."),
        9 => format!("\"~*\\.{}$\"", last.to_uppercase()),
        10 => format!("'~^[a-z]+\\.{{0,1}}{last}'"),
        11 => format!("~({last}|b)\\.(?<rest>.+)$"),
        12 => name.to_uppercase(),
        13 => ["''", "*", "*.*.io", "a.*.io", "a..io", "\\hostnames", "*."][random.below(7)]
            .to_owned(),
        _ => name,
    }
}
