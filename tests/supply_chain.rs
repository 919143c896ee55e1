//! Which crates are in the program, which of them read what servers send, and what stands in their sources.
//!
//! `OVCHECK_BLESS=1 cargo test --test supply_chain` rewrites docs/crates.md. A crate that is new has to be put
//! into one of the two lists below first.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/kept.rs"]
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The platform of the program that is published.
const PLATFORM: &str = "x86_64-unknown-linux-musl";

/// The crates that read bytes of servers, or compute with them.
const READ: &[(&str, &str)] = &[
    ("asn1-rs", "certificates"),
    ("askama", "characters of shown text (HTML)"),
    ("bytes", "buffers of WebSocket and LiveKit messages"),
    ("data-encoding", "DNS records"),
    ("der-parser", "certificates"),
    ("futures-util", "the stream of WebSocket messages"),
    ("hickory-proto", "DNS messages"),
    ("http", "fields of the WebSocket handshake, and of requests to `ovcheck serve`"),
    ("http-body", "requests to `ovcheck serve`"),
    ("httparse", "HTTP heads"),
    ("hyper", "requests to `ovcheck serve`"),
    ("hyper-util", "requests to `ovcheck serve`"),
    ("icu_properties", "characters of shown text"),
    ("idna", "names in DNS messages"),
    ("md-5", "TURN keys, with the server's realm"),
    ("memchr", "searches in certificates and JSON"),
    ("minimal-lexical", "numbers for nom"),
    ("mio", "sockets"),
    ("nix", "ICMP errors (0.31 only)"),
    ("nom", "certificates"),
    ("num-bigint", "serial numbers of certificates"),
    ("oid-registry", "certificates"),
    ("prost", "LiveKit's messages"),
    ("quick-xml", "characters of shown text (JUnit)"),
    ("ring", "cryptography"),
    ("rusticata-macros", "certificates"),
    ("rustix", "sockets"),
    ("rustls", "TLS"),
    ("rustls-pki-types", "certificates"),
    ("rustls-webpki", "certificate chains"),
    ("serde_core", "ICE candidates"),
    ("serde_json", "ICE candidates"),
    ("sha1", "the WebSocket handshake"),
    ("smallvec", "buffers of idna"),
    ("socket2", "sockets"),
    ("stun", "STUN attributes"),
    ("subtle", "comparison of signatures"),
    ("time", "dates in HTTP heads and certificates"),
    ("tinyvec", "names in DNS messages"),
    ("tokio", "sockets"),
    ("tokio-rustls", "TLS"),
    ("tokio-tungstenite", "WebSocket messages"),
    ("tungstenite", "WebSocket frames"),
    ("turn", "TURN attributes"),
    ("unicode-width", "characters of shown text"),
    ("untrusted", "certificates"),
    ("x509-parser", "certificates"),
    ("zmij", "numbers in JSON"),
];

/// Those that get no byte of a server: the command line, the operator's files, what `ovcheck demo` serves,
/// tasks and locks, numbers and types.
const READ_NOTHING: &str = "
    adler2 aead aes aes-gcm annotate-snippets anstream anstyle anstyle-parse anstyle-query arraydeque arrayvec
    atomic-waker base16ct base64 base64ct bit-vec bitflags block-buffer ccm cfg-if chacha20 chacha20poly1305 cipher
    clap clap_builder clap_complete clap_lex clap_mangen cmov colorchoice comfy-table const-oid cpubits cpufeatures
    crc crc-catalog critical-section crossbeam-channel crossbeam-epoch crossbeam-utils crypto-bigint crypto-common ctr
    ctutils curve25519-dalek der deranged digest dimpl dyn-clone ecdsa either elliptic-curve equivalent errno
    fallible-iterator fallible-streaming-iterator ff flagset form_urlencoded futures futures-channel futures-core
    futures-executor futures-io futures-sink futures-task generic-array getrandom ghash granit-parser group hashbrown
    hickory-net hickory-resolver hkdf hmac http-body-util httpdate hybrid-array icu_collections icu_locale_core
    icu_normalizer icu_normalizer_data icu_properties_data icu_provider idna_adapter indexmap inout ipnet ipnetwork
    is_terminal_polyfill itoa lazy_static libc libsqlite3-sys linux-raw-sys litemap lock_api log memoffset miniz_oxide
    moka no-std-net num-conv num-integer num-traits once_cell openssl-probe p256 p384 parking_lot parking_lot_core pem
    pem-rfc7468 percent-encoding pin-project-lite pin-utils pkcs8 pnet_base pnet_datalink pnet_sys poly1305 polyval
    portable-atomic potential_utf powerfmt ppv-lite86 prefix-trie primefield primeorder rand rand_chacha rand_core
    rcgen ref-cast resolv-conf rfc6979 roff rusqlite rustc-hash rustls-native-certs schemars scopeguard sctp-proto
    sec1 serde serde_spanned serdect sha2 signal-hook-registry signature slab spki stable_deref_trait strsim tagptr
    terminal_size thiserror time-core tinystr tokio-util toml toml_datetime toml_parser toml_writer tracing
    tracing-core typenum unicode-segmentation universal-hash url utf8_iter utf8parse utf_types uuid webpki-roots
    webrtc-util winnow wnaf writeable x25519-dalek x509-cert yasna yoke zerocopy zerofrom zeroize zerotrie zerovec
