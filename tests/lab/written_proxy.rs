//! Proxies that run with the file that `ovcheck proxy-config` writes, and the same file before `ovcheck lint`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::command::{Fallible, output, run};
use super::deployment;
use super::lab::Lab;
use super::network::{NODE, Place};
use super::services::{Service, haproxy, in_folder, words};
use super::situations::Situation;
use super::world::Front;

/// The names of the deployment, and the machine behind the proxy.
const DEPLOYMENT: &[&str] =
    &["openvidu.example.io", "--turn-domain-name", "turn.example.io", "--guide", "3.2"];

/// What is in the file for Caddy where it gets certificates by itself, and Traefik's lines for the same: in the
/// laboratory no authority gives any.
const CADDY_AUTOMATES: &str = r#""automate": ["openvidu.example.io", "turn.example.io"]"#;
const TRAEFIK_RESOLVES: &str = "
certificatesResolvers:
  letsencrypt:
    acme:
      storage: /etc/traefik/acme.json
      httpChallenge:
        entryPoint: web
";
const TRAEFIK_USES_RESOLVER: &str = "tls:\n        certResolver: letsencrypt";

/// Why no proxy of this kind can run here.
pub fn missing(front: Front) -> Option<String> {
    let Front::Written(program @ ("caddy" | "traefik")) = front else { return None };
    packaged_nowhere(program).err()
}

/// A program that no distribution packages as it is needed.
fn packaged_nowhere(program: &str) -> Fallible<PathBuf> {
    let variable = if program == "caddy" { "OVCHECK_CADDY_LAYER4" } else { "OVCHECK_TRAEFIK" };
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_file()).ok_or_else(|| {
        format!("no {program} that can be used (.ci/run builds it; then set {variable})")
    })
}

/// The name of its file in the laboratory's folder.
fn file_for(program: &str) -> &'static str {
    match program {
        "haproxy" => "written-haproxy.cfg",
        "caddy" => "written-caddy.json",
        "traefik" => "written-traefik.yml",
        _ => "written-nginx.conf",
    }
}

/// The proxy with this file as it is printed but for the places of files and, with Caddy and Traefik, where
/// certificates come from. What was edited in it must be there.
///
/// # Errors
/// When a text that was to be edited is not in the file, or the proxy is not here.
pub fn service(program: &str, edits: &[(&str, &str)], folder: &Path) -> Fallible<Service> {
    let text = run(Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["proxy-config", "--for", program])
        .args(DEPLOYMENT)
        .arg(format!("--node=openvidu={}", NODE[0])))?;
    let here = folder.display().to_string();
    let (certificate, key) = (format!("{here}/both.pem"), format!("{here}/both.pem.key"));
    let file = file_for(program);
    let path = in_folder(folder, file);
    let mut text = match program {
        "caddy" => {
            let files =
                format!(r#""load_files": [{{"certificate": "{certificate}", "key": "{key}"}}]"#);
            replaced(&text, CADDY_AUTOMATES, &files)?
        }
        "traefik" => {
            let files = format!(
                "\ntls:\n  certificates:\n    - certFile: {certificate}\n      keyFile: {key}\n"
            );
            let text = replaced(&text, TRAEFIK_RESOLVES, &files)?;
            let text = replaced(&text, TRAEFIK_USES_RESOLVER, "tls: {}")?;
            // Which routers it has, it says only then.
            replaced(&text, "filename: /etc/traefik/traefik.yml", &format!("filename: {path}"))?
                + "log:\n  level: DEBUG\n"
        }
        "haproxy" => replaced(&text, "/etc/haproxy/certs/openvidu.pem", &certificate)?,
        _ => {
            let live = "/etc/letsencrypt/live/openvidu.example.io";
            let text = replaced(&text, &format!("{live}/fullchain.pem"), &certificate)?;
            replaced(&text, &format!("{live}/privkey.pem"), &key)?
                .replace("/run/nginx", &format!("{here}/written-nginx"))
        }
    };
    for (old, new) in edits {
        text = replaced(&text, old, new)?;
    }
    // One process, as all services of the laboratory: workers would outlive their master.
    let switches = format!("daemon off; master_process off; error_log {here}/nginx.log notice;");
    let with_data = |words: &[&str]| -> Fallible<(&str, Vec<String>)> {
        let data = [format!("XDG_DATA_HOME={here}"), format!("XDG_CONFIG_HOME={here}")];
        let program = packaged_nowhere(program)?.display().to_string();
        Ok(("env", [&data[..], &[program], &super::services::words(words)].concat()))
    };
    let (runs, arguments) = match program {
        "haproxy" => return Ok(haproxy(Place::Proxy, folder, (file, text))),
        "caddy" => with_data(&["run", "--config", &path])?,
        "traefik" => with_data(&["--configFile", &path])?,
        _ => ("nginx", words(&["-c", &path, "-g", &switches])),
    };
    let name = if runs == "nginx" { runs } else { program };
    Ok(Service {
        name: name.to_owned(),
        place: Place::Proxy,
        program: runs.to_owned(),
        arguments,
        files: vec![(file.to_owned(), text)],
        listens: Vec::new(),
    })
}

fn replaced(text: &str, old: &str, new: &str) -> Fallible<String> {
    if text.contains(old) {
        return Ok(text.replace(old, new));
    }
    Err(format!("`ovcheck proxy-config` does not write {old:?}, but:\n{text}"))
}

/// `ovcheck lint` finds nothing in a file that nobody edited: everything in it passes, or does not apply.
///
/// # Errors
/// When it says something else.
pub fn lints_clean(lab: &Lab, situation: &Situation) -> Fallible<()> {
    let world = situation.world();
    let Front::Written(program) = world.proxy.front else { return Ok(()) };
    if !(world.proxy.edits.is_empty() && world.edited_later.is_empty()) {
        return Ok(());
    }
    let config = deployment::write(&lab.network, situation.policy, situation.topology)?;
    let file = in_folder(&lab.network.folder, file_for(program));
    let mut ovcheck = lab.network.at(Place::Proxy, &lab.ovcheck.display().to_string())?;
    ovcheck.args(["lint", "proxy", &file, "--config", &config, "--format", "json"]);
    let output = output(&mut ovcheck)?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("ovcheck lint: {e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    let findings = report["findings"].as_array().ok_or("no list of findings")?;
    let count = |verdict: &str| findings.iter().filter(|it| it["verdict"] == verdict).count();
    let open: Vec<&Value> = findings
        .iter()
        .filter(|it| it["verdict"] == "fail" || it["verdict"] == "inconclusive")
        .collect();
    if output.status.code() == Some(0) && count("fail") == 0 && count("pass") >= 15 {
        return Ok(());
    }
    Err(format!("ovcheck lint of {file}: {}, {} pass, {open:#?}", output.status, count("pass")))
}