";

/// A crate of the program.
struct Crate {
    version: String,
    folder: PathBuf,
    /// Whether it links or builds code of another language.
    is_foreign: bool,
}

/// The crates that the program contains, each with its versions; without macros, which run when it is built.
fn crates() -> BTreeMap<String, Vec<Crate>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", PLATFORM])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let list = list.as_array().unwrap().iter();
        list.map(|it| (it["id"].as_str().unwrap().to_owned(), it.clone())).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"]), by_id(&metadata["resolve"]["nodes"]));
    let root = metadata["resolve"]["root"].as_str().unwrap();
    let mut reached = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(id) = open.pop() {
        let targets = packages[&id]["targets"].as_array().unwrap();
        let is_macro = targets.iter().any(|it| it["kind"][0] == "proc-macro");
        if is_macro || !reached.insert(id.clone()) {
            continue;
        }
        let dependencies = nodes[&id]["deps"].as_array().unwrap().iter();
        // Neither those of tests (`dev`) nor those of build scripts (`build`).
        let is_linked =
            |it: &&Value| it["dep_kinds"].as_array().unwrap().iter().any(|it| it["kind"].is_null());
        open.extend(
            dependencies.filter(is_linked).map(|it| it["pkg"].as_str().unwrap().to_owned()),
        );
    }
    reached.remove(root);
    let mut crates: BTreeMap<String, Vec<Crate>> = BTreeMap::new();
    for package in reached.iter().map(|id| &packages[id]) {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().to_owned();
        let compilers = ["cc", "cmake", "nasm-rs", "bindgen"];
        let dependencies = package["dependencies"].as_array().unwrap();
        let has_compiler = dependencies
            .iter()
            .any(|it| it["kind"] == "build" && compilers.contains(&it["name"].as_str().unwrap()));
        let is_foreign = has_compiler || has_foreign_source(&folder.join("src"));
        let name = package["name"].as_str().unwrap().to_owned();
        let version = package["version"].as_str().unwrap().to_owned();
        crates.entry(name).or_default().push(Crate { version, folder, is_foreign });
    }
    crates
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn has_foreign_source(folder: &Path) -> bool {
    let is_foreign = |path: &PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        ["c", "cc", "cpp", "h", "s", "S", "asm", "o", "a"].contains(&extension)
    };
    files(folder).iter().any(is_foreign)
}

/// How often the word stands in the sources.
fn mentions_of_unsafe(folder: &Path) -> usize {
    let sources = files(&folder.join("src")).into_iter();
    let sources = sources.filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    sources
        .map(|path| {
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            text.split(|c| !is_word(c)).filter(|word| *word == "unsafe").count()
        })
        .sum()
}

/// What a crate reads; `None`: nobody has said.
fn reads(name: &str) -> Option<Option<&'static str>> {
    let read = READ.iter().find(|(known, _)| *known == name).map(|(_, what)| Some(*what));
    read.or_else(|| READ_NOTHING.split_whitespace().any(|known| known == name).then_some(None))
}

#[test]
fn every_crate_of_the_program_is_listed_with_what_it_reads() {
    let crates = crates();
    let unknown: Vec<_> = crates.keys().filter(|name| reads(name).is_none()).collect();
    assert!(unknown.is_empty(), "does any of these read what servers send? {unknown:?}");
    let known = READ.iter().map(|(name, _)| *name).chain(READ_NOTHING.split_whitespace());
    let gone: Vec<_> = known.filter(|name| !crates.contains_key(*name)).collect();
    assert!(gone.is_empty(), "not in the program any more: {gone:?}");
    let mut page = "\
# The crates in the program

Written by `OVCHECK_BLESS=1 cargo test --test supply_chain`, which fails when this page differs from
`Cargo.lock`, and if it is not stated for a crate whether it reads what servers send.

For Linux on x86-64, with `ovcheck demo`. `unsafe`: how often the word is in the sources of the crate. Macros and
build scripts run only when ovcheck is built.
"
    .to_owned();
    for (title, is_of) in [("Read bytes of servers", true), ("Read none", false)] {
        writeln!(page, "\n## {title}\n").unwrap();
        let heading = if is_of {
            "| crate | version | reads | `unsafe` | C, assembly |\n| --- | --- | --- | --- | --- |"
        } else {
            "| crate | version | `unsafe` | C, assembly |\n| --- | --- | --- | --- |"
        };
        writeln!(page, "{heading}").unwrap();
        for (name, versions) in &crates {
            let reads = reads(name).unwrap();
            for Crate { version, folder, is_foreign } in
                versions.iter().filter(|_| reads.is_some() == is_of)
            {
                let what = reads.map_or_else(String::new, |what| format!(" {what} |"));
                let count = mentions_of_unsafe(folder);
                let foreign = if *is_foreign { "yes" } else { "no" };
                writeln!(page, "| {name} | {version} |{what} {count} | {foreign} |").unwrap();
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/crates.md");
    kept::assert_kept(&path, &page);
}
